//! Lists and their encodings, without HTTP.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use shopkeeper::encode::{EncodeError, Format, export_to_file};
use shopkeeper::lists::{self, CHURN_SORT, CUSTOMERS_SORT, CustomerFilter, List, RuleFilter, RuleSort, Window};
use shopkeeper_models::Model;
use shopkeeper_models::recommender::{Purchased, Query, Scratch};
use shopkeeper_models::rules::RuleLevel;
use shopkeeper_models::store::ModelStore;

use crate::fixture::{self, CUSTOMERS};

fn model(shop: fixture::Shop) -> Arc<Model> {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish(folder.path(), shop);
    Arc::new(ModelStore::new(folder.path()).load_current().unwrap())
}

fn rows(list: List) -> RecordBatch {
    let schema = list.schema.clone();
    arrow::compute::concat_batches(&schema, &list.batches.collect::<Vec<_>>()).unwrap()
}

fn ids(list: List) -> Vec<String> {
    rows(list).column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

#[test]
fn a_customer_is_recommended_in_the_list_what_the_recommender_answers() {
    let model = model(fixture::Shop::default());
    let list = lists::recommendations(&model, 5, Purchased::Exclude);
    let total = list.total;
    let batch = rows(list);
    assert_eq!(batch.num_rows(), total);
    let query = Query { customer: model.customers.find("carl"), purchased: Purchased::Exclude, n: 5, ..Query::default() };
    let answer = model.recommender.recommend(&query, &mut Scratch::default());
    let listed: Vec<&str> = (0..batch.num_rows())
        .filter(|&row| batch.column(0).as_string::<i32>().value(row) == "carl")
        .map(|row| batch.column(2).as_string::<i32>().value(row))
        .collect();
    assert_eq!(listed, answer.items.iter().map(|item| model.items().id(item.item)).collect::<Vec<_>>());
}

fn filter(model: &Model, sort: &str, params: &[(&str, &str)]) -> Result<CustomerFilter, String> {
    let params: Vec<(String, String)> = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    CustomerFilter::new(model, &params, sort).map_err(|error| error.to_string())
}

#[test]
fn customers_are_filtered_and_sorted_by_everything_that_is_known_of_them() {
    let model = model(fixture::Shop::default());
    let kept = |params: &[(&str, &str)]| ids(lists::customers(&model, &filter(&model, CUSTOMERS_SORT, params).unwrap(), Window::ALL));
    assert_eq!(kept(&[("lifecycle", "active,at_risk")]), ["anna", "b/c d+ü", "carl"]);
    assert_eq!(kept(&[("lifecycle", "active"), ("min_spend", "400")]), ["anna"]);
    assert_eq!(kept(&[("rfm_group", "none")]), ["eve"]);
    assert_eq!(kept(&[("rfm_group", "champions,lost")]), ["=1+2", "dora"]);
    assert_eq!(kept(&[("loyalty_tier", "silver"), ("sort", "churn_probability")]), ["carl", "b/c d+ü"]);
    assert_eq!(kept(&[("max_loyalty_falls_on", "2018-11-01"), ("min_loyalty_falls_on", "2018-01-01")]), ["anna", "carl"]);
    assert_eq!(kept(&[("segment_id", "s2"), ("status", "ok")]), ["carl", "dora"]);
    assert_eq!(kept(&[("purchase_days", "10,4")]), ["=1+2", "carl"]);
    assert_eq!(kept(&[("attributes.region", "north")]), ["=1+2", "b/c d+ü"]);
    assert_eq!(kept(&[("attributes.email_opt_in", "true"), ("min_attributes.age", "40")]), ["carl"]);
    assert_eq!(kept(&[("min_attributes.signed_up_at", "2017-01-01")]), ["b/c d+ü", "carl"]);
    assert_eq!(kept(&[("sort", "attributes.age")]), ["carl", "anna", "=1+2", "dora", "b/c d+ü", "eve"], "those without a value stand last");
    assert_eq!(kept(&[("sort", "attributes.age"), ("order", "asc")]), ["dora", "=1+2", "anna", "carl", "b/c d+ü", "eve"]);
    assert_eq!(kept(&[("sort", "customer_id"), ("order", "desc")])[0], "eve");
    // money is filtered as it is shown, to the cent
    assert_eq!(kept(&[("max_loyalty_spend", "230.12"), ("min_loyalty_spend", "230.12")]), ["carl"]);
}

#[test]
fn a_filter_that_cannot_be_meant_says_what_is_allowed() {
    let model = model(fixture::Shop::default());
    for (params, complaint) in [
        (&[("regoin", "north")][..], "regoin: no such parameter; expected one of customer_id, segment_id,"),
        (&[("regoin", "north")], "attributes.region"),
        (&[("attributes.regoin", "north")], "attributes.regoin: no such parameter"),
        (&[("min_spend", "lots")], "min_spend=lots: expected a number"),
        (&[("min_spend", "NaN")], "min_spend=NaN: expected a number"),
        (&[("min_churn_probability", "1.5")], "min_churn_probability=1.5: expected a number from 0 to 1"),
        (&[("max_first_day", "yesterday")], "max_first_day=yesterday: expected a date such as 2017-11-06"),
        (&[("min_lifecycle", "new")], "min_lifecycle: lifecycle has no least and most; give the values wanted: lifecycle=..."),
        (&[("lifecycle", "asleep")], "lifecycle=asleep: expected one of prospect, new, active, loyal, at_risk, lapsed, won_back"),
        (&[("loyalty_tier", "bronze")], "loyalty_tier=bronze: expected one of gold, silver, none"),
        (&[("attributes.email_opt_in", "maybe")], "expected one of true, false, none"),
        (&[("segment_id", "s9")], "segment \"s9\" is none of s1, s2"),
        (&[("sort", "regoin")], "sort=regoin: no such field; expected one of customer_id"),
        (&[("order", "up")], "order=up: expected asc or desc"),
        (&[("lifecycle", "new"), ("lifecycle", "loyal")], "lifecycle stands twice"),
    ] {
        let said = filter(&model, CUSTOMERS_SORT, params).unwrap_err();
        assert!(said.contains(complaint), "{said}");
    }
}

#[test]
fn groups_are_listed_with_rules_and_counts_that_sum_to_the_customers() {
    let model = model(fixture::Shop::default());
    for by in ["segment", "rfm_group", "lifecycle", "value_tier", "loyalty_tier"] {
        let batch = rows(lists::groups(&model, Some(by), Window::ALL));
        let counts = batch.column_by_name("customers").unwrap().as_primitive::<arrow::datatypes::UInt32Type>();
        assert_eq!(counts.values().iter().sum::<u32>(), 6, "{by}");
        assert!(
            batch.column_by_name("rule").unwrap().as_string::<i32>().iter().all(|rule| rule.is_some_and(|rule| rule.len() > 5)),
            "{by}"
        );
    }
    let batch = rows(lists::groups(&model, Some("loyalty_tier"), Window::ALL));
    let names: Vec<&str> = batch.column_by_name("name").unwrap().as_string::<i32>().iter().flatten().collect();
    assert_eq!(names, ["gold", "silver", "none"]);
    let rule = batch.column_by_name("rule").unwrap().as_string::<i32>().value(1);
    assert_eq!(rule, "spend of at least 200.00 and at least 2 orders in the last 365 days");
}

#[test]
fn churn_is_sorted_by_the_money_at_stake_with_ties_by_id_and_strangers_to_it_last() {
    let model = model(fixture::Shop::default());
    let by = |sort, window| ids(lists::churn(&model, &filter(&model, sort, &[]).unwrap(), window));
    let whole = by(CHURN_SORT, Window::ALL);
    assert_eq!(whole, ["anna", "carl", "b/c d+ü", "dora", "=1+2", "eve"]);
    assert_eq!(by("churn_probability", Window::ALL), ["dora", "carl", "anna", "b/c d+ü", "=1+2", "eve"]);
    for offset in 0..=whole.len() + 1 {
        for limit in 1..=whole.len() {
            let expected: Vec<String> = whole.iter().skip(offset).take(limit).cloned().collect();
            assert_eq!(by(CHURN_SORT, Window { offset, limit }), expected, "{offset}+{limit}");
        }
    }
}

#[test]
fn churn_that_was_not_fitted_is_null_and_says_so() {
    let model = model(fixture::Shop { churn: false, ..fixture::Shop::default() });
    let batch = rows(lists::churn(&model, &filter(&model, CHURN_SORT, &[]).unwrap(), Window::ALL));
    assert_eq!(batch.column_by_name("churn_probability").unwrap().null_count(), CUSTOMERS.len());
    assert!(batch.column_by_name("status").unwrap().as_string::<i32>().iter().all(|status| status == Some("insufficient_data")));
    let batch = rows(lists::segments(&model, None, Window::ALL));
    assert_eq!(batch.column_by_name("mean_churn_probability").unwrap().null_count(), 4);
}

#[test]
fn windows_of_rules_tile_the_whole_list() {
    let model = model(fixture::Shop::default());
    let filter = RuleFilter { min_support: 0.01, ..RuleFilter::default() };
    let list = lists::rules(&model, &filter, Window::ALL);
    let total = list.total;
    let whole = rows(list);
    assert_eq!((whole.num_rows(), total), (3, 3));
    let tiles: Vec<RecordBatch> =
        (0..total).step_by(2).map(|offset| rows(lists::rules(&model, &filter, Window { offset, limit: 2 }))).collect();
    assert_eq!(arrow::compute::concat_batches(&whole.schema(), &tiles).unwrap(), whole);
}

#[test]
fn rules_are_filtered_by_what_they_say_and_how_sure_they_are() {
    let model = model(fixture::Shop::default());
    let kept = |filter: RuleFilter| {
        let batch = rows(lists::rules(&model, &filter, Window::ALL));
        batch.column_by_name("baskets").unwrap().as_primitive::<arrow::datatypes::UInt32Type>().values().to_vec()
    };
    let all = RuleFilter::default;
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(kept(all()), [12, 3, 20]);
    assert_eq!(kept(RuleFilter { level: Some(RuleLevel::Category), ..all() }), [20]);
    assert_eq!(kept(RuleFilter { item: named("ham"), ..all() }), [3]);
    assert_eq!(kept(RuleFilter { item: named("butter"), ..all() }), [12, 3]);
    assert_eq!(kept(RuleFilter { antecedent: named("butter"), ..all() }), [0; 0]);
    assert_eq!(kept(RuleFilter { consequent: named("GROCERY/BREAD"), ..all() }), [20]);
    assert_eq!(kept(RuleFilter { min_size: 3, ..all() }), [3]);
    assert_eq!(kept(RuleFilter { max_size: Some(2), ..all() }), [12, 20]);
    assert_eq!(kept(RuleFilter { prune: true, ..all() }), [12, 20]);
    assert_eq!(kept(RuleFilter { max_p_value: Some(0.01), ..all() }), [12, 20]);
    assert_eq!(kept(RuleFilter { min_lift: 1.9, ..all() }), [12, 3]);
    assert_eq!(kept(RuleFilter { min_confidence: 0.7, ..all() }), [20]);
    assert_eq!(kept(RuleFilter { sort: Some(RuleSort::Confidence), ..all() }), [20, 12, 3]);
    assert_eq!(kept(RuleFilter { sort: Some(RuleSort::PValue), ..all() }), [20, 12, 3]);
    let filter = RuleFilter { item: named("caviar"), ..all() };
    assert_eq!(filter.check(&model), Err("item=caviar: neither an item nor a category of the model".to_owned()));
    assert_eq!(RuleFilter { item: named("GROCERY"), ..all() }.check(&model), Ok(()), "a step of a path");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.csv");
    export_to_file(&path, lists::rules(&model, &all(), Window::ALL)).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.starts_with("level,antecedent,consequent,size,baskets,") && text.contains("\nitem,bread + ham,butter,3,3,5,30,0.03,0.6,2.0,"),
        "{text}"
    );
}

