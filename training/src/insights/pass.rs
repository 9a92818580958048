//! The one pass over the log: every customer's orders are looked at once, and everything the tables need is counted.

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;

use super::periods::Periods;
use crate::categories::Categories;
use crate::log::Past;

/// Stretches of customers that are counted by themselves and added up in order, so that sums do not depend on the threads.
const STRETCHES: usize = 16;
/// The how-manieth purchase days that gaps are told apart by.
pub(super) const PURCHASES: usize = 10;
/// Days of each of the windows that growth is seen between, and days back to the same weekdays a year ago.
pub(super) const GROWTH_DAYS: Day = 28;
pub(super) const YEAR_DAYS: Day = 364;
/// The most categories whose customers are compared.
pub(super) const CROSSED: usize = 64;
/// Categories that nobody looks at.
const NONE: u32 = u32::MAX;

/// What the pass looks at.
pub(super) struct Shop<'a> {
    pub(super) past: &'a Past<'a>,
    pub(super) categories: &'a Categories,
    pub(super) periods: [Periods; 4],
    /// The first day looked at; what was bought before only says that somebody is not new.
    pub(super) first: Day,
    /// Group 0 is everybody; those of each customer stand after it.
    pub(super) groups: usize,
    pub(super) groups_of: Vec<[Option<u16>; 2]>,
    /// Hour of the shop's clock for each order.
    pub(super) hours: Vec<u8>,
    /// Days within which somebody comes back.
    pub(super) horizon: Day,
}

impl Shop<'_> {
    /// All groups of a customer.
    pub(super) fn groups_of(&self, customer: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let [a, b] = self.groups_of[customer];
        [Some(0), a, b].into_iter().flatten().map(usize::from)
    }
}

/// Customers of one period and group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    pub(super) new: u64,
    pub(super) returning: u64,
    pub(super) reactivated: u64,
    pub(super) lost: u64,
    pub(super) repurchased: u64,
    pub(super) orders: u64,
    pub(super) units: f64,
    pub(super) revenue_new: f64,
    pub(super) revenue_returning: f64,
    pub(super) revenue_reactivated: f64,
    pub(super) revenue_lost: f64,
}

impl Flow {
    pub(super) fn customers(&self) -> u64 {
        self.new + self.returning + self.reactivated
    }

    pub(super) fn revenue(&self) -> f64 {
        self.revenue_new + self.revenue_returning + self.revenue_reactivated
    }
}

/// A group of customers or orders with its money.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) customers: u64,
    pub(super) orders: u64,
    pub(super) units: f64,
    pub(super) revenue: f64,
}

/// An item or category in the windows that growth is seen between.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Windows {
    /// Revenue now, before, and a year ago.
    pub(super) revenue: [f64; 3],
    pub(super) now: u64,
    pub(super) before: u64,
    pub(super) both: u64,
}

/// An item or category in first orders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) starters: u64,
    pub(super) came_back: u64,
    /// Orders of any customer that hold it.
    pub(super) orders: u64,
}

/// Everything that was counted.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// For each length of period, by period and group.
    pub(super) flows: [Vec<Flow>; 4],
    /// For months, quarters and years, by period of the first order, period and group.
    pub(super) cohorts: [Vec<Cell>; 3],
    /// Gaps by group, how-manieth purchase day (0 = all) and days.
    pub(super) gaps: Vec<u64>,
    /// Customers with at least so many purchase days, by group; 0 is unused.
    pub(super) reached: Vec<[u64; PURCHASES + 2]>,
    /// By group, weekday and hour; then by weekday, then by hour.
    pub(super) hours: Vec<[Cell; 7 * 24 + 7 + 24]>,
    /// By group, and step of [`SIZES`].
    pub(super) sizes: Vec<[Cell; SIZES.len()]>,
    /// By group, and step of [`STEPS`]: orders by value, lines by price.
    pub(super) values: Vec<[Cell; STEPS]>,
    pub(super) prices: Vec<[Cell; STEPS]>,
    /// By item, then by category.
    pub(super) windows: Vec<Windows>,
    pub(super) entries: Vec<Entry>,
    /// Customers who started at least a horizon ago, and those of them who came back.
    pub(super) started: [u64; 2],
    /// Orders of which something was kept.
    pub(super) kept_orders: u64,
    /// For each order what was kept: different items and money; no items where all came back or it is before the first day.
    pub(super) orders: Vec<(u32, f64)>,
    /// For each customer which of the compared categories they bought in.
    pub(super) crossed: Vec<u64>,
}

