//! Routes of the rules that tell customers apart, and of who moved between them.

use actix_web::web::{Data, block};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::{Deserialize, Serialize};
use shopkeeper_models::ModelError;
use shopkeeper_models::groups::GroupBy;
use shopkeeper_models::migration::Migration;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::{self, row_schema, row_type};
use super::extract::{Params, format_of};
use super::pages::{self, FormatName, Page, list_params};
use super::problem::{Code, Problem, problems};
use super::state::{ModelRef, Shop};
use super::wanted::Wanted;
use crate::encode::Format;
use crate::lists::{self, GROUPS, SCORES};

problems!(GroupProblems: VersionNotLoaded, BadParameter, BadCursor, NotAcceptable, ModelChanged, Busy);
problems!(MigrationProblems: VersionNotLoaded, BadParameter, UnknownVersion, NotAcceptable, ModelUnusable, Busy);

row_type!(
    /// One group and its rule.
    GroupRow: row_schema(GROUPS)
);

/// What customers are grouped by.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct By(GroupBy);

impl TryFrom<String> for By {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        GroupBy::from_name(&name).map(Self).ok_or_else(|| format!("no way to group customers; expected one of {}", GroupBy::names()))
    }
}

/// The same, or one of the scores.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct ByAny(usize);

/// The names that [`ByAny`] takes.
fn any_names() -> impl Iterator<Item = &'static str> {
    GroupBy::ALL.map(GroupBy::name).into_iter().chain(SCORES)
}

impl TryFrom<String> for ByAny {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = any_names().position(|known| known == name).map(Self);
        known.ok_or_else(|| format!("no way to group customers; expected one of {}, {}", GroupBy::names(), SCORES.join(", ")))
    }
}

fn one_of(values: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
    RefOr::T(schema.enum_values(Some(values.into_iter().collect::<Vec<_>>())).build().into())
}

impl utoipa::PartialSchema for By {
    fn schema() -> RefOr<Schema> {
        one_of(GroupBy::ALL.map(GroupBy::name))
    }
}
impl ToSchema for By {}
impl utoipa::PartialSchema for ByAny {
    fn schema() -> RefOr<Schema> {
        one_of(any_names())
    }
}
impl ToSchema for ByAny {}

list_params!(GroupsParams {
    /// Only the groups by this.
    #[param(inline)]
    by: Option<ByAny>,
});

/// Every rule by which customers are told apart, with the count that it gives
///
/// Segments, RFM groups, lifecycle stages, value tiers, loyalty tiers, and the cut points of the RFM scores.
#[utoipa::path(
    tag = "marketing",
    params(GroupsParams),
    responses((status = 200, description = "The groups.", body = Page<GroupRow>), GroupProblems)
)]
#[get("/v1/groups")]
async fn list_groups(
    shop: Data<Shop>,
    wanted: Wanted,
    request: HttpRequest,
    params: Params<GroupsParams>,
) -> Result<HttpResponse, Problem> {
    let by = params.0.by.and_then(|by| any_names().nth(by.0));
    pages::send((&shop, wanted.pinned(&shop)), &request, &params.0.page(), ("groups", by), move |model, window| {
        lists::groups(model, by, window)
    })
    .await
}

/// Which versions to compare.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MigrationParams {
    /// The version before. Default: the latest one that ends before the other.
    #[param(example = "2017-11-06-9df1579dfdeb")]
    from: Option<String>,
    /// The version after. Default: the one that is served.
    #[param(example = "2017-12-04-3f1c9a0b77e2")]
    to: Option<String>,
    /// What customers are grouped by. Default `lifecycle`.
    #[param(inline)]
    by: Option<By>,
    /// `json`, or the ways alone as `csv`, `ndjson` or `parquet`. Default: what `Accept` likes best, else `json`.
    #[param(value_type = Option<FormatName>, inline)]
    format: Option<Format>,
}

/// One way from group to group.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationWay)]
struct WayRow<'a> {
    /// The group before; null for those who joined.
    #[schema(required)]
    from_group: Option<&'a str>,
    /// The group after; null for those who left.
    #[schema(required)]
    to_group: Option<&'a str>,
    /// `stayed`, `moved`, `joined` (not in the version before) or `left` (not in the version after).
    change: &'a str,
    /// Who took it.
    customers: u64,
    /// Their share of the group before, 0 to 1; null for those who joined.
    #[schema(required)]
    share: Option<f64>,
}

/// Who moved from which group to which.
#[derive(Serialize, ToSchema)]
#[schema(as = MigrationAnswer)]
struct MigrationAnswer<'a> {
    /// What customers are grouped by.
    by: &'a str,
    /// The version before.
    from: ModelRef<'a>,
    /// The version after.
    to: ModelRef<'a>,
    /// Customers in both versions.
    both: u64,
    /// Those of them who are where they were.
    stayed: u64,
    /// Customers in the version after alone.
    joined: u64,
    /// Customers in the version before alone.
    left: u64,
    /// Every way that somebody took.
    rows: Vec<WayRow<'a>>,
    /// Which model is served.
    model: ModelRef<'a>,
}

/// Who moved from which group to which between two versions
#[utoipa::path(
    tag = "marketing",
    params(MigrationParams),
    responses((status = 200, description = "The moves.", body = MigrationAnswer<'_>), MigrationProblems)
)]
#[get("/v1/segments/migration")]
async fn show_migration(
    shop: Data<Shop>,
    wanted: Wanted,
    request: HttpRequest,
    params: Params<MigrationParams>,
) -> Result<HttpResponse, Problem> {
    let MigrationParams { from, to, by, format } = params.0;
    let format = format_of(&request, format)?;
    let served = wanted.pinned(&shop);
    let to = to.unwrap_or_else(|| served.model.version.clone());
    let (store, model) = (shop.store.clone(), served.model.clone());
    let by = by.map_or(GroupBy::Lifecycle, |by| by.0);
    let compared = block(move || {
        // what is served needs no reading, and may have been deleted from the store
        let standing = |version: &str| if version == model.version { Ok(model.standing()) } else { store.standing(version) };
        let later = standing(&to)?;
        let day = if later.version == model.version { model.manifest.as_of_day } else { store.manifest(&to)?.as_of_day };
        let Some(from) = from.map_or_else(|| store.before(day), |from| Ok(Some(from)))? else {
            let detail = format!("no from, and the store has no version that ends before {to}; expected the name of a version");
            return Ok::<_, ModelError>(Err(Problem::new(Code::BadParameter, detail)));
        };
        if from == to {
            let detail = format!("from and to are both {from}; expected two versions. GET /v1/models lists them");
            return Ok(Err(Problem::new(Code::BadParameter, detail)));
        }
        Ok(Ok(Migration::between(&standing(&from)?, &later, by)))
    });
    let migration = compared.await.map_err(|error| Problem::new(Code::Internal, error.to_string()))???;
    if format != Format::Json {
        return pages::send_whole(&shop, &served, "migration", format, lists::migration(&migration));
    }
    let [both, joined, left] = migration.totals();
    let rows = migration.ways().map(|way| WayRow {
        from_group: way.from,
        to_group: way.to,
        change: way.change.name(),
        customers: way.customers,
        share: way.share,
    });
    let answer = MigrationAnswer {
        by: migration.by.name(),
        from: ModelRef { version: &migration.from[0], as_of: &migration.from[1] },
        to: ModelRef { version: &migration.to[0], as_of: &migration.to[1] },
        both,
        stayed: migration.stayed(),
        joined,
        left,
        rows: rows.collect(),
        model: served.reference(),
    };
    answer::json(&served, &answer)
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_groups).service(show_migration);
}
