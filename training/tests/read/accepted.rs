//! What reading accepts, and the log it makes of it.

use shopkeeper_models::CustomerIx;
use shopkeeper_models::attributes::Attribute;

use super::*;

#[test]
fn a_log_is_sorted_by_customer_then_time_and_an_item_stands_once_an_order() {
    let shop = Shop::with(vec![
        ("customer_id", texts(&["b", "a", "b", "b", "a", "b"])),
        ("item_id", texts(&["10", "9", "10", "9", "10", "9"])),
        ("timestamp", seconds(&[MONDAY + 50, MONDAY, MONDAY + 40, MONDAY + 9, MONDAY - DAY, MONDAY + 9])),
        ("order_id", texts(&["1", "1", "1", "3", "4", "2"])),
        ("quantity", numbers(&[2.0, 1.0, 3.0, 1.0, 1.0, 2.0])),
        ("amount", numbers(&[4.0, 1.5, 6.0, 1.0, 1.0, 1.0])),
    ]);
    let read = shop.read();
    assert_eq!(read.rows, 6);
    assert_eq!(ids(&read.log.customer_ids), ["a", "b"]);
    assert_eq!(ids(&read.log.item_ids), ["10", "9"]);
    let expected = ["a -86400 -1 10 1 1", "a 0 0 9 1 1.5", "b 9 0 9 2 1", "b 9 0 9 1 1", "b 40 0 10 5 10"];
    assert_eq!(lines(&read.log), expected);
    assert_eq!(read.log.order_offsets, [0, 2, 5]);
    assert_eq!(read.log.line_offsets, [0, 1, 2, 3, 4, 5]);
    assert_eq!(read.log.as_of, (MONDAY / DAY + 1) * DAY);
    assert_eq!(i64::from(read.log.as_of_day), MONDAY / DAY + 1);
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
}

#[test]
fn ids_may_be_of_any_integer_or_text_type() {
    let with_ids = |ids: ArrayRef| {
        Shop::with(vec![("customer_id", ids.clone()), ("item_id", ids.clone()), ("timestamp", seconds(&[MONDAY; 3])), ("order_id", ids)])
    };
    let text = texts(&["7", "12", "7"]);
    let expected = with_ids(text.clone()).read();
    let keys = Int32Array::from(vec![0, 1, 0]);
    let dictionary = |values: ArrayRef| array(DictionaryArray::<Int32Type>::try_new(keys.clone(), values).unwrap());
    let small = array(Int8Array::from(vec![7, 12, 7]));
    let number_types = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Decimal128(38, 0),
    ];
    let text_types = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, DataType::Binary, DataType::LargeBinary];
    let mut columns: Vec<ArrayRef> = number_types.iter().map(|to| cast(&small, to).unwrap()).collect();
    columns.extend(text_types.iter().map(|to| cast(&text, to).unwrap()));
    columns.push(dictionary(texts(&["7", "12"])));
    columns.push(dictionary(array(LargeStringArray::from(vec!["7", "12"]))));
    columns.push(dictionary(array(Int64Array::from(vec![7, 12]))));
    columns.push(dictionary(array(UInt64Array::from(vec![7, 12]))));
    for ids in columns {
        let found = ids.data_type().clone();
        assert_eq!(with_ids(ids).read().fingerprint, expected.fingerprint, "{found}");
    }
}

#[test]
fn ids_keep_their_spelling_and_their_range() {
    let shop = Shop::with(vec![
        ("customer_id", array(UInt64Array::from(vec![u64::MAX, 3]))),
        ("item_id", texts(&[" 007 ", "日本"])),
        ("timestamp", seconds(&[MONDAY; 2])),
        ("order_id", array(Int64Array::from(vec![-1, i64::MIN]))),
    ]);
    let log = shop.read().log;
    assert_eq!(ids(&log.customer_ids), ["18446744073709551615", "3"]);
    assert_eq!(ids(&log.item_ids), [" 007 ", "日本"]);
}

