//! What became of recommendations: impressions, clicks, carts and purchases by model version, scenario, source and reason.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::experiment::{ARMS, Evidence, Metric, Running, wilson};
use super::extract::Params;
use super::problem::{Problem, problems};
use super::state::Shop;
use crate::state::{Kind, TrialCounts, now};

problems!(LearningProblems: BadParameter, StateUnavailable);

/// Days looked back over by default.
const DEFAULT_DAYS: u32 = 28;
/// The most days looked back over.
const MAX_DAYS: u32 = 36_500;

/// A number of days, 1 to [`MAX_DAYS`].
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Days(u32);

impl Default for Days {
    fn default() -> Self {
        Self(DEFAULT_DAYS)
    }
}

impl TryFrom<f64> for Days {
    type Error = String;

    fn try_from(days: f64) -> Result<Self, String> {
        let is_whole = days.fract() == 0.0 && (1.0..=f64::from(MAX_DAYS)).contains(&days);
        if is_whole { Ok(Self(days as u32)) } else { Err(format!("days is {days}; expected a whole number from 1 to {MAX_DAYS}")) }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LearningParams {
    /// How many days, today (UTC) included.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 36500, default = 28)]
    days: Days,
}

/// What became of the recommendations of one model version, scenario, source and reason.
#[derive(Default, Serialize, ToSchema)]
struct Use {
    /// The model version that answered; `unknown` when the recommendation id did not tell.
    version: String,
    /// What asked.
    #[schema(example = "customer")]
    scenario: String,
    /// What the items owed their place to; `unknown` when the event named no rank.
    #[schema(example = "repeat")]
    source: String,
    /// The evidence for them.
    #[schema(example = "bought_before")]
    reason: String,
    /// Times that one came into sight.
    impressions: i64,
    /// Times that one was clicked.
    clicks: i64,
    /// Times that one was put into the basket.
    carts: i64,
    /// Purchase lines.
    purchases: i64,
    /// Money paid for them.
    amount: f64,
    /// Clicks over impressions; null without impressions.
    #[schema(required)]
    click_rate: Option<f64>,
    /// Purchases over impressions; null without impressions.
    #[schema(required)]
    purchase_rate: Option<f64>,
}

/// What the shoppers of one arm did since the experiment began.
#[derive(Serialize, ToSchema)]
struct ArmUse {
    /// `a` or `b`.
    arm: &'static str,
    /// The model version that it names; null for the served one.
    #[schema(required)]
    version: Option<String>,
    /// The scenario that it names; null for the one asked for.
    #[schema(required)]
    scenario: Option<String>,
    /// Shoppers with an event about a recommendation.
    shoppers: u64,
    /// Their impressions.
    impressions: i64,
    /// Their clicks.
    clicks: i64,
    /// Recommendations that they put into the basket.
    carts: i64,
    /// Purchase lines of recommendations.
    purchases: i64,
    /// Money paid for them.
    amount: f64,
    /// Shoppers who did what the experiment counts, at least once.
    successes: u64,
    /// Successes over shoppers; null without shoppers.
    #[schema(required)]
    rate: Option<f64>,
    /// The Wilson interval of the rate, 95 of 100: for one look.
    #[schema(required)]
    rate_from: Option<f64>,
    /// Its upper end.
    #[schema(required)]
    rate_to: Option<f64>,
    /// `ahead`, `behind`, or `undecided`: safe to look at as often as one likes.
    #[schema(example = "undecided")]
    verdict: &'static str,
}

/// The experiment that is running, and what it says so far.
#[derive(Serialize, ToSchema)]
#[schema(as = ExperimentUse)]
struct ExperimentUse {
    /// Its name.
    name: String,
    /// The scenario whose requests take part; null for all.
    #[schema(required)]
    scenario: Option<String>,
    /// What counts as success.
    metric: Metric,
    /// Share of the shoppers that b was to get.
    share: f64,
    /// The always-valid p-value: below 0.05 at any time, however often one looks, in at most one of twenty experiments without a difference.
    p_value: f64,
    /// Successes of b over those of a, each for the share it was given; 1 = no difference, null before both have any.
    #[schema(required)]
    ratio: Option<f64>,
    /// The interval that holds the true ratio however often one looks, in 95 of 100 experiments; the upper end null for no bound.
    ratio_from: f64,
    /// Its upper end.
    #[schema(required)]
    ratio_to: Option<f64>,
    /// The same kind of p-value for the shoppers themselves: below 0.05 something other than the split decides who is counted, as when one
    /// arm's events get lost, and the verdict is not to be trusted.
    split_p_value: f64,
    /// Its arms.
    arms: Vec<ArmUse>,
}

impl ExperimentUse {
    fn new(running: &Running, counts: &[TrialCounts]) -> Self {
        let experiment = &running.experiment;
        let of: Vec<TrialCounts> =
            ARMS.iter().map(|arm| counts.iter().find(|counts| counts.arm == **arm).cloned().unwrap_or_default()).collect();
        let who = |kind: Kind| Evidence { a: of[0].who(kind), b: of[1].who(kind), share: experiment.share };
        let evidence = who(experiment.metric.kind());
        let (ratio_from, ratio_to) = evidence.ratio_interval();
        let b_is_ahead = evidence.b_is_ahead();
        let arm = |at: usize| {
            let (counts, settings) = (&of[at], experiment.arms()[at]);
            let successes = counts.who(experiment.metric.kind());
            let interval = wilson(successes, counts.shoppers);
            ArmUse {
                arm: ARMS[at],
                version: settings.version.clone(),
                scenario: settings.scenario.clone(),
                shoppers: counts.shoppers,
                impressions: counts.deeds.impressions,
                clicks: counts.deeds.clicks,
                carts: counts.deeds.carts,
                purchases: counts.deeds.purchases,
                amount: counts.deeds.amount,
                successes,
                rate: (counts.shoppers > 0).then(|| successes as f64 / counts.shoppers as f64),
                rate_from: interval.map(|interval| interval.0),
                rate_to: interval.map(|interval| interval.1),
                verdict: b_is_ahead.map_or("undecided", |b_is_ahead| if b_is_ahead == (at == 1) { "ahead" } else { "behind" }),
            }
        };
        Self {
            name: experiment.name.clone(),
            scenario: experiment.scenario.clone(),
            metric: experiment.metric,
            share: experiment.share,
            p_value: evidence.p_value(),
            ratio: evidence.ratio(),
            ratio_from,
            ratio_to: Some(ratio_to).filter(|ratio| ratio.is_finite()),
            split_p_value: who(Kind::Impression).p_value(),
            arms: (0..ARMS.len()).map(arm).collect(),
        }
    }
}

/// What became of recommendations, most impressions first.
#[derive(Serialize, ToSchema)]
struct LearningAnswer {
    /// Days looked back over, today included.
    days: u32,
    /// One entry a model version, scenario, source and reason.
    recommendations: Vec<Use>,
    /// The experiment that is running, since it began; null when none is.
    #[schema(required)]
    experiment: Option<ExperimentUse>,
}

/// What became of recommendations
///
/// Counted from the events that name a recommendation_id, by the day of the event (UTC).
#[utoipa::path(
    tag = "marketing",
    params(LearningParams),
    responses((status = 200, description = "What became of them.", body = LearningAnswer), LearningProblems)
)]
#[get("/v1/insights/recommendations")]
async fn insights(shop: Data<Shop>, params: Params<LearningParams>) -> Result<HttpResponse, Problem> {
    let days = params.0.days.0;
    let today = now().div_euclid(86_400_000);
    // an event may be dated a day ahead
    let counts = shop.state.recommendation_counts((today - i64::from(days) + 1, today + 1)).await?;
    let mut uses: BTreeMap<[String; 4], Use> = BTreeMap::new();
    for (credit, (events, amount)) in counts {
        let key = [credit.version, credit.scenario, credit.source.into_owned(), credit.reason.into_owned()];
        let of = uses.entry(key).or_default();
        match credit.kind {
            Kind::Impression => of.impressions += events,
            Kind::Click => of.clicks += events,
            Kind::Cart => of.carts += events,
            Kind::Purchase => of.purchases += events,
            Kind::View => {}
        }
        of.amount += amount;
    }
    let rate = |part: i64, of: i64| (of > 0).then(|| part as f64 / of as f64);
    let finish = |([version, scenario, source, reason], of): ([String; 4], Use)| Use {
        click_rate: rate(of.clicks, of.impressions),
        purchase_rate: rate(of.purchases, of.impressions),
        version,
        scenario,
        source,
        reason,
        ..of
    };
    let mut recommendations: Vec<Use> = uses.into_iter().map(finish).collect();
    recommendations.sort_by_key(|of| std::cmp::Reverse(of.impressions));
    let experiment = match shop.scenarios.experiment() {
        Some(running) => Some(ExperimentUse::new(&running, &shop.state.trial_counts(running.id.clone()).await?)),
        None => None,
    };
    super::answer::json(&shop.served(), &LearningAnswer { days, recommendations, experiment })
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(insights);
}
