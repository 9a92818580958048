//! Admin routes: which model versions there are, and which of them is served.

use actix_web::web::{Data, block};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use shopkeeper_models::model::read_manifest;
use shopkeeper_models::store::{Listed, Run};
use shopkeeper_models::{Manifest, ModelError};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::change::{Change, change};
use super::extract::{Id, Nothing, Params, PathId};
use super::problem::{Code, Problem, problems};
use super::state::Shop;

problems!(ModelsProblems: BadParameter, ModelUnusable);
problems!(VersionProblems: BadParameter, MalformedId, UnknownVersion, ModelUnusable);
problems!(ActivateProblems: BadParameter, MalformedId, UnknownVersion, ReloadRunning, ModelUnusable);
problems!(ReloadProblems: BadParameter, UnknownVersion, ReloadRunning, ModelUnusable, NoModel);
problems!(RollbackProblems: BadParameter, UnknownVersion, ReloadRunning, ModelUnusable, NoModel, NoPreviousVersion);

/// A model version of the store.
#[derive(Serialize, ToSchema)]
struct ModelSummary {
    /// Its name.
    #[schema(example = "2017-12-04-3f1c9a0b77e2")]
    version: String,
    /// Whether the store's `CURRENT` names it.
    current: bool,
    /// Whether this server answers with it.
    serving: bool,
    /// Whether it is loaded, so that a request may ask for it with the header X-Model-Version: the served one, and the arms of an experiment.
    loaded: bool,
    /// Exclusive end of the purchases it was fitted on; null when the manifest cannot be read.
    #[schema(required, format = DateTime)]
    as_of: Option<String>,
    /// When the training run ended, if that is still known.
    #[schema(required, format = DateTime)]
    finished_at: Option<String>,
    /// Customers in it.
    #[schema(required)]
    customers: Option<u64>,
    /// Items in it.
    #[schema(required)]
    items: Option<u64>,
    /// What is wrong with it, if anything was found so far.
    #[schema(required)]
    error: Option<String>,
}

/// The model versions of the store, newest training run first.
#[derive(Serialize, ToSchema)]
struct ModelsAnswer {
    /// The versions.
    models: Vec<ModelSummary>,
}

impl ModelSummary {
    fn new(listed: Listed, serving: &str, loaded: bool) -> Self {
        let (manifest, error) = match listed.manifest {
            Ok(manifest) => (Some(manifest), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            current: listed.current,
            serving: listed.version == serving,
            loaded,
            as_of: manifest.as_ref().map(|manifest| manifest.as_of.clone()),
            finished_at: listed.run.map(|run| run.finished_at),
            customers: manifest.as_ref().map(|manifest| manifest.data.customers),
            items: manifest.as_ref().map(|manifest| manifest.data.items),
            error,
            version: listed.version,
        }
    }
}

/// Runs something that reads or writes the store, off the request path.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, ModelError> + Send + 'static) -> Result<T, Problem> {
    let done = block(work).await.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(done?)
}

/// The model versions
#[utoipa::path(tag = "admin", responses((status = 200, description = "The versions.", body = ModelsAnswer), ModelsProblems))]
#[get("/v1/models")]
async fn list_models(shop: Data<Shop>, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let store = shop.store.clone();
    let listed = blocking(move || store.list()).await?;
    let serving = &shop.served().model.version;
    let models = listed.into_iter().map(|listed| {
        let loaded = shop.of_version(&listed.version).is_some();
        ModelSummary::new(listed, serving, loaded)
    });
    let models = models.collect();
    Ok(HttpResponse::Ok().json(ModelsAnswer { models }))
}

/// A model version in full.
#[derive(Serialize, ToSchema)]
struct ModelAnswer {
    /// Its name.
    version: String,
    /// Whether this server answers with it.
    serving: bool,
    /// How its training run went, if that is still known.
    #[schema(value_type = Option<Object>, required)]
    run: Option<Run>,
    /// What it is and what it was made from: data, settings, rules, evaluation beside the baselines, files with checksums.
    #[schema(value_type = Object)]
    manifest: Manifest,
}

/// One model version: what it was made from and how good it was
#[utoipa::path(
    tag = "admin",
    params(("version" = inline(Id), Path, description = "The version.", example = "2017-12-04-3f1c9a0b77e2")),
    responses((status = 200, description = "The version.", body = ModelAnswer), VersionProblems)
)]
#[get("/v1/models/{version}")]
async fn show_model(shop: Data<Shop>, version: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let (store, version) = (shop.store.clone(), version.0);
    let serving = shop.served().model.version == version;
    let answer = blocking(move || {
        store.exists(&version)?;
        let manifest = read_manifest(&store.path(&version), &version)?;
        Ok(ModelAnswer { run: store.run(&version), serving, manifest, version })
    });
    Ok(HttpResponse::Ok().json(answer.await?))
}

/// Makes a version current and serves it
#[utoipa::path(
    tag = "admin",
    params(("version" = inline(Id), Path, description = "The version.", example = "2017-12-04-3f1c9a0b77e2")),
    responses((status = 200, description = "It is served.", body = Change), ActivateProblems)
)]
#[post("/v1/models/{version}/activate")]
async fn activate_model(shop: Data<Shop>, version: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let change = change(&shop, move |store| store.activate(&version.0)).await?;
    Ok(HttpResponse::Ok().json(change))
}

/// Makes the version before the current one current again and serves it
#[utoipa::path(tag = "admin", responses((status = 200, description = "It is served.", body = Change), RollbackProblems))]
#[post("/v1/models/rollback")]
async fn roll_back(shop: Data<Shop>, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let change = change(&shop, |store| store.rollback().map(drop)).await?;
    Ok(HttpResponse::Ok().json(change))
}

/// Serves the store's current version, if it is not served yet
#[utoipa::path(tag = "admin", responses((status = 200, description = "It is served.", body = Change), ReloadProblems))]
#[post("/v1/models/reload")]
async fn reload_model(shop: Data<Shop>, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(change(&shop, |_| Ok(())).await?))
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_models).service(show_model).service(activate_model).service(roll_back).service(reload_model);
}
