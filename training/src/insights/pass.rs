//! The one pass over the log: every customer's orders are looked at once, and everything the tables need is counted.

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;

use super::periods::Periods;
use crate::categories::Categories;
use crate::log::{Past, PurchaseLog, Return};

/// Stretches of customers that are counted by themselves and added up in order, so that sums do not depend on the threads.
const STRETCHES: usize = 16;
/// The how-manieth purchase days that gaps are told apart by.
pub(super) const PURCHASES: usize = 10;
/// Days of each of the windows that growth is seen between, and days back to the same weekdays a year ago.
pub(super) const GROWTH_DAYS: Day = 28;
pub(super) const YEAR_DAYS: Day = 364;
/// The most categories whose customers are compared.
pub(super) const CROSSED: usize = 64;
/// The most channels that are told apart.
const CHANNELS: usize = 12;
/// The how-manieth orders that staying is told apart by; the last one stands for all later ones.
pub(super) const NTH: usize = 11;
/// Shares of orders with money off: never, up to a quarter, up to half, up to three quarters, more, always.
pub(super) const DEPENDENCE: usize = 6;
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
    /// The channels that are told apart.
    pub(super) channels: Channels,
    /// Which series of weekly sales each node belongs to; the first series is that of everything.
    pub(super) series_of: Vec<u32>,
    /// How many series.
    pub(super) series: usize,
    /// How many weeks, counted back from the end, they have.
    pub(super) weeks: usize,
}

/// The channels that are told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    /// Their names: `unknown` first, `other` last if there is one; empty where no order says its channel.
    pub(super) names: Vec<String>,
    /// The name of each channel of the log.
    of: Vec<u8>,
}

impl Channels {
    /// Those with the most orders.
    pub(super) fn new(log: &PurchaseLog) -> Self {
        if log.channels.is_empty() {
            return Self::default();
        }
        let mut orders = vec![0_u64; log.channels.len()];
        log.order_channel.iter().filter(|&&channel| channel != u16::MAX).for_each(|&channel| orders[usize::from(channel)] += 1);
        let mut most: Vec<usize> = (0..orders.len()).collect();
        most.sort_by_key(|&channel| (std::cmp::Reverse(orders[channel]), channel));
        let mut shown = most[..most.len().min(CHANNELS)].to_vec();
        shown.sort_unstable();
        let of = |channel: usize| shown.binary_search(&channel).map_or(shown.len() + 1, |at| at + 1) as u8;
        let of = (0..orders.len()).map(of).collect();
        let names = shown.iter().map(|&channel| log.channels[channel].as_str());
        let other = (most.len() > CHANNELS).then_some("other");
        Self { names: std::iter::once("unknown").chain(names).chain(other).map(str::to_owned).collect(), of }
    }

    fn of(&self, channel: u16) -> usize {
        self.of.get(usize::from(channel)).map_or(0, |&name| name.into())
    }
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
    /// Money paid back for what was bought before the data begins.
    pub(super) refunds: f64,
    /// Customers who got it.
    pub(super) refunded: u64,
}

impl Flow {
    pub(super) fn customers(&self) -> u64 {
        self.new + self.returning + self.reactivated
    }

    pub(super) fn revenue(&self) -> f64 {
        self.revenue_new + self.revenue_returning + self.revenue_reactivated - self.refunds
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

/// Who stays after an item or category.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keeper {
    /// Customers, by the how-manieth order they first bought it in.
    pub(super) customers: [u32; NTH],
    pub(super) again: u64,
    pub(super) stayed: u64,
}

/// Customers with their orders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Worth {
    pub(super) customers: u64,
    pub(super) orders: u64,
    pub(super) revenue: f64,
    /// Money off the price.
    pub(super) discount: f64,
    /// Customers with a second purchase day.
    pub(super) came_back: u64,
}

