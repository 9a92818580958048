//! The recommender: counts from the history at a day, and ranking weights learned on earlier windows inside that history.

use arrow::array::UInt16Array;
use rayon::prelude::*;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::items::RECENT_DAYS;
use shopkeeper_models::logistic::{Logistic, Weight};
use shopkeeper_models::recommender::{EXPLORE_FEATURES, Features, Parts, REPEAT_FEATURES, Ranker, Recommender, Scratch};
use shopkeeper_models::segments::Favourites;

use crate::affinity::AffinityParams;
use crate::co_purchase::CoPurchaseParams;
use crate::log::Past;
use crate::logistic::{LogisticParams, Rows};
use crate::tempo::tempos;
use crate::{histories, items};

/// What each customer counts in the ranker, in rows, however many candidates they have: the metrics count customers, too.
const ROWS_OF_A_CUSTOMER: f32 = 100.0;

/// How the recommender is made.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct RecommenderParams {
    /// Neighbours in orders.
    pub together: CoPurchaseParams,
    /// Neighbours in customers.
    pub alike: CoPurchaseParams,
    /// The linear item model.
    pub affinity: AffinityParams,
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
}

impl Default for RecommenderParams {
    fn default() -> Self {
        let alike = CoPurchaseParams { min_together: 3, ..CoPurchaseParams::default() };
        Self {
            together: CoPurchaseParams::default(),
            alike,
            affinity: AffinityParams::default(),
            most_items_of_a_customer: 400,
            window_days: 28,
            windows: 3,
            most_rows: 1_500_000,
            ridge: 10.0,
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
    fn count(&self, past: &Past<'_>, mut ranker: Ranker) -> Recommender {
        let tempos = tempos(past);
        let histories = histories::fit(past);
        let bought = histories::items_of_customers(&histories, usize::MAX);
        let items_of_customers = histories::items_of_customers(&histories, self.most_items_of_a_customer);
        ranker.orders = tempos.iter().map(|tempo| u64::from(tempo.orders)).sum();
        ranker.customers = tempos.iter().filter(|tempo| tempo.orders > 0).count() as u64;
        ranker.recent_customers =
            tempos.iter().filter(|tempo| tempo.orders > 0 && tempo.days_since_last < RECENT_DAYS as u32).count() as u64;
        Recommender::new(Parts {
            items: items::fit(past, &histories),
            orders: tempos.iter().map(|tempo| tempo.orders).collect::<Vec<_>>().into(),
            days_since_last: tempos.iter().map(|tempo| tempo.days_since_last).collect::<Vec<_>>().into(),
            gap_days: tempos.iter().map(|tempo| tempo.gap_days).collect::<Vec<_>>().into(),
            together: self.together.fit_orders(past),
            alike: self.alike.fit_customers(&items_of_customers, past.log().items()),
            affinity: self.affinity.fit(&bought, past.log().items()),
            segments: None,
            histories,
            ranker,
        })
    }

    /// Learns the weights on up to [`windows`](Self::windows) windows, each seen from its start with nothing after it.
    fn learn(&self, past: &Past<'_>) -> Ranker {
        let window = self.window(past);
        let first = past.log().days().map_or(past.day, |(first, _)| first);
        // a window needs at least twice as much history before it as it is long
        let starts: Vec<Day> =
            (1..=self.windows as Day).map(|back| past.day - back * window).filter(|start| start - first >= 2 * window).collect();
        let (mut repeat, mut explore) = (Rows::default(), Rows::default());
        for &start in &starts {
            let known = past.before(start);
            let recommender = self.count(&known, built_in(window as u32));
            self.label(&recommender, past, start, window, starts.len(), &mut repeat, &mut explore);
        }
        let fit = |features: &[&str], rows: &Rows| LogisticParams { ridge: self.ridge }.fit(features, rows);
        match (fit(&REPEAT_FEATURES, &repeat), fit(&EXPLORE_FEATURES, &explore)) {
            (Ok(repeat), Ok(explore)) => {
                let windows = starts.iter().map(|&start| date(start + window)).collect();
                Ranker { repeat, explore, windows, unlearned: None, ..built_in(window as u32) }
            }
            (Err(error), _) | (_, Err(error)) => {
                let reason = format!("{} past windows of {window} days gave {error}", starts.len());
                Ranker { unlearned: Some(reason), ..built_in(window as u32) }
            }
        }
    }

    /// Adds one row a candidate of each customer who bought something in the window: was it bought?
    #[allow(clippy::too_many_arguments)]
    fn label(
        &self,
        recommender: &Recommender,
        past: &Past<'_>,
        start: Day,
        window: Day,
        windows: usize,
        repeat: &mut Rows,
        explore: &mut Rows,
    ) {
        let asked: Vec<(usize, Vec<u32>)> = (0..past.log().customers())
            .filter(|&customer| recommender.parts().orders.value(customer) > 0)
            .map(|customer| (customer, past.bought_between(customer, start, start + window)))
            .filter(|(_, truth)| !truth.is_empty())
            .collect();
        let candidates: usize =
            asked.par_iter().map(|(customer, _)| recommender.parts().histories.items(CustomerIx(*customer as u32)).len() + 250).sum();
        let step = (candidates * windows).div_ceil(self.most_rows).max(1);
        let labelled: Vec<(Rows, Rows)> = asked
            .par_iter()
            .step_by(step)
            .map_init(Scratch::default, |scratch, (customer, truth)| {
                let (mut repeat, mut explore) = (Rows::default(), Rows::default());
                recommender.visit_candidates(CustomerIx(*customer as u32), true, scratch, |candidate| {
                    let label = truth.binary_search(&candidate.item.0).is_ok();
                    match candidate.features {
                        Features::Repeat(x) => repeat.push(&x, label, 1.0),
                        Features::Explore(x) => explore.push(&x, label, 1.0),
                    }
                });
                repeat.weigh(ROWS_OF_A_CUSTOMER);
                explore.weigh(ROWS_OF_A_CUSTOMER);
                (repeat, explore)
            })
            .collect();
        for (more_repeat, more_explore) in labelled {
            repeat.append(more_repeat);
            explore.append(more_explore);
        }
    }
}

/// The recommender with the segments that fill up short answers.
pub fn with_segments(recommender: Recommender, segment_of: Vec<u16>, favourites: Favourites) -> Recommender {
    Recommender::new(Parts { segments: Some((UInt16Array::from(segment_of), favourites)), ..recommender.parts().clone() })
}

/// Weights for a history too short to learn from: what was bought often and lately first, then what goes with it, then what is popular.
fn built_in(window_days: u32) -> Ranker {
    let logistic = |features: &[&str], intercept: f64, known: &[(&str, f64)]| Logistic {
        intercept,
        weights: features
            .iter()
            .map(|feature| Weight {
                feature: (*feature).to_owned(),
                mean: 0.0,
                scale: 1.0,
                weight: known.iter().find(|(name, _)| name == feature).map_or(0.0, |(_, weight)| *weight),
            })
            .collect(),
    };
    Ranker {
        repeat: logistic(
            &REPEAT_FEATURES,
            -3.0,
            &[("ln_slow", 1.0), ("ln_orders", 0.5), ("root_order_share", 1.0), ("item_repeat_rate", 1.0)],
        ),
        explore: logistic(
            &EXPLORE_FEATURES,
            -6.0,
            &[("ln_together", 1.0), ("ln_alike", 1.0), ("ln_recent_buyers", 0.3), ("root_category_share", 1.0)],
        ),
        window_days,
        windows: Vec::new(),
        unlearned: None,
        orders: 0,
        customers: 0,
        recent_customers: 0,
    }
}
