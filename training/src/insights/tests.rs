//! Each figure against an answer by hand, on a shop of four customers.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampSecondArray};
use arrow::datatypes::{Date32Type, Float64Type, UInt64Type};
use parquet::arrow::ArrowWriter;
use shopkeeper_models::calendar::{date, day};
use shopkeeper_models::insights::{InsightQuery, find};
use shopkeeper_models::manifest::DataSummary;
use shopkeeper_models::store::ModelStore;

use super::*;
use crate::pipeline::{TrainSettings, train};
use crate::progress::Silent;
use crate::read::ReadSettings;
use crate::tuning::Effort;

/// Customer, order, item, time, quantity, amount.
type Line = (&'static str, &'static str, &'static str, &'static str, f64, f64);

/// January: anna buys twice, bob once. February: anna again, carl starts. March: bob is back; anna sends an apple back.
const LINES: [Line; 9] = [
    ("anna", "a1", "apple", "2024-01-01 09:30", 2.0, 4.0),
    ("anna", "a1", "bread", "2024-01-01 09:30", 1.0, 3.0),
    ("anna", "a2", "bread", "2024-01-11 09:10", 1.0, 3.0),
    ("bob", "b1", "apple", "2024-01-15 18:00", 1.0, 2.0),
    ("anna", "a3", "apple", "2024-02-05 10:00", 4.0, 8.0),
    ("carl", "c1", "cheese", "2024-02-20 18:20", 1.0, 12.0),
    ("bob", "b2", "bread", "2024-03-04 18:45", 2.0, 8.0),
    ("bob", "b2", "cheese", "2024-03-04 18:45", 1.0, 12.0),
    ("anna", "a4", "apple", "2024-03-06 10:00", -1.0, 2.0),
];

fn seconds(time: &str) -> i64 {
    chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M").expect("a time").and_utc().timestamp()
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("equal lengths");
    let mut writer = ArrowWriter::try_new(File::create(path).expect("a folder"), batch.schema(), None).expect("a schema");
    writer.write(&batch).expect("space");
    writer.close().expect("space");
}

/// The insights of a shop, as trained, saved and loaded.
fn trained(lines: &[Line], min_group: u64) -> Arc<shopkeeper_models::Model> {
    trained_with(lines, min_group, |_, _| {})
}

/// The same with other tables, which `add` writes into the folder and names.
fn trained_with(lines: &[Line], min_group: u64, add: impl Fn(&Path, &mut ReadSettings)) -> Arc<shopkeeper_models::Model> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = |of: fn(&Line) -> &'static str| -> ArrayRef { Arc::new(lines.iter().map(|line| Some(of(line))).collect::<StringArray>()) };
    let purchases = folder.path().join("purchases.parquet");
    let times: ArrayRef = Arc::new(TimestampSecondArray::from_iter_values(lines.iter().map(|line| seconds(line.3))).with_timezone("UTC"));
    let columns = vec![
        ("customer_id", text(|line| line.0)),
        ("order_id", text(|line| line.1)),
        ("item_id", text(|line| line.2)),
        ("timestamp", times),
        ("quantity", Arc::new(lines.iter().map(|line| line.4).collect::<Float64Array>()) as ArrayRef),
        ("amount", Arc::new(lines.iter().map(|line| line.5).collect::<Float64Array>())),
        // whoever comes for the first time comes over the web; what comes back says nothing of it
        ("channel", text(|line| if line.1.ends_with('1') { "web" } else { "store" })),
        (
            "discount",
            Arc::new(
                lines
                    .iter()
                    .map(|line| [0.0, 1.0, 0.5][usize::from(line.1 == "a2") + 2 * usize::from(line.1 == "b2")])
                    .collect::<Float64Array>(),
            ),
        ),
    ];
    write(&purchases, columns);
    let items = folder.path().join("items.parquet");
    let names = |names: [&'static str; 3]| -> ArrayRef { Arc::new(StringArray::from(names.to_vec())) };
    write(&items, vec![("item_id", names(["apple", "bread", "cheese"])), ("category", names(["FRESH/FRUIT", "BAKERY", "FRESH/DAIRY"]))]);
    let mut read = ReadSettings {
        purchases: vec![purchases.display().to_string()],
        items: Some(items.display().to_string()),
        timezone: "Europe/Berlin".into(),
        ..ReadSettings::default()
    };
    add(folder.path(), &mut read);
    let insights = InsightParams { min_group, ..InsightParams::default() };
    let settings = TrainSettings { read, insights, horizon_days: Some(30), tune: Effort::Off, ..TrainSettings::default() };
    let store = ModelStore::new(folder.path().join("store"));
    train(&settings, &store, &Silent).expect("a version");
    Arc::new(store.load_current().expect("loads"))
}

