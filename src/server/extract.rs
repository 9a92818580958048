//! The door: text from outside becomes types that cannot be wrong, or a problem that says why not.

use std::borrow::Cow;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use shopkeeper_models::ids::MAX_ID_BYTES;
use shopkeeper_models::recommender::MAX_N;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use super::pages::PageParams;
use super::problem::{Code, Problem};
use crate::encode::Format;

/// The most ids in one list of a request.
pub(super) const MAX_IDS: usize = 1000;
/// The most rows of one JSON page.
pub(super) const MAX_PAGE: usize = 1000;

/// An id from outside: 1 to [`MAX_ID_BYTES`] bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Id(pub(super) String);

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        if (1..=MAX_ID_BYTES).contains(&id.len()) {
            return Ok(Self(id));
        }
        Err(format!("an id of {} bytes; expected 1 to {MAX_ID_BYTES}", id.len()))
    }
}

/// A list of at most [`MAX_IDS`] ids in a JSON body.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Id>")]
pub(super) struct Ids(pub(super) Vec<Id>);

impl TryFrom<Vec<Id>> for Ids {
    type Error = String;

    fn try_from(ids: Vec<Id>) -> Result<Self, String> {
        if ids.len() <= MAX_IDS {
            return Ok(Self(ids));
        }
        Err(format!("{} ids; expected at most {MAX_IDS}", ids.len()))
    }
}

/// The most names of categories or brands in one list of a request.
pub(super) const MAX_NAMES: usize = 100;

/// A list of at most [`MAX_NAMES`] names of categories or brands in a JSON body.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Id>")]
pub(super) struct Names(pub(super) Vec<Id>);

impl TryFrom<Vec<Id>> for Names {
    type Error = String;

    fn try_from(names: Vec<Id>) -> Result<Self, String> {
        if names.len() <= MAX_NAMES {
            return Ok(Self(names));
        }
        Err(format!("{} names; expected at most {MAX_NAMES}", names.len()))
    }
}

impl Names {
    /// The names, if there are any.
    pub(super) fn some(&self) -> Option<&[Id]> {
        (!self.0.is_empty()).then_some(&self.0)
    }
}

/// What stands between the values of a parameter that was given several times, once they are one. No name holds it.
const BETWEEN: char = '\u{1f}';
/// The parameters that may be given several times.
const REPEATABLE: [&str; 2] = ["category", "brand"];

/// The names of a query parameter that may be given several times.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Several(pub(super) Vec<Id>);

impl TryFrom<String> for Several {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let names: Result<Vec<Id>, String> = text.split(BETWEEN).map(|name| Id::try_from(name.to_owned())).collect();
        names.and_then(Names::try_from).map(|names| Self(names.0))
    }
}

/// The query with each of [`REPEATABLE`] once, with all of its values.
fn gathered(query: &str) -> Cow<'_, str> {
    let name = |pair: &str| REPEATABLE.into_iter().find(|name| pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
    let repeated = |wanted: &str| query.split('&').filter(|pair| name(pair) == Some(wanted)).count() > 1;
    if !REPEATABLE.into_iter().any(repeated) {
        return Cow::Borrowed(query);
    }
    let mut pairs: Vec<String> = Vec::new();
    for pair in query.split('&') {
        let first = name(pair).and_then(|name| pairs.iter_mut().find(|first| first.starts_with(&format!("{name}="))));
        match first {
            Some(first) => first.extend(["%1F", pair.split_once('=').map_or("", |(_, value)| value)]),
            None => pairs.push(pair.to_owned()),
        }
    }
    Cow::Owned(pairs.join("&"))
}

/// A price: 0 or more, in the shop's money.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Price(pub(super) f64);

impl TryFrom<f64> for Price {
    type Error = String;

    fn try_from(price: f64) -> Result<Self, String> {
        if price.is_finite() && price >= 0.0 { Ok(Self(price)) } else { Err(format!("{price}; expected 0 or more")) }
    }
}

/// The same ids in a query parameter, separated by commas.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CommaIds(pub(super) Vec<Id>);

impl TryFrom<String> for CommaIds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let ids: Result<Vec<Id>, String> = text.split(',').filter(|id| !id.is_empty()).map(|id| Id::try_from(id.to_owned())).collect();
        ids.and_then(Ids::try_from).map(|ids| Self(ids.0))
    }
}

/// How many items to answer with, `1..=MAX_N`. Default 10.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Count(pub(super) usize);

impl Default for Count {
    fn default() -> Self {
        Self(10)
    }
}

impl TryFrom<f64> for Count {
    type Error = String;

    fn try_from(n: f64) -> Result<Self, String> {
        whole("n", n, MAX_N).map(Self)
    }
}

/// A whole number from 1; JSON writes it as 10 or as 10.0.
fn whole(name: &str, number: f64, most: usize) -> Result<usize, String> {
    if number.fract() == 0.0 && (1.0..=most as f64).contains(&number) {
        return Ok(number as usize);
    }
    Err(format!("{name} is {number}; expected a whole number from 1 to {most}"))
}

