//! The demo shop does what it says: the same bytes for the same settings, and a life that fits the truth it tells.

use std::fs::{self, File};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn small() -> DemoShop {
    DemoShop { customers: 400, items: 120, days: 200, ..DemoShop::default() }
}

fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("written")).expect("Parquet");
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().expect("readable").collect::<Result<_, _>>().expect("readable");
    concat_batches(&schema, &batches).expect("one schema")
}

#[test]
fn the_same_settings_give_the_same_bytes_on_any_number_of_threads() {
    let write = |threads: usize| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        let files = pool.install(|| DemoShop { files: 2, ..small() }.write(folder.path())).expect("a shop");
        let tables = files.purchases.iter().chain([
            &files.items,
            &files.customers,
            &files.truth,
            &files.truth_pairs,
            &files.campaigns,
            &files.truth_campaigns,
        ]);
        tables.map(|path| fs::read(path).expect("written")).collect::<Vec<_>>()
    };
    assert_eq!(write(1), write(3));
}

#[test]
fn another_seed_is_another_shop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines = |seed| DemoShop { seed, ..small() }.write(folder.path()).expect("a shop").lines;
    assert_ne!(lines(1), lines(2));
}

#[test]
fn the_default_shop_is_as_big_as_promised_and_follows_its_truth() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = DemoShop::default().write(folder.path()).expect("a shop");
    assert!((150_000..200_000).contains(&files.lines), "{files:?}");
    let returned = files.returns as f64 / files.lines as f64;
    assert!((0.01..0.02).contains(&returned), "{returned}");

    let truth = read(&files.truth);
    let rates = truth["orders_per_day"].as_primitive::<Float64Type>();
    let mean = arrow::compute::sum(rates).expect("rates") / rates.len() as f64;
    assert!((mean - TRUE_TEMPO.r / TRUE_TEMPO.alpha).abs() < 0.01, "{mean}");
    let left = truth.num_rows() - truth["left_at"].null_count();
    assert!((0.2..0.5).contains(&(left as f64 / truth.num_rows() as f64)), "{left}");

    let purchases = read(&files.purchases[0]);
    assert_eq!(purchases.num_rows() as u64, files.lines);
    assert_eq!(arrow::compute::min(purchases["quantity"].as_primitive::<Int32Type>()), Some(-3));
    assert!(read(&files.items)["available"].as_boolean().false_count() > 5);
    assert_eq!(read(&files.customers).num_rows(), 2_080);
}

#[test]
fn a_complement_comes_along_as_often_as_its_probability_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = small().write(folder.path()).expect("a shop");
    let purchases = read(&files.purchases[0]);
    let (orders, items) = (purchases["order_id"].as_primitive::<Int64Type>(), purchases["item_id"].as_string::<i32>());
    let baskets: std::collections::HashSet<(i64, &str)> = (0..items.len()).map(|row| (orders.value(row), items.value(row))).collect();
    let pairs = read(&files.truth_pairs);
    let column = |name: &str| pairs[name].as_string::<i32>();
    let (mut expected, mut seen, mut all) = (0.0, 0u32, 0u32);
    for row in 0..pairs.num_rows() {
        let (item, with) = (column("item_id").value(row), column("with_item_id").value(row));
        for &(order, _) in baskets.iter().filter(|(_, sold)| *sold == item) {
            all += 1;
            seen += u32::from(baskets.contains(&(order, with)));
            expected += pairs["probability"].as_primitive::<Float64Type>().value(row);
        }
    }
    let (expected, seen) = (expected / f64::from(all), f64::from(seen) / f64::from(all));
    assert!((expected - 0.01..expected + 0.12).contains(&seen), "{seen} of {all} orders, of which {expected} for this reason alone");
}

#[test]
fn a_campaign_brings_what_its_truth_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = DemoShop { customers: 1_000, items: 120, days: 200, ..DemoShop::default() }.write(folder.path()).expect("a shop");
    let truth = read(&files.truth_campaigns);
    let lifts = truth["true_lift"].as_primitive::<Float64Type>().values().to_vec();
    // less than the chance of an order, since some have left
    assert!((0.06..0.12).contains(&lifts[0]) && (0.12..0.25).contains(&lifts[1]) && lifts[2] == 0.0, "{lifts:?}");
    let campaigns = read(&files.campaigns);
    let redeemed = campaigns.num_rows() - campaigns["redeemed_at"].null_count();
    assert_eq!(arrow::compute::sum(truth["orders"].as_primitive::<Int64Type>()), Some(redeemed as i64));
    let control = campaigns["group"].as_string::<i32>().iter().filter(|group| *group == Some("control")).count();
    assert!((0.3..0.4).contains(&(control as f64 / campaigns.num_rows() as f64)));
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |shop: DemoShop| shop.write(Path::new("unused")).expect_err("out of range").to_string();
    assert_eq!(refused(DemoShop { items: 3, ..small() }), "items 3; expected 51 to 10000000");
    assert_eq!(refused(DemoShop { days: 7, ..small() }), "days 7; expected 28 to 3650");
}