impl Worth {
    fn add(&mut self, more: Self) {
        self.customers += more.customers;
        self.orders += more.orders;
        self.revenue += more.revenue;
        self.discount += more.discount;
        self.came_back += more.came_back;
    }
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
    /// For each node.
    pub(super) keepers: Vec<Keeper>,
    /// By the how-manieth order: orders at least a horizon old, and those of them with another order within it.
    pub(super) followed: [[u64; 2]; NTH],
    /// Days that each wait after a first or a later purchase has been open for, by group.
    pub(super) open: Vec<u64>,
    /// By group and share of orders with money off.
    pub(super) dependence: Vec<[Worth; DEPENDENCE]>,
    /// By length of period: period, group and channel.
    pub(super) channels: [Vec<Cell>; 4],
    /// By length of period: period, group, main channel of the period before and of this one.
    pub(super) moves: [Vec<u64>; 4],
    /// By group: no channel said, one of each name, then two, three and more.
    pub(super) channel_worth: Vec<Worth>,
    /// Money and units of each week of each series.
    pub(super) weekly: Vec<[f64; 2]>,
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
            keepers: vec![Keeper::default(); nodes],
            followed: [[0; 2]; NTH],
            open: vec![0; groups * 2 * (shop.span() + 1)],
            dependence: vec![[Worth::default(); DEPENDENCE]; groups],
            channels: std::array::from_fn(|at| vec![Cell::default(); shop.periods[at].len() * groups * shop.channels.names.len()]),
            moves: std::array::from_fn(|at| vec![0; shop.periods[at].len() * groups * shop.channels.names.len().pow(2)]),
            channel_worth: vec![Worth::default(); groups * shop.channel_steps()],
            weekly: vec![[0.0; 2]; shop.series * shop.weeks],
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
                sum.refunds += more.refunds;
                sum.refunded += more.refunded;
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
        each(&mut self.keepers, &more.keepers, |sum, more| {
            each(&mut sum.customers, &more.customers, |sum, more| *sum += more);
            sum.again += more.again;
            sum.stayed += more.stayed;
        });
        each(&mut self.followed, &more.followed, |sum, more| each(sum, &more, |sum, more| *sum += more));
        each(&mut self.open, &more.open, |sum, more| *sum += more);
        each(&mut self.dependence, &more.dependence, |sum, more| each(sum, &more, Worth::add));
        self.channels.iter_mut().zip(&more.channels).for_each(|(sums, more)| each(sums, more, cell));
        self.moves.iter_mut().zip(&more.moves).for_each(|(sums, more)| each(sums, more, |sum, more| *sum += more));
        each(&mut self.channel_worth, &more.channel_worth, Worth::add);
        each(&mut self.weekly, &more.weekly, |sum, more| each(sum, &more, |sum, more| *sum += more));
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

    /// Kinds of customers by channels used: none, one of each name, two, three, more.
    pub(super) fn channel_steps(&self) -> usize {
        if self.channels.names.is_empty() { 0 } else { self.channels.names.len() + 4 }
    }

    /// The week of the series that a day is in.
    fn week_of(&self, day: Day) -> Option<usize> {
        self.weeks.checked_sub(1 + (self.past.day - 1 - day).max(0) as usize / 7)
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
    /// Every node of every order of the customer, with the order's position among those kept.
    held: Vec<(u32, u32)>,
}

/// What was kept of an order.
#[derive(Clone, Copy)]
struct Kept {
    day: Day,
    units: f64,
    revenue: f64,
    discount: f64,
    channel: usize,
}

impl<'a> Pass<'a> {
    fn new(shop: &'a Shop<'a>, bit_of: &'a [u32], starts: &'a [f64]) -> Self {
        Self { shop, counts: Counts::new(shop), bit_of, starts, nodes: Vec::new(), bought: Vec::new(), held: Vec::new() }
    }

