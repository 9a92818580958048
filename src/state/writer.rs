//! The writer: takes everything that is waiting into one transaction (group commit), puts it into memory, then answers.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Error, Row};
use tokio::sync::{mpsc, oneshot};

use super::activity::Activity;
use super::attribution::{Attribution, Credit};
use super::error::StateError;
use super::event::{Event, Kind};
use super::items::{ItemChange, ItemChanges};
use super::now;
use super::trials::{Deeds, Tally, TrialUnit};

/// Requests that may wait; the next one is told to come again.
pub(super) const MAX_WAITING: usize = 4096;
/// Rows after which a transaction takes no further request in.
const MAX_ROWS: usize = 20_000;
/// Rows of one statement: the powers of two up to this.
const MAX_CHUNK: usize = 128;
/// Rows after which the log is copied into the file, beside the writing.
const COPIED: usize = 10_000;
/// Pages of the log after which writing waits for the rest of it to be copied, so that it starts again from its beginning: 64 MiB.
const MAX_LOG: i64 = 16_384;
/// How often events that are too old are looked for.
const SWEEP: Duration = Duration::from_secs(600);
/// Old events deleted in one go.
const SWEPT: i64 = 10_000;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is new.
    Accepted,
    /// It was there before.
    Duplicate,
}

/// What became of each event of a request, in order.
pub type Receipt = Vec<Verdict>;

/// Something to write, and whom to tell.
#[derive(Debug)]
pub(super) enum Job {
    Events { events: Vec<Event>, done: oneshot::Sender<Result<Receipt, StateError>> },
    Items { changes: Vec<ItemChange>, done: oneshot::Sender<Result<(), StateError>> },
    Unsay { item_id: String, done: oneshot::Sender<Result<(), StateError>> },
}

/// What was said of items, or taken back, in the order in which it came.
enum Saying<'a> {
    Change(&'a ItemChange),
    Unsay(&'a str),
}

impl Job {
    fn rows(&self) -> usize {
        match self {
            Self::Events { events, .. } => events.len(),
            Self::Items { changes, .. } => changes.len(),
            Self::Unsay { .. } => 1,
        }
    }
}

/// The one that writes.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) connection: SqliteConnection,
    pub(super) activity: Arc<Activity>,
    pub(super) attribution: Arc<Attribution>,
    pub(super) items: Arc<RwLock<ItemChanges>>,
    pub(super) event_days: Option<u32>,
}

impl Writer {
    /// Writes until nobody can send any more.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let (copies, wanted) = mpsc::channel(1);
        let log = Arc::new(AtomicI64::new(0));
        tokio::spawn(copy_log(self.path.clone(), wanted, Arc::clone(&log)));
        let (mut swept, mut written): (Option<Instant>, usize) = (None, 0);
        while let Some(first) = queue.recv().await {
            let mut rows = first.rows();
            let mut jobs = vec![first];
            while rows < MAX_ROWS
                && let Ok(job) = queue.try_recv()
            {
                rows += job.rows();
                jobs.push(job);
            }
            self.write(jobs).await;
            written += rows;
            if written >= COPIED {
                written = 0;
                // one that is under way will do
                let _ = copies.try_send(());
                if log.load(Ordering::Relaxed) > MAX_LOG {
                    // nobody writes meanwhile, so that all of it is copied, unless somebody still reads what is old
                    let pages = copy(&mut self.connection).await;
                    log.store(if pages.is_some() { 0 } else { MAX_LOG }, Ordering::Relaxed);
                }
            }
            if swept.is_none_or(|swept| swept.elapsed() > SWEEP) {
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "old events were not deleted");
                }
                swept = Some(Instant::now());
            }
        }
        let _ = self.connection.close().await;
    }

    /// One transaction for all jobs; each is told the same when it fails.
    async fn write(&mut self, jobs: Vec<Job>) {
        let events = || jobs.iter().flat_map(|job| if let Job::Events { events, .. } = job { &events[..] } else { &[] });
        let all: Vec<&Event> = events().collect();
        let sayings = jobs.iter().flat_map(|job| match job {
            Job::Items { changes, .. } => changes.iter().map(Saying::Change).collect(),
            Job::Unsay { item_id, .. } => vec![Saying::Unsay(item_id)],
            Job::Events { .. } => Vec::new(),
        });
        let sayings: Vec<Saying<'_>> = sayings.collect();
        match commit(&mut self.connection, &all, &sayings, &self.attribution).await {
            Ok(numbers) => {
                for (seq, event) in numbers.iter().zip(&all).filter_map(|(seq, event)| Some(((*seq)?, event))) {
                    self.activity.remember(seq, event);
                }
                if !sayings.is_empty() {
                    let mut items = self.items.write().unwrap_or_else(PoisonError::into_inner);
                    sayings.iter().for_each(|saying| match saying {
                        Saying::Change(change) => items.merge(change),
                        Saying::Unsay(item_id) => items.unsay(item_id),
                    });
                }
                let mut numbers = numbers.into_iter();
                for job in jobs {
                    match job {
                        Job::Events { events, done } => {
                            let verdict = |seq: Option<i64>| if seq.is_some() { Verdict::Accepted } else { Verdict::Duplicate };
                            let _ = done.send(Ok(numbers.by_ref().take(events.len()).map(verdict).collect()));
                        }
                        Job::Items { done, .. } | Job::Unsay { done, .. } => drop(done.send(Ok(()))),
                    }
                }
            }
            Err(error) => {
                let text = error.to_string();
                tracing::error!(error = text, "nothing was written to the state");
                let mut first = Some(error);
                for job in jobs {
                    let error = first.take().unwrap_or_else(|| Error::Io(std::io::Error::other(text.clone())));
                    let error = StateError::database(&self.path, error);
                    match job {
                        Job::Events { done, .. } => drop(done.send(Err(error))),
                        Job::Items { done, .. } | Job::Unsay { done, .. } => drop(done.send(Err(error))),
                    }
                }
            }
        }
    }

    /// Deletes events that are older than is kept.
    async fn sweep(&mut self) -> Result<(), Error> {
        let Some(days) = self.event_days else { return Ok(()) };
        let oldest = now() - i64::from(days) * 86_400_000;
        loop {
            let statement = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < $1 LIMIT $2)";
            let deleted = sqlx::query(statement).bind(oldest).bind(SWEPT).execute(&mut self.connection).await?;
            if deleted.rows_affected() < SWEPT as u64 {
                return Ok(());
            }
        }
    }
}

