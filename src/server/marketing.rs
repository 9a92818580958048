//! Marketing routes: who the customers are, who is about to leave, and what goes with what.

use std::cmp::Reverse;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use shopkeeper_models::recommender::Purchased;
use shopkeeper_models::rules::RuleLevel;
use shopkeeper_models::segments::{OverCategory, SegmentKind};
use shopkeeper_models::{CustomerIx, ItemIx, Model};
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::{self, property, row_schema, row_type};
use super::extract::{CustomerParams, Id, Limit, NotNegative, Nothing, Params, PathId, Share};
use super::filter::{AudienceParams, DEFAULT_AUDIENCE, FilterParams, MAX_AUDIENCE};
use super::pages::{self, Page, list_params};
use super::problem::{Code, Problem, problems};
use super::state::{Served, Shop};
use super::wanted::Wanted;
use crate::lists::columns::batch;
use crate::lists::{
    self, AUDIENCE, AUDIENCE_CUSTOMER, AudienceSettings, CHURN, CHURN_SORT, CUSTOMER_SEGMENT, CUSTOMERS, CUSTOMERS_SORT, Column,
    CustomerFilter, List, MEMBERS, Offered, RULES, RuleFilter, RuleSort, SEGMENTS, Window, customer_batch,
};

/// The most bought items that a customer view shows.
const TOP_ITEMS: usize = 10;

problems!(CustomerProblems: VersionNotLoaded, BadParameter, MalformedId, UnknownCustomer);
problems!(SegmentProblems: VersionNotLoaded, BadParameter, MalformedId, UnknownSegment);
problems!(ListProblems: VersionNotLoaded, BadParameter, BadCursor, NotAcceptable, ModelChanged, Busy);
problems!(ChurnProblems: VersionNotLoaded, BadParameter, BadCursor, UnknownSegment, NotAcceptable, ModelChanged, Busy);
problems!(AudienceProblems: VersionNotLoaded, BadParameter, MalformedId, BadCursor, UnknownItem, UnknownSegment, NotAcceptable, ModelChanged, Busy);
problems!(MemberProblems: VersionNotLoaded, BadParameter, MalformedId, BadCursor, UnknownSegment, NotAcceptable, ModelChanged, Busy);

row_type!(
    /// One customer and their churn.
    ChurnRow: with_attributes(row_schema(CHURN))
);
row_type!(
    /// One member of a segment.
    MemberRow: with_attributes(row_schema(MEMBERS))
);
row_type!(
    /// One customer in a list.
    CustomerRow: with_attributes(row_schema(CUSTOMERS))
);
row_type!(
    /// One likely buyer.
    AudienceRow: with_attributes(AUDIENCE_CUSTOMER.iter().fold(row_schema(AUDIENCE), |row, column| {
        let (name, schema) = property(column);
        row.property(name, schema).required(name)
    }))
);
row_type!(
    /// One rule.
    RuleRow: row_schema(RULES)
);
row_type!(
    /// One segment.
    SegmentRow: row_schema(SEGMENTS)
);
row_type!(
    /// Everything the model knows and predicts of a customer.
    CustomerAnswer: with_model(with_top_items(with_attributes(row_schema(CUSTOMERS))))
);
row_type!(
    /// The churn of one customer.
    ChurnAnswer: with_model(with_attributes(row_schema(CHURN)))
);
row_type!(
    /// The segment, stage and tier of one customer.
    CustomerSegmentAnswer: with_model(with_attributes(row_schema(CUSTOMER_SEGMENT)))
);
row_type!(
    /// One segment and the model it is of.
    SegmentAnswer: with_model(with_liking(row_schema(SEGMENTS)))
);

fn with_model(row: ObjectBuilder) -> ObjectBuilder {
    row.property("model", Ref::from_schema_name("ModelRef")).required("model")
}

/// Attributes have the names and types of the shop's customers table.
fn with_attributes(row: ObjectBuilder) -> ObjectBuilder {
    let about = "What the customers table says of them: texts, numbers, booleans and dates by the names of its columns; null where it says nothing.";
    let attributes = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true))).description(Some(about));
    row.property("attributes", attributes).required("attributes")
}

fn with_top_items(row: ObjectBuilder) -> ObjectBuilder {
    row.property("top_items", ArrayBuilder::new().items(TopItem::schema())).required("top_items")
}

