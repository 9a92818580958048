//! Data quality: what is missing, wrong, doubled, late or different from before, with a score and examples.

use std::collections::BTreeMap;

use arrow::array::StringArray;
use rayon::prelude::*;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::manifest::DataSummary;

use super::table::{Of, Table, Value, values};
use crate::log::Past;
use crate::report::words::{count, percent};

/// Examples of each finding.
const EXAMPLES: usize = 3;
/// A week with so many times the orders of the weeks before, or one part in so many, is a change of level.
const LEVEL: f64 = 2.0;
/// Weeks before a week that its level is seen against.
const WEEKS: usize = 8;
/// The change of a figure since the version before that takes the whole score: by a factor of e.
const DRIFT: f64 = 1.0;

/// What reading the files showed.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// Rows of the purchases that were read.
    pub rows: u64,
    /// Rows not taken, by reason, each with a few places such as `sales.parquet row 17`.
    pub rejects: &'a BTreeMap<String, (u64, Vec<String>)>,
    /// Rows equal in everything to another one, with a few places.
    pub duplicates: (u64, &'a [String]),
    /// What the version before was made from, if there is one.
    pub before: Option<&'a DataSummary>,
    /// What this one is made from.
    pub now: &'a DataSummary,
}

/// One finding.
struct Finding {
    dimension: &'static str,
    check: String,
    checked: u64,
    affected: u64,
    score: f64,
    says: String,
}

/// The rows of the data quality table.
pub(super) fn fill(table: &mut Table, past: &Past<'_>, checked: &Checked<'_>) {
    let mut findings = Vec::new();
    completeness(&mut findings, past);
    validity(&mut findings, checked);
    uniqueness(&mut findings, past, checked);
    let days = Days::new(past);
    timeliness(&mut findings, &days);
    consistency(&mut findings, past, &days);
    drift(&mut findings, checked);
    let of = Of { by: "check", period: None, segment: None };
    let scores: Vec<(&str, f64)> = findings
        .chunk_by(|a, b| a.dimension == b.dimension)
        .map(|same| (same[0].dimension, same.iter().map(|finding| finding.score).fold(100.0, f64::min)))
        .collect();
    let all = scores.iter().map(|(_, score)| score).sum::<f64>() / scores.len().max(1) as f64;
    table.push(of, 0, values!["all", Value::None, Value::None, Value::None, all, "the mean of the dimensions"]);
    for (dimension, score) in scores {
        let same = || findings.iter().filter(|finding| finding.dimension == dimension);
        let worst = same().min_by(|a, b| a.score.total_cmp(&b.score)).map_or(String::new(), |worst| {
            if worst.score < 100.0 { format!("least: {}", worst.check) } else { "nothing is wrong".to_owned() }
        });
        table.push(of, 0, values![dimension, Value::None, Value::None, Value::None, score, worst.as_str()]);
        for Finding { check, checked, affected, score, says, .. } in same() {
            table.push(of, 0, values![dimension, check.as_str(), *checked, *affected, *score, says.as_str()]);
        }
    }
}

/// A finding whose score is the share that is as it should be.
fn share_of(dimension: &'static str, check: impl Into<String>, checked: u64, affected: u64, says: String) -> Finding {
    let score = if checked > 0 { 100.0 * (1.0 - affected.min(checked) as f64 / checked as f64) } else { 100.0 };
    Finding { dimension, check: check.into(), checked, affected, score, says }
}

/// `: a, b, c, ...` of the first few.
fn such_as(examples: impl IntoIterator<Item = String>) -> String {
    let mut examples: Vec<String> = examples.into_iter().take(EXAMPLES + 1).collect();
    if examples.len() > EXAMPLES {
        examples[EXAMPLES] = "...".to_owned();
    }
    if examples.is_empty() { String::new() } else { format!(": {}", examples.join(", ")) }
}

