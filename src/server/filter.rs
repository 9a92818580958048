//! The documentation of the parameters of every list of customers, made from the columns that they filter and sort by.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Required};

use super::extract::{DEFAULT_PAGE, MAX_PAGE};
use super::problem::{Code, Problem};
use crate::encode::Format;
use crate::lists::FilterError;
use crate::lists::filter::{Kind, columns};

/// The parameters of a list of customers.
pub(super) struct FilterParams;

impl IntoParams for FilterParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        fn text() -> ObjectBuilder {
            ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
        }
        fn date() -> ObjectBuilder {
            text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
        }
        fn number() -> ObjectBuilder {
            ObjectBuilder::new().schema_type(SchemaType::new(Type::Number))
        }
        let one_of = |values: &[&'static str]| text().enum_values(Some(values.to_vec()));
        let mut params = Vec::new();
        let mut add = |name: String, about: String, schema: ObjectBuilder| {
            params.push(
                ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Query)
                    .required(Required::False)
                    .description(Some(about))
                    .schema(Some(schema))
                    .build(),
            );
        };
        for (name, about) in columns(Kind::Text).chain(columns(Kind::Flag)) {
            add(name.into(), format!("Only customers with one of these, separated by commas. {about}"), text());
        }
        for (kind, schema) in [(Kind::Number, number as fn() -> ObjectBuilder), (Kind::Date, date)] {
            for (name, about) in columns(kind) {
                add(format!("min_{name}"), format!("Only customers with at least this. {about}"), schema());
                add(format!("max_{name}"), format!("Only customers with at most this. {about}"), schema());
            }
        }
        let fields: Vec<&str> =
            [Kind::Text, Kind::Flag, Kind::Number, Kind::Date].into_iter().flat_map(columns).map(|(name, _)| name).collect();
        add("sort".into(), "What comes first: the largest number, the latest date, the first text. Equal customers stand in the order of their ids, those without a value last. Attributes too: `attributes.` and their name.".into(), one_of(&fields));
        add(
            "order".into(),
            "Smallest or largest first. Default: `desc` for numbers and dates, `asc` for texts.".into(),
            one_of(&["asc", "desc"]),
        );
        let limit = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1)).maximum(Some(u32::MAX as usize));
        let about = format!(
            "Rows of a JSON page, at most {MAX_PAGE}, by default {DEFAULT_PAGE}; of a list that is sent whole the first so many, by default all."
        );
        add("limit".into(), about, limit);
        add(
            "format".into(),
            "`json` pages, or the whole list as `csv`, `ndjson` or `parquet`. Default: what `Accept` likes best, else `json`.".into(),
            one_of(&Format::ALL.map(Format::name)),
        );
        add("cursor".into(), "`next_cursor` of the page before.".into(), text());
        params
    }
}

/// The parameters of an audience: those of a list of customers, less its order, which is given.
pub(super) struct AudienceParams;

impl IntoParams for AudienceParams {
    fn into_params(at: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut params = FilterParams::into_params(at);
        params.retain(|parameter| !matches!(parameter.name.as_str(), "sort" | "order"));
        let size = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1)).maximum(Some(MAX_AUDIENCE));
        let rule = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .pattern(Some("^(include|exclude|until_due|exclude:[1-9][0-9]{0,8}d)$"));
        let size_about =
            format!("The most customers in it, 1 to {MAX_AUDIENCE}; by default {DEFAULT_AUDIENCE}. Each takes some 50 microseconds.");
        let about = "Whether those who have bought the item before are in it: include, exclude (new buyers alone), exclude:30d or until_due. Default include.";
        for (name, about, schema) in [("size", size_about.as_str(), size), ("purchased", about, rule)] {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
            params.push(parameter.description(Some(about)).schema(Some(schema)).build());
        }
        params
    }
}

/// The most customers of an audience, and how many by default.
pub(super) const MAX_AUDIENCE: usize = 100_000;
pub(super) const DEFAULT_AUDIENCE: usize = 1_000;

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        let code = match &error {
            FilterError::Segment { .. } => Code::UnknownSegment,
            FilterError::Parameter(_) => Code::BadParameter,
        };
        Self::new(code, error.to_string())
    }
}