fn with_liking(row: ObjectBuilder) -> ObjectBuilder {
    let lists = [
        ("favourites", "The items that most of its customers bought lately.", LikedItem::schema()),
        ("over_items", "Items that more of its customers bought than of all customers, highest lift first.", LikedItem::schema()),
        ("over_categories", "Categories that hold more of its spend than of the shop's, highest lift first.", LikedCategory::schema()),
    ];
    lists
        .into_iter()
        .fold(row, |row, (name, about, entry)| row.property(name, ArrayBuilder::new().items(entry).description(Some(about))).required(name))
}

/// What a customer bought most often.
#[derive(Serialize, ToSchema)]
struct TopItem<'a> {
    /// The shop's id.
    item_id: &'a str,
    /// Title, if the catalogue has one.
    #[schema(required)]
    title: Option<&'a str>,
    /// Orders of this customer that hold it.
    orders: u32,
    /// Days since the last of them.
    days_since_last: u32,
}

/// An item that customers of a segment buy.
#[derive(Serialize, ToSchema)]
struct LikedItem<'a> {
    /// The shop's id.
    item_id: &'a str,
    /// Title, if the catalogue has one.
    #[schema(required)]
    title: Option<&'a str>,
    /// Customers of the segment who bought it: lately for a favourite, ever for an over-indexed item.
    buyers: u32,
    /// Share of the segment's customers who bought it over that of all customers; none for a favourite.
    #[schema(required)]
    lift: Option<f64>,
}

/// A category that holds more of a segment's spend than of the shop's.
#[derive(Serialize, ToSchema)]
struct LikedCategory {
    /// Its name.
    category: String,
    /// Mean share of a customer's spend, 0 to 1.
    share: f64,
    /// That over the mean of all customers.
    lift: f64,
}

/// What the customers of a segment like.
#[derive(Serialize)]
struct Liking<'a> {
    favourites: Vec<LikedItem<'a>>,
    over_items: Vec<LikedItem<'a>>,
    over_categories: Vec<LikedCategory>,
}

#[derive(Serialize)]
struct NoMore {}

fn find_customer(shop: &Shop, model: &Model, id: &str) -> Result<CustomerIx, Problem> {
    model.customer(id).ok_or_else(|| {
        shop.metrics.unknown_customer();
        Problem::new(Code::UnknownCustomer, format!("not among the {} customers of {}", model.customers.len(), model.version))
    })
}

fn find_segment(model: &Model, id: &str) -> Result<usize, Problem> {
    model.segments.find(id).ok_or_else(|| Problem::new(Code::UnknownSegment, format!("{id:?} is none of {}", segment_ids(model))))
}

fn segment_ids(model: &Model) -> String {
    model.segments.segment_id.iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Answers with one row of a customer.
fn customer_row(shop: &Shop, wanted: &Wanted, id: &str, columns: &[Column<CustomerIx>]) -> Result<HttpResponse, Problem> {
    let served = wanted.served(shop);
    let customer = find_customer(shop, &served.model, id)?;
    answer::row(&served, &customer_batch(columns, &served.model, &[customer]), &NoMore {})
}

/// Everything the model knows of a customer
#[utoipa::path(
    tag = "marketing",
    params(("id" = inline(Id), Path, description = "The shop's id of the customer.", example = "1364")),
    responses((status = 200, description = "The customer.", body = CustomerAnswer), CustomerProblems)
)]
#[get("/v1/customers/{id}")]
async fn show_customer(shop: Data<Shop>, wanted: Wanted, id: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    #[derive(Serialize)]
    struct More<'a> {
        top_items: Vec<TopItem<'a>>,
    }
    let served = wanted.served(&shop);
    let customer = find_customer(&shop, &served.model, &id.0)?;
    let more = More { top_items: top_items(&served.model, customer) };
    answer::row(&served, &customer_batch(CUSTOMERS, &served.model, &[customer]), &more)
}

fn top_items(model: &Model, customer: CustomerIx) -> Vec<TopItem<'_>> {
    let mut bought: Vec<_> = model.recommender.parts().histories.of(customer).filter(|bought| bought.orders > 0).collect();
    bought.sort_unstable_by_key(|bought| (Reverse(bought.orders), bought.days_since_last, bought.item));
    let items = model.items();
    let top = bought.iter().take(TOP_ITEMS).map(|bought| TopItem {
        item_id: items.id(bought.item),
        title: items.title.get(bought.item.row()),
        orders: bought.orders,
        days_since_last: bought.days_since_last,
    });
    top.collect()
}