/// Different items of an order at which a step begins.
pub(super) const SIZES: [u32; 11] = [1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 51];
/// Steps of money: nothing, then 1, 2 and 5 times every power of ten from a hundredth on.
pub(super) const STEPS: usize = 38;

/// Where a step of money begins.
pub(super) fn step_start(step: usize) -> f64 {
    match step.checked_sub(1) {
        None => 0.0,
        Some(at) => [1.0, 2.0, 5.0][at % 3] * 10_f64.powi((at / 3) as i32) / 100.0,
    }
}

/// The step of money that holds so much, to the hundredth of a cent.
fn step_of(starts: &[f64], money: f64) -> usize {
    starts.partition_point(|&start| start <= money + 1e-9).max(1) - 1
}

/// Position of a cohort's cell.
pub(super) fn cohort_at(periods: usize, groups: usize, first: usize, period: usize, group: usize) -> usize {
    (first * periods + period) * groups + group
}

/// Lengths of period in which cohorts are followed, as positions in the periods.
pub(super) const COHORT_PERIODS: [usize; 3] = [0, 2, 3];

impl Counts {
    fn new(shop: &Shop<'_>) -> Self {
        let (groups, nodes) = (shop.groups, shop.past.log().items() + shop.categories.names.len());
        Self {
            flows: std::array::from_fn(|at| vec![Flow::default(); shop.periods[at].len() * groups]),
            cohorts: std::array::from_fn(|at| vec![Cell::default(); shop.periods[COHORT_PERIODS[at]].len().pow(2) * groups]),
            gaps: vec![0; groups * (PURCHASES + 1) * shop.span()],
            reached: vec![[0; PURCHASES + 2]; groups],
            hours: vec![[Cell::default(); 7 * 24 + 7 + 24]; groups],
            sizes: vec![[Cell::default(); SIZES.len()]; groups],
            values: vec![[Cell::default(); STEPS]; groups],
            prices: vec![[Cell::default(); STEPS]; groups],
            windows: vec![Windows::default(); nodes],
            entries: vec![Entry::default(); nodes],
            started: [0; 2],
            kept_orders: 0,
            orders: Vec::new(),
            crossed: Vec::new(),
        }
    }

    /// Counts everything.
    pub(super) fn of(shop: &Shop<'_>, crossed: &[u32]) -> Self {
        let customers = shop.past.log().customers();
        let mut bit_of = vec![NONE; shop.categories.names.len()];
        crossed.iter().enumerate().for_each(|(bit, &category)| bit_of[category as usize] = bit as u32);
        let starts: Vec<f64> = (0..STEPS).map(step_start).collect();
        let stretch = customers.div_ceil(STRETCHES).max(1);
        let stretches: Vec<usize> = (0..customers).step_by(stretch).collect();
        // two at a time in memory for each thread: the sums are kept small by adding them up on the way
        let mut all = Self::new(shop);
        for together in stretches.chunks(rayon::current_num_threads().max(1)) {
            let counted: Vec<Self> = together
                .par_iter()
                .with_max_len(1)
                .map(|&start| {
                    let mut pass = Pass::new(shop, &bit_of, &starts);
                    (start..(start + stretch).min(customers)).for_each(|customer| pass.customer(customer));
                    pass.counts
                })
                .collect();
            counted.into_iter().for_each(|more| all.add(more));
        }
        all
    }

