//! What reading refuses, and what it says then.

use super::*;

#[test]
fn files_that_are_not_there_are_named() {
    let shop = Shop::with(three_lines());
    fs::create_dir(shop.path("empty")).unwrap();
    assert_eq!(shop.refuse(&shop.settings("none.parquet")), "none.parquet: no such file or folder. Check the path given with --purchases");
    assert_eq!(
        shop.refuse(&shop.settings("none-*.parquet")),
        "none-*.parquet: matches no Parquet file. Check the pattern given with --purchases, and quote it so that the shell leaves it alone"
    );
    assert!(shop.refuse(&shop.settings("a***")).starts_with("a***: not a pattern ("));
    let folder = refuse(&shop.settings("empty"));
    assert!(
        folder.ends_with("empty: no *.parquet file in it or below it. Point --purchases at the folder that holds them, or name the files")
    );
    assert_eq!(
        shop.refuse(&ReadSettings { items: Some(shop.name("items.parquet")), ..shop.settings("purchases.parquet") }),
        "items.parquet: no such file or folder. Check the path given with --items"
    );
    assert_eq!(refuse(&ReadSettings::default()), "--purchases: found nothing; expected Parquet files, folders or patterns");
}

#[test]
fn columns_that_are_not_there_are_named_with_a_proposal() {
    let shop = Shop::with(vec![
        ("store_id", array(Int64Array::from(vec![1]))),
        ("household_id", array(Int64Array::from(vec![1]))),
        ("product name", texts(&["tea"])),
        ("StockCode", texts(&["1"])),
        ("Customer ID", numbers(&[1.0])),
        ("week", array(Int64Array::from(vec![1]))),
        ("transaction_timestamp", seconds(&[MONDAY])),
    ]);
    let settings = |columns: &[_]| ReadSettings { columns: mapping(columns), ..shop.settings("purchases.parquet") };
    let found = "store_id, household_id, product name, StockCode, Customer ID, week, transaction_timestamp";
    assert_eq!(
        shop.refuse(&settings(&[])),
        format!(
            "purchases.parquet: no column \"customer_id\" and no column \"item_id\" and no column \"timestamp\"; found {found}. Map them: --column customer_id=household_id --column item_id=StockCode --column timestamp=transaction_timestamp"
        )
    );
    let all = [("customer_id", "household_id"), ("item_id", "StockCode"), ("timestamp", "transaction_timestamp")];
    assert_eq!(
        shop.refuse(&settings(&all[1..])),
        format!("purchases.parquet: no column \"customer_id\"; found {found}. Map it: --column customer_id=household_id")
    );
    accept(&settings(&all));
    let more = Shop::with(vec![
        ("household_id", array(Int64Array::from(vec![1]))),
        ("basket_id", array(Int64Array::from(vec![1]))),
        ("item_id", texts(&["1"])),
        ("quantity", numbers(&[1.0])),
        ("sales_value", numbers(&[1.0])),
        ("retail_disc", numbers(&[1.0])),
        ("coupon_disc", numbers(&[1.0])),
        ("timestamp", seconds(&[MONDAY])),
    ]);
    let said = more.refuse(&more.settings("purchases.parquet"));
    let also = "These may be meant, too: --column order_id=basket_id --column amount=sales_value --column discount=retail_disc+coupon_disc";
    assert!(said.ends_with(&format!("Map it: --column customer_id=household_id {also}")), "{said}");
    let with = |more| settings(&[all[0], all[1], all[2], more]);
    assert_eq!(
        shop.refuse(&with(("quantity", "Units"))),
        format!("purchases.parquet: no column \"Units\" for quantity; found {found}. Map it: --column quantity=<their name>")
    );
    assert!(shop.refuse(&with(("store_id", "shop"))).contains("no column \"shop\" for store_id"));
    let own = Shop::with(three_lines());
    let said = own.refuse(&ReadSettings { columns: mapping(&[("customer_id", "nope")]), ..own.settings("purchases.parquet") });
    assert!(said.ends_with("Leave that mapping out: the file has a column \"customer_id\""), "{said}");
    let message = shop.refuse(&with(("custmer_id", "household_id")));
    let start = "--column custmer_id=...: no such name; expected one of customer_id, item_id, timestamp, order_id, quantity, amount, unit_price, discount, channel, store_id, items.item_id, ";
    assert!(message.starts_with(start) && message.ends_with("referrals.timestamp or customers.<any attribute>"), "{message}");
}

#[test]
fn tables_beside_purchases_are_refused_as_clearly() {
    let shop = Shop::with(three_lines());
    let settings = |campaigns: &str| ReadSettings { campaigns: Some(shop.name(campaigns)), ..shop.settings("purchases.parquet") };
    let lonely = ReadSettings { redemptions: Some(shop.name("purchases.parquet")), ..shop.settings("purchases.parquet") };
    assert_eq!(
        shop.refuse(&lonely),
        "--campaigns: found nothing, with --campaign-list or --redemptions; expected the table of who was in which campaign"
    );
    assert_eq!(shop.refuse(&settings("none.parquet")), "none.parquet: no such file or folder. Check the path given with --campaigns");
    shop.write("nameless.parquet", vec![("mailing_no", texts(&["m1"])), ("customer_id", texts(&["1"]))]);
    assert_eq!(
        shop.refuse(&settings("nameless.parquet")),
        "nameless.parquet: no column \"campaign_id\"; found mailing_no, customer_id. Map it: --column campaigns.campaign_id=mailing_no"
    );
    shop.write("timeless.parquet", vec![("campaign_id", texts(&["m1"])), ("customer_id", texts(&["a"]))]);
    let timeless = shop.refuse(&settings("timeless.parquet"));
    assert!(timeless.starts_with("1 of 1 rows were rejected (100.0 %)"), "{timeless}");
}

