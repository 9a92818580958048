//! What callers create: events and changes of the catalogue, in one SQLite file beside the model store. Model files are never written.
//!
//! One writer takes everything that is waiting into one transaction and answers when that is on the disk; what it has written it also
//! puts into memory, before it answers, so that the next recommendation reflects it.

mod activity;
mod attribution;
mod error;
mod event;
mod export;
mod items;
mod tables;
mod trials;
mod writer;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use shopkeeper_models::Manifest;
use shopkeeper_models::manifest::EventsSeen;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr};
use tokio::sync::mpsc;

pub use activity::{Activity, Remembered, Seen};
pub use attribution::{Attribution, Credit};
pub use error::StateError;
pub use event::{Event, Kind, Written};
pub use export::{ExportError, Exported, export_purchases};
pub use items::{ItemChange, ItemChanges, WrittenChange};
pub use tables::PurchaseRow;
pub use trials::{Deeds, Trace, TrialCounts, TrialUnit};
pub use writer::{Receipt, Verdict};

use writer::{Job, Writer};

/// How long the database waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What the writer keeps of the file in memory, so that new ids find their places without reading: 64 MiB, as SQLite writes it.
const WRITER_CACHE: &str = "-65536";
/// Rows read at a time.
const PAGE: i64 = 10_000;

/// The state file used beside a model store when none is named.
pub fn default_path(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_else(|| "shopkeeper".as_ref()).to_owned();
    name.push(".state.db");
    store.with_file_name(name)
}

/// How to keep state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateSettings {
    /// The file.
    pub path: PathBuf,
    /// Hours for which carts and views of a shopper count as the session. Default 24.
    pub session_hours: u32,
    /// Days for which events are kept; `None` = for good.
    pub event_days: Option<u32>,
}

/// The state of a shop, open for writing.
#[derive(Debug)]
pub struct State {
    id: String,
    path: PathBuf,
    settings: StateSettings,
    jobs: mpsc::Sender<Job>,
    runtime: tokio::runtime::Handle,
    /// Who did what since the served model was fitted.
    pub activity: Arc<Activity>,
    /// Makes and reads recommendation ids.
    pub attribution: Arc<Attribution>,
    /// What the shop said of its items since.
    pub items: Arc<RwLock<ItemChanges>>,
    /// Keeps other servers out for as long as this one lives.
    _lock: File,
}

impl State {
    /// Opens the file, makes it if there is none, brings its schema up to date, and starts the writer.
    ///
    /// # Errors
    /// For a folder that cannot be written, a file that is not ours, damaged or of a newer build, or one that another server uses.
    pub fn open(settings: &StateSettings) -> Result<Self, StateError> {
        let path = settings.path.clone();
        let lock = lock(&path)?;
        let (activity, attribution) = (Arc::new(Activity::new(settings.session_hours)), Arc::new(Attribution::default()));
        let items = Arc::new(RwLock::default());
        let (jobs, queue) = mpsc::channel(writer::MAX_WAITING);
        let (opened, result) = std::sync::mpsc::channel();
        let (file, event_days) = (path.clone(), settings.event_days);
        let (for_writer, known, changes) = (Arc::clone(&activity), Arc::clone(&attribution), Arc::clone(&items));
        let run = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(source) => return drop(opened.send(Err(StateError::Io { path: file, source }))),
            };
            runtime.block_on(async {
                let prepared = async {
                    let mut connection = connect_writer(&file).await?;
                    let id = prepare(&mut connection, &file).await?;
                    let said = tables::item_changes(&mut connection).await.map_err(|error| StateError::database(&file, error))?;
                    *changes.write().unwrap_or_else(PoisonError::into_inner) = said;
                    Ok((connection, id))
                };
                match prepared.await {
                    Err(error) => drop(opened.send(Err(error))),
                    Ok((connection, id)) => {
                        let _ = opened.send(Ok((id, runtime.handle().clone())));
                        let writer =
                            Writer { path: file, connection, activity: for_writer, attribution: known, items: changes, event_days };
                        writer.run(queue).await;
                    }
                }
            });
        };
        let io = |source| StateError::Io { path: path.clone(), source };
        std::thread::Builder::new().name("state".into()).spawn(run).map_err(io)?;
        let (id, runtime) = result.recv().map_err(|_| StateError::Closed)??;
        Ok(Self { id, path, settings: settings.clone(), jobs, runtime, activity, attribution, items, _lock: lock })
    }

    /// What this state is called in the files that come from it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Since when events are taken, Unix milliseconds.
    pub fn oldest(&self, now: i64) -> i64 {
        self.settings.event_days.map_or(0, |days| now - i64::from(days) * 86_400_000)
    }

    /// Writes events; returns when they are on the disk and in memory. One verdict an event, in order.
    pub async fn record(&self, events: Vec<Event>) -> Result<Receipt, StateError> {
        let (done, receipt) = tokio::sync::oneshot::channel();
        self.send(Job::Events { events, done })?;
        receipt.await.map_err(|_| StateError::Closed)?
    }

    /// Writes changes of items; returns when they are on the disk and in memory.
    pub async fn change_items(&self, changes: Vec<ItemChange>) -> Result<(), StateError> {
        let (done, receipt) = tokio::sync::oneshot::channel();
        self.send(Job::Items { changes, done })?;
        receipt.await.map_err(|_| StateError::Closed)?
    }

    /// Takes back what was said of an item; returns when that is on the disk and in memory.
    pub async fn unsay_item(&self, item_id: String) -> Result<(), StateError> {
        let (done, receipt) = tokio::sync::oneshot::channel();
        self.send(Job::Unsay { item_id, done })?;
        receipt.await.map_err(|_| StateError::Closed)?
    }

    fn send(&self, job: Job) -> Result<(), StateError> {
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StateError::Full,
            mpsc::error::TrySendError::Closed(_) => StateError::Closed,
        })
    }

    /// Which purchases a model has seen. Of a model whose files did not come from this state the time of its last purchase decides; where that
    /// is the very start of a day, the files know no times of day, and the whole day counts as seen.
    pub fn seen(&self, manifest: &Manifest) -> Seen {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis()).ok();
        let as_of = time(&manifest.as_of).unwrap_or(0);
        let last = manifest.data.last_purchase.as_deref().and_then(time).filter(|last| (as_of - last) % 86_400_000 != 0);
        let until = last.map_or(as_of, |last| as_of.min(last + 1000));
        let ours: Vec<&EventsSeen> = manifest.data.events.iter().filter(|events| events.state == self.id).collect();
        let ranges = (!ours.is_empty()).then(|| ours.iter().map(|events| (events.after, events.upto)).collect());
        Seen { as_of, until, ranges }
    }

    /// Puts into memory what a model has not seen of the file, and the sessions that are under way. What is there already stays.
    pub fn remember_unseen(&self, seen: &Seen) -> Result<u64, StateError> {
        let (path, seen, activity) = (self.path.clone(), seen.clone(), Arc::clone(&self.activity));
        let start = activity.session_start(now());
        self.read(async move {
            let mut connection = connect(&path, false).await?;
            let remembered = tables::unseen(&mut connection, &seen, start, |seq, event| activity.remember(seq, event)).await;
            remembered.map_err(|error| StateError::database(&path, error))
        })
    }

    /// What became of recommendations between two days since 1970-01-01, both included: events and money.
    pub async fn recommendation_counts(&self, days: (i64, i64)) -> Result<BTreeMap<Credit, (i64, f64)>, StateError> {
        let path = self.path.clone();
        let work = self.runtime.spawn(async move {
            let mut connection = connect(&path, false).await?;
            tables::recommendation_counts(&mut connection, days).await.map_err(|error| StateError::database(&path, error))
        });
        work.await.map_err(|_| StateError::Closed)?
    }

    /// What the shoppers of each arm of an experiment did.
    pub async fn trial_counts(&self, experiment: String) -> Result<Vec<TrialCounts>, StateError> {
        let path = self.path.clone();
        let work = self.runtime.spawn(async move {
            let mut connection = connect(&path, false).await?;
            tables::trial_counts(&mut connection, &experiment).await.map_err(|error| StateError::database(&path, error))
        });
        work.await.map_err(|_| StateError::Closed)?
    }

    /// Runs a read on the state's own thread and waits for it. Not for the threads that answer.
    fn read<T: Send + 'static>(&self, work: impl Future<Output = Result<T, StateError>> + Send + 'static) -> Result<T, StateError> {
        let (done, result) = std::sync::mpsc::channel();
        self.runtime.spawn(async move { drop(done.send(work.await)) });
        result.recv().map_err(|_| StateError::Closed)?
    }
}

