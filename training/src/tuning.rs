//! Tuning: which settings of the recommender suit this shop, tried on the newest window of a history whose later part nobody has looked at.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shopkeeper_models::CustomerIx;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::recommender::{Head, Purchased, Query, Ranker, Recommender, Scratch, Trees};

use crate::evaluation::K;
use crate::evaluation::metrics::ndcg;
use crate::log::Past;
use crate::recommender::RecommenderParams;
use crate::symmetric_trees::TreesParams;

/// How much is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Nothing: the defaults.
    Off,
    /// Whether trees help: one more fit of the recommender.
    #[default]
    Quick,
    /// Also the ridge of the linear item model, the windows learned from, the number of trees and the shrinkage of co-purchase: some ten fits.
    Full,
}

/// One setting that was tried, held against the best one before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// What was changed, `trees.trees = 0`; `defaults` for the first.
    pub change: String,
    /// NDCG@10 of everything bought in the window, 0 to 1.
    pub ndcg_all: f64,
    /// NDCG@10 of what was new to the customer, 0 to 1.
    pub ndcg_new: f64,
    /// Mean over customers of the relative gain in both, summed; above 0 = better than the best before it.
    pub gain: f64,
    /// Standard error of `gain` over customers.
    pub gain_se: f64,
    /// Whether it was kept: only what gains more than one standard error is.
    pub kept: bool,
}

/// What was tried, where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuning {
    /// How much was tried.
    pub effort: Effort,
    /// First day that the tried fits did not see.
    pub cut: String,
    /// Exclusive end of the truth.
    pub until: String,
    /// In order.
    pub tried: Vec<Tried>,
}

/// What a customer's answers scored: everything, what was new.
type Outcome = [f64; 2];

/// Tries settings at one window before `past.day`. The defaults, and nothing tried, for an effort of [`Effort::Off`] or a history too short to
/// learn and to try on.
pub fn tune(effort: Effort, past: &Past<'_>) -> (RecommenderParams, Option<Tuning>) {
    let mut best = RecommenderParams::default();
    let window = best.window(past);
    let first = past.log().days().map_or(past.day, |(first, _)| first);
    let cut = past.day - window;
    if effort == Effort::Off || cut - first < 4 * window {
        return (best, None);
    }
    let known = past.before(cut);
    let recommender = best.fit(&known);
    let mut scores = outcomes(&recommender, past, cut);
    if scores.is_empty() {
        return (best, None);
    }
    let mut tuning = Tuning { effort, cut: date(cut), until: date(past.day), tried: vec![tried("defaults".to_owned(), &scores, &scores)] };
    let mut consider = |best: &mut RecommenderParams, change: String, changed: RecommenderParams, found: Vec<Outcome>| {
        let tried = tried(change, &scores, &found);
        if tried.kept {
            *best = changed;
            scores = found;
        }
        tuning.tried.push(tried);
    };
    let mut plain = best;
    plain.trees.trees = 0;
    consider(&mut best, "trees.trees = 0".to_owned(), plain, outcomes(&without_trees(recommender), past, cut));
    if effort == Effort::Full {
        for (change, set) in CHANGES {
            let mut changed = best;
            set(&mut changed);
            if changed != best {
                consider(&mut best, (*change).to_owned(), changed, outcomes(&changed.fit(&known), past, cut));
            }
        }
    }
    (best, Some(tuning))
}