/// How likely a customer is to leave
#[utoipa::path(
    tag = "marketing",
    params(("id" = inline(Id), Path, description = "The shop's id of the customer.", example = "1364")),
    responses((status = 200, description = "The customer's churn.", body = ChurnAnswer), CustomerProblems)
)]
#[get("/v1/customers/{id}/churn")]
async fn show_customer_churn(shop: Data<Shop>, wanted: Wanted, id: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    customer_row(&shop, &wanted, &id.0, CHURN)
}

/// Where a customer belongs
#[utoipa::path(
    tag = "marketing",
    params(("id" = inline(Id), Path, description = "The shop's id of the customer.", example = "1364")),
    responses((status = 200, description = "The customer's segment.", body = CustomerSegmentAnswer), CustomerProblems)
)]
#[get("/v1/customers/{id}/segment")]
async fn show_customer_segment(shop: Data<Shop>, wanted: Wanted, id: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    customer_row(&shop, &wanted, &id.0, CUSTOMER_SEGMENT)
}

/// Sends a list of customers.
async fn send_customers(
    (shop, served): (&Shop, Arc<Served>),
    request: &HttpRequest,
    params: &CustomerParams,
    (name, sort, segment): (&'static str, &str, Option<usize>),
    make: fn(&Arc<Model>, &CustomerFilter, Window) -> List,
) -> Result<HttpResponse, Problem> {
    let filter = CustomerFilter::new(&served.model, &params.filter, sort)?;
    let filter = match segment {
        Some(segment) => filter.in_segment(&served.model, segment),
        None => filter,
    };
    pages::send((shop, served), request, &params.page, (name, filter.clone()), move |model, window| make(model, &filter, window)).await
}

/// Who is about to leave, most money at stake first
///
/// JSON comes in pages; CSV, NDJSON and Parquet come whole. Attributes of the customers table filter and sort by `attributes.` and their name, as
/// in `attributes.region=north`.
#[utoipa::path(
    tag = "marketing",
    params(FilterParams),
    responses((status = 200, description = "The customers.", body = Page<ChurnRow>), ChurnProblems)
)]
#[get("/v1/churn")]
async fn list_churn(shop: Data<Shop>, wanted: Wanted, request: HttpRequest, params: CustomerParams) -> Result<HttpResponse, Problem> {
    send_customers((&shop, wanted.pinned(&shop)), &request, &params, ("churn", CHURN_SORT, None), lists::churn).await
}

/// The customers, with everything that is known of them
///
/// Filters, sorts and formats as the churn list does.
#[utoipa::path(
    tag = "marketing",
    params(FilterParams),
    responses((status = 200, description = "The customers.", body = Page<CustomerRow>), ChurnProblems)
)]
#[get("/v1/customers")]
async fn list_customers(shop: Data<Shop>, wanted: Wanted, request: HttpRequest, params: CustomerParams) -> Result<HttpResponse, Problem> {
    send_customers((&shop, wanted.pinned(&shop)), &request, &params, ("customers", CUSTOMERS_SORT, None), lists::customers).await
}

/// What the customers of a segment have in common.
#[derive(ToSchema)]
#[schema(as = SegmentKind, rename_all = "snake_case")]
#[allow(dead_code)]
enum SegmentKindName {
    Behaviour,
    Needs,
}

list_params!(SegmentsParams {
    /// Only segments of this kind: `behaviour` or, where the shop has categories, `needs`. A customer is in one of each.
    #[param(value_type = Option<SegmentKindName>, inline)]
    kind: Option<SegmentKind>,
});

/// The segments
#[utoipa::path(
    tag = "marketing",
    params(SegmentsParams),
    responses((status = 200, description = "The segments.", body = Page<SegmentRow>), ListProblems)
)]
#[get("/v1/segments")]
async fn list_segments(
    shop: Data<Shop>,
    wanted: Wanted,
    request: HttpRequest,
    params: Params<SegmentsParams>,
) -> Result<HttpResponse, Problem> {
    let params = params.0;
    let kind = params.kind;
    pages::send((&shop, wanted.pinned(&shop)), &request, &params.page(), ("segments", kind), move |model, window| {
        lists::segments(model, kind, window)
    })
    .await
}

