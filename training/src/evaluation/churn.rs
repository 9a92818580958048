//! Churn probabilities at a cut against who bought within the horizon, beside the rule "longest silent first".

use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::churn::ChurnModel;
use shopkeeper_models::evaluation::{ChurnEvaluation, ChurnScores, ReliabilityBin};

use super::metrics::{auc, average_precision, brier, calibration_error, gains, reliability};
use crate::churn::{self, churned};
use crate::log::Past;
use crate::tempo::tempos;

/// Scores every customer known at `past.day`, at which `model` must have been fitted. `None` when it was not fitted or only one outcome occurred.
pub fn evaluate(model: &ChurnModel, past: &Past<'_>) -> Option<ChurnEvaluation> {
    let horizon_days = model.horizon_days();
    let (mut probabilities, mut silences, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let tempos = tempos(past);
    let scored = churn::probabilities(model, churn::anchor(&tempos), &tempos);
    for (customer, (tempo, probability)) in tempos.iter().zip(scored).enumerate().filter(|(_, (tempo, _))| tempo.orders > 0) {
        probabilities.push(probability?);
        silences.push(f64::from(tempo.days_since_last));
        gone.push(churned(past.log(), customer, past.day, horizon_days));
    }
    let left = gone.iter().filter(|&&gone| gone).count();
    if left == 0 || left == gone.len() {
        return None;
    }
    let bins = reliability(&probabilities, &gone);
    let model_scores = ChurnScores {
        method: "shopkeeper".into(),
        auc: auc(&probabilities, &gone),
        average_precision: average_precision(&probabilities, &gone),
        brier: Some(brier(&probabilities, &gone)),
        calibration_error: Some(calibration_error(&bins)),
    };
    let rule = ChurnScores {
        method: "days_since_last".into(),
        auc: auc(&silences, &gone),
        average_precision: average_precision(&silences, &gone),
        brier: None,
        calibration_error: None,
    };
    Some(ChurnEvaluation {
        cut: date(past.day as Day),
        horizon_days,
        customers: gone.len() as u32,
        base_rate: left as f64 / gone.len() as f64,
        scores: vec![model_scores, rule],
        reliability: bins.iter().map(|&(predicted, actual, size)| ReliabilityBin { predicted, actual, customers: size as u32 }).collect(),
        gains: gains(&probabilities, &gone, 20),
    })
}
