//! Insights: what the log tells the shop, counted in one pass and saved as small tables. What each is called and means stands in
//! `shopkeeper_models::insights`.

mod campaigns;
mod demand;
mod lexicon;
mod lift;
mod pass;
mod periods;
mod quality;
mod service;
mod staying;
mod table;
mod voices;
mod weeks;
mod withhold;

use std::cmp::Reverse;
use std::collections::HashMap;

use arrow::array::{Array, RecordBatch, StringArray, UInt16Array};
use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use rayon::prelude::*;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::insights::{INSIGHTS, Insights};
use shopkeeper_models::table::Nullable;

pub use quality::Checked;

use self::pass::{
    COHORT_PERIODS, Cell, Channels, Counts, Flow, GROWTH_DAYS, PURCHASES, SIZES, STEPS, Shop, YEAR_DAYS, cohort_at, most_shopped,
    revenue_of_nodes, step_start,
};
use self::periods::{Periods, start_of};
use self::table::{Of, Table, Value, Withholding, values};
use self::withhold::{is_few, of_periods, of_segments, withheld};
use crate::categories::Categories;
use crate::log::Past;
use crate::records::Records;

/// What insights are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InsightParams {
    /// Figures that fewer customers than this stand behind are withheld; 1 withholds nothing. Default 5.
    pub min_group: u64,
    /// Days before the as-of that are looked at, 1 to 36,500. Default 3,653: ten years.
    pub days: u32,
}

impl Default for InsightParams {
    fn default() -> Self {
        Self { min_group: 5, days: 3_653 }
    }
}

/// Which segments each customer is in.
#[derive(Clone, Copy, Debug)]
pub struct Membership<'a> {
    /// The ids of the segments.
    pub ids: &'a StringArray,
    /// Each customer's segment by behaviour: a position in `ids`.
    pub segment: &'a UInt16Array,
    /// Each customer's segment by needs, where there is one.
    pub needs_segment: &'a Nullable<UInt16Array>,
    /// Each customer's value tier; empty where there is none.
    pub tiers: &'a [&'static str],
}

impl InsightParams {
    /// Counts what was known at `past.day`, for everybody and each segment. `horizon_days` is how long somebody who starts has to come back.
    pub fn fit(&self, past: &Past<'_>, members: Membership<'_>, horizon_days: u32, checked: &Checked<'_>, records: &Records) -> Insights {
        let log = past.log();
        let categories = Categories::new(&log.catalogue.category);
        let first = log.first_day().unwrap_or(past.day).min(past.day).max(past.day - self.days as Day);
        let zone: Tz = log.timezone.parse().unwrap_or_default();
        let hour = |time: &i64| DateTime::from_timestamp(*time, 0).map_or(0, |time| time.with_timezone(&zone).hour() as u8);
        let groups_of =
            |customer: usize| [Some(members.segment.value(customer) + 1), members.needs_segment.get(customer).map(|segment| segment + 1)];
        let chosen = weeks::chosen(&revenue_of_nodes(past, &categories), log.items());
        let mut series_of = vec![u32::MAX; log.items() + categories.names.len()];
        chosen.iter().zip(1..).for_each(|(&node, series)| series_of[node as usize] = series);
        let shop = Shop {
            past,
            categories: &categories,
            periods: Periods::all(first, past.day),
            first,
            groups: members.ids.len() + 1,
            groups_of: (0..log.customers()).map(groups_of).collect(),
            hours: log.order_time.par_iter().map(hour).collect(),
            horizon: horizon_days as Day,
            channels: Channels::new(log),
            series_of,
            series: chosen.len() + 1,
            weeks: ((past.day - first) as usize / 7).min(demand::HISTORY),
        };
        let crossed = most_shopped(past, &categories);
        let counts = Counts::of(&shop, &crossed);
        let names: Vec<Option<&str>> = std::iter::once(None).chain(members.ids.iter()).collect();
        let needs: std::collections::HashSet<u16> =
            (0..log.customers()).filter_map(|customer| members.needs_segment.get(customer)).collect();
        let kind_of: HashMap<String, u8> =
            members.ids.iter().flatten().enumerate().map(|(at, id)| (id.to_owned(), needs.contains(&(at as u16)).into())).collect();
        let has_reached = records.campaigns.iter().flat_map(|campaign| &campaign.members).any(|member| member.reached.is_some());
        let forecasts = weeks::forecasts(&shop, &counts.weekly, &chosen);
        let withholding = Withholding { least: self.min_group, kind_of: &kind_of };
        let mut tables = Tables {
            shop: &shop,
            counts: &counts,
            names: &names,
            withholding,
            hidden: Default::default(),
            forecasts: &forecasts,
            records,
            tiers: members.tiers,
            has_reached,
        };
        tables.hidden = tables.few();
        let made = INSIGHTS.par_iter().map(|insight| tables.of(insight.name, &crossed, checked)).collect();
        Insights::new(made).unwrap_or_else(|error| unreachable!("tables made by their own schemas: {error}"))
    }
}

