//! The customers table: who is known to the shop, and what it says of them besides purchases.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shopkeeper_models::attributes::Attributes;
use shopkeeper_models::calendar::Day;

use super::ReadError;
use super::clock::Clock;
use super::intern::{Interner, LocalIds, MISSING, TOO_LONG, ranks};
use super::rejects::{Reason, Rejects};
use super::schema::{BIRTHDAY, Batch, Kind, SIGNED_UP_AT, Source};
use super::values::{Flags, Ids, Numbers, Texts};

/// The most attributes.
const MAX_ATTRIBUTES: usize = 200;
/// The longest text of an attribute, bytes.
const MAX_TEXT: usize = 256;
/// 1900-01-01: nobody who buys was born before.
const EARLIEST_BIRTHDAY: Day = -25_567;
/// Seconds that a sign-up may lie ahead of the clock.
const MAX_AHEAD: i64 = 86_400;

/// One attribute of all rows.
enum Values {
    Text(Vec<Option<Box<str>>>),
    Number(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
    Day(Vec<Option<Day>>),
}

/// The customers table as it was read.
#[derive(Default)]
pub(super) struct People {
    /// Position of the customer of each row.
    customers: Vec<u32>,
    /// The attributes by name.
    columns: BTreeMap<String, Values>,
}

/// What a row is judged by.
pub(super) struct Judge<'a> {
    pub(super) clock: &'a Clock,
    /// Exclusive end of what is read, Unix seconds, if one was asked for: who signed up later without a purchase before it is not known yet.
    pub(super) as_of: Option<i64>,
    /// The highest share of rejected rows.
    pub(super) max_reject_rate: f64,
}

/// Reads the customers table; its customers join `customers`. Rows without a usable id are rejected, and values that cannot be are left out
/// and stand among the rejects too.
pub(super) fn read_customers(
    files: &[Source],
    judge: &Judge<'_>,
    customers: &mut Interner,
    rejects: &mut Rejects,
    warnings: &mut Vec<String>,
) -> Result<People, ReadError> {
    let kinds = kinds(files)?;
    let mut people = People::default();
    for (name, &kind) in &kinds {
        people.columns.insert(name.clone(), Values::new(kind));
    }
    let first_file = rejects.add_files(files.iter().map(|source| source.name.clone()));
    let mut rejected = Rejects::default();
    let (mut rows, mut unusable, mut later) = (0, 0, 0);
    for (file, source) in (first_file..).zip(files) {
        for (name, found) in &source.unread {
            warnings.push(format!("customers: column {name:?} of {found} is no attribute: it takes text, numbers, yes or no, or dates, and a name of 64 bytes without = & ,"));
        }
        let mut row = 0;
        for group in 0..source.row_groups().len() {
            let mut ids = LocalIds::default();
            source.decode(group, |batch| {
                let codes = ids.codes(&Ids::new(batch.column("customer_id")?), batch.rows());
                let signed_up = batch.times(SIGNED_UP_AT, judge.clock)?;
                let mut taken = vec![false; batch.rows()];
                for (at, &code) in codes.iter().enumerate() {
                    let reason = match code {
                        MISSING => Some(Reason::CustomerWithoutId),
                        TOO_LONG => Some(Reason::CustomerIdTooLong),
                        _ => None,
                    };
                    if let Some(reason) = reason {
                        rejected.add(file, row + at as u32, reason);
                        unusable += 1;
                    } else if is_later(signed_up[at], judge.as_of) && customers.find(ids.get(code)).is_none() {
                        later += 1;
                    } else {
                        people.customers.push(ids.share(code, customers));
                        taken[at] = true;
                    }
                }
                for (name, values) in &mut people.columns {
                    values.take(name, &batch, &taken, judge.clock, &mut |at, reason| rejected.add(file, row + at as u32, reason))?;
                }
                row += batch.rows() as u32;
                Ok(())
            })?;
        }
        rows += u64::from(row);
    }
    if unusable as f64 > judge.max_reject_rate * rows as f64 {
        return Err(ReadError::TooManyRejects { found: unusable, rows, max: judge.max_reject_rate, rejects: Box::new(rejected) });
    }
    rejects.take(rejected);
    if later > 0 {
        warnings.push(format!("customers: {later} signed up after the as-of and are left out"));
    }
    let repeated = people.keep_one_row_each();
    if repeated > 0 {
        warnings.push(format!("customers: {repeated} rows repeat a customer_id; the first in sorted order was taken of each customer"));
    }
    Ok(people)
}

fn is_later(signed_up: Option<i64>, as_of: Option<i64>) -> bool {
    matches!((signed_up, as_of), (Some(signed_up), Some(as_of)) if signed_up >= as_of)
}

/// The attributes of all files with their kinds; a name means the same kind everywhere.
fn kinds(files: &[Source]) -> Result<BTreeMap<String, Kind>, ReadError> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for source in files {
        for (name, kind) in source.kinds().filter(|(name, _)| *name != "customer_id") {
            let known = *kinds.entry(name.to_owned()).or_insert(kind);
            if known != kind {
                return Err(ReadError::WrongType {
                    file: source.name.clone(),
                    column: name.into(),
                    found: format!("{kind:?}").to_lowercase(),
                    ours: format!("customers.{name}"),
                    expected: format!("{}, as in another file of the table", super::values::expected(known)).into(),
                });
            }
        }
    }
    if kinds.len() > MAX_ATTRIBUTES {
        let help = "Leave columns out of the customers table";
        return Err(ReadError::TooMany { what: "attributes of customers", found: kinds.len() as u64, limit: MAX_ATTRIBUTES as u64, help });
    }
    Ok(kinds)
}

