//! Rows that were not taken, and why.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{DictionaryArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::ReadError;

/// The most rows kept for [`Rejects::write`]: the first ones in file order. All are counted.
pub const MAX_KEPT_REJECTS: usize = 1_000_000;

/// Largest number of units taken in one line; more is taken for an error.
pub(super) const MAX_QUANTITY: f64 = 1e6;
/// Largest amount of money taken in one line; more is taken for an error.
pub(super) const MAX_AMOUNT: f64 = 1e9;

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Reason {
    NoCustomer,
    NoItem,
    IdTooLong,
    NoTimestamp,
    Before1970,
    InTheFuture,
    QuantityNotANumber,
    QuantityTooLarge,
    AmountNotANumber,
    NegativeAmount,
    AmountTooLarge,
    Duplicate,
    CustomerWithoutId,
    CustomerIdTooLong,
    SignedUpInTheFuture,
    BirthdayOutOfRange,
    AttributeNotANumber,
    AttributeTooLong,
    RecordWithoutId,
    RecordWithoutTime,
    RecordOfStranger,
    RecordOfNoMember,
    RecordOfThemselves,
    RecordGroup,
    RecordScore,
}

const REASONS: [Reason; 25] = [
    Reason::NoCustomer,
    Reason::NoItem,
    Reason::IdTooLong,
    Reason::NoTimestamp,
    Reason::Before1970,
    Reason::InTheFuture,
    Reason::QuantityNotANumber,
    Reason::QuantityTooLarge,
    Reason::AmountNotANumber,
    Reason::NegativeAmount,
    Reason::AmountTooLarge,
    Reason::Duplicate,
    Reason::CustomerWithoutId,
    Reason::CustomerIdTooLong,
    Reason::SignedUpInTheFuture,
    Reason::BirthdayOutOfRange,
    Reason::AttributeNotANumber,
    Reason::AttributeTooLong,
    Reason::RecordWithoutId,
    Reason::RecordWithoutTime,
    Reason::RecordOfStranger,
    Reason::RecordOfNoMember,
    Reason::RecordOfThemselves,
    Reason::RecordGroup,
    Reason::RecordScore,
];

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::NoCustomer => "no customer_id",
            Self::NoItem => "no item_id",
            Self::IdTooLong => "id longer than 256 bytes",
            Self::NoTimestamp => "no timestamp",
            Self::Before1970 => "timestamp before 1970",
            Self::InTheFuture => "timestamp in the future",
            Self::QuantityNotANumber => "quantity is not a number",
            Self::QuantityTooLarge => "quantity beyond 1,000,000",
            Self::AmountNotANumber => "amount is not a number",
            Self::NegativeAmount => "negative amount",
            Self::AmountTooLarge => "amount beyond 1,000,000,000",
            Self::Duplicate => "duplicate row",
            Self::CustomerWithoutId => "customers: no customer_id",
            Self::CustomerIdTooLong => "customers: id longer than 256 bytes",
            Self::SignedUpInTheFuture => "customers: signed_up_at in the future, left out",
            Self::BirthdayOutOfRange => "customers: birthday before 1900 or in the future, left out",
            Self::AttributeNotANumber => "customers: a number that is not finite, left out",
            Self::AttributeTooLong => "customers: text longer than 256 bytes, left out",
            Self::RecordWithoutId => "records: an id is missing or longer than 256 bytes",
            Self::RecordWithoutTime => "records: no time",
            Self::RecordOfStranger => "records: a customer in neither purchases nor customers",
            Self::RecordOfNoMember => "records: a redemption by somebody who is not in the campaign",
            Self::RecordOfThemselves => "records: a referral of oneself",
            Self::RecordGroup => "records: group is neither treated nor control",
            Self::RecordScore => "records: score is not from 0 to 10",
        }
    }
}

/// Rows that were not taken: how many for each reason, and which.
#[derive(Clone, Debug, Default)]
pub struct Rejects {
    /// Rows by reason.
    pub counts: BTreeMap<String, u64>,
    /// The files that `rows` speak of, as they were named or found.
    files: Vec<String>,
    /// File, row in it counted from 0, and reason; ascending once [`Rejects::close`] ran.
    rows: Vec<(u32, u32, Reason)>,
}

