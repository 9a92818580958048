//! Related items: what goes with one item.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use shopkeeper_models::Model;
use shopkeeper_models::catalogue::Catalogue;
use shopkeeper_models::recommender::{Evidence, Likeness, Related, Relation};
use utoipa::{IntoParams, ToSchema};

use super::PathProblems;
use crate::server::answer;
use crate::server::extract::{Count, Id, Params, PathId};
use crate::server::problem::Problem;
use crate::server::state::{ModelRef, Shop, with_scratch};
use crate::server::wanted::Wanted;

/// In which way two items are related.
#[derive(ToSchema)]
#[schema(as = Relation, rename_all = "snake_case", default = "bought_together")]
#[allow(dead_code)]
enum RelationName {
    BoughtTogether,
    Similar,
    Substitutes,
    Complements,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RelatedParams {
    /// In which way: in one order (`bought_together`), by the same customers (`similar`), one instead of the other (`substitutes`: same category,
    /// customers and price, seldom in one order) or one beside the other (`complements`: in one order above chance, first those of other
    /// categories).
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
    /// It may be bought instead.
    Substitute {
        /// How much the same customers like both, 0 to 1.
        liking: f32,
        /// Customers who bought both; null where they are too few to be kept count of.
        #[schema(required)]
        customers: Option<u32>,
        /// Orders that hold both; null where they are too few to be kept count of.
        #[schema(required)]
        baskets: Option<u32>,
        /// The lower price over the higher one, 0 to 1; null where a price is not known.
        #[schema(required)]
        price_ratio: Option<f32>,
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
/// By orders, by customers, as a substitute or as a complement, with the counts behind it; then what is popular in its category (but not beside a
/// complement), then in the shop, each said in `evidence`. A new item has the neighbours of the one that it is most like, which is its first substitute.
#[utoipa::path(
    tag = "storefront",
    params(("id" = inline(Id), Path, description = "The shop's id of the item.", example = "1082185"), RelatedParams),
    responses((status = 200, description = "What goes with it.", body = RelatedAnswer<'_>), PathProblems)
)]
#[get("/v1/items/{id}/related")]
pub(super) async fn related_items(
    shop: Data<Shop>,
    wanted: Wanted,
    id: PathId,
    params: Params<RelatedParams>,
) -> Result<HttpResponse, Problem> {
    let served = wanted.served(&shop);
    let model = &*served.model;
    let catalogue = served.catalogue.load();
    let item = model.items().find(&id.0);
    shop.metrics.unknown_items(usize::from(item.is_none()));
    // a new item has the neighbours of the one that it is most like
    let like = || catalogue.new_item(&id.0).and_then(|new| new.like.first()).map(|&(like, _)| like);
    let from = item.or_else(like);
    let kind = params.0.kind;
    let of_like = item.is_none() && kind == Relation::Substitutes;
    let mut related = with_scratch(|scratch| model.recommender.related(from, kind, params.0.n.0, Some(&catalogue), scratch));
    if let Some(&(like, score)) =
        catalogue.new_item(&id.0).and_then(|new| new.like.first()).filter(|(like, _)| of_like && catalogue.is_available(*like))
    {
        let likeness = Likeness { liking: score, customers: None, baskets: None, price: None };
        related.insert(0, Related { item: like, score: 1.0, evidence: Evidence::Substitute(likeness) });
        related.truncate(params.0.n.0);
    }
    let items = related.iter().enumerate().map(|(at, related)| show_related(model, &catalogue, at + 1, related)).collect();
    answer::json(&served, &RelatedAnswer { item_id: &id.0, known: item.is_some(), items, model: served.reference() })
}

fn show_related<'a>(model: &'a Model, catalogue: &'a Catalogue, rank: usize, related: &Related) -> RelatedShown<'a> {
    let evidence = match related.evidence {
        Evidence::BoughtTogether { baskets, association } => {
            Link::BoughtTogether { baskets, support: association.support, confidence: association.confidence, lift: association.lift }
        }
        Evidence::Similar { customers } => Link::Similar { customers },
        Evidence::Substitute(likeness) => Link::Substitute {
            liking: likeness.liking,
            customers: likeness.customers,
            baskets: likeness.baskets,
            price_ratio: likeness.price,
        },
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
