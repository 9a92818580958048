//! Storefront routes: what to show a shopper now. They never refuse a shopper and never come back empty while anything is eligible.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use shopkeeper_models::catalogue::{Catalogue, NewItem};
use shopkeeper_models::recommender::{Evidence, Fresh, Purchased, Query, Reason, Recommendation, Related, Relation};
use shopkeeper_models::{ItemIx, Model};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, CommaIds, Count, Id, Ids, Nothing, Params, PathId, Share};
use super::problem::{Problem, problems};
use super::state::{ModelRef, Shop, with_scratch};
use super::{answer, newcomers};
use crate::state::now;

problems!(PathProblems: BadParameter, MalformedId);
problems!(QueryProblems: BadParameter);
problems!(BodyProblems: BadParameter, BadBody, SlowClient, BodyTooLarge, WrongContentType);

/// Whether items that the customer has bought before may be shown.
#[derive(ToSchema)]
#[schema(as = Purchased, rename_all = "snake_case", default = "include")]
#[allow(dead_code)]
enum PurchasedName {
    Include,
    Exclude,
}

/// Which signal an item owes its place to.
#[derive(ToSchema)]
#[schema(as = Source, rename_all = "snake_case")]
#[allow(dead_code)]
enum SourceName {
    Repeat,
    Basket,
    CoPurchase,
    Segment,
    Category,
    Popular,
    NewItem,
}

/// In which way two items are related.
#[derive(ToSchema)]
#[schema(as = Relation, rename_all = "snake_case", default = "bought_together")]
#[allow(dead_code)]
enum RelationName {
    BoughtTogether,
    Similar,
}

/// The evidence for one item.
#[derive(Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
#[schema(as = Reason)]
pub(super) enum Why<'a> {
    /// The customer's own orders of it.
    BoughtBefore {
        /// Orders of this customer that hold it.
        orders: u32,
        /// Days since the last of them.
        days_since_last: u32,
    },
    /// Orders that hold both it and another item.
    BoughtWith {
        /// The other item.
        item_id: &'a str,
        /// Orders with both.
        baskets: u32,
        /// Over what chance would give; 1 = independent.
        lift: f64,
    },
    /// Customers who bought both it and another item.
    BoughtByTheSameCustomers {
        /// The other item.
        item_id: &'a str,
        /// Customers of both.
        customers: u32,
    },
    /// Customers of the same segment who bought it lately.
    SegmentFavourite {
        /// The segment.
        segment_id: &'a str,
        /// How many.
        buyers: u32,
    },
    /// Customers who bought it lately.
    Popular {
        /// How many.
        recent_buyers: u32,
    },
    /// The model does not know it yet; it stands beside an item of the answer that it is like.
    NewItem {
        /// That item; null when it only fills the answer up.
        #[schema(required)]
        like_item_id: Option<&'a str>,
    },
}

/// One item of an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendedItem)]
pub(super) struct Shown<'a> {
    /// The shop's id.
    #[schema(example = "1082185")]
    pub(super) item_id: &'a str,
    /// Place in the answer, from 1.
    #[schema(example = 1)]
    pub(super) rank: usize,
    /// 0 to 1, never rising down the answer unless `diversity` or `novelty` is asked for. For a customer with a history the probability of
    /// buying it within the next four weeks, with a basket the probability that it joins it, otherwise a share of baskets or customers.
    #[schema(example = 0.83)]
    pub(super) score: f32,
    /// The strongest signal.
    #[schema(value_type = SourceName, example = "repeat")]
    pub(super) source: &'static str,
    /// The evidence.
    pub(super) reason: Why<'a>,
    /// Title, if the catalogue has one.
    #[schema(required, example = "Bananas")]
    pub(super) title: Option<&'a str>,
    /// Category, if the catalogue has one.
    #[schema(required, example = "PRODUCE/FRUIT")]
    pub(super) category: Option<&'a str>,
}

