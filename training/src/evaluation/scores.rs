//! From answers and truth to a row of scores, and from the rows of a task to their intervals.

use shopkeeper_models::CustomerIx;
use shopkeeper_models::evaluation::{Difference, RecommendationScores, Task};
use shopkeeper_models::items::NONE;
use shopkeeper_models::recommender::{Purchased, Recommender};

use super::K;
use super::bootstrap::{interval, resampled_means};
use super::metrics::{average_precision_at, ndcg};
use super::shoppers::Shopper;

/// Whether a task's answers may hold bought items.
pub(super) fn purchased(task: Task) -> Purchased {
    match task {
        Task::New | Task::ColdNew | Task::NextBasketNew => Purchased::Exclude,
        Task::All | Task::Repeat | Task::ColdAll | Task::NextBasketAll | Task::Completion => Purchased::Include,
    }
}

/// What counts as truth: items bought before, items new to the customer.
fn counts(task: Task) -> (bool, bool) {
    match task {
        Task::Repeat => (true, false),
        _ => (purchased(task) == Purchased::Include, true),
    }
}

/// How many truth items a shopper has for a task.
pub(super) fn truth_size(task: Task, shopper: &Shopper) -> usize {
    let (repeat, new) = counts(task);
    usize::from(repeat) * shopper.repeat.len() + usize::from(new) * shopper.new.len()
}

/// Holds the answers of a model, given in its own item rows, against the truth.
pub(super) struct Judge<'a> {
    recommender: &'a Recommender,
    /// Items in anybody's history.
    sold: usize,
    /// Customers with an order.
    customers: f64,
}

/// A row of scores without its intervals, and what each customer's answer gave.
pub(super) struct Judged {
    scores: RecommendationScores,
    ndcg: Vec<f64>,
}

/// Sums over answers.
#[derive(Default)]
struct Sums {
    recall: f64,
    average_precision: f64,
    with_hit: f64,
    hits: f64,
    repeat_hits: f64,
    popularity: f64,
    shown: f64,
    categories: f64,
    with_category: f64,
}

impl<'a> Judge<'a> {
    pub(super) fn new(recommender: &'a Recommender) -> Self {
        let parts = recommender.parts();
        let mut sold = vec![false; parts.items.len()];
        for customer in (0..parts.histories.customers() as u32).map(CustomerIx) {
            parts.histories.items(customer).iter().for_each(|&item| sold[item as usize] = true);
        }
        let sold = sold.into_iter().filter(|&sold| sold).count();
        Self { recommender, sold, customers: parts.ranker.customers.max(1) as f64 }
    }

    /// Scores one method on the shoppers and their answers; each shopper must have truth for the task.
    pub(super) fn judge<'b>(&self, method: &str, task: Task, asked: impl Iterator<Item = (&'b Shopper, &'b Vec<u32>)>) -> Judged {
        let mut sums = Sums::default();
        let (mut gains, mut shown) = (Vec::new(), Vec::new());
        for (shopper, answer) in asked {
            gains.push(self.add(task, shopper, answer, &mut sums));
            shown.extend_from_slice(answer);
        }
        shown.sort_unstable();
        shown.dedup();
        let customers = gains.len().max(1) as f64;
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let scores = RecommendationScores {
            method: method.to_owned(),
            task,
            customers: gains.len() as u32,
            recall: sums.recall / customers,
            ndcg: gains.iter().sum::<f64>() / customers,
            ndcg_interval: [0.0; 2],
            map: sums.average_precision / customers,
            hit_rate: sums.with_hit / customers,
            repeat_hits: share(sums.repeat_hits, sums.hits),
            coverage: shown.len() as f64 / self.sold.max(1) as f64,
            popularity: share(sums.popularity, sums.shown).unwrap_or(0.0),
            diversity: share(sums.categories, sums.with_category),
            against: None,
        };
        Judged { scores, ndcg: gains }
    }

    /// Adds one answer and returns its NDCG.
    fn add(&self, task: Task, shopper: &Shopper, answer: &[u32], sums: &mut Sums) -> f64 {
        let (repeat, new) = counts(task);
        let truth = truth_size(task, shopper);
        let mut hits = Vec::new();
        let mut categories = Vec::new();
        for (rank, item) in (1..).zip(answer) {
            let was_bought = repeat && shopper.repeat.binary_search(item).is_ok();
            if was_bought || new && shopper.new.binary_search(item).is_ok() {
                hits.push(rank);
                sums.repeat_hits += f64::from(u8::from(was_bought));
            }
            sums.popularity += f64::from(self.recommender.parts().items.buyers.value(*item as usize)) / self.customers;
            categories.push(self.recommender.categories().of[*item as usize]);
        }
        sums.shown += answer.len() as f64;
        categories.retain(|&category| category != NONE);
        sums.with_category += categories.len() as f64;
        categories.sort_unstable();
        categories.dedup();
        sums.categories += categories.len() as f64;
        sums.hits += hits.len() as f64;
        sums.with_hit += f64::from(u8::from(!hits.is_empty()));
        sums.recall += hits.len() as f64 / truth.max(1) as f64;
        sums.average_precision += average_precision_at(&hits, truth, K);
        ndcg(hits.into_iter(), truth, K)
    }
}

/// The rows of a task with their intervals, all from the same resamples. The first row is held against the best of the others by NDCG, the
/// first of equals. All must have been judged on the same shoppers in the same order; without shoppers there are no rows.
pub(super) fn settle(judged: Vec<Judged>) -> Vec<RecommendationScores> {
    let (mut rows, columns): (Vec<_>, Vec<_>) = judged.into_iter().map(|judged| (judged.scores, judged.ndcg)).unzip();
    if columns.first().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    let means = resampled_means(&columns);
    let best = (1..rows.len()).rev().max_by(|&a, &b| rows[a].ndcg.total_cmp(&rows[b].ndcg));
    rows[0].against = best.map(|best| Difference {
        than: rows[best].method.clone(),
        ndcg: rows[0].ndcg - rows[best].ndcg,
        interval: interval(means[0].iter().zip(&means[best]).map(|(ours, other)| ours - other).collect()),
    });
    for (row, means) in rows.iter_mut().zip(means) {
        row.ndcg_interval = interval(means);
    }
    rows
}