    fn add(&mut self, more: Self) {
        fn each<T: Copy>(sums: &mut [T], more: &[T], add: impl Fn(&mut T, T)) {
            sums.iter_mut().zip(more).for_each(|(sum, &more)| add(sum, more));
        }
        fn cell(sum: &mut Cell, more: Cell) {
            sum.customers += more.customers;
            sum.orders += more.orders;
            sum.units += more.units;
            sum.revenue += more.revenue;
        }
        for (sums, more) in self.flows.iter_mut().zip(&more.flows) {
            each(sums, more, |sum, more| {
                sum.new += more.new;
                sum.returning += more.returning;
                sum.reactivated += more.reactivated;
                sum.lost += more.lost;
                sum.repurchased += more.repurchased;
                sum.orders += more.orders;
                sum.units += more.units;
                sum.revenue_new += more.revenue_new;
                sum.revenue_returning += more.revenue_returning;
                sum.revenue_reactivated += more.revenue_reactivated;
                sum.revenue_lost += more.revenue_lost;
            });
        }
        self.cohorts.iter_mut().zip(&more.cohorts).for_each(|(sums, more)| each(sums, more, cell));
        each(&mut self.gaps, &more.gaps, |sum, more| *sum += more);
        each(&mut self.reached, &more.reached, |sum, more| each(sum, &more, |sum, more| *sum += more));
        each(&mut self.hours, &more.hours, |sum, more| each(sum, &more, cell));
        each(&mut self.sizes, &more.sizes, |sum, more| each(sum, &more, cell));
        each(&mut self.values, &more.values, |sum, more| each(sum, &more, cell));
        each(&mut self.prices, &more.prices, |sum, more| each(sum, &more, cell));
        each(&mut self.windows, &more.windows, |sum, more| {
            each(&mut sum.revenue, &more.revenue, |sum, more| *sum += more);
            sum.now += more.now;
            sum.before += more.before;
            sum.both += more.both;
        });
        each(&mut self.entries, &more.entries, |sum, more| {
            sum.starters += more.starters;
            sum.came_back += more.came_back;
            sum.orders += more.orders;
        });
        each(&mut self.started, &more.started, |sum, more| *sum += more);
        self.kept_orders += more.kept_orders;
        self.orders.extend(more.orders);
        self.crossed.extend(more.crossed);
    }
}

impl Shop<'_> {
    /// Days of the longest gap, and one.
    pub(super) fn span(&self) -> usize {
        (self.past.day - self.first).max(1) as usize
    }
}

/// One stretch of customers.
struct Pass<'a> {
    shop: &'a Shop<'a>,
    counts: Counts,
    /// Which bit of a customer's mask each category is.
    bit_of: &'a [u32],
    starts: &'a [f64],
    /// Nodes of the order looked at, and which windows the customer bought each node in.
    nodes: Vec<u32>,
    bought: Vec<(u32, u8)>,
}

/// What was kept of an order.
#[derive(Clone, Copy)]
struct Kept {
    day: Day,
    units: f64,
    revenue: f64,
}

impl<'a> Pass<'a> {
    fn new(shop: &'a Shop<'a>, bit_of: &'a [u32], starts: &'a [f64]) -> Self {
        Self { shop, counts: Counts::new(shop), bit_of, starts, nodes: Vec::new(), bought: Vec::new() }
    }

    fn customer(&mut self, customer: usize) {
        let shop = self.shop;
        let all = shop.past.log().orders_of(customer);
        let mut kept: Vec<Kept> = Vec::with_capacity(all.len());
        let (mut bought_before, mut crossed) = (false, 0_u64);
        let (mut hours, mut weekdays, mut hours_of_day) = ([0_u64; 3], 0_u32, 0_u32);
        let (mut sizes, mut values, mut prices) = (0_u32, 0_u64, 0_u64);
        self.bought.clear();
        for order in all {
            let day = shop.past.log().order_day[order];
            if day < shop.first {
                bought_before = true;
                self.counts.orders.push((0, 0.0));
                continue;
            }
            let is_first = kept.is_empty() && !bought_before;
            let (items, units, revenue) = self.lines(customer, order, day, is_first, &mut crossed, &mut prices);
            kept.push(Kept { day, units, revenue });
            self.counts.orders.push((items, revenue));
            let (weekday, hour) = ((day + 3).rem_euclid(7) as usize, usize::from(shop.hours[order]));
            let both = weekday * 24 + hour;
            let first_then = [hours[both / 64] >> (both % 64) & 1, u64::from(weekdays >> weekday & 1), u64::from(hours_of_day >> hour & 1)];
            hours[both / 64] |= 1 << (both % 64);
            weekdays |= 1 << weekday;
            hours_of_day |= 1 << hour;
            for group in shop.groups_of(customer) {
                for (at, seen) in [both, 7 * 24 + weekday, 7 * 24 + 7 + hour].into_iter().zip(first_then) {
                    add(&mut self.counts.hours[group][at], 1 - seen, units, revenue);
                }
            }
            if items > 0 {
                self.counts.kept_orders += 1;
                let size = SIZES.partition_point(|&least| least <= items) - 1;
                let value = step_of(self.starts, revenue);
                for group in shop.groups_of(customer) {
                    add(&mut self.counts.sizes[group][size], u64::from(sizes >> size & 1 == 0), units, revenue);
                    add(&mut self.counts.values[group][value], u64::from(values >> value & 1 == 0), units, revenue);
                }
                sizes |= 1 << size;
                values |= 1 << value;
            }
        }
        for step in (0..STEPS).filter(|step| prices >> step & 1 == 1) {
            shop.groups_of(customer).for_each(|group| self.counts.prices[group][step].customers += 1);
        }
        self.counts.crossed.push(crossed);
        self.growth();
        if kept.is_empty() {
            return;
        }
        self.gaps(customer, &kept);
        for length in 0..shop.periods.len() {
            self.flow(customer, length, &kept, bought_before);
        }
        if !bought_before {
            (0..COHORT_PERIODS.len()).for_each(|at| self.cohort(customer, at, &kept));
        }
    }

