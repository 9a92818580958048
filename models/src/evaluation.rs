//! What a hold-out showed: the model beside its baselines.

use serde::{Deserialize, Serialize};

/// Everything measured on past data that the measured fit had not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Recommendations, if the history was long enough.
    pub recommendations: Option<RecommendationEvaluation>,
    /// Churn, if the history was long enough.
    pub churn: Option<ChurnEvaluation>,
    /// What could not be measured, and why.
    pub skipped: Vec<String>,
}

/// Recommendations made at `cut` against what was bought from then until `until`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecommendationEvaluation {
    /// First day that the measured fit did not see, `2017-11-06`.
    pub cut: String,
    /// Exclusive end of the truth.
    pub until: String,
    /// Length of the answers.
    pub k: u32,
    /// One row a method and task; the served model first.
    pub scores: Vec<RecommendationScores>,
}

/// Which truth an answer is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Every item bought in the window, answers free to repeat.
    All,
    /// Items the customer had bought before; other hits do not count.
    Repeat,
    /// Items new to the customer, bought items excluded from the answer.
    New,
}

impl Task {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Repeat => "repeat",
            Self::New => "new",
        }
    }
}

/// Means over the customers with a history and at least one truth item of the task. All 0 to 1, larger is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecommendationScores {
    /// `shopkeeper`, `popular`, `recent_popular` or `personal_frequency`.
    pub method: String,
    /// Which truth.
    pub task: Task,
    /// Customers averaged over.
    pub customers: u32,
    /// Hits among the first k over all truth items.
    pub recall: f64,
    /// Sum of 1/log2(rank + 1) over hits, over the same sum for min(k, truth) hits at the top. Example: one truth item at rank 2 of 10: 1/log2(3) = 0.631.
    pub ndcg: f64,
    /// Standard error of the mean of `ndcg` over customers.
    pub ndcg_se: f64,
    /// Share of customers with at least one hit.
    pub hit_rate: f64,
    /// Distinct items shown over items in the history.
    pub coverage: f64,
}

/// Churn probabilities given at `cut` against who bought within the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnEvaluation {
    /// As-of of the measured fit.
    pub cut: String,
    /// Days without a purchase that count as churned.
    pub horizon_days: u32,
    /// Customers scored.
    pub customers: u32,
    /// Share that churned.
    pub base_rate: f64,
    /// One row a method; the served model first.
    pub scores: Vec<ChurnScores>,
    /// Ten bins of equally many customers, by predicted probability.
    pub reliability: Vec<ReliabilityBin>,
    /// Share of all churners among the most endangered share of customers, in steps of a twentieth.
    pub gains: Vec<f64>,
}

/// How well probabilities separate and how true they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnScores {
    /// `shopkeeper` or `days_since_last`.
    pub method: String,
    /// Area under the ROC curve, 0.5 = guessing, 1 = perfect.
    pub auc: f64,
    /// Average precision, positive = churned.
    pub average_precision: f64,
    /// Mean squared error of the probability, smaller is better; none for a rule without probabilities.
    pub brier: Option<f64>,
    /// Mean |predicted - actual| over ten equal-count bins, smaller is better; none for a rule without probabilities.
    pub calibration_error: Option<f64>,
}

/// One bin of a reliability curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share that churned.
    pub actual: f64,
    /// Customers in the bin.
    pub customers: u32,
}
