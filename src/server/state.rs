//! The shop as the server holds it: the served model, the store it came from, and what is counted.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::http::header::HeaderValue;
use arc_swap::{ArcSwap, Guard};
use serde::Serialize;
use shopkeeper_models::Model;
use shopkeeper_models::recommender::Scratch;
use shopkeeper_models::store::ModelStore;
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::scenarios::Scenarios;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs a question with this thread's working memory.
pub(super) fn with_scratch<T>(ask: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(ask)
}

/// What every handler shares.
pub struct Shop {
    served: ArcSwap<Served>,
    pub(super) store: ModelStore,
    pub(super) metrics: Metrics,
    pub(super) scenarios: Scenarios,
    /// One change of the model at a time.
    pub(super) changing: Arc<Semaphore>,
    /// Room for lists that are being written.
    pub(super) lists: Arc<Semaphore>,
    draining: AtomicBool,
    answers: AnswerIds,
}

/// A model that is being served.
pub(super) struct Served {
    pub(super) model: Arc<Model>,
    /// Its version, as the value of `X-Model-Version`.
    pub(super) header: HeaderValue,
}

/// Which model answered.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ModelRef)]
pub(super) struct ModelRef<'a> {
    /// The model version.
    #[schema(example = "2017-12-04-3f1c9a0b77e2")]
    pub(super) version: &'a str,
    /// Exclusive end of the purchases it was fitted on.
    #[schema(value_type = String, format = DateTime, example = "2017-12-04T00:00:00Z")]
    pub(super) as_of: &'a str,
}

impl Served {
    fn new(model: Model) -> Self {
        let header = HeaderValue::from_str(&model.version).unwrap_or(HeaderValue::from_static("unnamed"));
        Self { model: Arc::new(model), header }
    }

    pub(super) fn reference(&self) -> ModelRef<'_> {
        ModelRef { version: &self.model.version, as_of: &self.model.manifest.as_of }
    }
}

impl Shop {
    pub(super) fn new(store: ModelStore, model: Model, scenarios: Scenarios, list_limit: usize) -> Self {
        let shop = Self {
            metrics: Metrics::default(),
            served: ArcSwap::from_pointee(Served::new(model)),
            store,
            scenarios,
            changing: Arc::new(Semaphore::new(1)),
            lists: Arc::new(Semaphore::new(list_limit)),
            draining: AtomicBool::new(false),
            answers: AnswerIds::default(),
        };
        shop.metrics.serving(&shop.served().model);
        shop
    }

    /// The served model, for one answer.
    pub(super) fn served(&self) -> Guard<Arc<Served>> {
        self.served.load()
    }

    /// The served model, for an answer that takes longer than a moment.
    pub(super) fn pinned(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// The version that is served.
    pub fn version(&self) -> String {
        self.served().model.version.clone()
    }

    /// Swaps the served model, whole.
    pub(super) fn serve(&self, model: Model) {
        self.served.store(Arc::new(Served::new(model)));
        self.metrics.serving(&self.served().model);
    }

    /// A new recommendation id.
    pub(super) fn answer_id(&self) -> String {
        self.answers.next()
    }

    /// Readiness is over: the server is about to stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop").field("served", &self.served().model.version).finish_non_exhaustive()
    }
}

/// Recommendation ids: distinct within a process by counting, between processes by 64 random bits, and telling nothing of the count.
struct AnswerIds {
    process: u64,
    key: u64,
    next: AtomicU64,
}

impl Default for AnswerIds {
    fn default() -> Self {
        Self { process: RandomState::new().hash_one(0), key: RandomState::new().hash_one(1), next: AtomicU64::new(0) }
    }
}

impl AnswerIds {
    fn next(&self) -> String {
        // The finaliser of SplitMix64 maps distinct numbers to distinct numbers.
        let mut z = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.key;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        format!("{:016x}{:016x}", self.process, z ^ (z >> 31))
    }
}
