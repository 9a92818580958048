//! Likely buyers: of the first 50, 100 and 200 of an audience, how many buy the item in the weeks after, beside the most active customers and those
//! who bought it before, and how long an audience takes: `cargo bench --bench audience -- --purchases FILE --items FILE [--column ours=theirs ...]
//! --at 2017-10-09 [--days 28]`; without files a demo shop. Trains on what came before that day, without tuning.

mod shop;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Instant;

use clap::Parser;
use shopkeeper::config::TrainOptions;
use shopkeeper_models::calendar::day;
use shopkeeper_models::recommender::{Query, Wanted};
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, ItemIx, Model};
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::log::PurchaseLog;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;
use shopkeeper_training::tuning::Effort;

const DEMO: DemoShop = DemoShop { customers: 3_000, items: 600, days: 400, seed: 42, files: 1 };
/// Items that are asked about: about so many, from the best sellers to those that hardly sell.
const ITEMS: usize = 200;
/// Buyers of the window that an item needs, so that there is somebody to find.
const LEAST_BUYERS: usize = 2;
/// The first so many of an audience.
const FIRST: [usize; 3] = [50, 100, 200];

#[derive(Parser)]
struct Audience {
    #[command(flatten)]
    options: TrainOptions,
    /// The first day that the model does not see.
    #[arg(long)]
    at: Option<String>,
    /// Days after it in which purchases count.
    #[arg(long, default_value_t = 28)]
    days: i32,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let Audience { mut options, at, days, .. } = Audience::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    if options.purchases.is_empty() {
        let files = DEMO.write(folder.path()).expect("space on the disk");
        options.purchases = files.purchases.iter().map(|path| path.display().to_string()).collect();
        options.items = Some(files.items.display().to_string());
    }
    let log = shop::log(&options, DEMO);
    let cut = at.map_or_else(|| log.as_of_day - days, |at| day(&at).expect("a date, such as 2017-10-09"));
    let read = ReadSettings {
        purchases: options.purchases,
        items: options.items,
        columns: options.columns.into_iter().chain(options.column).collect(),
        as_of: Some(shopkeeper_models::calendar::date(cut).parse().expect("a date")),
        ..ReadSettings::default()
    };
    let store = ModelStore::new(folder.path().join("store"));
    train(&TrainSettings { read, tune: Effort::Off, ..TrainSettings::default() }, &store, &Silent).expect("it trains");
    let model = store.load_current().expect("a model");
    judge(&model, &log, cut, days);
}

/// Who bought each item in the window.
fn buyers(model: &Model, log: &PurchaseLog, cut: i32, days: i32) -> Vec<HashSet<CustomerIx>> {
    let mut buyers = vec![HashSet::new(); model.items().len()];
    let items: Vec<Option<ItemIx>> = (0..log.items()).map(|item| model.items().find(log.item_ids.value(item))).collect();
    let past = log.before(log.as_of_day);
    for customer in 0..log.customers() {
        let Some(known) = model.customers.find(log.customer_ids.value(customer)) else { continue };
        for item in past.bought_between(customer, cut, cut + days) {
            if let Some(item) = items[item as usize] {
                buyers[item.row()].insert(known);
            }
        }
    }
    buyers
}

fn judge(model: &Model, log: &PurchaseLog, cut: i32, days: i32) {
    let (recommender, parts) = (&model.recommender, model.recommender.parts());
    let truth = buyers(model, log, cut, days);
    let sold: Vec<ItemIx> = recommender.popular().iter().copied().filter(|item| truth[item.row()].len() >= LEAST_BUYERS).collect();
    let asked: Vec<ItemIx> = sold.iter().copied().step_by((sold.len() / ITEMS).max(1)).collect();
    let mut active: Vec<CustomerIx> = (0..model.customers.len() as u32).map(CustomerIx).collect();
    active.sort_by_key(|customer| (Reverse(parts.orders.value(customer.row())), *customer));
    let mut found = [[0.0_f64; FIRST.len()]; 3];
    let (mut chance, mut seconds) = (0.0, Vec::new());
    for &item in &asked {
        let start = Instant::now();
        let audience = recommender.audience(Wanted::Known(item), &Query::default(), 1_000, |_| true);
        seconds.push(start.elapsed().as_secs_f64());
        let mut bought: Vec<(Reverse<u32>, u32, CustomerIx)> = active
            .iter()
            .filter_map(|&customer| {
                let of = parts.histories.of(customer).find(|bought| bought.item == item && bought.orders > 0)?;
                Some((Reverse(of.orders), of.days_since_last, customer))
            })
            .collect();
        bought.sort_unstable();
        let before: HashSet<CustomerIx> = bought.iter().map(|(.., customer)| *customer).collect();
        let past: Vec<CustomerIx> = bought
            .iter()
            .map(|(.., customer)| *customer)
            .chain(active.iter().copied().filter(|customer| !before.contains(customer)))
            .collect();
        let likely: Vec<CustomerIx> = audience.iter().map(|likely| likely.customer).collect();
        let truth = &truth[item.row()];
        for (found, order) in found.iter_mut().zip([&active, &past, &likely]) {
            for (found, first) in found.iter_mut().zip(FIRST) {
                *found += order.iter().take(first).filter(|customer| truth.contains(customer)).count() as f64 / first as f64;
            }
        }
        chance += truth.len() as f64 / active.len() as f64;
    }
    let count = asked.len() as f64;
    println!(
        "{} items that {LEAST_BUYERS} customers or more bought in the {days} days from {}",
        asked.len(),
        shopkeeper_models::calendar::date(cut)
    );
    println!("| share who buy it, of the first | {} | {} | {} |\n|---|---|---|---|", FIRST[0], FIRST[1], FIRST[2]);
    println!("| any customers | {0:.4} | {0:.4} | {0:.4} |", chance / count);
    for (name, found) in ["most active customers", "past buyers, then most active", "audience"].into_iter().zip(found) {
        println!("| {name} | {:.4} | {:.4} | {:.4} |", found[0] / count, found[1] / count, found[2] / count);
    }
    seconds.sort_by(f64::total_cmp);
    println!(
        "an audience of 1,000: half within {:.1} ms, 99 % within {:.1} ms",
        1e3 * seconds[seconds.len() / 2],
        1e3 * seconds[seconds.len() * 99 / 100]
    );
    assert!(found[2][0] >= found[1][0] && found[2][0] > found[0][0], "better than both");
}
