//! An answer: from what is known of a shopper and what may be shown to items with their evidence, through the one scoring path.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_LANGUAGE, HeaderValue};
use serde::Serialize;
use shopkeeper_models::catalogue::{Catalogue, NewItem};
use shopkeeper_models::recommender::{Fresh, Query, Reason, Recommendation};
use shopkeeper_models::{CustomerIx, ItemIx, Model};
use utoipa::ToSchema;

use super::json;
use crate::server::experiment::{Place, PlaceRef};
use crate::server::extract::Id;
use crate::server::messages::Language;
use crate::server::problem::Problem;
use crate::server::rules::{Found, Rules, Shelf, Unknown};
use crate::server::state::{ModelRef, Served, Shop, with_scratch};
use crate::server::wanted::Wanted;
use crate::server::{answer, newcomers};
use crate::state::{Remembered, now};

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
    Pinned,
}

/// The evidence for one item.
#[derive(Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
#[schema(as = Reason)]
pub(in crate::server) enum Why<'a> {
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
    /// The shop's own wish.
    Pinned,
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
            Self::Pinned => "pinned",
        }
    }
}

/// One item of an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendedItem)]
pub(in crate::server) struct Shown<'a> {
    /// The shop's id.
    #[schema(example = "1082185")]
    pub(in crate::server) item_id: &'a str,
    /// Place in the answer, from 1.
    #[schema(example = 1)]
    pub(in crate::server) rank: usize,
    /// 0 to 1, never rising down the answer unless `diversity`, `novelty` or `pinned` is asked for. For a customer with a history the probability of
    /// buying it within the next four weeks, with a basket the probability that it joins it, otherwise a share of baskets or customers.
    #[schema(example = 0.83)]
    pub(in crate::server) score: f32,
    /// The strongest signal.
    #[schema(value_type = SourceName, example = "repeat")]
    pub(in crate::server) source: &'static str,
    /// The evidence.
    pub(in crate::server) reason: Why<'a>,
    /// The reason in words; only where a language is asked for (`lang`, or the header Accept-Language).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bought together with Bread in 412 orders")]
    pub(in crate::server) text: Option<String>,
    /// Title, if the catalogue has one.
    #[schema(required, example = "Bananas")]
    pub(in crate::server) title: Option<&'a str>,
    /// Category, if the catalogue has one.
    #[schema(required, example = "PRODUCE/FRUIT")]
    pub(in crate::server) category: Option<&'a str>,
}

/// What to show, best first.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendationAnswer)]
pub(super) struct RecommendationAnswer<'a> {
    /// Unique to this answer. Name it, with an item's rank, in the events of impressions, clicks, carts and purchases that come of it.
    #[schema(example = "3f1c9a0b9c1d22aa5b6c7d8e70817263544a5b6c-AARR")]
    pub(super) recommendation_id: String,
    /// Whether anything is known of the customer: by the model, or by events since.
    pub(super) known: bool,
    /// Where the answer had to start when the shopper's own history gave nothing; null when it did.
    #[schema(value_type = Option<SourceName>, required)]
    pub(super) fallback: Option<&'static str>,
    /// Exactly n items whenever n are eligible.
    pub(super) items: Vec<Shown<'a>>,
    /// Items of the request that the model does not know.
    pub(super) unknown_items: Vec<String>,
    /// Categories of the request that the model does not know. When it knows none of those asked for, no item is eligible.
    pub(super) unknown_categories: Vec<String>,
    /// Brands of the request that the model does not know. When it knows none of those asked for, no item is eligible.
    pub(super) unknown_brands: Vec<String>,
    /// The arm of the experiment that answered; only where one is running and the request takes part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) experiment: Option<PlaceRef<'a>>,
    /// Which model answered.
    pub(super) model: ModelRef<'a>,
}

