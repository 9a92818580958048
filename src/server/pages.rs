//! Pages and streams: a list as JSON pages with a cursor, or whole as CSV, NDJSON or Parquet in constant memory.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, block};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream;
use serde::Serialize;
use shopkeeper_models::Model;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::ToSchema;

use super::answer::{self, MODEL_VERSION};
use super::background;
use super::extract::{Limit, format_of};
use super::problem::{Code, Problem};
use super::state::{ModelRef, Served, Shop};
use crate::encode::{EncodeError, Encoder, Format};
use crate::lists::{List, Window};

/// The header with the number of rows of the whole list.
pub(super) const ROW_COUNT: &str = "x-row-count";
/// Chunks that wait for a client at most.
const CHUNKS_IN_FLIGHT: usize = 4;
/// A client that takes no chunk for so long is dropped.
const STALL: Duration = Duration::from_secs(30);

/// A format by name.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
pub(super) enum FormatName {
    Json,
    Ndjson,
    Csv,
    Parquet,
}

/// How to send a list.
#[derive(Debug)]
pub(super) struct PageParams {
    pub(super) format: Option<Format>,
    pub(super) limit: Option<Limit>,
    pub(super) cursor: Option<String>,
}

/// The query parameters of a list: its own, and those that every list takes.
macro_rules! list_params {
    ($name:ident { $( $(#[$meta:meta])* $field:ident: $kind:ty, )* }) => {
        #[derive(serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        struct $name {
            $( $(#[$meta])* $field: $kind, )*
            /// `json` pages, or the whole list as `csv`, `ndjson` or `parquet`. Default: what `Accept` likes best, else `json`.
            #[param(value_type = Option<$crate::server::pages::FormatName>, inline)]
            format: Option<$crate::encode::Format>,
            /// Rows of a JSON page, at most 1000, by default 100; of a list that is sent whole the first so many, by default all.
            #[param(inline)]
            limit: Option<$crate::server::extract::Limit>,
            /// `next_cursor` of the page before.
            cursor: Option<String>,
        }
        impl $name {
            fn page(&self) -> $crate::server::pages::PageParams {
                $crate::server::pages::PageParams { format: self.format, limit: self.limit, cursor: self.cursor.clone() }
            }
        }
    };
}
pub(super) use list_params;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<R> {
    /// Rows of the whole list.
    total: u64,
    /// Where the next page starts; null on the last one. Holds for this model version and these parameters.
    #[schema(required)]
    next_cursor: Option<String>,
    /// The rows, in order.
    rows: Vec<R>,
    /// Which model answered.
    #[schema(value_type = ModelRef<'_>)]
    model: String,
}

/// Sends a list: `name` is that of the downloaded file, `filter` what besides the model decides the rows, `make` the list itself.
pub(super) async fn send(
    (shop, served): (&Shop, Arc<Served>),
    request: &HttpRequest,
    params: &PageParams,
    (name, filter): (&'static str, impl Debug),
    make: impl FnOnce(&Arc<Model>, Window) -> List + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let format = format_of(request, params.format)?;
    let cursor = Cursor { list: fingerprint(name, &filter), version: &served.model.version };
    let window = match (format, &params.cursor) {
        (Format::Json, Some(text)) => Window { offset: cursor.read(text)?, limit: Limit::of_page(params.limit)? },
        (Format::Json, None) => Window { offset: 0, limit: Limit::of_page(params.limit)? },
        (_, None) => Window { offset: 0, limit: params.limit.map_or(usize::MAX, |limit| limit.0) },
        (_, Some(_)) => return Err(Problem::new(Code::BadCursor, format!("{} is sent whole, without pages", format.name()))),
    };
    let permit = (format != Format::Json).then(|| room(shop)).transpose()?;
    let model = Arc::clone(&served.model);
    let list = block(move || make(&model, window)).await.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    if let Some(permit) = permit {
        return stream(&served, name, format, list, permit);
    }
    let end = window.offset.saturating_add(window.limit);
    let next = (end < list.total).then(|| cursor.write(end));
    page(&served, list, next.as_deref())
}

/// Room for a whole list.
fn room(shop: &Shop) -> Result<OwnedSemaphorePermit, Problem> {
    let permit = Arc::clone(&shop.lists).try_acquire_owned();
    permit.map_err(|_| Problem::new(Code::Busy, "as many whole lists as allowed are being sent"))
}

/// Sends a list that is at hand, whole.
pub(super) fn send_whole(shop: &Shop, served: &Served, name: &str, format: Format, list: List) -> Result<HttpResponse, Problem> {
    stream(served, name, format, list, room(shop)?)
}

/// One JSON page of a list.
fn page(served: &Served, list: List, next_cursor: Option<&str>) -> Result<HttpResponse, Problem> {
    #[derive(Serialize)]
    struct Head<'a> {
        total: usize,
        next_cursor: Option<&'a str>,
        model: ModelRef<'a>,
    }
    let mut encoder = Encoder::new(Format::Json, &list.schema)?;
    list.batches.into_iter().try_for_each(|batch| encoder.write(&batch))?;
    let head = serde_json::to_vec(&Head { total: list.total, next_cursor, model: served.reference() });
    let mut body = head.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    body.truncate(body.len() - 1);
    body.extend_from_slice(b",\"rows\":");
    body.extend_from_slice(&encoder.finish()?);
    body.push(b'}');
    let mut response = answer::of_bytes(served, body);
    response.headers_mut().insert(HeaderName::from_static(ROW_COUNT), list.total.into());
    Ok(response)
}

/// A whole list, encoded on a thread of its own while the client takes it. An answer that fails on the way breaks off instead of ending,
/// so that no client takes a part for the whole.
fn stream(served: &Served, name: &str, format: Format, list: List, permit: impl Send + 'static) -> Result<HttpResponse, Problem> {
    let total = list.total;
    let (sender, receiver) = mpsc::channel::<Piece>(CHUNKS_IN_FLIGHT);
    let runtime = Handle::current();
    background::start(move || {
        let _permit = permit;
        let send = |piece| runtime.block_on(sender.send_timeout(piece, STALL)).is_ok();
        if let Err(error) = encode(format, list, send) {
            tracing::warn!(%error, "a list was not written to its end");
        }
    })
    .map_err(|error| Problem::new(Code::Internal, format!("no thread for a list: {error}")))?;
    let file = format!("attachment; filename=\"{name}-{}.{}\"", served.model.version, format.name());
    Ok(HttpResponse::Ok()
        .insert_header((MODEL_VERSION, served.header.clone()))
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, file))
        .insert_header((ROW_COUNT, total))
        .streaming(chunks(receiver)))
}

/// What the encoding thread hands over.
enum Piece {
    Chunk(Bytes),
    End,
}

/// The bytes of an answer as they come; an error when the encoding thread is gone without having said that this is the end.
fn chunks(mut receiver: mpsc::Receiver<Piece>) -> impl Stream<Item = io::Result<Bytes>> {
    futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|piece| match piece {
            Some(Piece::Chunk(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => None,
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    })
}

/// Encodes a list chunk by chunk until it ends or `send` says that nobody listens.
fn encode(format: Format, list: List, send: impl Fn(Piece) -> bool) -> Result<(), EncodeError> {
    let send = |piece| send(piece).then_some(()).ok_or_else(|| EncodeError::Encoding("the client went away or stalled".into()));
    let mut encoder = Encoder::new(format, &list.schema)?;
    for batch in list.batches {
        encoder.write(&batch)?;
        let chunk = encoder.take();
        if !chunk.is_empty() {
            send(Piece::Chunk(chunk.into()))?;
        }
    }
    send(Piece::Chunk(encoder.finish()?.into()))?;
    send(Piece::End)
}

/// Where a page starts, as text that only this list of this model version understands.
struct Cursor<'a> {
    list: u64,
    version: &'a str,
}

fn fingerprint(name: &str, filter: &impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(format!("{name} {filter:?}").as_bytes());
    hasher.finish()
}

impl Cursor<'_> {
    fn write(&self, offset: usize) -> String {
        format!("{offset:x}.{:016x}.{}", self.list, self.version)
    }

    fn read(&self, text: &str) -> Result<usize, Problem> {
        let bad = || Problem::new(Code::BadCursor, "the cursor was not made by this list with these parameters");
        let mut parts = text.splitn(3, '.');
        let (Some(offset), Some(list), Some(version)) = (parts.next(), parts.next(), parts.next()) else { return Err(bad()) };
        if version != self.version {
            return Err(Problem::new(Code::ModelChanged, format!("the cursor is of {version}; {} is served now", self.version)));
        }
        if list != format!("{:016x}", self.list) {
            return Err(bad());
        }
        usize::from_str_radix(offset, 16).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    async fn received(pieces: impl IntoIterator<Item = Piece>) -> Vec<bool> {
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        for piece in pieces {
            assert!(sender.send(piece).await.is_ok());
        }
        drop(sender);
        chunks(receiver).take(3).map(|chunk| chunk.is_ok()).collect().await
    }

    #[actix_web::test]
    async fn an_answer_that_is_not_finished_breaks_off() {
        let chunk = || Piece::Chunk(Bytes::from_static(b"part"));
        assert_eq!(received([chunk(), chunk(), Piece::End]).await, [true, true]);
        assert_eq!(received([chunk(), chunk()]).await, [true, true, false]);
    }
}