/// One segment
#[utoipa::path(
    tag = "marketing",
    params(("id" = inline(Id), Path, description = "The segment.", example = "s1")),
    responses((status = 200, description = "The segment.", body = SegmentAnswer), SegmentProblems)
)]
#[get("/v1/segments/{id}")]
async fn show_segment(shop: Data<Shop>, wanted: Wanted, id: PathId, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let served = wanted.served(&shop);
    let row = find_segment(&served.model, &id.0)?;
    answer::row(&served, &batch(SEGMENTS, &served.model, &[row]), &liking(&served.model, row)?)
}

/// What the customers of a segment like.
fn liking(model: &Model, row: usize) -> Result<Liking<'_>, Problem> {
    let broken = |error: shopkeeper_models::ModelError| Problem::new(Code::Internal, error.to_string());
    let items = model.items();
    let liked = |item: ItemIx, buyers: u32, lift: Option<f64>| LikedItem {
        item_id: items.id(item),
        title: items.title.get(item.row()),
        buyers,
        lift,
    };
    let favourites = model.segments.favourites(items.len()).map_err(broken)?;
    let over_items = model.segments.over_items(row).map_err(broken)?;
    let over_categories = model.segments.over_categories(row).map_err(broken)?.into_iter();
    let category = |over: OverCategory| LikedCategory { category: over.category, share: over.share, lift: over.lift };
    Ok(Liking {
        favourites: favourites.of(row).take(TOP_ITEMS).map(|(item, buyers)| liked(item, buyers, None)).collect(),
        over_items: over_items.into_iter().map(|over| liked(over.item, over.buyers, Some(over.lift))).collect(),
        over_categories: over_categories.map(category).collect(),
    })
}

/// The customers of a segment
///
/// Filters, sorts and formats as the churn list does; ascending by id unless something else is asked for.
#[utoipa::path(
    tag = "marketing",
    params(("id" = inline(Id), Path, description = "The segment.", example = "s1"), FilterParams),
    responses((status = 200, description = "Its customers.", body = Page<MemberRow>), MemberProblems)
)]
#[get("/v1/segments/{id}/customers")]
async fn list_members(
    shop: Data<Shop>,
    wanted: Wanted,
    request: HttpRequest,
    id: PathId,
    params: CustomerParams,
) -> Result<HttpResponse, Problem> {
    let served = wanted.pinned(&shop);
    let segment = find_segment(&served.model, &id.0)?;
    send_customers((&shop, served), &request, &params, ("members", CUSTOMERS_SORT, Some(segment)), lists::members).await
}

/// What rules speak of.
#[derive(ToSchema)]
#[schema(as = RuleLevel, rename_all = "snake_case")]
#[allow(dead_code)]
enum RuleLevelName {
    Item,
    Category,
}

/// What rules are sorted by.
#[derive(ToSchema)]
#[schema(as = RuleSort, rename_all = "snake_case")]
#[allow(dead_code)]
enum RuleSortName {
    Lift,
    Confidence,
    Support,
    Leverage,
    Conviction,
    ChiSquare,
    PValue,
}

list_params!(RuleParams {
    /// Only rules between items (`item`) or between categories (`category`).
    #[param(value_type = Option<RuleLevelName>, inline)]
    level: Option<RuleLevel>,
    /// Only rules that name this item or category, on either side.
    #[param(inline)]
    item: Option<Id>,
    /// Only rules that name it in the antecedent.
    #[param(inline)]
    antecedent: Option<Id>,
    /// Only rules that lead to it.
    #[param(inline)]
    consequent: Option<Id>,
    /// The fewest items of a rule, the consequent included.
    #[param(inline)]
    min_size: Option<Limit>,
    /// The most items of a rule.
    #[param(inline)]
    max_size: Option<Limit>,
    /// The least share of all orders that hold all of the rule.
    #[param(inline)]
    min_support: Option<Share>,
    /// The least share of the orders with the antecedent that hold the consequent.
    #[param(inline)]
    min_confidence: Option<Share>,
    /// The least lift, from 0; 1 = independent.
    #[param(inline)]
    min_lift: Option<NotNegative>,
    /// The largest p-value of Fisher's exact test.
    #[param(inline)]
    max_p_value: Option<Share>,
    /// Whether to leave out rules that a shorter one says as surely. Default false.
    prune: Option<bool>,
    /// What comes first, the lowest for `p_value` and the highest for the others. Default: lift, items before categories.
    #[param(value_type = Option<RuleSortName>, inline)]
    sort: Option<RuleSort>,
});