#[test]
fn every_format_holds_every_customer() {
    let model = model(fixture::Shop::default());
    let all = filter(&model, CUSTOMERS_SORT, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for format in Format::ALL {
        let path = folder.path().join(format!("customers.{}", format.name()));
        assert_eq!(export_to_file(&path, lists::customers(&model, &all, Window::ALL)).unwrap(), 6);
        let bytes = std::fs::read(&path).unwrap();
        match format {
            Format::Parquet => {
                let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes::Bytes::from(bytes), 100).unwrap();
                let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
                let (read, listed) = (&read[0], rows(lists::customers(&model, &all, Window::ALL)));
                let known = listed.num_columns() - 1;
                assert_eq!(read.columns()[..known], listed.columns()[..known]);
                let names: Vec<String> = read.schema().fields()[known..].iter().map(|field| field.name().clone()).collect();
                assert_eq!(names, ["attributes.age", "attributes.email_opt_in", "attributes.region", "attributes.signed_up_at"]);
            }
            Format::Json => {
                let read: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(read.iter().map(|row| row["customer_id"].as_str().unwrap()).collect::<Vec<_>>(), CUSTOMERS);
                assert_eq!(read[5]["churn_probability"], serde_json::Value::Null);
                let anna = serde_json::json!({"age": 47.0, "email_opt_in": false, "region": "south", "signed_up_at": "2016-10-26"});
                assert_eq!(read[1]["attributes"], anna);
            }
            Format::Ndjson => assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 6),
            Format::Csv => {
                let text = String::from_utf8(bytes).unwrap();
                assert!(text.starts_with("customer_id,"));
                assert_eq!(text.lines().count(), 7);
                assert!(text.contains("\n'=1+2,s1,"), "a formula must not run in a spreadsheet: {text}");
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is left beside the files");
    let unknown = export_to_file(&folder.path().join("customers.xls"), lists::customers(&model, &all, Window::ALL));
    assert!(matches!(unknown, Err(EncodeError::UnknownFormat { .. })));
    let nowhere = export_to_file(&folder.path().join("no/folder.csv"), lists::customers(&model, &all, Window::ALL));
    assert!(matches!(nowhere, Err(EncodeError::Io { .. })));
}

#[test]
fn accept_picks_the_format_liked_best() {
    for (accept, expected) in [
        ("*/*", Some(Format::Json)),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Some(Format::Json)),
        ("text/csv", Some(Format::Csv)),
        ("text/csv;q=0.4, application/x-ndjson;q=0.5", Some(Format::Ndjson)),
        ("application/vnd.apache.parquet, */*;q=0.1", Some(Format::Parquet)),
        ("text/csv;q=0", None),
        ("image/png", None),
        ("", None),
    ] {
        assert_eq!(Format::of_accept(accept), expected, "{accept}");
    }
}
