//! The parts of the recommender, each of which can be left out to see what it is worth.

use serde::{Deserialize, Serialize};
use shopkeeper_models::co_purchase::CoPurchase;

/// A signal with the features that carry it, or a step of the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// How often the customer bought the item.
    Frequency,
    /// The same with time decay, over two half-lives and the recent days.
    TimeDecay,
    /// The same with decay over the sequence of orders.
    OrderDecay,
    /// Whether the item is due by the customer's and the item's own rhythm.
    Rhythm,
    /// Neighbours by orders.
    Together,
    /// The linear item model.
    Affinity,
    /// What customers alike bought lately.
    Lately,
    /// The factors of customers and items.
    Factors,
    /// Popularity of all time and of the recent days.
    Popularity,
    /// Which way popularity goes, this week and by new buyers.
    Trend,
    /// How often the item is bought again by anybody.
    RepeatRate,
    /// Category and brand.
    Category,
    /// Price.
    Price,
    /// What the customer is like, whatever the item.
    Customer,
    /// The trees that look again at the best candidates.
    Trees,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Frequency,
        Self::TimeDecay,
        Self::OrderDecay,
        Self::Rhythm,
        Self::Together,
        Self::Affinity,
        Self::Lately,
        Self::Factors,
        Self::Popularity,
        Self::Trend,
        Self::RepeatRate,
        Self::Category,
        Self::Price,
        Self::Customer,
        Self::Trees,
    ];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frequency => "frequency",
            Self::TimeDecay => "time decay",
            Self::OrderDecay => "order decay",
            Self::Rhythm => "rhythm",
            Self::Together => "bought together",
            Self::Affinity => "linear item model",
            Self::Lately => "lately by customers alike",
            Self::Factors => "factors",
            Self::Popularity => "popularity",
            Self::Trend => "trend",
            Self::RepeatRate => "repeat rate",
            Self::Category => "category, brand",
            Self::Price => "price",
            Self::Customer => "customer",
            Self::Trees => "trees",
        }
    }

    /// The features of any head that carry it.
    pub fn features(self) -> &'static [&'static str] {
        match self {
            Self::Frequency => &["ln_orders", "root_order_share", "bought_once", "ln_units"],
            Self::TimeDecay => &["ln_fast", "ln_slow", "root_recent_share", "root_recent_orders", "root_share_of_most_recent"],
            Self::OrderDecay => &["root_by_order"],
            Self::Rhythm => &["ln_days_since_last", "ln_silence_in_gaps", "due", "ln_item_gap"],
            Self::Together => {
                &["ln_together", "root_together", "root_any_confidence", "root_best_confidence", "root_cosine", "pointing_share"]
            }
            Self::Affinity => &["affinity", "root_affinity", "affinity_share"],
            Self::Lately => &["lately", "root_lately"],
            Self::Factors => &["factors", "root_factors"],
            Self::Popularity => &["ln_recent_buyers", "ln_buyers"],
            Self::Trend => &["trend", "week_trend", "ln_week_buyers", "ln_new_buyers"],
            Self::RepeatRate => &["item_repeat_rate", "item_recent_repeat_rate"],
            Self::Category => &["root_category_share", "ln_category_orders", "root_brand_share", "ln_category_items"],
            Self::Price => &["ln_price", "price_distance"],
            Self::Customer => &["ln_customer_orders", "ln_customer_days_since_last", "ln_customer_gap", "ln_customer_items"],
            Self::Trees => &[],
        }
    }
}

/// Neighbours of nothing, for so many items.
pub(crate) fn no_neighbours(items: usize) -> CoPurchase {
    CoPurchase::new(&vec![Vec::new(); items])
}

#[cfg(test)]
mod tests {
    use shopkeeper_models::recommender::{BASKET_FEATURES, EXPLORE_FEATURES, REPEAT_FEATURES};

    use super::*;

    #[test]
    fn every_feature_belongs_to_one_part_and_every_name_is_a_feature() {
        // what the basket head knows of the candidate and the basket themselves belongs to no part
        let own = ["own_log_odds", "customer_known", "bought_before", "bought_today", "ln_basket_items"];
        let all: Vec<&str> = REPEAT_FEATURES.into_iter().chain(EXPLORE_FEATURES).chain(BASKET_FEATURES).collect();
        for feature in &all {
            let parts = Part::ALL.into_iter().filter(|part| part.features().contains(feature)).count();
            assert_eq!(parts, usize::from(!own.contains(feature)), "{feature}");
        }
        assert!(Part::ALL.into_iter().flat_map(Part::features).all(|feature| all.contains(feature)));
    }
}