/// What to show, best first.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendationAnswer)]
struct RecommendationAnswer<'a> {
    /// Unique to this answer. Name it, with an item's rank, in the events of impressions, clicks, carts and purchases that come of it.
    #[schema(example = "3f1c9a0b9c1d22aa5b6c7d8e70817263544a5b6c-AARR")]
    recommendation_id: &'a str,
    /// Whether anything is known of the customer: by the model, or by events since.
    known: bool,
    /// Where the answer had to start when the shopper's own history gave nothing; null when it did.
    #[schema(value_type = Option<SourceName>, required)]
    fallback: Option<&'static str>,
    /// Exactly n items whenever n are eligible.
    items: Vec<Shown<'a>>,
    /// Items of the request that the model does not know.
    unknown_items: Vec<&'a str>,
    /// The category of the request, if the model does not know it; no item is eligible then.
    #[schema(required)]
    unknown_category: Option<&'a str>,
    /// Which model answered.
    model: ModelRef<'a>,
}

impl Why<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::BoughtBefore { .. } => "bought_before",
            Self::BoughtWith { .. } => "bought_with",
            Self::BoughtByTheSameCustomers { .. } => "bought_by_the_same_customers",
            Self::SegmentFavourite { .. } => "segment_favourite",
            Self::Popular { .. } => "popular",
            Self::NewItem { .. } => "new_item",
        }
    }
}

/// What a shopper may be shown, and what is known of them.
#[derive(Default)]
struct Ask<'a> {
    /// Which widget asks; answers are told apart by it in what is learned of their use.
    scenario: &'static str,
    customer_id: Option<&'a str>,
    session_id: Option<&'a str>,
    basket: Vec<&'a str>,
    exclude: Vec<&'a str>,
    category: Option<&'a str>,
    purchased: Purchased,
    diversity: Share,
    novelty: Share,
    n: usize,
}

/// The scenario of what sells; new items have no place in it.
const POPULAR: &str = "popular";

fn ids(ids: &[Id]) -> Vec<&str> {
    ids.iter().map(|id| id.0.as_str()).collect()
}

/// Answers through the one scoring path.
fn recommend(shop: &Shop, ask: &Ask<'_>) -> Result<HttpResponse, Problem> {
    let served = shop.served();
    let model = &*served.model;
    let customer = ask.customer_id.and_then(|id| model.customers.find(id));
    let remembered = shop.state.activity.recall(ask.customer_id, ask.session_id, model, &served.seen, now()).unwrap_or_default();
    let (mut basket, unknown_items) = find_items(model, &ask.basket);
    // a page that says what lies in the basket knows better than what was remembered
    if ask.basket.is_empty() {
        basket.extend(&remembered.basket);
    }
    let fresh = Fresh { purchases: &remembered.purchases, orders: remembered.orders, viewed: &remembered.viewed };
    let known = customer.is_some() || remembered.known && ask.customer_id.is_some();
    let (exclude, _) = find_items(model, &ask.exclude);
    let catalogue = served.catalogue.load();
    let category = ask.category.map(|name| (name, catalogue.find_category(&model.recommender, name)));
    let unknown_category = category.and_then(|(name, found)| found.is_none().then_some(name));
    let (items, fallback) = if unknown_category.is_some() {
        (Vec::new(), None)
    } else {
        let category = category.and_then(|(_, found)| found);
        let query = Query {
            customer,
            basket: &basket,
            fresh,
            catalogue: Some(&catalogue),
            exclude: &exclude,
            category,
            purchased: ask.purchased,
            diversity: ask.diversity.0 as f32,
            novelty: ask.novelty.0 as f32,
            n: ask.n,
        };
        let answer = with_scratch(|scratch| model.recommender.recommend(&query, scratch));
        (answer.items, answer.fallback.map(|source| source.name()))
    };
    if ask.customer_id.is_some() && !known {
        shop.metrics.unknown_customer();
    }
    shop.metrics.unknown_items(unknown_items.len());
    shop.metrics.answer(fallback);
    let mut items: Vec<Shown<'_>> = items.iter().enumerate().map(|(at, item)| show(model, &catalogue, at + 1, item)).collect();
    if ask.scenario != POPULAR && catalogue.new_items().len() > 0 {
        let is_eligible = |item_id: &str, new: &NewItem| {
            let in_category = ask.category.is_none_or(|category| new.category.as_deref() == Some(category));
            let named = ask.basket.iter().chain(&ask.exclude).any(|id| *id == item_id);
            new.available && in_category && !named && !remembered.new_items.iter().any(|id| **id == *item_id)
        };
        let turn = BuildHasherDefault::<DefaultHasher>::default().hash_one((ask.customer_id, ask.session_id));
        newcomers::join(&mut items, model, &catalogue, is_eligible, turn, ask.n);
    }
    // a category that only new items have is not unknown
    let unknown_category = unknown_category.filter(|_| items.is_empty());
    let sources = items.iter().map(|item| (item.source, item.reason.name()));
    let recommendation_id = shop.state.attribution.id(&model.version, ask.scenario, sources);
    let body = RecommendationAnswer {
        recommendation_id: &recommendation_id,
        known,
        fallback,
        items,
        unknown_items,
        unknown_category,
        model: served.reference(),
    };
    answer::json(&served, &body)
}

