//! What each part of the recommender is worth: the same fit without it, asked the same questions.

use shopkeeper_models::calendar::Day;
use shopkeeper_models::evaluation::{RecommendationScores, Task};

use super::methods::Method;
use super::scores::{Judge, purchased, settle, truth_size};
use super::shoppers;
use crate::log::PurchaseLog;
use crate::parts::Part;
use crate::recommender::RecommenderParams;

/// What is asked of each fit.
const TASKS: [Task; 4] = [Task::All, Task::Repeat, Task::New, Task::Completion];

/// Fits at `cut` without each of the parts and holds it against the whole fit on `cut..until`. For each part one row a task that somebody has
/// truth for: the scores without it, and the difference to the whole (below 0 = the part is worth something).
pub fn ablate(params: &RecommenderParams, log: &PurchaseLog, cut: Day, until: Day, mut done: impl FnMut(Part, Vec<RecommendationScores>)) {
    let past = log.before(cut);
    let whole = params.fit(&past);
    let asked = [shoppers::in_window(&whole, log, cut, until), shoppers::completion(&whole, log, cut, until)];
    let ask = |recommender: &shopkeeper_models::recommender::Recommender, name: &str, task: Task| {
        let asked = &asked[usize::from(task == Task::Completion)];
        let answers = Method::Shopkeeper.answers(recommender, asked, purchased(task)).unwrap_or_default();
        let with_truth = asked.iter().zip(&answers).filter(|(shopper, _)| truth_size(task, shopper) > 0);
        Judge::new(recommender).judge(name, task, with_truth)
    };
    for part in Part::ALL {
        let without = RecommenderParams { without: Some(part), ..*params }.fit(&past);
        let rows = TASKS
            .into_iter()
            .filter(|&task| asked[usize::from(task == Task::Completion)].iter().any(|shopper| truth_size(task, shopper) > 0));
        let rows = rows.filter_map(|task| settle(vec![ask(&without, part.name(), task), ask(&whole, "whole", task)]).into_iter().next());
        done(part, rows.collect());
    }
}