#[test]
fn timestamps_may_be_of_any_time_or_date_type() {
    let day = MONDAY / DAY;
    let at = [day * DAY, (day + 1) * DAY];
    let columns: Vec<ArrayRef> = vec![
        array(TimestampSecondArray::from_iter_values(at)),
        array(TimestampMillisecondArray::from_iter_values(at.map(|at| at * 1_000))),
        array(TimestampMicrosecondArray::from_iter_values(at.map(|at| at * 1_000_000))),
        array(TimestampNanosecondArray::from_iter_values(at.map(|at| at * 1_000_000_000 + 999_999_999))),
        array(TimestampSecondArray::from_iter_values(at).with_timezone("UTC")),
        array(TimestampMicrosecondArray::from_iter_values(at.map(|at| at * 1_000_000)).with_timezone("+05:30")),
        array(TimestampNanosecondArray::from_iter_values(at.map(|at| at * 1_000_000_000)).with_timezone("Europe/Berlin")),
        array(Date32Array::from_iter_values(at.map(|at| (at / DAY) as i32))),
        array(Date64Array::from_iter_values(at.map(|at| at * 1_000))),
    ];
    for times in columns {
        let found = times.data_type().clone();
        let log = Shop::with(bought_at(times)).read().log;
        assert_eq!(log.order_time, at, "{found}");
        assert_eq!(days(&log), [0, 1], "{found}");
    }
}

#[test]
fn quantities_and_amounts_may_be_of_any_number_type() {
    let whole = array(Int8Array::from(vec![2, 1, 3]));
    let types = [
        DataType::Int8,
        DataType::Int32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal32(6, 2),
        DataType::Decimal128(12, 2),
        DataType::Decimal256(40, 3),
    ];
    for to in types {
        let mut columns = three_lines();
        columns[4].1 = cast(&whole, &to).unwrap();
        columns[5].1 = cast(&whole, &to).unwrap();
        let log = Shop::with(columns).read().log;
        assert_eq!(log.line_quantity, [1.0, 3.0, 2.0], "{to}");
        assert_eq!(log.line_amount, [1.0, 3.0, 2.0], "{to}");
    }
}

#[test]
fn every_common_compression_is_read() {
    let expected = Shop::with(three_lines()).read().fingerprint;
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
    ];
    for compression in compressions {
        let shop = Shop::new();
        write_batch(&shop.path("purchases.parquet"), &batch(three_lines()), compression, 2);
        assert_eq!(shop.read().fingerprint, expected, "{compression:?}");
    }
}

#[test]
fn money_is_the_amount_else_the_unit_price_times_quantity_else_zero() {
    let mut columns = three_lines();
    columns[5] = ("unit_price", numbers(&[4.0, 1.5, 6.0]));
    assert_eq!(Shop::with(columns.clone()).read().log.line_amount, [1.5, 18.0, 8.0]);
    columns.push(("amount", array(Float64Array::from(vec![Some(1.0), None, Some(-0.0)]))));
    assert_eq!(Shop::with(columns.clone()).read().log.line_amount, [1.5, 0.0, 1.0]);
    columns.truncate(5);
    let read = Shop::with(columns).read();
    assert_eq!(read.log.line_amount, [0.0; 3]);
    assert!(read.warnings[0].contains("no amount and no unit_price"), "{:?}", read.warnings);
    let mut columns = three_lines();
    columns[5].1 = array(Float64Array::from(vec![Some(1.0), None, None]));
    assert!(Shop::with(columns).read().warnings[0].contains("2 rows do not say what was paid"));
}