/// A period of a group, on its way into a row.
struct Stretch<'a> {
    days: u64,
    before: Option<&'a Flow>,
    now: &'a Flow,
    /// Figures of fewer people are withheld.
    least: u64,
}

/// The customers behind a row, and its values.
type FlowRow = fn(&Stretch<'_>) -> (u64, Vec<Value>);

/// What the tables are made from.
struct Tables<'a> {
    shop: &'a Shop<'a>,
    counts: &'a Counts,
    /// The id of each group; none for everybody.
    names: &'a [Option<&'a str>],
    withholding: Withholding<'a>,
    /// For each length of period, which periods of which groups are withheld.
    hidden: [Vec<bool>; 4],
    forecasts: &'a [weeks::Forecasts],
    records: &'a Records,
    tiers: &'a [&'static str],
    /// Whether the campaigns table says whom anything reached.
    has_reached: bool,
}

/// a / b where there is a b.
fn ratio(a: f64, b: f64) -> Option<f64> {
    (b != 0.0).then(|| a / b)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    ratio(part as f64, whole as f64)
}

/// The smallest value that at least this share of the sorted values do not exceed.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = ((share * sorted.len() as f64).ceil() as usize).max(1) - 1;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied()
}

/// The parts of a change of a product that each factor brings; none where something is not positive (Ang 2004, additive LMDI-I).
fn parts_of_change<const N: usize>(before: [f64; N], now: [f64; N]) -> Option<[f64; N]> {
    let positive = before.iter().chain(&now).all(|factor| factor.is_finite() && *factor > 0.0);
    let (from, to): (f64, f64) = (before.iter().product(), now.iter().product());
    // the logarithmic mean of the two; on the way to equal ones it is their mean
    let mean = if (to / from - 1.0).abs() < 1e-9 { (from + to) / 2.0 } else { (to - from) / (to / from).ln() };
    positive.then(|| std::array::from_fn(|at| mean * (now[at] / before[at]).ln()))
}

