//! Value tier: high, medium or low by what a customer spends at their own pace while they buy. Not by expected spend, which is low for
//! everyone who is about to leave: who is worth winning back must not look worthless.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::boosting::Boosted;
use crate::churn::{Centre, ChurnInputs, FEATURES, WIDTH};
use crate::logistic::Logistic;

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

/// Spend within the horizon of those who buy in it, from the same tempo as churn: scale x (root of a typical spend + what trees add)^2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpendModel {
    /// One entry a feature: what was learned from; nothing beyond counts.
    pub within: Vec<Centre>,
    /// A line through the logarithm of the spend of those who bought.
    pub typical: Logistic,
    /// What is added to its square root.
    pub added: Boosted,
    /// Most of the way, as a factor, from the squares to what was spent by those it was learned from.
    pub scale: f64,
}

/// Power of the chance to buy in the expected spend: 1 gives the mean, which has the right total; 2 the square of the mean root, which has the
/// smaller absolute error, as most of those who hardly buy spend nothing. This lies between.
const CHANCE: f64 = 1.4;

impl SpendModel {
    /// The file in a version folder: `null` where there was too little history.
    pub const FILE: &'static str = "spend.json";

    /// Expected spend within the horizon of one who buys in it at all, at least 0.
    pub fn if_active(&self, inputs: &ChurnInputs) -> f64 {
        let x = inputs.features();
        self.of(&std::array::from_fn(|j| self.within[j].of(x[j])))
    }

    /// The same, from features that are within what was learned from.
    pub fn of(&self, x: &[f64; WIDTH]) -> f64 {
        // a spend of e^100 is no spend
        let typical = (0.5 * self.typical.log_odds(x).min(100.0)).exp();
        self.scale * (typical + self.added.sum(x)).max(0.0).powi(2)
    }

    /// Expected spend within the horizon, at least 0: (1 - churn probability)^1.4 x [`SpendModel::if_active`], between the mean and the median.
    pub fn expected(if_active: f64, churn_probability: f64) -> f64 {
        (1.0 - churn_probability).powf(CHANCE) * if_active
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let learned = self.typical.is_sound(&FEATURES) && self.added.is_sound(WIDTH) && self.within.len() == WIDTH;
        if learned && self.within.iter().all(Centre::is_sound) && self.scale.is_finite() && self.scale >= 0.0 {
            return Ok(());
        }
        Err(ModelError::corrupt(Self::FILE, "a tree or a scale that cannot be", "sound trees and a scale of at least 0"))
    }
}