#[test]
fn folders_patterns_and_partitions_name_files() {
    let expected = Shop::with(three_lines()).read().fingerprint;
    let shop = Shop::new();
    let all = batch(three_lines());
    for (row, folder) in ["year=2017/month=10", "year=2017/month=11", "_old=1"].iter().enumerate() {
        write_batch(&shop.path(&format!("all/{folder}/part-{row}.parquet")), &all.slice(row, 1), Compression::SNAPPY, 10);
    }
    fs::write(shop.path("all/_SUCCESS"), "").unwrap();
    fs::write(shop.path("all/year=2017/.part-0.parquet.crc"), "crc").unwrap();
    fs::create_dir(shop.path("all/_temporary")).unwrap();
    fs::write(shop.path("all/_temporary/part-9.parquet"), "half").unwrap();
    for name in ["all", "al?", "all/*=*", "all/*=*/**/*.parquet"] {
        assert_eq!(accept(&shop.settings(name)).fingerprint, expected, "{name}");
    }
    let named_twice = ReadSettings { purchases: vec![shop.name("all"), shop.name("all/year=2017")], ..ReadSettings::default() };
    assert_eq!(accept(&named_twice).fingerprint, expected);
}

#[test]
fn a_partition_folder_is_a_column_that_the_file_lacks() {
    let shop = Shop::new();
    let row = |customer| vec![("customer_id", texts(&[customer])), ("item_id", texts(&["1"]))];
    shop.write("all/channel=web%20shop/date=2017-11-06/part.parquet", row("a"));
    shop.write("all/channel=store/date=2017-11-07 08%3A00%3A00/part.parquet", row("b"));
    shop.write("all/channel=__HIVE_DEFAULT_PARTITION__/date=2017-11-08T00:00:00Z/part.parquet", row("c"));
    let settings = ReadSettings { columns: mapping(&[("timestamp", "date")]), ..shop.settings("all") };
    let log = accept(&settings).log;
    assert_eq!(log.channels, ["store", "web shop"]);
    assert_eq!(log.order_channel, [1, 0, u16::MAX]);
    assert_eq!(days(&log), [0, 1, 2]);
    shop.write("all/date=soon/part.parquet", row("d"));
    assert_eq!(
        shop.refuse(&settings),
        "all/date=soon/part.parquet: the folder date=soon stands for timestamp, which must be times (a timestamp or date type). Rename the folder or map a column: --column timestamp=..."
    );
}

/// Many lines with ties, returns and orders without id.
fn many_lines(rows: usize) -> RecordBatch {
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut customers, mut items, mut times, mut orders) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut quantities, mut amounts, mut channels) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        customers.push(format!("c{}", next(40)));
        items.push(next(30) as i64);
        times.push(MONDAY + next(200) as i64 * 6 * HOUR);
        orders.push((next(4) > 0).then(|| format!("o{}", next(60))));
        quantities.push(if next(10) == 0 { -1.0 } else { next(5) as f64 + 0.1 });
        amounts.push(next(1000) as f64 / 7.0);
        channels.push((next(3) > 0).then(|| ["web", "app", "store"][next(3) as usize]));
    }
    batch(vec![
        ("customer_id", array(StringArray::from(customers))),
        ("item_id", array(Int64Array::from(items))),
        ("timestamp", seconds(&times)),
        ("order_id", array(StringArray::from(orders))),
        ("quantity", numbers(&quantities)),
        ("amount", numbers(&amounts)),
        ("channel", array(StringArray::from(channels))),
    ])
}

#[test]
fn the_log_does_not_depend_on_row_order_files_or_threads() {
    let rows = many_lines(5_000);
    let shop = Shop::new();
    write_batch(&shop.path("purchases.parquet"), &rows, Compression::SNAPPY, 1 << 20);
    let expected = shop.read();
    let order = UInt64Array::from_iter_values((0..5_000).map(|row| (row * 7_919 + 13) % 5_000));
    let mixed = arrow::compute::take_record_batch(&rows, &order).unwrap();
    for part in 0..5 {
        let name = format!("parts/{}.parquet", (part * 3) % 5);
        write_batch(&shop.path(&name), &mixed.slice(part * 1_000, 1_000), Compression::SNAPPY, 130);
    }
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let read = pool.install(|| accept(&shop.settings("parts")));
        assert_eq!(read.fingerprint, expected.fingerprint, "{threads} threads");
        assert_eq!(format!("{:?}", read.log), format!("{:?}", expected.log), "{threads} threads");
    }
    let mut other = three_lines();
    other[5].1 = numbers(&[4.0, 1.5, 6.5]);
    assert_ne!(Shop::with(other).read().fingerprint, Shop::with(three_lines()).read().fingerprint);
}

