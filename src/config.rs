//! Settings: defaults below the config file, the file below the environment, the environment below flags.
//!
//! Each setting is declared once: its field is the key in the file, its flag on the command line and `SHOPKEEPER_...` in the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use shopkeeper_models::lifecycle::LifecycleRules;
use shopkeeper_models::loyalty::LoyaltySettings;
use shopkeeper_models::rfm::RfmGroups;

/// The store used when none is named.
pub const DEFAULT_STORE: &str = "model-store";

/// A config file. Unknown keys are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[train]`.
    #[serde(skip_serializing_if = "is_default")]
    pub train: TrainOptions,
    /// `[serve]`.
    #[serde(skip_serializing_if = "is_default")]
    pub serve: ServeOptions,
}

/// How much is tried to suit the recommender to the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tune {
    /// Nothing: the defaults.
    Off,
    /// One more fit.
    Quick,
    /// Some ten fits.
    Full,
}

/// When a new version becomes the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activate {
    /// Unless a baseline clearly beats it; the first version of a store always.
    UnlessWorse,
    /// Whatever was measured.
    Always,
    /// Save it only.
    Never,
}

/// How segments are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum SegmentMethod {
    /// Round clusters of equal width.
    KMeans,
    /// Clusters of any width and slant.
    GaussianMixture,
    /// Crowds of any shape, and outliers.
    Dbscan,
}

#[cfg(feature = "train")]
impl From<SegmentMethod> for shopkeeper_training::segments::SegmentMethod {
    fn from(method: SegmentMethod) -> Self {
        match method {
            SegmentMethod::KMeans => Self::KMeans,
            SegmentMethod::GaussianMixture => Self::GaussianMixture,
            SegmentMethod::Dbscan => Self::Dbscan,
        }
    }
}

/// What to train on, and how. What is not set here is left to the layer below.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainOptions {
    /// Purchases: Parquet files, folders and patterns such as '2017/*.parquet'
    #[arg(long, num_args = 1.., value_name = "FILE|DIR|GLOB", env = "SHOPKEEPER_PURCHASES")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub purchases: Vec<String>,
    /// The items table: titles, categories, prices, what is available
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_ITEMS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// The customers table: adds those who have not bought yet, and what is known of everybody: consent, birthday, region, any other column
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_CUSTOMERS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers: Option<String>,
    /// Campaigns, one row a customer and campaign: group (treated or control), sent_at, reached_at, redeemed_at, channel
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_CAMPAIGNS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaigns: Option<String>,
    /// When each campaign ran, where its rows do not say: campaign_id, kind, starts_at, ends_at
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_CAMPAIGN_LIST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_list: Option<String>,
    /// Redemptions, where they have a table of their own: campaign_id, customer_id, redeemed_at
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_REDEMPTIONS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redemptions: Option<String>,
    /// Feedback: customer_id, timestamp, score (0 to 10), kind, text, channel
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_FEEDBACK")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// Tickets: customer_id, opened_at, first_reply_at, closed_at, channel, kind
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_TICKETS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tickets: Option<String>,
    /// Referrals: referrer_id, referred_id, timestamp
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_REFERRALS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrals: Option<String>,
    /// Where fitted models are kept [default: model-store]
    #[arg(long, value_name = "DIR", env = "SHOPKEEPER_STORE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// Exclusive end of what is read, 2017-11-06 or 2017-11-06T00:00:00Z [default: the day after the last purchase]
    #[arg(long, value_name = "TIME", env = "SHOPKEEPER_AS_OF")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Days without a purchase that count as churned, 1 to 3650 [default: from the shop's own tempo]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_HORIZON_DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_days: Option<u32>,
    /// IANA time zone that decides calendar days, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", env = "SHOPKEEPER_TIMEZONE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Seed of everything random [default: 42]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_SEED")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Threads; the result does not depend on them [default: one a core]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_THREADS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Segments by behaviour wanted, 1 to 100 [default: chosen by stability, separation and size]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_SEGMENTS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<usize>,
    /// Segments by needs wanted, 1 to 100; there are none without categories [default: chosen likewise]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_NEEDS_SEGMENTS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_segments: Option<usize>,
    /// How segments are looked for: k_means, gaussian_mixture, or dbscan, which finds their number itself [default: k_means]
    #[arg(long, value_name = "METHOD", value_enum, env = "SHOPKEEPER_SEGMENT_METHOD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_method: Option<SegmentMethod>,
    /// Share of the customers who are not as good as gone that are of high value, 0 to 1 [default: 0.2]
    #[arg(long, value_name = "SHARE", env = "SHOPKEEPER_HIGH_VALUE_SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_value_share: Option<f64>,
    /// Share of them that are of medium value; the rest are of low value [default: 0.3]
    #[arg(long, value_name = "SHARE", env = "SHOPKEEPER_MEDIUM_VALUE_SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium_value_share: Option<f64>,
    /// Chance to buy within the horizon below which somebody is as good as gone: of low value, no day of a next order [default: 0.1]
    #[arg(long, value_name = "CHANCE", env = "SHOPKEEPER_GONE_BELOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_below: Option<f64>,
    /// Share of the high cut point that makes a new customer a potential high-value one, above 0 to 1 [default: 0.8]
    #[arg(long, value_name = "SHARE", env = "SHOPKEEPER_NEWCOMER_FROM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newcomer_from: Option<f64>,
    /// How much is tried to suit the recommender to the shop: off, quick (one more fit) or full (some ten) [default: quick]
    #[arg(long, value_name = "EFFORT", value_enum, env = "SHOPKEEPER_TUNE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tune: Option<Tune>,
    /// When the new version becomes the current one: unless-worse (than a baseline, beyond chance and by a twentieth, or with a last window of hardly a shopper), always or never
    /// [default: unless-worse]
    #[arg(long, value_name = "WHEN", value_enum, env = "SHOPKEEPER_ACTIVATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activate: Option<Activate>,
    /// Association rules: the least share of orders that hold all of a rule, above 0 to 1 [default: chosen, and said in the manifest]
    #[arg(long, value_name = "SHARE", env = "SHOPKEEPER_RULES_SUPPORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_support: Option<f64>,
    /// Association rules: the least share of the orders with the antecedent that hold the consequent, 0 to 1 [default: 0.1]
    #[arg(long, value_name = "SHARE", env = "SHOPKEEPER_RULES_CONFIDENCE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_confidence: Option<f64>,
    /// Association rules: the most items of one, 2 to 12 [default: 6]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_RULES_ITEMS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_items: Option<usize>,
    /// Association rules: the most sets of items counted, at some 100 bytes of memory each [default: 1000000]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_RULES_ITEMSETS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_itemsets: Option<usize>,
    /// Insights: figures that fewer customers than this stand behind are withheld; 1 withholds nothing [default: 5]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_MIN_GROUP")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_group: Option<u64>,
    /// Insights: days before the as-of that are looked at, 1 to 36500 [default: 3653]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_INSIGHTS_DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insights_days: Option<u32>,
    /// Share of rejected rows, 0 to 1, above which the run stops [default: 0.05]
    #[arg(long, value_name = "SHARE", env = "SHOPKEEPER_MAX_REJECT_RATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_reject_rate: Option<f64>,
    /// Read rows that are equal in every column once [default: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", env = "SHOPKEEPER_DROP_DUPLICATES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_duplicates: Option<bool>,
    /// Versions kept in the store, the current one and the one before it always among them [default: 5]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_KEEP")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// Our column name and yours; may be given again. Other tables stand in front: items.item_id=product_id
    #[arg(long = "column", value_name = "OURS=YOURS", value_parser = column)]
    #[serde(skip)]
    pub column: Vec<(String, String)>,
    /// `[train.columns]`: our column name to theirs.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// `[train.lifecycle]`: the rules of the lifecycle stages.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecycleRules>,
    /// `[train.rfm_groups]`: the scores that make each RFM group.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfm_groups: Option<RfmGroups>,
    /// `[train.loyalty]`: tiers and points.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loyalty: Option<LoyaltySettings>,
}

