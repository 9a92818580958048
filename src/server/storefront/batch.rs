//! Batch: several widgets of one page, no item twice.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use shopkeeper_models::ItemIx;
use utoipa::ToSchema;

use super::BodyProblems;
use super::answer::{Ask, RecommendationAnswer, in_language, recommend};
use crate::server::answer;
use crate::server::extract::{Body, Count, Id, Ids, Nothing, Params};
use crate::server::problem::Problem;
use crate::server::rules::{Rules, Unknown};
use crate::server::state::Shop;
use crate::server::wanted::Wanted;

/// The most widgets of one page.
const MAX_WIDGETS: usize = 20;

/// A page with several places for items.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "1364", "widgets": [{"name": "again", "n": 5}, {"name": "discover", "rules": {"purchased": "exclude"}}]}))]
struct BatchRequest {
    /// The customer; leave it out for an anonymous visitor.
    #[serde(default)]
    customer_id: Option<Id>,
    /// The visit, as the events name it: what was looked at and put into the basket counts.
    #[serde(default)]
    session_id: Option<Id>,
    /// Items in the basket: what goes with them rises, they themselves are not shown.
    #[serde(default)]
    basket: Ids,
    /// Items looked at in this session; they count as the basket does.
    #[serde(default)]
    recent_items: Ids,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    #[serde(default)]
    lang: Option<String>,
    /// The widgets. An item of one is not shown in those after it.
    widgets: Widgets,
}

/// One place for items.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Widget {
    /// Its name, repeated in the answer.
    name: Id,
    /// A scenario of the shop, whose rules hold as well.
    #[serde(default)]
    scenario: Option<String>,
    /// What may be shown.
    #[serde(default)]
    rules: Rules,
    /// How many items.
    #[serde(default)]
    n: Count,
}

/// 1 to [`MAX_WIDGETS`] widgets.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "Vec<Widget>")]
#[schema(min_items = 1, max_items = 20)]
struct Widgets(Vec<Widget>);

impl TryFrom<Vec<Widget>> for Widgets {
    type Error = String;

    fn try_from(widgets: Vec<Widget>) -> Result<Self, String> {
        if (1..=MAX_WIDGETS).contains(&widgets.len()) {
            return Ok(Self(widgets));
        }
        Err(format!("{} widgets; expected 1 to {MAX_WIDGETS}", widgets.len()))
    }
}

/// What to show in one widget.
#[derive(Serialize, ToSchema)]
#[schema(as = WidgetAnswer)]
struct WidgetAnswer<'a> {
    /// Its name.
    name: &'a str,
    /// What to show in it.
    answer: RecommendationAnswer<'a>,
}

/// What to show in every widget, in their order.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
struct BatchAnswer<'a> {
    widgets: Vec<WidgetAnswer<'a>>,
}

/// What to show in several widgets of one page
///
/// Each is answered in turn by one model; no item stands in two of them. Where an experiment is running, its arm answers the whole page if any
/// widget takes part in it.
#[utoipa::path(
    tag = "storefront",
    request_body = BatchRequest,
    responses((status = 200, description = "What to show.", body = BatchAnswer<'_>), BodyProblems)
)]
#[post("/v1/batch")]
pub(super) async fn batch(shop: Data<Shop>, wanted: Wanted, _: Params<Nothing>, body: Body<BatchRequest>) -> Result<HttpResponse, Problem> {
    let request = body.0;
    let shopper = request.customer_id.as_ref().or(request.session_id.as_ref()).map(|id| id.0.as_str());
    let language = wanted.language(&shop, request.lang.as_deref())?;
    // one model answers the whole page: that of the first widget that takes part in an experiment
    let arms = request.widgets.0.iter().map(|widget| wanted.answering(&shop, widget.scenario.as_deref(), shopper));
    let arm = arms.into_iter().find(|(_, arm)| arm.is_some());
    let (served, arm) = arm.unwrap_or_else(|| (wanted.served(&shop), None));
    let catalogue = served.catalogue.load();
    let ask = |widget: &'_ Widget| Ask {
        place: "batch",
        customer_id: request.customer_id.as_ref(),
        session_id: request.session_id.as_ref(),
        basket: &request.basket.0,
        recent_items: &request.recent_items.0,
        scenario: None,
        rules: widget.rules.clone(),
        n: widget.n.0,
        language,
        arm: arm.as_ref().zip(shopper).and_then(|(arm, shopper)| arm.running.place(widget.scenario.as_deref(), shopper)),
    };
    let asks: Vec<Ask<'_>> = request.widgets.0.iter().map(|widget| Ask { scenario: widget.scenario.as_deref(), ..ask(widget) }).collect();
    let mut widgets: Vec<WidgetAnswer<'_>> = Vec::with_capacity(asks.len());
    let mut shown: Vec<ItemIx> = Vec::new();
    for (ask, widget) in asks.iter().zip(&request.widgets.0) {
        let mut unknown = Unknown::default();
        let mut asked = ask.look_up(&shop, &served, &catalogue, &mut unknown)?;
        asked.rules.exclude(shown.iter().copied());
        let never: Vec<&str> = widgets.iter().flat_map(|before| &before.answer.items).map(|item| item.item_id).collect();
        let (answer, items) = recommend(&shop, &served, &asked, &never, unknown);
        shown.extend(items);
        widgets.push(WidgetAnswer { name: &widget.name.0, answer });
    }
    Ok(in_language(answer::json(&served, &BatchAnswer { widgets })?, language))
}