#[test]
fn an_as_of_reads_what_a_file_with_only_the_rows_before_it_holds() {
    let rows = many_lines(3_000);
    let as_of = MONDAY + 30 * DAY;
    let shop = Shop::new();
    write_batch(&shop.path("all.parquet"), &rows, Compression::SNAPPY, 500);
    let times = rows.column(2).as_any().downcast_ref::<TimestampMillisecondArray>().unwrap();
    let before = BooleanArray::from_iter(times.iter().map(|time| time.map(|time| time < as_of * 1_000)));
    let past = arrow::compute::filter_record_batch(&rows, &before).unwrap();
    write_batch(&shop.path("past.parquet"), &past, Compression::SNAPPY, 500);
    let as_of = Some("2017-12-06T11:00:00+01:00".parse().unwrap());
    let all = accept(&ReadSettings { as_of, ..shop.settings("all.parquet") });
    let past = accept(&ReadSettings { as_of, ..shop.settings("past.parquet") });
    assert_eq!(format!("{:?}", all.log), format!("{:?}", past.log));
    assert_eq!(all.fingerprint, past.fingerprint);
    assert_eq!((all.rows, past.after_as_of), (3_000, 0));
    assert_eq!(all.after_as_of, 3_000 - past.rows);
    assert_eq!(all.rejects.counts, past.rejects.counts);
}

#[test]
fn an_as_of_is_an_exclusive_end_in_the_shops_time_zone() {
    // 13 hours after 10:00Z on Monday is midnight in Berlin; the last row would be rejected twice over if it were read
    let shop = Shop::with(vec![
        ("customer_id", texts(&["a", "a", "b"])),
        ("item_id", texts(&["1", "2", ""])),
        ("timestamp", seconds(&[MONDAY, MONDAY + 13 * HOUR, MONDAY + 300 * 365 * DAY])),
    ]);
    let settings = |as_of: &str| ReadSettings {
        timezone: "Europe/Berlin".into(),
        as_of: Some(as_of.parse().unwrap()),
        max_reject_rate: 0.5,
        ..shop.settings("purchases.parquet")
    };
    let read = accept(&settings("2017-11-07"));
    assert_eq!((read.log.orders(), read.after_as_of, read.rejects.total()), (1, 2, 0));
    assert_eq!(read.log.as_of, MONDAY + 13 * HOUR);
    assert_eq!(i64::from(read.log.as_of_day), MONDAY / DAY + 1);
    let log = accept(&settings("2017-11-07T00:00:01+01:00")).log;
    assert_eq!((log.orders(), i64::from(log.as_of_day)), (2, MONDAY / DAY + 2));
    assert_eq!(
        refuse(&settings("2017-11-06T10:00:00Z")),
        "--as-of 2017-11-06T10:00:00Z: no purchase before it; the first one is at 2017-11-06T10:00:00Z. Give a later --as-of, or leave it out to read everything"
    );
    assert!(accept(&settings("2400-01-01")).warnings.iter().any(|warning| warning.contains("is in the future")));
}

#[test]
fn an_as_of_is_a_date_or_a_time_in_whole_seconds() {
    assert_eq!("1970-01-01T01:00:00+01:00".parse::<AsOf>().unwrap(), AsOf::Time(0));
    for text in ["", "soon", "2017-11-06T10:00:00", "2017-11-06T10:00:00.5Z", "2017-13-01"] {
        assert!(matches!(text.parse::<AsOf>(), Err(ReadError::AsOf { .. })), "{text}");
    }
    for text in ["2017-11-07", "2017-11-07T00:00:00Z"] {
        let settings = ReadSettings { as_of: Some(text.parse().unwrap()), ..ReadSettings::default() };
        assert_eq!(serde_json::to_value(settings).unwrap()["as_of"], text);
    }
}