/// Who is shopping, what is in the basket, and what may be shown.
#[derive(Default)]
pub(super) struct Ask<'a> {
    /// What asks, where no scenario is named: answers are told apart by it in what is learned of their use.
    pub(super) place: &'static str,
    pub(super) customer_id: Option<&'a Id>,
    pub(super) session_id: Option<&'a Id>,
    pub(super) basket: &'a [Id],
    /// Items looked at in this session; they count as the basket does.
    pub(super) recent_items: &'a [Id],
    pub(super) scenario: Option<&'a str>,
    pub(super) rules: Rules,
    pub(super) n: usize,
    /// The arm of the experiment that the shopper is in.
    pub(super) arm: Option<Place>,
    /// The language to say reasons in.
    pub(super) language: Option<Language<'a>>,
}

/// A question whose names were looked up in one model.
pub(super) struct Asked<'a> {
    ask: &'a Ask<'a>,
    scenario: Option<Arc<Rules>>,
    catalogue: &'a Catalogue,
    customer: Option<CustomerIx>,
    remembered: Remembered,
    days_later: u32,
    basket: Vec<ItemIx>,
    pub(super) rules: Found,
    /// Whether anything is known of the customer.
    pub(super) known: bool,
}

impl Ask<'_> {
    /// Whom an experiment keeps in one arm: the customer, else the session.
    pub(super) fn shopper(&self) -> Option<&str> {
        self.customer_id.or(self.session_id).map(|id| id.0.as_str())
    }

    /// Looks everything up in a model and what was remembered since.
    pub(super) fn look_up<'a>(
        &'a self,
        shop: &Shop,
        served: &'a Served,
        catalogue: &'a Catalogue,
        unknown: &mut Unknown,
    ) -> Result<Asked<'a>, Problem> {
        let of_arm = self.arm.as_ref().and_then(Place::rules);
        let scenario = of_arm.map_or_else(|| shop.scenarios.find(self.scenario), |rules| Ok(Some(rules)))?;
        let model = &*served.model;
        let shelf = Shelf { model, catalogue };
        let customer = self.customer_id.and_then(|id| model.customer(&id.0));
        let id = |id: Option<&'a Id>| id.map(|id| id.0.as_str());
        let remembered = shop.state.activity.recall(id(self.customer_id), id(self.session_id), model, &served.seen, now());
        let remembered = remembered.unwrap_or_default();
        let known = customer.is_some() || remembered.known && self.customer_id.is_some();
        if self.customer_id.is_some() && !known {
            shop.metrics.unknown_customer();
        }
        let mut basket = unknown.items(shelf, self.basket.iter().chain(self.recent_items));
        // a page that says what lies in the basket knows better than what was remembered
        if self.basket.is_empty() && self.recent_items.is_empty() {
            basket.extend(&remembered.basket);
        }
        let rules = self.rules.find_within(scenario.as_deref(), shelf, unknown);
        shop.metrics.unknown_items(unknown.items.len());
        Ok(Asked {
            ask: self,
            scenario,
            catalogue,
            customer,
            remembered,
            days_later: shop.state.activity.days_later(&served.seen),
            basket,
            rules,
            known,
        })
    }
}

impl Asked<'_> {
    pub(super) fn query(&self) -> Query<'_> {
        let Remembered { purchases, orders, viewed, .. } = &self.remembered;
        Query {
            customer: self.customer,
            fresh: Fresh { purchases, orders: *orders, viewed },
            catalogue: Some(self.catalogue),
            days_later: self.days_later,
            basket: &self.basket,
            n: self.ask.n,
            ..self.rules.query()
        }
    }

    /// The rule that keeps out an item that the model does not know.
    pub(super) fn kept_out_by(&self, item_id: &str, item: &NewItem) -> Option<&'static str> {
        if self.ask.basket.iter().chain(self.ask.recent_items).any(|id| id.0 == item_id) {
            return Some("in_basket");
        }
        if self.remembered.new_items.iter().any(|id| **id == *item_id) {
            return Some("purchased");
        }
        let scenario = || self.scenario.as_ref().and_then(|rules| rules.kept_out_by(item_id, item));
        self.ask.rules.kept_out_by(item_id, item).or_else(scenario)
    }
}

