//! Churn: P(no purchase within the horizon), from a customer's tempo.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::logistic::Logistic;

/// The inputs, in order. All on a log or share scale, so that a straight line fits.
pub const FEATURES: [&str; 14] = [
    "ln_days_since_last",
    "ln_purchase_days",
    "ln_age_days",
    "ln_gap_days",
    "ln_silence_in_gaps",
    "ln_silence_in_gaps_squared",
    "ln_longest_gap",
    "silence_over_longest_gap",
    "ln_days_last_28",
    "ln_days_last_91",
    "trend",
    "ln_spend_per_day",
    "ln_distinct_items",
    "returned_share",
];

/// A customer's tempo at an as-of day, as the trainer counts it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChurnInputs {
    /// Distinct days with an order, at least 1.
    pub purchase_days: u32,
    /// First purchase to as-of, days.
    pub age_days: u32,
    /// Last purchase to as-of, days.
    pub days_since_last: u32,
    /// Typical days between purchases, shrunk.
    pub gap_days: f64,
    /// Longest silence between two purchases so far, days; 0 with one purchase.
    pub longest_gap: u32,
    /// Purchase days in the last 28 days.
    pub days_last_28: u32,
    /// Purchase days in the last 91 days.
    pub days_last_91: u32,
    /// Spend per purchase day.
    pub spend_per_day: f64,
    /// Distinct items bought.
    pub distinct_items: u32,
    /// Share of lines that came back, 0 to 1.
    pub returned_share: f64,
}

impl ChurnInputs {
    /// The feature vector, in the order of [`FEATURES`]. Every value is finite.
    pub fn features(&self) -> [f64; FEATURES.len()] {
        let ln1 = |value: f64| value.max(0.0).ln_1p();
        let silence = f64::from(self.days_since_last);
        let gaps = ln1(silence / self.gap_days.max(0.5));
        let pace_recent = (f64::from(self.days_last_91) + 0.5) / f64::from(self.age_days.clamp(1, 91));
        let pace = (f64::from(self.purchase_days) + 0.5) / f64::from(self.age_days.max(1));
        [
            ln1(silence),
            ln1(self.purchase_days.into()),
            ln1(self.age_days.into()),
            ln1(self.gap_days),
            gaps,
            gaps * gaps,
            ln1(self.longest_gap.into()),
            (silence / f64::from(self.longest_gap.max(7))).min(4.0),
            ln1(self.days_last_28.into()),
            ln1(self.days_last_91.into()),
            (pace_recent / pace).ln().clamp(-4.0, 4.0),
            ln1(self.spend_per_day),
            ln1(self.distinct_items.into()),
            self.returned_share,
        ]
    }
}

/// Whether churn could be learned from the shop's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ChurnModel {
    /// Fitted.
    Fitted {
        /// Days after as-of without a purchase that count as churned.
        horizon_days: u32,
        /// Positive = no purchase in the horizon.
        logistic: Logistic,
        /// Past as-of dates that the labels came from.
        origins: Vec<String>,
        /// Rows it was learned from.
        rows: u64,
    },
    /// Too little history; no probability is given.
    InsufficientData {
        /// Days after as-of without a purchase that would have counted as churned.
        horizon_days: u32,
        /// What was missing.
        reason: String,
    },
}

impl ChurnModel {
    /// The file in a version folder.
    pub const FILE: &'static str = "churn.json";

    /// Days after as-of without a purchase that count as churned.
    pub fn horizon_days(&self) -> u32 {
        match self {
            Self::Fitted { horizon_days, .. } | Self::InsufficientData { horizon_days, .. } => *horizon_days,
        }
    }

    /// P(no purchase within the horizon), 0 to 1, larger = more likely gone; `None` without enough history.
    pub fn probability(&self, inputs: &ChurnInputs) -> Option<f64> {
        match self {
            Self::Fitted { logistic, .. } => Some(logistic.probability(&inputs.features())),
            Self::InsufficientData { .. } => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        match self {
            Self::Fitted { logistic, .. } if !logistic.is_sound(&FEATURES) => {
                Err(ModelError::corrupt(Self::FILE, "other features or a number that is not finite", FEATURES.join(", ")))
            }
            _ => Ok(()),
        }
    }
}
