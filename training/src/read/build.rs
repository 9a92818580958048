//! Compact rows become the purchase log: ids ascending, rows sorted, lines added up, returns set apart.

use arrow::array::{Array, StringArray};
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use shopkeeper_models::calendar::Day;

use super::ReadError;
use super::clock::Clock;
use super::decode::{BY_DAY, Gathered, Row};
use super::intern::{Interner, MISSING, ranks};
use super::rejects::{Reason, Rejects};
use super::tables::Items;
use crate::log::{PurchaseLog, Return};

/// Makes the log. `as_of` in Unix seconds, with the day after the last one that may hold an order; all rows are before it.
pub(super) fn build(gathered: &mut Gathered, items: Items, clock: &Clock, as_of: i64, timezone: &str) -> Result<PurchaseLog, ReadError> {
    let customers = gathered.customers.ascending();
    let sold_items = gathered.items.ascending();
    let channels = gathered.channels.ascending();
    let (customer_ids, item_ids) = (
        id_column("bytes of customer ids", &gathered.customers, &customers)?,
        id_column("bytes of item ids", &gathered.items, &sold_items)?,
    );
    renumber(&mut gathered.rows, &ranks(&customers), &ranks(&sold_items), &ranks(&channels));
    gathered.rows.par_sort_unstable_by(compare);
    let orders = orders(&gathered.rows, &gathered.orders, clock);
    let last_day = orders.iter().map(|order| order.day).max().unwrap_or(0);
    let mut log = PurchaseLog {
        order_offsets: Vec::with_capacity(customers.len() + 1),
        order_time: orders.iter().map(|order| order.time.into()).collect(),
        order_day: orders.iter().map(|order| order.day).collect(),
        order_channel: orders.iter().map(|order| u16::try_from(order.channel).unwrap_or(u16::MAX)).collect(),
        order_discount: discounts(&gathered.rows, &orders),
        channels: channels.iter().map(|&at| gathered.channels.get(at).into()).collect(),
        line_offsets: Vec::with_capacity(orders.len() + 1),
        line_item: Vec::with_capacity(gathered.rows.len()),
        line_quantity: Vec::with_capacity(gathered.rows.len()),
        line_amount: Vec::with_capacity(gathered.rows.len()),
        returns: returns(&gathered.rows, clock),
        catalogue: items.catalogue(&sold_items),
        as_of,
        // the second operand matters only where clocks were once set back over midnight
        as_of_day: clock.day(as_of - 1).max(last_day) + 1,
        timezone: timezone.into(),
        customer_ids,
        item_ids,
    };
    fill(&mut log, &orders, &gathered.rows);
    Ok(log)
}

/// Rejects all but the first of rows that are equal in all they say.
pub(super) fn drop_duplicates(rows: &mut Vec<Row>, rejects: &mut Rejects) {
    rows.par_sort_unstable_by(compare);
    rows.dedup_by(|later, earlier| {
        let is_duplicate = said(later) == said(earlier);
        if is_duplicate {
            rejects.add(later.file, later.row, Reason::Duplicate);
        }
        is_duplicate
    });
    rejects.close();
}

/// What a row says.
fn said(row: &Row) -> (u32, u32, u32, u32, u64, u64, u32, u32) {
    (row.customer, row.order, row.item, row.quantity.to_bits(), row.amount.to_bits(), row.discount.to_bits().into(), row.time, row.channel)
}

/// How many rows of those that [`build`] left sorted are equal to the one before, and the file and row of the first few in file order.
pub(super) fn duplicates(rows: &[Row], most: usize) -> (u64, Vec<(u32, u32)>) {
    let is_same = |pair: &&[Row]| said(&pair[0]) == said(&pair[1]);
    let found = rows.par_windows(2).filter(is_same).count() as u64;
    let mut places: Vec<(u32, u32)> = rows.windows(2).filter(is_same).map(|pair| (pair[1].file, pair[1].row)).collect();
    places.sort_unstable();
    places.truncate(most);
    (found, places)
}

/// The order in which rows are added up: it names every field, so rows of any order come out the same.
fn compare(a: &Row, b: &Row) -> std::cmp::Ordering {
    let place = |row: &Row| (u64::from(row.customer) << 32 | u64::from(row.order), row.item);
    let rest = |row: &Row| (row.time, row.channel, row.file, row.row);
    place(a)
        .cmp(&place(b))
        .then_with(|| a.quantity.total_cmp(&b.quantity))
        .then_with(|| a.amount.total_cmp(&b.amount))
        .then_with(|| a.discount.total_cmp(&b.discount))
        .then_with(|| rest(a).cmp(&rest(b)))
}

