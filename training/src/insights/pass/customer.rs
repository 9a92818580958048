//! What one customer's orders, returns and lines add to the counts.

use shopkeeper_models::calendar::Day;

use super::{
    CHANNELS, COHORT_PERIODS, Cell, Counts, DEPENDENCE, GROWTH_DAYS, NONE, NTH, PURCHASES, SIZES, STEPS, Shop, Worth, YEAR_DAYS, cohort_at,
    step_of,
};
use crate::log::Return;

/// One stretch of customers.
pub(super) struct Pass<'a> {
    shop: &'a Shop<'a>,
    pub(super) counts: Counts,
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
    pub(super) fn new(shop: &'a Shop<'a>, bit_of: &'a [u32], starts: &'a [f64]) -> Self {
        Self { shop, counts: Counts::new(shop), bit_of, starts, nodes: Vec::new(), bought: Vec::new(), held: Vec::new() }
    }

    pub(super) fn customer(&mut self, customer: usize) {
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
