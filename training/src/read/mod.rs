//! Parquet files become the purchase log.
//!
//! Three stages: *schema* finds the files and checks their columns before a row is read; *read* decodes the row groups side by side, judges
//! every row and keeps the accepted ones at 48 bytes each; *sort* brings them into the one order that depends on nothing but the rows.

mod attributes;
mod build;
mod clock;
mod decode;
mod error;
mod files;
mod fingerprint;
mod intern;
mod records;
mod rejects;
mod schema;
mod settings;
mod tables;
mod values;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shopkeeper_models::attributes::Attributes;
use shopkeeper_models::calendar::rfc3339;
use shopkeeper_models::manifest::EventsSeen;

pub use self::error::ReadError;
pub use self::rejects::{MAX_KEPT_REJECTS, Rejects};
pub use self::settings::{AsOf, ReadSettings};

use self::attributes::Judge;
use self::clock::Clock;
use self::decode::Gathered;
use self::records::RecordFiles;
use self::schema::{CUSTOMERS, ITEMS, PURCHASES, Source};
use self::tables::Items;
use crate::log::PurchaseLog;
use crate::progress::Progress;
use crate::records::Records;

/// Places of duplicates that are said.
const DUPLICATES_SHOWN: usize = 4;

/// What the files gave.
#[derive(Clone, Debug)]
pub struct Read {
    /// The accepted rows.
    pub log: PurchaseLog,
    /// What the customers table says of each customer of the log.
    pub attributes: Attributes,
    /// What the other tables say.
    pub records: Records,
    /// The type of every column that was read, by table and our name: `purchases.amount` = `Float64`.
    pub columns: BTreeMap<String, String>,
    /// Rows seen in the purchases files: accepted, rejected and those after the as-of.
    pub rows: u64,
    /// Rows at or after the as-of that was asked for: not read, not rejected, not judged.
    pub after_as_of: u64,
    /// Unix time of the last accepted row.
    pub last: i64,
    /// Rows that were not taken, by reason.
    pub rejects: Rejects,
    /// The events of a server's state that the files held, as their footers say.
    pub events: Vec<EventsSeen>,
    /// Accepted rows that are equal to another one in everything, beyond the first of each.
    pub duplicates: u64,
    /// The first places of those: `sales.parquet row 17`, counted from 0.
    pub duplicate_places: Vec<String>,
    /// BLAKE3 hash of the log as 64 hexadecimal digits: equal for equal rows, whatever their order, files and the number of threads.
    pub fingerprint: String,
    /// What a person should know before trusting the model; one sentence each.
    pub warnings: Vec<String>,
}

/// Reads the files that `settings` name into a purchase log.
///
/// Row groups are decoded on the current rayon pool. Memory follows the accepted rows (48 bytes each while reading), not the files. Stages
/// told to `progress`: `schema`, `read`, `sort`.
///
/// # Errors
/// For settings out of range, files that are missing, damaged or lack a column, no usable row, or more rejected rows than allowed. Never
/// panics, whatever the files hold.
pub fn read(settings: &ReadSettings, progress: &dyn Progress) -> Result<Read, ReadError> {
    settings.check()?;
    let clock = Clock::new(&settings.timezone, now())?;
    let as_of = settings.as_of.map(|as_of| match as_of {
        AsOf::Day(date) => clock.start_of(date.to_epoch_days()),
        AsOf::Time(time) => time,
    });

    let started = Instant::now();
    progress.start("schema", None, "files");
    let files = Files::open(settings)?;
    let record_files = RecordFiles::open(settings)?;
    progress.advance((files.purchases.len() + files.items.len() + files.customers.len() + record_files.all().count()) as u64);
    progress.finish(started.elapsed().as_secs_f64());

    let started = Instant::now();
    let mut gathered = decode::gather(&files.purchases, &clock, as_of, progress)?;
    check(&gathered, settings, as_of, &files)?;
    let mut warnings = doubts(&gathered, &files, as_of, &clock);
    let items = tables::read_items(&files.items, &mut gathered.items, &mut warnings)?;
    let judge = Judge { clock: &clock, as_of, max_reject_rate: settings.max_reject_rate };
    let people = attributes::read_customers(&files.customers, &judge, &mut gathered.customers, &mut gathered.rejects, &mut warnings)?;
    progress.finish(started.elapsed().as_secs_f64());

    let started = Instant::now();
    progress.start("sort", Some(gathered.rows.len() as u64), "rows");
    let attributes = people.attributes(&gathered.customers);
    let log = sort(&mut gathered, items, settings, &clock, as_of)?;
    let (duplicates, places) = build::duplicates(&gathered.rows, DUPLICATES_SHOWN);
    let duplicate_places = places.into_iter().map(|(file, row)| format!("{} row {row}", files.purchases[file as usize].name)).collect();
    let judge =
        records::Judge { clock: &clock, as_of: log.as_of, customers: &gathered.customers, max_reject_rate: settings.max_reject_rate };
    let records = records::read_records(&record_files, &judge, &mut gathered.rejects, &mut warnings)?;
    let columns = columns(&files, &record_files);
    let fingerprint = fingerprint::fingerprint(&log);
    progress.advance(gathered.rows.len() as u64);
    progress.finish(started.elapsed().as_secs_f64());
    let Gathered { rejects, seen: rows, after_as_of, .. } = gathered;
    let last = gathered.rows.iter().map(|row| row.time).max().unwrap_or(0).into();
    let mut events: Vec<EventsSeen> = files.purchases.iter().filter_map(Source::events).collect();
    events.sort_by(|a, b| (&a.state, a.after, a.upto).cmp(&(&b.state, b.after, b.upto)));
    events.dedup();
    Ok(Read {
        log,
        attributes,
        records,
        columns,
        rows,
        after_as_of,
        last,
        rejects,
        duplicates,
        duplicate_places,
        events,
        fingerprint,
        warnings,
    })
}

