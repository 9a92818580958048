//! Odd shops: all of them train, and what is said of their customers is whole, finite and honest.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use shopkeeper::encode::{Encoder, Format};
use shopkeeper::lists::{self, CHURN_SORT, CUSTOMERS_SORT, CustomerFilter, List, Window};
use shopkeeper_models::groups::GroupBy;
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::loyalty::{LoyaltySettings, LoyaltyTier};
use shopkeeper_models::migration::Migration;
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, Model};
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;
use shopkeeper_training::tuning::Effort;

use crate::shop::{self, Line, line};

/// Trains as quickly as can be; also says what the version's report is.
fn trained_with(lines: &[Line], settings: TrainSettings) -> (Arc<Model>, String) {
    let folder = tempfile::tempdir().unwrap();
    let purchases = folder.path().join("purchases.parquet");
    shop::write(&purchases, lines);
    let read = ReadSettings { purchases: vec![purchases.display().to_string()], max_reject_rate: 1.0, ..ReadSettings::default() };
    let store = ModelStore::new(folder.path().join("store"));
    let settings = TrainSettings { read, tune: Effort::Off, ..settings };
    let trained = train(&settings, &store, &Silent).unwrap_or_else(|error| panic!("{error}"));
    let report = std::fs::read_to_string(store.path(&trained.version).join("report.html")).unwrap();
    (Arc::new(store.load(&trained.version).unwrap()), report)
}

fn trained(lines: &[Line]) -> Arc<Model> {
    trained_with(lines, TrainSettings::default()).0
}

/// The rows of a list as JSON, which knows no NaN: it would be null in a column that has none.
fn json(list: List) -> Vec<Value> {
    let schema = list.schema.clone();
    let mut encoder = Encoder::new(Format::Json, &schema).unwrap();
    list.batches.for_each(|batch| {
        for column in batch.columns() {
            if let Some(numbers) = column.as_any().downcast_ref::<arrow::array::Float64Array>() {
                assert!(numbers.iter().flatten().all(f64::is_finite), "{schema:?}");
            }
        }
        encoder.write(&batch).unwrap();
    });
    serde_json::from_slice(&encoder.finish().unwrap()).unwrap()
}

/// The same lines two years before, so that none lies in the future.
fn earlier(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().map(|line| Line { day: line.day - 730, ..line }).collect()
}

/// What must hold for any shop.
fn assert_sound(model: &Arc<Model>) {
    let all = |sort: &str| CustomerFilter::new(model, &[], sort).unwrap();
    let rows = json(lists::customers(model, &all(CUSTOMERS_SORT), Window::ALL));
    assert_eq!(rows.len(), model.customers.len());
    assert_eq!(json(lists::churn(model, &all(CHURN_SORT), Window::ALL)).len(), rows.len());
    for row in &rows {
        for score in ["rfm_recency", "rfm_frequency", "rfm_monetary"] {
            let bought = row["purchase_days"].as_u64() != Some(0);
            assert_eq!(row[score].as_u64().is_some_and(|score| (1..=5).contains(&score)), bought, "{row}");
        }
        assert_eq!(row["rfm_group"].is_string(), row["rfm_recency"].is_u64());
        for (name, most) in [("p_alive", 1.0), ("churn_percentile", 100.0), ("discount_share", 1.0), ("usual_channel_share", 1.0)] {
            assert!(row[name].as_f64().is_none_or(|value| (0.0..=most).contains(&value)), "{name}: {row}");
        }
        for name in ["expected_purchases", "expected_spend", "spend_if_active", "expected_loss", "lifetime_value", "loyalty_spend"] {
            assert!(row[name].as_f64().is_none_or(|value| value >= 0.0), "{name}: {row}");
        }
        let no_order = row["purchase_days"].as_u64() == Some(0);
        assert_eq!(row["gap_days"].is_null(), no_order, "{row}");
        assert_eq!(["prospect", "insufficient_data"].contains(&row["lifecycle"].as_str().unwrap()), no_order, "{row}");
        assert_eq!(row["next_order"].is_string(), row["next_order_status"] == "expected", "{row}");
        let p = row["churn_probability"].as_f64();
        let gone = p.is_some_and(|p| 1.0 - p < model.manifest.rules.value.rules.gone_below);
        assert!(!gone || (row["value_tier"] == "low" && row["next_order_status"] == "unlikely"), "{row}");
        assert_eq!(row["status"], if p.is_some() { "ok" } else { "insufficient_data" });
        assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)), "{row}");
        assert_eq!(row["loyalty_falls_on"].is_string(), row["loyalty_tier"].is_string(), "every tier here takes at least one order: {row}");
    }
    let standing = model.standing();
    for by in GroupBy::ALL {
        let groups = standing.groups(by);
        assert_eq!(groups.iter().map(|group| group.customers).sum::<u64>(), rows.len() as u64, "{by:?}");
        let same = Migration::between(&standing, &standing, by);
        assert_eq!((same.totals(), same.stayed()), ([rows.len() as u64, 0, 0], rows.len() as u64), "{by:?}");
    }
    let buyers = rows.iter().filter(|row| row["purchase_days"] != 0).count() as u64;
    for by in ["rfm_recency", "rfm_frequency", "rfm_monetary"] {
        let counted: u64 = standing.scores().iter().filter(|score| score.by == by).map(|score| score.customers).sum();
        assert_eq!(counted, buyers, "{by}");
    }
}