#[test]
fn days_are_those_of_the_shop() {
    let shop = Shop::with(vec![
        ("customer_id", texts(&["a", "a", "a"])),
        ("item_id", texts(&["1", "2", "3"])),
        ("timestamp", seconds(&[MONDAY + 13 * HOUR - 1, MONDAY + 13 * HOUR, MONDAY + 14 * HOUR])),
    ]);
    let settings = |timezone: &str| ReadSettings { timezone: timezone.into(), ..shop.settings("purchases.parquet") };
    let days = |timezone| days(&accept(&settings(timezone)).log);
    assert_eq!(days("UTC"), [0, 1]);
    assert_eq!(days("Europe/Berlin"), [0, 1]);
    assert_eq!(accept(&settings("Europe/Berlin")).log.line_offsets, [0, 1, 3]);
    assert_eq!(days("America/New_York"), [0]);
    assert_eq!(days("Asia/Tokyo"), [1]);
    assert!(accept(&settings("UTC")).warnings.iter().any(|warning| warning.contains("no order_id")));
    assert_eq!(
        refuse(&settings("Berlin")),
        "--timezone: \"Berlin\" is not an IANA time zone; expected a name such as UTC, Europe/Berlin or America/New_York"
    );
}

#[test]
fn wall_clock_times_are_resolved_where_clocks_change() {
    // Berlin: 2017-03-26 02:30 does not exist, 2017-10-29 02:30 is shown twice
    let (gap, twice) = (1_490_495_400, 1_509_244_200);
    let shop = Shop::with(bought_at(array(TimestampSecondArray::from_iter_values([gap, twice, MONDAY]))));
    let log = accept(&ReadSettings { timezone: "Europe/Berlin".into(), ..shop.settings("purchases.parquet") }).log;
    assert_eq!(log.order_time, [gap - HOUR, twice - 2 * HOUR, MONDAY - HOUR]);
    assert_eq!(days(&log), [gap / DAY - MONDAY / DAY, twice / DAY - MONDAY / DAY, 0]);
    // São Paulo: midnight of 2017-10-15 does not exist; a date still starts then
    let shop = Shop::with(bought_at(array(Date32Array::from(vec![17_454]))));
    let log = accept(&ReadSettings { timezone: "America/Sao_Paulo".into(), ..shop.settings("purchases.parquet") }).log;
    assert_eq!((log.order_day[0], log.order_time[0]), (17_454, 17_454 * DAY + 3 * HOUR));
    // St John's: at 00:01 of 2010-11-07 it became 23:01 of the day before; days still never go back within a customer
    let change = 1_289_097_060;
    let shop = Shop::with(bought_at(seconds(&[change - 30, change + 30])));
    let log = accept(&ReadSettings { timezone: "America/St_Johns".into(), ..shop.settings("purchases.parquet") }).log;
    assert_eq!(log.order_day, [14_919, 14_920]);
    assert!(log.as_of_day == 14_921 && log.order_time.iter().all(|&time| time < log.as_of));
}

#[test]
fn rows_without_order_id_are_orders_by_day() {
    let shop = Shop::with(vec![
        ("customer_id", texts(&["a", "a", "a", "a"])),
        ("item_id", texts(&["1", "2", "3", "4"])),
        ("timestamp", seconds(&[MONDAY, MONDAY + 3, MONDAY + DAY, MONDAY + 5])),
        ("order_id", array(StringArray::from(vec![None, Some("x"), Some(""), None]))),
    ]);
    let log = shop.read().log;
    assert_eq!(lines(&log), ["a 0 0 1 1 0", "a 0 0 4 1 0", "a 3 0 2 1 0", "a 86400 1 3 1 0"]);
    assert_eq!(log.line_offsets, [0, 2, 3, 4]);
}

