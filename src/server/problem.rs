//! Problems: every way an answer can fail, in one table of codes that gives the status, the JSON, the documentation and the tests.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use shopkeeper_models::ModelError;

use crate::state::StateError;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};

/// Media type of every problem (RFC 9457).
const MEDIA_TYPE: &str = "application/problem+json";

/// Seconds after which a client should try again what is refused for lack of room.
const RETRY_SECONDS: &str = "1";

macro_rules! codes {
    ($( $variant:ident = $code:literal, $status:literal, $title:literal, $help:literal; )*) => {
        /// What went wrong. The code is stable; the texts may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( #[doc = $help] $variant, )* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// The code in the answer.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                let status = match self { $( Self::$variant => $status, )* };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// What it means, in a few words.
            pub fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )* }
            }

            /// What to do about it.
            pub fn help(self) -> &'static str {
                match self { $( Self::$variant => $help, )* }
            }
        }
    };
}

codes! {
    BadParameter = "bad_parameter", 400, "A query parameter is wrong", "Send only the documented parameters, each once and within its range.";
    BadBody = "bad_body", 400, "The body is wrong", "Send one JSON object with the documented fields only.";
    BadEvents = "bad_events", 400, "None of the events can be taken", "Correct them; the detail says what is wrong with the first one.";
    BadItems = "bad_items", 400, "None of the items can be changed", "Correct them; the detail says what is wrong with the first one.";
    MalformedId = "malformed_id", 400, "An id in the path is malformed", "Send 1 to 256 bytes of percent-encoded UTF-8.";
    BadCursor = "bad_cursor", 400, "The cursor does not belong to this list", "Send next_cursor of the page before, with the same parameters.";
    UnknownRoute = "unknown_route", 404, "No such route", "GET / lists the routes.";
    UnknownCustomer = "unknown_customer", 404, "The model does not know this customer", "Customers enter the model with their first purchase before its as-of time.";
    UnknownInsight = "unknown_insight", 404, "There is no such insight", "GET /v1/insights lists them.";
    UnknownItem = "unknown_item", 404, "Neither the model nor the catalogue knows this item", "Items enter by their purchases, the items file, or PUT /v1/items/{id}.";
    UnknownSegment = "unknown_segment", 404, "The model has no such segment", "GET /v1/segments lists them.";
    UnknownVersion = "unknown_version", 404, "The store has no such model version", "GET /v1/models lists them.";
    VersionNotLoaded = "version_not_loaded", 404, "The model version is not loaded", "Name one of those in the detail in the header X-Model-Version, or leave it out for the served one. Loaded are the served version and the arms of an experiment.";
    MethodNotAllowed = "method_not_allowed", 405, "The route does not take this method", "Use a method of the Allow header.";
    NotAcceptable = "not_acceptable", 406, "None of the accepted formats is offered", "Accept application/json, application/x-ndjson, text/csv or application/vnd.apache.parquet.";
    SlowClient = "slow_client", 408, "The body did not arrive in time", "Send the whole body at once.";
    ModelChanged = "model_changed", 409, "The cursor belongs to another model version", "Start again at the first page.";
    ReloadRunning = "reload_running", 409, "Another change of the model is under way", "Wait for it to end.";
    ModelUnusable = "model_unusable", 409, "The model version cannot be served", "The served version stays. Activate another version or train again.";
    NoModel = "no_model", 409, "The store has no current version", "The served version stays. Activate a version or train one.";
    NoPreviousVersion = "no_previous_version", 409, "There is no version to roll back to", "Activate one by name.";
    ScenariosUnusable = "scenarios_unusable", 409, "The file of scenarios cannot be used", "The scenarios in force stay. Mend the file.";
    BodyTooLarge = "body_too_large", 413, "The body is too large", "Send fewer ids at once.";
    WrongContentType = "wrong_content_type", 415, "The body is not JSON", "Send Content-Type: application/json.";
    Internal = "internal", 500, "The server failed", "Report it with the time of the request; the log has the details.";
    Timeout = "timeout", 503, "The answer took too long", "Try again, or ask for less at once.";
    Busy = "busy", 503, "Too many lists are being written", "Try again after the Retry-After seconds.";
    StateBusy = "state_busy", 503, "More is waiting to be written than is let in", "Try again after the Retry-After seconds; nothing of the request was taken.";
    StateUnavailable = "state_unavailable", 503, "The state file cannot be written", "Nothing of the request was taken, recommendations keep coming. Look at the disk and the log, then send it again.";
    ShuttingDown = "shutting_down", 503, "The server is shutting down", "Ask another replica.";
}

