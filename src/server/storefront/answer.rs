//! An answer: from what is known of a shopper and what may be shown to items with their evidence, through the one scoring path.

use actix_web::HttpResponse;
use serde::Serialize;
use shopkeeper_models::recommender::{Query, Reason, Recommendation};
use shopkeeper_models::{CustomerIx, ItemIx, Model};
use utoipa::ToSchema;

use crate::server::answer;
use crate::server::extract::Id;
use crate::server::problem::Problem;
use crate::server::rules::{Found, Rules, Unknown};
use crate::server::state::{ModelRef, Served, Shop, with_scratch};

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
    Pinned,
}

/// The evidence for one item.
#[derive(Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
#[schema(as = Reason)]
enum Why<'a> {
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
    /// The shop's own wish.
    Pinned,
}

/// One item of an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendedItem)]
pub(super) struct Shown<'a> {
    /// The shop's id.
    #[schema(example = "1082185")]
    item_id: &'a str,
    /// Place in the answer, from 1.
    #[schema(example = 1)]
    rank: usize,
    /// 0 to 1, never rising down the answer unless `diversity`, `novelty` or `pinned` is asked for. For a customer with a history the probability of
    /// buying it within the next four weeks, with a basket the probability that it joins it, otherwise a share of baskets or customers.
    #[schema(example = 0.83)]
    score: f32,
    /// The strongest signal.
    #[schema(value_type = SourceName, example = "repeat")]
    source: &'static str,
    /// The evidence.
    reason: Why<'a>,
    /// Title, if the catalogue has one.
    #[schema(required, example = "Bananas")]
    title: Option<&'a str>,
    /// Category, if the catalogue has one.
    #[schema(required, example = "PRODUCE/FRUIT")]
    category: Option<&'a str>,
}

/// What to show, best first.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendationAnswer)]
pub(super) struct RecommendationAnswer<'a> {
    /// Unique to this answer. Name it in what is later reported of impressions, clicks and purchases.
    #[schema(example = "f3a8c1d2e4b5968770817263544a5b6c")]
    recommendation_id: String,
    /// Whether the model knows the customer.
    known: bool,
    /// Where the answer had to start when the shopper's own history gave nothing; null when it did.
    #[schema(value_type = Option<SourceName>, required)]
    fallback: Option<&'static str>,
    /// Exactly n items whenever n are eligible.
    pub(super) items: Vec<Shown<'a>>,
    /// Items of the request that the model does not know.
    unknown_items: Vec<String>,
    /// Categories of the request that the model does not know. When it knows none of those asked for, no item is eligible.
    unknown_categories: Vec<String>,
    /// Brands of the request that the model does not know. When it knows none of those asked for, no item is eligible.
    unknown_brands: Vec<String>,
    /// Which model answered.
    model: ModelRef<'a>,
}

/// Who is shopping, what is in the basket, and what may be shown.
#[derive(Default)]
pub(super) struct Ask<'a> {
    pub(super) customer_id: Option<&'a Id>,
    pub(super) basket: &'a [Id],
    /// Items looked at in this session; they count as the basket does.
    pub(super) recent_items: &'a [Id],
    pub(super) scenario: Option<&'a str>,
    pub(super) rules: Rules,
    pub(super) n: usize,
}

/// A question whose names were looked up in one model.
pub(super) struct Asked {
    pub(super) customer: Option<CustomerIx>,
    pub(super) basket: Vec<ItemIx>,
    pub(super) rules: Found,
    pub(super) n: usize,
}

impl Ask<'_> {
    /// Looks everything up in a model.
    pub(super) fn look_up(&self, shop: &Shop, model: &Model, unknown: &mut Unknown) -> Result<Asked, Problem> {
        let scenario = shop.scenarios.find(self.scenario)?;
        let customer = self.customer_id.and_then(|id| model.customers.find(&id.0));
        if self.customer_id.is_some() && customer.is_none() {
            shop.metrics.unknown_customer();
        }
        let basket = unknown.items(model, self.basket.iter().chain(self.recent_items));
        let rules = self.rules.find_within(scenario.as_deref(), model, unknown);
        shop.metrics.unknown_items(unknown.items.len());
        Ok(Asked { customer, basket, rules, n: self.n })
    }
}

impl Asked {
    pub(super) fn query(&self) -> Query<'_> {
        Query { customer: self.customer, basket: &self.basket, n: self.n, ..self.rules.query() }
    }
}

/// Answers through the one scoring path.
pub(super) fn recommend<'a>(shop: &Shop, served: &'a Served, asked: &Asked, unknown: Unknown) -> (RecommendationAnswer<'a>, Vec<ItemIx>) {
    let model = &*served.model;
    let answer = with_scratch(|scratch| model.recommender.recommend(&asked.query(), scratch));
    let fallback = answer.fallback.map(|source| source.name());
    shop.metrics.answer(fallback);
    let body = RecommendationAnswer {
        recommendation_id: shop.answer_id(),
        known: asked.customer.is_some(),
        fallback,
        items: answer.items.iter().enumerate().map(|(at, item)| show(model, at + 1, item)).collect(),
        unknown_items: unknown.items,
        unknown_categories: unknown.categories,
        unknown_brands: unknown.brands,
        model: served.reference(),
    };
    (body, answer.items.iter().map(|entry| entry.item).collect())
}

/// Looks a question up, answers it and sends the answer.
pub(super) fn respond(shop: &Shop, ask: &Ask<'_>) -> Result<HttpResponse, Problem> {
    let served = shop.served();
    let mut unknown = Unknown::default();
    let asked = ask.look_up(shop, &served.model, &mut unknown)?;
    answer::json(&served, &recommend(shop, &served, &asked, unknown).0)
}

pub(super) fn show<'a>(model: &'a Model, rank: usize, recommendation: &Recommendation) -> Shown<'a> {
    let items = model.items();
    let reason = match recommendation.reason {
        Reason::BoughtBefore { orders, days_since_last } => Why::BoughtBefore { orders, days_since_last },
        Reason::BoughtWith { item, baskets, lift } => Why::BoughtWith { item_id: items.id(item), baskets, lift },
        Reason::BoughtByTheSameCustomers { item, customers } => Why::BoughtByTheSameCustomers { item_id: items.id(item), customers },
        Reason::SegmentFavourite { segment, buyers } => {
            Why::SegmentFavourite { segment_id: model.segments.segment_id.value(segment), buyers }
        }
        Reason::Popular { recent_buyers } => Why::Popular { recent_buyers },
        Reason::Pinned => Why::Pinned,
    };
    let item = recommendation.item;
    Shown {
        item_id: items.id(item),
        rank,
        score: recommendation.score,
        source: recommendation.source.name(),
        reason,
        title: items.title.get(item.row()),
        category: model.recommender.category_of(item),
    }
}