/// The place of what sells; new items have none in it.
pub(super) const POPULAR: &str = "popular";

/// Answers through the one scoring path. `never` names new items that must not be shown.
pub(super) fn recommend<'a>(
    shop: &Shop,
    served: &'a Served,
    asked: &Asked<'a>,
    never: &[&str],
    unknown: Unknown,
) -> (RecommendationAnswer<'a>, Vec<ItemIx>) {
    let model = &*served.model;
    let answer = with_scratch(|scratch| model.recommender.recommend(&asked.query(), scratch));
    let fallback = answer.fallback.map(|source| source.name());
    shop.metrics.answer(fallback);
    let mut items: Vec<Shown<'a>> = answer.items.iter().enumerate().map(|(at, item)| show(model, asked.catalogue, at + 1, item)).collect();
    if asked.ask.place != POPULAR && asked.catalogue.new_items().len() > 0 {
        let wanted = |id: &str, item: &NewItem| !never.contains(&id) && asked.kept_out_by(id, item).is_none();
        let shopper = (asked.ask.customer_id.map(|id| &id.0), asked.ask.session_id.map(|id| &id.0));
        let turn = BuildHasherDefault::<DefaultHasher>::default().hash_one(shopper);
        newcomers::join(&mut items, model, asked.catalogue, wanted, asked.rules.max_per_category(), turn, asked.ask.n);
    }
    if let Some(language) = &asked.ask.language {
        items.iter_mut().for_each(|item| item.text = language.reason(&item.reason, |id| title(model, asked.catalogue, id)));
    }
    let sources = items.iter().map(|item| (item.source, item.reason.name()));
    let place = asked.ask.scenario.unwrap_or(asked.ask.place);
    let body = RecommendationAnswer {
        recommendation_id: shop.state.attribution.id(&model.version, place, asked.ask.arm.as_ref().map(Place::trace), sources),
        known: asked.known,
        fallback,
        items,
        unknown_items: unknown.items,
        unknown_categories: unknown.categories,
        unknown_brands: unknown.brands,
        experiment: asked.ask.arm.as_ref().map(Place::reference),
        model: served.reference(),
    };
    (body, answer.items.iter().map(|entry| entry.item).collect())
}

/// Looks a question up, answers it and sends the answer.
pub(super) fn respond(shop: &Shop, wanted: &Wanted, lang: Option<&str>, ask: Ask<'_>) -> Result<HttpResponse, Problem> {
    let (served, arm) = wanted.answering(shop, ask.scenario, ask.shopper());
    let language = wanted.language(shop, lang)?;
    let ask = Ask { arm, language, ..ask };
    let catalogue = served.catalogue.load();
    let mut unknown = Unknown::default();
    let asked = ask.look_up(shop, &served, &catalogue, &mut unknown)?;
    let answered = answer::of_bytes(&served, json::answer(&recommend(shop, &served, &asked, &[], unknown).0));
    Ok(in_language(answered, language))
}

/// The answer with the language that its texts are in.
pub(super) fn in_language(mut answer: HttpResponse, language: Option<Language<'_>>) -> HttpResponse {
    if let Some(name) = language.and_then(|language| HeaderValue::from_str(language.name).ok()) {
        answer.headers_mut().insert(CONTENT_LANGUAGE, name);
    }
    answer
}

/// The title of an item by its id, as the catalogue now has it.
pub(super) fn title<'a>(model: &'a Model, catalogue: &'a Catalogue, id: &str) -> Option<&'a str> {
    match model.items().find(id) {
        Some(item) => catalogue.title(item).or_else(|| model.items().title.get(item.row())),
        None => catalogue.new_item(id)?.title.as_deref(),
    }
}

pub(super) fn show<'a>(model: &'a Model, catalogue: &'a Catalogue, rank: usize, recommendation: &Recommendation) -> Shown<'a> {
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
        text: None,
        title: catalogue.title(item).or_else(|| items.title.get(item.row())),
        category: catalogue.category_name(&model.recommender, catalogue.category(item)),
    }
}
