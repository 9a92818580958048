//! Recommendations: for a customer, a basket, a session or a stranger; all under the shop's rules.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use shopkeeper_models::recommender::Purchased;
use utoipa::{IntoParams, ToSchema};

use super::answer::{Ask, POPULAR, RecommendationAnswer, respond};
use super::{BodyProblems, PathProblems, QueryProblems};
use crate::server::extract::{Body, CommaIds, Count, Id, Ids, Names, Nothing, Params, PathId, Price, Several, Share};
use crate::server::problem::Problem;
use crate::server::rules::Rules;
use crate::server::state::Shop;
use crate::server::wanted::Wanted;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CustomerParams {
    /// How many items.
    #[serde(default)]
    #[param(inline)]
    n: Count,
    /// A scenario of the shop, whose rules hold as well.
    scenario: Option<String>,
    /// Whether items bought before may be shown: include, exclude, exclude:30d (not those of the last 30 days) or until_due (not before the
    /// usual time between purchases has passed).
    #[param(value_type = Option<String>, pattern = "^(include|exclude|until_due|exclude:[1-9][0-9]{0,8}d)$")]
    purchased: Option<Purchased>,
    /// Only items of this category and of those below it; may be given again.
    #[serde(default)]
    #[param(inline, style = Form, explode)]
    category: Several,
    /// Only items of this brand; may be given again.
    #[serde(default)]
    #[param(inline, style = Form, explode)]
    brand: Several,
    /// Only items of at least this price.
    #[param(inline)]
    price_from: Option<Price>,
    /// Only items of at most this price.
    #[param(inline)]
    price_to: Option<Price>,
    /// Only these items, separated by commas.
    #[param(inline)]
    only: Option<CommaIds>,
    /// Items never to show, separated by commas.
    #[serde(default)]
    #[param(inline)]
    exclude: CommaIds,
    /// Only items that so many customers have bought.
    #[serde(default)]
    #[param(value_type = u64, maximum = 4294967295_u64)]
    min_buyers: u32,
    /// The most items of one category.
    #[param(inline)]
    max_per_category: Option<Count>,
    /// How much each further item of a category gives way to other categories: 0 = not at all, 1 = one of each category first.
    #[param(inline)]
    diversity: Option<Share>,
    /// How much popularity counts against an item: 0 = not at all, 1 = rank by lift over the share of customers who bought it lately.
    #[param(inline)]
    novelty: Option<Share>,
    /// Items in the basket, separated by commas: what goes with them rises, they themselves are not shown. Default: those of the cart events.
    #[serde(default)]
    #[param(inline)]
    basket: CommaIds,
    /// The visit, as the events name it: what was looked at and put into the basket counts.
    #[param(inline)]
    session_id: Option<Id>,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    lang: Option<String>,
}

/// What to show a customer
///
/// Exactly n items whenever n are eligible, best first, each with its source and the evidence. A stranger gets an answer, too:
/// `known` is false and `fallback` names where it came from.
#[utoipa::path(
    tag = "storefront",
    params(("id" = inline(Id), Path, description = "The shop's id of the customer.", example = "1364"), CustomerParams),
    responses((status = 200, description = "What to show.", body = RecommendationAnswer<'_>), PathProblems)
)]
#[get("/v1/customers/{id}/recommendations")]
pub(super) async fn customer_recommendations(
    shop: Data<Shop>,
    wanted: Wanted,
    id: PathId,
    params: Params<CustomerParams>,
) -> Result<HttpResponse, Problem> {
    let params = params.0;
    let rules = Rules {
        categories: Names(params.category.0),
        brands: Names(params.brand.0),
        price_from: params.price_from,
        price_to: params.price_to,
        only: params.only.map(|ids| Ids(ids.0)),
        exclude: Ids(params.exclude.0),
        min_buyers: params.min_buyers,
        purchased: params.purchased,
        max_per_category: params.max_per_category,
        diversity: params.diversity,
        novelty: params.novelty,
        ..Rules::default()
    };
    respond(
        &shop,
        &wanted,
        params.lang.as_deref(),
        Ask {
            place: "customer",
            customer_id: Some(&Id(id.0)),
            session_id: params.session_id.as_ref(),
            basket: &params.basket.0,
            scenario: params.scenario.as_deref(),
            rules,
            n: params.n.0,
            ..Ask::default()
        },
    )
}

/// Who is shopping, what is in the basket, and what may be shown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
#[schema(example = json!({"customer_id": "1364", "basket": ["995242"], "rules": {"purchased": "include"}, "n": 10}))]
struct RecommendationRequest {
    /// The customer; leave it out for an anonymous visitor.
    customer_id: Option<Id>,
    /// The visit, as the events name it: what was looked at and put into the basket counts, for an anonymous visitor too.
    session_id: Option<Id>,
    /// Items in the basket: what goes with them rises, they themselves are not shown. Default: those of the cart events.
    basket: Ids,
    /// Items looked at in this session; they count as the basket does.
    recent_items: Ids,
    /// A scenario of the shop, whose rules hold as well.
    scenario: Option<String>,
    /// What may be shown.
    rules: Rules,
    /// How many items.
    n: Count,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    lang: Option<String>,
}

