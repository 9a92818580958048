//! Routes of what the purchases tell the shop.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::{Deserialize, Serialize};
use shopkeeper_models::calendar;
use shopkeeper_models::insights::{INSIGHTS, Insight, InsightQuery, find, names};
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::{self, row_type};
use super::extract::{Id, Nothing, Params, PathId, format_of};
use super::pages::{self, FormatName, ROW_COUNT};
use super::problem::{Code, Problem, problems};
use super::state::{ModelRef, Shop};
use super::wanted::Wanted;
use crate::encode::{Encoder, Format};
use crate::lists;

problems!(InsightsProblems: VersionNotLoaded, BadParameter);
problems!(InsightProblems: VersionNotLoaded, BadParameter, MalformedId, UnknownInsight, NotAcceptable, Busy);

/// A column, with its formula.
#[derive(Serialize, ToSchema)]
#[schema(as = InsightColumn)]
struct ColumnAbout {
    /// Its name.
    name: &'static str,
    /// What it is, with its formula.
    about: &'static str,
}

/// What can be asked, and what it means.
#[derive(Serialize, ToSchema)]
#[schema(as = InsightAbout)]
struct About {
    /// Its name in the path.
    name: &'static str,
    /// The question that it answers.
    question: &'static str,
    /// What must be known to read it.
    definition: &'static str,
    /// What its rows can stand for (`by`); the first is the default.
    by: &'static [&'static str],
    /// Whether `from` and `to` choose among its rows.
    has_periods: bool,
    /// Whether it can be asked for one `segment`.
    has_segments: bool,
    /// Its columns. `by`, `period`, `segment` and `suppressed` stand in every row beside them.
    columns: Vec<ColumnAbout>,
}

impl About {
    fn new(insight: &'static Insight) -> Self {
        let Insight { name, question, definition, by, has_periods, has_segments, columns } = *insight;
        let columns = columns.iter().map(|column| ColumnAbout { name: column.name, about: column.about }).collect();
        Self { name, question, definition, by, has_periods, has_segments, columns }
    }
}

/// Every insight.
#[derive(Serialize, ToSchema)]
#[schema(as = InsightList)]
struct Listing<'a> {
    /// What can be asked.
    insights: Vec<About>,
    /// Which model answered.
    model: ModelRef<'a>,
}

row_type!(
    /// The columns of the insight, with `by`, `period`, `segment` and `suppressed`.
    #[allow(dead_code)]
    AnyRow: ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)))
);

/// The rows of an insight.
#[derive(Serialize, ToSchema)]
#[schema(as = InsightAnswer)]
struct Answer<'a> {
    /// What was asked, and what its columns mean.
    insight: About,
    /// Figures that fewer customers stand behind are null, and their row says `suppressed`.
    #[schema(required)]
    min_group: Option<u64>,
    /// How many rows.
    total: usize,
    /// Which model answered.
    model: ModelRef<'a>,
    /// The rows.
    #[serde(skip)]
    #[schema(value_type = Vec<AnyRow>)]
    #[allow(dead_code)]
    rows: (),
}

/// A calendar date.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Date(calendar::Day);

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        calendar::day(&text).map(Self).ok_or_else(|| format!("{text}; expected a date such as 2017-11-06"))
    }
}

impl PartialSchema for Date {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        answer::object(text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))))
    }
}
impl ToSchema for Date {}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InsightParams {
    /// What the rows stand for, one of the insight's `by`. Default: the first of them.
    #[param(example = "month")]
    by: Option<String>,
    /// Only periods that begin on this day or later.
    #[param(inline)]
    from: Option<Date>,
    /// Only periods that begin on this day or earlier.
    #[param(inline)]
    to: Option<Date>,
    /// Only customers of this segment. Default: everybody.
    #[param(inline)]
    segment: Option<Id>,
    /// `json`, or the rows alone as `csv`, `ndjson` or `parquet`. Default: what `Accept` likes best, else `json`.
    #[param(value_type = Option<FormatName>, inline)]
    format: Option<Format>,
}

/// What the purchases can be asked, with the definition of every figure
#[utoipa::path(
    tag = "marketing",
    responses((status = 200, description = "The insights.", body = Listing<'_>), InsightsProblems)
)]
#[get("/v1/insights")]
async fn list_insights(shop: Data<Shop>, wanted: Wanted, _: Params<Nothing>) -> Result<HttpResponse, Problem> {
    let served = wanted.served(&shop);
    answer::json(&served, &Listing { insights: INSIGHTS.iter().map(About::new).collect(), model: served.reference() })
}

/// What the purchases say
///
/// Periods are those of the shop's calendar and begin with their first day.
#[utoipa::path(
    tag = "marketing",
    params(("name" = String, Path, description = "The insight. GET /v1/insights lists them.", example = "customers"), InsightParams),
    responses((status = 200, description = "The rows, with the definition of each column.", body = Answer<'_>), InsightProblems)
)]
#[get("/v1/insights/{name}")]
async fn show_insight(
    shop: Data<Shop>,
    wanted: Wanted,
    request: HttpRequest,
    name: PathId,
    params: Params<InsightParams>,
) -> Result<HttpResponse, Problem> {
    let InsightParams { by, from, to, segment, format } = params.0;
    let insight = find(&name.0).ok_or_else(|| Problem::new(Code::UnknownInsight, format!("{:?} is none of {}", name.0, names())))?;
    let format = format_of(&request, format)?;
    let query = InsightQuery { by, from: from.map(|from| from.0), to: to.map(|to| to.0), segment: segment.map(|segment| segment.0) };
    let served = wanted.pinned(&shop);
    let rows = lists::insight(&served.model, insight, &query).map_err(|why| Problem::new(Code::BadParameter, why))?;
    if format != Format::Json {
        return pages::send_whole(&shop, &served, insight.name, format, lists::insight_list(rows));
    }
    let min_group = served.model.manifest.settings["insights"]["min_group"].as_u64();
    let answer = Answer { insight: About::new(insight), min_group, total: rows.num_rows(), model: served.reference(), rows: () };
    let mut body = serde_json::to_vec(&answer).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let mut encoder = Encoder::new(Format::Json, &rows.schema())?;
    encoder.write(&rows)?;
    body.truncate(body.len() - 1);
    body.extend_from_slice(b",\"rows\":");
    body.extend_from_slice(&encoder.finish()?);
    body.push(b'}');
    let mut response = answer::of_bytes(&served, body);
    response.headers_mut().insert(actix_web::http::header::HeaderName::from_static(ROW_COUNT), rows.num_rows().into());
    Ok(response)
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_insights).service(show_insight);
}
