//! Service and referrals: how soon customers are answered, whether they stay after it, and who brings whom.

use std::collections::BTreeMap;

use shopkeeper_models::calendar::Day;

use super::table::{Of, Table, Value, values};
use super::{Tables, percentile, ratio, share, wilson};
use crate::records::Ticket;

/// Seconds of an hour.
const HOUR: f64 = 3_600.0;
/// Hours within which a first reply is told apart, and the words for it; the last two stand for later and never.
const REPLIES: [(f64, &str); 3] = [(4.0, "within 4 hours"), (24.0, "within a day"), (72.0, "within 3 days")];
/// The most referrers shown.
const REFERRERS: usize = 100;

/// Tickets of a group.
#[derive(Clone, Debug, Default)]
struct Desk {
    tickets: u64,
    customers: std::collections::HashSet<u32>,
    replies: Vec<f64>,
    closes: Vec<f64>,
    /// Days that tickets have been open for.
    open: Vec<f64>,
}

impl Tables<'_> {
    fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.records.tickets.iter().filter(|ticket| ticket.day >= self.shop.first && ticket.day < self.shop.past.day)
    }

    pub(super) fn service(&self, table: &mut Table<'_>) {
        type Key = (&'static str, Option<Day>, Option<String>);
        let end = self.shop.past.log().as_of;
        let mut desks: BTreeMap<(Key, usize), Desk> = BTreeMap::new();
        for ticket in self.tickets() {
            let mut keys: Vec<Key> = vec![("all", None, None)];
            for periods in &self.shop.periods {
                keys.push((periods.name, Some(periods.starts[periods.of(ticket.day)]), None));
            }
            keys.extend(ticket.kind.clone().map(|kind| ("kind", None, Some(kind))));
            keys.extend(ticket.channel.clone().map(|channel| ("channel", None, Some(channel))));
            let hours = |time: i64| (time - ticket.opened) as f64 / HOUR;
            for key in keys {
                for group in self.shop.groups_of(ticket.customer as usize) {
                    let desk = desks.entry((key.clone(), group)).or_default();
                    desk.tickets += 1;
                    desk.customers.insert(ticket.customer);
                    desk.replies.extend(ticket.replied.map(hours));
                    desk.closes.extend(ticket.closed.map(hours));
                    if ticket.closed.is_none() {
                        desk.open.push(hours(end) / 24.0);
                    }
                }
            }
        }
        let mut sums: BTreeMap<(&'static str, usize), Vec<usize>> = BTreeMap::new();
        for (((by, period, name), group), mut desk) in desks {
            [&mut desk.replies, &mut desk.closes, &mut desk.open].into_iter().for_each(|hours| hours.sort_unstable_by(f64::total_cmp));
            let customers = desk.customers.len() as u64;
            let (replied, closed, open) = (desk.replies.len() as u64, desk.closes.len() as u64, desk.open.len() as u64);
            let values = values![
                name.as_deref(),
                customers,
                desk.tickets,
                replied,
                share(replied, desk.tickets),
                percentile(&desk.replies, 0.5),
                percentile(&desk.replies, 0.9),
                closed,
                percentile(&desk.closes, 0.5),
                percentile(&desk.closes, 0.9),
                open,
                percentile(&desk.open, 0.5),
                desk.open.last().copied()
            ];
            let row = table.push(Of { by, period, segment: self.names[group] }, customers, values);
            if period.is_none() {
                sums.entry((by, group)).or_default().push(row);
            }
        }
        sums.into_values().for_each(|rows| table.adds_up(None, rows));
    }

    /// Whether customers come back after a ticket, by how soon it was answered.
    pub(super) fn service_return(&self, table: &mut Table<'_>) {
        let (end, horizon) = (self.shop.past.day, self.shop.horizon);
        let mut rows = vec![[0_u64; 3]; REPLIES.len() + 2];
        let mut counted: BTreeMap<(usize, u32), ()> = BTreeMap::new();
        // a ticket so late that the horizon is not over says nothing yet
        for ticket in self.tickets().filter(|ticket| ticket.day + horizon < end) {
            let days = &self.shop.past.log().order_day[self.shop.past.orders_of(ticket.customer as usize)];
            if days.first().is_none_or(|&first| first > ticket.day) {
                continue;
            }
            let step = match ticket.replied.map(|replied| (replied - ticket.opened) as f64 / HOUR) {
                Some(hours) => REPLIES.iter().position(|(most, _)| hours <= *most).unwrap_or(REPLIES.len()),
                None => REPLIES.len() + 1,
            };
            let back = days.iter().any(|&day| day > ticket.day && day <= ticket.day + horizon);
            rows[step][0] += 1;
            rows[step][1] += u64::from(back);
            rows[step][2] += u64::from(counted.insert((step, ticket.customer), ()).is_none());
        }
        let names = REPLIES.map(|(_, name)| name).into_iter().chain(["later", "never"]);
        let mut of = |position: u64, name: &str, tickets: u64, back: u64, customers: u64| {
            let (least, most) = wilson(back, tickets);
            let values = values![position, name, tickets, back, share(back, tickets), least, most];
            table.push(Of { by: "reply", period: None, segment: None }, customers, values);
        };
        let any = rows.iter().any(|row| row[0] > 0);
        for (position, (name, [tickets, back, customers])) in names.zip(rows).enumerate().filter(|(_, (_, row))| row[0] > 0) {
            of(position as u64, name, tickets, back, customers);
        }
        if any {
            let (orders, followed) = self.counts.followed.iter().fold((0, 0), |sum, [orders, followed]| (sum.0 + orders, sum.1 + followed));
            of(REPLIES.len() as u64 + 2, "after any order", orders, followed, self.counts.reached[0][1]);
        }
    }

    pub(super) fn referrals(&self, table: &mut Table<'_>) {
        let (log, brought) = (self.shop.past.log(), &self.records.referrals);
        if brought.is_empty() {
            return;
        }
        let mut referrer_of = vec![u32::MAX; log.customers()];
        brought.iter().for_each(|one| referrer_of[one.referred as usize] = one.referrer);
        let revenue = |customer: usize| self.shop.past.orders_of(customer).map(|order| self.counts.orders[order].1).sum::<f64>();
        let days = |customer: usize| {
            let mut days = log.order_day[self.shop.past.orders_of(customer)].to_vec();
            days.dedup();
            days.len()
        };
        let mut row = |by: &'static str, name: Option<&str>, depth: Value, customers: &[usize]| {
            let buyers: Vec<usize> = customers.iter().copied().filter(|&customer| days(customer) > 0).collect();
            let back = buyers.iter().filter(|&&customer| days(customer) > 1).count() as u64;
            let (count, bought) = (customers.len() as u64, buyers.len() as u64);
            let money: f64 = buyers.iter().map(|&customer| revenue(customer)).sum();
            let orders: usize = buyers.iter().map(|&customer| self.shop.past.orders_of(customer).len()).sum();
            let values = values![
                name,
                depth,
                count,
                bought,
                share(bought, count),
                money,
                ratio(money, bought as f64),
                ratio(orders as f64, bought as f64),
                share(back, bought)
            ];
            table.push(Of { by, period: None, segment: None }, count, values)
        };
        let all = 0..log.customers();
        let is_brought = |customer: &usize| referrer_of[*customer] != u32::MAX;
        let rows = vec![
            row("all", Some("brought by a customer"), Value::None, &all.clone().filter(is_brought).collect::<Vec<_>>()),
            row("all", Some("came by themselves"), Value::None, &all.clone().filter(|customer| !is_brought(customer)).collect::<Vec<_>>()),
        ];
        let mut depths: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for customer in all.filter(is_brought) {
            if let Some(depth) = depth(&referrer_of, customer) {
                depths.entry(depth).or_default().push(customer);
            }
        }
        let by_depth: Vec<usize> = depths.into_iter().map(|(depth, customers)| row("depth", None, depth.into(), &customers)).collect();
        let mut by_referrer: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        brought.iter().for_each(|one| by_referrer.entry(one.referrer).or_default().push(one.referred as usize));
        let mut referrers: Vec<(u32, Vec<usize>)> = by_referrer.into_iter().collect();
        referrers.sort_by_key(|(referrer, brought)| (std::cmp::Reverse(brought.len()), *referrer));
        for (referrer, customers) in referrers.iter().take(REFERRERS) {
            row("referrer", Some(log.customer_ids.value(*referrer as usize)), Value::None, customers);
        }
        table.adds_up(None, rows);
        table.adds_up(None, by_depth);
    }
}

/// The longest chain of referrals that is followed.
const MOST_DEPTH: u64 = 1_000;

/// How many referrals lead to a customer; none where they go in a circle, or on beyond [`MOST_DEPTH`].
fn depth(referrer_of: &[u32], customer: usize) -> Option<u64> {
    let (mut at, mut depth) = (customer, 0);
    while referrer_of[at] != u32::MAX {
        at = referrer_of[at] as usize;
        depth += 1;
        if at == customer || depth > MOST_DEPTH {
            return None;
        }
    }
    Some(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_a_depth_and_a_circle_has_none() {
        let none = u32::MAX;
        // 0 brought 1, who brought 2; 3 and 4 brought each other, and 3 brought 5
        let of = [none, 0, 1, 4, 3, 3];
        assert_eq!([0, 1, 2, 3, 5].map(|customer| depth(&of, customer)), [Some(0), Some(1), Some(2), None, None]);
    }
}