/// Paid less paid back by someone with so many orders of "refunds larger than purchases": 3 an order, and 50 back.
fn lines_paid(orders: f64) -> f64 {
    orders * (line("", "", "", 0).amount - 50.0)
}

fn stage(model: &Model, customer: &str) -> LifecycleStage {
    model.customers.lifecycle_stage(model.customers.find(customer).unwrap())
}

#[test]
fn odd_shops_train_and_answer_soundly() {
    let one_time = (0..40).map(|at| line(&format!("c{at:02}"), &format!("o{at}"), &format!("i{}", at % 5), at * 4)).collect();
    let same_day = (0..60).map(|at| line(&format!("c{}", at % 6), &format!("o{at}"), &format!("i{}", at % 4), 10 + at % 2)).collect();
    let refunds = (0..30)
        .flat_map(|at| {
            let bought = line(&format!("c{}", at % 10), &format!("o{at}"), "i1", at * 3);
            let back = Line { quantity: -5, amount: -50.0, order: format!("r{at}"), day: at * 3 + 1, ..bought.clone() };
            [bought, back]
        })
        .collect();
    let one_customer = (0..12).map(|at| line("only", &format!("o{at}"), &format!("i{}", at % 3), at * 9)).collect();
    let thirty = (0..180).map(|at| line(&format!("c{:02}", at % 30), &format!("o{at}"), &format!("i{}", at % 7), at * 2)).collect();
    let one_item = (0..120).map(|at| line(&format!("c{:02}", at % 25), &format!("o{at}"), "only", at + at % 25)).collect();
    let three_days = (0..50).map(|at| line(&format!("c{:02}", at % 20), &format!("o{at}"), &format!("i{}", at % 9), at % 3)).collect();
    let gaps =
        (0..40).map(|at| line(&format!("c{}", at % 8), &format!("o{at}"), &format!("i{}", at % 3), -3_650 + (at / 8) * 730 + at % 8));
    let shops: [(&str, Vec<Line>); 8] = [
        ("one-time buyers", one_time),
        ("same-day orders", same_day),
        ("refunds larger than purchases", refunds),
        ("one customer", one_customer),
        ("thirty customers", thirty),
        ("one item", one_item),
        ("three days", three_days),
        ("ten years of gaps", gaps.collect()),
    ];
    for (name, lines) in shops {
        let model = trained(&earlier(lines));
        println!("{name}: {:?}", model.manifest.evaluation.skipped);
        assert_sound(&model);
        let scored = model.customers.churn_probability.0.iter().flatten().count();
        if ["one-time buyers", "one customer", "three days", "same-day orders"].contains(&name) {
            assert_eq!(scored, 0, "{name}: a probability would be invented");
        }
        if name == "refunds larger than purchases" {
            for customer in (0..model.customers.len() as u32).map(CustomerIx) {
                let (row, orders) = (customer.row(), f64::from(model.customers.orders.value(customer.row())));
                let paid = lines_paid(orders);
                assert!((model.customers.spend.value(row) - paid).abs() < 0.005, "what is paid back counts as it stands in the books");
                assert_eq!(model.customers.distinct_items.value(row), 0, "everything came back");
                assert!(model.customers.lifetime_value.get(row).is_none_or(|value| value >= 0.0));
            }
        }
    }
}