impl Rejects {
    pub(super) fn new(files: Vec<String>) -> Self {
        Self { counts: BTreeMap::new(), files, rows: Vec::new() }
    }

    /// Rows rejected.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The reasons with their counts on one line, most frequent first: `no timestamp 815, no customer_id 12`.
    pub fn reasons(&self) -> String {
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
        counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// Rows by reason, each with the first places in file order: `sales.parquet row 17`, counted from 0.
    pub fn places(&self, most: usize) -> BTreeMap<String, (u64, Vec<String>)> {
        let mut places: BTreeMap<String, (u64, Vec<String>)> =
            self.counts.iter().map(|(reason, &rows)| (reason.clone(), (rows, Vec::new()))).collect();
        for &(file, row, reason) in &self.rows {
            let Some((_, found)) = places.get_mut(reason.text()) else { continue };
            if found.len() < most {
                found.push(format!("{} row {row}", self.files.get(file as usize).map_or("", String::as_str)));
            }
        }
        places
    }

    /// Writes the rows as Parquet with the columns `file`, `row` (counted from 0 within the file) and `reason`, in file order, at most
    /// [`MAX_KEPT_REJECTS`]. Fails if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ReadError> {
        let refuse = |found: String| ReadError::WriteRejects { file: path.display().to_string(), found };
        let out = File::create(path).map_err(|error| refuse(error.to_string()))?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let mut writer = ArrowWriter::try_new(out, Self::schema(), Some(properties)).map_err(|error| refuse(error.to_string()))?;
        for rows in self.rows.chunks(65_536) {
            let batch = self.batch(rows).map_err(|error| refuse(error.to_string()))?;
            writer.write(&batch).map_err(|error| refuse(error.to_string()))?;
        }
        let mut out = writer.into_inner().map_err(|error| refuse(error.to_string()))?;
        std::io::Write::flush(&mut out).map_err(|error| refuse(error.to_string()))
    }

    /// Adds files after those there are; returns the number of the first of them.
    pub(super) fn add_files(&mut self, files: impl Iterator<Item = String>) -> u32 {
        let first = self.files.len() as u32;
        self.files.extend(files);
        first
    }

    /// Adds the row `row` of the file `file`.
    pub(super) fn add(&mut self, file: u32, row: u32, reason: Reason) {
        *self.counts.entry(reason.text().into()).or_default() += 1;
        self.rows.push((file, row, reason));
        if self.rows.len() >= 2 * MAX_KEPT_REJECTS {
            self.close();
        }
    }

    /// Adds what was rejected in the same files.
    pub(super) fn take(&mut self, mut other: Self) {
        self.merge(&mut other.rows);
        self.close();
    }

    /// Adds what another thread rejected in the same files.
    pub(super) fn merge(&mut self, other: &mut Vec<(u32, u32, Reason)>) {
        other.drain(..).for_each(|(file, row, reason)| self.add(file, row, reason));
    }

    /// Keeps the first rows in file order, whatever order they came in.
    pub(super) fn close(&mut self) {
        self.rows.sort_unstable();
        self.rows.truncate(MAX_KEPT_REJECTS);
    }

    fn schema() -> Arc<Schema> {
        let text = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
        Arc::new(Schema::new(vec![
            Field::new("file", text.clone(), false),
            Field::new("row", DataType::UInt64, false),
            Field::new("reason", text, false),
        ]))
    }

    fn batch(&self, rows: &[(u32, u32, Reason)]) -> Result<RecordBatch, arrow::error::ArrowError> {
        let file = UInt32Array::from_iter_values(rows.iter().map(|row| row.0));
        let row = UInt64Array::from_iter_values(rows.iter().map(|row| row.1.into()));
        let reason = UInt32Array::from_iter_values(rows.iter().map(|row| row.2 as u32));
        let files = StringArray::from_iter_values(&self.files);
        let reasons = StringArray::from_iter_values(REASONS.map(Reason::text));
        RecordBatch::try_new(
            Self::schema(),
            vec![
                Arc::new(DictionaryArray::try_new(file, Arc::new(files))?),
                Arc::new(row),
                Arc::new(DictionaryArray::try_new(reason, Arc::new(reasons))?),
            ],
        )
    }
}