/// A setting by name, and how to change it.
type Change = (&'static str, fn(&mut RecommenderParams));

/// What a full tuning changes, one after the other.
const CHANGES: &[Change] = &[
    ("affinity.ridge = 100", |params| params.affinity.ridge = 100.0),
    ("affinity.ridge = 2000", |params| params.affinity.ridge = 2000.0),
    ("windows = 5", |params| params.windows = 5),
    ("trees.trees = 400, both rates halved", |params| {
        if params.trees.trees > 0 {
            params.trees = TreesParams { trees: 400, rate: params.trees.rate / 2.0, ..params.trees };
            params.explore_rate /= 2.0;
        }
    }),
    ("trees.depth = 6", |params| {
        if params.trees.trees > 0 {
            params.trees.depth = 6;
        }
    }),
    ("together.shrinkage = 20", |params| params.together.shrinkage = 20.0),
    ("factors.rounds = 0", |params| params.factors.rounds = 0),
    ("ridge = 100", |params| params.ridge = 100.0),
];

fn without_trees(recommender: Recommender) -> Recommender {
    let plain = |head: &Head| Head { logistic: head.logistic.clone(), trees: Trees::default() };
    let ranker = &recommender.parts().ranker;
    let ranker = Ranker {
        repeat: plain(&ranker.repeat),
        explore: plain(&ranker.explore),
        basket: ranker.basket.as_ref().map(plain),
        ..ranker.clone()
    };
    recommender.with_ranker(ranker)
}

/// What every known customer who bought in the window is shown, scored, in the order of the customers.
fn outcomes(recommender: &Recommender, past: &Past<'_>, cut: Day) -> Vec<Outcome> {
    (0..past.log().customers())
        .into_par_iter()
        .map_init(Scratch::default, |scratch, row| {
            let customer = CustomerIx(row as u32);
            let known = recommender.parts().histories.items(customer);
            let truth = past.bought_between(row, cut, past.day);
            if known.is_empty() || truth.is_empty() {
                return None;
            }
            let new: Vec<u32> = truth.iter().copied().filter(|item| known.binary_search(item).is_err()).collect();
            let mut score = |purchased: Purchased, truth: &[u32]| {
                let query = Query { customer: Some(customer), purchased, n: K, ..Query::default() };
                let answer = recommender.recommend(&query, scratch);
                let hit =
                    |(_, entry): &(usize, &shopkeeper_models::recommender::Recommendation)| truth.binary_search(&entry.item.0).is_ok();
                ndcg((1..).zip(&answer.items).filter(hit).map(|(rank, _)| rank), truth.len(), K)
            };
            Some([score(Purchased::Include, &truth), score(Purchased::Exclude, &new)])
        })
        .flatten()
        .collect()
}

fn tried(change: String, before: &[Outcome], found: &[Outcome]) -> Tried {
    let n = found.len() as f64;
    let mean = |scores: &[Outcome], task: usize| scores.iter().map(|score| score[task]).sum::<f64>() / n;
    let relative = |task: usize| 1.0 / mean(before, task).max(1e-6);
    let scale = [relative(0), relative(1)];
    let gains: Vec<f64> =
        before.iter().zip(found).map(|(before, found)| (0..2).map(|task| (found[task] - before[task]) * scale[task]).sum()).collect();
    let gain = gains.iter().sum::<f64>() / n;
    let gain_se = (gains.iter().map(|of_customer| (of_customer - gain).powi(2)).sum::<f64>() / (n * (n - 1.0).max(1.0))).sqrt();
    Tried { change, ndcg_all: mean(found, 0), ndcg_new: mean(found, 1), gain, gain_se, kept: gain > gain_se }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gain_beyond_its_standard_error_is_kept() {
        let before = [[0.5, 0.1], [0.3, 0.1], [0.4, 0.1], [0.4, 0.1]];
        let better = before.map(|[all, new]| [all + 0.04, new]);
        let found = tried("better".into(), &before, &better);
        assert!(found.kept && (found.gain - 0.1).abs() < 1e-9 && (found.ndcg_all - 0.44).abs() < 1e-9, "{found:?}");
        let luck = [[0.9, 0.1], [0.2, 0.1], [0.3, 0.1], [0.3, 0.1]];
        assert!(!tried("luck".into(), &before, &luck).kept);
        assert!(!tried("the same".into(), &before, &before).kept);
    }
}