    /// Looks at the lines of an order: different items, units and money kept.
    fn lines(&mut self, customer: usize, order: usize, day: Day, is_first: bool, crossed: &mut u64, prices: &mut u64) -> (u32, f64, f64) {
        let shop = self.shop;
        let items_in_all = shop.past.log().items() as u32;
        let end = shop.past.day;
        let window = match end - day {
            1..=GROWTH_DAYS => Some(0),
            ago if ago > GROWTH_DAYS && ago <= 2 * GROWTH_DAYS => Some(1),
            ago if ago > YEAR_DAYS && ago <= YEAR_DAYS + GROWTH_DAYS => Some(2),
            _ => None,
        };
        let (mut items, mut units, mut revenue) = (0, 0.0, 0.0);
        self.nodes.clear();
        for line in shop.past.lines_of(order) {
            revenue += line.amount;
            if line.quantity <= 0.0 {
                continue;
            }
            let quantity = f64::from(line.quantity);
            items += 1;
            units += quantity;
            let step = step_of(self.starts, line.amount / quantity);
            *prices |= 1 << step;
            for group in shop.groups_of(customer) {
                add(&mut self.counts.prices[group][step], 0, quantity, line.amount);
            }
            if let Some(first) = shop.categories.first_of(line.item) {
                let bit = self.bit_of[first as usize];
                *crossed |= if bit == NONE { 0 } else { 1 << bit };
            }
            self.nodes.push(line.item);
            let mut of_category = |category: u32| {
                let node = items_in_all + category;
                if let Some(window) = window {
                    self.counts.windows[node as usize].revenue[window] += line.amount;
                }
                self.nodes.push(node);
            };
            shop.categories.of_item(line.item).for_each(&mut of_category);
            if let Some(window) = window {
                self.counts.windows[line.item as usize].revenue[window] += line.amount;
            }
        }
        // an order holds a category once, whatever its items of it
        self.nodes.sort_unstable();
        self.nodes.dedup();
        let comes_back = || {
            let until = day + shop.horizon;
            let later = shop.past.orders_of(customer).map(|order| shop.past.log().order_day[order]).find(|&later| later > day);
            later.is_some_and(|later| later <= until)
        };
        let starts = (is_first && items > 0 && day + shop.horizon < end).then(comes_back);
        if let Some(came_back) = starts {
            self.counts.started[0] += 1;
            self.counts.started[1] += u64::from(came_back);
        }
        for &node in &self.nodes {
            let entry = &mut self.counts.entries[node as usize];
            entry.orders += 1;
            if let Some(came_back) = starts {
                entry.starters += 1;
                entry.came_back += u64::from(came_back);
            }
            if let Some(window @ (0 | 1)) = window {
                self.bought.push((node, 1 << window));
            }
        }
        (items, units, revenue)
    }

    /// Counts the customer as a buyer of each node in the windows.
    fn growth(&mut self) {
        self.bought.sort_unstable();
        for same in self.bought.chunk_by(|a, b| a.0 == b.0) {
            let windows = same.iter().fold(0, |all, (_, window)| all | window);
            let counts = &mut self.counts.windows[same[0].0 as usize];
            counts.now += u64::from(windows & 1);
            counts.before += u64::from(windows >> 1);
            counts.both += u64::from(windows == 3);
        }
    }

