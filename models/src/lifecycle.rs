//! Lifecycle stage: where a customer stands, by their own tempo.

use serde::{Deserialize, Serialize};

/// The stages, from stranger to lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStage {
    /// Known, but has not bought yet.
    Prospect,
    /// First purchase not long ago and few purchases since.
    New,
    /// Buys at their usual tempo.
    Active,
    /// Active, and among the most frequent.
    Loyal,
    /// Silent for clearly longer than usual.
    AtRisk,
    /// Silent for so long that they are probably gone.
    Lapsed,
    /// Was as good as lapsed, and has come back not long ago.
    WonBack,
    /// Sent something back and has no order: what they bought lies before the history.
    InsufficientData,
}

impl LifecycleStage {
    /// Every stage, in the order of their numbers in the customers table.
    pub const ALL: [Self; 8] =
        [Self::Prospect, Self::New, Self::Active, Self::Loyal, Self::AtRisk, Self::Lapsed, Self::WonBack, Self::InsufficientData];

    /// The name used in the API and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prospect => "prospect",
            Self::New => "new",
            Self::Active => "active",
            Self::Loyal => "loyal",
            Self::AtRisk => "at_risk",
            Self::Lapsed => "lapsed",
            Self::WonBack => "won_back",
            Self::InsufficientData => "insufficient_data",
        }
    }

    /// The stage of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// The rules, each a line of configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifecycleRules {
    /// New: first purchase at most this many days before as-of, and fewer than `new_purchase_days` purchase days. Default 30.
    pub new_days: u32,
    /// See `new_days`. Default 3.
    pub new_purchase_days: u32,
    /// At risk: silent for more than this many of their own gaps. Default 2.
    pub at_risk_gaps: f64,
    /// Lapsed: silent for more than this many of their own gaps. Default 4.
    pub lapsed_gaps: f64,
    /// Loyal: RFM frequency score at least this. Default 4.
    pub loyal_rfm_frequency: u8,
    /// Won back: fewer than this many purchase days since coming back from a silence of more than `lapsed_gaps`, the first of them included.
    /// Default 3.
    pub won_back_purchase_days: u32,
}

impl Default for LifecycleRules {
    fn default() -> Self {
        Self { new_days: 30, new_purchase_days: 3, at_risk_gaps: 2.0, lapsed_gaps: 4.0, loyal_rfm_frequency: 4, won_back_purchase_days: 3 }
    }
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Tempo {
    /// Distinct days with an order.
    pub purchase_days: u32,
    /// Lines that came back.
    pub returns: u32,
    /// First purchase to as-of.
    pub age_days: u32,
    /// Last purchase to as-of.
    pub days_since_last: u32,
    /// Typical days between purchases.
    pub gap_days: f64,
    /// RFM frequency score, 1 to 5.
    pub rfm_frequency: u8,
    /// Purchase days since the latest silence of more than `lapsed_gaps` of the gaps known before it; none without such a silence.
    pub purchase_days_since_return: Option<u32>,
}

impl LifecycleRules {
    /// Refuses rules that cannot be meant.
    pub fn check(&self) -> Result<(), String> {
        let gaps = |name: &str, found: f64, least: f64| {
            let refused = format!("[train.lifecycle] {name}: {found}; expected a number of gaps above {least}");
            if found.is_finite() && found > least { Ok(()) } else { Err(refused) }
        };
        gaps("at_risk_gaps", self.at_risk_gaps, 0.0)?;
        gaps("lapsed_gaps", self.lapsed_gaps, self.at_risk_gaps)?;
        if (1..=5).contains(&self.loyal_rfm_frequency) {
            return Ok(());
        }
        Err(format!("[train.lifecycle] loyal_rfm_frequency: {}; expected a score from 1 to 5", self.loyal_rfm_frequency))
    }

    /// The rule of a stage in words, as it is set.
    pub fn rule(&self, stage: LifecycleStage) -> String {
        let Self { new_days, new_purchase_days, at_risk_gaps, lapsed_gaps, loyal_rfm_frequency, won_back_purchase_days } = self;
        match stage {
            LifecycleStage::Prospect => "known, but has not bought yet".to_owned(),
            LifecycleStage::New => {
                format!("first order at most {new_days} days ago, and fewer than {new_purchase_days} days with an order")
            }
            LifecycleStage::Active => "buys at their usual tempo".to_owned(),
            LifecycleStage::Loyal => {
                format!("buys at their usual tempo, and has a frequency score of {loyal_rfm_frequency} or more of 5")
            }
            LifecycleStage::AtRisk => format!("silent for more than {at_risk_gaps} times their usual gap"),
            LifecycleStage::Lapsed => format!("silent for more than {lapsed_gaps} times their usual gap"),
            LifecycleStage::WonBack => format!(
                "back after a silence of more than {lapsed_gaps} times their usual gap, and fewer than {won_back_purchase_days} days with an order since"
            ),
            LifecycleStage::InsufficientData => "only returns: what they bought lies before the history".to_owned(),
        }
    }

    /// The stage of a customer. Rules are tried in the order insufficient data, prospect, lapsed, at risk, new, won back, loyal, active.
    pub fn stage(&self, tempo: &Tempo) -> LifecycleStage {
        let silent_gaps = f64::from(tempo.days_since_last) / tempo.gap_days.max(1.0);
        if tempo.purchase_days == 0 && tempo.returns > 0 {
            LifecycleStage::InsufficientData
        } else if tempo.purchase_days == 0 {
            LifecycleStage::Prospect
        } else if silent_gaps > self.lapsed_gaps {
            LifecycleStage::Lapsed
        } else if silent_gaps > self.at_risk_gaps {
            LifecycleStage::AtRisk
        } else if tempo.age_days <= self.new_days && tempo.purchase_days < self.new_purchase_days {
            LifecycleStage::New
        } else if tempo.purchase_days_since_return.is_some_and(|days| days < self.won_back_purchase_days) {
            LifecycleStage::WonBack
        } else if tempo.rfm_frequency >= self.loyal_rfm_frequency {
            LifecycleStage::Loyal
        } else {
            LifecycleStage::Active
        }
    }
}
