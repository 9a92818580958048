//! Lists and their encodings, without HTTP.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use shopkeeper::encode::{EncodeError, Format, export_to_file};
use shopkeeper::lists::{self, ChurnFilter, ChurnSort, List, RuleFilter, Window};
use shopkeeper_models::Model;
use shopkeeper_models::recommender::{Purchased, Query, Scratch};
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

#[test]
fn churn_is_sorted_worst_first_with_ties_by_id_and_strangers_to_it_last() {
    let model = model(fixture::Shop::default());
    let by = |sort, window| ids(lists::churn(&model, &ChurnFilter { sort, ..ChurnFilter::default() }, window));
    let whole = by(ChurnSort::Probability, Window::ALL);
    assert_eq!(whole, ["dora", "carl", "anna", "b/c d+ü", "=1+2", "eve"]);
    assert_eq!(by(ChurnSort::ExpectedLoss, Window::ALL), ["anna", "carl", "b/c d+ü", "dora", "=1+2", "eve"]);
    for offset in 0..=whole.len() + 1 {
        for limit in 1..=whole.len() {
            let expected: Vec<String> = whole.iter().skip(offset).take(limit).cloned().collect();
            assert_eq!(by(ChurnSort::Probability, Window { offset, limit }), expected, "{offset}+{limit}");
        }
    }
}

#[test]
fn churn_that_was_not_fitted_is_null_and_says_so() {
    let model = model(fixture::Shop { churn: false, ..fixture::Shop::default() });
    let batch = rows(lists::churn(&model, &ChurnFilter::default(), Window::ALL));
    assert_eq!(batch.column_by_name("churn_probability").unwrap().null_count(), CUSTOMERS.len());
    assert!(batch.column_by_name("status").unwrap().as_string::<i32>().iter().all(|status| status == Some("insufficient_data")));
    let batch = rows(lists::segments(&model, None, Window::ALL));
    assert_eq!(batch.column_by_name("mean_churn_probability").unwrap().null_count(), 4);
}

#[test]
fn windows_of_rules_tile_the_whole_list() {
    let model = model(fixture::Shop::default());
    let filter = RuleFilter { min_support: 0.05, min_confidence: 0.2 };
    let list = lists::rules(&model, filter, Window::ALL);
    let total = list.total;
    let whole = rows(list);
    assert_eq!((whole.num_rows(), total > 3), (total, true));
    let tiles: Vec<RecordBatch> =
        (0..total).step_by(3).map(|offset| rows(lists::rules(&model, filter, Window { offset, limit: 3 }))).collect();
    assert_eq!(arrow::compute::concat_batches(&whole.schema(), &tiles).unwrap(), whole);
}

#[test]
fn every_format_holds_every_customer() {
    let model = model(fixture::Shop::default());
    let folder = tempfile::tempdir().unwrap();
    for format in Format::ALL {
        let path = folder.path().join(format!("customers.{}", format.name()));
        assert_eq!(export_to_file(&path, lists::customers(&model, Window::ALL)).unwrap(), 6);
        let bytes = std::fs::read(&path).unwrap();
        match format {
            Format::Parquet => {
                let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes::Bytes::from(bytes), 100).unwrap();
                let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
                assert_eq!(read, [rows(lists::customers(&model, Window::ALL))]);
            }
            Format::Json => {
                let read: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(read.iter().map(|row| row["customer_id"].as_str().unwrap()).collect::<Vec<_>>(), CUSTOMERS);
                assert_eq!(read[5]["churn_probability"], serde_json::Value::Null);
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
    let unknown = export_to_file(&folder.path().join("customers.xls"), lists::customers(&model, Window::ALL));
    assert!(matches!(unknown, Err(EncodeError::UnknownFormat { .. })));
    let nowhere = export_to_file(&folder.path().join("no/folder.csv"), lists::customers(&model, Window::ALL));
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