/// Reads the purchases of a state file, of which a server may be writing more, in the order in which they came.
///
/// Returns the state's id and the number of the last event that was there.
pub fn read_purchases(path: &Path, after: i64, mut each: impl FnMut(Vec<PurchaseRow>) -> bool) -> Result<(String, i64), StateError> {
    if !path.exists() {
        return Err(StateError::Missing { path: path.to_owned() });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| StateError::Io { path: path.to_owned(), source })?;
    runtime.block_on(async {
        let mut connection = connect(path, false).await?;
        let id = prepare(&mut connection, path).await?;
        let failed = |error| StateError::database(path, error);
        let upto = tables::last_seq(&mut connection).await.map_err(failed)?;
        let mut from = after;
        while from < upto {
            let (rows, last) = tables::purchases(&mut connection, from, upto, PAGE).await.map_err(failed)?;
            from = last.unwrap_or(upto);
            if !each(rows) {
                break;
            }
        }
        Ok((id, upto))
    })
}

/// Unix milliseconds now; 0 on a clock that stands before 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

/// Keeps other servers out: the lock goes with the process, however it ends.
fn lock(path: &Path) -> Result<File, StateError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let io = |source| StateError::Io { path: path.to_owned(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

async fn connect(path: &Path, create: bool) -> Result<SqliteConnection, StateError> {
    open_with(path, options(path, create)).await
}

/// A connection for the writer: whoever waits for a commit does not wait for the log to be copied into the file, which is done beside it.
async fn connect_writer(path: &Path) -> Result<SqliteConnection, StateError> {
    open_with(path, options(path, true).pragma("wal_autocheckpoint", "0").pragma("cache_size", WRITER_CACHE)).await
}

async fn open_with(path: &Path, options: SqliteConnectOptions) -> Result<SqliteConnection, StateError> {
    SqliteConnection::connect_with(&options).await.map_err(|error| StateError::database(path, error))
}

fn options(path: &Path, create: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        // a commit is on the disk before it is acknowledged
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// Brings the schema up to date and returns the state's id.
async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<String, StateError> {
    let migrations: Vec<Migration> =
        [(1, "events", include_str!("migrations/0001_events.sql")), (2, "trials", include_str!("migrations/0002_trials.sql"))]
            .into_iter()
            .map(|(version, name, sql)| Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false))
            .collect();
    let newest = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    let migrated = Migrator::with_migrations(migrations).run(&mut *connection).await;
    migrated.map_err(|error| StateError::migration(path, newest, error))?;
    let row: Result<SqliteRow, sqlx::Error> = sqlx::query("SELECT id FROM state").fetch_one(connection).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| StateError::database(path, error))
}