/// The types of the columns that were read.
fn columns(files: &Files, records: &RecordFiles) -> BTreeMap<String, String> {
    let ours = [("purchases", &files.purchases), ("items", &files.items), ("customers", &files.customers)];
    let ours = ours.into_iter().flat_map(|(name, files)| files.iter().map(move |file| (name, file)));
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, file) in ours.chain(records.all()) {
        for (column, kind) in file.types() {
            let kinds = columns.entry(format!("{table}.{column}")).or_default();
            if !kinds.contains(&kind) {
                kinds.push(kind);
                kinds.sort_unstable();
            }
        }
    }
    columns.into_iter().map(|(column, kinds)| (column, kinds.join(" and "))).collect()
}

/// The files of all tables, their columns checked.
struct Files {
    purchases: Vec<Source>,
    items: Vec<Source>,
    customers: Vec<Source>,
}

impl Files {
    fn open(settings: &ReadSettings) -> Result<Self, ReadError> {
        let optional = |source: &Option<String>| source.iter().cloned().collect::<Vec<_>>();
        Ok(Self {
            purchases: PURCHASES.open(&settings.purchases, &settings.columns)?,
            items: ITEMS.open(&optional(&settings.items), &settings.columns)?,
            customers: CUSTOMERS.open(&optional(&settings.customers), &settings.columns)?,
        })
    }
}

/// Refuses to go on with too little, or with too much that was rejected.
fn check(gathered: &Gathered, settings: &ReadSettings, as_of: Option<i64>, files: &Files) -> Result<(), ReadError> {
    let (accepted, rejected) = (gathered.rows.len() as u64, gathered.rejects.total());
    let judged = accepted + rejected;
    let rejects = || Box::new(gathered.rejects.clone());
    if gathered.seen == 0 {
        let more = files.purchases.len() - 1;
        let first = &files.purchases[0].name;
        let files = if more == 0 { first.clone() } else { format!("{first} and {more} more files") };
        return Err(ReadError::NoRows { files });
    }
    if judged == 0
        && let (Some(as_of), Some(first)) = (as_of, gathered.first_after)
    {
        return Err(ReadError::NothingBefore { as_of: rfc3339(as_of), first: rfc3339(first) });
    }
    if accepted == 0 {
        return Err(ReadError::AllRejected { rows: judged, rejects: rejects() });
    }
    if rejected as f64 > settings.max_reject_rate * judged as f64 {
        return Err(ReadError::TooManyRejects { found: rejected, rows: judged, max: settings.max_reject_rate, rejects: rejects() });
    }
    if gathered.rows.iter().all(|row| row.is_return()) {
        return Err(ReadError::OnlyReturns { rows: accepted });
    }
    Ok(())
}

/// What may be meant but often is not.
fn doubts(gathered: &Gathered, files: &Files, as_of: Option<i64>, clock: &Clock) -> Vec<String> {
    let nobody_has = |name| !files.purchases.iter().any(|source| source.has(name));
    let mut doubts = Vec::new();
    if nobody_has("order_id") {
        doubts.push("purchases: no order_id; an order is what one customer bought on one calendar day".into());
    }
    if nobody_has("amount") && nobody_has("unit_price") {
        doubts.push("purchases: no amount and no unit_price; every line counts as 0 money, so nothing is said of customer value".into());
    }
    if gathered.unpriced > 0 {
        doubts.push(format!("purchases: {} rows do not say what was paid; they count as 0 money", gathered.unpriced));
    }
    if let Some(as_of) = as_of.filter(|&as_of| as_of > clock.now + 2 * 86_400) {
        doubts.push(format!("--as-of {} is in the future; customers look as if they had stayed away until then", rfc3339(as_of)));
    }
    doubts
}

/// Sorts the rows into the log. Without an as-of it is the start of the day after the last row.
fn sort(
    gathered: &mut Gathered,
    items: Items,
    settings: &ReadSettings,
    clock: &Clock,
    as_of: Option<i64>,
) -> Result<PurchaseLog, ReadError> {
    if settings.drop_duplicates {
        build::drop_duplicates(&mut gathered.rows, &mut gathered.rejects);
    }
    let last = gathered.rows.iter().map(|row| row.time).max().unwrap_or(0);
    // the second operand matters only where clocks were once set back over midnight
    let as_of = as_of.unwrap_or_else(|| clock.start_of(clock.day(last.into()) + 1).max(i64::from(last) + 1));
    build::build(gathered, items, clock, as_of, &settings.timezone)
}

/// Unix seconds now; 0 on a clock that stands before 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}
