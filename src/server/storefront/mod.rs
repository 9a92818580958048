//! Storefront routes: what to show a shopper now. They never refuse a shopper and never come back empty while anything is eligible.

mod answer;
mod batch;
mod explain;
mod json;
mod recommendations;
mod related;

pub(super) use answer::{Shown, Why};
use utoipa_actix_web::service_config::ServiceConfig;

use super::problem::problems;

problems!(PathProblems: BadParameter, MalformedId, VersionNotLoaded);
problems!(QueryProblems: BadParameter, VersionNotLoaded);
problems!(BodyProblems: BadParameter, BadBody, VersionNotLoaded, SlowClient, BodyTooLarge, WrongContentType);

/// Adds these routes.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(recommendations::customer_recommendations)
        .service(recommendations::recommendations)
        .service(recommendations::complete_basket)
        .service(recommendations::popular_items)
        .service(recommendations::rank)
        .service(batch::batch)
        .service(explain::explain)
        .service(related::related_items);
}
