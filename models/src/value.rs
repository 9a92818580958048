//! Value tier: high, medium or low by what a customer spends at their own pace while they buy. Not by expected spend, which is low for
//! everyone who is about to leave: who is worth winning back must not look worthless. But of whom hardly anything is expected is low.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::boosting::Boosted;
use crate::churn::{Centre, ChurnInputs, WIDTH};
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

/// How customers are told apart by value, as it is set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueRules {
    /// Share of the customers who are not gone that are high, 0 to 1. Default 0.2.
    pub high_share: f64,
    /// Share of them that are medium, 0 to 1; the rest are low. Default 0.3.
    pub medium_share: f64,
    /// Gone: the chance to buy within the horizon is below this, 0 to 0.5. Default 0.1.
    pub gone_below: f64,
    /// Potential high-value newcomer: a new customer who reaches this share of the high cut point, above 0 to 1. Default 0.8.
    pub newcomer_from: f64,
}

impl Default for ValueRules {
    fn default() -> Self {
        Self { high_share: 0.2, medium_share: 0.3, gone_below: 0.1, newcomer_from: 0.8 }
    }
}

/// The lowest expected value of the two upper tiers, and the rules they came from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueCuts {
    /// High from here on.
    pub high: f64,
    /// Medium from here on.
    pub medium: f64,
    /// The rules.
    pub rules: ValueRules,
}

impl ValueRules {
    /// Refuses rules that cannot be meant.
    pub fn check(&self) -> Result<(), String> {
        let refuse = |name: &str, found: f64, expected: &str| Err(format!("--{name} {found}; expected {expected}"));
        let Self { high_share, medium_share, gone_below, newcomer_from } = *self;
        if !(0.0..=1.0).contains(&high_share) {
            return refuse("high-value-share", high_share, "a share of the customers, 0 to 1");
        }
        if !(0.0..=1.0).contains(&medium_share) || high_share + medium_share > 1.0 {
            return refuse("medium-value-share", medium_share, "a share of the customers that with the high ones makes at most 1");
        }
        if !(0.0..=0.5).contains(&gone_below) {
            return refuse("gone-below", gone_below, "a chance to buy from 0 to 0.5");
        }
        if newcomer_from > 0.0 && newcomer_from <= 1.0 {
            return Ok(());
        }
        refuse("newcomer-from", newcomer_from, "a share of the high cut point, above 0 to 1")
    }
}

impl ValueCuts {
    /// The rule of a tier in words.
    pub fn rule(&self, tier: ValueTier) -> String {
        let Self { high, medium, rules } = self;
        let gone = format!("a chance of less than {:.0} % to buy within the horizon", 100.0 * rules.gone_below);
        match tier {
            ValueTier::High => format!("expected spend at their own pace of {high:.2} or more, and not {gone}"),
            ValueTier::Medium => format!("expected spend at their own pace of {medium:.2} or more and less than {high:.2}, and not {gone}"),
            ValueTier::Low => format!("expected spend at their own pace below {medium:.2}, or {gone}"),
        }
    }

    /// From here on a new customer is a potential high-value one.
    pub fn newcomer(&self) -> f64 {
        self.rules.newcomer_from * self.high
    }

    /// The rule of the potential high-value newcomers in words.
    pub fn newcomer_rule(&self) -> String {
        let share = 100.0 * self.rules.newcomer_from;
        format!(
            "lifecycle stage new, and expected spend at their own pace of {:.2} or more: {share:.0} % of what makes high",
            self.newcomer()
        )
    }

    /// Whether somebody of this churn probability is as good as gone.
    pub fn is_gone(&self, churn_probability: Option<f64>) -> bool {
        churn_probability.is_some_and(|p| 1.0 - p < self.rules.gone_below)
    }

    /// The tier of somebody of this expected value and churn probability.
    pub fn tier_of(&self, value: f64, churn_probability: Option<f64>) -> ValueTier {
        if self.is_gone(churn_probability) { ValueTier::Low } else { self.tier(value) }
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
    /// Part of the way, as a factor at least 1, from the sum of (1 - churn probability)^2 x spend of one who buys, over the customers at as-of, to
    /// that without the square, which is what is expected of all together.
    #[serde(default = "unchanged")]
    pub balance: f64,
}

fn unchanged() -> f64 {
    1.0
}

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

    /// Expected spend within the horizon, at least 0: [`SpendModel::balance`] x (1 - churn probability)^2 x [`SpendModel::if_active`]. The mean, without
    /// the square, has the right total; but most of those who hardly buy spend nothing, so that a smaller absolute error has less for them and more
    /// for the others.
    pub fn expected(&self, if_active: f64, churn_probability: f64) -> f64 {
        self.balance * (1.0 - churn_probability).powi(2) * if_active
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let is_factor = |factor: &f64| factor.is_finite() && *factor >= 0.0;
        // versions of an older format looked at other features
        let features = self.within.len();
        let learned = self.typical.is_finite() && self.typical.weights.len() == features && self.added.is_sound(features);
        if learned && self.within.iter().all(Centre::is_sound) && [self.scale, self.balance].iter().all(is_factor) {
            return Ok(());
        }
        Err(ModelError::corrupt(Self::FILE, "a tree or a scale that cannot be", "sound trees and a scale of at least 0"))
    }
}
