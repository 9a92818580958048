//! The pipeline: read, measure on a hold-out, refit on everything, publish.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::array::RecordBatch;
use serde_json::json;
use shopkeeper_models::attributes::Attributes;
use shopkeeper_models::buy_till_you_die::BuyTillYouDie;
use shopkeeper_models::calendar::{Day, rfc3339};
use shopkeeper_models::churn::ChurnModel;
use shopkeeper_models::customers::Customers;
use shopkeeper_models::error::ModelError;
use shopkeeper_models::evaluation::{Evaluation, RecommendationEvaluation};
use shopkeeper_models::groups::Standing;
use shopkeeper_models::histories::Histories;
use shopkeeper_models::ids::CustomerIx;
use shopkeeper_models::insights::{INSIGHTS, Insight, Insights};
use shopkeeper_models::items::Items;
use shopkeeper_models::lifecycle::LifecycleRules;
use shopkeeper_models::loyalty::{Loyalty, LoyaltySettings};
use shopkeeper_models::manifest::{CustomerRules, DataSummary, FORMAT_VERSION, Manifest};
use shopkeeper_models::model::{AFFINITY_FILE, ALIKE_FILE, CUSTOMER_FACTORS_FILE, ITEM_FACTORS_FILE, LATELY_FILE, TOGETHER_FILE};
use shopkeeper_models::recommender::{Ranker, Recommender};
use shopkeeper_models::rfm::RfmGroups;
use shopkeeper_models::rules::Rules;
use shopkeeper_models::segments::Segments;
use shopkeeper_models::shortlists::Shortlists;
use shopkeeper_models::store::{ModelStore, Run};
use shopkeeper_models::value::{SpendModel, ValueRules};
use shopkeeper_models::{Model, calendar, table};

use crate::churn::ChurnParams;
use crate::evaluation::K;
use crate::evaluation::comparison;
use crate::evaluation::recommendations::{before_last_orders, next_basket, window};
use crate::evaluation::stability::Shown;
use crate::evaluation::survival::survival;
use crate::insights::{Checked, InsightParams, Membership};
use crate::log::{Past, PurchaseLog};
use crate::outlook::outlooks;
use crate::progress::Progress;
use crate::read::{Read, ReadError, ReadSettings, read};
use crate::recommender::{RecommenderParams, shortlists, with_segments};
use crate::rules::{Explosion, MOST_ITEMS, RuleParams};
use crate::segments::needs::CategorySpend;
use crate::segments::{DBSCAN_CUSTOMERS, Previous, SegmentMethod, SegmentParams, Segmentation, Shop};
use crate::tempo::{default_horizon, tempos};
use crate::tuning::{Effort, Tuning, tune};
use crate::{buy_till_you_die, customers, evaluation, gate, loyalty, report, value};

/// Rows of each reason of rejection that the data quality shows.
const EXAMPLES: usize = 4;

/// How to train.
#[derive(Clone, Debug)]
pub struct TrainSettings {
    /// What to read.
    pub read: ReadSettings,
    /// Days without a purchase that count as churned, 1 to 3,650; by default from the shop's own gaps.
    pub horizon_days: Option<u32>,
    /// Seed of everything random. Default 42.
    pub seed: u64,
    /// Threads; by default one a core. Does not change the result.
    pub threads: Option<usize>,
    /// Versions kept in the store, at least 1. Default 5.
    pub keep: usize,
    /// Segments by behaviour wanted, 1 to 100; by default chosen.
    pub segments: Option<usize>,
    /// Segments by needs wanted, 1 to 100; by default chosen.
    pub needs_segments: Option<usize>,
    /// How segments are looked for. Default k-means.
    pub segment_method: SegmentMethod,
    /// How much is tried to suit the recommender to the shop. Default quick.
    pub tune: Effort,
    /// Settings of the recommender; nothing is tuned when they are given.
    pub recommender: Option<RecommenderParams>,
    /// Lifecycle rules.
    pub lifecycle: LifecycleRules,
    /// Which RFM scores make which group.
    pub rfm_groups: RfmGroups,
    /// Loyalty tiers and points.
    pub loyalty: LoyaltySettings,
    /// Value tiers and potential high-value newcomers.
    pub value: ValueRules,
    /// Association rules.
    pub rules: RuleParams,
    /// Insights.
    pub insights: InsightParams,
    /// Whether to measure on a hold-out first, which fits the recommender twice more. Default true.
    pub measure: bool,
    /// When the new version becomes the current one. Default unless it is worse than a baseline.
    pub activate: Activate,
}