#[test]
fn discounts_are_added_up_an_order_from_several_columns_of_either_sign() {
    let with = |more: Columns| Shop::with(three_lines().into_iter().chain(more).collect());
    assert!(Shop::with(three_lines()).read().log.order_discount.is_empty());
    assert!(with(vec![("discount", numbers(&[0.0; 3]))]).read().log.order_discount.is_empty(), "nothing was ever taken off");
    assert_eq!(with(vec![("discount", numbers(&[0.5, -1.0, f64::NAN]))]).read().log.order_discount, [1.0, 0.5]);
    let shop = with(vec![("shelf", numbers(&[0.5, 0.0, 1.0])), ("voucher", array(Float64Array::from(vec![None, None, Some(0.25)])))]);
    let read = accept(&ReadSettings { columns: mapping(&[("discount", "shelf+voucher")]), ..shop.settings("purchases.parquet") });
    assert_eq!(read.log.order_discount, [0.0, 1.75]);
    let said = shop.refuse(&ReadSettings { columns: mapping(&[("discount", "shelf+nothing")]), ..shop.settings("purchases.parquet") });
    assert!(said.contains("no column \"shelf+nothing\" for discount"), "{said}");
}

#[test]
fn negative_quantities_are_returns() {
    let shop = Shop::with(vec![
        ("customer_id", texts(&["b", "a", "b", "a"])),
        ("item_id", texts(&["2", "2", "1", "1"])),
        ("timestamp", seconds(&[MONDAY, MONDAY, MONDAY + DAY, MONDAY])),
        ("quantity", numbers(&[3.0, 1.0, -2.0, -1.0])),
        ("unit_price", numbers(&[5.0, 5.0, 5.0, 5.0])),
    ]);
    let log = shop.read().log;
    assert_eq!(log.orders(), 2);
    let day = (MONDAY / DAY) as i32;
    let expected = [
        Return { customer: 0, item: 0, day, quantity: 1.0, amount: 5.0 },
        Return { customer: 1, item: 0, day: day + 1, quantity: 2.0, amount: 10.0 },
    ];
    assert_eq!(log.returns, expected);
    assert_eq!(log.as_of_day, day + 2);
}

#[test]
fn negative_money_for_no_unit_is_paid_back() {
    let shop = Shop::with(vec![
        ("customer_id", texts(&["a", "a"])),
        ("item_id", texts(&["1", "voucher"])),
        ("timestamp", seconds(&[MONDAY, MONDAY])),
        ("quantity", numbers(&[2.0, 0.0])),
        ("amount", numbers(&[9.0, -1.5])),
    ]);
    let log = shop.read().log;
    let day = (MONDAY / DAY) as i32;
    assert_eq!((log.orders(), log.line_amount.as_slice()), (1, &[9.0][..]));
    assert_eq!(log.returns, [Return { customer: 0, item: 1, day, quantity: 0.0, amount: 1.5 }]);
}

#[test]
fn unusable_rows_are_rejected_with_reason_file_and_row() {
    let long = "x".repeat(257);
    let mut customers = vec![Some("a"); 10];
    (customers[1], customers[2], customers[3]) = (None, Some(""), Some(long.as_str()));
    let mut items = vec![Some("1"); 10];
    items[4] = None;
    let mut times = vec![Some(MONDAY); 10];
    (times[5], times[6], times[7]) = (None, Some(-1), Some(MONDAY + 400 * 365 * DAY));
    let shop = Shop::new();
    shop.write(
        "all/1.parquet",
        vec![
            ("customer_id", array(StringArray::from(customers))),
            ("item_id", array(StringArray::from(items))),
            ("timestamp", array(TimestampSecondArray::from(times))),
            ("quantity", numbers(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, f64::NAN])),
        ],
    );
    let mut second = bought_at(seconds(&[MONDAY; 5]));
    second.push(("quantity", numbers(&[1e7, 1.0, 1.0, 1.0, 1e-60])));
    second.push(("amount", numbers(&[1.0, -1.0, f64::INFINITY, 1e10, 1.0])));
    shop.write("all/2.parquet", second);
    let settings = ReadSettings { max_reject_rate: 1.0, ..shop.settings("all") };
    let read = accept(&settings);
    assert_eq!((read.rows, read.log.orders(), read.rejects.total()), (15, 1, 12));
    let expected = [
        ("1.parquet", 1, "no customer_id"),
        ("1.parquet", 2, "no customer_id"),
        ("1.parquet", 3, "id longer than 256 bytes"),
        ("1.parquet", 4, "no item_id"),
        ("1.parquet", 5, "no timestamp"),
        ("1.parquet", 6, "timestamp before 1970"),
        ("1.parquet", 7, "timestamp in the future"),
        ("1.parquet", 9, "quantity is not a number"),
        ("2.parquet", 0, "quantity beyond 1,000,000"),
        ("2.parquet", 1, "negative amount"),
        ("2.parquet", 2, "amount is not a number"),
        ("2.parquet", 3, "amount beyond 1,000,000,000"),
    ];
    let expected: Vec<_> = expected.iter().map(|&(file, row, reason)| (file.to_string(), row, reason.to_string())).collect();
    assert_eq!(reject_rows(&read, &shop), expected);
    assert_eq!(read.rejects.counts["no customer_id"], 2);
    assert_eq!(ids(&read.log.customer_ids), ["a"], "ids of rejected rows do not enter the log");
    let message = refuse(&ReadSettings { max_reject_rate: 0.5, ..settings });
    let start = "12 of 15 rows were rejected (80.0 %), more than --max-reject-rate 0.5: no customer_id 2, ";
    assert!(message.starts_with(start) && message.ends_with(". Correct the rows, or allow it: --max-reject-rate 0.8"), "{message}");
}