/// What to serve, and where. What is not set here is left to the layer below.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeOptions {
    /// Where fitted models are kept [default: model-store]
    #[arg(long, value_name = "DIR", env = "SHOPKEEPER_STORE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// A TOML file of named rules, such as [home] and below it purchased = "until_due"; read again when it changes
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_SCENARIOS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<PathBuf>,
    /// A folder of messages that say reasons in words, one file a language: en.ftl, zh-Hans.ftl [default: those of the program]
    #[arg(long, value_name = "DIR", env = "SHOPKEEPER_MESSAGES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<PathBuf>,
    /// Where events and changes of the catalogue are kept: one SQLite file [default: beside the store, with its name and .state.db]
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_STATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PathBuf>,
    /// Hours for which what a shopper looked at and put into the basket counts as the session, 1 to 8760 [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8760), env = "SHOPKEEPER_SESSION_HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_hours: Option<u32>,
    /// Days for which events are kept, 1 to 36500; older ones are deleted and refused [default: for good]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36500), env = "SHOPKEEPER_EVENT_DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_days: Option<u32>,
    /// Address and port to listen on; 127.0.0.1 is this machine only [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "SHOPKEEPER_BIND")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<String>,
    /// Threads that answer [default: one a core]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_WORKERS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Seconds an answer may take [default: 10]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_REQUEST_TIMEOUT_SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_timeout_seconds: Option<u64>,
    /// Seconds a client may take to send a request [default: 5]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_CLIENT_TIMEOUT_SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_timeout_seconds: Option<u64>,
    /// The longest JSON body, in bytes; sixteen times that for many events or items [default: 262144]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_BODY_LIMIT_BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_limit_bytes: Option<usize>,
    /// Whole lists written at a time; the next one is refused with 503 busy [default: 8]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_LIST_LIMIT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_limit: Option<usize>,
    /// Seconds between looks at the store for another current version; 0 = never [default: 2]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_WATCH_INTERVAL_SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch_interval_seconds: Option<u64>,
    /// Seconds that requests under way may take to end when the server stops [default: 30]
    #[arg(long, value_name = "N", env = "SHOPKEEPER_SHUTDOWN_TIMEOUT_SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout_seconds: Option<u64>,
    /// Whether to offer the documentation page at /docs/ [default: true]
    #[arg(long, value_name = "BOOL", env = "SHOPKEEPER_DOCS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docs: Option<bool>,
}

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named could not be read.
    #[error("{}: {source}. Name a config file that exists, or leave --config out", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a config file.
    #[error("{}: {}", path.display(), message.trim_end())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column, what was found and what was expected.
        message: String,
    },
}

