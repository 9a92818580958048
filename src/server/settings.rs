//! Settings of the server.

use std::path::PathBuf;
use std::time::Duration;

use crate::state::{StateSettings, default_path};

/// How to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeSettings {
    /// The model store. Default `model-store`.
    pub store: PathBuf,
    /// The file of named rules; `None` for none.
    pub scenarios: Option<PathBuf>,
    /// A folder of messages, one file a language, over those that come with the program; `None` for none.
    pub messages: Option<PathBuf>,
    /// The state file. Default: beside the model store, with its name and `.state.db`.
    pub state: Option<PathBuf>,
    /// Hours for which carts and views count as a shopper's session. Default 24.
    pub session_hours: u32,
    /// Days for which events are kept; `None` = for good. Default: for good.
    pub event_days: Option<u32>,
    /// Where to listen, `address:port`; port 0 takes a free one. Default `127.0.0.1:8080`.
    pub bind: String,
    /// Threads that answer, at least 1. Default: one a core.
    pub workers: usize,
    /// How long a handler may take before it answers 503 `timeout`. Default 10 s.
    pub request_timeout: Duration,
    /// How long a client may take to send the head of a request, and again to send its body (408 `slow_client`). Default 5 s.
    pub client_timeout: Duration,
    /// The longest JSON body, bytes (413 `body_too_large`). Default 256 KiB; the bodies of events and items, which hold many, may be sixteen times
    /// as long.
    pub body_limit: usize,
    /// Whole lists (CSV, NDJSON, Parquet) that may be sent at a time; the next is refused with 503 `busy`. Default 8.
    pub list_limit: usize,
    /// How often to look whether the store has another current version; zero = never. Default 2 s.
    pub watch_interval: Duration,
    /// How long requests under way may take to end when the server stops. Default 30 s.
    pub shutdown_timeout: Duration,
    /// Whether to offer the documentation page at `/docs/`. Default true.
    pub docs: bool,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            store: "model-store".into(),
            scenarios: None,
            messages: None,
            state: None,
            session_hours: 24,
            event_days: None,
            bind: "127.0.0.1:8080".into(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            request_timeout: Duration::from_secs(10),
            client_timeout: Duration::from_secs(5),
            body_limit: 256 * 1024,
            list_limit: 8,
            watch_interval: Duration::from_secs(2),
            shutdown_timeout: Duration::from_secs(30),
            docs: true,
        }
    }
}

impl ServeSettings {
    /// The longest body of many events or items, bytes.
    pub(super) fn bulk_limit(&self) -> usize {
        self.body_limit.saturating_mul(16)
    }

    /// How to keep state.
    pub(super) fn of_state(&self) -> StateSettings {
        let path = self.state.clone().unwrap_or_else(|| default_path(&self.store));
        StateSettings { path, session_hours: self.session_hours, event_days: self.event_days }
    }
}
