//! The ranker: one head for what the customer bought before, one for what is new to them and one for what joins a basket, each a logistic
//! regression that looks at every candidate and boosted trees that look again at the best of them.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::logistic::Logistic;
use crate::recommender::Trees;

/// Inputs of the repeat model, in order.
pub const REPEAT_FEATURES: [&str; 31] = [
    "ln_orders",
    "ln_fast",
    "ln_slow",
    "root_by_order",
    "ln_days_since_last",
    "ln_silence_in_gaps",
    "due",
    "root_order_share",
    "root_recent_share",
    "item_repeat_rate",
    "ln_item_gap",
    "ln_recent_buyers",
    "ln_buyers",
    "trend",
    "ln_together",
    "root_category_share",
    "bought_once",
    "ln_customer_orders",
    "ln_customer_days_since_last",
    "ln_customer_gap",
    "ln_customer_items",
    "affinity",
    "root_recent_orders",
    "root_share_of_most_recent",
    "ln_units",
    "ln_price",
    "item_recent_repeat_rate",
    "ln_week_buyers",
    "week_trend",
    "lately",
    "factors",
];

/// Inputs of the explore model, in order.
pub const EXPLORE_FEATURES: [&str; 25] = [
    "ln_together",
    "root_together",
    "ln_recent_buyers",
    "ln_buyers",
    "trend",
    "root_category_share",
    "ln_category_orders",
    "root_brand_share",
    "price_distance",
    "item_repeat_rate",
    "ln_customer_orders",
    "ln_customer_days_since_last",
    "ln_customer_gap",
    "ln_customer_items",
    "affinity",
    "root_affinity",
    "affinity_share",
    "item_recent_repeat_rate",
    "ln_week_buyers",
    "week_trend",
    "ln_new_buyers",
    "lately",
    "root_lately",
    "factors",
    "root_factors",
];

/// Inputs of the basket model, in order.
pub const BASKET_FEATURES: [&str; 15] = [
    "own_log_odds",
    "customer_known",
    "bought_before",
    "bought_today",
    "root_any_confidence",
    "root_best_confidence",
    "root_cosine",
    "pointing_share",
    "root_category_share",
    "ln_category_items",
    "ln_basket_items",
    "ln_recent_buyers",
    "ln_buyers",
    "ln_week_buyers",
    "item_repeat_rate",
];

/// Candidates of each head that the trees look at again, best first by the logistic regression.
pub const FINALISTS: usize = 64;

/// One of the models of the ranker: log-odds = logistic regression + trees on the best [`FINALISTS`] candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Looks at every candidate.
    pub logistic: Logistic,
    /// Looks at the finalists; empty where the past windows were too few to learn from or did not gain by it.
    pub trees: Trees,
}

/// What the trainer learned about ranking, and the totals that shares are taken of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranker {
    /// P(the customer buys an item of their history within the window, given that they buy anything in it).
    pub repeat: Head,
    /// P(the customer buys a candidate that is new to them within the window, given that they buy anything in it).
    pub explore: Head,
    /// P(a candidate joins the basket), given what lies in it and who shops, if known; none when past baskets were too few to learn from.
    pub basket: Option<Head>,
    /// Length of the window, days.
    pub window_days: u32,
    /// Ends of the past windows that the labels came from; empty when the weights are the built-in ones.
    pub windows: Vec<String>,
    /// Why nothing could be learned and the built-in weights stand; none when they were learned.
    pub unlearned: Option<String>,
    /// Orders in the history.
    pub orders: u64,
    /// Customers in the history.
    pub customers: u64,
    /// Customers with an order in the last [`RECENT_DAYS`](crate::items::RECENT_DAYS) days.
    pub recent_customers: u64,
}

impl Ranker {
    /// The file in a version folder.
    pub const FILE: &'static str = "ranker.json";

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        self.repeat.trees.check(Self::FILE, REPEAT_FEATURES.len())?;
        self.explore.trees.check(Self::FILE, EXPLORE_FEATURES.len())?;
        if let Some(basket) = &self.basket {
            basket.trees.check(Self::FILE, BASKET_FEATURES.len())?;
            if !basket.logistic.is_sound(&BASKET_FEATURES) {
                return Err(ModelError::corrupt(
                    Self::FILE,
                    "other basket features or a number that is not finite",
                    BASKET_FEATURES.join(", "),
                ));
            }
        }
        if self.repeat.logistic.is_sound(&REPEAT_FEATURES) && self.explore.logistic.is_sound(&EXPLORE_FEATURES) {
            return Ok(());
        }
        Err(ModelError::corrupt(
            Self::FILE,
            "other features or a number that is not finite",
            format!("{} and {}", REPEAT_FEATURES.join(", "), EXPLORE_FEATURES.join(", ")),
        ))
    }
}
