//! Changes of the catalogue: effective in the next answer, kept over reloads and restarts.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, post, put};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, Id, Lines, Nothing, Params, PathId};
use super::problem::{Code, Problem, problems};
use super::state::Shop;
use crate::state::{ItemChange, WrittenChange, now};

problems!(ItemProblems: BadParameter, MalformedId, BadBody, BadItems, SlowClient, BodyTooLarge, WrongContentType, StateBusy, StateUnavailable);
problems!(UnsayProblems: BadParameter, MalformedId, StateBusy, StateUnavailable);
problems!(ItemsProblems: BadParameter, BadBody, BadItems, SlowClient, BodyTooLarge, WrongContentType, StateBusy, StateUnavailable);

/// The most items of one request.
const MAX_ITEMS: usize = 10_000;

/// One item, or an array of them, each of which is judged by itself.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant)]
enum ItemsBody {
    One(WrittenChange),
    Many(Vec<serde_json::Value>),
}

/// An item as it is now.
#[derive(Serialize, ToSchema)]
struct ItemAnswer<'a> {
    /// The shop's id.
    item_id: &'a str,
    /// Whether the served model knows it; if not it is shown as a new item.
    known: bool,
    /// Whether it may be recommended.
    available: bool,
    /// Unit price, if it is known.
    #[schema(required)]
    price: Option<f64>,
    /// Title, if it is known.
    #[schema(required)]
    title: Option<&'a str>,
    /// Category, if it is known.
    #[schema(required)]
    category: Option<&'a str>,
    /// Brand, if it is known.
    #[schema(required)]
    brand: Option<&'a str>,
    /// Of an item that the model does not know: those that it is most like, best first. It is shown beside them and others of its category.
    like_item_ids: Vec<&'a str>,
}

/// An item that was not changed.
#[derive(Serialize, ToSchema)]
struct ItemRejection {
    /// Which one, from 1; in NDJSON the number of its line.
    number: usize,
    /// What was found and what was expected.
    reason: String,
}

/// What became of the changes: they are on the disk.
#[derive(Serialize, ToSchema)]
struct ItemsAnswer {
    /// Items changed.
    accepted: usize,
    /// Items that cannot be changed as was said.
    rejected: usize,
    /// Why, one entry each.
    rejections: Vec<ItemRejection>,
}

/// Changes an item
///
/// What is left out stays as it is; what is said holds until it is said otherwise, over the catalogue that a later model was trained with. An
/// item that the model does not know is shown from the next answer on, beside items that it is like (source `new_item`).
#[utoipa::path(
    tag = "admin",
    params(("id" = inline(Id), Path, description = "The shop's id of the item.", example = "995242")),
    request_body = WrittenChange,
    responses((status = 200, description = "The item as it is now.", body = ItemAnswer<'_>), ItemProblems)
)]
#[put("/v1/items/{id}")]
async fn change_item(shop: Data<Shop>, id: PathId, _: Params<Nothing>, body: Body<WrittenChange>) -> Result<HttpResponse, Problem> {
    let id = id.0;
    if body.0.item_id.as_ref().is_some_and(|said| *said != id) {
        return Err(Problem::new(Code::BadItems, "item_id is not the one of the path; leave it out"));
    }
    let change = ItemChange::check(id.clone(), body.0, now()).map_err(|why| Problem::new(Code::BadItems, why))?;
    shop.state.change_items(vec![change]).await?;
    shop.recatalogue([id.as_str()].into_iter());
    as_it_is_now(&shop, &id)
}

/// Takes back what was said of an item
///
/// It is again as the model has it; an item that the model does not know is gone. Nothing happens to an item of which nothing was said.
#[utoipa::path(
    tag = "admin",
    params(("id" = inline(Id), Path, description = "The shop's id of the item.", example = "995242")),
    responses((status = 200, description = "The item as it is now.", body = ItemAnswer<'_>), UnsayProblems)
)]
#[delete("/v1/items/{id}")]
async fn unsay_item(shop: Data<Shop>, id: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let id = id.0;
    shop.state.unsay_item(id.clone()).await?;
    shop.recatalogue([id.as_str()].into_iter());
    as_it_is_now(&shop, &id)
}

fn as_it_is_now(shop: &Shop, id: &str) -> Result<HttpResponse, Problem> {
    let served = shop.served();
    let catalogue = served.catalogue.load();
    let (items, recommender) = (served.model.items(), &served.model.recommender);
    let answer = match (items.find(id), catalogue.new_item(id)) {
        (None, new) => ItemAnswer {
            item_id: id,
            known: false,
            available: new.is_some_and(|new| new.available),
            price: new.and_then(|new| new.price),
            title: new.and_then(|new| new.title.as_deref()),
            category: new.and_then(|new| new.category.as_deref()),
            brand: new.and_then(|new| new.brand.as_deref()),
            like_item_ids: new.map_or_else(Vec::new, |new| new.like.iter().map(|&(item, _)| items.id(item)).collect()),
        },
        (Some(item), _) => ItemAnswer {
            item_id: id,
            known: true,
            available: catalogue.is_available(item),
            price: catalogue.price(item),
            title: catalogue.title(item).or_else(|| items.title.get(item.row())),
            category: catalogue.category_name(recommender, catalogue.category(item)),
            brand: catalogue.brand_name(recommender, catalogue.brand(item)),
            like_item_ids: Vec::new(),
        },
    };
    super::answer::json(&served, &answer)
}

/// Changes many items
///
/// One item, an array of them, or NDJSON (`application/x-ndjson`, one a line), at most 10,000, each with its item_id. A wrong one does not hold
/// up the others; when not one can be taken, the answer is `bad_items`.
#[utoipa::path(
    tag = "admin",
    request_body(content((ItemsBody = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 202, description = "They are on the disk and in effect.", body = ItemsAnswer), ItemsProblems)
)]
#[post("/v1/items")]
async fn change_items(shop: Data<Shop>, _: Params<Nothing>, lines: Lines) -> Result<HttpResponse, Problem> {
    let now = now();
    let (mut changes, mut rejections) = (Vec::new(), Vec::new());
    for (number, entry) in lines.entries(MAX_ITEMS)? {
        let change = entry.read::<WrittenChange>().and_then(|mut written| {
            let item_id = written.item_id.take().ok_or("no item_id; expected the item to change")?;
            ItemChange::check(item_id, written, now)
        });
        match change {
            Ok(change) => changes.push(change),
            Err(reason) => rejections.push(ItemRejection { number, reason }),
        }
    }
    if let (true, Some(first)) = (changes.is_empty(), rejections.first()) {
        return Err(Problem::new(Code::BadItems, format!("item {}: {}", first.number, first.reason)));
    }
    let ids: Vec<String> = changes.iter().map(|change| change.item_id.clone()).collect();
    if !changes.is_empty() {
        shop.state.change_items(changes).await?;
        let shop = shop.clone();
        let ids = ids.clone();
        let done = actix_web::web::block(move || shop.recatalogue(ids.iter().map(String::as_str))).await;
        done.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    }
    Ok(HttpResponse::Accepted().json(ItemsAnswer { accepted: ids.len(), rejected: rejections.len(), rejections }))
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(change_item).service(change_items).service(unsay_item);
}
