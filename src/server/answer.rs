//! Answers: what leaves the counter, always with the model version that made it.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use arrow::array::RecordBatch;
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};

use super::problem::{Code, Problem};
use super::state::Served;
use crate::encode::{EncodeError, Encoder, Format};
use crate::lists::Column;
use crate::lists::columns::Cell;

/// The header that names the model version.
pub(super) const MODEL_VERSION: &str = "X-Model-Version";

/// A JSON answer of a model.
pub(super) fn json(served: &Served, body: &impl Serialize) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(of_bytes(served, body))
}

/// JSON bytes as the answer of a model.
pub(super) fn of_bytes(served: &Served, body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((MODEL_VERSION, served.header.clone()))
        .insert_header((CONTENT_TYPE, Format::Json.media_type()))
        .body(body)
}

/// One row of a list as the answer of a model: an object with its columns, what `more` adds, and the model.
pub(super) fn row(served: &Served, row: &RecordBatch, more: &impl Serialize) -> Result<HttpResponse, Problem> {
    #[derive(Serialize)]
    struct Tail<'a, M> {
        #[serde(flatten)]
        more: &'a M,
        model: super::state::ModelRef<'a>,
    }
    let tail = serde_json::to_vec(&Tail { more, model: served.reference() });
    let tail = tail.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let mut body = line(row)?;
    body.truncate(body.len() - 1);
    body.push(b',');
    body.extend_from_slice(&tail[1..]);
    Ok(of_bytes(served, body))
}

/// One row as a JSON object.
fn line(row: &RecordBatch) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(Format::Ndjson, &row.schema())?;
    encoder.write(row)?;
    let mut line = encoder.finish()?;
    line.truncate(line.trim_ascii_end().len());
    Ok(line)
}

impl From<EncodeError> for Problem {
    fn from(error: EncodeError) -> Self {
        Self::new(Code::Internal, error.to_string())
    }
}

/// The documentation of one row of a list.
pub(super) fn row_schema<R>(columns: &[Column<R>]) -> ObjectBuilder {
    columns.iter().fold(ObjectBuilder::new(), |object, column| {
        let (name, schema) = property(column);
        object.property(name, schema).required(name)
    })
}

/// The documentation of one column.
pub(super) fn property<R>(column: &Column<R>) -> (&'static str, Schema) {
    let (kind, format) = match column.cell {
        Cell::Text(_) | Cell::Name(_) => (Type::String, None),
        Cell::Texts(_) => (Type::Array, None),
        Cell::Flag(_) => (Type::Boolean, None),
        Cell::Count(_) | Cell::Maybe(_) => (Type::Integer, None),
        Cell::Number(_) | Cell::Money(_) => (Type::Number, Some(KnownFormat::Double)),
        Cell::Score(_) => (Type::Number, Some(KnownFormat::Float)),
        Cell::Date(_) => (Type::String, Some(KnownFormat::Date)),
    };
    let kind = if column.nullable { SchemaType::from_iter([kind, Type::Null]) } else { SchemaType::new(kind) };
    if matches!(column.cell, Cell::Texts(_)) {
        let texts = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)).description(Some(column.about));
        return (column.name, texts.into());
    }
    let property = ObjectBuilder::new().schema_type(kind).format(format.map(SchemaFormat::KnownFormat)).description(Some(column.about));
    (column.name, property.into())
}

/// Gives a documentation type the schema of a list's row.
macro_rules! row_type {
    ($(#[$doc:meta])* $name:ident: $schema:expr) => {
        $(#[$doc])*
        #[derive(serde::Serialize)]
        pub(super) struct $name;
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::server::answer::object($schema)
            }
        }
        impl utoipa::ToSchema for $name {}
    };
}
pub(super) use row_type;

/// A finished object schema.
pub(super) fn object(builder: ObjectBuilder) -> RefOr<Schema> {
    RefOr::T(Schema::Object(builder.build()))
}