#[test]
fn equal_amounts_score_alike_and_few_values_use_fewer_scores() {
    let lines: Vec<Line> = (0..90).map(|at| line(&format!("c{:02}", at % 30), &format!("o{at}"), &format!("i{}", at % 7), at)).collect();
    let model = trained(&lines);
    assert!(model.customers.rfm_monetary.0.iter().all(|score| score == Some(3)), "equal spend: nobody is above anybody");
    assert!(model.customers.rfm_frequency.0.iter().all(|score| score == Some(3)));
    assert_eq!(model.manifest.rules.rfm.monetary.0.len(), 1, "the cut points say that one score is in use");
}

#[test]
fn who_comes_back_after_a_long_silence_is_won_back_until_they_are_regulars_again() {
    let visits = |customer: &str, days: &[i64]| -> Vec<Line> {
        days.iter().map(|&day| line(customer, &format!("{customer}{day}"), "i1", day)).collect()
    };
    let every = |from: i64, until: i64| -> Vec<i64> { (from..until).step_by(10).collect() };
    let lines = [
        visits("regular", &every(0, 400)),
        visits("back", &[every(0, 100), vec![380, 392]].concat()),
        visits("back for good", &[every(0, 100), every(300, 400)].concat()),
        visits("gone", &every(0, 100)),
        visits("fading", &[every(0, 370)].concat()),
        visits("fresh", &[395]),
    ]
    .concat();
    let model = trained(&earlier(lines));
    for (customer, expected) in [
        ("back", LifecycleStage::WonBack),
        ("gone", LifecycleStage::Lapsed),
        ("fading", LifecycleStage::AtRisk),
        ("fresh", LifecycleStage::New),
    ] {
        assert_eq!(stage(&model, customer), expected, "{customer}");
    }
    for customer in ["regular", "back for good"] {
        assert!(matches!(stage(&model, customer), LifecycleStage::Active | LifecycleStage::Loyal), "{customer}");
    }
    assert_sound(&model);
}

