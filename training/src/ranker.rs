//! The ranker: its heads, learned on windows of the past that each recommender has not seen.

use rayon::prelude::*;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::recommender::{
    BASKET_FEATURES, EXPLORE_FEATURES, FINALISTS, Features, Head, Query, REPEAT_FEATURES, Ranker, Recommender, Scratch, Trees,
};
use shopkeeper_models::{CustomerIx, ItemIx};

use crate::hidden_third::hide_a_third;
use crate::log::Past;
use crate::logistic::{LogisticError, LogisticParams, Rows};
use crate::parts::Part;
use crate::recommender::{RecommenderParams, built_in};
use crate::symmetric_trees::TreesParams;

/// What each customer counts in the logistic regressions, in rows, however many candidates they have: the metrics count customers, too.
const ROWS_OF_A_CUSTOMER: f32 = 100.0;
/// Windows that are looked at for each one that is learned on.
pub(crate) const LOOKED_AT: u32 = 4;
/// A window with so many times fewer shoppers than the busiest one tells of a gap in the data, not of what customers buy.
pub(crate) const QUIET: usize = 5;
/// Baskets that the basket head needs at least.
const LEAST_BASKETS: usize = 200;

/// Labelled candidates of one head, customer by customer.
#[derive(Default)]
struct Labelled {
    rows: Rows,
    /// Rows of each customer.
    sizes: Vec<usize>,
}

impl Labelled {
    /// Ends a customer's rows.
    fn close(&mut self) {
        self.sizes.push(self.rows.labels.len() - self.sizes.iter().sum::<usize>());
    }

    fn append(&mut self, other: Self) {
        self.rows.append(other.rows);
        self.sizes.extend(other.sizes);
    }

    /// Fits the logistic regression on everything, and the trees on the finalists it leaves.
    fn fit(mut self, features: &[&str], rate: f64, params: &RecommenderParams) -> Result<Head, LogisticError> {
        let width = features.len();
        let off = params.without.map_or(&[][..], Part::features);
        for at in (0..width).filter(|&at| off.contains(&features[at])) {
            // a feature that never varies gets no weight and no question
            self.rows.x.iter_mut().skip(at).step_by(width).for_each(|x| *x = 0.0);
        }
        let logistic = LogisticParams { ridge: params.ridge }.fit(features, &self.rows)?;
        let (intercept, slopes) = logistic.raw();
        let log_odds = |x: &[f32]| (intercept + slopes.iter().zip(x).map(|(slope, &x)| slope * f64::from(x)).sum::<f64>()) as f32;
        let ends = self.sizes.iter().scan(0, |end, size| {
            *end += size;
            Some(*end)
        });
        let groups: Vec<std::ops::Range<usize>> = ends.zip(&self.sizes).map(|(end, size)| end - size..end).collect();
        let finalists: Vec<Vec<(usize, f32)>> = groups
            .par_iter()
            .map(|group| {
                let mut scored: Vec<(usize, f32)> =
                    group.clone().map(|row| (row, log_odds(&self.rows.x[row * width..][..width]))).collect();
                scored.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                scored.truncate(FINALISTS);
                scored
            })
            .collect();
        let (mut rows, mut start) = (Rows::default(), Vec::new());
        for &(row, log_odds) in finalists.iter().flatten() {
            rows.push(&self.rows.x[row * width..][..width], self.rows.labels[row], 1.0);
            start.push(log_odds);
        }
        let trees = if params.without == Some(Part::Trees) {
            Trees::default()
        } else {
            TreesParams { rate, ..params.trees }.fit(width, &rows, &start)
        };
        Ok(Head { logistic, trees })
    }
}

impl RecommenderParams {
    /// Learns the weights on up to [`windows`](Self::windows) windows, each seen from its start with nothing after it.
    pub(crate) fn learn(&self, past: &Past<'_>) -> Ranker {
        let window = self.window(past);
        let first = past.log().days().map_or(past.day, |(first, _)| first);
        // a window needs at least twice as much history before it as it is long
        let starts: Vec<(Day, usize)> = (1..=(LOOKED_AT * self.windows) as Day)
            .map(|back| past.day - back * window)
            .filter(|start| start - first >= 2 * window)
            .map(|start| (start, shoppers(past, start..start + window)))
            .collect();
        let busiest = starts.iter().map(|&(_, shoppers)| shoppers).max().unwrap_or(0);
        let starts: Vec<Day> = starts
            .into_iter()
            .filter(|&(_, shoppers)| shoppers * QUIET >= busiest)
            .map(|(start, _)| start)
            .take(self.windows as usize)
            .collect();
        let (mut repeat, mut explore) = (Labelled::default(), Labelled::default());
        let mut newest = None;
        for &start in &starts {
            let known = past.before(start);
            let recommender = self.count(&known, built_in(window as u32));
            let (more_repeat, more_explore) = self.label(&recommender, past, start, window, starts.len());
            repeat.append(more_repeat);
            explore.append(more_explore);
            newest.get_or_insert((recommender, start));
        }
        let ranker = match (repeat.fit(&REPEAT_FEATURES, self.trees.rate, self), explore.fit(&EXPLORE_FEATURES, self.explore_rate, self)) {
            (Ok(repeat), Ok(explore)) => {
                let windows = starts.iter().map(|&start| date(start + window)).collect();
                Ranker { repeat, explore, windows, unlearned: None, ..built_in(window as u32) }
            }
            (Err(error), _) | (_, Err(error)) => {
                let reason = format!("{} past windows of {window} days gave {error}", starts.len());
                Ranker { unlearned: Some(reason), ..built_in(window as u32) }
            }
        };
        let basket = newest.and_then(|(recommender, start)| {
            let parts = recommender.parts();
            // the totals of the newest window's history, the weights of all windows
            let ranker = Ranker {
                orders: parts.ranker.orders,
                customers: parts.ranker.customers,
                recent_customers: parts.ranker.recent_customers,
                ..ranker.clone()
            };
            self.learn_baskets(&recommender.with_ranker(ranker), past, start, window)
        });
        Ranker { basket, ..ranker }
    }

