//! Scenarios: named rules of the shop, such as those of its home page, in a file that may change while the server runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::{Data, block};
use actix_web::{HttpResponse, get, post};
use arc_swap::ArcSwap;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use shopkeeper_models::ModelError;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer;
use super::experiment::{Experiment, Running};
use super::extract::{Nothing, Params};
use super::problem::{Code, Problem, problems};
use super::rules::{Rules, Shelf, Unknown};
use super::state::{ModelRef, Shop};

problems!(ListProblems: BadParameter);
problems!(ReloadProblems: BadParameter, ScenariosUnusable);

/// The scenarios of a file, by name.
type ByName = BTreeMap<String, Arc<Rules>>;

/// The table of a file that is no scenario.
const EXPERIMENT: &str = "experiment";

/// What a file says: scenarios, and perhaps an experiment.
#[derive(Debug, Default)]
struct InForce {
    by_name: ByName,
    experiment: Option<Arc<Running>>,
}

impl<'de> Deserialize<'de> for InForce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;
        impl<'de> Visitor<'de> for Tables {
            type Value = InForce;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tables of rules")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut tables: A) -> Result<InForce, A::Error> {
                let (mut by_name, mut experiment) = (ByName::new(), None);
                while let Some(name) = tables.next_key::<String>()? {
                    if name == EXPERIMENT {
                        experiment = Some(tables.next_value::<Experiment>()?);
                    } else {
                        by_name.insert(name, Arc::new(tables.next_value()?));
                    }
                }
                let started = experiment.map(|experiment| experiment.start(|name| by_name.get(name).cloned())).transpose();
                let experiment = started.map_err(|why| A::Error::custom(format!("{EXPERIMENT}: {why}\n")))?.map(Arc::new);
                Ok(InForce { by_name, experiment })
            }
        }
        deserializer.deserialize_map(Tables)
    }
}

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
    /// A model of its experiment cannot be loaded.
    #[error("the experiment of the scenarios {path}: {source}")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with the model.
        source: ModelError,
    },
}

/// The scenarios that are in force.
pub(super) struct Scenarios {
    file: Option<PathBuf>,
    in_force: ArcSwap<InForce>,
}

impl Scenarios {
    /// The scenarios of a file; none without one.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, ScenarioError> {
        let in_force = ArcSwap::from_pointee(read(file.as_ref())?);
        Ok(Self { file, in_force })
    }

    /// The experiment that is running.
    pub(super) fn experiment(&self) -> Option<Arc<Running>> {
        self.in_force.load().experiment.clone()
    }

    /// The rules of a scenario, if one is named. A name that is not in the file is a mistake of the page.
    pub(super) fn find(&self, name: Option<&str>) -> Result<Option<Arc<Rules>>, Problem> {
        let Some(name) = name else { return Ok(None) };
        let by_name = &self.in_force.load().by_name;
        by_name.get(name).map(|rules| Some(Arc::clone(rules))).ok_or_else(|| {
            let known: Vec<&str> = by_name.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none: start the server with --scenarios FILE".to_owned() } else { known.join(", ") };
            Problem::new(Code::BadParameter, format!("scenario={name}: expected a scenario of the shop ({known})"))
        })
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<String> {
        self.in_force.load().by_name.keys().cloned().collect()
    }

    fn changed_at(&self) -> Option<SystemTime> {
        std::fs::metadata(self.file.as_ref()?).and_then(|file| file.modified()).ok()
    }
}

fn read(file: Option<&PathBuf>) -> Result<InForce, ScenarioError> {
    let Some(path) = file else { return Ok(InForce::default()) };
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
            drop(reload(&shop).await);
        }
    }
}

/// Loads the models of the experiment in force.
pub(super) fn open_arms(shop: &Shop) -> Result<(), ScenarioError> {
    let in_force = shop.scenarios.in_force.load_full();
    put_in_force(shop, in_force)
}

fn put_in_force(shop: &Shop, in_force: Arc<InForce>) -> Result<(), ScenarioError> {
    let experiment = in_force.experiment.clone();
    let failed = |source| ScenarioError::Model { path: shop.scenarios.file.clone().unwrap_or_default(), source };
    shop.open_arms(experiment.as_deref(), || shop.scenarios.in_force.store(in_force)).map_err(failed)
}

/// Reads the file again, and says in the log what came of it. If it is wrong, the scenarios in force stay.
pub(super) async fn reload(shop: &Data<Shop>) -> Result<(), Problem> {
    let shop = Data::clone(shop);
    let reloaded = block(move || {
        let done = read(shop.scenarios.file.as_ref()).and_then(|read| put_in_force(&shop, Arc::new(read)));
        match &done {
            Ok(()) => {
                shop.scenarios.names().iter().for_each(|name| shop.state.attribution.know(name));
                warn_of_unknown(&shop);
                tracing::info!(scenarios = shop.scenarios.names().len(), "the scenarios were read again");
            }
            Err(error) => tracing::error!(%error, "the scenarios were not changed"),
        }
        done
    });
    let done = reloaded.await.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    done.map_err(|error| Problem::new(Code::ScenariosUnusable, error.to_string()))
}

/// Says in the log which names of the scenarios the served model does not know.
pub(super) fn warn_of_unknown(shop: &Shop) {
    let served = shop.served();
    for (name, rules) in &shop.scenarios.in_force.load().by_name {
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
    /// The experiment that is running, if there is one.
    #[schema(required)]
    experiment: Option<Experiment>,
    /// The model that the names were looked up in.
    model: ModelRef<'a>,
}

fn list(shop: &Shop) -> Result<HttpResponse, Problem> {
    let served = shop.served();
    let in_force = shop.scenarios.in_force.load();
    let scenario = |(name, rules): (&String, &Arc<Rules>)| {
        let mut unknown = Unknown::default();
        rules.find(Shelf { model: &served.model, catalogue: &served.catalogue.load() }, &mut unknown);
        Scenario { name: name.clone(), rules: Rules::clone(rules), unknown }
    };
    let experiment = in_force.experiment.as_ref().map(|running| running.experiment.clone());
    let list = in_force.by_name.iter().map(scenario).collect();
    answer::json(&served, &ScenarioList { scenarios: list, experiment, model: served.reference() })
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
    reload(&shop).await?;
    list(&shop)
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(scenarios).service(reload_scenarios);
}
