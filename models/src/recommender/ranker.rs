//! The ranker: two logistic regressions, one for what the customer bought before and one for what is new to them.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::logistic::Logistic;

/// Inputs of the repeat model, in order.
pub const REPEAT_FEATURES: [&str; 23] = [
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
    "ln_alike",
    "root_category_share",
    "bought_once",
    "ln_customer_orders",
    "ln_customer_days_since_last",
    "ln_customer_gap",
    "ln_customer_items",
    "affinity",
];

/// Inputs of the explore model, in order.
pub const EXPLORE_FEATURES: [&str; 19] = [
    "ln_together",
    "root_together",
    "ln_alike",
    "root_alike",
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
];

/// What the trainer learned about ranking, and the totals that shares are taken of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranker {
    /// P(the customer buys an item of their history within the window, given that they buy anything in it).
    pub repeat: Logistic,
    /// P(the customer buys a candidate that is new to them within the window, given that they buy anything in it).
    pub explore: Logistic,
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
        if self.repeat.is_sound(&REPEAT_FEATURES) && self.explore.is_sound(&EXPLORE_FEATURES) {
            return Ok(());
        }
        Err(ModelError::corrupt(
            Self::FILE,
            "other features or a number that is not finite",
            format!("{} and {}", REPEAT_FEATURES.join(", "), EXPLORE_FEATURES.join(", ")),
        ))
    }
}
