//! Value tier: high, medium or low by expected spend.

use serde::{Deserialize, Serialize};

/// The tiers, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueTier {
    /// At or above the high cut point.
    High,
    /// Between the cut points.
    Medium,
    /// Below the medium cut point.
    Low,
}

impl ValueTier {
    /// Every tier, in the order of their numbers in the customers table.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// The name used in the API and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// The tier of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

/// The lowest expected value of the two upper tiers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueCuts {
    /// High from here on.
    pub high: f64,
    /// Medium from here on.
    pub medium: f64,
}

impl ValueCuts {
    /// The tier of an expected value.
    pub fn tier(&self, value: f64) -> ValueTier {
        if value >= self.high {
            ValueTier::High
        } else if value >= self.medium {
            ValueTier::Medium
        } else {
            ValueTier::Low
        }
    }
}
