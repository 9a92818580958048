//! The model version that a request wants: the served one, or one that it names among those that are loaded.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use arc_swap::Guard;

use super::answer::MODEL_VERSION;
use super::experiment::Place;
use super::messages::Language;
use super::problem::{Code, Problem};
use super::state::{Served, Shop};

/// What a request wants beside its question.
pub(super) struct Wanted {
    /// The version named by the header `X-Model-Version`, which every answer of a model bears, too. `None` = the served one.
    version: Option<Arc<Served>>,
    /// The languages it accepts, as it says.
    languages: Option<String>,
}

impl FromRequest for Wanted {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let named = request.headers().get(MODEL_VERSION).zip(request.app_data::<Data<Shop>>());
        let languages = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let Some((version, shop)) = named else { return ready(Ok(Self { version: None, languages })) };
        let version = String::from_utf8_lossy(version.as_bytes());
        let found = shop.of_version(&version).map(|served| Self { version: Some(served), languages });
        ready(found.ok_or_else(|| {
            let loaded: Vec<String> = shop.loaded().iter().map(|served| served.model.version.clone()).collect();
            Problem::new(Code::VersionNotLoaded, format!("{MODEL_VERSION}: {version:?} is none of {}", loaded.join(", ")))
        }))
    }
}

impl Wanted {
    /// The model, for one answer.
    pub(super) fn served(&self, shop: &Shop) -> Guard<Arc<Served>> {
        self.version.as_ref().map_or_else(|| shop.served(), |served| Guard::from_inner(Arc::clone(served)))
    }

    /// The language to say reasons in: the one that the question names, else the one that the request likes best; none when neither says.
    pub(super) fn language<'a>(&self, shop: &'a Shop, named: Option<&str>) -> Result<Option<Language<'a>>, Problem> {
        shop.messages.choose(named, self.languages.as_deref())
    }

    /// The model, for an answer that takes longer than a moment.
    pub(super) fn pinned(&self, shop: &Shop) -> Arc<Served> {
        self.version.clone().unwrap_or_else(|| shop.pinned())
    }

    /// The model that answers a shopper, and the arm of the experiment that they are in; none when the request names a version or no shopper.
    pub(super) fn answering(&self, shop: &Shop, scenario: Option<&str>, shopper: Option<&str>) -> (Guard<Arc<Served>>, Option<Place>) {
        let experiment = if self.version.is_none() { shop.scenarios.experiment() } else { None };
        let place = experiment.zip(shopper).and_then(|(running, shopper)| running.place(scenario, shopper));
        match place.as_ref().map(|place| place.arm().version.as_deref()) {
            Some(Some(version)) => match shop.of_version(version) {
                Some(served) => (Guard::from_inner(served), place),
                None => (shop.served(), None),
            },
            _ => (self.served(shop), place),
        }
    }
}
