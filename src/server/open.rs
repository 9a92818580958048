//! Open routes: is it alive, is it ready, what does it count, and what can be asked.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer;
use super::app::Routes;
use super::problem::{Code, Problem, problems};
use super::state::{ModelRef, Shop};

problems!(OpenProblems:);
problems!(ReadyProblems: ShuttingDown);

/// The process answers.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// A model is served.
#[derive(Serialize, ToSchema)]
struct Ready<'a> {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// Which model answers.
    model: ModelRef<'a>,
}

/// Whether the process answers
#[utoipa::path(tag = "open", responses((status = 200, description = "It does.", body = Health), OpenProblems))]
#[get("/healthz")]
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Whether it should be sent requests
#[utoipa::path(tag = "open", responses((status = 200, description = "It should.", body = Ready<'_>), ReadyProblems))]
#[get("/readyz")]
async fn readyz(shop: Data<Shop>) -> Result<HttpResponse, Problem> {
    if shop.is_draining() {
        return Err(Problem::new(Code::ShuttingDown, "no new requests, please"));
    }
    let served = shop.served();
    answer::json(&served, &Ready { status: "ready", model: served.reference() })
}

/// What is counted, for Prometheus
#[utoipa::path(
    tag = "open",
    responses((status = 200, description = "OpenMetrics text.", body = String, content_type = "application/openmetrics-text"), OpenProblems)
)]
#[get("/metrics")]
async fn metrics(shop: Data<Shop>) -> HttpResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    HttpResponse::Ok().insert_header((CONTENT_TYPE, kind)).body(shop.metrics.text())
}

/// The server and its routes.
#[derive(Serialize, ToSchema)]
struct Landing<'a> {
    /// The program.
    #[schema(example = "shopkeeper")]
    name: &'a str,
    /// Its version.
    #[schema(example = "0.1.0")]
    version: &'a str,
    /// Where the documentation of the routes is, for programs and for people.
    #[schema(example = json!(["/openapi.json", "/docs/"]))]
    documentation: [&'a str; 2],
    /// Every route: method and path.
    #[schema(example = json!(["GET /v1/churn"]))]
    routes: Vec<String>,
}

/// The routes
#[utoipa::path(tag = "open", responses((status = 200, description = "The routes.", body = Landing<'_>), OpenProblems))]
#[get("/")]
async fn landing(routes: Data<Routes>) -> HttpResponse {
    HttpResponse::Ok().json(Landing {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        documentation: ["/openapi.json", "/docs/"],
        routes: routes.list(),
    })
}

/// Sends the OpenAPI document, which is made once.
pub(super) async fn openapi(document: Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(document.get_ref().clone())
}

/// Answers what no route takes: 405 where the path takes other methods, else 404.
pub(super) async fn elsewhere(request: HttpRequest, routes: Data<Routes>) -> Result<HttpResponse, Problem> {
    Err(match routes.methods(request.path()) {
        Some(methods) => Problem::method_not_allowed(methods),
        None => Problem::new(Code::UnknownRoute, "no route has this path"),
    })
}

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz).service(metrics).service(landing);
}
