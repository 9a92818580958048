//! How often the interval of a campaign's lift holds the truth: `cargo bench --bench campaigns -- [--seeds N] [--customers N] [--days N]`.
//!
//! A demo shop for each seed, with three campaigns whose true lift in orders of a customer is known. Prints how many of the intervals of 95 % hold it,
//! with the control group and, beside it, with the matched comparison that is made where there is none; and how far the estimates are off. Ends with
//! an error where fewer than 93 of 100 intervals beside a control group hold the truth.

use std::collections::BTreeMap;
use std::fs::File;

use arrow::array::{Array, AsArray, StringArray, UInt16Array};
use arrow::datatypes::Float64Type;
use clap::Parser;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shopkeeper_models::insights::{InsightQuery, find};
use shopkeeper_models::manifest::DataSummary;
use shopkeeper_models::table::Nullable;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::insights::{Checked, InsightParams, Membership};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::{ReadSettings, read};
use shopkeeper_training::records::Records;

#[derive(Parser)]
struct Campaigns {
    /// Shops.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Customers of each.
    #[arg(long, default_value_t = 1_500)]
    customers: u32,
    /// Days that each was open.
    #[arg(long, default_value_t = 300)]
    days: u32,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Intervals seen, those that held the truth, and the sum of errors.
#[derive(Default)]
struct Held {
    all: u32,
    held: u32,
    error: f64,
    width: f64,
}

fn main() {
    let Campaigns { seeds, customers, days, .. } = Campaigns::parse();
    let mut held: BTreeMap<(String, String), Held> = BTreeMap::new();
    for seed in 0..seeds {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = DemoShop { customers, days, seed, items: 120, ..DemoShop::default() }.write(folder.path()).expect("a shop");
        let settings = ReadSettings {
            purchases: vec![files.purchases[0].display().to_string()],
            campaigns: Some(files.campaigns.display().to_string()),
            ..ReadSettings::default()
        };
        let data = read(&settings, &Silent).expect("purchases");
        let truth = ParquetRecordBatchReaderBuilder::try_new(File::open(&files.truth_campaigns).expect("written")).expect("Parquet");
        let truth = truth.build().expect("readable").next().expect("rows").expect("readable");
        let (ids, lifts) = (truth["campaign_id"].as_string::<i32>(), truth["true_lift"].as_primitive::<Float64Type>());
        let mut hidden = data.records.clone();
        for campaign in &mut hidden.campaigns {
            campaign.members.retain(|member| !member.is_control);
        }
        for records in [&data.records, &hidden] {
            for (name, evidence, [least, lift, most]) in measured(&data.log.before(data.log.as_of_day), records) {
                let at = ids.iter().position(|id| id == Some(&name)).expect("a campaign of the demo");
                let truth = lifts.value(at);
                let held = held.entry((evidence, name)).or_default();
                held.all += 1;
                held.held += u32::from((least..=most).contains(&truth));
                held.error += lift - truth;
                held.width += most - least;
            }
        }
    }
    let mut by_lot = Held::default();
    for ((evidence, name), Held { all, held, error, width }) in &held {
        let each = f64::from(*all);
        println!(
            "{evidence:16} {name:14} {held} of {all} intervals hold the truth; mean error {:+.4}, mean width {:.4} orders of a customer",
            error / each,
            width / each
        );
        if evidence == "randomised" {
            by_lot.all += all;
            by_lot.held += held;
        }
    }
    println!(
        "beside a control group: {} of {} ({:.1} of 100)",
        by_lot.held,
        by_lot.all,
        100.0 * f64::from(by_lot.held) / f64::from(by_lot.all)
    );
    assert!(by_lot.held * 100 >= by_lot.all * 93, "fewer than 93 of 100 intervals hold the truth");
}

/// Name, evidence and lift in orders of every campaign.
fn measured(past: &shopkeeper_training::log::Past<'_>, records: &Records) -> Vec<(String, String, [f64; 3])> {
    let customers = past.log().customers();
    let ids = StringArray::from(vec!["s1"]);
    let segment = UInt16Array::from(vec![0; customers]);
    let needs = Nullable(UInt16Array::new_null(customers));
    let (rejects, now) = (BTreeMap::new(), DataSummary::default());
    let checked = Checked { rows: 0, rejects: &rejects, duplicates: (0, &[]), before: None, now: &now };
    let members = Membership { ids: &ids, segment: &segment, needs_segment: &needs, tiers: &[] };
    let insights = InsightParams::default().fit(past, members, 60, &checked, records);
    let rows = insights.query(find("campaign_lift").expect("known"), &InsightQuery::default(), &ids).expect("a question");
    let number = |name: &str, row: usize| rows[name].as_primitive::<Float64Type>().value(row);
    let text = |name: &str, row: usize| rows[name].as_string::<i32>().value(row).to_owned();
    let orders = (0..rows.num_rows()).filter(|&row| text("outcome", row) == "orders" && rows["lift"].is_valid(row));
    orders.map(|row| (text("name", row), text("evidence", row), ["least", "lift", "most"].map(|name| number(name, row)))).collect()
}
