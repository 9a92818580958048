//! Explain: why an item is shown to a shopper, or why not.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use shopkeeper_models::recommender::{Rule, Unmet, Verdict};
use utoipa::ToSchema;

use super::BodyProblems;
use super::answer::{Ask, Shown, in_language, recommend, show, title};
use crate::server::answer;
use crate::server::extract::{Body, Count, Id, Ids, Nothing, Params};
use crate::server::problem::Problem;
use crate::server::rules::{Rules, Unknown};
use crate::server::state::{ModelRef, Shop, with_scratch};
use crate::server::wanted::Wanted;

/// A question that was answered, and the item to explain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "1364", "item_id": "1082185"}))]
struct ExplainRequest {
    /// The item.
    item_id: Id,
    /// The customer; leave it out for an anonymous visitor.
    #[serde(default)]
    customer_id: Option<Id>,
    /// The visit, as the events name it.
    #[serde(default)]
    session_id: Option<Id>,
    /// Items in the basket.
    #[serde(default)]
    basket: Ids,
    /// Items looked at in this session.
    #[serde(default)]
    recent_items: Ids,
    /// A scenario of the shop, whose rules hold as well.
    #[serde(default)]
    scenario: Option<String>,
    /// What may be shown.
    #[serde(default)]
    rules: Rules,
    /// How many items the answer has.
    #[serde(default)]
    n: Count,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    #[serde(default)]
    lang: Option<String>,
}

/// Where an item stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// In the answer.
    Shown,
    /// Allowed, but others come first.
    Outranked,
    /// A rule keeps it out.
    KeptOut,
    /// Neither the model nor the catalogue knows it.
    UnknownItem,
}

/// Why an item is shown, or why not.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
struct Explanation<'a> {
    /// The item that was asked about.
    item_id: &'a str,
    /// Whether the model knows the customer.
    known: bool,
    /// Where it stands.
    outcome: Outcome,
    /// The rule that keeps it out: in_basket, excluded, purchased, available, category, brand, price, only, min_buyers or max_per_category;
    /// null when none does.
    #[schema(required)]
    kept_out_by: Option<&'static str>,
    /// Where it stands in words, if it is not in the answer; only where a language is asked for (`lang`, or the header Accept-Language).
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What the answer says of it, at its rank; for one that is outranked what a longer answer would say. Null beyond the best 1000.
    #[schema(required)]
    item: Option<Shown<'a>>,
    /// What the signals say of it for this customer: inputs of the ranker by name. Empty for a stranger, and where nothing speaks for it.
    features: BTreeMap<&'static str, f32>,
    /// Which model answered.
    model: ModelRef<'a>,
}

/// Why an item is shown to a shopper, or why not
///
/// Ask as for recommendations, and name the item: its place, the evidence and the signals behind it, or the first rule that keeps it out. An item that
/// the model does not know yet is `shown` beside one that it is like, or `outranked` by other new items and where it is like nothing in the answer.
#[utoipa::path(
    tag = "storefront",
    request_body = ExplainRequest,
    responses((status = 200, description = "Why, or why not.", body = Explanation<'_>), BodyProblems)
)]
#[post("/v1/explain")]
pub(super) async fn explain(
    shop: Data<Shop>,
    wanted: Wanted,
    _: Params<Nothing>,
    body: Body<ExplainRequest>,
) -> Result<HttpResponse, Problem> {
    let request = body.0;
    let ask = Ask {
        place: "explain",
        customer_id: request.customer_id.as_ref(),
        session_id: request.session_id.as_ref(),
        basket: &request.basket.0,
        recent_items: &request.recent_items.0,
        scenario: request.scenario.as_deref(),
        rules: request.rules,
        n: request.n.0,
        arm: None,
        language: wanted.language(&shop, request.lang.as_deref())?,
    };
    let language = ask.language;
    // by the model and the rules that this shopper gets
    let (served, arm) = wanted.answering(&shop, ask.scenario, ask.shopper());
    let ask = Ask { arm, ..ask };
    let model = &*served.model;
    let catalogue = served.catalogue.load();
    let asked = ask.look_up(&shop, &served, &catalogue, &mut Unknown::default())?;
    let mut explanation = Explanation {
        item_id: &request.item_id.0,
        known: asked.known,
        outcome: Outcome::UnknownItem,
        kept_out_by: None,
        text: None,
        item: None,
        features: BTreeMap::new(),
        model: served.reference(),
    };
    if let Some(item) = model.items().find(&request.item_id.0) {
        let why = with_scratch(|scratch| model.recommender.why(&asked.query(), item, scratch));
        let (outcome, rank) = match why.verdict {
            Verdict::Shown { rank } => (Outcome::Shown, Some(rank)),
            Verdict::Outranked { rank } => (Outcome::Outranked, rank),
            Verdict::KeptOut(_) => (Outcome::KeptOut, None),
        };
        explanation.outcome = outcome;
        explanation.item = why.recommendation.zip(rank).map(|(entry, rank)| show(model, &catalogue, rank, &entry));
        explanation.features = why.features.into_iter().collect();
        if let Verdict::KeptOut(rule) = why.verdict {
            explanation.kept_out_by = Some(name(rule));
        }
    } else if let Some(new) = catalogue.new_item(&request.item_id.0) {
        explanation.kept_out_by = asked.kept_out_by(&request.item_id.0, new);
        let answer = recommend(&shop, &served, &asked, &[], Unknown::default()).0;
        let shown = answer.items.into_iter().find(|shown| shown.item_id == request.item_id.0);
        explanation.outcome = match (&shown, explanation.kept_out_by) {
            (Some(_), _) => Outcome::Shown,
            (None, Some(_)) => Outcome::KeptOut,
            (None, None) => Outcome::Outranked,
        };
        explanation.item = shown;
    }
    if let Some(language) = language {
        explanation.text = match (&explanation.outcome, explanation.kept_out_by) {
            (Outcome::Shown, _) => None,
            (Outcome::KeptOut, rule) => language.say(&format!("kept-out-{}", rule.unwrap_or_default())),
            (Outcome::Outranked, _) => language.say("outranked"),
            (Outcome::UnknownItem, _) => language.say("unknown-item"),
        };
        if let Some(item) = &mut explanation.item {
            item.text = language.reason(&item.reason, |id| title(model, &catalogue, id));
        }
    }
    Ok(in_language(answer::json(&served, &explanation)?, language))
}

fn name(rule: Rule) -> &'static str {
    match rule {
        Rule::InBasket => "in_basket",
        Rule::Excluded => "excluded",
        Rule::Purchased => "purchased",
        Rule::Filter(Unmet::Available) => "available",
        Rule::Filter(Unmet::Category) => "category",
        Rule::Filter(Unmet::Brand) => "brand",
        Rule::Filter(Unmet::Price) => "price",
        Rule::Filter(Unmet::Only) => "only",
        Rule::Filter(Unmet::MinBuyers) => "min_buyers",
        Rule::MaxPerCategory => "max_per_category",
    }
}
