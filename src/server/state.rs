//! The shop as the server holds it: the served model, the store it came from, and what is counted.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::HeaderValue;
use arc_swap::{ArcSwap, Guard};
use serde::Serialize;
use shopkeeper_models::Model;
use shopkeeper_models::catalogue::Catalogue;
use shopkeeper_models::recommender::Scratch;
use shopkeeper_models::store::ModelStore;
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::scenarios::Scenarios;
use crate::state::{Seen, State, StateError, now};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs a question with this thread's working memory.
pub(super) fn with_scratch<T>(ask: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(ask)
}

/// What asks for recommendations, where no scenario is named.
const PLACES: [&str; 6] = ["customer", "any", "basket", "popular", "rank", "batch"];

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
    /// What callers created.
    pub(super) state: State,
    /// Held while the catalogue of the served model is changed or made.
    cataloguing: Mutex<()>,
}

/// A model that is being served.
pub(super) struct Served {
    pub(super) model: Arc<Model>,
    /// Its version, as the value of `X-Model-Version`.
    pub(super) header: HeaderValue,
    /// Which purchases it was fitted on.
    pub(super) seen: Seen,
    /// Its items as they are now.
    pub(super) catalogue: ArcSwap<Catalogue>,
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
    fn new(model: Model, state: &State) -> Self {
        let seen = state.seen(&model.manifest);
        let mut catalogue = Catalogue::new(&model.recommender);
        let said = state.items.read().unwrap_or_else(PoisonError::into_inner);
        said.iter().for_each(|change| catalogue.say(&model.recommender, &change.item_id, change.said()));
        drop(said);
        let header = HeaderValue::from_str(&model.version).unwrap_or(HeaderValue::from_static("unnamed"));
        Self { model: Arc::new(model), header, seen, catalogue: ArcSwap::from_pointee(catalogue) }
    }

    pub(super) fn reference(&self) -> ModelRef<'_> {
        ModelRef { version: &self.model.version, as_of: &self.model.manifest.as_of }
    }
}

impl Shop {
    /// Serves a model; what it has not seen of the state is remembered first.
    pub(super) fn new(store: ModelStore, model: Model, state: State, scenarios: Scenarios, list_limit: usize) -> Result<Self, StateError> {
        let served = Served::new(model, &state);
        let events = state.remember_unseen(&served.seen)?;
        tracing::info!(events, "events that the model has not seen are remembered");
        state.attribution.know(&served.model.version);
        store.list().into_iter().flatten().for_each(|listed| state.attribution.know(&listed.version));
        PLACES.iter().for_each(|place| state.attribution.know(place));
        scenarios.names().iter().for_each(|scenario| state.attribution.know(scenario));
        let mut metrics = Metrics::default();
        metrics.learn(&state.attribution);
        let shop = Self {
            metrics,
            served: ArcSwap::from_pointee(served),
            store,
            scenarios,
            changing: Arc::new(Semaphore::new(1)),
            lists: Arc::new(Semaphore::new(list_limit)),
            draining: AtomicBool::new(false),
            state,
            cataloguing: Mutex::new(()),
        };
        shop.metrics.serving(&shop.served().model);
        Ok(shop)
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

    /// Swaps the served model, whole, and with it what counts as fresh: what the new one has not seen is remembered before, what it has is
    /// forgotten after. Reads the state file: not for the threads that answer.
    pub(super) fn serve(&self, model: Model) {
        let cataloguing = self.cataloguing.lock().unwrap_or_else(PoisonError::into_inner);
        let served = Served::new(model, &self.state);
        let seen = served.seen.clone();
        if let Err(error) = self.state.remember_unseen(&seen) {
            tracing::error!(%error, "events from before the start of this process are missing from answers until the next change of the model");
        }
        self.state.attribution.know(&served.model.version);
        self.served.store(Arc::new(served));
        drop(cataloguing);
        self.metrics.serving(&self.served().model);
        self.state.activity.forget(&seen, now());
    }

    /// Lays what was last said of these items over the catalogue of the served model.
    pub(super) fn recatalogue<'a>(&self, item_ids: impl Iterator<Item = &'a str>) {
        let _cataloguing = self.cataloguing.lock().unwrap_or_else(PoisonError::into_inner);
        let served = self.served();
        let mut catalogue = Catalogue::clone(&served.catalogue.load());
        let said = self.state.items.read().unwrap_or_else(PoisonError::into_inner);
        for change in item_ids.filter_map(|item_id| said.of(item_id)) {
            catalogue.say(&served.model.recommender, &change.item_id, change.said());
        }
        served.catalogue.store(Arc::new(catalogue));
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