    /// One row a candidate of each customer who bought something in the window: was it bought?
    fn label(&self, recommender: &Recommender, past: &Past<'_>, start: Day, window: Day, windows: usize) -> (Labelled, Labelled) {
        let asked: Vec<(usize, Vec<u32>)> = (0..past.log().customers())
            .filter(|&customer| recommender.parts().orders.value(customer) > 0)
            .map(|customer| (customer, past.bought_between(customer, start, start + window)))
            .filter(|(_, truth)| !truth.is_empty())
            .collect();
        let candidates: usize =
            asked.par_iter().map(|(customer, _)| recommender.parts().histories.items(CustomerIx(*customer as u32)).len() + 250).sum();
        let step = (candidates * windows).div_ceil(self.most_rows).max(1);
        let labelled: Vec<(Labelled, Labelled)> = asked
            .par_iter()
            .step_by(step)
            .map_init(Scratch::default, |scratch, (customer, truth)| {
                let (mut repeat, mut explore) = (Labelled::default(), Labelled::default());
                recommender.visit_candidates(CustomerIx(*customer as u32), true, scratch, |candidate| {
                    let label = truth.binary_search(&candidate.item.0).is_ok();
                    match candidate.features {
                        Features::Repeat(x) => repeat.rows.push(&x, label, 1.0),
                        Features::Explore(x) => explore.rows.push(&x, label, 1.0),
                    }
                });
                for head in [&mut repeat, &mut explore] {
                    head.rows.weigh(ROWS_OF_A_CUSTOMER);
                    head.close();
                }
                (repeat, explore)
            })
            .collect();
        let mut all = (Labelled::default(), Labelled::default());
        for (repeat, explore) in labelled {
            all.0.append(repeat);
            all.1.append(explore);
        }
        all
    }

    /// Learns what joins a basket from each customer's first order of the newest window: with a third of it hidden, which of the candidates are
    /// in that third? Every basket is asked as a stranger's, and once more with its customer if the recommender knows them. None for too few
    /// baskets.
    fn learn_baskets(&self, recommender: &Recommender, past: &Past<'_>, start: Day, window: Day) -> Option<Head> {
        let log = past.log();
        let baskets: Vec<(CustomerIx, Vec<u32>, Vec<u32>)> = (0..log.customers())
            .filter_map(|customer| {
                let first = past.orders_of(customer).find(|&order| (start..start + window).contains(&log.order_day[order]))?;
                hide_a_third(log, customer, first).map(|(shown, hidden)| (CustomerIx(customer as u32), shown, hidden))
            })
            .collect();
        if baskets.len() < LEAST_BASKETS {
            return None;
        }
        let candidates: usize = baskets.iter().map(|(customer, ..)| recommender.parts().histories.items(*customer).len() + 500).sum();
        let step = (2 * candidates).div_ceil(self.most_rows).max(1);
        let labelled: Vec<Labelled> = baskets
            .par_iter()
            .step_by(step)
            .map_init(Scratch::default, |scratch, (customer, shown, hidden)| {
                let known = recommender.parts().orders.value(customer.row()) > 0;
                let shown: Vec<ItemIx> = shown.iter().copied().map(ItemIx).collect();
                let mut labelled = Labelled::default();
                for customer in std::iter::once(None).chain(known.then_some(Some(*customer))) {
                    let query = Query { customer, basket: &shown, ..Query::default() };
                    let mut rows = Rows::default();
                    recommender.visit_basket(&query, scratch, |item, x| rows.push(x, hidden.binary_search(&item.0).is_ok(), 1.0));
                    rows.weigh(ROWS_OF_A_CUSTOMER);
                    labelled.rows.append(rows);
                    labelled.close();
                }
                labelled
            })
            .collect();
        let mut all = Labelled::default();
        labelled.into_iter().for_each(|labelled| all.append(labelled));
        all.fit(&BASKET_FEATURES, self.trees.rate, self).ok()
    }
}

/// Customers with an order on these days.
pub(crate) fn shoppers(past: &Past<'_>, days: std::ops::Range<Day>) -> usize {
    let log = past.log();
    (0..log.customers()).filter(|&customer| past.orders_of(customer).any(|order| days.contains(&log.order_day[order]))).count()
}
