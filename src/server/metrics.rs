//! Metrics: what is counted, for Prometheus. Labels hold route patterns and names, never ids of customers or items.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use shopkeeper_models::Model;

use crate::state::Attribution;

/// Upper ends of the latency buckets, seconds.
const LATENCY_BUCKETS: [f64; 14] = [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FallbackLabel {
    fallback: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: String,
}

type LatencyFamily = Family<RouteLabel, Histogram, fn() -> Histogram>;

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: LatencyFamily,
    answers: Family<FallbackLabel, Counter>,
    events: Family<OutcomeLabel, Counter>,
    unknown_customers: Counter,
    unknown_items: Counter,
    reloads: Family<OutcomeLabel, Counter>,
    model: Family<VersionLabel, Gauge>,
    as_of: Gauge,
    loaded: Gauge,
    customers: Gauge,
    items: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let latency: LatencyFamily = Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        let mut metrics = Self {
            registry: Registry::with_prefix("shopkeeper"),
            requests: Family::default(),
            latency,
            answers: Family::default(),
            events: Family::default(),
            unknown_customers: Counter::default(),
            unknown_items: Counter::default(),
            reloads: Family::default(),
            model: Family::default(),
            as_of: Gauge::default(),
            loaded: Gauge::default(),
            customers: Gauge::default(),
            items: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("http_requests", "Requests by method, route pattern and status", self.requests.clone());
        r.register("http_request_seconds", "Time from the head of a request to the head of its answer", self.latency.clone());
        r.register("recommendations", "Recommendation answers by fallback; `none` = from the shopper's own history", self.answers.clone());
        r.register("events", "Events by what became of them: accepted, duplicate or rejected", self.events.clone());
        r.register("unknown_customers", "Customers asked about that the model does not know", self.unknown_customers.clone());
        r.register("unknown_items", "Items asked about that the model does not know", self.unknown_items.clone());
        r.register("reloads", "Changes of the served model by outcome", self.reloads.clone());
        r.register("model_info", "1 for the served model version", self.model.clone());
        r.register("model_as_of_timestamp_seconds", "Exclusive end of what the served model sees, Unix time", self.as_of.clone());
        r.register("model_loaded_timestamp_seconds", "When the served model was loaded, Unix time", self.loaded.clone());
        r.register("model_customers", "Customers of the served model", self.customers.clone());
        r.register("model_items", "Items of the served model", self.items.clone());
    }

    /// An answered request.
    pub(super) fn request(&self, method: &str, route: String, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route, status };
        self.requests.get_or_create(&labels).inc();
        self.latency.get_or_create(&RouteLabel { route: labels.route }).observe(took.as_secs_f64());
    }

    /// A recommendation answer.
    pub(super) fn answer(&self, fallback: Option<&'static str>) {
        self.answers.get_or_create(&FallbackLabel { fallback: fallback.unwrap_or("none") }).inc();
    }

    /// A request with events was acknowledged.
    pub(super) fn events(&self, accepted: usize, duplicates: usize, rejected: usize) {
        for (outcome, count) in [("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)] {
            self.events.get_or_create(&OutcomeLabel { outcome }).inc_by(count as u64);
        }
    }

    /// Somebody asked about a customer that the model does not know.
    pub(super) fn unknown_customer(&self) {
        self.unknown_customers.inc();
    }

    /// Somebody asked about items that the model does not know.
    pub(super) fn unknown_items(&self, count: usize) {
        self.unknown_items.inc_by(count as u64);
    }

    /// A change of the model ended: `changed`, `unchanged`, `refused` (no such version) or `failed`.
    pub(super) fn reload(&self, outcome: &'static str) {
        self.reloads.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Another model is served from now on.
    pub(super) fn serving(&self, model: &Model) {
        self.model.clear();
        self.model.get_or_create(&VersionLabel { version: model.version.clone() }).set(1);
        self.as_of.set(DateTime::parse_from_rfc3339(&model.manifest.as_of).map_or(0, |time| time.timestamp()));
        self.loaded.set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64));
        self.customers.set(model.customers.len() as i64);
        self.items.set(model.items().len() as i64);
    }

    /// Shows what the state counts of the use of recommendations.
    pub(super) fn learn(&mut self, attribution: &Attribution) {
        let about = "Impressions, clicks, carts and purchases of recommendations, since the start";
        self.registry.register("recommendation_events", about, attribution.counts.clone());
        let about = "Impressions, clicks, carts and purchases of recommendations by arm of an experiment, since the start";
        self.registry.register("experiment_events", about, attribution.trials.clone());
    }

    /// Everything in the OpenMetrics text format.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let written = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        debug_assert!(written.is_ok(), "a String takes every write");
        text
    }
}