#[test]
fn duplicates_are_units_unless_asked_otherwise() {
    let twice = |column: ArrayRef| arrow::compute::concat(&[column.as_ref(), column.as_ref()]).unwrap();
    let shop = Shop::with(three_lines().into_iter().map(|(name, column)| (name, twice(column))).collect());
    assert_eq!(shop.read().log.line_quantity, [2.0, 6.0, 4.0]);
    let read = accept(&ReadSettings { drop_duplicates: true, ..shop.settings("purchases.parquet") });
    assert_eq!(read.fingerprint, Shop::with(three_lines()).read().fingerprint);
    let duplicate = |row| ("purchases.parquet".to_string(), row, "duplicate row".to_string());
    assert_eq!(reject_rows(&read, &shop), [duplicate(3), duplicate(4), duplicate(5)]);
}

#[test]
fn the_items_and_customers_tables_add_what_was_never_bought() {
    let shop = Shop::with(three_lines());
    shop.write(
        "items.parquet",
        vec![
            ("product_id", array(Int64Array::from(vec![Some(3), Some(1), Some(1), None]))),
            ("title", array(StringArray::from(vec![None, Some("b"), Some("a"), Some("c")]))),
            ("department", array(StringArray::from(vec![Some("food > tea"), None, None, None]))),
            ("price", numbers(&[2.5, f64::NAN, 1.0, 1.0])),
            ("available", array(BooleanArray::from(vec![Some(false), Some(true), None, None]))),
        ],
    );
    shop.write("customers.parquet", vec![("customer_id", texts(&["c", "a", "c"])), ("age", texts(&["1", "2", "3"]))]);
    let read = accept(&ReadSettings {
        items: Some(shop.name("items.parquet")),
        customers: Some(shop.name("customers.parquet")),
        columns: mapping(&[("items.item_id", "product_id"), ("items.category", "department")]),
        ..shop.settings("purchases.parquet")
    });
    let log = &read.log;
    assert_eq!(ids(&log.customer_ids), ["a", "b", "c"]);
    assert_eq!(log.order_offsets, [0, 1, 2, 2]);
    assert_eq!(ids(&log.item_ids), ["1", "2", "3"]);
    assert_eq!(log.catalogue.title, [Some("a".into()), None, None]);
    assert_eq!(log.catalogue.category, [None, None, Some("food > tea".into())]);
    assert_eq!(log.catalogue.brand, [None, None, None]);
    assert_eq!(log.catalogue.price, [Some(1.0), None, Some(2.5)]);
    assert_eq!(log.catalogue.available, [true, true, false]);
    let expected =
        ["1 rows have no item_id", "1 rows repeat an item_id", "1 of 2 sold items are not in the table", "1 rows repeat a customer_id"];
    assert_eq!(read.attributes.names(), ["age"]);
    assert_eq!(read.warnings.len(), expected.len(), "{:?}", read.warnings);
    for (warning, expected) in read.warnings.iter().zip(expected) {
        assert!(warning.contains(expected), "{warning}");
    }
    assert_ne!(read.fingerprint, shop.read().fingerprint);
}

