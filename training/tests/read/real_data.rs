//! Reading public purchase data, where it is at hand.

use super::*;

/// A file of real purchases, or `None` with a line that says so.
fn real(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("SHOPKEEPER_DATA").map_or_else(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {name}; set SHOPKEEPER_DATA to the folder that holds it");
    None
}

fn real_settings(path: &Path, columns: &[(&str, &str)]) -> ReadSettings {
    ReadSettings { purchases: vec![path.display().to_string()], columns: mapping(columns), ..ReadSettings::default() }
}

/// The most memory this process has held, in MiB.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// Reads and says what came of it: run one test alone, in release mode, to see what it took.
fn measured(name: &str, settings: &ReadSettings) -> Read {
    let started = Instant::now();
    let read = accept(settings);
    let seconds = started.elapsed().as_secs_f64();
    let Read { rows, log, .. } = &read;
    println!(
        "{name}: {rows} rows, {} customers, {} items, {} orders, {} lines, {} returns, rejected: {}; {seconds:.2} s, peak memory {} MiB",
        log.customers(),
        log.items(),
        log.orders(),
        log.line_item.len(),
        log.returns.len(),
        read.rejects.reasons(),
        peak_memory().unwrap_or(0)
    );
    read
}

#[test]
fn complete_journey() {
    let (Some(path), Some(items)) = (real("complete-journey/transactions.parquet"), real("complete-journey/products.parquet")) else {
        return;
    };
    let columns = [
        ("customer_id", "household_id"),
        ("order_id", "basket_id"),
        ("item_id", "product_id"),
        ("amount", "sales_value"),
        ("timestamp", "transaction_timestamp"),
        ("items.item_id", "product_id"),
        ("items.category", "product_category"),
    ];
    let settings = ReadSettings { items: Some(items.display().to_string()), ..real_settings(&path, &columns) };
    let read = measured("complete-journey", &settings);
    assert_eq!((read.rows, read.log.customers(), read.rejects.total()), (1_354_113, 2_464, 0));
    assert_eq!(read.log.line_quantity.iter().filter(|&&quantity| quantity == 0.0).count(), 8_151, "lines that stand for no unit are kept");
    assert_eq!(shopkeeper_models::calendar::rfc3339(read.log.as_of), "2017-12-04T00:00:00Z");
}

#[test]
fn online_retail() {
    let Some(path) = real("online-retail/online_retail_ii.parquet") else { return };
    let columns = [
        ("customer_id", "Customer ID"),
        ("order_id", "Invoice"),
        ("item_id", "StockCode"),
        ("unit_price", "Price"),
        ("quantity", "Quantity"),
        ("timestamp", "InvoiceDate"),
    ];
    let settings = ReadSettings { timezone: "Europe/London".into(), ..real_settings(&path, &columns) };
    let read = measured("online-retail", &settings);
    assert_eq!(read.rows, 561_296);
    assert!(!read.log.returns.is_empty());
}

#[test]
fn cdnow_and_groceries() {
    if let Some(path) = real("cdnow-sample/cdnow_sample.parquet") {
        let read = measured("cdnow-sample", &real_settings(&path, &[("amount", "sales_value")]));
        assert_eq!((read.rows, read.log.customers(), read.log.items()), (6_919, 2_357, 1));
    }
    if let Some(path) = real("groceries/groceries.parquet") {
        let read = measured("groceries", &real_settings(&path, &[]));
        assert_eq!((read.rows, read.log.items(), read.log.orders()), (43_367, 169, 9_835));
    }
}