/// When a new version becomes the current one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activate {
    /// Unless the [gate](crate::gate) speaks against it and there is a version to go on with.
    #[default]
    UnlessWorse,
    /// Whatever was measured.
    Always,
    /// Not now.
    Never,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            read: ReadSettings::default(),
            horizon_days: None,
            seed: 42,
            threads: None,
            keep: 5,
            segments: None,
            needs_segments: None,
            segment_method: SegmentMethod::default(),
            tune: Effort::default(),
            recommender: None,
            lifecycle: LifecycleRules::default(),
            rfm_groups: RfmGroups::default(),
            loyalty: LoyaltySettings::default(),
            value: ValueRules::default(),
            rules: RuleParams::default(),
            insights: InsightParams::default(),
            measure: true,
            activate: Activate::default(),
        }
    }
}

/// A finished training run.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The new version's name.
    pub version: String,
    /// Its manifest.
    pub manifest: Manifest,
    /// Where the time and the memory went.
    pub run: Run,
    /// What the reader wants known.
    pub warnings: Vec<String>,
    /// Whether it is the current version now.
    pub active: bool,
    /// What the [gate](crate::gate) says against it; empty for a good one.
    pub objections: Vec<String>,
    /// Versions deleted to keep to the number wanted.
    pub deleted: Vec<String>,
}

/// A hold-out measured without saving a model.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The scores.
    pub evaluation: Evaluation,
    /// What was read.
    pub data: DataSummary,
    /// What the reader wants known.
    pub warnings: Vec<String>,
}

/// Two versions held against later purchases.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The scores; the rows of the second version first, each held against the first one.
    pub recommendations: RecommendationEvaluation,
    /// What was read.
    pub data: DataSummary,
    /// What the reader wants known.
    pub warnings: Vec<String>,
}

/// Why no model came out.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The data could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The model could not be saved.
    #[error(transparent)]
    Store(#[from] ModelError),
    /// A setting cannot be meant.
    #[error("{name} {found}; expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// The range.
        expected: &'static str,
    },
    /// Rules of the customers that cannot be meant.
    #[error("{0}")]
    Rules(String),
    /// The support asked for gives more itemsets than the memory allowed holds.
    #[error(transparent)]
    Explosion(#[from] Explosion),
    /// No purchase that two versions could be held against.
    #[error(
        "{purchases}: nobody whom the versions know bought anything from {from} on, the later as-of of the two; the last order read is of {last}. \
         Give purchases made since"
    )]
    NothingToCompare {
        /// What was read.
        purchases: String,
        /// The later as-of.
        from: String,
        /// The last day with an order.
        last: String,
    },
    /// The threads could not be started.
    #[error("cannot start the worker threads: {0}. Try fewer: --threads 1")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl TrainSettings {
    fn check(&self) -> Result<(), TrainError> {
        let refuse = |name, found: String, expected| Err(TrainError::Setting { name, found, expected });
        if let Some(days) = self.horizon_days.filter(|days| !(1..=3650).contains(days)) {
            return refuse("--horizon-days", days.to_string(), "1 to 3650");
        }
        for (name, wanted) in [("--segments", self.segments), ("--needs-segments", self.needs_segments)] {
            if let Some(wanted) = wanted.filter(|wanted| !(1..=100).contains(wanted)) {
                return refuse(name, wanted.to_string(), "1 to 100");
            }
        }
        if self.keep == 0 {
            return refuse("--keep", "0".into(), "at least 1");
        }
        let RuleParams { min_support, min_confidence, max_items, max_itemsets } = self.rules;
        if let Some(support) = min_support.filter(|support| !(support > &0.0 && support <= &1.0)) {
            return refuse("--rules-support", support.to_string(), "a share above 0, at most 1");
        }
        if !(0.0..=1.0).contains(&min_confidence) {
            return refuse("--rules-confidence", min_confidence.to_string(), "a share from 0 to 1");
        }
        if !(2..=MOST_ITEMS).contains(&max_items) {
            return refuse("--rules-items", max_items.to_string(), "2 to 12");
        }
        if !(1_000..=100_000_000).contains(&max_itemsets) {
            return refuse("--rules-itemsets", max_itemsets.to_string(), "1,000 to 100,000,000");
        }
        if self.insights.min_group == 0 {
            return refuse("--min-group", "0".into(), "at least 1; 1 withholds nothing");
        }
        if !(1..=36_500).contains(&self.insights.days) {
            return refuse("--insights-days", self.insights.days.to_string(), "1 to 36500");
        }
        if self.threads == Some(0) {
            return refuse("--threads", "0".into(), "at least 1");
        }
        [self.lifecycle.check(), self.rfm_groups.check(), self.loyalty.check(), self.value.check()]
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(TrainError::Rules)
    }

    /// What can only be checked once the data is read.
    fn check_customers(&self, log: &PurchaseLog) -> Result<(), TrainError> {
        let customers = log.customers();
        if self.segment_method == SegmentMethod::Dbscan && customers > DBSCAN_CUSTOMERS {
            let expected = "at most 50,000 customers for dbscan; use k_means or gaussian_mixture";
            return Err(TrainError::Setting { name: "--segment-method", found: format!("dbscan with {customers} customers"), expected });
        }
        Ok(())
    }

    /// Runs `work` on the wanted number of threads.
    fn on_threads<T: Send>(&self, work: impl FnOnce(usize) -> Result<T, TrainError> + Send) -> Result<T, TrainError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.unwrap_or(0)).build()?;
        pool.install(|| work(pool.current_num_threads()))
    }
}