#[test]
fn attributes_of_the_customers_table_are_read_by_type_and_judged() {
    let shop = Shop::with(three_lines());
    let long = "x".repeat(300);
    shop.write(
        "people.parquet",
        vec![
            ("id", array(StringArray::from(vec![Some("b"), None, Some("d"), Some("e"), Some("a")]))),
            ("joined", seconds(&[MONDAY - DAY, MONDAY, MONDAY + 9 * DAY, MONDAY, 32_503_680_000])),
            ("birthday", array(Date32Array::from(vec![Some(4_000), None, Some(9_000), Some(-40_000), None]))),
            ("newsletter", array(BooleanArray::from(vec![Some(true), None, None, Some(false), None]))),
            ("region", array(StringArray::from(vec![Some("north"), None, None, Some(long.as_str()), Some("")]))),
            ("card", array(Int64Array::from(vec![Some(7), None, None, None, None]))),
            ("score", array(Float64Array::from(vec![Some(f64::NAN), None, None, Some(2.5), None]))),
            ("empty", array(NullArray::new(5))),
        ],
    );
    let settings = |as_of: Option<&str>| ReadSettings {
        customers: Some(shop.name("people.parquet")),
        columns: mapping(&[
            ("customers.customer_id", "id"),
            ("customers.signed_up_at", "joined"),
            ("customers.email_opt_in", "newsletter"),
            ("customers.card_number", "card"),
        ]),
        max_reject_rate: 0.2,
        as_of: as_of.map(|text| text.parse().unwrap()),
        ..shop.settings("purchases.parquet")
    };
    let read = accept(&settings(None));
    assert_eq!(ids(&read.log.customer_ids), ["a", "b", "d", "e"]);
    assert_eq!(read.attributes.names(), ["birthday", "card_number", "email_opt_in", "region", "score", "signed_up_at"]);
    let of = |customer: u32| -> Vec<Option<Attribute<'_>>> {
        (0..read.attributes.names().len()).map(|column| read.attributes.get(column, CustomerIx(customer))).collect()
    };
    let monday = (MONDAY / DAY) as i32;
    let (day, text, number, flag) = (Attribute::Date, Attribute::Text, Attribute::Number, Attribute::Flag);
    assert_eq!(of(0), [None; 6], "nothing that could be kept");
    assert_eq!(of(1), [Some(day(4_000)), Some(number(7.0)), Some(flag(true)), Some(text("north")), None, Some(day(monday - 1))]);
    assert_eq!(of(3), [None, None, Some(flag(false)), None, Some(number(2.5)), Some(day(monday))]);
    let reasons: Vec<String> = reject_rows(&read, &shop).into_iter().map(|(file, row, reason)| format!("{file} {row} {reason}")).collect();
    assert_eq!(
        reasons,
        [
            "people.parquet 0 customers: a number that is not finite, left out",
            "people.parquet 1 customers: no customer_id",
            "people.parquet 3 customers: birthday before 1900 or in the future, left out",
            "people.parquet 3 customers: text longer than 256 bytes, left out",
            "people.parquet 4 customers: signed_up_at in the future, left out",
        ]
    );
    // who signed up after the as-of and had not bought by then is not known yet
    let earlier = accept(&settings(Some(&shopkeeper_models::calendar::date(monday + 1))));
    assert_eq!(ids(&earlier.log.customer_ids), ["a", "b", "e"]);
    assert!(earlier.warnings.iter().any(|warning| warning.contains("1 signed up after the as-of")), "{:?}", earlier.warnings);
    let strict = shop.refuse(&ReadSettings { max_reject_rate: 0.05, ..settings(None) });
    assert!(strict.contains("1 of 5 rows were rejected (20.0 %)") && strict.contains("customers: no customer_id"), "{strict}");
}