fn completeness(findings: &mut Vec<Finding>, past: &Past<'_>) {
    let log = past.log();
    let mut sold = vec![false; log.items()];
    log.line_item.iter().for_each(|&item| sold[item as usize] = true);
    let sold: Vec<usize> = (0..log.items()).filter(|&item| sold[item]).collect();
    let mut of_items = |check: &str, has: &dyn Fn(usize) -> bool| {
        let missing: Vec<usize> = sold.iter().copied().filter(|&item| !has(item)).collect();
        // a shop that has no such column at all was told so when it was read; it is not half a catalogue
        if missing.len() < sold.len() {
            let examples = such_as(missing.iter().map(|&item| log.item_ids.value(item).to_owned()));
            let says = format!("{} of {} items that were sold have none{examples}", count(missing.len() as u64), count(sold.len() as u64));
            findings.push(share_of("completeness", check, sold.len() as u64, missing.len() as u64, says));
        }
    };
    of_items("title", &|item| log.catalogue.title[item].is_some());
    of_items("category", &|item| log.catalogue.category[item].is_some());
    of_items("price", &|item| log.catalogue.price[item].is_some());
    let lines = log.line_amount.len() as u64;
    let free =
        log.line_amount.iter().zip(&log.line_quantity).filter(|(amount, quantity)| **amount <= 0.0 && **quantity > 0.0).count() as u64;
    // without any amount there was no such column
    if free < lines {
        let is_free = |line: &usize| log.line_amount[*line] <= 0.0 && log.line_quantity[*line] > 0.0;
        let found = (0..log.orders()).flat_map(|order| log.lines_of(order).filter(is_free).map(move |line| (order, line)));
        let examples = such_as(found.take(EXAMPLES + 1).map(|(order, line)| bought(log, order, log.line_item[line])));
        let says = format!("{} of {} lines with units have no money{examples}", count(free), count(lines));
        findings.push(share_of("completeness", "amount", lines, free, says));
    }
    if !log.channels.is_empty() {
        let unsaid = log.order_channel.iter().filter(|&&channel| channel == u16::MAX).count() as u64;
        let found = (0..log.orders()).filter(|&order| log.order_channel[order] == u16::MAX);
        let order_of = |order: usize| {
            let customer = log.order_offsets.partition_point(|&first| first as usize <= order) - 1;
            format!("{} of {}", log.customer_ids.value(customer), date(log.order_day[order]))
        };
        let examples = such_as(found.take(EXAMPLES + 1).map(order_of));
        let says = format!("{} of {} orders do not say their channel{examples}", count(unsaid), count(log.orders() as u64));
        findings.push(share_of("completeness", "channel", log.orders() as u64, unsaid, says));
    }
}

/// A line in words: who bought what when.
fn bought(log: &crate::log::PurchaseLog, order: usize, item: u32) -> String {
    let customer = log.order_offsets.partition_point(|&first| first as usize <= order) - 1;
    let (customer, item) = (log.customer_ids.value(customer), log.item_ids.value(item as usize));
    format!("{customer} bought {item} on {}", date(log.order_day[order]))
}

fn validity(findings: &mut Vec<Finding>, checked: &Checked<'_>) {
    let purchases = checked
        .rejects
        .iter()
        .filter(|(reason, _)| !reason.starts_with("customers:") && !reason.starts_with("records:") && *reason != "duplicate row");
    let rejected: u64 = purchases.clone().map(|(_, (rows, _))| rows).sum();
    let says = format!("{} of {} rows could not be used", count(rejected), count(checked.rows));
    findings.push(share_of("validity", "rows", checked.rows, rejected, says));
    for (reason, (rows, places)) in purchases {
        findings.push(share_of(
            "validity",
            reason.as_str(),
            checked.rows,
            *rows,
            format!("{} rows{}", count(*rows), such_as(places.clone())),
        ));
    }
}

fn uniqueness(findings: &mut Vec<Finding>, past: &Past<'_>, checked: &Checked<'_>) {
    let (doubled, places) = checked.duplicates;
    let examples = such_as(places.iter().cloned());
    let says = format!("{} of {} rows are equal to another one in everything{examples}", count(doubled), count(checked.rows));
    findings.push(share_of("uniqueness", "duplicate rows", checked.rows, doubled, says));
    let log = past.log();
    for (check, ids) in [("customer ids", &log.customer_ids), ("item ids", &log.item_ids)] {
        let (collisions, examples) = collisions(ids);
        let examples = such_as(examples);
        let says = format!("{} ids differ from another one in case, spaces or leading zeros alone{examples}", count(collisions));
        findings.push(share_of("uniqueness", check, arrow::array::Array::len(ids) as u64, collisions, says));
    }
}