/// Reads, measures on a hold-out, refits on everything and publishes a new version. A failure leaves the store as it was.
pub fn train(settings: &TrainSettings, store: &ModelStore, progress: &dyn Progress) -> Result<Trained, TrainError> {
    settings.check()?;
    settings.on_threads(|threads| {
        let mut stages = Stages { progress, seconds: Vec::new() };
        let mut data = stages.time("read", |progress| read(&settings.read, progress))?;
        let staging = store.stage()?;
        // what no longer opens is not compared with
        let before = store.before(data.log.as_of_day)?.and_then(|version| store.standing(&version).ok());
        settings.check_customers(&data.log)?;
        // first of all, since a support that was asked for may be refused
        let (rules, found_rules) = stages.fit("mine rules", &data.log, || settings.rules.fit(&data.log.before(data.log.as_of_day)))?;
        let fits = Fits::new(settings, &data.log, &mut stages);
        let repeats = |before: &Manifest| {
            (before.data.fingerprint.as_str(), before.as_of_day, &before.settings)
                == (data.fingerprint.as_str(), data.log.as_of_day, &fits.settings(settings))
        };
        let previous = match Previous::load(store, repeats) {
            Ok(previous) => previous,
            Err(error) => {
                data.warnings.push(format!("the ids of segments start anew: the current version cannot be read ({error})"));
                None
            }
        };
        let quiet = fits.quiet();
        data.warnings.extend(quiet.clone());
        let (mut evaluation, shown) = if settings.measure {
            fits.evaluate(None, &mut stages)?
        } else {
            (Evaluation { skipped: vec!["everything: not asked for".to_owned()], ..Evaluation::default() }, None)
        };
        let fitted = fits.fit(&mut stages, settings, previous.as_ref());
        if let (Some(measured), Some(shown)) = (&mut evaluation.recommendations, shown) {
            measured.stability = stages.fit("compare answers", &data.log, || shown.stability(data.log.as_of_day, &fitted.recommender));
        }
        let data_summary = summary(&data);
        // what no longer opens is not compared with
        let data_before = before.as_ref().and_then(|before| store.manifest(&before.version).ok()).map(|manifest| manifest.data);
        let insights = stages.fit("insights", &data.log, || {
            let rejects = data.rejects.places(EXAMPLES);
            let checked = Checked {
                rows: data.rows,
                rejects: &rejects,
                duplicates: (data.duplicates, &data.duplicate_places),
                before: data_before.as_ref(),
                now: &data_summary,
            };
            let past = data.log.before(data.log.as_of_day);
            let tiers: Vec<&'static str> =
                (0..fitted.customers.len() as u32).map(|customer| fitted.customers.tier(CustomerIx(customer)).name()).collect();
            let members = Membership {
                ids: &fitted.segmentation.segments.segment_id,
                segment: &fitted.customers.segment,
                needs_segment: &fitted.customers.needs_segment,
                tiers: &tiers,
            };
            settings.insights.fit(&past, members, fits.churn.horizon_days, &checked, &data.records)
        });
        let objections: Vec<String> = gate::objections(&evaluation).into_iter().chain(quiet).collect();
        let active = match settings.activate {
            Activate::UnlessWorse => objections.is_empty() || store.current().is_err(),
            Activate::Always => true,
            Activate::Never => false,
        };
        let manifest = Manifest {
            format: FORMAT_VERSION,
            as_of: rfc3339(data.log.as_of),
            as_of_day: data.log.as_of_day,
            timezone: data.log.timezone.clone(),
            data: data_summary,
            settings: fits.settings(settings),
            rules: fitted.rules.clone(),
            association_rules: found_rules,
            segments: fitted.segmentation.summaries.clone(),
            evaluation,
            files: BTreeMap::new(),
        };
        let (version, run) = stages
            .time("save", |_| {
                let rows = fitted.save(&data.attributes, (&rules, &insights), &staging)?;
                data.rejects.write(&staging.folder().join("rejects.parquet"))?;
                staging
                    .write("report.html", report::html(&manifest, &fitted.standing(&manifest), before.as_ref(), &insights).as_bytes())?;
                Ok::<_, TrainError>((rows, ()))
            })
            .map(|(rows, ())| {
                (
                    rows,
                    Run {
                        finished_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                        threads,
                        stages: stages.seconds.clone(),
                        peak_memory_bytes: peak_memory_bytes(),
                    },
                )
            })
            .and_then(|(rows, run)| Ok((staging.publish(manifest.clone(), &rows, &run, active)?, run)))?;
        let manifest = shopkeeper_models::model::read_manifest(&store.path(&version), &version)?;
        Ok(Trained { version, manifest, run, warnings: data.warnings, active, objections, deleted: store.retain(settings.keep)? })
    })
}

