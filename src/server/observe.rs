//! Around every request: a deadline, a net for panics, the counters and the log line. No ids of customers or items are logged.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::app::Routes;
use super::problem::{Code, Problem};
use super::state::Shop;

/// The route label of a path that is no route.
const UNMATCHED: &str = "unmatched";

/// How long a handler may take.
#[derive(Clone, Copy)]
pub(super) struct Deadline(pub(super) Duration);

/// Passes a request on and says what became of it.
/// HEAD is answered as GET is, without the body, which the protocol layer leaves out.
pub(super) async fn observe<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let start = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let shop = request.app_data::<web::Data<Shop>>().cloned();
    let routes = request.app_data::<web::Data<Routes>>().cloned();
    let deadline = request.app_data::<Deadline>().map_or(Duration::MAX, |deadline| deadline.0);
    let outcome = guarded(next, request, deadline).await;
    let pattern = match &outcome {
        Ok(response) => response.request().match_pattern(),
        Err(_) => routes.and_then(|routes| routes.pattern(uri.path()).map(str::to_owned)),
    };
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let method = method_label(&method);
    let (route, took) = (pattern.unwrap_or_else(|| UNMATCHED.to_owned()), start.elapsed());
    let ms = took.as_secs_f64() * 1e3;
    if status.is_server_error() {
        tracing::warn!(target: "shopkeeper::request", method, route, status = status.as_u16(), ms);
    } else {
        tracing::debug!(target: "shopkeeper::request", method, route, status = status.as_u16(), ms);
    }
    if let Some(shop) = shop {
        shop.metrics.request(method, route, status.as_u16(), took);
    }
    outcome
}

/// A method as a label: a client may invent methods, and each label is kept for good.
fn method_label(method: &Method) -> &str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if known.contains(method) { method.as_str() } else { "other" }
}

/// Runs the rest of the request until it answers, panics, or the time is up.
async fn guarded<B: MessageBody>(next: Next<B>, request: ServiceRequest, deadline: Duration) -> Result<ServiceResponse<B>, Error> {
    let mut call = pin!(async move { next.call(request).await });
    let net = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Err(Problem::new(Code::Internal, "the handler panicked").into())),
    });
    match tokio::time::timeout(deadline, net).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::new(Code::Timeout, format!("no answer within {} s", deadline.as_secs_f32())).into()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, test, web};

    use super::*;

    async fn panics() -> HttpResponse {
        panic!("a handler that fails")
    }

    #[actix_web::test]
    async fn a_panic_becomes_an_internal_problem_without_details() {
        let app = test::init_service(App::new().route("/", web::get().to(panics)).wrap(from_fn(observe))).await;
        let error = test::try_call_service(&app, test::TestRequest::get().uri("/").to_request()).await.err();
        let response = error.map(|error| error.error_response()).map(|response| (response.status().as_u16(), response.into_body()));
        let Some((500, body)) = response else { panic!("expected a 500") };
        let text = body.try_into_bytes().unwrap_or_default();
        assert!(text.starts_with(b"{\"type\":\"urn:shopkeeper:problem:internal\""), "{text:?}");
        assert!(!String::from_utf8_lossy(&text).contains("a handler that fails"), "{text:?}");
    }
}
