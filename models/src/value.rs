//! Value tier: high, medium or low by what a customer spends at their own pace while they buy. Not by expected spend, which is low for
//! everyone who is about to leave: who is worth winning back must not look worthless.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::boosting::Boosted;
use crate::churn::{ChurnInputs, FEATURES};

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
    /// The rule of a tier in words.
    pub fn rule(&self, tier: ValueTier) -> String {
        let Self { high, medium } = self;
        match tier {
            ValueTier::High => format!("expected spend at their own pace of {high:.2} or more"),
            ValueTier::Medium => format!("expected spend at their own pace of {medium:.2} or more, and less than {high:.2}"),
            ValueTier::Low => format!("expected spend at their own pace below {medium:.2}"),
        }
    }

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

/// Spend within the horizon, from the same tempo as churn: scale x (mean of the square root)^2.
///
/// The square of a mean root lies between the median, which has the least absolute error, and the mean, which has the right total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpendModel {
    /// Mean of the square root of the spend.
    pub root: Boosted,
    /// At least 1; larger where the squares would sum to less than nine tenths of what was spent after the newest past origin.
    pub scale: f64,
}

impl SpendModel {
    /// The file in a version folder: `null` where there was too little history.
    pub const FILE: &'static str = "spend.json";

    /// Expected spend within the horizon, at least 0.
    pub fn expected(&self, inputs: &ChurnInputs) -> f64 {
        self.scale * self.root.sum(&inputs.features()).max(0.0).powi(2)
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if self.root.is_sound(FEATURES.len()) && self.scale.is_finite() && self.scale >= 0.0 {
            return Ok(());
        }
        Err(ModelError::corrupt(Self::FILE, "a tree or a scale that cannot be", "sound trees and a scale of at least 0"))
    }
}