/// One failed answer.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    allow: Option<String>,
}

/// A failed answer as it is sent (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
struct ProblemBody<'a> {
    /// Stable identifier of the kind of problem.
    #[schema(example = "urn:shopkeeper:problem:bad_parameter")]
    r#type: String,
    /// What it means, in a few words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was found and what was expected.
    detail: &'a str,
    /// Stable code, for programs.
    #[schema(example = "bad_parameter")]
    code: &'a str,
    /// What to do about it.
    help: &'a str,
}

impl Problem {
    /// A problem with what was found and what was expected. Never put a customer's id into it.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), allow: None }
    }

    /// The route exists, for these methods.
    pub(super) fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow.clone()), ..Self::new(Code::MethodNotAllowed, format!("this route takes {allow}")) }
    }

    /// The code.
    pub(super) fn code(&self) -> Code {
        self.code
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let code = self.code;
        let body = ProblemBody {
            r#type: format!("urn:shopkeeper:problem:{}", code.name()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: &self.detail,
            code: code.name(),
            help: code.help(),
        };
        let mut response = HttpResponseBuilder::new(code.status());
        response.insert_header((CONTENT_TYPE, MEDIA_TYPE));
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if matches!(code, Code::Busy | Code::StateBusy | Code::StateUnavailable) {
            response.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        let code = match &error {
            ModelError::NoVersion { .. } => Code::UnknownVersion,
            ModelError::Io { .. } | ModelError::Corrupt { .. } | ModelError::Format { .. } => Code::ModelUnusable,
            ModelError::Empty { .. } => Code::NoModel,
            ModelError::NoPrevious { .. } => Code::NoPreviousVersion,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        let code = match &error {
            StateError::Full => Code::StateBusy,
            StateError::Closed => Code::ShuttingDown,
            StateError::Io { .. }
            | StateError::InUse { .. }
            | StateError::Missing { .. }
            | StateError::Corrupt { .. }
            | StateError::Newer { .. }
            | StateError::Database { .. } => Code::StateUnavailable,
        };
        Self::new(code, error.to_string())
    }
}

/// The documentation of an answer that may fail in these ways: one entry a status, one example a code.
pub(super) fn documented(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    codes.iter().for_each(|code| by_status.entry(code.status().as_u16()).or_default().push(*code));
    let entry = |(status, codes): (u16, Vec<Code>)| (status.to_string(), RefOr::T(response(&codes)));
    by_status.into_iter().map(entry).collect()
}

fn response(codes: &[Code]) -> Response {
    let lines: Vec<String> = codes.iter().map(|code| format!("`{}`: {}. {}", code.name(), code.title(), code.help())).collect();
    let example = |code: &Code| {
        let body = ProblemBody {
            r#type: format!("urn:shopkeeper:problem:{}", code.name()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: "what was found and what was expected",
            code: code.name(),
            help: code.help(),
        };
        (code.name(), ExampleBuilder::new().value(serde_json::to_value(body).ok()).build())
    };
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(codes.iter().map(example)).build();
    ResponseBuilder::new().description(lines.join("\n\n")).content(MEDIA_TYPE, content).build()
}

/// Names a set of codes as the failed answers of a route, for its documentation.
macro_rules! problems {
    ($name:ident: $($code:ident),*) => {
        /// The ways in which these routes fail.
        struct $name;
        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                use $crate::server::problem::{Code, documented};
                documented(&[$(Code::$code,)* Code::Internal, Code::Timeout])
            }
        }
    };
}
pub(super) use problems;

/// The schema of every problem, for the documentation.
pub(super) fn schema() -> (String, RefOr<utoipa::openapi::schema::Schema>) {
    ("Problem".to_owned(), <ProblemBody<'_> as utoipa::PartialSchema>::schema())
}