impl Values {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Id | Kind::Text => Self::Text(Vec::new()),
            Kind::Number => Self::Number(Vec::new()),
            Kind::Flag => Self::Flag(Vec::new()),
            Kind::Time => Self::Day(Vec::new()),
        }
    }

    /// Adds the values of the rows taken. What cannot be is left out and told to `reject`.
    fn take(
        &mut self,
        name: &str,
        batch: &Batch<'_>,
        taken: &[bool],
        clock: &Clock,
        reject: &mut dyn FnMut(usize, Reason),
    ) -> Result<(), ReadError> {
        let rows = || (0..taken.len()).filter(|&at| taken[at]);
        let mut kept = |at: usize, sound: bool, reason: Reason| {
            if !sound {
                reject(at, reason);
            }
            sound
        };
        match self {
            Self::Text(values) => {
                let column = Texts::new(batch.column(name)?);
                values.extend(rows().map(|at| {
                    column.get(at).filter(|text| kept(at, text.len() <= MAX_TEXT, Reason::AttributeTooLong)).map(String::into_boxed_str)
                }));
            }
            Self::Number(values) => {
                let column = Numbers::new(batch.column(name)?);
                values.extend(rows().map(|at| column.get(at).filter(|number| kept(at, number.is_finite(), Reason::AttributeNotANumber))));
            }
            Self::Flag(values) => {
                let column = Flags::new(batch.column(name)?);
                values.extend(rows().map(|at| column.get(at)));
            }
            Self::Day(values) => {
                let times = batch.times(name, clock)?;
                let today = clock.day(clock.now + MAX_AHEAD);
                values.extend(rows().map(|at| {
                    let day = times[at].map(|time| clock.day(time));
                    match name {
                        SIGNED_UP_AT => day.filter(|&day| kept(at, day <= today, Reason::SignedUpInTheFuture)),
                        BIRTHDAY => day.filter(|day| kept(at, (EARLIEST_BIRTHDAY..=today).contains(day), Reason::BirthdayOutOfRange)),
                        _ => day,
                    }
                }));
            }
        }
        Ok(())
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            Self::Text(values) => values[a].cmp(&values[b]),
            Self::Flag(values) => values[a].cmp(&values[b]),
            Self::Day(values) => values[a].cmp(&values[b]),
            Self::Number(values) => {
                let bits = |at: usize| values[at].map_or((false, 0.0), |value| (true, value));
                bits(a).0.cmp(&bits(b).0).then_with(|| bits(a).1.total_cmp(&bits(b).1))
            }
        }
    }

    /// The column of the customers whose rows these are.
    fn column(&self, row_of: &[Option<usize>]) -> ArrayRef {
        match self {
            Self::Text(values) => Arc::new(row_of.iter().map(|row| values[(*row)?].as_deref()).collect::<StringArray>()),
            Self::Number(values) => Arc::new(row_of.iter().map(|row| values[(*row)?]).collect::<Float64Array>()),
            Self::Flag(values) => Arc::new(row_of.iter().map(|row| values[(*row)?]).collect::<BooleanArray>()),
            Self::Day(values) => Arc::new(row_of.iter().map(|row| values[(*row)?]).collect::<Date32Array>()),
        }
    }

    fn kind(&self) -> DataType {
        match self {
            Self::Text(_) => DataType::Utf8,
            Self::Number(_) => DataType::Float64,
            Self::Flag(_) => DataType::Boolean,
            Self::Day(_) => DataType::Date32,
        }
    }
}

impl People {
    /// Marks all rows of a customer but the smallest, whatever order they came in. Returns how many.
    fn keep_one_row_each(&mut self) -> usize {
        let mut rows: Vec<usize> = (0..self.customers.len()).collect();
        rows.sort_by(|&a, &b| {
            let by_value = || self.columns.values().map(|values| values.compare(a, b)).find(|order| order.is_ne());
            self.customers[a].cmp(&self.customers[b]).then_with(|| by_value().unwrap_or(Ordering::Equal))
        });
        let repeated: Vec<usize> =
            rows.windows(2).filter(|pair| self.customers[pair[0]] == self.customers[pair[1]]).map(|pair| pair[1]).collect();
        repeated.iter().for_each(|&row| self.customers[row] = MISSING);
        repeated.len()
    }

    /// The attributes of the customers in the order of `ascending`; a name that nobody has a value of is left out.
    pub(super) fn attributes(&self, customers: &Interner) -> Attributes {
        if self.columns.is_empty() {
            return Attributes::none(customers.len());
        }
        let ranks = ranks(&customers.ascending());
        let mut row_of = vec![None; ranks.len()];
        for (row, &customer) in self.customers.iter().enumerate().filter(|(_, customer)| **customer != MISSING) {
            row_of[ranks[customer as usize] as usize] = Some(row);
        }
        let columns = self.columns.iter().map(|(name, values)| (Field::new(name, values.kind(), true), values.column(&row_of)));
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.filter(|(_, array)| array.null_count() < array.len()).unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(ranks.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options);
        let batch = batch.unwrap_or_else(|error| unreachable!("one row a customer: {error}"));
        Attributes::from_batch(batch, ranks.len()).unwrap_or_else(|error| unreachable!("own types: {error}"))
    }
}
