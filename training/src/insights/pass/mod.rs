//! The one pass over the log: every customer's orders are looked at once, and everything the tables need is counted.

mod customer;

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;

use customer::Pass;

use super::periods::Periods;
use crate::categories::Categories;
use crate::log::{Past, PurchaseLog};

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