/// Ids that look like one before them, and the first few as `A1 = a1`.
fn collisions(ids: &StringArray) -> (u64, Vec<String>) {
    let plain = |id: &str| {
        let folded: String = id.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect();
        let short = folded.trim_start_matches('0');
        if short.is_empty() { folded.get(..1).unwrap_or_default().to_owned() } else { short.to_owned() }
    };
    let rows: Vec<u32> = (0..arrow::array::Array::len(ids) as u32).collect();
    let mut hashed: Vec<(u64, u32)> =
        rows.into_par_iter().map(|row| (u64::from_le_bytes(first_bytes(&plain(ids.value(row as usize)))), row)).collect();
    hashed.par_sort_unstable();
    let same = hashed.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1);
    let found = same.clone().map(|same| same.len() as u64 - 1).sum();
    let mut examples: Vec<(u32, u32)> = same.map(|same| (same[0].1, same[1].1)).collect();
    examples.sort_unstable();
    let text = |(a, b): (u32, u32)| format!("{:?} and {:?}", ids.value(a as usize), ids.value(b as usize));
    (found, examples.into_iter().take(EXAMPLES + 1).map(text).collect())
}

fn first_bytes(text: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
    bytes
}

/// Orders by day.
struct Days {
    first: Day,
    orders: Vec<u64>,
}

impl Days {
    /// From the first to the last day with an order.
    fn new(past: &Past<'_>) -> Self {
        let log = past.log();
        let (first, last) = log.days().unwrap_or((past.day, past.day - 1));
        let mut orders = vec![0; (last - first + 1).max(0) as usize];
        log.order_day.iter().for_each(|&day| orders[(day - first) as usize] += 1);
        Self { first, orders }
    }

    fn day(&self, at: usize) -> Day {
        self.first + at as Day
    }

    /// The usual orders of the same weekday in the weeks before; none where there are too few weeks.
    fn usual(&self, at: usize) -> Option<f64> {
        let before: Vec<u64> = (1..=WEEKS).filter_map(|weeks| at.checked_sub(7 * weeks)).map(|at| self.orders[at]).collect();
        if before.len() < WEEKS / 2 { None } else { median(before).filter(|&usual| usual > 0.0) }
    }
}

fn median(mut values: Vec<u64>) -> Option<f64> {
    values.sort_unstable();
    values.get(values.len() / 2).or(values.last()).map(|&value| value as f64)
}

fn timeliness(findings: &mut Vec<Finding>, days: &Days) {
    let Some(last) = days.orders.len().checked_sub(1) else { return };
    let usual = days.usual(last);
    let (found, score) = (days.orders[last], usual.map_or(100.0, |usual| (100.0 * days.orders[last] as f64 / usual).min(100.0)));
    let beside = usual
        .map_or("there are too few weeks before to see it against".to_owned(), |usual| format!("the same weekday usually has {usual:.0}"));
    let says = format!("{}, the last day, has {} orders; {beside}", date(days.day(last)), count(found));
    findings.push(Finding {
        dimension: "timeliness",
        check: "last day".to_owned(),
        checked: 1,
        affected: u64::from(score < 50.0),
        score,
        says,
    });
}

fn consistency(findings: &mut Vec<Finding>, past: &Past<'_>, days: &Days) {
    // a weekday on which the shop is usually closed is no gap
    let is_gap = |at: &usize| days.orders[*at] == 0 && days.usual(*at).is_some();
    let gaps: Vec<usize> = (0..days.orders.len()).filter(is_gap).collect();
    let examples = such_as(gaps.iter().map(|&at| date(days.day(at))));
    let says = format!("{} days without an order on which the weeks before had some{examples}", count(gaps.len() as u64));
    findings.push(share_of("consistency", "days without orders", days.orders.len() as u64, gaps.len() as u64, says));
    // whole weeks, counted back from the last day
    let weeks: Vec<(Day, u64)> = days
        .orders
        .rchunks(7)
        .enumerate()
        .filter(|(_, week)| week.len() == 7)
        .map(|(back, week)| (days.day(days.orders.len() - 7 * (back + 1)), week.iter().sum()))
        .collect();
    let mut changes: Vec<String> = Vec::new();
    for (at, (start, orders)) in weeks.iter().enumerate() {
        let before: Vec<u64> = weeks.iter().skip(at + 1).take(WEEKS).map(|(_, orders)| *orders).collect();
        let usual = if before.len() >= WEEKS / 2 { median(before) } else { None };
        if let Some(usual) = usual.filter(|&usual| usual > 0.0)
            && !(1.0 / LEVEL..=LEVEL).contains(&(*orders as f64 / usual))
        {
            changes.push(format!("week of {}: {} orders, usually {usual:.0}", date(*start), count(*orders)));
        }
    }
    let says = format!("{} weeks with less than half or more than twice the usual orders{}", changes.len(), such_as(changes.clone()));
    findings.push(share_of("consistency", "changes of level", weeks.len() as u64, changes.len() as u64, says));
    let log = past.log();
    let returned: usize = log.returns.len();
    let unmatched = unmatched(past);
    let example = |back: &&crate::log::Return| {
        let (customer, item) = (log.customer_ids.value(back.customer as usize), log.item_ids.value(back.item as usize));
        format!("{customer} sent back {item} on {}", date(back.day))
    };
    let examples = such_as(unmatched.iter().map(example));
    let says =
        format!("{} of {} returns have no earlier purchase of the item{examples}", count(unmatched.len() as u64), count(returned as u64));
    findings.push(share_of("consistency", "returns without a purchase", returned as u64, unmatched.len() as u64, says));
}

