//! Recommendations held against what was bought, beside the baselines: the window after a cut, cold customers, the next basket, the rest of a basket.

use shopkeeper_models::calendar::Day;
use shopkeeper_models::evaluation::{RecommendationScores, Task};
use shopkeeper_models::recommender::{Purchased, Recommender};

use super::methods::Method;
use super::scores::{Judge, Judged, purchased, settle, truth_size};
use super::shoppers::{self, Shopper};
use crate::log::{Past, PurchaseLog};

/// Orders before the cut with which a customer still counts as cold.
const COLD_ORDERS: u32 = 3;

/// Asks the recommender, which must have been fitted at `cut`, for every customer with a history who bought something in `cut..until`, and for
/// the rest of their first order. No rows when nobody did.
pub fn window(recommender: &Recommender, log: &PurchaseLog, cut: Day, until: Day) -> Vec<RecommendationScores> {
    let shoppers = shoppers::in_window(recommender, log, cut, until);
    let tasks = [Task::All, Task::Repeat, Task::New, Task::ColdAll, Task::ColdNew];
    let mut rows = measure(recommender, &Method::OF_CUSTOMERS, &shoppers, &tasks);
    let shoppers = shoppers::completion(recommender, log, cut, until);
    rows.extend(measure(recommender, &Method::OF_BASKETS, &shoppers, &[Task::Completion]));
    rows
}

/// Asks the recommender, which must have been fitted on `past`, for the orders that are hidden there: those of
/// [`without_last_orders`](PurchaseLog::without_last_orders).
pub fn next_basket(recommender: &Recommender, past: &Past<'_>) -> Vec<RecommendationScores> {
    let shoppers = shoppers::next_basket(recommender, past);
    measure(recommender, &Method::OF_CUSTOMERS, &shoppers, &[Task::NextBasketAll, Task::NextBasketNew])
}

/// What is known when the last order of each customer with enough of them is hidden.
pub fn before_last_orders(log: &PurchaseLog) -> Past<'_> {
    log.without_last_orders(shoppers::ORDERS_FOR_NEXT_BASKET)
}

/// Scores every method that has something to say on every task that somebody has truth for.
fn measure(recommender: &Recommender, methods: &[Method], shoppers: &[Shopper], tasks: &[Task]) -> Vec<RecommendationScores> {
    let judge = Judge::new(recommender);
    let orders = |shopper: &Shopper| shopper.customer.map_or(0, |customer| recommender.parts().orders.value(customer.row()));
    let asked = |task: Task, shopper: &Shopper| {
        let cold = matches!(task, Task::ColdAll | Task::ColdNew);
        truth_size(task, shopper) > 0 && (!cold || (1..=COLD_ORDERS).contains(&orders(shopper)))
    };
    let mut judged: Vec<Vec<Judged>> = tasks.iter().map(|_| Vec::new()).collect();
    for allowed in [Purchased::Include, Purchased::Exclude] {
        if tasks.iter().all(|&task| purchased(task) != allowed) {
            continue;
        }
        for method in methods {
            let Some(answers) = method.answers(recommender, shoppers, allowed) else { continue };
            for (&task, judged) in tasks.iter().zip(&mut judged).filter(|(task, _)| purchased(**task) == allowed) {
                judged.push(judge.judge(method.name(), task, shoppers.iter().zip(&answers).filter(|(shopper, _)| asked(task, shopper))));
            }
        }
    }
    judged.into_iter().flat_map(settle).collect()
}
