//! The manifest: what a model version is, what it was made from, how good it was, and the checksum of every file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluation::Evaluation;
use crate::lifecycle::LifecycleRules;
use crate::loyalty::LoyaltyRules;
use crate::rfm::{RfmCuts, RfmGroups};
use crate::rules::RulesSummary;
use crate::segments::SegmentationSummary;
use crate::value::ValueCuts;

/// The format this build writes.
pub const FORMAT_VERSION: u32 = 5;
/// The oldest format this build reads.
pub const OLDEST_READABLE: u32 = 4;

/// `manifest.json`. Holds nothing that differs between two runs on the same data with the same settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the folder.
    pub format: u32,
    /// Exclusive end of what the model sees, RFC 3339, UTC.
    pub as_of: String,
    /// The day after the last one the model sees, in the shop's time zone (days since 1970-01-01).
    pub as_of_day: i32,
    /// The shop's time zone, IANA name.
    pub timezone: String,
    /// What it was made from.
    pub data: DataSummary,
    /// Every setting of the training run that changes the result, defaults included.
    pub settings: serde_json::Value,
    /// The cut points behind scores, stages and tiers.
    pub rules: CustomerRules,
    /// How the association rules were found.
    pub association_rules: RulesSummary,
    /// How the segments were found, one entry a kind.
    pub segments: Vec<SegmentationSummary>,
    /// Hold-out results beside the baselines.
    pub evaluation: Evaluation,
    /// Every other file of the folder.
    pub files: BTreeMap<String, FileEntry>,
}

/// What the trainer read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// BLAKE3 over the accepted lines, independent of row and file order.
    pub fingerprint: String,
    /// Rows read.
    pub rows: u64,
    /// Order lines, returns included; rows of one item in one order are added up to one line.
    pub lines: u64,
    /// Lines with negative quantity.
    pub returns: u64,
    /// Orders.
    pub orders: u64,
    /// Customers with at least one order.
    pub customers: u64,
    /// Distinct items bought.
    pub items: u64,
    /// First calendar day with an order, `2017-01-01`.
    pub first_day: String,
    /// Last calendar day with an order.
    pub last_day: String,
    /// Time of the last purchase, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_purchase: Option<String>,
    /// Rows rejected, by reason; they stand in `rejects.parquet`.
    pub rejects: BTreeMap<String, u64>,
    /// The events of a server's state that the purchases files held, where they came from one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventsSeen>,
    /// The type of every column that was read, by table and name: `purchases.amount` = `Float64`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Rows read and taken of each other table: campaigns, campaign_list, redemptions, feedback, tickets, referrals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, [u64; 2]>,
}

/// A range of events of a server's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsSeen {
    /// The state's id.
    pub state: String,
    /// The number of the last event before the range; 0 for a range from the first.
    pub after: i64,
    /// The number of the last event of the range.
    pub upto: i64,
}

impl EventsSeen {
    /// The key under which a Parquet file names its range, as JSON.
    pub const KEY: &'static str = "shopkeeper.events";
}

/// The cut points behind scores, stages and tiers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerRules {
    /// Cut points of the RFM scores.
    pub rfm: RfmCuts,
    /// RFM groups by scores.
    pub rfm_groups: RfmGroups,
    /// Lifecycle rules.
    pub lifecycle: LifecycleRules,
    /// Value tiers by expected spend in the horizon at the customer's own pace.
    pub value: ValueCuts,
    /// Loyalty tiers and points.
    pub loyalty: LoyaltyRules,
}

/// A file of the version folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3 of the bytes, hex.
    pub blake3: String,
    /// Rows, for tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Manifest {
    /// The file in a version folder.
    pub const FILE: &'static str = "manifest.json";

    /// The manifest's bytes as they are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_else(|error| unreachable!("strings, numbers and string keys: {error}"));
        bytes.push(b'\n');
        bytes
    }

    /// The version name of a manifest: its as-of date and the first 12 hex digits of the BLAKE3 of its bytes,
    /// so the name is the checksum of the manifest and the manifest holds the checksums of the rest.
    pub fn version(&self, bytes: &[u8]) -> String {
        format!("{}-{}", crate::calendar::date(self.as_of_day), &blake3::hash(bytes).to_hex()[..12])
    }
}