/// Returns of what the customer had not bought by then.
fn unmatched<'a>(past: &Past<'a>) -> Vec<&'a crate::log::Return> {
    let log = past.log();
    let bought = |back: &crate::log::Return| {
        log.orders_of(back.customer as usize)
            .take_while(|&order| log.order_day[order] <= back.day)
            .any(|order| log.line_item[log.lines_of(order)].binary_search(&back.item).is_ok())
    };
    log.returns.par_iter().filter(|back| !bought(back)).collect()
}

fn drift(findings: &mut Vec<Finding>, checked: &Checked<'_>) {
    let Some(before) = checked.before else { return };
    let rejected = |data: &DataSummary| data.rejects.values().sum::<u64>() as f64 / data.rows.max(1) as f64;
    let days = |data: &DataSummary| {
        let day = |text: &str| shopkeeper_models::calendar::day(text).unwrap_or(0);
        f64::from((day(&data.last_day) - day(&data.first_day) + 1).max(1))
    };
    type Figure = (&'static str, fn(&DataSummary, f64) -> f64);
    let figures: [Figure; 4] = [
        ("orders a day", |data, days| data.orders as f64 / days),
        ("lines of an order", |data, _| data.lines as f64 / data.orders.max(1) as f64),
        ("orders of a customer in 30 days", |data, days| 30.0 * data.orders as f64 / data.customers.max(1) as f64 / days),
        ("returns of 100 lines", |data, _| 100.0 * data.returns as f64 / data.lines.max(1) as f64),
    ];
    for (check, of) in figures {
        let (then, now) = (of(before, days(before)), of(checked.now, days(checked.now)));
        // equal when both are nothing; a thousandth keeps the ratio of very small figures sane
        let change = ((now + 1e-3) / (then + 1e-3)).ln().abs();
        let score = 100.0 * (1.0 - change / DRIFT).max(0.0);
        let says = format!("{then:.2} in the version before, {now:.2} now");
        findings.push(Finding { dimension: "drift", check: check.to_owned(), checked: 1, affected: u64::from(score < 50.0), score, says });
    }
    columns_changed(findings, before, checked.now);
    let (then, now) = (rejected(before), rejected(checked.now));
    let says = format!("{} in the version before, {} now", percent(then), percent(now));
    let score = 100.0 * (1.0 - (now - then).abs()).max(0.0);
    findings.push(Finding {
        dimension: "drift",
        check: "rejected rows".to_owned(),
        checked: 1,
        affected: u64::from(score < 50.0),
        score,
        says,
    });
    let shrunk = before.first_day < checked.now.first_day;
    let says = format!("the first day was {}, it is {} now", before.first_day, checked.now.first_day);
    let score = if shrunk { 50.0 } else { 100.0 };
    findings.push(Finding { dimension: "drift", check: "history".to_owned(), checked: 1, affected: u64::from(shrunk), score, says });
}

/// Columns that came, went or changed their type since the version before; one that does not say its columns is not compared with.
fn columns_changed(findings: &mut Vec<Finding>, before: &DataSummary, now: &DataSummary) {
    if before.columns.is_empty() {
        return;
    }
    let gone = before.columns.keys().filter(|column| !now.columns.contains_key(*column)).map(|column| format!("{column} is gone"));
    let new = now.columns.keys().filter(|column| !before.columns.contains_key(*column)).map(|column| format!("{column} is new"));
    let changed = before.columns.iter().filter_map(|(column, then)| {
        let found = now.columns.get(column).filter(|found| *found != then)?;
        Some(format!("{column} was {then}, is {found}"))
    });
    let changes: Vec<String> = gone.chain(changed).chain(new).collect();
    let says = format!("{} columns differ from the version before{}", changes.len(), such_as(changes.clone()));
    findings.push(share_of("drift", "columns", before.columns.len() as u64, changes.len() as u64, says));
}