/// The items of these ids, and the ids without one.
fn find_items<'a>(model: &Model, ids: &[&'a str]) -> (Vec<ItemIx>, Vec<&'a str>) {
    let (mut items, mut unknown) = (Vec::with_capacity(ids.len()), Vec::new());
    for &id in ids {
        match model.items().find(id) {
            Some(item) => items.push(item),
            None => unknown.push(id),
        }
    }
    (items, unknown)
}

fn show<'a>(model: &'a Model, catalogue: &'a Catalogue, rank: usize, recommendation: &Recommendation) -> Shown<'a> {
    let items = model.items();
    let reason = match recommendation.reason {
        Reason::BoughtBefore { orders, days_since_last } => Why::BoughtBefore { orders, days_since_last },
        Reason::BoughtWith { item, baskets, lift } => Why::BoughtWith { item_id: items.id(item), baskets, lift },
        Reason::BoughtByTheSameCustomers { item, customers } => Why::BoughtByTheSameCustomers { item_id: items.id(item), customers },
        Reason::SegmentFavourite { segment, buyers } => {
            Why::SegmentFavourite { segment_id: model.segments.segment_id.value(segment), buyers }
        }
        Reason::Popular { recent_buyers } => Why::Popular { recent_buyers },
    };
    let item = recommendation.item;
    Shown {
        item_id: items.id(item),
        rank,
        score: recommendation.score,
        source: recommendation.source.name(),
        reason,
        title: catalogue.title(item).or_else(|| items.title.get(item.row())),
        category: catalogue.category_name(&model.recommender, catalogue.category(item)),
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CustomerParams {
    /// How many items.
    #[serde(default)]
    #[param(inline)]
    n: Count,
    /// Whether items bought before may be shown.
    #[serde(default)]
    #[param(value_type = PurchasedName, inline)]
    purchased: Purchased,
    /// Only items of this category.
    category: Option<String>,
    /// Items never to show, separated by commas.
    #[serde(default)]
    #[param(inline)]
    exclude: CommaIds,
    /// How much each further item of a category gives way to other categories: 0 = not at all, 1 = one of each category first.
    #[serde(default)]
    #[param(inline)]
    diversity: Share,
    /// How much popularity counts against an item: 0 = not at all, 1 = rank by lift over the share of customers who bought it lately.
    #[serde(default)]
    #[param(inline)]
    novelty: Share,
    /// Items in the basket, separated by commas: what goes with them rises, they themselves are not shown. Default: those of the cart events.
    #[serde(default)]
    #[param(inline)]
    basket: CommaIds,
    /// The visit, as the events name it: what was looked at and put into the basket counts.
    #[param(inline)]
    session_id: Option<Id>,
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
async fn customer_recommendations(shop: Data<Shop>, id: PathId, params: Params<CustomerParams>) -> Result<HttpResponse, Problem> {
    let params = params.0;
    let ask = Ask {
        scenario: "customer",
        customer_id: Some(&id.0),
        session_id: params.session_id.as_ref().map(|id| id.0.as_str()),
        basket: ids(&params.basket.0),
        exclude: ids(&params.exclude.0),
        category: params.category.as_deref(),
        purchased: params.purchased,
        diversity: params.diversity,
        novelty: params.novelty,
        n: params.n.0,
    };
    recommend(&shop, &ask)
}

/// Who is shopping, what is in the basket, and what may be shown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
#[schema(example = json!({"customer_id": "1364", "basket": ["995242"], "purchased": "include", "n": 10}))]
struct RecommendationRequest {
    /// The customer; leave it out for an anonymous visitor.
    customer_id: Option<Id>,
    /// The visit, as the events name it: what was looked at and put into the basket counts, for an anonymous visitor too.
    session_id: Option<Id>,
    /// Items in the basket: what goes with them rises, they themselves are not shown. Default: those of the cart events.
    basket: Ids,
    /// Items looked at in this session; they count as the basket does.
    recent_items: Ids,
    /// Items never to show.
    exclude: Ids,
    /// Only items of this category.
    category: Option<String>,
    /// Whether items bought before may be shown.
    #[schema(value_type = PurchasedName)]
    purchased: Purchased,
    /// How much each further item of a category gives way to other categories: 0 = not at all, 1 = one of each category first.
    diversity: Share,
    /// How much popularity counts against an item: 0 = not at all, 1 = rank by lift over the share of customers who bought it lately.
    novelty: Share,
    /// How many items.
    n: Count,
}

/// What to show, given any of a customer, a basket and a session
#[utoipa::path(
    tag = "storefront",
    request_body = RecommendationRequest,
    responses((status = 200, description = "What to show.", body = RecommendationAnswer<'_>), BodyProblems)
)]
#[post("/v1/recommendations")]
async fn recommendations(shop: Data<Shop>, _: Params<Nothing>, body: Body<RecommendationRequest>) -> Result<HttpResponse, Problem> {
    let request = body.0;
    let ask = Ask {
        scenario: "any",
        customer_id: request.customer_id.as_ref().map(|id| id.0.as_str()),
        session_id: request.session_id.as_ref().map(|id| id.0.as_str()),
        basket: ids(&request.basket.0).into_iter().chain(ids(&request.recent_items.0)).collect(),
        exclude: ids(&request.exclude.0),
        category: request.category.as_deref(),
        purchased: request.purchased,
        diversity: request.diversity,
        novelty: request.novelty,
        n: request.n.0,
    };
    recommend(&shop, &ask)
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
    /// How many items.
    #[serde(default)]
    n: Count,
}

/// What goes with the basket
#[utoipa::path(
    tag = "storefront",
    request_body = BasketRequest,
    responses((status = 200, description = "What goes with the basket.", body = RecommendationAnswer<'_>), BodyProblems)
)]
#[post("/v1/baskets/complete")]
async fn complete_basket(shop: Data<Shop>, _: Params<Nothing>, body: Body<BasketRequest>) -> Result<HttpResponse, Problem> {
    let request = body.0;
    let customer_id = request.customer_id.as_ref().map(|id| id.0.as_str());
    recommend(&shop, &Ask { scenario: "basket", customer_id, basket: ids(&request.basket.0), n: request.n.0, ..Ask::default() })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PopularParams {
    /// How many items.
    #[serde(default)]
    #[param(inline)]
    n: Count,
    /// Only items of this category.
    category: Option<String>,
}

/// What sells, in the shop or a category
#[utoipa::path(
    tag = "storefront",
    params(PopularParams),
    responses((status = 200, description = "What sells.", body = RecommendationAnswer<'_>), QueryProblems)
)]
#[get("/v1/items/popular")]
async fn popular_items(shop: Data<Shop>, params: Params<PopularParams>) -> Result<HttpResponse, Problem> {
    recommend(&shop, &Ask { scenario: POPULAR, category: params.0.category.as_deref(), n: params.0.n.0, ..Ask::default() })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RelatedParams {
    /// In which way.
    #[serde(default)]
    #[param(value_type = RelationName, inline)]
    kind: Relation,
    /// How many items.
    #[serde(default)]
    #[param(inline)]
    n: Count,
}

/// Why an item is related.
#[derive(Serialize, ToSchema)]
#[serde(tag = "source", rename_all = "snake_case")]
#[schema(as = RelatedEvidence)]
enum Link {
    /// Orders that hold both.
    BoughtTogether {
        /// How many.
        baskets: u32,
        /// Share of all orders that hold both, 0 to 1.
        support: f64,
        /// Share of the orders with the first item that hold this one, 0 to 1.
        confidence: f64,
        /// Confidence over the share expected by chance; 1 = independent.
        lift: f64,
    },
    /// Customers who bought both.
    Similar {
        /// How many.
        customers: u32,
    },
    /// None: it is popular in the same category.
    Category {
        /// Customers who bought it lately.
        recent_buyers: u32,
    },
    /// None: it is popular in the shop.
    Popular {
        /// Customers who bought it lately.
        recent_buyers: u32,
    },
}

/// A related item.
#[derive(Serialize, ToSchema)]
#[schema(as = RelatedItem)]
struct RelatedShown<'a> {
    /// The shop's id.
    item_id: &'a str,
    /// Place in the answer, from 1.
    rank: usize,
    /// 0 to 1, never rising down the answer.
    score: f32,
    /// What it owes its place to.
    evidence: Link,
    /// Title, if the catalogue has one.
    #[schema(required)]
    title: Option<&'a str>,
    /// Category, if the catalogue has one.
    #[schema(required)]
    category: Option<&'a str>,
}

/// The items related to one item, best first.
#[derive(Serialize, ToSchema)]
#[schema(as = RelatedAnswer)]
struct RelatedAnswer<'a> {
    /// The item that was asked about.
    item_id: &'a str,
    /// Whether the model knows it.
    known: bool,
    /// Exactly n items whenever n others are available.
    items: Vec<RelatedShown<'a>>,
    /// Which model answered.
    model: ModelRef<'a>,
}

/// What goes with an item
///
/// Its neighbours by orders or by customers with the counts behind them, then what is popular in its category, then in the shop.
#[utoipa::path(
    tag = "storefront",
    params(("id" = inline(Id), Path, description = "The shop's id of the item.", example = "1082185"), RelatedParams),
    responses((status = 200, description = "What goes with it.", body = RelatedAnswer<'_>), PathProblems)
)]
#[get("/v1/items/{id}/related")]
async fn related_items(shop: Data<Shop>, id: PathId, params: Params<RelatedParams>) -> Result<HttpResponse, Problem> {
    let served = shop.served();
    let model = &*served.model;
    let catalogue = served.catalogue.load();
    let item = model.items().find(&id.0);
    shop.metrics.unknown_items(usize::from(item.is_none()));
    // a new item has the neighbours of the one that it is most like
    let like = || catalogue.new_item(&id.0).and_then(|new| new.like.first()).map(|&(like, _)| like);
    let from = item.or_else(like);
    let related = with_scratch(|scratch| model.recommender.related(from, params.0.kind, params.0.n.0, Some(&catalogue), scratch));
    let items = related.iter().enumerate().map(|(at, related)| show_related(model, &catalogue, at + 1, related)).collect();
    answer::json(&served, &RelatedAnswer { item_id: &id.0, known: item.is_some(), items, model: served.reference() })
}

fn show_related<'a>(model: &'a Model, catalogue: &'a Catalogue, rank: usize, related: &Related) -> RelatedShown<'a> {
    let evidence = match related.evidence {
        Evidence::BoughtTogether { baskets, association } => {
            Link::BoughtTogether { baskets, support: association.support, confidence: association.confidence, lift: association.lift }
        }
        Evidence::Similar { customers } => Link::Similar { customers },
        Evidence::Category { recent_buyers } => Link::Category { recent_buyers },
        Evidence::Popular { recent_buyers } => Link::Popular { recent_buyers },
    };
    let item = related.item;
    RelatedShown {
        item_id: model.items().id(item),
        rank,
        score: related.score,
        evidence,
        title: catalogue.title(item).or_else(|| model.items().title.get(item.row())),
        category: catalogue.category_name(&model.recommender, catalogue.category(item)),
    }
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(customer_recommendations)
        .service(recommendations)
        .service(complete_basket)
        .service(popular_items)
        .service(related_items);
}
