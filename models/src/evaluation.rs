//! What a hold-out showed: the model beside its baselines.

use serde::{Deserialize, Serialize};

/// Everything measured on past data that the measured fit had not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Recommendations, if the history was long enough.
    pub recommendations: Option<RecommendationEvaluation>,
    /// Churn, if the history was long enough.
    pub churn: Option<ChurnEvaluation>,
    /// How long customers stay silent after a purchase, over the whole history; none where nobody bought again.
    pub survival: Option<Survival>,
    /// What could not be measured, and why.
    pub skipped: Vec<String>,
}

/// Share of customers who have not yet bought again, by days since a purchase (Kaplan & Meier 1958).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    /// Days since the purchase, from 0 on.
    pub days: Vec<u32>,
    /// After a first purchase day, 0 to 1.
    pub after_first: Vec<f64>,
    /// After a later one, 0 to 1.
    pub after_later: Vec<f64>,
}

/// Recommendations made at `cut` against what was bought from then until `until`, and the tasks about single orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecommendationEvaluation {
    /// First day that the measured fit did not see, `2017-11-06`. The next basket has a cut of its own: each customer's last order.
    pub cut: String,
    /// Exclusive end of the truth.
    pub until: String,
    /// Length of the answers.
    pub k: u32,
    /// One row a task and method, tasks in the order of [`Task::ALL`]; the served model first.
    pub scores: Vec<RecommendationScores>,
    /// How much of an answer stays from the cut to the as-of; `None` when nothing was fitted at the as-of.
    pub stability: Option<Stability>,
}

impl RecommendationEvaluation {
    /// The rows of a task, the served model first; none when the task was not measured.
    pub fn of(&self, task: Task) -> impl Iterator<Item = &RecommendationScores> {
        self.scores.iter().filter(move |scores| scores.task == task)
    }
}

/// Which question is asked, and which truth an answer is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Every item bought in the window, answers free to repeat.
    All,
    /// Items the customer had bought before; other hits do not count.
    Repeat,
    /// Items new to the customer, bought items excluded from the answer.
    New,
    /// As `All`, over customers with one to three orders before the cut.
    ColdAll,
    /// As `New`, over customers with one to three orders before the cut.
    ColdNew,
    /// The last order of each customer with three or more, from everything before it, answers free to repeat.
    NextBasketAll,
    /// The same, items new to the customer alone.
    NextBasketNew,
    /// A hidden third of each customer's first order in the window, from the rest of that order and the customer.
    Completion,
}

impl Task {
    /// Every task, in the order of tables.
    pub const ALL: [Self; 8] =
        [Self::All, Self::Repeat, Self::New, Self::ColdAll, Self::ColdNew, Self::NextBasketAll, Self::NextBasketNew, Self::Completion];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Repeat => "repeat",
            Self::New => "new",
            Self::ColdAll => "cold all",
            Self::ColdNew => "cold new",
            Self::NextBasketAll => "next basket all",
            Self::NextBasketNew => "next basket new",
            Self::Completion => "completion",
        }
    }
}

/// Means over the customers with a history and at least one truth item of the task. Shares are 0 to 1; larger is better unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecommendationScores {
    /// `shopkeeper`, a baseline such as `popular`, or, where versions are compared, a version.
    pub method: String,
    /// Which truth.
    pub task: Task,
    /// Customers averaged over.
    pub customers: u32,
    /// Hits among the first k over all truth items.
    pub recall: f64,
    /// Sum of 1/log2(rank + 1) over hits, over the same sum for min(k, truth) hits at the top. Example: one truth item at rank 2 of 10: 1/log2(3) = 0.631.
    pub ndcg: f64,
    /// 95 % interval of `ndcg`: the percentile bootstrap over customers.
    pub ndcg_interval: [f64; 2],
    /// Mean average precision: sum over hits of the precision down to their rank, over min(k, truth). Example: hits at ranks 1 and 3, two truth items:
    /// (1/1 + 2/3) / 2 = 0.833.
    pub map: f64,
    /// Share of customers with at least one hit.
    pub hit_rate: f64,
    /// Share of the hits that the customer had bought before; neither direction is better. `None` without hits.
    pub repeat_hits: Option<f64>,
    /// Distinct items shown over items in the history.
    pub coverage: f64,
    /// Popularity bias: the share of customers who had bought an item, mean over the items shown. Smaller is less biased; compare at equal `ndcg`.
    pub popularity: f64,
    /// Distinct categories over items, in an answer; items without a category are left out. `None` without categories.
    pub diversity: Option<f64>,
    /// On the served model's row: how it compares with the best baseline of the task. `None` on the others.
    pub against: Option<Difference>,
}

/// A paired difference of NDCG: the same customers, asked of two methods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The other method: the one taken off.
    pub than: String,
    /// Mean difference of NDCG; positive = better than the other.
    pub ndcg: f64,
    /// Its 95 % interval: the percentile bootstrap over customers.
    pub interval: [f64; 2],
}

impl Difference {
    /// Whether it is better (`Greater`) or worse (`Less`) than the other, or not told apart (`Equal`): an interval that holds 0 tells nothing apart.
    pub fn verdict(&self) -> std::cmp::Ordering {
        let [low, high] = self.interval;
        if low > 0.0 {
            std::cmp::Ordering::Greater
        } else if high < 0.0 {
            std::cmp::Ordering::Less
        } else {
            std::cmp::Ordering::Equal
        }
    }
}

/// How much of what a customer is shown stays the same from one fit to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Days between the two fits.
    pub days: u32,
    /// Customers with an order before the first fit.
    pub customers: u32,
    /// Mean share of their first k items that are among the first k of the later fit, 0 to 1.
    pub kept: f64,
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
