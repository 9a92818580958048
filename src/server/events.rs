//! Events: what shoppers do, durable before it is acknowledged and reflected by the next answer.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Lines, Nothing, Params};
use super::problem::{Code, Problem, problems};
use super::state::Shop;
use crate::state::{Event, Verdict, Written, now};

problems!(EventProblems: BadParameter, BadBody, BadEvents, SlowClient, BodyTooLarge, WrongContentType, StateBusy, StateUnavailable);

/// The most events of one request.
const MAX_EVENTS: usize = 10_000;

/// One event, or an array of them, each of which is judged by itself.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant)]
enum EventsBody {
    One(Written),
    Many(Vec<serde_json::Value>),
}

/// An event that was not taken.
#[derive(Serialize, ToSchema)]
struct Rejection {
    /// Which one, from 1; in NDJSON the number of its line.
    #[schema(example = 3)]
    number: usize,
    /// What was found and what was expected.
    #[schema(example = "neither customer_id nor session_id; expected at least one of them")]
    reason: String,
}

/// What became of the events: they are on the disk.
#[derive(Serialize, ToSchema)]
struct EventsAnswer {
    /// New ones.
    accepted: usize,
    /// Those whose event_id was there before; they are counted once.
    duplicates: usize,
    /// Those that cannot be taken. Sending them again as they are is in vain.
    rejected: usize,
    /// Why, one entry each.
    rejections: Vec<Rejection>,
}

/// What shoppers did
///
/// One event, an array of them, or NDJSON (`application/x-ndjson`, one a line), at most 10,000. The answer comes when they are on the disk, and
/// the next recommendation for the customer or the session reflects them. Events may come late, in any order and again: the same `event_id` is
/// counted once. A wrong event does not hold up the others; when not one can be taken, the answer is `bad_events`.
#[utoipa::path(
    tag = "storefront",
    request_body(content(
        (EventsBody = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses((status = 202, description = "They are on the disk.", body = EventsAnswer), EventProblems)
)]
#[post("/v1/events")]
async fn events(shop: Data<Shop>, _: Params<Nothing>, lines: Lines) -> Result<HttpResponse, Problem> {
    let now = now();
    let oldest = shop.state.oldest(now);
    let entries = lines.entries(MAX_EVENTS)?;
    let (mut events, mut rejections) = (Vec::with_capacity(entries.len()), Vec::new());
    for (number, entry) in entries {
        match entry.read::<Written>().and_then(|written| Event::check(written, now, oldest)) {
            Ok(event) => events.push(event),
            Err(reason) => rejections.push(Rejection { number, reason }),
        }
    }
    if let (true, Some(first)) = (events.is_empty(), rejections.first()) {
        return Err(Problem::new(Code::BadEvents, format!("event {}: {}", first.number, first.reason)));
    }
    let verdicts = if events.is_empty() { Vec::new() } else { shop.state.record(events).await? };
    let accepted = verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count();
    let duplicates = verdicts.len() - accepted;
    shop.metrics.events(accepted, duplicates, rejections.len());
    Ok(HttpResponse::Accepted().json(EventsAnswer { accepted, duplicates, rejected: rejections.len(), rejections }))
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(events);
}
