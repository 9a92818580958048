//! The log: what is logged and how, always on stderr, so that results can be piped.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::Global;

/// How logs and progress are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Said of every start and stop, of use to nobody; a directive given with `--log-level` goes over it.
const LESS: &str = "actix_server=warn";

/// Starts the log. Under `--quiet` only errors are logged.
pub(super) fn start(global: &Global) {
    let level = if global.quiet { "error" } else { &global.log_level };
    let filter = EnvFilter::try_new(format!("{LESS},{level}")).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first.
    let _ = match global.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// Refuses a level that the log would not understand.
pub(super) fn level(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| format!("{error}; expected error, warn, info, debug or trace"))
}
