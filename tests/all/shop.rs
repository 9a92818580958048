//! Small shops written as Parquet, and the binary that is tested.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray};
use assert_cmd::Command;
use parquet::arrow::ArrowWriter;

/// A purchase line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) customer: String,
    pub(crate) order: String,
    pub(crate) item: String,
    /// Days after 2026-01-01, at noon.
    pub(crate) day: i64,
    pub(crate) quantity: i64,
    pub(crate) amount: f64,
}

/// 2026-01-01T12:00:00Z.
const NOON: i64 = 1_767_268_800;

/// One unit for one unit of money.
pub(crate) fn line(customer: &str, order: &str, item: &str, day: i64) -> Line {
    Line { customer: customer.into(), order: order.into(), item: item.into(), day, quantity: 1, amount: 1.0 }
}

/// Writes lines as a purchases file.
pub(crate) fn write(path: &Path, lines: &[Line]) {
    let text = |of: fn(&Line) -> &str| -> ArrayRef { Arc::new(lines.iter().map(|line| Some(of(line))).collect::<StringArray>()) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", text(|line| &line.customer)),
        ("order_id", text(|line| &line.order)),
        ("item_id", text(|line| &line.item)),
        ("timestamp", Arc::new(TimestampSecondArray::from_iter_values(lines.iter().map(|line| NOON + line.day * 86_400)))),
        ("quantity", Arc::new(lines.iter().map(|line| line.quantity).collect::<Int64Array>())),
        ("amount", Arc::new(lines.iter().map(|line| line.amount).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("equal lengths");
    let mut writer = ArrowWriter::try_new(File::create(path).expect("a writable folder"), batch.schema(), None).expect("a valid schema");
    writer.write(&batch).expect("space on the disk");
    writer.close().expect("space on the disk");
}

/// The checkerboard shop: even customers buy even items, odd customers odd ones, each order holding three neighbours; so the neighbours of an
/// item are obvious.
pub(crate) fn checkerboard(customers: usize, items: usize, days: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    for customer in 0..customers {
        let every = 5 + (customer % 7) as i64;
        for (visit, day) in (customer as i64 % every..days).step_by(every as usize).enumerate() {
            for step in 0..3 {
                let item = (customer % 2 + 2 * ((customer / 2 + visit * 3 + step) % (items / 2))) % items;
                lines.push(line(&format!("c{customer:03}"), &format!("o{customer}-{visit}"), &format!("i{item:03}"), day));
            }
        }
    }
    lines
}

/// The binary.
pub(crate) fn shopkeeper() -> Command {
    let mut command = Command::cargo_bin("shopkeeper").expect("the binary is built with the tests");
    command.env_remove("SHOPKEEPER_STORE").arg("--quiet");
    command
}

/// Trains on the file into the store, makes the version current however good it is, and returns its name.
pub(crate) fn train(purchases: &Path, store: &Path, more: &[&str]) -> String {
    shopkeeper()
        .args(["train", "--activate", "always"])
        .arg("--purchases")
        .arg(purchases)
        .arg("--store")
        .arg(store)
        .args(more)
        .assert()
        .success();
    current(store)
}

/// The current version of a store.
pub(crate) fn current(store: &Path) -> String {
    std::fs::read_to_string(store.join("CURRENT")).expect("a trained store").lines().next().unwrap_or_default().to_owned()
}

/// What a failing command says on standard error.
pub(crate) fn complaint(command: &mut Command) -> String {
    let output = command.assert().failure().get_output().clone();
    String::from_utf8_lossy(&output.stderr).into_owned()
}