/// Reads and measures on a hold-out, as [`train`] does, without saving anything. The hold-out starts at `cut`, by default one window before the
/// as-of; churn is always measured on the last horizon.
pub fn evaluate(settings: &TrainSettings, cut: Option<Day>, progress: &dyn Progress) -> Result<Evaluated, TrainError> {
    settings.check()?;
    settings.on_threads(|_| {
        let mut stages = Stages { progress, seconds: Vec::new() };
        let mut data = stages.time("read", |progress| read(&settings.read, progress))?;
        settings.check_customers(&data.log)?;
        let fits = Fits::new(settings, &data.log, &mut stages);
        data.warnings.extend(fits.quiet());
        let (evaluation, _) = fits.evaluate(cut, &mut stages)?;
        Ok(Evaluated { evaluation, data: summary(&data), warnings: data.warnings })
    })
}

/// Reads purchases and holds two versions, as they stand, against those made since the later as-of of the two.
pub fn compare(settings: &TrainSettings, a: &Model, b: &Model, progress: &dyn Progress) -> Result<Compared, TrainError> {
    settings.check()?;
    settings.on_threads(|_| {
        let mut stages = Stages { progress, seconds: Vec::new() };
        let data = stages.time("read", |progress| read(&settings.read, progress))?;
        let measured = stages.fit("compare", &data.log, || comparison::compare(a, b, &data.log));
        let recommendations = measured.ok_or_else(|| TrainError::NothingToCompare {
            purchases: settings.read.purchases.join(", "),
            from: calendar::date(a.manifest.as_of_day.max(b.manifest.as_of_day)),
            last: data.log.days().map_or_else(|| "no day".to_owned(), |(_, last)| calendar::date(last)),
        })?;
        Ok(Compared { recommendations, data: summary(&data), warnings: data.warnings })
    })
}