impl Config {
    /// The config file that was named; empty when none was. A file that was named must exist and hold known keys only.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| ConfigError::Parse { path: path.to_owned(), message: error.to_string() })
    }

    /// As a config file that would give the same settings.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| unreachable!("tables, strings and numbers: {error}"))
    }
}

/// Each option of the upper layer where it is set, else of the lower one.
macro_rules! layered {
    ($upper:ident over $lower:ident: $($field:ident),* $(; with $($more:tt)*)?) => {
        Self { $($field: $upper.$field.or($lower.$field),)* $($($more)*)? }
    };
}

impl TrainOptions {
    /// These, and below them `lower`. Column mappings of both count.
    pub fn over(self, lower: Self) -> Self {
        let purchases = if self.purchases.is_empty() { lower.purchases } else { self.purchases };
        let mut columns = lower.columns;
        columns.extend(lower.column);
        columns.extend(self.columns);
        columns.extend(self.column);
        layered!(self over lower: items, customers, campaigns, campaign_list, redemptions, feedback, tickets, referrals, store, as_of, horizon_days, timezone, seed, threads, segments, needs_segments,
            segment_method, high_value_share, medium_value_share, gone_below, newcomer_from, tune, activate, rules_support, rules_confidence, rules_items, rules_itemsets, min_group, insights_days, max_reject_rate, drop_duplicates, keep, lifecycle, rfm_groups, loyalty; with purchases, columns, column: Vec::new())
    }

    /// The store, by default [`DEFAULT_STORE`].
    pub fn store(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| DEFAULT_STORE.into())
    }
}

impl ServeOptions {
    /// These, and below them `lower`.
    pub fn over(self, lower: Self) -> Self {
        layered!(self over lower: store, scenarios, messages, state, session_hours, event_days, bind, workers, request_timeout_seconds, client_timeout_seconds, body_limit_bytes, list_limit,
            watch_interval_seconds, shutdown_timeout_seconds, docs)
    }
}

fn column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((ours, theirs)) if !ours.is_empty() && !theirs.is_empty() => Ok((ours.to_owned(), theirs.to_owned())),
        _ => Err("expected our name and yours, such as customer_id=household_id".to_owned()),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        toml::from_str(text).expect("a config")
    }

    #[test]
    fn flags_go_over_the_file_and_columns_of_both_count() {
        let file = parse("[train]\nseed = 1\nkeep = 9\npurchases = ['a']\n[train.columns]\nitem_id = 'sku'\ncustomer_id = 'who'\n");
        let flags = TrainOptions { seed: Some(2), column: vec![("customer_id".into(), "household".into())], ..TrainOptions::default() };
        let both = flags.over(file.train);
        assert_eq!((both.seed, both.keep, both.purchases), (Some(2), Some(9), vec!["a".to_owned()]));
        assert_eq!(
            both.columns.into_iter().map(|(ours, theirs)| format!("{ours}={theirs}")).collect::<Vec<_>>(),
            ["customer_id=household", "item_id=sku"]
        );
    }

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let config =
            parse("[train]\nseed = 1\n[train.columns]\nitem_id = 'sku'\n[train.lifecycle]\nnew_days = 14\n[serve]\nbind = '0.0.0.0:80'\n");
        assert_eq!(parse(&config.to_toml()), config);
        assert_eq!(config.train.lifecycle.map(|rules| (rules.new_days, rules.lapsed_gaps)), Some((14, 4.0)));
    }

    #[test]
    fn a_named_file_must_exist_and_hold_known_keys_only() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("shop.toml");
        let refused = |path: &Path| Config::read(Some(path)).expect_err("refused").to_string();
        assert!(refused(&path).contains("Name a config file that exists"));
        for (text, complaint) in [
            ("[train]\nsede = 1\n", "unknown field `sede`, expected one of"),
            ("[serve]\nport = 1\n", "unknown field `port`"),
            ("[train.lifecycle]\nnewdays = 1\n", "unknown field `newdays`"),
            ("[sreve]\n", "unknown field `sreve`, expected `train` or `serve`"),
            ("[serve]\ndocs = 'yes'\n", "expected a boolean"),
        ] {
            std::fs::write(&path, text).expect("written");
            let found = refused(&path);
            assert!(found.contains(complaint) && found.contains("shop.toml") && found.contains("line"), "{found}");
        }
        assert_eq!(Config::read(None).expect("none named"), Config::default());
    }
}