/// How many rows: `1..=MAX_PAGE` for a JSON page, 100 by default; any number from 1 for a list that is sent whole, by default every row.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Limit(pub(super) usize);

/// The default of a JSON page.
pub(super) const DEFAULT_PAGE: usize = 100;

impl TryFrom<f64> for Limit {
    type Error = String;

    fn try_from(limit: f64) -> Result<Self, String> {
        whole("limit", limit, u32::MAX as usize).map(Self)
    }
}

impl Limit {
    /// The rows of a JSON page.
    pub(super) fn of_page(limit: Option<Self>) -> Result<usize, Problem> {
        let rows = limit.map_or(DEFAULT_PAGE, |limit| limit.0);
        whole("limit", rows as f64, MAX_PAGE)
            .map_err(|why| Problem::new(Code::BadParameter, format!("{why}, or format=csv for all of them")))
    }
}

/// A share or probability, 0 to 1. Default 0.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(try_from = "f64")]
pub(super) struct Share(pub(super) f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(format!("{share}; expected 0 to 1")) }
    }
}

/// A finite number from 0.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct NotNegative(pub(super) f64);

impl TryFrom<f64> for NotNegative {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if number.is_finite() && number >= 0.0 { Ok(Self(number)) } else { Err(format!("{number}; expected a number from 0")) }
    }
}

/// The id in the path, percent-decoded.
pub(super) struct PathId(pub(super) String);

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // what is not UTF-8 was replaced on decoding, unless the replacement itself was sent
        let replaced =
            |id: &String| id.contains(char::REPLACEMENT_CHARACTER) && !request.uri().path().to_ascii_uppercase().contains("%EF%BF%BD");
        let id = request.match_info().load::<String>().map_err(|error| error.to_string());
        let id = match id {
            Ok(id) if replaced(&id) => Err("an id that is not UTF-8".to_owned()),
            id => id.and_then(Id::try_from),
        };
        ready(id.map(|id| Self(id.0)).map_err(|why| Problem::new(Code::MalformedId, why)))
    }
}

/// The query parameters. Unknown ones are refused by `T`.
pub(super) struct Params<T>(pub(super) T);

/// No query parameters at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(&gathered(request.query_string())).map(Self))
    }
}

/// Reads query parameters. A value that cannot be meant is named with its parameter and what that expects.
fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let read = |query: &str| web::Query::<T>::from_query(query).map(web::Query::into_inner).map_err(|error| error.to_string());
    read(query).map_err(|error| {
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        // the parameter that fails in the same way when it stands alone
        let culprit = pairs().find(|(name, value)| read(&format!("{name}={value}")).err().as_ref() == Some(&error));
        let detail = match culprit {
            Some((name, value)) if error.contains("invalid") && !error.contains("expected") => {
                // what a number is expected to be is said of one that none may be
                let expected = read(&format!("{name}=NaN")).err().and_then(|error| Some(error.split_once("expected ")?.1.to_owned()));
                let expected = expected.as_deref().and_then(|text| text.split(" (").next()).unwrap_or("a number").to_owned();
                format!("{name}={value}: expected {expected}")
            }
            Some((name, value)) => format!("{name}={value}: {}", error.trim_start_matches("Query deserialize error: ")),
            None => error,
        };
        Problem::new(Code::BadParameter, detail)
    })
}

/// The query parameters of a list of customers: how to send it, and the filter.
pub(super) struct CustomerParams {
    pub(super) page: PageParams,
    /// Everything else, in order.
    pub(super) filter: Vec<(String, String)>,
}

impl FromRequest for CustomerParams {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        #[derive(Deserialize)]
        struct Paging {
            format: Option<Format>,
            limit: Option<Limit>,
            cursor: Option<String>,
        }
        const PAGING: [&str; 3] = ["format", "limit", "cursor"];
        let query = request.query_string();
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query).map(web::Query::into_inner);
        ready(pairs.map_err(|error| Problem::new(Code::BadParameter, error.to_string())).and_then(|mut filter| {
            let Paging { format, limit, cursor } = parse(query)?;
            filter.retain(|(name, _)| !PAGING.contains(&name.as_str()));
            Ok(Self { page: PageParams { format, limit, cursor }, filter })
        }))
    }
}

/// A JSON body. Unknown fields are refused by `T`.
pub(super) struct Body<T>(pub(super) T);

/// How long the body of a request may take to arrive.
#[derive(Clone, Copy)]
pub(super) struct BodyTimeout(pub(super) Duration);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Json::<Object<T>>::from_request(request, payload);
        let limit = request.app_data::<BodyTimeout>().map_or(Duration::MAX, |timeout| timeout.0);
        Box::pin(async move {
            match tokio::time::timeout(limit, body).await {
                Ok(Ok(body)) => Ok(Self(body.into_inner().0)),
                Ok(Err(error)) => Err(body_problem(&error)),
                Err(_) => Err(Problem::new(Code::SlowClient, format!("no whole body within {} s", limit.as_secs_f32()))),
            }
        })
    }
}

/// A body of many entries: one JSON object, an array of them, or NDJSON.
pub(super) struct Lines {
    bytes: Bytes,
    is_ndjson: bool,
}

