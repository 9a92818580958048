//! Row groups become compact rows: decoded side by side, judged one by one, ids as numbers.

use std::sync::{Mutex, PoisonError};

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::ReadError;
use super::clock::Clock;
use super::intern::{Interner, LocalIds, MISSING, TOO_LONG};
use super::rejects::{MAX_AMOUNT, MAX_QUANTITY, Reason, Rejects};
use super::schema::{Batch, Source};
use super::values::{Ids, Numbers};
use crate::progress::Progress;

/// The most rows that one model may be made of. Also keeps order numbers below [`BY_DAY`].
pub(super) const MAX_ROWS: u64 = i32::MAX as u64;
/// The most different channels.
const MAX_CHANNELS: usize = u16::MAX as usize;
/// Marks an order known by its day, in the other bits, and not by an id.
pub(super) const BY_DAY: u32 = 1 << 31;
/// Memory taken at once for rows that the footers promise; more is taken as they come.
const MAX_RESERVED_ROWS: u64 = 1 << 26;
/// Seconds that a timestamp may lie ahead of the clock.
const MAX_AHEAD: i64 = 86_400;

/// An accepted row: 48 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Money; negative = paid back.
    pub(super) amount: f64,
    pub(super) customer: u32,
    pub(super) item: u32,
    /// Position of the order id, or [`BY_DAY`] and the day.
    pub(super) order: u32,
    /// Unix seconds, up to the year 2106.
    pub(super) time: u32,
    /// Units; negative = came back.
    pub(super) quantity: f32,
    /// Money off the price, not negative; 0 where the shop does not say.
    pub(super) discount: f32,
    /// The file it came from.
    pub(super) file: u32,
    /// Its place in that file.
    pub(super) row: u32,
    /// Position of the channel, or [`MISSING`].
    pub(super) channel: u32,
}

/// What all files gave.
pub(super) struct Gathered {
    pub(super) rows: Vec<Row>,
    pub(super) customers: Interner,
    pub(super) items: Interner,
    pub(super) orders: Interner,
    pub(super) channels: Interner,
    pub(super) rejects: Rejects,
    /// Rows seen, rejected ones included.
    pub(super) seen: u64,
    /// Rows at or after the as-of, not read.
    pub(super) after_as_of: u64,
    /// Time of the earliest of those.
    pub(super) first_after: Option<i64>,
    /// Accepted rows that do not say what was paid, although the table has such a column.
    pub(super) unpriced: u64,
}

/// Decodes every row group of every file. `as_of` is the exclusive end of what is read, Unix seconds.
pub(super) fn gather(files: &[Source], clock: &Clock, as_of: Option<i64>, progress: &dyn Progress) -> Result<Gathered, ReadError> {
    let mut chunks = Vec::new();
    let mut total = 0;
    for (file, source) in files.iter().enumerate() {
        let mut first_row = 0;
        for (group, rows) in source.row_groups().enumerate() {
            chunks.push(Chunk { file: file as u32, source, group, first_row, clock, as_of });
            first_row += rows;
            total += rows;
            if total > MAX_ROWS {
                let help = "Train on fewer files, such as the latest years";
                return Err(ReadError::TooMany { what: "rows of purchases", found: total, limit: MAX_ROWS, help });
            }
        }
    }
    progress.start("read", Some(total), "rows");
    let mut gathered = Gathered {
        rows: Vec::new(),
        customers: Interner::default(),
        items: Interner::default(),
        orders: Interner::default(),
        channels: Interner::default(),
        rejects: Rejects::new(files.iter().map(|source| source.name.clone()).collect()),
        seen: 0,
        after_as_of: 0,
        first_after: None,
        unpriced: 0,
    };
    // the footers are not to be trusted: without this memory the rows are still read, with more moving
    let _ = gathered.rows.try_reserve_exact(total.min(MAX_RESERVED_ROWS) as usize);
    let gathered = Mutex::new(gathered);
    chunks.par_iter().with_max_len(1).try_for_each(|chunk| chunk.decode(&gathered, progress))?;
    let mut gathered = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
    gathered.rejects.close();
    Ok(gathered)
}