/// Times the stages and tells of them.
struct Stages<'a> {
    progress: &'a dyn Progress,
    seconds: Vec<(String, f64)>,
}

impl Stages<'_> {
    fn time<T>(&mut self, stage: &'static str, work: impl FnOnce(&dyn Progress) -> T) -> T {
        let start = Instant::now();
        let result = work(self.progress);
        self.seconds.push((stage.to_owned(), start.elapsed().as_secs_f64()));
        result
    }

    /// A stage of so many customers that reports nothing on the way.
    fn fit<T>(&mut self, stage: &'static str, log: &PurchaseLog, work: impl FnOnce() -> T) -> T {
        self.progress.start(stage, None, "customers");
        let result = self.time(stage, |_| work());
        self.progress.advance(log.customers() as u64);
        self.progress.finish(self.seconds.last().map_or(0.0, |(_, seconds)| *seconds));
        result
    }
}

/// The parameters of every fit, resolved for one log.
struct Fits<'a> {
    log: &'a PurchaseLog,
    recommender: RecommenderParams,
    tuning: Option<Tuning>,
    churn: ChurnParams,
    segments: SegmentParams,
}

impl<'a> Fits<'a> {
    /// Tunes the recommender on the history before the hold-out, unless its settings are given.
    fn new(settings: &TrainSettings, log: &'a PurchaseLog, stages: &mut Stages<'_>) -> Self {
        let past = log.before(log.as_of_day);
        let (recommender, tuning) = match settings.recommender {
            Some(recommender) => (recommender, None),
            None => {
                let hold_out = RecommenderParams::default().window(&past);
                stages.fit("tune", log, || tune(settings.tune, &past.before(log.as_of_day - hold_out)))
            }
        };
        let horizon_days = settings.horizon_days.unwrap_or_else(|| default_horizon(&past));
        Self {
            log,
            recommender,
            tuning,
            churn: ChurnParams::new(horizon_days),
            segments: SegmentParams {
                segments: settings.segments,
                needs_segments: settings.needs_segments,
                method: settings.segment_method,
                seed: settings.seed,
            },
        }
    }

    fn settings(&self, settings: &TrainSettings) -> serde_json::Value {
        json!({
            "as_of": settings.read.as_of,
            "timezone": settings.read.timezone,
            "columns": settings.read.columns,
            "max_reject_rate": settings.read.max_reject_rate,
            "drop_duplicates": settings.read.drop_duplicates,
            "seed": settings.seed,
            "recommender": self.recommender,
            "tuning": self.tuning,
            "churn": self.churn,
            "segments": self.segments,
            "rules": settings.rules,
            "insights": settings.insights,
        })
    }

    /// A warning of a window that has hardly a shopper.
    fn quiet(&self) -> Option<String> {
        let past = self.log.before(self.log.as_of_day);
        gate::quiet(&past, self.recommender.window(&past))
    }

    /// The recommender that would be served at `past.day`, segments included.
    fn served(&self, past: &Past<'_>) -> Recommender {
        let recommender = self.recommender.fit(past);
        let (of, favourites) = self.segments.favourites(&tempos(past), &recommender.parts().histories, self.log.items());
        with_segments(recommender, of, favourites)
    }