/// Media types of NDJSON.
const NDJSON: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

impl FromRequest for Lines {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.content_type().to_ascii_lowercase();
        let is_ndjson = NDJSON.contains(&kind.as_str());
        let limit = request.app_data::<BodyTimeout>().map_or(Duration::MAX, |timeout| timeout.0);
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            if !is_ndjson && kind != "application/json" {
                let found = if kind.is_empty() { "no Content-Type".to_owned() } else { format!("Content-Type {kind:?}") };
                return Err(Problem::new(Code::WrongContentType, format!("{found}; expected application/json or application/x-ndjson")));
            }
            match tokio::time::timeout(limit, body).await {
                Ok(Ok(bytes)) => Ok(Self { bytes, is_ndjson }),
                Ok(Err(error)) if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => {
                    Err(Problem::new(Code::BodyTooLarge, error.to_string()))
                }
                Ok(Err(error)) => Err(Problem::new(Code::BadBody, error.to_string())),
                Err(_) => Err(Problem::new(Code::SlowClient, format!("no whole body within {} s", limit.as_secs_f32()))),
            }
        })
    }
}

/// One entry of [`Lines`], not read yet.
pub(super) struct Entry<'a>(&'a [u8]);

impl Entry<'_> {
    /// Reads it as a JSON object. Unknown fields are refused by `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice::<Object<T>>(self.0).map(|object| object.0).map_err(|error| error.to_string())
    }
}

impl Lines {
    /// The entries and their numbers, from 1; in NDJSON the number of the line, empty lines passed over.
    pub(super) fn entries(&self, most: usize) -> Result<Vec<(usize, Entry<'_>)>, Problem> {
        let bad = |found: String| Problem::new(Code::BadBody, found);
        let entries: Vec<(usize, Entry<'_>)> = if self.is_ndjson {
            let lines = self.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
            lines.filter(|(line, _)| !line.is_empty()).map(|(line, number)| (number, Entry(line))).collect()
        } else if self.bytes.trim_ascii_start().first() == Some(&b'[') {
            let raw: Vec<&RawValue> = serde_json::from_slice(&self.bytes).map_err(|error| bad(error.to_string()))?;
            raw.into_iter().zip(1..).map(|(raw, number)| (number, Entry(raw.get().as_bytes()))).collect()
        } else {
            let raw: &RawValue = serde_json::from_slice(&self.bytes).map_err(|error| bad(error.to_string()))?;
            vec![(1, Entry(raw.get().as_bytes()))]
        };
        if entries.len() > most {
            return Err(bad(format!("{} entries; expected at most {most} at once", entries.len())));
        }
        Ok(entries)
    }
}

/// A JSON object; serde alone would also take an array of a struct's fields in order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(OfMap(PhantomData)).map(Self)
    }
}

fn body_problem(error: &actix_web::Error) -> Problem {
    let code = match error.as_error::<JsonPayloadError>() {
        Some(JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. }) => Code::BodyTooLarge,
        Some(JsonPayloadError::ContentType) => Code::WrongContentType,
        _ => Code::BadBody,
    };
    Problem::new(code, error.to_string())
}

/// The format asked for: `?format=` before `Accept`, JSON when neither says.
pub(super) fn format_of(request: &HttpRequest, parameter: Option<Format>) -> Result<Format, Problem> {
    let Some(accept) = request.headers().get(ACCEPT).filter(|_| parameter.is_none()) else {
        return Ok(parameter.unwrap_or(Format::Json));
    };
    let accept = accept.to_str().unwrap_or_default();
    Format::of_accept(accept).ok_or_else(|| Problem::new(Code::NotAcceptable, format!("Accept: {accept}")))
}

/// Documents a type of the door with the limits that it enforces.
macro_rules! documented_type {
    ($name:ident: $schema:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::from($schema))
            }
        }
        impl utoipa::ToSchema for $name {}
    };
}
documented_type!(Id: text().min_length(Some(1)).max_length(Some(MAX_ID_BYTES)));
documented_type!(Ids: ArrayBuilder::new().items(<Id as utoipa::PartialSchema>::schema()).max_items(Some(MAX_IDS)));
documented_type!(Names: ArrayBuilder::new().items(<Id as utoipa::PartialSchema>::schema()).max_items(Some(MAX_NAMES)));
documented_type!(CommaIds: text());
documented_type!(Several: ArrayBuilder::new().items(<Id as utoipa::PartialSchema>::schema()).max_items(Some(MAX_NAMES)));
documented_type!(Price: ObjectBuilder::new().schema_type(SchemaType::new(Type::Number)).minimum(Some(0)));
documented_type!(Count: number(Type::Integer, 1, MAX_N).default(Some(Count::default().0.into())));
documented_type!(Limit: number(Type::Integer, 1, u32::MAX as usize));
documented_type!(Share: number(Type::Number, 0, 1));
documented_type!(NotNegative: ObjectBuilder::new().schema_type(SchemaType::new(Type::Number)).minimum(Some(0)));

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

fn number(kind: Type, least: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(kind)).minimum(Some(least)).maximum(Some(most))
}
