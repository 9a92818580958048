//! Scenarios: named rules of the shop, such as those of its home page, in a file that may change while the server runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use arc_swap::ArcSwap;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer;
use super::extract::{Nothing, Params};
use super::problem::{Code, Problem, problems};
use super::rules::{Rules, Shelf, Unknown};
use super::state::{ModelRef, Shop};

problems!(ListProblems: BadParameter);
problems!(ReloadProblems: BadParameter, ScenariosUnusable);

/// The scenarios of a file, by name.
type ByName = BTreeMap<String, Arc<Rules>>;

/// Why a file of scenarios cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It cannot be read.
    #[error("cannot read the scenarios {path}: {source}. Name a readable TOML file")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not hold scenarios.
    #[error(
        "the scenarios {path} are wrong: {source}Expected a table of rules for each scenario, such as [home] and below it purchased = \"until_due\""
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
}

/// The scenarios that are in force.
pub(super) struct Scenarios {
    file: Option<PathBuf>,
    by_name: ArcSwap<ByName>,
}

impl Scenarios {
    /// The scenarios of a file; none without one.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, ScenarioError> {
        let by_name = ArcSwap::from_pointee(read(file.as_ref())?);
        Ok(Self { file, by_name })
    }

    /// The rules of a scenario, if one is named. A name that is not in the file is a mistake of the page.
    pub(super) fn find(&self, name: Option<&str>) -> Result<Option<Arc<Rules>>, Problem> {
        let Some(name) = name else { return Ok(None) };
        let by_name = self.by_name.load();
        by_name.get(name).map(|rules| Some(Arc::clone(rules))).ok_or_else(|| {
            let known: Vec<&str> = by_name.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none: start the server with --scenarios FILE".to_owned() } else { known.join(", ") };
            Problem::new(Code::BadParameter, format!("scenario={name}: expected a scenario of the shop ({known})"))
        })
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<String> {
        self.by_name.load().keys().cloned().collect()
    }

    /// Reads the file again. If it is wrong, the scenarios in force stay.
    fn reload(&self) -> Result<(), ScenarioError> {
        self.by_name.store(Arc::new(read(self.file.as_ref())?));
        Ok(())
    }

    fn changed_at(&self) -> Option<SystemTime> {
        std::fs::metadata(self.file.as_ref()?).and_then(|file| file.modified()).ok()
    }
}

fn read(file: Option<&PathBuf>) -> Result<ByName, ScenarioError> {
    let Some(path) = file else { return Ok(ByName::new()) };
    let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Read { path: path.clone(), source })?;
    toml::from_str(&text).map_err(|source| ScenarioError::Parse { path: path.clone(), source: Box::new(source) })
}

/// Reads the file again whenever it has changed, looking every `interval`.
pub(super) async fn watch(shop: Data<Shop>, interval: Duration) {
    let mut seen = shop.scenarios.changed_at();
    loop {
        tokio::time::sleep(interval).await;
        let now = shop.scenarios.changed_at();
        if now.is_some() && now != seen {
            seen = now;
            _ = reload(&shop);
        }
    }
}

/// Reads the file again, and says in the log what came of it.
pub(super) fn reload(shop: &Shop) -> Result<(), ScenarioError> {
    match shop.scenarios.reload() {
        Ok(()) => {
            shop.scenarios.names().iter().for_each(|name| shop.state.attribution.know(name));
            warn_of_unknown(shop);
            tracing::info!(scenarios = shop.scenarios.by_name.load().len(), "the scenarios were read again");
            Ok(())
        }
        Err(error) => {
            tracing::error!(%error, "the scenarios were not changed");
            Err(error)
        }
    }
}

/// Says in the log which names of the scenarios the served model does not know.
pub(super) fn warn_of_unknown(shop: &Shop) {
    let served = shop.served();
    for (name, rules) in shop.scenarios.by_name.load().iter() {
        let mut unknown = Unknown::default();
        rules.find(Shelf { model: &served.model, catalogue: &served.catalogue.load() }, &mut unknown);
        if unknown.len() > 0 {
            tracing::warn!(scenario = name, ?unknown, "the model does not know what a scenario names");
        }
    }
}

/// One scenario.
#[derive(Serialize, ToSchema)]
struct Scenario {
    /// Its name, for `scenario` in a request.
    #[schema(example = "home")]
    name: String,
    /// Its rules.
    rules: Rules,
    /// What it names and the served model does not know.
    unknown: Unknown,
}

/// Every scenario, ascending by name.
#[derive(Serialize, ToSchema)]
struct ScenarioList<'a> {
    scenarios: Vec<Scenario>,
    /// The model that the names were looked up in.
    model: ModelRef<'a>,
}

fn list(shop: &Shop) -> Result<HttpResponse, Problem> {
    let served = shop.served();
    let by_name = shop.scenarios.by_name.load();
    let scenario = |(name, rules): (&String, &Arc<Rules>)| {
        let mut unknown = Unknown::default();
        rules.find(Shelf { model: &served.model, catalogue: &served.catalogue.load() }, &mut unknown);
        Scenario { name: name.clone(), rules: Rules::clone(rules), unknown }
    };
    answer::json(&served, &ScenarioList { scenarios: by_name.iter().map(scenario).collect(), model: served.reference() })
}

/// The named rules of the shop
#[utoipa::path(tag = "storefront", responses((status = 200, description = "Every scenario.", body = ScenarioList<'_>), ListProblems))]
#[get("/v1/scenarios")]
async fn scenarios(shop: Data<Shop>, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    list(&shop)
}

/// Read the named rules of the shop again
///
/// The file is also read again by itself when it changes. A file that is wrong changes nothing.
#[utoipa::path(tag = "admin", responses((status = 200, description = "The scenarios now in force.", body = ScenarioList<'_>), ReloadProblems))]
#[post("/v1/scenarios/reload")]
async fn reload_scenarios(shop: Data<Shop>, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    reload(&shop).map_err(|error| Problem::new(Code::ScenariosUnusable, error.to_string()))?;
    list(&shop)
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(scenarios).service(reload_scenarios);
}
