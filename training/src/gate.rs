//! The gate: what speaks against serving a version that was just measured.

use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::evaluation::{Evaluation, Task};

use crate::log::Past;
use crate::ranker::{LOOKED_AT, QUIET, shoppers};

/// Tasks on which the recommender must hold its own.
const TASKS: [Task; 4] = [Task::All, Task::New, Task::NextBasketAll, Task::NextBasketNew];
/// The share of a baseline's NDCG that may be lost, beyond what chance explains, before a version is held back.
const LOSS: f64 = 0.05;
/// Customers that an answer must have been measured on to be doubted.
const LEAST_CUSTOMERS: u32 = 30;
/// How far the churn model's area under the ROC curve may lie below that of a rule of thumb.
const AUC_LOSS: f64 = 0.01;

/// What speaks against a version, one line each; nothing for a good one.
///
/// A recommender objects when a baseline beats it on all items, new items, the next basket or what is new in it by more than a twentieth of the baseline's NDCG@10
/// with a 95 % interval of the paired difference over 30 customers or more that leaves no doubt; a churn model when sorting customers by a rule of thumb separates them better.
pub fn objections(evaluation: &Evaluation) -> Vec<String> {
    let measured = evaluation.recommendations.as_ref();
    let recommender = TASKS.into_iter().filter_map(|task| {
        let served = measured?.of(task).next()?;
        let against = served.against.as_ref()?;
        let other = served.ndcg - against.ndcg;
        (served.customers >= LEAST_CUSTOMERS && against.verdict().is_lt() && -against.ndcg > LOSS * other).then(|| {
            format!(
                "{}: NDCG@{} {:.3}, where {} reaches {other:.3}",
                task.name(),
                measured.map_or(0, |all| all.k),
                served.ndcg,
                against.than
            )
        })
    });
    let churn = evaluation.churn.iter().filter_map(|churn| {
        let (served, others) = churn.scores.split_first()?;
        let best = others.iter().max_by(|a, b| a.auc.total_cmp(&b.auc))?;
        (served.auc < best.auc - AUC_LOSS).then(|| format!("churn: AUC {:.3}, where {} reaches {:.3}", served.auc, best.method, best.auc))
    });
    recommender.chain(churn).collect()
}

/// A line of warning when the newest window has so few shoppers that a part of the purchases seems to be missing.
///
/// Windows are of `window` days, back from `past.day`; the newest one is quiet when it has less than a fifth of the shoppers of the busiest.
pub fn quiet(past: &Past<'_>, window: Day) -> Option<String> {
    let first = past.log().days().map_or(past.day, |(first, _)| first);
    let count = |back: Day| shoppers(past, past.day - back * window..past.day - (back - 1) * window);
    let newest = count(1);
    let busiest = (2..=LOOKED_AT as Day + 1).take_while(|back| past.day - back * window >= first).map(count).max()?;
    (newest * QUIET < busiest).then(|| {
        format!(
            "only {newest} customers bought something in the {window} days before {}, where {busiest} did in such a window before. If purchases are \
             missing, add them: everybody looks silent without them, and is recommended and judged so",
            date(past.day)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopkeeper_models::evaluation::{ChurnEvaluation, ChurnScores, Difference, RecommendationEvaluation, RecommendationScores};

    fn recommends(task: Task, ndcg: f64, difference: f64, interval: [f64; 2]) -> Evaluation {
        let scores = RecommendationScores {
            method: "shopkeeper".into(),
            task,
            customers: 100,
            recall: 0.1,
            ndcg,
            ndcg_interval: [ndcg; 2],
            map: 0.1,
            hit_rate: 0.1,
            repeat_hits: None,
            coverage: 0.1,
            popularity: 0.1,
            diversity: None,
            against: Some(Difference { than: "time_decay".into(), ndcg: difference, interval }),
        };
        let measured =
            RecommendationEvaluation { cut: "2026-01-01".into(), until: "2026-01-29".into(), k: 10, scores: vec![scores], stability: None };
        Evaluation { recommendations: Some(measured), ..Evaluation::default() }
    }

    #[test]
    fn only_a_clear_loss_on_a_main_task_speaks_against_a_version() {
        let lost = recommends(Task::NextBasketAll, 0.049, -0.327, [-0.35, -0.3]);
        assert_eq!(objections(&lost), ["next basket all: NDCG@10 0.049, where time_decay reaches 0.376"]);
        assert!(objections(&recommends(Task::All, 0.40, 0.02, [0.01, 0.03])).is_empty(), "better");
        assert!(objections(&recommends(Task::All, 0.40, -0.05, [-0.11, 0.01])).is_empty(), "it may be chance");
        assert!(objections(&recommends(Task::All, 0.40, -0.01, [-0.011, -0.009])).is_empty(), "too little to hold back for");
        let mut few = lost.clone();
        few.recommendations.as_mut().expect("measured").scores[0].customers = 3;
        assert!(objections(&few).is_empty(), "three customers prove nothing");
        assert!(objections(&recommends(Task::ColdNew, 0.01, -0.3, [-0.4, -0.2])).is_empty(), "not a main task");
        assert!(objections(&Evaluation::default()).is_empty(), "nothing was measured");
    }

    #[test]
    fn a_churn_model_must_beat_a_rule_of_thumb() {
        let churn = |auc: f64| {
            let scores = |method: &str, auc| ChurnScores {
                method: method.into(),
                auc,
                average_precision: 0.5,
                brier: None,
                calibration_error: None,
            };
            let measured = ChurnEvaluation {
                cut: "2026-01-01".into(),
                horizon_days: 56,
                customers: 100,
                base_rate: 0.1,
                scores: vec![scores("shopkeeper", auc), scores("days_since_last", 0.8)],
                reliability: Vec::new(),
                gains: Vec::new(),
            };
            objections(&Evaluation { churn: Some(measured), ..Evaluation::default() })
        };
        assert_eq!(churn(0.7), ["churn: AUC 0.700, where days_since_last reaches 0.800"]);
        assert!(churn(0.795).is_empty());
    }
}
