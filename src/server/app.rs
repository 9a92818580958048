//! The app: every route put together, with the table of routes and the OpenAPI document made from the very same declarations.

use actix_web::body::MessageBody;
use actix_web::dev::{ResourceDef, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, Error};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Response};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::answer::MODEL_VERSION;
use super::extract::BodyTimeout;
use super::observe::{Deadline, observe};
use super::pages::ROW_COUNT;
use super::problem::Code;
use super::settings::ServeSettings;
use super::state::Shop;
use super::{admin, events, groups, insights, items_changed, learning, marketing, open, problem, scenarios, storefront};
use crate::encode::Format;

/// Every route's path and methods.
pub(super) struct Routes(Vec<(ResourceDef, String)>);

impl Routes {
    fn new(document: &OpenApi) -> Self {
        let mut routes: Vec<(ResourceDef, String)> =
            document.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item).join(", "))).collect();
        routes.sort_by(|a, b| a.0.pattern().cmp(&b.0.pattern()));
        Self(routes)
    }

    /// The pattern of a path; a path without variables goes before one with.
    pub(super) fn pattern(&self, path: &str) -> Option<&str> {
        self.find(path).and_then(|(route, _)| route.pattern())
    }

    /// The methods that a path takes.
    pub(super) fn methods(&self, path: &str) -> Option<String> {
        self.find(path).map(|(_, methods)| methods.replace("GET", "GET, HEAD"))
    }

    fn find(&self, path: &str) -> Option<&(ResourceDef, String)> {
        let mut matches = self.0.iter().filter(|(route, _)| route.is_match(path));
        matches.clone().find(|(route, _)| route.pattern() == Some(path)).or_else(|| matches.next())
    }

    /// Every route as text, ascending by path.
    pub(super) fn list(&self) -> Vec<String> {
        self.0.iter().map(|(route, methods)| format!("{methods} {}", route.pattern().unwrap_or_default())).collect()
    }
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete), ("PATCH", &item.patch)]
        .into_iter()
        .filter_map(|(name, operation)| operation.is_some().then_some(name))
        .collect()
}

/// What does not differ between workers: the routes and their document.
#[derive(Clone)]
pub(super) struct Description {
    routes: Data<Routes>,
    document: Data<Bytes>,
}

fn services(config: &mut ServiceConfig<'_>) {
    config
        .configure(open::routes)
        .configure(storefront::routes)
        .configure(scenarios::routes)
        .configure(groups::routes)
        .configure(events::routes)
        .configure(items_changed::routes)
        .configure(learning::routes)
        .configure(insights::routes)
        .configure(marketing::routes)
        .configure(admin::routes);
}

/// The OpenAPI document of every route.
pub fn openapi() -> OpenApi {
    let info = InfoBuilder::new()
        .title("shopkeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .description(env!("CARGO_PKG_DESCRIPTION").into())
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
        .build();
    let base = OpenApiBuilder::new().info(info).build();
    let (_, mut document) = App::new().into_utoipa_app().openapi(base).configure(services).split_for_parts();
    let (name, schema) = problem::schema();
    document.components.get_or_insert_default().schemas.insert(name, schema);
    document.paths.paths.iter_mut().for_each(|(path, item)| complete(path, item));
    document
}

/// Documents what every answer of a model has, the header with its version, and what every list has, its other formats.
fn complete(path: &str, item: &mut PathItem) {
    let of_model = path.starts_with("/v1/") && !path.starts_with("/v1/models");
    let operations: [&mut Option<Operation>; 2] = [&mut item.get, &mut item.post];
    for operation in operations.into_iter().flatten() {
        let takes_version = |(_, response): (&String, &RefOr<Response>)| matches!(response, RefOr::T(response) if response.description.contains(Code::VersionNotLoaded.name()));
        if operation.responses.responses.iter().any(takes_version) {
            let about = "Ask this model version, one of those that are loaded (GET /v1/models). Default: the served one.";
            let schema = ObjectBuilder::new().schema_type(Type::String);
            let header =
                ParameterBuilder::new().name(MODEL_VERSION).parameter_in(ParameterIn::Header).schema(Some(schema)).description(Some(about));
            operation.parameters.get_or_insert_default().push(header.build().into());
        }
        let is_format = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.name == "format");
        let is_list = operation.parameters.iter().flatten().any(is_format);
        let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else { continue };
        if of_model {
            document_header(response, MODEL_VERSION, Type::String, "The model version that answered.");
        }
        if is_list {
            document_header(response, ROW_COUNT, Type::Integer, "Rows of the whole list.");
            for format in Format::ALL.into_iter().filter(|&format| format != Format::Json) {
                response.content.insert(format.media_type().to_owned(), ContentBuilder::new().build().into());
            }
        }
    }
}

fn document_header(response: &mut Response, name: &str, kind: Type, about: &str) {
    let schema = ObjectBuilder::new().schema_type(kind);
    let header = HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build();
    response.headers.insert(name.to_owned(), header.into());
}

impl Description {
    pub(super) fn new() -> Self {
        let document = openapi();
        let json = serde_json::to_vec(&document).unwrap_or_else(|error| unreachable!("string keys: {error}"));
        Self { routes: Data::new(Routes::new(&document)), document: Data::new(Bytes::from(json)) }
    }
}

/// The app of one worker.
pub(super) fn app(
    settings: ServeSettings,
    shop: Data<Shop>,
    description: Description,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = Error, InitError = ()>> {
    let docs = settings.docs;
    let (app, _) = App::new().into_utoipa_app().configure(services).split_for_parts();
    app.app_data(shop)
        .app_data(description.routes)
        .app_data(description.document)
        .app_data(Deadline(settings.request_timeout))
        .app_data(BodyTimeout(settings.client_timeout))
        .app_data(web::JsonConfig::default().limit(settings.body_limit))
        .app_data(web::PayloadConfig::new(settings.bulk_limit()))
        .route("/openapi.json", web::get().to(open::openapi))
        .configure(move |config| {
            if docs {
                config.service(web::redirect("/docs", "/docs/"));
                config.service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")));
            }
        })
        .default_service(web::to(open::elsewhere))
        .wrap(from_fn(observe))
}