/// What orders that hold something often hold as well
#[utoipa::path(
    tag = "marketing",
    params(RuleParams),
    responses((status = 200, description = "The rules.", body = Page<RuleRow>), ListProblems)
)]
#[get("/v1/rules")]
async fn list_rules(shop: Data<Shop>, wanted: Wanted, request: HttpRequest, params: Params<RuleParams>) -> Result<HttpResponse, Problem> {
    let params = params.0;
    let page = params.page();
    let least = |share: Option<Share>| share.map_or(0.0, |share| share.0);
    let filter = RuleFilter {
        level: params.level,
        item: params.item.map(|id| id.0),
        antecedent: params.antecedent.map(|id| id.0),
        consequent: params.consequent.map(|id| id.0),
        min_size: params.min_size.map_or(0, |size| size.0),
        max_size: params.max_size.map(|size| size.0),
        min_support: least(params.min_support),
        min_confidence: least(params.min_confidence),
        min_lift: params.min_lift.map_or(0.0, |lift| lift.0),
        max_p_value: params.max_p_value.map(|share| share.0),
        prune: params.prune.unwrap_or(false),
        sort: params.sort,
    };
    let served = wanted.pinned(&shop);
    filter.check(&served.model).map_err(|why| Problem::new(Code::BadParameter, why))?;
    pages::send((&shop, served), &request, &page, ("rules", filter.clone()), move |model, window| lists::rules(model, &filter, window))
        .await
}

/// Who is likely to buy an item, most likely first
///
/// Customers who bought the item, what goes with it, or something of its category, in the order of what the ranker says of it for each; for an item
/// that the model does not know yet those who bought what it is like. Filters and formats as the churn list does; JSON comes in pages.
#[utoipa::path(
    tag = "marketing",
    params(("id" = inline(Id), Path, description = "The shop's id of the item.", example = "995242"), AudienceParams),
    responses((status = 200, description = "The customers.", body = Page<AudienceRow>), AudienceProblems)
)]
#[get("/v1/items/{id}/audience")]
async fn show_audience(
    shop: Data<Shop>,
    wanted: Wanted,
    request: HttpRequest,
    id: PathId,
    params: CustomerParams,
) -> Result<HttpResponse, Problem> {
    let CustomerParams { page, filter: mut conditions } = params;
    let bad = |why: String| Problem::new(Code::BadParameter, why);
    let mut take = |name: &str| {
        let at = conditions.iter().position(|(given, _)| given == name)?;
        Some(conditions.remove(at).1)
    };
    let size = take("size").map_or(Ok(DEFAULT_AUDIENCE), |size| match size.parse() {
        Ok(size) if (1..=MAX_AUDIENCE).contains(&size) => Ok(size),
        _ => Err(bad(format!("size={size}: expected a whole number from 1 to {MAX_AUDIENCE}"))),
    })?;
    let purchased = take("purchased").map_or(Ok(Purchased::default()), Purchased::try_from);
    let purchased = purchased.map_err(|why| bad(format!("purchased: {why}")))?;
    if let Some(name) = ["sort", "order"].into_iter().find(|name| take(name).is_some()) {
        return Err(bad(format!("{name}: an audience is in the order of probability; leave it out, or sort the CSV")));
    }
    let served = wanted.pinned(&shop);
    let catalogue = served.catalogue.load_full();
    let model = &served.model;
    let item = match (model.items().find(&id.0), catalogue.new_item(&id.0)) {
        (Some(item), _) => Offered::Known(item),
        (None, Some(new)) => Offered::New(Box::new(new.clone())),
        (None, None) => {
            return Err(Problem::new(Code::UnknownItem, format!("not among the {} items of {}", model.items().len(), model.version)));
        }
    };
    let filter = CustomerFilter::new(model, &conditions, CUSTOMERS_SORT)?;
    let settings = AudienceSettings { size, purchased, days_later: shop.state.activity.days_later(&served.seen) };
    let what = (id.0.clone(), filter.clone(), settings);
    pages::send((&shop, served), &request, &page, ("audience", what), move |model, window| {
        let now = catalogue.offering(&model.recommender, &id.0);
        lists::audience(model, &item, &now, settings, &filter, window)
    })
    .await
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_customers)
        .service(show_customer)
        .service(show_customer_churn)
        .service(show_customer_segment)
        .service(list_churn)
        .service(list_segments)
        .service(show_segment)
        .service(list_members)
        .service(list_rules)
        .service(show_audience);
}