#[test]
fn loyalty_counts_the_window_the_way_up_the_day_of_falling_back_and_points() {
    let paid = |customer: &str, day: i64, amount: f64| Line { amount, ..line(customer, &format!("{customer}{day}"), "i1", day) };
    let lines = vec![
        paid("ann", 0, 500.0), // out of the window of 100 days that ends on day 150
        paid("ann", 60, 80.0),
        paid("ann", 120, 45.5),
        paid("bob", 149, 10.0),
        paid("eve", 10, 900.0),
        paid("zoe", 150, 1.0),
    ];
    let tier = |name: &str, min_spend, min_orders| LoyaltyTier { name: name.into(), min_spend, min_orders };
    let loyalty = LoyaltySettings {
        window_days: 100,
        tiers: Some(vec![tier("blue", 0.0, 1), tier("silver", 100.0, 2), tier("gold", 200.0, 3)]),
        points_per_unit: Some(2.0),
        points_expire_days: Some(120),
    };
    let (model, report) = trained_with(&lines, TrainSettings { loyalty, ..TrainSettings::default() });
    let filter = CustomerFilter::new(&model, &[], CUSTOMERS_SORT).unwrap();
    let rows = json(lists::customers(&model, &filter, Window::ALL));
    let of = |customer: &str| rows.iter().find(|row| row["customer_id"] == customer).unwrap().clone();
    let ann = of("ann");
    assert_eq!(
        (&ann["loyalty_tier"], ann["loyalty_spend"].as_f64(), ann["loyalty_orders"].as_u64()),
        (&"silver".into(), Some(125.5), Some(2))
    );
    assert_eq!((&ann["loyalty_next_tier"], ann["loyalty_spend_to_next"].as_f64()), (&"gold".into(), Some(74.5)));
    assert_eq!(ann["loyalty_orders_to_next"], 1);
    // the order of day 60 counts up to day 159; 2026-01-01 is day 0
    assert_eq!((&ann["loyalty_falls_on"], &ann["loyalty_falls_to"]), (&"2026-06-10".into(), &"blue".into()));
    assert_eq!((ann["loyalty_points"].as_f64(), ann["loyalty_points_expiring"].as_f64()), (Some(160.0 + 91.0), Some(160.0)));
    assert_eq!(ann["loyalty_points_expire_on"], "2026-06-30");
    let bob = of("bob");
    assert_eq!(
        (&bob["loyalty_tier"], &bob["loyalty_falls_on"], &bob["loyalty_falls_to"]),
        (&"blue".into(), &"2026-09-07".into(), &Value::Null)
    );
    let eve = of("eve");
    assert_eq!((&eve["loyalty_tier"], &eve["loyalty_falls_on"]), (&Value::Null, &Value::Null));
    assert_eq!(eve["loyalty_points"].as_f64(), Some(0.0), "expired");
    assert!(report.contains("spend of at least 100.00 and at least 2 orders in the last 100 days"), "the rule stands in the report");
}

#[test]
fn migration_tells_who_stayed_moved_joined_and_left() {
    let shop = |customers: std::ops::Range<i64>, until: i64| -> Vec<Line> {
        let visits = customers.flat_map(|customer| (0..until).step_by(10 + customer as usize).map(move |day| (customer, day)));
        visits.map(|(customer, day)| line(&format!("c{customer:02}"), &format!("o{customer}-{day}"), "i1", day)).collect()
    };
    let (before, after) = (trained(&earlier(shop(0..10, 100))), trained(&earlier([shop(5..15, 100), shop(20..21, 190)].concat())));
    for by in GroupBy::ALL {
        let moved = Migration::between(&before.standing(), &after.standing(), by);
        assert_eq!(moved.totals(), [5, 6, 5], "{by:?}");
        assert_eq!(moved.ways().map(|way| way.customers).sum::<u64>(), 16);
        for group in &moved.from_groups {
            let shares: f64 = moved.ways().filter(|way| way.from == Some(group)).filter_map(|way| way.share).sum();
            assert!(shares == 0.0 || (shares - 1.0).abs() < 1e-9, "{by:?} {group}: {shares}");
        }
    }
    let stages = Migration::between(&before.standing(), &after.standing(), GroupBy::Lifecycle);
    let lapsed = stages.ways().filter(|way| way.to == Some("lapsed")).map(|way| way.customers).sum::<u64>();
    assert!(lapsed >= 5 && stages.stayed() < 5, "ninety days later nobody of them has come back: {stages:?}");
}