/// Copies the log into the file whenever that is wanted, while the writer goes on, and says how many pages the log has.
async fn copy_log(path: PathBuf, mut wanted: mpsc::Receiver<()>, log: Arc<AtomicI64>) {
    let mut connection = match super::connect(&path, false).await {
        Ok(connection) => connection,
        Err(error) => {
            tracing::warn!(%error, "the log of the state is copied while nobody can write");
            while wanted.recv().await.is_some() {
                log.store(i64::MAX, Ordering::Relaxed);
            }
            return;
        }
    };
    while wanted.recv().await.is_some() {
        if let Some(pages) = copy(&mut connection).await {
            log.store(pages, Ordering::Relaxed);
        }
    }
}

/// Copies what can be copied of the log without waiting for anybody. Returns the pages of the log.
async fn copy(connection: &mut SqliteConnection) -> Option<i64> {
    match sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await {
        Ok(row) => row.try_get(1).ok(),
        Err(error) => {
            tracing::warn!(%error, "the log of the state was not copied");
            None
        }
    }
}

/// Writes everything in one transaction. Returns the number of each event that is new, in order.
async fn commit(
    connection: &mut SqliteConnection,
    events: &[&Event],
    sayings: &[Saying<'_>],
    attribution: &Attribution,
) -> Result<Vec<Option<i64>>, Error> {
    let mut transaction = connection.begin().await?;
    let mut numbers = Vec::with_capacity(events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let power = rest.len().min(MAX_CHUNK).ilog2() as usize;
        let (chunk, after) = rest.split_at(1 << power);
        insert(&mut transaction, chunk, &INSERTS[power], &mut numbers).await?;
        rest = after;
    }
    let mut credits: BTreeMap<Credit, (i64, f64)> = BTreeMap::new();
    let mut tally = Tally::default();
    for (_, event) in numbers.iter().zip(events).filter(|(seq, _)| seq.is_some()) {
        if let Some(credit) = attribution.credit(event) {
            let (count, amount) = credits.entry(credit).or_default();
            *count += 1;
            *amount += event.amount.unwrap_or(0.0);
        }
        if let Some(unit) = attribution.trial(event) {
            tally.add(unit, event);
        }
    }
    for (credit, (count, amount)) in &credits {
        add_credit(&mut transaction, credit, *count, *amount).await?;
    }
    for (unit, deeds) in &tally.0 {
        add_deeds(&mut transaction, unit, deeds).await?;
    }
    for saying in sayings {
        match saying {
            Saying::Change(change) => lay_change(&mut transaction, change).await?,
            Saying::Unsay(item_id) => {
                let statement = sqlx::query("DELETE FROM item_changes WHERE item_id = $1").bind(*item_id);
                statement.execute(&mut *transaction).await?;
            }
        }
    }
    transaction.commit().await?;
    credits.iter().for_each(|(credit, (count, _))| attribution.count(credit, *count));
    for (unit, deeds) in &tally.0 {
        let Deeds { impressions, clicks, carts, purchases, .. } = *deeds;
        let counts = [(Kind::Impression, impressions), (Kind::Click, clicks), (Kind::Cart, carts), (Kind::Purchase, purchases)];
        counts.into_iter().filter(|(_, count)| *count > 0).for_each(|(kind, count)| attribution.count_trial(unit, kind, count));
    }
    Ok(numbers)
}

/// The statement for 1, 2, 4, ... events. Its places have no numbers: SQLite takes `$7` for a name, and looks through all names to bind each value.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    const COLUMNS: usize = 12;
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    let statement = |power: u32| {
        let rows = vec![row.as_str(); 1 << power];
        format!(
            "INSERT INTO events (event_id, kind, customer_id, session_id, item_id, at, quantity, amount, order_id, channel, \
             recommendation_id, rank) VALUES {} ON CONFLICT (event_id) DO NOTHING RETURNING seq, event_id",
            rows.join(", ")
        )
    };
    (0..=MAX_CHUNK.ilog2()).map(statement).collect()
});