fn rows(model: &shopkeeper_models::Model, name: &str, by: &str) -> RecordBatch {
    let query = InsightQuery { by: Some(by.to_owned()), ..InsightQuery::default() };
    model.insights.query(find(name).expect("known"), &query, &model.segments.segment_id).expect("allowed")
}

/// A column as numbers; NaN where there is none.
fn column(batch: &RecordBatch, name: &str) -> Vec<f64> {
    let column = batch.column_by_name(name).expect(name);
    let value = |row: usize| {
        let counts = || column.as_primitive::<UInt64Type>().value(row) as f64;
        if column.is_null(row) {
            f64::NAN
        } else {
            column.as_primitive_opt::<Float64Type>().map_or_else(counts, |column| column.value(row))
        }
    };
    (0..batch.num_rows()).map(value).collect()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    batch.column_by_name(name).expect(name).as_string::<i32>().iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

#[track_caller]
fn same(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan();
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(close), "{found:?} instead of {expected:?}");
}

const NAN: f64 = f64::NAN;

#[test]
fn every_figure_by_hand() {
    let model = trained(&LINES, 1);
    let months = rows(&model, "customers", "month");
    let periods: Vec<String> = months.column(1).as_primitive::<Date32Type>().values().iter().map(|&day| date(day)).collect();
    assert_eq!(periods, ["2024-01-01", "2024-02-01", "2024-03-01"]);
    let of = |name: &str| column(&months, name);
    same(&of("days"), &[31.0, 29.0, 6.0]);
    same(&of("customers"), &[2.0, 2.0, 1.0]);
    same(&of("new"), &[2.0, 1.0, 0.0]);
    same(&of("returning"), &[0.0, 1.0, 0.0]);
    same(&of("reactivated"), &[0.0, 0.0, 1.0]);
    same(&of("lost"), &[0.0, 1.0, 2.0]);
    same(&of("orders"), &[3.0, 2.0, 1.0]);
    // one of the four apples of February came back
    same(&of("units"), &[5.0, 4.0, 3.0]);
    same(&of("revenue"), &[12.0, 18.0, 20.0]);
    same(&of("revenue_new"), &[12.0, 12.0, 0.0]);
    same(&of("revenue_returning"), &[0.0, 6.0, 0.0]);
    same(&of("revenue_reactivated"), &[0.0, 0.0, 20.0]);
    same(&of("revenue_lost"), &[0.0, 2.0, 18.0]);

    let revenue = rows(&model, "revenue", "month");
    same(&column(&revenue, "orders_per_customer"), &[1.5, 1.0, 1.0]);
    same(&column(&revenue, "units_per_order"), &[1.67, 2.0, 3.0].map(|units: f64| if units == 1.67 { 5.0 / 3.0 } else { units }));
    same(&column(&revenue, "unit_price"), &[2.4, 4.5, 6.67]);
    same(&column(&revenue, "change"), &[NAN, 6.0, 2.0]);
    // February: L = 6 / ln 1.5; customers ln 1, orders ln (1 / 1.5), units ln (2 / (5 / 3)), price ln (4.5 / 2.4)
    let l = 6.0 / 1.5_f64.ln();
    let cents = |part: f64| (100.0 * part).round() / 100.0;
    same(&column(&revenue, "by_customers")[1..2], &[0.0]);
    same(&column(&revenue, "by_orders_per_customer")[1..2], &[cents(l * (1.0 / 1.5_f64).ln())]);
    same(&column(&revenue, "by_units_per_order")[1..2], &[cents(l * 1.2_f64.ln())]);
    same(&column(&revenue, "by_unit_price")[1..2], &[cents(l * 1.875_f64.ln())]);

    let retention = rows(&model, "retention", "month");
    same(&column(&retention, "customers_before"), &[NAN, 2.0, 2.0]);
    same(&column(&retention, "retention_rate"), &[NAN, 0.5, 0.0]);
    same(&column(&retention, "repurchased"), &[1.0, 0.0, 0.0]);
    same(&column(&retention, "repurchase_rate"), &[0.5, 0.0, 0.0]);
    same(&column(&retention, "bought_before_share"), &[0.0, 0.5, 1.0]);

    let cohorts = rows(&model, "cohorts", "month");
    same(&column(&cohorts, "since"), &[0.0, 1.0, 2.0, 0.0, 1.0]);
    same(&column(&cohorts, "cohort"), &[2.0, 2.0, 2.0, 1.0, 1.0]);
    same(&column(&cohorts, "retention_rate"), &[1.0, 0.5, 0.5, 1.0, 0.0]);
    same(&column(&cohorts, "value_so_far"), &[6.0, 9.0, 19.0, 12.0, 12.0]);

    // gaps: anna 10 and 25 days, bob 49
    let gaps = rows(&model, "purchase_gaps", "all");
    same(
        &["customers", "came_back", "p10", "median", "p90", "mean"].map(|name| column(&gaps, name)[0]),
        &[3.0, 2.0, 10.0, 25.0, 49.0, 28.0],
    );
    let by_purchase = rows(&model, "purchase_gaps", "purchase");
    same(&column(&by_purchase, "customers")[..3], &[3.0, 2.0, 1.0]);
    same(&column(&by_purchase, "came_back_rate")[..3], &[2.0 / 3.0, 0.5, 0.0]);
    same(&column(&by_purchase, "median")[..3], &[10.0, 25.0, NAN]);

    let baskets = rows(&model, "baskets", "month");
    same(&column(&baskets, "mean_items"), &[4.0 / 3.0, 1.0, 2.0]);
    same(&column(&baskets, "median_items"), &[1.0, 1.0, 2.0]);
    same(&column(&baskets, "mean_value"), &[4.0, 9.0, 20.0]);
    same(&column(&baskets, "median_value"), &[3.0, 6.0, 20.0]);
    same(&column(&baskets, "p90_value"), &[7.0, 12.0, 20.0]);

    let sizes = rows(&model, "basket_sizes", "items");
    assert_eq!(texts(&sizes, "step"), ["1", "2"]);
    same(&column(&sizes, "orders"), &[4.0, 2.0]);
    same(&column(&sizes, "revenue"), &[23.0, 27.0]);
    let values = rows(&model, "basket_sizes", "value");
    assert_eq!(texts(&values, "step"), ["2 to 5", "5 to 10", "10 to 20", "20 to 50"]);
    same(&column(&values, "orders"), &[2.0, 2.0, 1.0, 1.0]);

    // the shop's clock is an hour ahead in winter: Monday the 1st of January at 10:30
    let hours = rows(&model, "hours", "weekday_hour");
    let orders = column(&hours, "orders");
    assert_eq!((orders.len(), orders.iter().sum::<f64>(), orders[10], orders[19]), (168, 6.0, 1.0, 2.0));
    let hour = rows(&model, "hours", "hour");
    same(&[10, 11, 19].map(|hour_of| column(&hour, "orders")[hour_of]), &[2.0, 1.0, 3.0]);
    same(&[10, 19].map(|hour_of| column(&hour, "customers")[hour_of]), &[1.0, 2.0]);
    same(&column(&rows(&model, "hours", "weekday"), "orders"), &[4.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);

    // as of 7 March: now from 8 February, before from 11 January
    let growth = rows(&model, "growth", "item");
    assert_eq!(texts(&growth, "name"), ["cheese", "bread", "apple"]);
    same(&column(&growth, "revenue"), &[24.0, 8.0, 0.0]);
    same(&column(&growth, "revenue_before"), &[0.0, 3.0, 8.0]);
    same(&column(&growth, "growth"), &[NAN, 5.0 / 3.0, -1.0]);
    same(&column(&growth, "gained"), &[2.0, 1.0, 0.0]);
    same(&column(&growth, "lost"), &[0.0, 1.0, 2.0]);
    let growth = rows(&model, "growth", "category");
    assert_eq!(texts(&growth, "name"), ["FRESH", "FRESH/DAIRY", "BAKERY", "FRESH/FRUIT"]);
    same(&column(&growth, "revenue_before"), &[8.0, 0.0, 3.0, 8.0]);

    // FRESH: all three; BAKERY: anna and bob
    let cross = rows(&model, "cross_shop", "category");
    assert_eq!(texts(&cross, "category"), ["FRESH", "FRESH", "BAKERY", "BAKERY"]);
    same(&column(&cross, "customers"), &[3.0, 2.0, 2.0, 2.0]);
    same(&column(&cross, "share"), &[1.0, 2.0 / 3.0, 1.0, 1.0]);
    same(&column(&cross, "lift"), &[1.0, 1.0, 1.0, 1.5]);

    let prices = rows(&model, "price_bands", "all");
    assert_eq!(texts(&prices, "band"), ["2 to 5", "5 to 10", "10 to 20"]);
    same(&column(&prices, "lines"), &[6.0, 0.0, 2.0]);
    same(&column(&prices, "units"), &[10.0, 0.0, 2.0]);

    // within 30 days of their first order, anna (apple and bread) came back and bob (apple) did not; carl started too lately
    let entry = rows(&model, "entry", "item");
    assert_eq!(texts(&entry, "name"), ["apple", "bread"]);
    same(&column(&entry, "share"), &[1.0, 0.5]);
    same(&column(&entry, "over_orders"), &[2.0, 1.0]);
    same(&column(&entry, "came_back_rate"), &[0.5, 1.0]);
    same(&column(&entry, "over_all"), &[1.0, 2.0]);

    // within 30 days anna buys bread again and bob is not back; orders since 6 February are too late to say
    let keepers = rows(&model, "keepers", "item");
    assert_eq!(texts(&keepers, "name"), ["apple", "bread"]);
    same(&column(&keepers, "customers"), &[2.0, 1.0]);
    same(&column(&keepers, "again"), &[0.0, 1.0]);
    same(&column(&keepers, "stayed_rate"), &[0.5, 1.0]);
    // of the two first orders one was followed
    same(&column(&keepers, "expected_rate"), &[0.5, 0.5]);
    same(&column(&keepers, "over_expected"), &[1.0, 2.0]);

    // after a first purchase: back after 10 and 49 days, carl watched for 15
    let survival = rows(&model, "survival", "first");
    let (days, not_back, watched) = (column(&survival, "days"), column(&survival, "not_back"), column(&survival, "watched"));
    let at = |day: f64| days.iter().position(|&at| at == day).expect("a point");
    same(&[9.0, 11.0, 15.0, 47.0, 49.0].map(|day| not_back[at(day)]), &[1.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 0.0]);
    same(&[9.0, 11.0, 15.0, 47.0, 49.0].map(|day| watched[at(day)]), &[3.0, 2.0, 1.0, 1.0, 0.0]);
    // Greenwood at 11 days: 1 / (3 * 2), over ln(2 / 3)
    let spread = (1.0_f64 / 6.0).sqrt() * 1.959_963_984_540_054 / 1.5_f64.ln();
    same(&[column(&survival, "least")[at(11.0)]], &[(2.0_f64 / 3.0).powf(spread.exp())]);

    // anna one of three, bob one of two, carl never
    let discounts = rows(&model, "discounts", "dependence");
    same(&column(&discounts, "customers"), &[1.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
    same(&column(&discounts, "discount"), &[0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
    same(&column(&discounts, "discount_rate")[..3], &[0.0, NAN, 2.0 / 40.0]);
    same(&column(&discounts, "revenue_per_customer")[..3], &[12.0, NAN, 19.0]);

    let channels = rows(&model, "channels", "month");
    assert_eq!(texts(&channels, "channel"), ["store", "web", "store", "web", "store"]);
    same(&column(&channels, "customers"), &[1.0, 2.0, 1.0, 1.0, 1.0]);
    same(&column(&channels, "orders_share"), &[1.0 / 3.0, 2.0 / 3.0, 0.5, 0.5, 1.0]);
    same(&column(&channels, "revenue"), &[3.0, 9.0, 6.0, 12.0, 20.0]);
    let moves = rows(&model, "channel_moves", "month");
    assert_eq!((texts(&moves, "channel_before"), texts(&moves, "channel")), (vec!["web".to_owned()], vec!["store".to_owned()]));
    let value = rows(&model, "channel_value", "channels");
    assert_eq!(texts(&value, "names"), ["web", "-"]);
    same(&column(&value, "channels"), &[1.0, 2.0]);
    same(&column(&value, "orders_per_customer"), &[1.0, 2.5]);
    same(&column(&value, "revenue_per_customer"), &[12.0, 19.0]);
    same(&column(&value, "came_back_rate"), &[0.0, 1.0]);

    // nine weeks up to 6 March, the last with 20.00: too few to try forecasts at an origin
    let demand = rows(&model, "demand", "all");
    assert_eq!(demand.num_rows(), 26);
    same(&column(&demand, "naive")[..13], &[20.0; 13]);
    assert!(column(&demand, "low").iter().zip(column(&demand, "forecast")).all(|(low, forecast)| *low >= 0.0 && *low <= forecast));
    same(&column(&rows(&model, "demand_accuracy", "all"), "origins"), &[0.0, 0.0]);

    for name in ["customers", "retention", "cohorts", "baskets"] {
        for batch in find(name).expect("known").by.iter().map(|by| rows(&model, name, by)) {
            assert!(batch.num_rows() > 0, "{name}");
        }
    }
}

#[test]
fn the_segments_of_a_kind_add_up_to_everybody_and_small_groups_are_withheld() {
    let model = trained(&LINES, 1);
    let insight = find("customers").expect("known");
    let ask = |segment: Option<String>| {
        let query = InsightQuery { segment, ..InsightQuery::default() };
        column(&model.insights.query(insight, &query, &model.segments.segment_id).expect("a segment"), "revenue")
    };
    let of_kind = model.segments.of_kind(shopkeeper_models::segments::SegmentKind::Behaviour);
    let sums = of_kind.fold(vec![0.0; 3], |sums, row| {
        let of_segment = ask(Some(model.segments.segment_id.value(row).to_owned()));
        sums.iter().zip(of_segment).map(|(sum, revenue)| sum + revenue).collect()
    });
    same(&sums, &ask(None));
    let model = trained(&LINES, 2);
    let months = rows(&model, "customers", "month");
    // March has one customer; with it alone the others would give it away, so that the smallest of them goes, too
    same(&column(&months, "revenue"), &[NAN, 18.0, NAN]);
    let suppressed: Vec<bool> = months.column_by_name("suppressed").expect("a column").as_boolean().values().iter().collect();
    assert_eq!(suppressed, [true, false, true]);
    // what the change would say of January
    same(&column(&rows(&model, "revenue", "month"), "change"), &[NAN, NAN, NAN]);
}

fn strings(values: &[Option<&'static str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn times(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().map(|time| time.map(seconds)).collect::<TimestampSecondArray>().with_timezone("UTC"))
}

#[test]
fn campaigns_feedback_tickets_and_referrals_by_hand() {
    let model = trained_with(&LINES, 1, |folder, read| {
        let name = |file: &str| folder.join(file).display().to_string();
        let (anna, bob, carl, dora) = (Some("anna"), Some("bob"), Some("carl"), Some("dora"));
        write(
            &folder.join("campaigns.parquet"),
            vec![
                ("campaign", strings(&[Some("spring"); 4])),
                ("customer_id", strings(&[anna, bob, carl, dora])),
                ("group", strings(&[Some("treatment"), Some("Treated"), Some("control"), None])),
                ("sent_at", times(&[Some("2024-02-01 09:00"); 4])),
                ("reached_at", times(&[Some("2024-02-02 09:00"), None, None, None])),
                ("channel", strings(&[Some("mail"), Some("mail"), Some("mail"), None])),
            ],
        );
        write(
            &folder.join("redemptions.parquet"),
            vec![
                ("campaign_id", strings(&[Some("spring"), Some("spring")])),
                ("customer_id", strings(&[anna, dora])),
                ("redeemed_at", times(&[Some("2024-02-05 10:00"); 2])),
            ],
        );
        write(
            &folder.join("feedback.parquet"),
            vec![
                ("customer_id", strings(&[anna, anna, bob, bob])),
                (
                    "timestamp",
                    times(&[Some("2024-02-03 09:00"), Some("2024-03-01 09:00"), Some("2024-02-10 09:00"), Some("2024-02-11 09:00")]),
                ),
                ("score", Arc::new(Float64Array::from(vec![9.0, 3.0, 7.0, 11.0]))),
                ("kind", strings(&[Some("delivery"), Some("delivery"), Some("price"), None])),
                ("text", strings(&[Some("great service"), Some("又慢又破损"), None, Some("great")])),
            ],
        );
        write(
            &folder.join("tickets.parquet"),
            vec![
                ("customer_id", strings(&[anna, bob])),
                ("opened_at", times(&[Some("2024-01-05 10:00"), Some("2024-01-16 09:00")])),
                ("first_reply_at", times(&[Some("2024-01-05 12:00"), None])),
                ("closed_at", times(&[Some("2024-01-06 10:00"), None])),
            ],
        );
        write(
            &folder.join("referrals.parquet"),
            vec![("referrer_id", strings(&[anna, bob, carl])), ("referred_id", strings(&[carl, anna, carl]))],
        );
        read.campaigns = Some(name("campaigns.parquet"));
        read.redemptions = Some(name("redemptions.parquet"));
        read.feedback = Some(name("feedback.parquet"));
        read.tickets = Some(name("tickets.parquet"));
        read.referrals = Some(name("referrals.parquet"));
        read.columns = [("campaigns.campaign_id".to_owned(), "campaign".to_owned())].into();
        // a quarter of the scores and a third of the referrals cannot be
        read.max_reject_rate = 0.4;
    });
    let rejects = &model.manifest.data.rejects;
    let rejected = |reason: &str| rejects.get(reason).copied().unwrap_or(0);
    assert_eq!(rejected("records: a customer in neither purchases nor customers"), 2, "{rejects:?}");
    assert_eq!([rejected("records: score is not from 0 to 10"), rejected("records: a referral of oneself")], [1, 1]);
    assert_eq!(model.manifest.data.records["campaigns"], [4, 3]);
    assert_eq!(model.manifest.data.columns["campaigns.sent_at"], "Timestamp(s, \"UTC\")");

    // 28 days from 1 February: anna bought for 8.00, of which 2.00 came back, bob did not
    let campaigns = rows(&model, "campaigns", "campaign");
    assert_eq!(texts(&campaigns, "name"), ["spring"]);
    let of = |name: &str| column(&campaigns, name)[0];
    let names = ["days", "sent", "control", "reached", "redeemed", "buyers", "buyer_rate", "revenue", "revenue_per_customer"];
    same(&names.map(of), &[28.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.5, 6.0, 3.0]);
    assert_eq!(texts(&rows(&model, "campaigns", "channel"), "name"), ["mail"]);
    let lift = rows(&model, "campaign_lift", "campaign");
    assert_eq!(
        (texts(&lift, "outcome"), texts(&lift, "says")[0].as_str()),
        (vec!["bought".into(), "orders".into(), "revenue".into()], "nobody to compare with")
    );

    let feedback = rows(&model, "feedback", "all");
    let of = |name: &str| column(&feedback, name)[0];
    same(
        &["customers", "answers", "promoters", "passives", "detractors", "nps", "positive", "negative"].map(of),
        &[2.0, 3.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0],
    );
    same(&[of("coverage"), of("mean_score")], &[2.0 / 3.0, 19.0 / 3.0]);
    same(&[of("most")], &[100.0 * 1.959_963_984_540_054 * (2.0_f64 / 9.0).sqrt()]);
    same(&column(&rows(&model, "feedback", "month"), "nps"), &[50.0, -100.0]);
    assert_eq!(texts(&rows(&model, "feedback", "kind"), "name"), ["delivery", "price"]);
    let since = InsightQuery { by: Some("kind".into()), from: day("2024-02-01"), ..InsightQuery::default() };
    let asked = model.insights.query(find("feedback").expect("known"), &since, &model.segments.segment_id);
    assert_eq!(asked.map(|rows| rows.num_rows()), Err("feedback by kind has no periods; leave from and to out".into()));

    let service = rows(&model, "service", "all");
    let of = |name: &str| column(&service, name)[0];
    same(&["tickets", "replied", "reply_rate", "reply_hours", "close_hours", "open"].map(of), &[2.0, 1.0, 0.5, 2.0, 24.0, 1.0]);
    // anna was back after 6 days, bob not within 30; of the four orders so long ago two were followed
    let back = rows(&model, "service_return", "reply");
    assert_eq!(texts(&back, "reply"), ["within 4 hours", "never", "after any order"]);
    same(&column(&back, "came_back_rate"), &[1.0, 0.0, 0.5]);

    let referrals = rows(&model, "referrals", "all");
    same(&column(&referrals, "customers"), &[2.0, 1.0]);
    same(&column(&referrals, "revenue"), &[28.0, 22.0]);
    same(&column(&rows(&model, "referrals", "depth"), "depth"), &[1.0, 2.0]);
    assert_eq!(texts(&rows(&model, "referrals", "referrer"), "name"), ["anna", "bob"]);
}

#[test]
fn all_periods_add_up_to_what_was_paid_less_what_was_paid_back() {
    let mut lines: Vec<Line> = LINES.to_vec();
    // anna sends back what was bought before the data begins, before her first order; eve has nothing else; bob gets more back than he paid
    lines.push(("anna", "a0", "cheese", "2023-12-30 09:00", -1.0, 12.0));
    lines.push(("eve", "e0", "bread", "2024-02-10 09:00", -2.0, 6.0));
    lines.push(("bob", "b3", "bread", "2024-03-06 09:00", -3.0, 12.0));
    let model = trained(&lines, 1);
    let paid: f64 = lines.iter().map(|line| if line.4 < 0.0 { -line.5 } else { line.5 }).sum();
    for by in find("customers").expect("known").by {
        for name in ["customers", "revenue"] {
            same(&[column(&rows(&model, name, by), "revenue").iter().sum()], &[paid]);
        }
    }
    let months = rows(&model, "customers", "month");
    let of = |name: &str| column(&months, name);
    // bob's bread of March, 8.00, came back for two thirds of 12.00; the rest of it was for more than he bought
    same(&of("refunds"), &[12.0, 0.0, 6.0, 4.0]);
    same(&of("revenue"), &[-12.0, 12.0, 12.0, 8.0]);
    same(&of("customers"), &[0.0, 2.0, 2.0, 1.0]);
    let cohorts = rows(&model, "cohorts", "month");
    same(&column(&cohorts, "revenue"), &[0.0, 6.0, 8.0, 12.0, 0.0]);
    let growth = rows(&model, "growth", "item");
    same(
        &[column(&growth, "revenue").iter().sum::<f64>(), column(&growth, "revenue_before").iter().sum()],
        &[20.0 + 12.0 - 6.0 - 12.0, 11.0],
    );
}

#[test]
fn what_cannot_be_meant_is_answered_with_what_can() {
    let model = trained(&LINES[..1], 1);
    let ask = |name: &str, query: InsightQuery| {
        model.insights.query(find(name).expect("known"), &query, &model.segments.segment_id).map(|rows| rows.num_rows())
    };
    let by = |by: &str| InsightQuery { by: Some(by.to_owned()), ..InsightQuery::default() };
    let segment = |id: &str| InsightQuery { segment: Some(id.to_owned()), ..InsightQuery::default() };
    let between = |from: &str, to: &str| InsightQuery { from: day(from), to: day(to), ..InsightQuery::default() };
    assert_eq!(ask("customers", by("fortnight")), Err("by=fortnight: expected one of month, week, quarter, year".into()));
    assert!(ask("customers", segment("s99")).is_err_and(|said| said.starts_with("segment=s99: expected one of s1")));
    assert_eq!(ask("growth", segment("s1")), Err("growth is of the whole shop; leave segment out".into()));
    assert_eq!(ask("hours", between("2024-01-01", "2024-02-01")), Err("hours has no periods; leave from and to out".into()));
    assert_eq!(ask("customers", between("2024-02-01", "2024-01-01")), Err("from=2024-02-01 is after to=2024-01-01".into()));
    assert_eq!(
        [ask("customers", between("2024-01-01", "2024-01-01")), ask("customers", between("2024-01-02", "2030-01-01"))],
        [Ok(1), Ok(0)]
    );
}

#[test]
fn the_parts_of_a_change_add_up_and_equal_factors_bring_nothing() {
    let parts = parts_of_change([100.0, 1.5, 2.0, 3.0], [120.0, 1.4, 2.0, 3.3]).expect("positive");
    assert!((parts.iter().sum::<f64>() - (120.0 * 1.4 * 2.0 * 3.3 - 900.0)).abs() < 1e-9 && parts[2] == 0.0);
    assert_eq!(parts_of_change([2.0, 3.0], [2.0, 3.0]), Some([0.0, 0.0]));
    let small = parts_of_change([2.0, 3.0], [2.0 * (1.0 + 1e-12), 3.0]).expect("positive");
    assert!((small[0] - 6e-12).abs() < 1e-14, "{small:?}");
    assert_eq!(parts_of_change([0.0, 3.0], [2.0, 3.0]), None);
}

#[test]
fn data_quality_says_what_is_wrong_with_examples() {
    let mut lines: Vec<Line> = LINES.to_vec();
    lines.push(LINES[5]);
    lines.push(("Anna ", "x", "apple", "2024-03-05 10:00", 1.0, 2.0));
    lines.push(("dora", "d1", "apple", "2024-03-06 12:00", -3.0, 9.0));
    lines.push(("dora", "d2", "bread", "2024-03-06 13:00", 1.0, 0.0));
    let model = trained(&lines, 1);
    let quality = rows(&model, "quality", "check");
    let (checks, affected, says) = (texts(&quality, "check"), column(&quality, "affected"), texts(&quality, "says"));
    let of = |check: &str| {
        let at = checks.iter().position(|name| name == check).expect(check);
        (affected[at], says[at].clone())
    };
    assert_eq!(of("duplicate rows").0, 1.0);
    assert_eq!(
        of("customer ids"),
        (1.0, "1 ids differ from another one in case, spaces or leading zeros alone: \"Anna \" and \"anna\"".into())
    );
    assert_eq!(of("returns without a purchase").0, 1.0);
    assert_eq!(of("amount").0, 1.0);
    let scores = column(&quality, "score");
    assert!(scores.iter().all(|score| (0.0..=100.0).contains(score)) && scores[0] < 100.0, "{scores:?}");
    let before = DataSummary {
        orders: 10,
        customers: 5,
        lines: 20,
        rows: 20,
        first_day: "2024-01-01".into(),
        last_day: "2024-01-10".into(),
        ..DataSummary::default()
    };
    let columns = |names: &[(&str, &str)]| names.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
    let before = DataSummary { columns: columns(&[("purchases.amount", "Float64"), ("purchases.channel", "Utf8")]), ..before };
    let now = columns(&[("purchases.amount", "Float32"), ("items.price", "Float64")]);
    let now = DataSummary { orders: 40, columns: now, rows: 80, lines: 80, ..before.clone() };
    let (log_of, rejects) = (crate::simulated::log(50), std::collections::BTreeMap::new());
    let checked = Checked { rows: 80, rejects: &rejects, duplicates: (0, &[]), before: Some(&before), now: &now };
    let kind_of = HashMap::new();
    let mut table = Table::new("quality", Withholding { least: 1, kind_of: &kind_of });
    quality::fill(&mut table, &log_of.before(log_of.as_of_day), &checked);
    let drifted = table.finish();
    let at = texts(&drifted, "check").iter().position(|name| name == "orders a day").expect("a version before");
    assert_eq!(texts(&drifted, "says")[at], "1.00 in the version before, 4.00 now");
    assert_eq!(column(&drifted, "score")[at], 0.0);
    let at = texts(&drifted, "check").iter().position(|name| name == "columns").expect("columns before");
    let found =
        "3 columns differ from the version before: purchases.channel is gone, purchases.amount was Float64, is Float32, items.price is new";
    assert_eq!(texts(&drifted, "says")[at], found);
}