/// One row group of one file.
struct Chunk<'a> {
    file: u32,
    source: &'a Source,
    group: usize,
    first_row: u64,
    clock: &'a Clock,
    as_of: Option<i64>,
}

/// The ids of one row group.
#[derive(Default)]
struct Local {
    customers: LocalIds,
    items: LocalIds,
    orders: LocalIds,
    channels: LocalIds,
}

impl Chunk<'_> {
    fn decode(&self, gathered: &Mutex<Gathered>, progress: &dyn Progress) -> Result<(), ReadError> {
        let mut local = Local::default();
        let mut first_row = self.first_row;
        self.source.decode(self.group, |batch| {
            let columns = Columns::new(&batch, &mut local, self.clock)?;
            let mut judged = Judged::default();
            for at in 0..batch.rows() {
                self.judge(&columns, at, (first_row + at as u64) as u32, &mut judged);
            }
            first_row += batch.rows() as u64;
            gathered.lock().unwrap_or_else(PoisonError::into_inner).take(judged, batch.rows(), &mut local)?;
            progress.advance(batch.rows() as u64);
            Ok(())
        })
    }

    /// Takes or rejects the row `at` of a batch, which is the row `row` of its file.
    fn judge(&self, columns: &Columns, at: usize, row: u32, judged: &mut Judged) {
        let time = columns.time[at];
        if let (Some(time), Some(as_of)) = (time, self.as_of)
            && time >= as_of
        {
            judged.after_as_of += 1;
            judged.first_after = Some(judged.first_after.map_or(time, |first: i64| first.min(time)));
            return;
        }
        match self.accept(columns, at, row) {
            Ok(accepted) => {
                judged.unpriced += u64::from(columns.has_money && columns.money(at).is_none());
                judged.rows.push(accepted);
            }
            Err(reason) => judged.rejected.push((self.file, row, reason)),
        }
    }

    fn accept(&self, columns: &Columns, at: usize, row: u32) -> Result<Row, Reason> {
        let (customer, item, order, channel) = (columns.customer[at], columns.item[at], columns.order[at], columns.channel[at]);
        if customer == MISSING {
            return Err(Reason::NoCustomer);
        }
        if item == MISSING {
            return Err(Reason::NoItem);
        }
        if [customer, item, order, channel].contains(&TOO_LONG) {
            return Err(Reason::IdTooLong);
        }
        let time = self.accept_time(columns.time[at])?;
        let quantity = accept_quantity(columns.quantity.get(at).unwrap_or(1.0))?;
        let amount = accept_amount(columns.money(at).unwrap_or(0.0), quantity)?;
        // a shop may write what is taken off with either sign
        let discount =
            columns.discount.get(at).filter(|discount| discount.is_finite()).map_or(0.0, |discount| discount.abs().min(MAX_AMOUNT));
        let order = if order == MISSING { BY_DAY | self.clock.day(time.into()) as u32 } else { order };
        let channel = if quantity < 0.0 || amount < 0.0 { MISSING } else { channel };
        Ok(Row { amount, customer, item, order, time, quantity, discount: discount as f32, file: self.file, row, channel })
    }

    fn accept_time(&self, time: Option<i64>) -> Result<u32, Reason> {
        match time {
            None => Err(Reason::NoTimestamp),
            Some(time) if time < 0 => Err(Reason::Before1970),
            Some(time) if time > self.clock.now + MAX_AHEAD => Err(Reason::InTheFuture),
            Some(time) => u32::try_from(time).map_err(|_| Reason::InTheFuture),
        }
    }
}

fn accept_quantity(quantity: f64) -> Result<f32, Reason> {
    if !quantity.is_finite() {
        Err(Reason::QuantityNotANumber)
    } else if quantity.abs() > MAX_QUANTITY {
        Err(Reason::QuantityTooLarge)
    } else {
        Ok(quantity as f32)
    }
}

