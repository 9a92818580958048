//! How long all insights take: `cargo bench --bench insights -- [--customers N] [--orders N] [--lines N] [--days N]`.
//!
//! A simulated shop in memory, by default of 20 million lines over two years: 500,000 customers with four orders of ten lines each, 20,000 items in
//! 200 categories, ten segments. Prints the time of the one pass with its tables, that of the slowest question, and the peak of memory.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::array::{StringArray, UInt16Array};
use clap::Parser;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use shopkeeper_models::insights::{INSIGHTS, InsightQuery};
use shopkeeper_models::manifest::DataSummary;
use shopkeeper_models::table::Nullable;
use shopkeeper_training::insights::{Checked, InsightParams, Membership};
use shopkeeper_training::log::{Catalogue, PurchaseLog};
use shopkeeper_training::pipeline::peak_memory_bytes;
use shopkeeper_training::records::Records;

#[derive(Parser)]
struct Insights {
    /// Customers.
    #[arg(long, default_value_t = 500_000)]
    customers: u32,
    /// Orders of each.
    #[arg(long, default_value_t = 4)]
    orders: u32,
    /// Lines of an order.
    #[arg(long, default_value_t = 10)]
    lines: u32,
    /// Days that the shop was open.
    #[arg(long, default_value_t = 730)]
    days: i32,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

const ITEMS: u32 = 20_000;
const SEGMENTS: [u32; 2] = [5, 5];

fn main() {
    let Insights { customers, orders, lines, days, .. } = Insights::parse();
    let log = simulated(customers, orders, lines, days);
    let before = peak_memory_bytes() >> 20;
    let ids =
        StringArray::from_iter_values((1..=SEGMENTS[0]).map(|at| format!("s{at}")).chain((1..=SEGMENTS[1]).map(|at| format!("n{at}"))));
    let segment = UInt16Array::from_iter_values((0..customers).map(|customer| (customer % SEGMENTS[0]) as u16));
    let needs = Nullable(UInt16Array::from_iter_values((0..customers).map(|customer| (SEGMENTS[0] + customer / 7 % SEGMENTS[1]) as u16)));
    let (rejects, now) = (BTreeMap::new(), DataSummary::default());
    let checked = Checked { rows: log.line_item.len() as u64, rejects: &rejects, duplicates: (0, &[]), before: None, now: &now };
    let members = Membership { ids: &ids, segment: &segment, needs_segment: &needs, tiers: &[] };
    let start = Instant::now();
    let insights = InsightParams::default().fit(&log.before(log.as_of_day), members, 60, &checked, &Records::default());
    let seconds = start.elapsed().as_secs_f64();
    let (mut slowest, mut rows) = (("", 0.0), 0);
    for insight in INSIGHTS {
        rows += insights.table(insight).map_or(0, |table| table.num_rows());
        for by in insight.by {
            let query = InsightQuery { by: Some((*by).to_owned()), ..InsightQuery::default() };
            let start = Instant::now();
            insights.query(insight, &query, &ids).expect("a question that can be asked");
            let took = 1e3 * start.elapsed().as_secs_f64();
            if took > slowest.1 {
                slowest = (insight.name, took);
            }
        }
    }
    println!("{} lines: {seconds:.1} s, {rows} rows; slowest question {} {:.1} ms", log.line_item.len(), slowest.0, slowest.1);
    println!("peak {} MiB, of which the log {before} MiB", peak_memory_bytes() >> 20);
}

fn simulated(customers: u32, orders: u32, lines: u32, days: i32) -> PurchaseLog {
    let mut random = Xoshiro256Plus::seed_from_u64(3);
    let first = 19_000;
    let all = customers as usize * orders as usize;
    let (mut order_day, mut line_item, mut line_amount) = (Vec::with_capacity(all), Vec::new(), Vec::new());
    for _ in 0..customers {
        let mut own: Vec<i32> = (0..orders).map(|_| first + random.gen_range(0..days)).collect();
        own.sort_unstable();
        order_day.extend(own);
        for _ in 0..orders {
            // different items, ascending: one of each stretch of the catalogue
            let stretch = ITEMS / lines;
            line_item.extend((0..lines).map(|line| line * stretch + (f64::from(stretch) * random.gen_range(0.0..1.0_f64).powi(3)) as u32));
            line_amount.extend((0..lines).map(|_| f64::from(random.gen_range(1..5_000_u32)) / 100.0));
        }
    }
    let none = || vec![None; ITEMS as usize];
    let category = (0..ITEMS).map(|item| Some(format!("c{:02}/{:03}", item % 20, item % 200))).collect();
    PurchaseLog {
        customer_ids: StringArray::from_iter_values((0..customers).map(|customer| format!("{customer:08}"))),
        item_ids: StringArray::from_iter_values((0..ITEMS).map(|item| format!("{item:06}"))),
        catalogue: Catalogue {
            title: none(),
            category,
            brand: none(),
            price: vec![None; ITEMS as usize],
            available: vec![true; ITEMS as usize],
        },
        order_offsets: (0..=customers).map(|customer| customer * orders).collect(),
        order_time: order_day.iter().map(|&day| i64::from(day) * 86_400 + i64::from(day % 24) * 3_600).collect(),
        order_channel: vec![u16::MAX; all],
        order_discount: Vec::new(),
        channels: Vec::new(),
        line_offsets: (0..=all as u32).map(|order| order * lines).collect(),
        line_quantity: vec![1.0; line_item.len()],
        line_item,
        line_amount,
        returns: Vec::new(),
        as_of: i64::from(first + days) * 86_400,
        as_of_day: first + days,
        timezone: "Europe/Berlin".into(),
        order_day,
    }
}