async fn insert(
    connection: &mut SqliteConnection,
    chunk: &[&Event],
    statement: &'static str,
    numbers: &mut Vec<Option<i64>>,
) -> Result<(), Error> {
    let mut query = sqlx::query(statement);
    for event in chunk {
        query = query
            .bind(&event.event_id)
            .bind(event.kind.name())
            .bind(&event.customer_id)
            .bind(&event.session_id)
            .bind(&event.item_id)
            .bind(event.at)
            .bind(event.quantity)
            .bind(event.amount)
            .bind(&event.order_id)
            .bind(&event.channel)
            .bind(&event.recommendation_id)
            .bind(event.rank.map(i64::from));
    }
    let mut new: HashMap<String, i64> = HashMap::with_capacity(chunk.len());
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await? {
        new.insert(row.try_get(1)?, row.try_get(0)?);
    }
    // of two events with one id in a chunk the first is the new one
    numbers.extend(chunk.iter().map(|event| new.remove(&event.event_id)));
    Ok(())
}

async fn add_credit(connection: &mut SqliteConnection, credit: &Credit, count: i64, amount: f64) -> Result<(), Error> {
    let statement = "INSERT INTO recommendation_counts (day, version, scenario, source, reason, kind, events, amount) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (day, version, scenario, source, reason, kind) \
        DO UPDATE SET events = recommendation_counts.events + excluded.events, amount = recommendation_counts.amount + excluded.amount";
    let Credit { day, version, scenario, source, reason, kind } = credit;
    let query = sqlx::query(statement).bind(day).bind(version).bind(scenario).bind(source).bind(reason);
    query.bind(kind.name()).bind(count).bind(amount).execute(connection).await.map(drop)
}

async fn add_deeds(connection: &mut SqliteConnection, unit: &TrialUnit, deeds: &Deeds) -> Result<(), Error> {
    let statement = "INSERT INTO trial_units (experiment, arm, unit, impressions, clicks, carts, purchases, amount) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (experiment, unit, arm) DO UPDATE SET \
        impressions = trial_units.impressions + excluded.impressions, clicks = trial_units.clicks + excluded.clicks, \
        carts = trial_units.carts + excluded.carts, purchases = trial_units.purchases + excluded.purchases, \
        amount = trial_units.amount + excluded.amount";
    let query = sqlx::query(statement).bind(&unit.experiment).bind(unit.arm).bind(unit.unit.cast_signed());
    let query = query.bind(deeds.impressions).bind(deeds.clicks).bind(deeds.carts).bind(deeds.purchases).bind(deeds.amount);
    query.execute(connection).await.map(drop)
}

async fn lay_change(connection: &mut SqliteConnection, change: &ItemChange) -> Result<(), Error> {
    let statement = "INSERT INTO item_changes (item_id, changed_at, available, price, title, category, brand) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (item_id) DO UPDATE SET changed_at = excluded.changed_at, \
        available = coalesce(excluded.available, item_changes.available), price = coalesce(excluded.price, item_changes.price), \
        title = coalesce(excluded.title, item_changes.title), category = coalesce(excluded.category, item_changes.category), \
        brand = coalesce(excluded.brand, item_changes.brand)";
    let ItemChange { item_id, changed_at, available, price, title, category, brand } = change;
    let query = sqlx::query(statement).bind(item_id).bind(changed_at).bind(available.map(i64::from)).bind(price);
    query.bind(title).bind(category).bind(brand).execute(connection).await.map(drop)
}