impl Tables<'_> {
    fn of(&self, name: &str, crossed: &[u32], checked: &Checked<'_>) -> RecordBatch {
        let mut table = Table::new(name, self.withholding);
        match name {
            "customers" => self.each_flow(&mut table, false, Self::customers),
            "revenue" => self.each_flow(&mut table, true, Self::revenue),
            "retention" => self.each_flow(&mut table, true, Self::retention),
            "cohorts" => self.cohorts(&mut table),
            "purchase_gaps" => self.purchase_gaps(&mut table),
            "baskets" => self.baskets(&mut table),
            "basket_sizes" => self.basket_sizes(&mut table),
            "hours" => self.hours(&mut table),
            "growth" => self.growth(&mut table),
            "cross_shop" => self.cross_shop(&mut table, crossed),
            "price_bands" => self.price_bands(&mut table),
            "entry" => self.entry(&mut table),
            "keepers" => self.keepers(&mut table),
            "survival" => self.survival(&mut table),
            "discounts" => self.discounts(&mut table),
            "channels" => self.channels(&mut table),
            "channel_moves" => self.channel_moves(&mut table),
            "channel_value" => self.channel_value(&mut table),
            "campaigns" => self.campaigns(&mut table),
            "campaign_lift" => self.campaign_lift(&mut table),
            "feedback" => self.feedback(&mut table),
            "themes" => self.themes(&mut table),
            "detractors" => self.detractors(&mut table),
            "service" => self.service(&mut table),
            "service_return" => self.service_return(&mut table),
            "referrals" => self.referrals(&mut table),
            "demand" => self.demand(&mut table),
            "demand_accuracy" => self.demand_accuracy(&mut table),
            _ => quality::fill(&mut table, self.shop.past, checked),
        }
        table.finish()
    }

    /// Which periods of which groups are withheld, in every table alike.
    fn few(&self) -> [Vec<bool>; 4] {
        let Withholding { least, kind_of } = self.withholding;
        let (mut keyed, mut people) = (Vec::new(), Vec::new());
        for (periods, flows) in self.shop.periods.iter().zip(&self.counts.flows) {
            for (at, flow) in flows.iter().enumerate() {
                let start = periods.starts[at / self.names.len()];
                let segment = self.names[at % self.names.len()].map(str::to_owned);
                keyed.push(((periods.name.to_owned(), Some(start), String::new()), segment));
                people.push(flow.customers());
            }
        }
        if least <= 1 {
            return self.counts.flows.each_ref().map(|flows| vec![false; flows.len()]);
        }
        let mut sums = of_segments(&keyed, kind_of);
        sums.extend(of_periods(&keyed, start_of));
        let mut hidden = withheld(&people, vec![false; people.len()], least, &sums).into_iter();
        self.counts.flows.each_ref().map(|flows| hidden.by_ref().take(flows.len()).collect())
    }

    /// A row for every period and group; `tells_of_before`: what it says could be taken off that of the period before.
    fn each_flow(&self, table: &mut Table<'_>, tells_of_before: bool, row: FlowRow) {
        for ((periods, flows), hidden) in self.shop.periods.iter().zip(&self.counts.flows).zip(&self.hidden) {
            for (group, &segment) in self.names.iter().enumerate() {
                for (period, &start) in periods.starts.iter().enumerate() {
                    let at = period * self.names.len() + group;
                    let before = period.checked_sub(1).map(|before| before * self.names.len() + group);
                    let stretch = Stretch {
                        days: periods.days(period),
                        before: before.map(|before| &flows[before]),
                        now: &flows[at],
                        least: self.withholding.least,
                    };
                    let (customers, values) = row(&stretch);
                    let row = table.push(Of { by: periods.name, period: Some(start), segment }, customers, values);
                    if hidden[at] || tells_of_before && before.is_some_and(|before| hidden[before]) {
                        table.hide(row);
                    }
                }
            }
        }
    }

    fn customers(&Stretch { days, now: flow, least, .. }: &Stretch<'_>) -> (u64, Vec<Value>) {
        let people = [flow.new, flow.returning, flow.reactivated, flow.refunded];
        let sum = withhold::Sum { whole: None, parts: (0..people.len()).collect() };
        let hidden = withheld(&people, vec![false; people.len()], least, &[sum]);
        let shown = |at: usize, money: f64| (!hidden[at]).then_some(money);
        let values = values![
            days,
            flow.customers(),
            flow.new,
            flow.returning,
            flow.reactivated,
            flow.lost,
            flow.orders,
            flow.units,
            flow.revenue(),
            shown(0, flow.revenue_new),
            shown(1, flow.revenue_returning),
            shown(2, flow.revenue_reactivated),
            shown(3, flow.refunds),
            (!is_few(flow.lost, least)).then_some(flow.revenue_lost)
        ];
        (flow.customers(), values)
    }

    fn revenue(&Stretch { days, before, now: flow, .. }: &Stretch<'_>) -> (u64, Vec<Value>) {
        let factors = |flow: &Flow| {
            let (customers, orders) = (flow.customers() as f64, flow.orders as f64);
            [customers, orders / customers, flow.units / orders, flow.revenue() / flow.units]
        };
        let parts = before.and_then(|before| parts_of_change(factors(before), factors(flow)));
        let part = |at: usize| parts.map(|parts| parts[at]);
        let (customers, orders) = (flow.customers() as f64, flow.orders as f64);
        let values = values![
            days,
            flow.customers(),
            flow.revenue(),
            ratio(orders, customers),
            ratio(flow.units, orders),
            ratio(flow.revenue(), flow.units),
            before.map(|before| flow.revenue() - before.revenue()),
            part(0),
            part(1),
            part(2),
            part(3)
        ];
        (flow.customers(), values)
    }

    fn retention(&Stretch { before, now: flow, .. }: &Stretch<'_>) -> (u64, Vec<Value>) {
        let customers_before = before.map(Flow::customers);
        let bought_before = flow.returning + flow.reactivated;
        let values = values![
            customers_before,
            before.map(|_| flow.returning),
            customers_before.and_then(|before| share(flow.returning, before)),
            flow.customers(),
            flow.repurchased,
            share(flow.repurchased, flow.customers()),
            bought_before,
            share(bought_before, flow.customers())
        ];
        (flow.customers(), values)
    }

    fn cohorts(&self, table: &mut Table<'_>) {
        for (at, cells) in self.counts.cohorts.iter().enumerate() {
            let periods = &self.shop.periods[COHORT_PERIODS[at]];
            for (group, &segment) in self.names.iter().enumerate() {
                for (first, &start) in periods.starts.iter().enumerate() {
                    let cell = |period: usize| cells[cohort_at(periods.len(), self.names.len(), first, period, group)];
                    let cohort = cell(first).customers;
                    // once the money of a few is withheld, so is what it is added to
                    let mut so_far = Some(0.0);
                    for period in first..periods.len() {
                        let Cell { customers, orders, revenue, .. } = cell(period);
                        let few = is_few(customers, self.withholding.least);
                        so_far = so_far.filter(|_| !few).map(|so_far| so_far + revenue);
                        let since = (period - first) as u64;
                        let (orders, revenue) = ((!few).then_some(orders), (!few).then_some(revenue));
                        let value = so_far.and_then(|so_far| ratio(so_far, cohort as f64));
                        let values = values![since, cohort, customers, share(customers, cohort), orders, revenue, value];
                        if cohort > 0 {
                            table.push(Of { by: periods.name, period: Some(start), segment }, cohort, values);
                        }
                    }
                }
            }
        }
    }

    fn purchase_gaps(&self, table: &mut Table<'_>) {
        let span = self.shop.span();
        for (by, purchases) in [("all", 0..1), ("purchase", 1..PURCHASES + 1)] {
            for (group, &segment) in self.names.iter().enumerate() {
                let reached = &self.counts.reached[group];
                for purchase in purchases.clone() {
                    let at = (group * (PURCHASES + 1) + purchase) * span;
                    let gaps = &self.counts.gaps[at..at + span];
                    let count: u64 = gaps.iter().sum();
                    let days: u64 = gaps.iter().enumerate().map(|(days, gaps)| days as u64 * gaps).sum();
                    let of = |share: f64| {
                        let wanted = ((share * count as f64).ceil() as u64).max(1);
                        let mut seen = 0;
                        let reaches = |gaps: &u64| {
                            seen += gaps;
                            seen >= wanted
                        };
                        (count > 0).then(|| gaps.iter().position(reaches).unwrap_or(span) as f64)
                    };
                    let from = reached[purchase.max(1)];
                    let back = reached[purchase.max(1) + 1];
                    let values = values![
                        (purchase > 0).then_some(purchase as u64),
                        from,
                        back,
                        share(back, from),
                        of(0.1),
                        of(0.25),
                        of(0.5),
                        of(0.75),
                        of(0.9),
                        ratio(days as f64, count as f64)
                    ];
                    // percentiles tell of those who came back
                    table.push(Of { by, period: None, segment }, if back > 0 { back } else { from }, values);
                }
            }
        }
    }

    fn baskets(&self, table: &mut Table<'_>) {
        let (shop, log) = (self.shop, self.shop.past.log());
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.names.len()];
        for customer in 0..log.customers() {
            shop.groups_of(customer).for_each(|group| members[group].push(customer as u32));
        }
        let one = |(periods, group): (&Periods, usize)| {
            let mut buckets = vec![(0_u64, Vec::new(), Vec::new()); periods.len()];
            for &customer in &members[group] {
                let mut last = None;
                for order in log.orders_of(customer as usize) {
                    let (items, value) = self.counts.orders[order];
                    if items == 0 {
                        continue;
                    }
                    let period = periods.of(log.order_day[order]);
                    let (customers, sizes, values) = &mut buckets[period];
                    *customers += u64::from(last != Some(period));
                    last = Some(period);
                    sizes.push(f64::from(items));
                    values.push(value);
                }
            }
            let row = |(customers, mut sizes, mut values): (u64, Vec<f64>, Vec<f64>)| {
                let mean = |values: &[f64]| ratio(values.iter().sum(), values.len() as f64);
                let (mean_size, mean_value) = (mean(&sizes), mean(&values));
                sizes.sort_unstable_by(f64::total_cmp);
                values.sort_unstable_by(f64::total_cmp);
                let [p25, median, p75, p90] = [0.25, 0.5, 0.75, 0.9].map(|share| percentile(&values, share));
                let row = values![customers, sizes.len() as u64, mean_size, percentile(&sizes, 0.5), mean_value, p25, median, p75, p90];
                (customers, row)
            };
            buckets.into_iter().map(row).collect::<Vec<_>>()
        };
        for (periods, hidden) in shop.periods.iter().zip(&self.hidden) {
            let rows: Vec<_> = (0..self.names.len()).into_par_iter().map(|group| one((periods, group))).collect();
            for ((group, rows), &segment) in rows.into_iter().enumerate().zip(self.names) {
                for ((period, (customers, values)), &start) in rows.into_iter().enumerate().zip(&periods.starts) {
                    let row = table.push(Of { by: periods.name, period: Some(start), segment }, customers, values);
                    if hidden[period * self.names.len() + group] {
                        table.hide(row);
                    }
                }
            }
        }
    }

    fn basket_sizes(&self, table: &mut Table<'_>) {
        let size = |at: usize| {
            let from = SIZES[at];
            SIZES
                .get(at + 1)
                .map_or(format!("{from} or more"), |&to| if to == from + 1 { from.to_string() } else { format!("{from} to {}", to - 1) })
        };
        self.steps(table, "items", self.counts.sizes.iter().map(|cells| &cells[..]), size);
        self.steps(table, "value", self.counts.values.iter().map(|cells| &cells[..]), money_step);
    }

    fn price_bands(&self, table: &mut Table<'_>) {
        for (cells, &segment) in self.counts.prices.iter().zip(self.names) {
            let revenue: f64 = cells.iter().map(|cell| cell.revenue).sum();
            let rows = in_use(cells).map(|at| {
                let Cell { customers, orders: lines, units, revenue: of_band } = cells[at];
                let values = values![at as u64, money_step(at).as_str(), customers, lines, units, of_band, ratio(of_band, revenue)];
                table.push(Of { by: "all", period: None, segment }, customers, values)
            });
            let rows = rows.collect();
            table.adds_up(None, rows);
        }
    }

    /// Orders by step.
    fn steps<'c>(&self, table: &mut Table<'_>, by: &'static str, groups: impl Iterator<Item = &'c [Cell]>, name: impl Fn(usize) -> String) {
        for (cells, &segment) in groups.zip(self.names) {
            let (orders, revenue): (u64, f64) = cells.iter().fold((0, 0.0), |sum, cell| (sum.0 + cell.orders, sum.1 + cell.revenue));
            let rows = in_use(cells).map(|at| {
                let cell = cells[at];
                let shares = (share(cell.orders, orders), ratio(cell.revenue, revenue));
                let values = values![at as u64, name(at).as_str(), cell.customers, cell.orders, shares.0, cell.revenue, shares.1];
                table.push(Of { by, period: None, segment }, cell.customers, values)
            });
            let rows = rows.collect();
            table.adds_up(None, rows);
        }
    }

    fn hours(&self, table: &mut Table<'_>) {
        for (cells, &segment) in self.counts.hours.iter().zip(self.names) {
            let all: u64 = cells[..7 * 24].iter().map(|cell| cell.orders).sum();
            let mut row = |by: &'static str, weekday: Option<usize>, hour: Option<usize>, cell: &Cell| {
                let key = |at: Option<usize>, first: usize| at.map(|at| (at + first) as u64);
                let values = values![key(weekday, 1), key(hour, 0), cell.customers, cell.orders, share(cell.orders, all), cell.revenue];
                table.push(Of { by, period: None, segment }, cell.customers, values)
            };
            let rows: Vec<usize> = cells
                .iter()
                .enumerate()
                .map(|(at, cell)| match at {
                    0..168 => row("weekday_hour", Some(at / 24), Some(at % 24), cell),
                    168..175 => row("weekday", Some(at - 168), None, cell),
                    _ => row("hour", None, Some(at - 175), cell),
                })
                .collect();
            (0..7).for_each(|day| table.adds_up(Some(rows[168 + day]), rows[24 * day..24 * (day + 1)].to_vec()));
            (0..24).for_each(|hour| table.adds_up(Some(rows[175 + hour]), (0..7).map(|day| rows[24 * day + hour]).collect()));
            table.adds_up(None, rows[168..175].to_vec());
            table.adds_up(None, rows[175..].to_vec());
        }
    }

    /// Categories, then items: (`by`, name, title, node), each ascending by name.
    fn nodes(&self) -> impl Iterator<Item = (&'static str, &str, Option<&str>, usize)> {
        let (log, categories) = (self.shop.past.log(), self.shop.categories);
        let items = log.items();
        let of_categories = categories.names.iter().enumerate().map(move |(at, name)| ("category", name.as_str(), None, items + at));
        let title = move |item: usize| log.catalogue.title[item].as_deref();
        let of_items = (0..items).map(move |item| ("item", log.item_ids.value(item), title(item), item));
        of_categories.chain(of_items)
    }

    fn growth(&self, table: &mut Table<'_>) {
        let year_seen = self.shop.first <= self.shop.past.day - YEAR_DAYS - GROWTH_DAYS;
        let month_seen = self.shop.first <= self.shop.past.day - 2 * GROWTH_DAYS;
        let mut rows: Vec<_> = self.nodes().map(|(by, name, title, node)| (by, name, title, node, self.counts.windows[node])).collect();
        rows.retain(|(.., windows)| windows.now + windows.before > 0 || windows.revenue.iter().any(|&revenue| revenue.abs() > 0.005));
        // the largest first
        rows.sort_by(|a, b| a.0.cmp(b.0).then(b.4.revenue[0].total_cmp(&a.4.revenue[0])).then(a.1.cmp(b.1)));
        let mut row_of: HashMap<usize, usize> = HashMap::new();
        for (by, name, title, node, windows) in rows {
            let [now, before, year_ago] = windows.revenue;
            let (before, year_ago) = (month_seen.then_some(before), year_seen.then_some(year_ago));
            let growth = |then: Option<f64>| then.and_then(|then| ratio(now - then, then));
            let buyers = windows.now + windows.before - windows.both;
            let values = values![
                name,
                title,
                buyers,
                now,
                before,
                before.map(|before| now - before),
                growth(before),
                year_ago,
                growth(year_ago),
                windows.now,
                month_seen.then_some(windows.before),
                month_seen.then_some(windows.now - windows.both),
                month_seen.then_some(windows.before - windows.both)
            ];
            row_of.insert(node, table.push(Of { by, period: None, segment: None }, buyers, values));
        }
        let (items, categories) = (self.shop.past.log().items(), self.shop.categories);
        let mut parts: Vec<Vec<usize>> = vec![Vec::new(); categories.names.len()];
        for (&node, &row) in &row_of {
            let above = match node.checked_sub(items) {
                Some(category) => categories.above[category].last().copied(),
                None => categories.of[node],
            };
            above.into_iter().for_each(|above| parts[above as usize].push(row));
        }
        for (category, mut parts) in parts.into_iter().enumerate() {
            parts.sort_unstable();
            if let Some(&whole) = row_of.get(&(items + category)) {
                table.adds_up(Some(whole), parts);
            }
        }
    }

    fn cross_shop(&self, table: &mut Table<'_>, crossed: &[u32]) {
        let customers = self.counts.crossed.len();
        let words = customers.div_ceil(64);
        for (group, &segment) in self.names.iter().enumerate() {
            let mut bits = vec![0_u64; crossed.len() * words];
            let mut buyers = 0_u64;
            for (customer, &mask) in self.counts.crossed.iter().enumerate().filter(|&(_, &mask)| mask != 0) {
                if !self.shop.groups_of(customer).any(|of| of == group) {
                    continue;
                }
                buyers += 1;
                (0..crossed.len())
                    .filter(|bit| mask >> bit & 1 == 1)
                    .for_each(|bit| bits[bit * words + customer / 64] |= 1 << (customer % 64));
            }
            let row = |at: usize| &bits[at * words..(at + 1) * words];
            let both = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(a, b)| u64::from((a & b).count_ones())).sum::<u64>();
            let own: Vec<u64> = (0..crossed.len()).map(|at| both(at, at)).collect();
            for a in 0..crossed.len() {
                for b in 0..crossed.len() {
                    let together = if a == b { own[a] } else { both(a, b) };
                    let of_a = share(together, own[a]);
                    let lift = of_a.zip(share(own[b], buyers)).and_then(|(share, expected)| ratio(share, expected));
                    let name = |at: usize| self.shop.categories.names[crossed[at] as usize].as_str();
                    let values = values![name(a), name(b), together, of_a, lift];
                    if together > 0 {
                        table.push(Of { by: "category", period: None, segment }, together, values);
                    }
                }
            }
        }
    }

    fn entry(&self, table: &mut Table<'_>) {
        let [started, came_back] = self.counts.started;
        let all = share(came_back, started);
        let mut rows: Vec<_> = self.nodes().map(|(by, name, title, node)| (by, name, title, self.counts.entries[node])).collect();
        rows.retain(|(.., entry)| entry.starters > 0);
        rows.sort_by_key(|&(by, name, _, entry)| (by, Reverse(entry.starters), name));
        for (by, name, title, entry) in rows {
            let of_starters = share(entry.starters, started);
            let of_orders = share(entry.orders, self.counts.kept_orders);
            let rate = share(entry.came_back, entry.starters);
            let (least, most) = wilson(entry.came_back, entry.starters);
            let over = |a: Option<f64>, b: Option<f64>| a.zip(b).and_then(|(a, b)| ratio(a, b));
            let values = values![
                name,
                title,
                entry.starters,
                of_starters,
                over(of_starters, of_orders),
                entry.came_back,
                rate,
                least,
                most,
                over(rate, all)
            ];
            table.push(Of { by, period: None, segment: None }, entry.starters, values);
        }
    }
}

/// The steps from the first to the last one that holds an order.
fn in_use(cells: &[Cell]) -> std::ops::Range<usize> {
    let holds = |cell: &Cell| cell.orders > 0;
    match (cells.iter().position(holds), cells.iter().rposition(holds)) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}

/// A step of money in words.
fn money_step(at: usize) -> String {
    if at + 1 < STEPS { format!("{} to {}", step_start(at), step_start(at + 1)) } else { format!("{} or more", step_start(at)) }
}

/// Standard deviations on either side that hold 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's interval of a share, 95 %.
fn wilson(part: u64, whole: u64) -> (f64, f64) {
    if whole == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / (1.0 + Z * Z / n);
    ((middle - half).clamp(0.0, 1.0), (middle + half).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
