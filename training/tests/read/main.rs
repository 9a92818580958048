//! Reading, from outside: small Parquet files go in, a purchase log or one clear line comes out.
#![allow(clippy::unwrap_used)]

mod accepted;
mod real_data;
mod refused;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;
use shopkeeper_training::log::{PurchaseLog, Return};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::{AsOf, Read, ReadError, ReadSettings, read};
use tempfile::TempDir;

/// 2017-11-06T10:00:00Z.
const MONDAY: i64 = 1_509_962_400;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

type Columns = Vec<(&'static str, ArrayRef)>;

fn array<A: Array + 'static>(array: A) -> ArrayRef {
    Arc::new(array)
}

fn texts(values: &[&str]) -> ArrayRef {
    array(StringArray::from(values.to_vec()))
}

fn seconds(values: &[i64]) -> ArrayRef {
    array(TimestampMillisecondArray::from_iter_values(values.iter().map(|value| value * 1000)).with_timezone("UTC"))
}

fn numbers(values: &[f64]) -> ArrayRef {
    array(Float64Array::from(values.to_vec()))
}

fn batch(columns: Columns) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|column| column.1).collect()).unwrap()
}

fn write_batch(path: &Path, batch: &RecordBatch, compression: Compression, group_rows: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// A folder of small Parquet files.
struct Shop(TempDir);

impl Shop {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(columns: Columns) -> Self {
        let shop = Self::new();
        shop.write("purchases.parquet", columns);
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, columns: Columns) {
        write_batch(&self.path(name), &batch(columns), Compression::UNCOMPRESSED, 1 << 20);
    }

    fn settings(&self, name: &str) -> ReadSettings {
        ReadSettings { purchases: vec![self.name(name)], ..ReadSettings::default() }
    }

    fn read(&self) -> Read {
        accept(&self.settings("purchases.parquet"))
    }

    /// The message without the folder that changes from run to run.
    fn refuse(&self, settings: &ReadSettings) -> String {
        refuse(settings).replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn accept(settings: &ReadSettings) -> Read {
    read(settings, &Silent).unwrap_or_else(|error| panic!("{error}"))
}

fn refuse(settings: &ReadSettings) -> String {
    let message = read(settings, &Silent).expect_err("an error").to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(ours, theirs)| (ours.to_string(), theirs.to_string())).collect()
}

/// Three lines of two customers.
fn three_lines() -> Columns {
    vec![
        ("customer_id", texts(&["b", "a", "b"])),
        ("item_id", texts(&["2", "1", "1"])),
        ("timestamp", seconds(&[MONDAY, MONDAY + 1, MONDAY + 2])),
        ("order_id", texts(&["x", "y", "x"])),
        ("quantity", numbers(&[2.0, 1.0, 3.0])),
        ("amount", numbers(&[4.0, 1.5, 6.0])),
    ]
}

/// The columns every shop has, of one customer buying one item at each of `times`.
fn bought_at(times: ArrayRef) -> Columns {
    let rows = times.len();
    vec![("customer_id", texts(&vec!["a"; rows])), ("item_id", texts(&vec!["1"; rows])), ("timestamp", times)]
}

fn ids(ids: &StringArray) -> Vec<&str> {
    ids.iter().flatten().collect()
}

/// Days of the orders, counted from Monday.
fn days(log: &PurchaseLog) -> Vec<i64> {
    log.order_day.iter().map(|&day| i64::from(day) - MONDAY / DAY).collect()
}

/// Every line as `customer seconds day item quantity amount`, time counted from Monday.
fn lines(log: &PurchaseLog) -> Vec<String> {
    let mut lines = Vec::new();
    for customer in 0..log.customers() {
        for order in log.orders_of(customer) {
            for line in log.lines_of(order) {
                let (time, day) = (log.order_time[order] - MONDAY, i64::from(log.order_day[order]) - MONDAY / DAY);
                let (customer, item) = (log.customer_ids.value(customer), log.item_ids.value(log.line_item[line] as usize));
                lines.push(format!("{customer} {time} {day} {item} {} {}", log.line_quantity[line], log.line_amount[line]));
            }
        }
    }
    lines
}

/// File, row and reason of each row that `rejects.parquet` holds.
fn reject_rows(read: &Read, shop: &Shop) -> Vec<(String, u64, String)> {
    let path = shop.path("rejects.parquet");
    read.rejects.write(&path).unwrap();
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let text = |name: &str| cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        let (file, reason) = (text("file"), text("reason"));
        let row = batch.column_by_name("row").unwrap().as_any().downcast_ref::<UInt64Array>().unwrap();
        for at in 0..batch.num_rows() {
            let file = Path::new(file.as_string::<i32>().value(at)).file_name().unwrap().to_str().unwrap().to_string();
            rows.push((file, row.value(at), reason.as_string::<i32>().value(at).to_string()));
        }
    }
    rows
}