    /// Fits on the history before `cut`, by default one window before the as-of, and measures on what was bought from then on; the next basket
    /// and churn have cuts of their own. Also what each customer would have been shown at the cut.
    fn evaluate(&self, cut: Option<Day>, stages: &mut Stages<'_>) -> Result<(Evaluation, Option<Shown>), TrainError> {
        let log = self.log;
        let mut evaluation = Evaluation::default();
        let mut shown = None;
        let (first, last) = log.days().unwrap_or((log.as_of_day, log.as_of_day));
        if let Some(cut) = cut.filter(|&cut| cut <= first || cut > last) {
            return Err(TrainError::Setting {
                name: "--cut",
                found: format!("{}, with purchases from {} to {}", calendar::date(cut), calendar::date(first), calendar::date(last)),
                expected: "a day after that of the first purchase, and not after that of the last",
            });
        }
        let window_days = self.recommender.window(&log.before(log.as_of_day));
        if cut.is_none() && log.as_of_day - window_days - first < window_days {
            evaluation.skipped.push("recommendations: the history is shorter than two windows".into());
        } else {
            let cut = cut.unwrap_or(log.as_of_day - window_days);
            let mut scores = stages.fit("evaluate recommendations", log, || {
                let recommender = self.served(&log.before(cut));
                shown = Some(Shown::at(cut, &recommender));
                window(&recommender, log, cut, log.as_of_day)
            });
            if scores.is_empty() {
                let (cut, until) = (calendar::date(cut), calendar::date(log.as_of_day));
                evaluation.skipped.push(format!("recommendations: nobody known before {cut} bought again by {until}"));
            }
            let past = before_last_orders(log);
            if (0..log.customers()).any(|customer| past.orders_of(customer) != log.orders_of(customer)) {
                scores.extend(stages.fit("evaluate next basket", log, || next_basket(&self.served(&past), &past)));
            } else {
                evaluation.skipped.push("next basket: nobody has three orders".into());
            }
            let (cut, until) = (calendar::date(cut), calendar::date(log.as_of_day));
            evaluation.recommendations =
                (!scores.is_empty()).then_some(RecommendationEvaluation { cut, until, k: K as u32, scores, stability: None });
        }
        let horizon = self.churn.horizon_days as Day;
        let cut = log.as_of_day - horizon;
        let measured = stages.fit("evaluate churn", log, || {
            let past = log.before(cut);
            let model = self.churn.fit(&past);
            if let ChurnModel::InsufficientData { reason, .. } = &model {
                return Err(format!("churn before {}: {reason}", calendar::date(cut)));
            }
            evaluation::churn::evaluate(&model, &past).ok_or_else(|| format!("churn: only one outcome after {}", calendar::date(cut)))
        });
        match measured {
            Ok(measured) => evaluation.churn = Some(measured),
            Err(reason) => evaluation.skipped.push(reason),
        }
        evaluation.survival = survival(&log.before(log.as_of_day), self.churn.horizon_days);
        Ok((evaluation, shown))
    }

    /// Fits everything on the whole log. The ids of the segments go on from `previous`.
    fn fit(&self, stages: &mut Stages<'_>, settings: &TrainSettings, previous: Option<&Previous>) -> Fitted {
        let log = self.log;
        let past = log.before(log.as_of_day);
        let recommender = stages.fit("fit recommender", log, || self.recommender.fit(&past));
        let shortlists = stages.fit("shortlists", log, || shortlists(&recommender));
        let tempos = tempos(&past);
        let buy_till_you_die = stages.fit("fit buy till you die", log, || buy_till_you_die::fit(&tempos));
        let (churn, spend) = stages.fit("fit churn", log, || {
            let lessons = self.churn.lessons(&past, buy_till_you_die.converged("bg_nbd"));
            let churn = self.churn.fit_on(&lessons);
            let spend = value::fit(&lessons, &self.churn.boosting, &churn);
            (churn, spend)
        });
        let outlooks = stages.fit("fit outlook", log, || outlooks(&churn, spend.as_ref(), &buy_till_you_die, &tempos));
        let segmentation = stages.fit("fit segments", log, || {
            let categories = CategorySpend::of(&past);
            let histories = &recommender.parts().histories;
            let shop = Shop { log, tempos: &tempos, outlooks: &outlooks, histories, categories: categories.as_ref() };
            self.segments.fit(&shop, previous)
        });
        stages.fit("fit customers", log, || {
            let loyalty_rules = loyalty::rules(&settings.loyalty, &past);
            let loyalty = loyalty::fit(&past, &loyalty_rules);
            let rules = customers::rules(&tempos, &outlooks, &settings.lifecycle, &settings.rfm_groups, loyalty_rules, settings.value);
            let customers = customers::fit(&past, &tempos, (&outlooks, churn.horizon_days()), &rules, &segmentation);
            Fitted { recommender, shortlists, buy_till_you_die, churn, spend, segmentation, customers, loyalty, rules }
        })
    }
}

