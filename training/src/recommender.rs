//! The recommender: counts from the history at a day, and ranking weights learned on earlier windows inside that history.

use arrow::array::UInt16Array;
use rayon::prelude::*;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::items::RECENT_DAYS;
use shopkeeper_models::logistic::{Logistic, Weight};
use shopkeeper_models::recommender::{EXPLORE_FEATURES, Head, Parts, REPEAT_FEATURES, Ranker, Recommender, Scratch, Trees};
use shopkeeper_models::segments::Favourites;
use shopkeeper_models::shortlists::{Shortlisted, Shortlists};

use crate::affinity::{AffinityParams, nothing};
use crate::co_purchase::CoPurchaseParams;
use crate::factors::FactorsParams;
use crate::lately::LatelyParams;
use crate::log::Past;
use crate::parts::{Part, no_neighbours};
use crate::symmetric_trees::TreesParams;
use crate::tempo::tempos;
use crate::{histories, items};

/// How the recommender is made.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RecommenderParams {
    /// Neighbours in orders.
    pub together: CoPurchaseParams,
    /// Neighbours in customers.
    pub alike: CoPurchaseParams,
    /// The linear item model.
    pub affinity: AffinityParams,
    /// What customers alike bought lately.
    pub lately: LatelyParams,
    /// The factors of customers and items.
    pub factors: FactorsParams,
    /// The latest items of a customer that count for `alike`. Default 400.
    pub most_items_of_a_customer: usize,
    /// Length of the windows that the ranker learns from, days; shortened for a short history. Default 28.
    pub window_days: u32,
    /// Most windows. Default 3.
    pub windows: u32,
    /// Most rows that each of the two regressions learns from; customers are thinned evenly beyond. Default 1,500,000.
    pub most_rows: usize,
    /// Ridge of the regressions, in rows. Default 10.
    pub ridge: f64,
    /// The trees that look again at the best candidates.
    pub trees: TreesParams,
    /// The [`rate`](TreesParams::rate) of the trees that look at what is new to the customer, where there is less to learn. Default 0.03.
    pub explore_rate: f64,
    /// A part to leave out, to see what it is worth. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Part>,
}

impl Default for RecommenderParams {
    fn default() -> Self {
        let alike = CoPurchaseParams { min_together: 3, ..CoPurchaseParams::default() };
        Self {
            together: CoPurchaseParams::default(),
            alike,
            affinity: AffinityParams::default(),
            lately: LatelyParams::default(),
            factors: FactorsParams::default(),
            most_items_of_a_customer: 400,
            window_days: 28,
            windows: 3,
            most_rows: 1_500_000,
            ridge: 10.0,
            trees: TreesParams::default(),
            explore_rate: 0.03,
            without: None,
        }
    }
}

impl RecommenderParams {
    /// Counts what was known at `past.day` and learns to rank on windows before it.
    pub fn fit(&self, past: &Past<'_>) -> Recommender {
        let ranker = self.learn(past);
        self.count(past, ranker)
    }

    /// Length of the window that is learned and measured: [`window_days`](Self::window_days), or a fifth of a shorter history.
    pub fn window(&self, past: &Past<'_>) -> Day {
        let history = past.log().days().map_or(0, |(first, _)| past.day - first);
        (history / 5).clamp(1, self.window_days as Day)
    }

    /// The counts at a day, with given weights.
    pub(crate) fn count(&self, past: &Past<'_>, mut ranker: Ranker) -> Recommender {
        let tempos = tempos(past);
        let histories = histories::fit(past);
        let bought = histories::items_of_customers(&histories, usize::MAX);
        let items_of_customers = histories::items_of_customers(&histories, self.most_items_of_a_customer);
        ranker.orders = tempos.iter().map(|tempo| u64::from(tempo.orders)).sum();
        ranker.customers = tempos.iter().filter(|tempo| tempo.orders > 0).count() as u64;
        ranker.recent_customers =
            tempos.iter().filter(|tempo| tempo.orders > 0 && tempo.days_since_last < RECENT_DAYS as u32).count() as u64;
        let count = past.log().items();
        let factors = if self.without == Some(Part::Factors) { FactorsParams { rounds: 0, ..self.factors } } else { self.factors };
        let (customer_factors, item_factors) = factors.fit(&histories, count);
        Recommender::new(Parts {
            items: items::fit(past, &histories),
            orders: tempos.iter().map(|tempo| tempo.orders).collect::<Vec<_>>().into(),
            days_since_last: tempos.iter().map(|tempo| tempo.days_since_last).collect::<Vec<_>>().into(),
            gap_days: tempos.iter().map(|tempo| tempo.gap_days).collect::<Vec<_>>().into(),
            together: if self.without == Some(Part::Together) { no_neighbours(count) } else { self.together.fit_orders(past) },
            alike: self.alike.fit_customers(&items_of_customers, count),
            affinity: if self.without == Some(Part::Affinity) { nothing(bought.len()) } else { self.affinity.fit(&bought, count) },
            customer_factors,
            item_factors,
            segments: None,
            shortlists: None,
            lately: if self.without == Some(Part::Lately) { nothing(bought.len()) } else { self.lately.fit(&histories, count) },
            histories,
            ranker,
        })
    }
}

/// The recommender with the segments that fill up short answers.
pub fn with_segments(recommender: Recommender, segment_of: Vec<u16>, favourites: Favourites) -> Recommender {
    Recommender::new(Parts { segments: Some((UInt16Array::from(segment_of), favourites)), ..recommender.parts().clone() })
}

/// What each customer would be shown first.
pub fn shortlists(recommender: &Recommender) -> Shortlists {
    let rows: Vec<Vec<Shortlisted>> = (0..recommender.customers() as u32)
        .into_par_iter()
        .map_init(Scratch::default, |scratch, customer| recommender.shortlist(CustomerIx(customer), scratch))
        .collect();
    Shortlists::new(&rows)
}

/// Weights for a history too short to learn from: what was bought often and lately first, then what goes with it, then what is popular.
pub(crate) fn built_in(window_days: u32) -> Ranker {
    let head = |features: &[&str], intercept: f64, known: &[(&str, f64)]| {
        let weight = |feature: &&str| Weight {
            feature: (*feature).to_owned(),
            mean: 0.0,
            scale: 1.0,
            weight: known.iter().find(|(name, _)| name == feature).map_or(0.0, |(_, weight)| *weight),
        };
        Head { logistic: Logistic { intercept, weights: features.iter().map(weight).collect() }, trees: Trees::default() }
    };
    Ranker {
        repeat: head(&REPEAT_FEATURES, -3.0, &[("ln_slow", 1.0), ("ln_orders", 0.5), ("root_order_share", 1.0), ("item_repeat_rate", 1.0)]),
        explore: head(
            &EXPLORE_FEATURES,
            -6.0,
            &[("ln_together", 1.5), ("factors", 2.0), ("ln_recent_buyers", 0.3), ("root_category_share", 1.0)],
        ),
        basket: None,
        window_days,
        windows: Vec::new(),
        unlearned: None,
        orders: 0,
        customers: 0,
        recent_customers: 0,
    }
}