fn id_column(what: &'static str, ids: &Interner, ascending: &[u32]) -> Result<StringArray, ReadError> {
    let bytes: u64 = ascending.iter().map(|&at| ids.get(at).len() as u64).sum();
    if bytes > i32::MAX as u64 {
        return Err(ReadError::TooMany { what, found: bytes, limit: i32::MAX as u64, help: "Use shorter ids or train on fewer files" });
    }
    Ok(StringArray::from_iter_values(ascending.iter().map(|&at| ids.get(at))))
}

fn renumber(rows: &mut [Row], customers: &[u32], items: &[u32], channels: &[u32]) {
    rows.par_iter_mut().for_each(|row| {
        row.customer = customers[row.customer as usize];
        row.item = items[row.item as usize];
        row.channel = channels.get(row.channel as usize).copied().unwrap_or(MISSING);
    });
}

/// An order, as a stretch of the sorted rows.
struct Order {
    customer: u32,
    day: Day,
    time: u32,
    /// As in [`Row::order`].
    id: u32,
    channel: u32,
    start: u32,
    end: u32,
}

/// The orders in the order of the log. Time and channel of an order are those of its earliest line.
fn orders(rows: &[Row], ids: &Interner, clock: &Clock) -> Vec<Order> {
    let mut orders = Vec::new();
    let mut start = 0;
    for lines in rows.chunk_by(|a, b| (a.customer, a.order) == (b.customer, b.order)) {
        let end = start + lines.len() as u32;
        let first = lines.iter().filter(|line| !line.is_return()).map(|line| (line.time, line.channel)).min();
        if let Some((time, channel)) = first {
            let Row { customer, order: id, .. } = lines[0];
            orders.push(Order { customer, day: clock.day(time.into()), time, id, channel, start, end });
        }
        start = end;
    }
    // an order without id stands first among those of one second
    let id = |order: &Order| (order.id & BY_DAY == 0).then(|| ids.get(order.id));
    orders.par_sort_unstable_by(|a, b| (a.customer, a.day, a.time).cmp(&(b.customer, b.day, b.time)).then_with(|| id(a).cmp(&id(b))));
    orders
}

/// Money off each order; empty where nothing was ever taken off, which is also so where the shop does not say.
fn discounts(rows: &[Row], orders: &[Order]) -> Vec<f64> {
    if rows.iter().all(|row| row.discount == 0.0) {
        return Vec::new();
    }
    let bought = |order: &Order| rows[order.start as usize..order.end as usize].iter().filter(|row| !row.is_return());
    orders.iter().map(|order| bought(order).map(|row| f64::from(row.discount)).sum()).collect()
}

fn returns(rows: &[Row], clock: &Clock) -> Vec<Return> {
    let mut returns: Vec<Return> = rows
        .iter()
        .filter(|row| row.is_return())
        .map(|row| Return {
            customer: row.customer,
            item: row.item,
            day: clock.day(row.time.into()),
            quantity: row.quantity.abs(),
            amount: row.amount.abs(),
        })
        .collect();
    returns.par_sort_unstable_by(|a, b| {
        (a.customer, a.day, a.item)
            .cmp(&(b.customer, b.day, b.item))
            .then_with(|| a.quantity.total_cmp(&b.quantity))
            .then_with(|| a.amount.total_cmp(&b.amount))
    });
    returns
}

/// Writes the lines and both offsets. Lines of one item in one order are added up, in the order of [`compare`].
fn fill(log: &mut PurchaseLog, orders: &[Order], rows: &[Row]) {
    log.line_offsets.push(0);
    for (at, order) in orders.iter().enumerate() {
        log.order_offsets.resize(order.customer as usize + 1, at as u32);
        let lines = &rows[order.start as usize..order.end as usize];
        for same_item in lines.chunk_by(|a, b| a.item == b.item) {
            let bought = || same_item.iter().filter(|line| !line.is_return());
            if bought().next().is_some() {
                log.line_item.push(same_item[0].item);
                log.line_quantity.push(bought().map(|line| f64::from(line.quantity)).sum::<f64>() as f32);
                log.line_amount.push(bought().map(|line| line.amount).sum());
            }
        }
        log.line_offsets.push(log.line_item.len() as u32);
    }
    log.order_offsets.resize(log.customer_ids.len() + 1, orders.len() as u32);
    log.line_item.shrink_to_fit();
    log.line_quantity.shrink_to_fit();
    log.line_amount.shrink_to_fit();
}