/// Everything fitted on the whole log.
struct Fitted {
    recommender: Recommender,
    shortlists: Shortlists,
    buy_till_you_die: BuyTillYouDie,
    churn: ChurnModel,
    spend: Option<SpendModel>,
    segmentation: Segmentation,
    customers: Customers,
    loyalty: Loyalty,
    rules: CustomerRules,
}

impl Fitted {
    /// The customers and what they are grouped by; the version has no name yet.
    fn standing(&self, manifest: &Manifest) -> Standing {
        Standing {
            version: String::new(),
            as_of: manifest.as_of.clone(),
            rules: self.rules.clone(),
            customers: self.customers.clone(),
            segments: self.segmentation.segments.clone(),
            loyalty: self.loyalty.clone(),
        }
    }

    /// Writes every table; returns the rows of each.
    fn save(
        &self,
        attributes: &Attributes,
        (rules, insights): (&Rules, &Insights),
        staging: &shopkeeper_models::store::Staging,
    ) -> Result<Vec<(String, u64)>, ModelError> {
        let parts = self.recommender.parts();
        let tables = [
            (Items::FILE, parts.items.to_batch()),
            (Customers::FILE, self.customers.to_batch()),
            (Attributes::FILE, attributes.to_batch()),
            (Loyalty::FILE, self.loyalty.to_batch()),
            (Histories::FILE, parts.histories.to_batch()),
            (TOGETHER_FILE, parts.together.to_batch()),
            (ALIKE_FILE, parts.alike.to_batch()),
            (AFFINITY_FILE, parts.affinity.to_batch()),
            (LATELY_FILE, parts.lately.to_batch()),
            (Shortlists::FILE, self.shortlists.to_batch()),
            (CUSTOMER_FACTORS_FILE, parts.customer_factors.to_batch()),
            (ITEM_FACTORS_FILE, parts.item_factors.to_batch()),
            (Segments::FILE, self.segmentation.segments.to_batch()),
            (Rules::FILE, rules.to_batch()),
        ];
        let tables = tables.map(|(file, batch)| (file.to_owned(), batch)).into_iter();
        let of_insight = |insight| Some((Insight::file(insight), insights.table(insight)?.clone()));
        let tables: Vec<(String, RecordBatch)> = tables.chain(INSIGHTS.iter().filter_map(of_insight)).collect();
        for (file, batch) in &tables {
            table::write(&staging.folder().join(file), batch)?;
        }
        staging.write(BuyTillYouDie::FILE, &json_bytes(&self.buy_till_you_die))?;
        staging.write(SpendModel::FILE, &dense_json_bytes(&self.spend))?;
        staging.write(ChurnModel::FILE, &dense_json_bytes(&self.churn))?;
        staging.write(Ranker::FILE, &json_bytes(&parts.ranker))?;
        Ok(tables.into_iter().map(|(file, batch)| (file, batch.num_rows() as u64)).collect())
    }
}

fn json_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_else(|error| unreachable!("numbers, strings and lists: {error}"))
}

/// For what holds trees: thousands of small numbers.
fn dense_json_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| unreachable!("numbers, strings and lists: {error}"))
}

fn summary(data: &Read) -> DataSummary {
    let log = &data.log;
    let (first, last) = log.days().unwrap_or_default();
    let sold: std::collections::HashSet<u32> = log.line_item.iter().copied().collect();
    DataSummary {
        fingerprint: data.fingerprint.clone(),
        rows: data.rows,
        lines: (log.line_item.len() + log.returns.len()) as u64,
        returns: log.returns.len() as u64,
        orders: log.orders() as u64,
        customers: (0..log.customers()).filter(|&customer| !log.orders_of(customer).is_empty()).count() as u64,
        items: sold.len() as u64,
        first_day: calendar::date(first),
        last_day: calendar::date(last),
        last_purchase: Some(calendar::rfc3339(data.last)),
        rejects: data.rejects.counts.clone(),
        events: data.events.clone(),
        columns: data.columns.clone(),
        records: data.records.rows.iter().map(|(&table, rows)| (table.to_owned(), *rows)).collect(),
    }
}

/// Peak resident memory of this process; 0 where the system does not say.
pub fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