    fn gaps(&mut self, customer: usize, kept: &[Kept]) {
        let span = self.shop.span();
        let mut days: Vec<Day> = kept.iter().map(|kept| kept.day).collect();
        days.dedup();
        for group in self.shop.groups_of(customer) {
            (1..=days.len().min(PURCHASES + 1)).for_each(|purchases| self.counts.reached[group][purchases] += 1);
            for (at, ends) in days.windows(2).enumerate() {
                let gap = (ends[1] - ends[0]) as usize;
                for purchase in [0, at + 1].into_iter().filter(|&purchase| purchase <= PURCHASES) {
                    self.counts.gaps[(group * (PURCHASES + 1) + purchase) * span + gap] += 1;
                }
            }
        }
    }

    fn flow(&mut self, customer: usize, length: usize, kept: &[Kept], mut bought_before: bool) {
        let shop = self.shop;
        let periods = &shop.periods[length];
        let mut last: Option<usize> = None;
        let mut left = kept;
        while let Some(first) = left.first() {
            let period = periods.of(first.day);
            let end = left.iter().position(|kept| periods.of(kept.day) != period).unwrap_or(left.len());
            let (these, later) = left.split_at(end);
            left = later;
            let revenue: f64 = these.iter().map(|kept| kept.revenue).sum();
            let units: f64 = these.iter().map(|kept| kept.units).sum();
            let repurchased = u64::from(these[0].day != these[these.len() - 1].day);
            let stays = left.first().is_some_and(|kept| periods.of(kept.day) == period + 1);
            for group in shop.groups_of(customer) {
                let flows = &mut self.counts.flows[length];
                let flow = &mut flows[period * shop.groups + group];
                flow.orders += these.len() as u64;
                flow.units += units;
                flow.repurchased += repurchased;
                if !bought_before {
                    flow.new += 1;
                    flow.revenue_new += revenue;
                } else if last.is_some_and(|last| last + 1 == period) {
                    flow.returning += 1;
                    flow.revenue_returning += revenue;
                } else {
                    flow.reactivated += 1;
                    flow.revenue_reactivated += revenue;
                }
                if !stays && period + 1 < periods.len() {
                    let next = &mut flows[(period + 1) * shop.groups + group];
                    next.lost += 1;
                    next.revenue_lost += revenue;
                }
            }
            last = Some(period);
            bought_before = true;
        }
    }

    fn cohort(&mut self, customer: usize, at: usize, kept: &[Kept]) {
        let shop = self.shop;
        let periods = &shop.periods[COHORT_PERIODS[at]];
        let first = periods.of(kept[0].day);
        let mut last = None;
        for kept in kept {
            let period = periods.of(kept.day);
            for group in shop.groups_of(customer) {
                let cell = &mut self.counts.cohorts[at][cohort_at(periods.len(), shop.groups, first, period, group)];
                add(cell, u64::from(last != Some(period)), kept.units, kept.revenue);
            }
            last = Some(period);
        }
    }
}

fn add(cell: &mut Cell, customers: u64, units: f64, revenue: f64) {
    cell.customers += customers;
    cell.orders += 1;
    cell.units += units;
    cell.revenue += revenue;
}

/// The first steps of category paths with the most customers, at most [`CROSSED`]; ties by name.
pub(super) fn most_shopped(past: &Past<'_>, categories: &Categories) -> Vec<u32> {
    let count = categories.names.len();
    let customers: Vec<usize> = (0..past.log().customers()).collect();
    let counted = customers
        .par_chunks(customers.len().div_ceil(STRETCHES).max(1))
        .map(|stretch| {
            let (mut counts, mut seen_by) = (vec![0_u64; count], vec![usize::MAX; count]);
            for &customer in stretch {
                for line in past.orders_of(customer).flat_map(|order| past.lines_of(order)).filter(|line| line.quantity > 0.0) {
                    let Some(first) = categories.first_of(line.item) else { continue };
                    if std::mem::replace(&mut seen_by[first as usize], customer) != customer {
                        counts[first as usize] += 1;
                    }
                }
            }
            counts
        })
        .reduce(
            || vec![0; count],
            |mut sums, more| {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                sums
            },
        );
    let mut firsts: Vec<u32> = (0..count as u32).filter(|&category| counted[category as usize] > 0).collect();
    firsts.sort_unstable_by_key(|&category| (std::cmp::Reverse(counted[category as usize]), category));
    firsts.truncate(CROSSED);
    firsts
}