    fn customer(&mut self, customer: usize) {
        let shop = self.shop;
        let all = shop.past.log().orders_of(customer);
        let mut kept: Vec<Kept> = Vec::with_capacity(all.len());
        let (mut bought_before, mut crossed) = (false, 0_u64);
        let (mut hours, mut weekdays, mut hours_of_day) = ([0_u64; 3], 0_u32, 0_u32);
        let (mut sizes, mut values, mut prices) = (0_u32, 0_u64, 0_u64);
        self.bought.clear();
        self.held.clear();
        for order in all {
            let day = shop.past.log().order_day[order];
            if day < shop.first {
                bought_before = true;
                self.counts.orders.push((0, 0.0));
                continue;
            }
            let is_first = kept.is_empty() && !bought_before;
            let (items, units, revenue) = self.lines(customer, order, day, is_first, &mut crossed, &mut prices);
            self.held.extend(self.nodes.iter().map(|&node| (node, kept.len() as u32)));
            let log = shop.past.log();
            let discount = log.order_discount.get(order).copied().unwrap_or(0.0);
            kept.push(Kept { day, units, revenue, discount, channel: shop.channels.of(log.order_channel[order]) });
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
        let refunds: Vec<(Day, f64)> = shop.past.unmatched_returns_of(customer).map(|(back, amount)| self.refund(back, amount)).collect();
        let refunds: Vec<(Day, f64)> = refunds.into_iter().filter(|&(day, _)| day >= shop.first).collect();
        for (length, periods) in shop.periods.iter().enumerate() {
            let mut last = None;
            for &(day, amount) in &refunds {
                let period = periods.of(day);
                for group in shop.groups_of(customer) {
                    let flow = &mut self.counts.flows[length][period * shop.groups + group];
                    flow.refunds += amount;
                    flow.refunded += u64::from(last != Some(period));
                }
                last = Some(period);
            }
        }
        if kept.is_empty() {
            return;
        }
        self.gaps(customer, &kept);
        self.keepers(&kept, bought_before);
        self.discounts(customer, &kept);
        if !shop.channels.names.is_empty() {
            self.channel_worth(customer, &kept);
        }
        for length in 0..shop.periods.len() {
            self.flow(customer, length, &kept, bought_before);
        }
        if !bought_before {
            (0..COHORT_PERIODS.len()).for_each(|at| self.cohort(customer, at, &kept, &refunds));
        }
    }

    /// Takes money paid back for no line seen off its item and categories; returns its day, and how much.
    fn refund(&mut self, back: &Return, amount: f64) -> (Day, f64) {
        self.sold(back.day, back.item, -amount, 0.0);
        if let Some(window) = window_of(self.shop.past.day, back.day) {
            let items = self.shop.past.log().items() as u32;
            let nodes = self.shop.categories.of_item(back.item).map(|category| items + category).chain([back.item]);
            nodes.for_each(|node| self.counts.windows[node as usize].revenue[window] -= amount);
        }
        (back.day, amount)
    }

    /// Adds to the weekly sales.
    fn sold(&mut self, day: Day, item: u32, amount: f64, units: f64) {
        let shop = self.shop;
        let Some(week) = shop.week_of(day) else { return };
        let items = shop.past.log().items() as u32;
        let nodes = shop.categories.of_item(item).map(|category| items + category).chain([item]);
        for series in std::iter::once(0).chain(nodes.map(|node| shop.series_of[node as usize])).filter(|&series| series != NONE) {
            let sold = &mut self.counts.weekly[series as usize * shop.weeks + week];
            sold[0] += amount;
            sold[1] += units;
        }
    }

    /// Looks at the lines of an order: different items, units and money kept.
    fn lines(&mut self, customer: usize, order: usize, day: Day, is_first: bool, crossed: &mut u64, prices: &mut u64) -> (u32, f64, f64) {
        let shop = self.shop;
        let items_in_all = shop.past.log().items() as u32;
        let end = shop.past.day;
        let window = window_of(end, day);
        let (mut items, mut units, mut revenue) = (0, 0.0, 0.0);
        self.nodes.clear();
        for line in shop.past.lines_of(order) {
            revenue += line.amount;
            self.sold(day, line.item, line.amount, f64::from(line.quantity));
            if let Some(window) = window {
                let nodes = shop.categories.of_item(line.item).map(|category| items_in_all + category).chain([line.item]);
                nodes.for_each(|node| self.counts.windows[node as usize].revenue[window] += line.amount);
            }
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
            self.nodes.extend(shop.categories.of_item(line.item).map(|category| items_in_all + category));
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
        // the wait that is still open, after a first or a later purchase day
        let open = days.last().map_or(0, |&last| (self.shop.past.day - 1 - last).max(0) as usize);
        for group in self.shop.groups_of(customer) {
            self.counts.open[(group * 2 + usize::from(days.len() > 1)) * (span + 1) + open] += 1;
            (1..=days.len().min(PURCHASES + 1)).for_each(|purchases| self.counts.reached[group][purchases] += 1);
            for (at, ends) in days.windows(2).enumerate() {
                let gap = (ends[1] - ends[0]) as usize;
                for purchase in [0, at + 1].into_iter().filter(|&purchase| purchase <= PURCHASES) {
                    self.counts.gaps[(group * (PURCHASES + 1) + purchase) * span + gap] += 1;
                }
            }
        }
    }

    /// Who stays after each order, and after the first one with each node.
    fn keepers(&mut self, kept: &[Kept], bought_before: bool) {
        let (horizon, end) = (self.shop.horizon, self.shop.past.day);
        let follows = |at: usize| {
            kept[at + 1..].iter().find(|later| later.day > kept[at].day).is_some_and(|later| later.day <= kept[at].day + horizon)
        };
        let old = |at: usize| kept[at].day + horizon < end;
        // of those who were customers before the data begins it is not known how far they are
        let nth = |at: usize| if bought_before { NTH - 1 } else { at.min(NTH - 1) };
        let followed: Vec<bool> = (0..kept.len()).map(|at| old(at) && follows(at)).collect();
        for at in (0..kept.len()).filter(|&at| old(at)) {
            self.counts.followed[nth(at)][0] += 1;
            self.counts.followed[nth(at)][1] += u64::from(followed[at]);
        }
        self.held.sort_unstable();
        for same in self.held.chunk_by(|a, b| a.0 == b.0) {
            let first = same[0].1 as usize;
            if !old(first) {
                continue;
            }
            let day = kept[first].day;
            let again = same.iter().map(|(_, at)| kept[*at as usize].day).find(|&later| later > day);
            let keeper = &mut self.counts.keepers[same[0].0 as usize];
            keeper.customers[nth(first)] += 1;
            keeper.again += u64::from(again.is_some_and(|later| later <= day + horizon));
            keeper.stayed += u64::from(followed[first]);
        }
    }

    fn discounts(&mut self, customer: usize, kept: &[Kept]) {
        if self.shop.past.log().order_discount.is_empty() {
            return;
        }
        let off = kept.iter().filter(|kept| kept.discount > 0.0).count();
        let step = match (off, kept.len()) {
            (0, _) => 0,
            (off, all) if off == all => DEPENDENCE - 1,
            (off, all) => (4 * off).div_ceil(all),
        };
        let worth = worth(kept);
        self.shop.groups_of(customer).for_each(|group| self.counts.dependence[group][step].add(worth));
    }

    fn channel_worth(&mut self, customer: usize, kept: &[Kept]) {
        let (names, steps) = (self.shop.channels.names.len(), self.shop.channel_steps());
        let used = kept.iter().filter(|kept| kept.channel > 0).fold(0_u32, |used, kept| used | 1 << kept.channel);
        let step = match used.count_ones() as usize {
            0 => 0,
            1 => used.trailing_zeros() as usize,
            several => names - 2 + several.min(5),
        };
        let worth = worth(kept);
        self.shop.groups_of(customer).for_each(|group| self.counts.channel_worth[group * steps + step].add(worth));
    }

    /// Orders by channel in one period, and the move to its main channel from that of the period before.
    fn channels(&mut self, customer: usize, length: usize, period: usize, these: &[Kept], before: Option<usize>) -> usize {
        let (shop, names) = (self.shop, self.shop.channels.names.len());
        let (mut orders, mut seen) = ([0_u32; CHANNELS + 2], 0_u32);
        for kept in these {
            orders[kept.channel] += 1;
            let is_first = u64::from(seen >> kept.channel & 1 == 0);
            seen |= 1 << kept.channel;
            for group in shop.groups_of(customer) {
                add(
                    &mut self.counts.channels[length][(period * shop.groups + group) * names + kept.channel],
                    is_first,
                    kept.units,
                    kept.revenue,
                );
            }
        }
        let most = orders.iter().max().copied().unwrap_or(0);
        let main = these.iter().map(|kept| kept.channel).find(|&channel| orders[channel] == most).unwrap_or(0);
        if let Some(before) = before {
            for group in shop.groups_of(customer) {
                self.counts.moves[length][((period * shop.groups + group) * names + before) * names + main] += 1;
            }
        }
        main
    }

    fn flow(&mut self, customer: usize, length: usize, kept: &[Kept], mut bought_before: bool) {
        let shop = self.shop;
        let periods = &shop.periods[length];
        let mut last: Option<usize> = None;
        let mut main: Option<usize> = None;
        let mut left = kept;
        while let Some(first) = left.first() {
            let period = periods.of(first.day);
            let end = left.iter().position(|kept| periods.of(kept.day) != period).unwrap_or(left.len());
            let (these, later) = left.split_at(end);
            left = later;
            let revenue: f64 = these.iter().map(|kept| kept.revenue).sum();
            let units: f64 = these.iter().map(|kept| kept.units).sum();
            let repurchased = u64::from(these[0].day != these[these.len() - 1].day);
            if !shop.channels.names.is_empty() {
                let before = main.filter(|_| last.is_some_and(|last| last + 1 == period));
                main = Some(self.channels(customer, length, period, these, before));
            }
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

    fn cohort(&mut self, customer: usize, at: usize, kept: &[Kept], refunds: &[(Day, f64)]) {
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
        for &(day, amount) in refunds {
            // what comes back before the first order seen is of the cohort all the same
            let period = periods.of(day).max(first);
            for group in shop.groups_of(customer) {
                self.counts.cohorts[at][cohort_at(periods.len(), shop.groups, first, period, group)].revenue -= amount;
            }
        }
    }
}

fn worth(kept: &[Kept]) -> Worth {
    Worth {
        customers: 1,
        orders: kept.len() as u64,
        revenue: kept.iter().map(|kept| kept.revenue).sum(),
        discount: kept.iter().map(|kept| kept.discount).sum(),
        came_back: u64::from(kept[0].day != kept[kept.len() - 1].day),
    }
}

/// Which of the windows a day is in that growth is seen between.
fn window_of(end: Day, day: Day) -> Option<usize> {
    match end - day {
        1..=GROWTH_DAYS => Some(0),
        ago if ago > GROWTH_DAYS && ago <= 2 * GROWTH_DAYS => Some(1),
        ago if ago > YEAR_DAYS && ago <= YEAR_DAYS + GROWTH_DAYS => Some(2),
        _ => None,
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

/// Money that each item and category brought in the last year.
pub(super) fn revenue_of_nodes(past: &Past<'_>, categories: &Categories) -> Vec<f64> {
    let (log, items) = (past.log(), past.log().items());
    let customers: Vec<usize> = (0..log.customers()).collect();
    let stretches: Vec<Vec<f64>> = customers
        .par_chunks(customers.len().div_ceil(STRETCHES).max(1))
        .map(|stretch| {
            let mut revenue = vec![0.0; items];
            let orders =
                stretch.iter().flat_map(|&customer| past.orders_of(customer)).filter(|&order| log.order_day[order] >= past.day - YEAR_DAYS);
            orders.flat_map(|order| past.lines_of(order)).for_each(|line| revenue[line.item as usize] += line.amount);
            revenue
        })
        .collect();
    let mut nodes = vec![0.0; items + categories.names.len()];
    for stretch in stretches {
        nodes.iter_mut().zip(stretch).for_each(|(sum, more)| *sum += more);
    }
    for item in 0..items {
        categories.of_item(item as u32).for_each(|category| nodes[items + category as usize] += nodes[item]);
    }
    nodes
}