/// What to show, given any of a customer, a basket and a session
#[utoipa::path(
    tag = "storefront",
    request_body = RecommendationRequest,
    responses((status = 200, description = "What to show.", body = RecommendationAnswer<'_>), BodyProblems)
)]
#[post("/v1/recommendations")]
pub(super) async fn recommendations(
    shop: Data<Shop>,
    wanted: Wanted,
    _: Params<Nothing>,
    body: Body<RecommendationRequest>,
) -> Result<HttpResponse, Problem> {
    let request = body.0;
    let ask = Ask {
        place: "any",
        customer_id: request.customer_id.as_ref(),
        session_id: request.session_id.as_ref(),
        basket: &request.basket.0,
        recent_items: &request.recent_items.0,
        scenario: request.scenario.as_deref(),
        rules: request.rules,
        n: request.n.0,
        arm: None,
        language: None,
    };
    respond(&shop, &wanted, request.lang.as_deref(), ask)
}

/// A basket to complete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"basket": ["995242", "1082185"], "n": 5}))]
struct BasketRequest {
    /// Items in the basket.
    basket: Ids,
    /// Whose basket it is, if that is known.
    #[serde(default)]
    customer_id: Option<Id>,
    /// A scenario of the shop, whose rules hold as well.
    #[serde(default)]
    scenario: Option<String>,
    /// What may be shown.
    #[serde(default)]
    rules: Rules,
    /// How many items.
    #[serde(default)]
    n: Count,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    #[serde(default)]
    lang: Option<String>,
}

/// What goes with the basket
#[utoipa::path(
    tag = "storefront",
    request_body = BasketRequest,
    responses((status = 200, description = "What goes with the basket.", body = RecommendationAnswer<'_>), BodyProblems)
)]
#[post("/v1/baskets/complete")]
pub(super) async fn complete_basket(
    shop: Data<Shop>,
    wanted: Wanted,
    _: Params<Nothing>,
    body: Body<BasketRequest>,
) -> Result<HttpResponse, Problem> {
    let request = body.0;
    let ask = Ask {
        place: "basket",
        customer_id: request.customer_id.as_ref(),
        basket: &request.basket.0,
        scenario: request.scenario.as_deref(),
        rules: request.rules,
        n: request.n.0,
        ..Ask::default()
    };
    respond(&shop, &wanted, request.lang.as_deref(), ask)
}

/// Items to put in order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "1364", "items": ["995242", "1082185"]}))]
struct RankRequest {
    /// The items.
    items: Ids,
    /// Whom to put them in order for; leave it out for an anonymous visitor.
    #[serde(default)]
    customer_id: Option<Id>,
    /// Items in the basket.
    #[serde(default)]
    basket: Ids,
    /// A scenario of the shop, whose rules hold as well.
    #[serde(default)]
    scenario: Option<String>,
    /// What may be shown.
    #[serde(default)]
    rules: Rules,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    #[serde(default)]
    lang: Option<String>,
}

/// These items, best first for a shopper
///
/// Every one of them that the rules let in, such as the hits of a search in the order that suits this customer.
#[utoipa::path(
    tag = "storefront",
    request_body = RankRequest,
    responses((status = 200, description = "Them in order.", body = RecommendationAnswer<'_>), BodyProblems)
)]
#[post("/v1/rank")]
pub(super) async fn rank(shop: Data<Shop>, wanted: Wanted, _: Params<Nothing>, body: Body<RankRequest>) -> Result<HttpResponse, Problem> {
    let mut request = body.0;
    let n = request.items.0.len();
    let among = |id: &Id| request.items.0.iter().any(|item| item.0 == id.0);
    request.rules.only = Some(match request.rules.only.take() {
        Some(only) => Ids(only.0.into_iter().filter(among).collect()),
        None => request.items,
    });
    let ask = Ask {
        place: "rank",
        customer_id: request.customer_id.as_ref(),
        basket: &request.basket.0,
        scenario: request.scenario.as_deref(),
        rules: request.rules,
        n,
        ..Ask::default()
    };
    respond(&shop, &wanted, request.lang.as_deref(), ask)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PopularParams {
    /// How many items.
    #[serde(default)]
    #[param(inline)]
    n: Count,
    /// Only items of this category and of those below it; may be given again.
    #[serde(default)]
    #[param(inline, style = Form, explode)]
    category: Several,
    /// Only items of this brand; may be given again.
    #[serde(default)]
    #[param(inline, style = Form, explode)]
    brand: Several,
    /// The language to say reasons in, such as `en` or `zh-CN`. Default: what `Accept-Language` likes best; without it no text.
    lang: Option<String>,
}

/// What sells, in the shop, a category or a brand
#[utoipa::path(
    tag = "storefront",
    params(PopularParams),
    responses((status = 200, description = "What sells.", body = RecommendationAnswer<'_>), QueryProblems)
)]
#[get("/v1/items/popular")]
pub(super) async fn popular_items(shop: Data<Shop>, wanted: Wanted, params: Params<PopularParams>) -> Result<HttpResponse, Problem> {
    let PopularParams { n, category, brand, lang } = params.0;
    let rules = Rules { categories: Names(category.0), brands: Names(brand.0), ..Rules::default() };
    respond(&shop, &wanted, lang.as_deref(), Ask { place: POPULAR, rules, n: n.0, ..Ask::default() })
}