#[test]
fn the_report_says_who_moved_since_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &shop::checkerboard(20, 8, 120));
    let report = |version: &str| std::fs::read_to_string(store.join(version).join("report.html")).unwrap();
    let first = shop::train(&purchases, &store, &["--tune", "off", "--as-of", "2026-03-15"]);
    assert!(report(&first).contains("The store holds no version with an earlier as-of"));
    let second = shop::train(&purchases, &store, &["--tune", "off"]);
    assert!(report(&second).contains(&format!("Since the version <code>{first}</code>, as of 2026-03-15")));
    assert!(report(&second).contains("customers in both versions are where they were"));
    let again = shop::train(&purchases, &store, &["--tune", "off"]);
    assert_eq!(again, second, "training again on the same data compares with the same version and gives the same bytes");
    let out = folder.path().join("moves.csv");
    let export = |more: &[&str]| {
        let mut command = shop::shopkeeper();
        command.args(["export", "migration", "--by", "value_tier", "--store"]).arg(&store).arg("--out").arg(&out).args(more);
        command
    };
    export(&[]).assert().success();
    let csv = std::fs::read_to_string(&out).unwrap();
    assert!(csv.starts_with("from_version,to_version,by,from_group,to_group,change,customers,share\n"), "{csv}");
    assert!(csv.contains(&format!("{first},{second},value_tier,")), "{csv}");
    let said = shop::complaint(&mut export(&["--from", &second]));
    assert!(said.contains("would be compared with itself"), "{said}");
    let said = shop::complaint(&mut export(&["--from", "2001-01-01-nothere"]));
    assert!(said.contains("no model version \"2001-01-01-nothere\""), "{said}");

    // the same parameters as over HTTP, and the same complaints
    let churn = |more: &[&str]| {
        let mut command = shop::shopkeeper();
        command.args(["export", "churn", "--store"]).arg(&store).arg("--out").arg(&out).args(more);
        command
    };
    churn(&["--where", "min_purchase_days=8", "--where", "lifecycle=active,loyal", "--sort", "spend", "--limit", "3"]).assert().success();
    let csv = std::fs::read_to_string(&out).unwrap();
    assert_eq!(csv.lines().count(), 4, "{csv}");
    for (wrong, complaint) in [
        (["--where", "shoe_size=44"], "shoe_size: no such parameter; expected one of customer_id"),
        (["--where", "min_spend=lots"], "min_spend=lots: expected a number"),
        (["--sort", "shoe_size"], "sort=shoe_size: no such field"),
    ] {
        let said = shop::complaint(&mut churn(&wrong));
        assert!(said.contains(complaint), "{said}");
    }

    // a current version that is none is said
    std::fs::write(store.join("CURRENT"), "rubbish\n").unwrap();
    let listed = shop::shopkeeper().args(["models", "list", "--store"]).arg(&store).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&listed).starts_with("Note: none of these is current"), "{}", String::from_utf8_lossy(&listed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_little_shop_trains_and_answers_soundly(
        lines in prop::collection::vec((0..9_u8, 0..40_u8, 0..6_u8, 0..400_i64, -2..4_i64, 0..50_u16), 1..80),
    ) {
        let mut lines: Vec<Line> = lines
            .into_iter()
            .map(|(customer, order, item, day, quantity, cents)| {
                let amount = f64::from(cents) / 4.0 * (quantity.signum() as f64);
                let order = format!("o{customer}-{order}");
                Line { quantity, amount, ..line(&format!("c{customer}"), &order, &format!("i{item}"), day) }
            })
            .collect();
        lines.push(line("c0", "first", "i0", 0));
        // a refund without a unit
        for line in lines.iter_mut().filter(|line| line.quantity == 0 && line.day % 2 == 0) {
            line.amount = -1.25;
        }
        let model = trained(&earlier(lines.clone()));
        assert_sound(&model);
        for customer in (0..model.customers.len() as u32).map(CustomerIx) {
            let of = |line: &&Line| line.customer == model.customers.id(customer);
            let ledger: f64 = lines.iter().filter(of).map(|line| line.amount).sum();
            prop_assert!((model.customers.spend.value(customer.row()) - ledger).abs() < 0.005);
            let only_returns = lines.iter().filter(of).all(|line| line.quantity < 0 || line.amount < 0.0);
            prop_assert_eq!(model.customers.lifecycle_stage(customer) == LifecycleStage::InsufficientData, only_returns);
            prop_assert_eq!(model.customers.gap_days.get(customer.row()).is_none(), only_returns);
            prop_assert!(model.loyalty.spend.value(customer.row()) >= 0.0);
        }
    }
}
