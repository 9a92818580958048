//! Who stays: after which items, for how long, and who only comes when something is off.

use super::pass::{Cell, DEPENDENCE, NTH, Worth};
use super::table::{Of, Table, values};
use super::{Tables, Z, ratio, share, wilson};

/// Points of a curve after the first.
const POINTS: usize = 40;
/// Shares of orders with money off, in words.
const STEPS: [&str; DEPENDENCE] = ["never", "up to 25 %", "up to 50 %", "up to 75 %", "more than 75 %", "always"];

impl Tables<'_> {
    pub(super) fn keepers(&self, table: &mut Table<'_>) {
        let rates: [Option<f64>; NTH] = self.counts.followed.map(|[orders, followed]| share(followed, orders));
        let mut rows: Vec<_> = self.nodes().map(|(by, name, title, node)| (by, name, title, self.counts.keepers[node])).collect();
        let customers = |at: &super::pass::Keeper| at.customers.iter().map(|&count| u64::from(count)).sum::<u64>();
        rows.retain(|(.., keeper)| customers(keeper) > 0);
        rows.sort_by_key(|&(by, name, _, keeper)| (by, std::cmp::Reverse(customers(&keeper)), name));
        for (by, name, title, keeper) in rows {
            let customers = customers(&keeper);
            let expected: f64 = keeper.customers.iter().zip(rates).map(|(&count, rate)| f64::from(count) * rate.unwrap_or(0.0)).sum();
            let (stayed, expected) = (share(keeper.stayed, customers), ratio(expected, customers as f64));
            let (least, most) = wilson(keeper.stayed, customers);
            let over = stayed.zip(expected).and_then(|(stayed, expected)| ratio(stayed, expected));
            let again = share(keeper.again, customers);
            let values = values![name, title, customers, keeper.again, again, keeper.stayed, stayed, least, most, expected, over];
            table.push(Of { by, period: None, segment: None }, customers, values);
        }
    }

    pub(super) fn survival(&self, table: &mut Table<'_>) {
        let (span, purchases) = (self.shop.span(), super::PURCHASES + 1);
        for (later, by) in ["first", "later"].into_iter().enumerate() {
            for (group, &segment) in self.names.iter().enumerate() {
                let ended = |day: usize| {
                    let gaps = |purchase: usize| self.counts.gaps.get((group * purchases + purchase) * span + day).copied().unwrap_or(0);
                    if day >= span {
                        0
                    } else if later == 0 {
                        gaps(1)
                    } else {
                        gaps(0) - gaps(1)
                    }
                };
                let open = |day: usize| self.counts.open[(group * 2 + later) * (span + 1) + day];
                let customers = self.counts.reached[group][1 + later];
                let mut left: u64 = (0..=span).map(|day| ended(day) + open(day)).sum();
                let last = (0..=span).rev().find(|&day| ended(day) + open(day) > 0).unwrap_or(0).min(2 * self.shop.horizon as usize);
                if left == 0 {
                    continue;
                }
                let mut points: Vec<usize> = (0..=POINTS).map(|point| last * point / POINTS).collect();
                points.dedup();
                let (mut not_back, mut greenwood, mut day) = (1.0_f64, 0.0, 0);
                for point in points {
                    while day <= point {
                        let (back, watched) = (ended(day) as f64, left as f64);
                        if back > 0.0 {
                            not_back *= 1.0 - back / watched;
                            greenwood += back / (watched * (watched - back).max(1e-9));
                        }
                        left -= ended(day) + open(day);
                        day += 1;
                    }
                    let (least, most) = log_log(not_back, greenwood);
                    let values = values![point as u64, left, not_back.clamp(0.0, 1.0), least, most];
                    table.push(Of { by, period: None, segment }, customers, values);
                }
            }
        }
    }

    pub(super) fn discounts(&self, table: &mut Table<'_>) {
        if self.shop.past.log().order_discount.is_empty() {
            return;
        }
        for (steps, &segment) in self.counts.dependence.iter().zip(self.names) {
            let all: u64 = steps.iter().map(|worth| worth.customers).sum();
            let mut rows = Vec::new();
            for (at, &Worth { customers, orders, revenue, discount, .. }) in steps.iter().enumerate() {
                let rate = ratio(discount, revenue + discount).map(|rate| rate.clamp(0.0, 1.0));
                let each = ratio(revenue, customers as f64);
                let values = values![at as u64, STEPS[at], customers, share(customers, all), orders, revenue, discount, rate, each];
                rows.push(table.push(Of { by: "dependence", period: None, segment }, customers, values));
            }
            table.adds_up(None, rows);
        }
    }

    pub(super) fn channels(&self, table: &mut Table<'_>) {
        let names = &self.shop.channels.names;
        for (periods, cells) in self.shop.periods.iter().zip(&self.counts.channels) {
            for (group, &segment) in self.names.iter().enumerate() {
                for (period, &start) in periods.starts.iter().enumerate() {
                    let at = (period * self.names.len() + group) * names.len();
                    let cells = &cells[at..at + names.len()];
                    let (orders, revenue): (u64, f64) =
                        cells.iter().fold((0, 0.0), |sum, cell| (sum.0 + cell.orders, sum.1 + cell.revenue));
                    let mut rows = Vec::new();
                    for (&Cell { customers, orders: own, revenue: brought, .. }, name) in cells.iter().zip(names) {
                        if own > 0 {
                            let shares = (share(own, orders), ratio(brought, revenue));
                            let value = ratio(brought, own as f64);
                            let values = values![name.as_str(), customers, own, shares.0, brought, shares.1, value];
                            rows.push(table.push(Of { by: periods.name, period: Some(start), segment }, customers, values));
                        }
                    }
                    table.adds_up(None, rows);
                }
            }
        }
    }

    pub(super) fn channel_moves(&self, table: &mut Table<'_>) {
        let names = &self.shop.channels.names;
        for (periods, moves) in self.shop.periods.iter().zip(&self.counts.moves) {
            for (group, &segment) in self.names.iter().enumerate() {
                for (period, &start) in periods.starts.iter().enumerate() {
                    for (before, name_before) in names.iter().enumerate() {
                        let at = ((period * self.names.len() + group) * names.len() + before) * names.len();
                        let moved = &moves[at..at + names.len()];
                        let all: u64 = moved.iter().sum();
                        let mut rows = Vec::new();
                        for (&customers, name) in moved.iter().zip(names).filter(|(customers, _)| **customers > 0) {
                            let values = values![name_before.as_str(), name.as_str(), customers, share(customers, all)];
                            rows.push(table.push(Of { by: periods.name, period: Some(start), segment }, customers, values));
                        }
                        table.adds_up(None, rows);
                    }
                }
            }
        }
    }

    pub(super) fn channel_value(&self, table: &mut Table<'_>) {
        let (names, steps) = (&self.shop.channels.names, self.shop.channel_steps());
        if steps == 0 {
            return;
        }
        for (group, &segment) in self.names.iter().enumerate() {
            let all: u64 = self.counts.channel_worth[group * steps..][..steps].iter().map(|worth| worth.customers).sum();
            let mut rows = Vec::new();
            for (step, &worth) in self.counts.channel_worth[group * steps..][..steps].iter().enumerate() {
                let (channels, name) = match step {
                    0 => (0, None),
                    step if step < names.len() => (1, Some(names[step].as_str())),
                    step => ((step + 2 - names.len()) as u64, None),
                };
                if worth.customers == 0 {
                    continue;
                }
                let each = |value: f64| ratio(value, worth.customers as f64);
                let values = values![
                    channels,
                    name,
                    worth.customers,
                    share(worth.customers, all),
                    each(worth.orders as f64),
                    each(worth.revenue),
                    ratio(worth.revenue, worth.orders as f64),
                    share(worth.came_back, worth.customers)
                ];
                rows.push(table.push(Of { by: "channels", period: None, segment }, worth.customers, values));
            }
            table.adds_up(None, rows);
        }
    }
}

/// The interval of a share that survives, from Greenwood's sum: exp(-exp(log(-log S) +- z se)).
fn log_log(share: f64, greenwood: f64) -> (f64, f64) {
    if share >= 1.0 || share <= 0.0 {
        return (share.clamp(0.0, 1.0), share.clamp(0.0, 1.0));
    }
    let spread = Z * greenwood.sqrt() / share.ln().abs();
    (share.powf(spread.exp()).clamp(0.0, 1.0), share.powf((-spread).exp()).clamp(0.0, 1.0))
}
