//! Changing the served model: loaded off the request path, checked, swapped whole. Whatever fails, the served version stays.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use serde::Serialize;
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{Model, ModelError};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::background;
use super::problem::{Code, Problem};
use super::state::Shop;

/// What a change of the model came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Change {
    /// The version served now.
    #[schema(example = "2017-12-04-3f1c9a0b77e2")]
    version: String,
    /// The version served before.
    previous: String,
    /// Whether they differ.
    changed: bool,
    /// How long it took.
    seconds: f64,
}

/// Runs a change of the store, then serves its current version. Only one at a time: the next is refused with `reload_running`.
pub(super) async fn change(
    shop: &Data<Shop>,
    action: impl FnOnce(&ModelStore) -> Result<(), ModelError> + Send + 'static,
) -> Result<Change, Problem> {
    let permit = Arc::clone(&shop.changing).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::new(Code::ReloadRunning, "one change at a time"))?;
    let shop = Data::clone(shop);
    let run = actix_web::web::block(move || background::wait_for(|| apply(&shop, action, permit))).await;
    run.map_err(|error| Problem::new(Code::Internal, error.to_string()))?
}

/// The blocking part of [`change`]. Runs to its end even if nobody waits for it any more.
fn apply(
    shop: &Shop,
    action: impl FnOnce(&ModelStore) -> Result<(), ModelError>,
    _permit: OwnedSemaphorePermit,
) -> Result<Change, Problem> {
    let start = Instant::now();
    let previous = shop.served().model.version.clone();
    let loaded = action(&shop.store).and_then(|()| load_other(&shop.store, &previous));
    let outcome = match &loaded {
        Ok(Some(_)) => "changed",
        Ok(None) => "unchanged",
        Err(error) if is_mistake(error) => "refused",
        Err(_) => "failed",
    };
    shop.metrics.reload(outcome);
    match loaded {
        Ok(Some(model)) => {
            let (version, seconds) = (model.version.clone(), start.elapsed().as_secs_f64());
            shop.serve(model);
            tracing::info!(version, previous, seconds, "serving another model");
            Ok(Change { version, previous, changed: true, seconds })
        }
        Ok(None) => {
            tracing::info!(version = previous, "the current version is served already");
            Ok(Change { version: previous.clone(), previous, changed: false, seconds: start.elapsed().as_secs_f64() })
        }
        Err(error) if is_mistake(&error) => {
            tracing::info!(%error, served = previous, "a change that cannot be made was asked for");
            Err(error.into())
        }
        Err(error) => {
            tracing::error!(%error, served = previous, "the model was not changed");
            Err(error.into())
        }
    }
}

/// Whether what was asked for cannot be, and nothing is wrong with the store.
fn is_mistake(error: &ModelError) -> bool {
    matches!(error, ModelError::NoVersion { .. } | ModelError::NoPrevious { .. })
}

/// The current version of the store, unless it is this one: versions never change.
fn load_other(store: &ModelStore, version: &str) -> Result<Option<Model>, ModelError> {
    let current = store.current()?;
    if current == version { Ok(None) } else { store.load(&current).map(Some) }
}

/// Looks at the store every `interval` and serves its current version when that has changed. A version that failed to load is not
/// tried again until another one is current or somebody asks for a reload.
pub(super) async fn watch(shop: Data<Shop>, interval: Duration) {
    let mut seen = shop.served().model.version.clone();
    loop {
        tokio::time::sleep(interval).await;
        let store = shop.store.clone();
        let Ok(Ok(current)) = actix_web::web::block(move || store.current()).await else { continue };
        if current == seen {
            continue;
        }
        match change(&shop, |_| Ok(())).await {
            Err(problem) if problem.code() == Code::ReloadRunning => {}
            _ => seen = current,
        }
    }
}
