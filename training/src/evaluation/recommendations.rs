//! Recommendations at a cut against what was bought after it, beside three baselines.

use rayon::prelude::*;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::evaluation::{RecommendationEvaluation, RecommendationScores, Task};
use shopkeeper_models::recommender::{Purchased, Query, Recommender, Scratch};
use shopkeeper_models::{CustomerIx, ItemIx};

use super::metrics::ndcg;
use crate::log::PurchaseLog;
use crate::recommender::bought_between;

/// Length of the answers that are measured.
pub const K: usize = 10;

/// A way to answer: the served model or a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Shopkeeper,
    /// Items by their buyers of all time.
    Popular,
    /// Items by their buyers in the last four weeks.
    RecentPopular,
    /// The customer's own items by orders, then by buyers of all time.
    PersonalFrequency,
}

impl Method {
    const ALL: [Self; 4] = [Self::Shopkeeper, Self::Popular, Self::RecentPopular, Self::PersonalFrequency];

    fn name(self) -> &'static str {
        match self {
            Self::Shopkeeper => "shopkeeper",
            Self::Popular => "popular",
            Self::RecentPopular => "recent_popular",
            Self::PersonalFrequency => "personal_frequency",
        }
    }
}

/// What one customer's answer scored, for one task.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    recall: f64,
    ndcg: f64,
    hit: bool,
}

/// One customer who bought in the window.
struct Shopper {
    customer: CustomerIx,
    /// Truth for all, repeat and new.
    truth: [Vec<u32>; 3],
}

const TASKS: [Task; 3] = [Task::All, Task::Repeat, Task::New];

/// Asks the recommender, which must have been fitted at `cut`, for every customer with a history who bought something in `cut..until`.
/// `None` when there is no such customer.
pub fn evaluate(recommender: &Recommender, log: &PurchaseLog, cut: Day, until: Day) -> Option<RecommendationEvaluation> {
    let shoppers: Vec<Shopper> = (0..log.customers())
        .into_par_iter()
        .filter_map(|customer| {
            let known = recommender.parts().histories.items(CustomerIx(customer as u32));
            let all = bought_between(log, customer, cut, until);
            if known.is_empty() || all.is_empty() {
                return None;
            }
            let (repeat, new) = all.iter().partition(|item| known.binary_search(item).is_ok());
            Some(Shopper { customer: CustomerIx(customer as u32), truth: [all, repeat, new] })
        })
        .collect();
    if shoppers.is_empty() {
        return None;
    }
    let baselines = Baselines::new(recommender);
    let scores = Method::ALL.into_iter().flat_map(|method| scores(method, recommender, &baselines, &shoppers)).collect();
    Some(RecommendationEvaluation { cut: date(cut), until: date(until), k: K as u32, scores })
}

fn scores(method: Method, recommender: &Recommender, baselines: &Baselines, shoppers: &[Shopper]) -> Vec<RecommendationScores> {
    let answers: Vec<[Vec<u32>; 2]> = shoppers
        .par_iter()
        .map_init(Scratch::default, |scratch, shopper| {
            [Purchased::Include, Purchased::Exclude].map(|purchased| match method {
                Method::Shopkeeper => {
                    let query = Query { customer: Some(shopper.customer), purchased, n: K, ..Query::default() };
                    recommender.recommend(&query, scratch).items.iter().map(|entry| entry.item.0).collect()
                }
                _ => baselines.answer(method, recommender, shopper.customer, purchased),
            })
        })
        .collect();
    let sold = (0..recommender.parts().items.len()).filter(|&row| recommender.parts().items.baskets.value(row) > 0).count();
    TASKS
        .into_iter()
        .enumerate()
        .filter(|&(at, _)| shoppers.iter().any(|shopper| !shopper.truth[at].is_empty()))
        .map(|(at, task)| {
            let asked = || shoppers.iter().zip(&answers).filter(|(shopper, _)| !shopper.truth[at].is_empty());
            let answer = |answers: &'_ [Vec<u32>; 2]| answers[usize::from(task == Task::New)].clone();
            let outcomes: Vec<Outcome> = asked().map(|(shopper, answers)| outcome(&answer(answers), &shopper.truth[at])).collect();
            let mut shown: Vec<u32> = asked().flat_map(|(_, answers)| answer(answers)).collect();
            shown.sort_unstable();
            shown.dedup();
            let mean = |value: fn(&Outcome) -> f64| outcomes.iter().map(value).sum::<f64>() / outcomes.len().max(1) as f64;
            let mean_ndcg = mean(|outcome| outcome.ndcg);
            let variance = outcomes.iter().map(|outcome| (outcome.ndcg - mean_ndcg).powi(2)).sum::<f64>()
                / outcomes.len().saturating_sub(1).max(1) as f64;
            RecommendationScores {
                method: method.name().to_owned(),
                task,
                customers: outcomes.len() as u32,
                recall: mean(|outcome| outcome.recall),
                ndcg: mean_ndcg,
                ndcg_se: (variance / outcomes.len().max(1) as f64).sqrt(),
                hit_rate: mean(|outcome| f64::from(u8::from(outcome.hit))),
                coverage: shown.len() as f64 / sold.max(1) as f64,
            }
        })
        .collect()
}

fn outcome(answer: &[u32], truth: &[u32]) -> Outcome {
    let hits: Vec<usize> = (1..).zip(answer).filter(|(_, item)| truth.binary_search(item).is_ok()).map(|(rank, _)| rank).collect();
    Outcome { recall: hits.len() as f64 / truth.len() as f64, ndcg: ndcg(hits.iter().copied(), truth.len(), K), hit: !hits.is_empty() }
}

/// The orders in which the baselines show items.
struct Baselines {
    popular: Vec<ItemIx>,
    recent_popular: Vec<ItemIx>,
}

impl Baselines {
    fn new(recommender: &Recommender) -> Self {
        let items = &recommender.parts().items;
        let mut popular: Vec<ItemIx> = (0..items.len() as u32).map(ItemIx).filter(|item| items.available.value(item.row())).collect();
        popular.sort_by_key(|item| std::cmp::Reverse((items.buyers.value(item.row()), items.baskets.value(item.row()))));
        let recent_popular = recommender.popular().iter().copied().filter(|item| items.available.value(item.row())).collect();
        Self { popular, recent_popular }
    }

    fn answer(&self, method: Method, recommender: &Recommender, customer: CustomerIx, purchased: Purchased) -> Vec<u32> {
        let histories = &recommender.parts().histories;
        let known = histories.items(customer);
        let items = &recommender.parts().items;
        let mut answer: Vec<u32> = Vec::new();
        if method == Method::PersonalFrequency && purchased == Purchased::Include {
            let mut own: Vec<_> =
                histories.of(customer).filter(|bought| bought.orders > 0 && items.available.value(bought.item.row())).collect();
            own.sort_by_key(|bought| std::cmp::Reverse((bought.orders, items.buyers.value(bought.item.row()))));
            answer.extend(own.iter().take(K).map(|bought| bought.item.0));
        }
        let fill = if method == Method::RecentPopular { &self.recent_popular } else { &self.popular };
        let allowed = |item: &u32| purchased == Purchased::Include || known.binary_search(item).is_err();
        for item in fill.iter().map(|item| item.0).filter(allowed) {
            if answer.len() == K {
                break;
            }
            if !answer.contains(&item) {
                answer.push(item);
            }
        }
        answer
    }
}
