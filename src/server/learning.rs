//! What became of recommendations: impressions, clicks, carts and purchases by model version, scenario, source and reason.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::Params;
use super::problem::{Problem, problems};
use super::state::Shop;
use crate::state::{Kind, now};

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

/// What became of recommendations, most impressions first.
#[derive(Serialize, ToSchema)]
struct LearningAnswer {
    /// Days looked back over, today included.
    days: u32,
    /// One entry a model version, scenario, source and reason.
    recommendations: Vec<Use>,
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
    super::answer::json(&shop.served(), &LearningAnswer { days, recommendations })
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(insights);
}
