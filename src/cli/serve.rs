//! `shopkeeper serve`: the current model over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{CliError, say};
use crate::config::{Config, ServeOptions};
use crate::server::{self, ServeSettings};
use crate::state::default_path;

const EXAMPLES: &str = "Examples:
  shopkeeper serve
  shopkeeper serve --store /srv/models --bind 127.0.0.1:9000
  shopkeeper serve --config shop.toml --log-format json

A config file holds the same settings:
  [serve]
  store = \"/srv/models\"
  bind = \"127.0.0.1:9000\"

The server follows the store to newer versions; SIGHUP makes it look at once. SIGTERM lets requests under way end.";

/// Serve the current model over HTTP
///
/// The documentation of every route is at /docs/, its description at /openapi.json.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    options: ServeOptions,
    /// A config file; flags and the environment go over it
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_CONFIG")]
    config: Option<PathBuf>,
    /// Print the resolved settings as a config file, and do nothing
    #[arg(long)]
    print_settings: bool,
}

impl ServeCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        let settings = settings(self.options.over(Config::read(self.config.as_deref())?.serve));
        if self.print_settings { say(&Config { serve: resolved(settings), ..Config::default() }.to_toml()) } else { serve(settings) }
    }
}

/// Serves until told to stop.
pub(super) fn serve(settings: ServeSettings) -> Result<(), CliError> {
    Ok(actix_web::rt::System::new().block_on(server::run(settings))?)
}

/// The server's settings: what is set, over its defaults.
fn settings(options: ServeOptions) -> ServeSettings {
    let defaults = ServeSettings::default();
    let seconds = |set: Option<u64>, default: Duration| set.map_or(default, Duration::from_secs);
    ServeSettings {
        store: options.store.unwrap_or(defaults.store),
        scenarios: options.scenarios,
        messages: options.messages,
        state: options.state,
        session_hours: options.session_hours.unwrap_or(defaults.session_hours),
        event_days: options.event_days.or(defaults.event_days),
        bind: options.bind.unwrap_or(defaults.bind),
        workers: options.workers.unwrap_or(defaults.workers),
        request_timeout: seconds(options.request_timeout_seconds, defaults.request_timeout),
        client_timeout: seconds(options.client_timeout_seconds, defaults.client_timeout),
        body_limit: options.body_limit_bytes.unwrap_or(defaults.body_limit),
        list_limit: options.list_limit.unwrap_or(defaults.list_limit),
        watch_interval: seconds(options.watch_interval_seconds, defaults.watch_interval),
        shutdown_timeout: seconds(options.shutdown_timeout_seconds, defaults.shutdown_timeout),
        docs: options.docs.unwrap_or(defaults.docs),
    }
}

/// The settings as options, so that they can be shown.
fn resolved(settings: ServeSettings) -> ServeOptions {
    ServeOptions {
        state: Some(settings.state.unwrap_or_else(|| default_path(&settings.store))),
        session_hours: Some(settings.session_hours),
        event_days: settings.event_days,
        store: Some(settings.store),
        scenarios: settings.scenarios,
        messages: settings.messages,
        bind: Some(settings.bind),
        workers: Some(settings.workers),
        request_timeout_seconds: Some(settings.request_timeout.as_secs()),
        client_timeout_seconds: Some(settings.client_timeout.as_secs()),
        body_limit_bytes: Some(settings.body_limit),
        list_limit: Some(settings.list_limit),
        watch_interval_seconds: Some(settings.watch_interval.as_secs()),
        shutdown_timeout_seconds: Some(settings.shutdown_timeout.as_secs()),
        docs: Some(settings.docs),
    }
}