impl Row {
    /// Whether it takes back units or money.
    pub(super) fn is_return(&self) -> bool {
        self.quantity < 0.0 || self.amount < 0.0
    }
}

/// The money of a line. What is paid back for units that come back may be written with either sign; it becomes negative.
fn accept_amount(amount: f64, quantity: f32) -> Result<f64, Reason> {
    if !amount.is_finite() {
        Err(Reason::AmountNotANumber)
    } else if amount.abs() > MAX_AMOUNT {
        Err(Reason::AmountTooLarge)
    } else if amount < 0.0 && quantity > 0.0 {
        Err(Reason::NegativeAmount)
    } else {
        Ok(if quantity < 0.0 { -amount.abs() } else { amount })
    }
}

/// The columns of one batch, ids as local codes.
struct Columns {
    customer: Vec<u32>,
    item: Vec<u32>,
    order: Vec<u32>,
    channel: Vec<u32>,
    time: Vec<Option<i64>>,
    quantity: Numbers,
    amount: Numbers,
    unit_price: Numbers,
    discount: Numbers,
    has_money: bool,
}

impl Columns {
    fn new(batch: &Batch<'_>, local: &mut Local, clock: &Clock) -> Result<Self, ReadError> {
        let rows = batch.rows();
        let (amount, unit_price) = (batch.column("amount")?, batch.column("unit_price")?);
        Ok(Self {
            customer: local.customers.codes(&Ids::new(batch.column("customer_id")?), rows),
            item: local.items.codes(&Ids::new(batch.column("item_id")?), rows),
            order: local.orders.codes(&Ids::new(batch.column("order_id")?), rows),
            channel: local.channels.codes(&Ids::new(batch.column("channel")?), rows),
            time: batch.times("timestamp", clock)?,
            quantity: Numbers::new(batch.column("quantity")?),
            has_money: amount.is_some() || unit_price.is_some(),
            amount: Numbers::new(amount),
            unit_price: Numbers::new(unit_price),
            discount: Numbers::new(batch.column("discount")?),
        })
    }

    /// What was paid for a row: its amount, else its unit price times its quantity.
    fn money(&self, at: usize) -> Option<f64> {
        self.amount.get(at).or_else(|| Some(self.unit_price.get(at)? * self.quantity.get(at).unwrap_or(1.0)))
    }
}

/// What became of the rows of one batch.
#[derive(Default)]
struct Judged {
    rows: Vec<Row>,
    rejected: Vec<(u32, u32, Reason)>,
    after_as_of: u64,
    first_after: Option<i64>,
    unpriced: u64,
}

impl Gathered {
    /// Adds a batch. The ids of its rows change from local codes to shared positions.
    fn take(&mut self, mut judged: Judged, seen: usize, local: &mut Local) -> Result<(), ReadError> {
        for row in &mut judged.rows {
            row.customer = local.customers.share(row.customer, &mut self.customers);
            row.item = local.items.share(row.item, &mut self.items);
            if row.order & BY_DAY == 0 {
                row.order = local.orders.share(row.order, &mut self.orders);
            }
            if row.channel != MISSING {
                row.channel = local.channels.share(row.channel, &mut self.channels);
            }
        }
        self.rows.append(&mut judged.rows);
        self.rejects.merge(&mut judged.rejected);
        self.seen += seen as u64;
        self.after_as_of += judged.after_as_of;
        self.first_after = self.first_after.into_iter().chain(judged.first_after).min();
        self.unpriced += judged.unpriced;
        if self.channels.len() > MAX_CHANNELS {
            let help = "Map channel to a column that says web, app or store";
            return Err(ReadError::TooMany {
                what: "different values in channel",
                found: self.channels.len() as u64,
                limit: MAX_CHANNELS as u64,
                help,
            });
        }
        Ok(())
    }
}