#[test]
fn columns_of_the_wrong_type_are_named() {
    let wrong: [(usize, ArrayRef, &str); 4] = [
        (
            0,
            numbers(&[1.0, 2.0, 3.0]),
            "purchases.parquet: column \"customer_id\" is Float64; customer_id must be text or whole numbers (a string or integer type). Write it as such, or map another column: --column customer_id=...",
        ),
        (
            2,
            array(Int64Array::from(vec![MONDAY; 3])),
            "purchases.parquet: column \"timestamp\" is Int64; timestamp must be times (a timestamp or date type). Convert it first, in pandas df[\"timestamp\"] = pd.to_datetime(df[\"timestamp\"], unit=\"s\"), with the unit that it counts in. Write it as such, or map another column: --column timestamp=...",
        ),
        (2, texts(&["2017-11-06"; 3]), "pd.to_datetime(df[\"timestamp\"], format=\"ISO8601\"). Write it as such"),
        (4, texts(&["1"; 3]), "column \"quantity\" is Utf8; quantity must be numbers (an integer, float or decimal type)"),
    ];
    for (column, values, expected) in wrong {
        let mut columns = three_lines();
        columns[column].1 = values;
        let shop = Shop::with(columns);
        let message = shop.refuse(&shop.settings("purchases.parquet"));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn all_files_are_checked_before_a_row_is_read_and_each_may_have_its_own_types() {
    let shop = Shop::new();
    shop.write("all/1.parquet", three_lines());
    let mut columns = three_lines();
    columns[1].1 = array(Int8Array::from(vec![2, 1, 1]));
    columns[5].1 = array(Int32Array::from(vec![4, 1, 6]));
    columns.push(("channel", array(NullArray::new(3))));
    shop.write("all/2.parquet", columns);
    assert_eq!(ids(&accept(&shop.settings("all")).log.item_ids), ["1", "2"]);
    shop.write("all/3.parquet", vec![("customer_id", texts(&["a"]))]);
    let refused = "all/3.parquet: no column \"item_id\" and no column \"timestamp\"; all/1.parquet has all that it takes. If all/3.parquet is another table, name the files of this one alone: --purchases all/1.parquet";
    assert_eq!(shop.refuse(&shop.settings("all")), refused);
}

#[test]
fn files_without_usable_rows_are_refused() {
    let shop = Shop::new();
    shop.write("none.parquet", three_lines().into_iter().map(|(name, column)| (name, column.slice(0, 0))).collect());
    assert_eq!(
        shop.refuse(&shop.settings("none.parquet")),
        "none.parquet: no rows; expected at least one purchase. Check that --purchases names the right files"
    );
    let mut columns = three_lines();
    columns[4].1 = numbers(&[f64::NAN; 3]);
    shop.write("zero.parquet", columns.clone());
    assert_eq!(
        shop.refuse(&shop.settings("zero.parquet")),
        "all 3 rows were rejected: quantity is not a number 3. Check the column mapping (--column customer_id=...) and the data"
    );
    columns[4].1 = numbers(&[-1.0; 3]);
    shop.write("back.parquet", columns);
    assert_eq!(
        shop.refuse(&shop.settings("back.parquet")),
        "all 3 accepted rows are returns (negative quantity); expected purchases. Check the column mapped to quantity: --column quantity=..."
    );
    let settings = ReadSettings { max_reject_rate: f64::NAN, ..shop.settings("zero.parquet") };
    assert_eq!(refuse(&settings), "--max-reject-rate: found NaN; expected a share from 0 to 1");
}

#[test]
fn files_that_are_not_whole_are_refused() {
    let shop = Shop::with(three_lines());
    let whole = fs::read(shop.path("purchases.parquet")).unwrap();
    fs::write(shop.path("cut.parquet"), &whole[..whole.len() - 9]).unwrap();
    assert_eq!(
        shop.refuse(&shop.settings("cut.parquet")),
        "cut.parquet: begins as Parquet but its end is missing: it was cut short. Expected a Parquet file; write it again or leave it out"
    );
    fs::write(shop.path("text.parquet"), "customer_id,item_id,timestamp").unwrap();
    fs::write(shop.path("empty.parquet"), "").unwrap();
    for name in ["text.parquet", "empty.parquet"] {
        assert!(shop.refuse(&shop.settings(name)).contains("is not a Parquet file. Expected a Parquet file"));
    }
    let mut holed = whole.clone();
    holed.drain(4..40);
    fs::write(shop.path("holed.parquet"), holed).unwrap();
    let message = shop.refuse(&shop.settings("holed.parquet"));
    assert!(message.contains("the file is damaged or was cut short. Write it again or leave it out"), "{message}");
    for end in 0..whole.len() {
        fs::write(shop.path("cut.parquet"), &whole[..end]).unwrap();
        assert!(read(&shop.settings("cut.parquet"), &Silent).is_err(), "cut at {end}");
    }
}

#[test]
fn no_flipped_byte_makes_reading_panic() {
    let shop = Shop::new();
    let path = shop.path("purchases.parquet");
    for (compression, bits) in [(Compression::UNCOMPRESSED, 0xff), (Compression::SNAPPY, 0x01)] {
        write_batch(&path, &batch(three_lines()), compression, 2);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= bits;
            fs::write(&path, &flipped).unwrap();
            // a flipped byte may make other values, or a message; never more than that
            if let Err(error) = read(&shop.settings("purchases.parquet"), &Silent) {
                assert!(!error.to_string().contains('\n'), "byte {at}: {error}");
            }
        }
    }
}
