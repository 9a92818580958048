//! The shop as the server holds it: the served model, the store it came from, and what is counted.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::HeaderValue;
use arc_swap::{ArcSwap, Guard};
use serde::Serialize;
use shopkeeper_models::catalogue::Catalogue;
use shopkeeper_models::recommender::Scratch;
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{Model, ModelError};
use tokio::sync::Semaphore;

use super::background;
use super::experiment::{ARMS, Running};
use super::messages::Messages;
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
    /// The models of an experiment's arms beside the served one.
    arms: ArcSwap<Vec<Arc<Served>>>,
    pub(super) store: ModelStore,
    pub(super) metrics: Metrics,
    pub(super) scenarios: Scenarios,
    pub(super) messages: Messages,
    /// One change of the model at a time.
    pub(super) changing: Arc<Semaphore>,
    /// Room for lists that are being written.
    pub(super) lists: Arc<Semaphore>,
    draining: AtomicBool,
    /// What callers created.
    pub(super) state: State,
    /// Held while a catalogue is changed or made, and while what is loaded changes.
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
    fn new(model: Arc<Model>, state: &State) -> Self {
        let seen = state.seen(&model.manifest);
        let mut catalogue = Catalogue::new(&model.recommender);
        let said = state.items.read().unwrap_or_else(PoisonError::into_inner);
        said.iter().for_each(|change| catalogue.say(&model.recommender, &change.item_id, change.said()));
        drop(said);
        let header = HeaderValue::from_str(&model.version).unwrap_or(HeaderValue::from_static("unnamed"));
        Self { model, header, seen, catalogue: ArcSwap::from_pointee(catalogue) }
    }

    pub(super) fn reference(&self) -> ModelRef<'_> {
        ModelRef { version: &self.model.version, as_of: &self.model.manifest.as_of }
    }
}

impl Shop {
    /// Serves a model; what it has not seen of the state is remembered first.
    pub(super) fn new(
        store: ModelStore,
        model: Model,
        state: State,
        scenarios: Scenarios,
        messages: Messages,
        list_limit: usize,
    ) -> Result<Self, StateError> {
        let served = Served::new(Arc::new(model), &state);
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
            arms: ArcSwap::default(),
            store,
            scenarios,
            messages,
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

    /// Every model that is loaded, the served one first.
    pub(super) fn loaded(&self) -> Vec<Arc<Served>> {
        let arms = self.arms.load();
        let served = self.pinned();
        let others = arms.iter().filter(|arm| arm.model.version != served.model.version).cloned();
        std::iter::once(Arc::clone(&served)).chain(others).collect()
    }

    /// The loaded model of a version.
    pub(super) fn of_version(&self, version: &str) -> Option<Arc<Served>> {
        let served = self.served();
        if served.model.version == version {
            return Some(Arc::clone(&served));
        }
        self.arms.load().iter().find(|arm| arm.model.version == version).cloned()
    }

    /// Loads what the arms of an experiment need and is not loaded yet, then calls `commit`, and lets go of what nothing needs any more. Reads
    /// files: not for the threads that answer.
    pub(super) fn open_arms(&self, experiment: Option<&Running>, commit: impl FnOnce()) -> Result<(), ModelError> {
        let versions: Vec<&str> = experiment.into_iter().flat_map(|running| running.experiment.versions()).collect();
        let mut fresh: Vec<Arc<Model>> = Vec::new();
        loop {
            for version in &versions {
                if self.of_version(version).is_none() && fresh.iter().all(|model| model.version != **version) {
                    fresh.push(Arc::new(self.store.load(version)?));
                }
            }
            let _cataloguing = self.cataloguing.lock().unwrap_or_else(PoisonError::into_inner);
            let found = versions.iter().map(|version| {
                let new = || fresh.iter().find(|model| model.version == **version).map(|model| self.open(Arc::clone(model)));
                self.of_version(version).or_else(new)
            });
            // another model may have been served meanwhile
            let Some(arms) = found.collect::<Option<Vec<_>>>() else { continue };
            if let Some(running) = experiment {
                ARMS.iter().for_each(|arm| self.state.attribution.know_arm(&running.id, arm));
            }
            self.arms.store(Arc::new(arms));
            commit();
            return Ok(());
        }
    }

    /// Makes a model ready to answer.
    fn open(&self, model: Arc<Model>) -> Arc<Served> {
        let served = Served::new(model, &self.state);
        if let Err(error) = self.state.remember_unseen(&served.seen) {
            tracing::error!(%error, "events from before the start of this process are missing from answers until the next change of the model");
        }
        self.state.attribution.know(&served.model.version);
        Arc::new(served)
    }

    /// The version that is served.
    pub fn version(&self) -> String {
        self.served().model.version.clone()
    }

    /// Swaps the served model, whole, and with it what counts as fresh: what the new one has not seen is remembered before, what it has is
    /// forgotten after. Reads the state file: not for the threads that answer.
    pub(super) fn serve(&self, model: Model) {
        let cataloguing = self.cataloguing.lock().unwrap_or_else(PoisonError::into_inner);
        let served = self.open(Arc::new(model));
        let before = self.served.swap(served);
        // what was served may be an arm of the experiment
        let experiment = self.scenarios.experiment();
        let is_arm = |version: &str| experiment.iter().any(|running| running.experiment.versions().any(|arm| arm == version));
        let arms = self.arms.load();
        let arms: Vec<Arc<Served>> = arms.iter().chain([&before]).filter(|arm| is_arm(&arm.model.version)).cloned().collect();
        self.arms.store(Arc::new(arms));
        drop(cataloguing);
        background::let_go(before);
        self.metrics.serving(&self.served().model);
        let loaded = self.loaded();
        let seen: Vec<&Seen> = loaded.iter().map(|served| &served.seen).collect();
        self.state.activity.forget(&seen, now());
    }

    /// Lays what was last said of these items over the catalogue of every loaded model.
    pub(super) fn recatalogue<'a>(&self, item_ids: impl Iterator<Item = &'a str> + Clone) {
        let _cataloguing = self.cataloguing.lock().unwrap_or_else(PoisonError::into_inner);
        for served in self.loaded() {
            let mut catalogue = Catalogue::clone(&served.catalogue.load());
            let said = self.state.items.read().unwrap_or_else(PoisonError::into_inner);
            for item_id in item_ids.clone() {
                match said.of(item_id) {
                    Some(change) => catalogue.say(&served.model.recommender, item_id, change.said()),
                    None => catalogue.unsay(&served.model.recommender, item_id),
                }
            }
            served.catalogue.store(Arc::new(catalogue));
        }
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
