//! The server: loads the current model, answers over HTTP, and follows the store to newer versions.

mod admin;
mod answer;
mod app;
mod background;
mod change;
mod events;
mod experiment;
mod extract;
mod filter;
mod groups;
mod insights;
mod items_changed;
mod learning;
mod marketing;
mod messages;
mod metrics;
mod newcomers;
mod observe;
mod open;
mod pages;
mod problem;
mod rules;
mod scenarios;
mod settings;
mod state;
mod storefront;
mod wanted;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::web::Data;
use shopkeeper_models::ModelError;
use shopkeeper_models::store::ModelStore;

use crate::state::{State, StateError};

pub use app::openapi;
pub use messages::MessageError;
use messages::Messages;
pub use problem::Code;
pub use scenarios::ScenarioError;
use scenarios::Scenarios;
pub use settings::ServeSettings;
pub use state::Shop;

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no model to serve.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The file of scenarios cannot be used.
    #[error(transparent)]
    Scenarios(#[from] ScenarioError),
    /// The messages cannot be used.
    #[error(transparent)]
    Messages(#[from] MessageError),
    /// The state cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The address cannot be listened on.
    #[error("cannot listen on {bind}: {source}. Choose another address and port, as in 127.0.0.1:8081")]
    Bind {
        /// The address.
        bind: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server stopped by itself.
    #[error("the server stopped: {0}")]
    Stopped(#[source] io::Error),
}

/// A server that has been started. Await `server` to run it until it stops.
#[allow(missing_debug_implementations)]
pub struct Running {
    /// The server; its handle stops it.
    pub server: Server,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its handlers share.
    pub shop: Data<Shop>,
}

/// Loads the current model, then opens the port, then follows the store. Call it inside an actix system, and await the server.
/// Signals are left to the caller; [`run`] takes them.
pub fn start(settings: &ServeSettings) -> Result<Running, ServeError> {
    let store = ModelStore::new(PathBuf::from(&settings.store));
    let model = store.load_current()?;
    let state = State::open(&settings.of_state())?;
    let scenarios = Scenarios::open(settings.scenarios.clone())?;
    let messages = Messages::open(settings.messages.as_deref())?;
    let shop = Data::new(Shop::new(store, model, state, scenarios, messages, settings.list_limit)?);
    scenarios::open_arms(&shop)?;
    let bind_error = |source| ServeError::Bind { bind: settings.bind.clone(), source };
    let addresses: Vec<SocketAddr> = settings.bind.to_socket_addrs().map_err(bind_error)?.collect();
    warn_if_public(&addresses);
    let (description, shared, of_app) = (app::Description::new(), shop.clone(), settings.clone());
    let server = HttpServer::new(move || app::app(of_app.clone(), shared.clone(), description.clone()))
        .workers(settings.workers.max(1))
        .client_request_timeout(settings.client_timeout)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .disable_signals()
        .bind(addresses.as_slice())
        .map_err(bind_error)?;
    let address = server.addrs().first().copied().ok_or_else(|| bind_error(io::ErrorKind::AddrNotAvailable.into()))?;
    if !settings.watch_interval.is_zero() {
        actix_web::rt::spawn(change::watch(shop.clone(), settings.watch_interval));
        actix_web::rt::spawn(scenarios::watch(shop.clone(), settings.watch_interval));
    }
    scenarios::warn_of_unknown(&shop);
    tracing::info!(%address, version = shop.version(), "serving");
    Ok(Running { server: server.run(), address, shop })
}

/// Serves until SIGTERM or SIGINT, then lets the requests under way end. SIGHUP serves the store's current version.
pub async fn run(settings: ServeSettings) -> Result<(), ServeError> {
    let running = start(&settings)?;
    let handle = running.server.handle();
    let shop = running.shop.clone();
    actix_web::rt::spawn(async move {
        signals(&shop).await;
        tracing::info!("stopping: requests under way may end");
        shop.drain();
        handle.stop(true).await;
    });
    running.server.await.map_err(ServeError::Stopped)
}

/// Reloads on SIGHUP; returns on SIGTERM or SIGINT.
#[cfg(unix)]
async fn signals(shop: &Data<Shop>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut hangup), Ok(mut terminate)) = (signal(SignalKind::hangup()), signal(SignalKind::terminate())) else {
        return interrupted().await;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                drop(scenarios::reload(shop).await);
                drop(change::change(shop, |_| Ok(())).await);
            }
            _ = terminate.recv() => return,
            () = interrupted() => return,
        }
    }
}

/// Returns on Ctrl-C.
#[cfg(not(unix))]
async fn signals(_: &Data<Shop>) {
    interrupted().await;
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Access is not controlled yet, so a port that others can reach is worth a warning.
fn warn_if_public(addresses: &[SocketAddr]) {
    for address in addresses.iter().filter(|address| !address.ip().is_loopback()) {
        tracing::warn!(
            %address,
            "LISTENING BEYOND THIS MACHINE WITHOUT ACCESS CONTROL: whoever reaches the port can read every customer and switch the model. \
             Bind to 127.0.0.1, or put a proxy that authenticates in front"
        );
    }
}
