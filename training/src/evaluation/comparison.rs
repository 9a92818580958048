//! Two saved versions, as they stand, on purchases that neither of them saw.

use arrow::array::Array;
use rayon::prelude::*;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::evaluation::{RecommendationEvaluation, Task};
use shopkeeper_models::recommender::{Query, Scratch};
use shopkeeper_models::{CustomerIx, Model};

use super::K;
use super::methods::served;
use super::scores::{Judge, Judged, purchased, settle, truth_size};
use super::shoppers::Shopper;
use crate::log::PurchaseLog;

const TASKS: [Task; 3] = [Task::All, Task::Repeat, Task::New];

/// Scores both on what was bought from the later as-of of the two until the log's: the rows of `b` first, each held against `a`.
///
/// Asked is every customer in the history of at least one version; bought before is what stands in the history of at least one. A version
/// answers as it would serve: whom it does not know gets the answer for strangers, and what it does not know it cannot show. `None` when no
/// customer of either version bought anything since.
pub fn compare(a: &Model, b: &Model, log: &PurchaseLog) -> Option<RecommendationEvaluation> {
    let (cut, until) = (a.manifest.as_of_day.max(b.manifest.as_of_day), log.as_of_day);
    let versions = [Version::new(b, log), Version::new(a, log)];
    let bought = bought_by_known(&versions, log, cut, until);
    let scores = TASKS.into_iter().flat_map(|task| settle(versions.iter().map(|version| version.judge(task, &bought)).collect()));
    let scores: Vec<_> = scores.collect();
    let measured = RecommendationEvaluation { cut: date(cut), until: date(until), k: K as u32, scores, stability: None };
    (!measured.scores.is_empty()).then_some(measured)
}

/// What a customer of the log bought in the window, in rows of the log.
struct Bought {
    customer: usize,
    repeat: Vec<u32>,
    new: Vec<u32>,
}

/// A version, and where the log's rows stand in it.
struct Version<'a> {
    model: &'a Model,
    /// The row of each customer of the log.
    customers: Vec<Option<CustomerIx>>,
    /// The row of each item of the log; an item that it does not know gets a number that none of its own has.
    items: Vec<u32>,
}

fn bought_by_known(versions: &[Version<'_>; 2], log: &PurchaseLog, cut: Day, until: Day) -> Vec<Bought> {
    let after = log.before(until);
    let bought = |customer| {
        let histories = versions.each_ref().map(|version| version.history(customer));
        let all = after.bought_between(customer, cut, until);
        if all.is_empty() || histories.iter().all(|history| history.is_empty()) {
            return None;
        }
        let before = |item: &u32| {
            versions.iter().zip(histories).any(|(version, history)| history.binary_search(&version.items[*item as usize]).is_ok())
        };
        let (repeat, new) = all.into_iter().partition(before);
        Some(Bought { customer, repeat, new })
    };
    (0..log.customers()).into_par_iter().filter_map(bought).collect()
}

impl<'a> Version<'a> {
    fn new(model: &'a Model, log: &PurchaseLog) -> Self {
        let customers = (0..log.customers()).map(|row| model.customers.find(log.customer_ids.value(row))).collect();
        let unknown = |row: usize| model.items().len() as u32 + row as u32;
        let item = |row: usize| model.items().find(log.item_ids.value(row)).map_or_else(|| unknown(row), |item| item.0);
        Self { model, customers, items: (0..log.item_ids.len()).map(item).collect() }
    }

    /// The items of a customer of the log before the version's as-of, ascending.
    fn history(&self, customer: usize) -> &[u32] {
        self.customers[customer].map_or(&[], |customer| self.model.recommender.parts().histories.items(customer))
    }

    /// Asks for every customer with truth of the task.
    fn judge(&self, task: Task, bought: &[Bought]) -> Judged {
        let rows = |items: &[u32]| {
            let mut rows: Vec<u32> = items.iter().map(|&item| self.items[item as usize]).collect();
            rows.sort_unstable();
            rows
        };
        let shoppers: Vec<Shopper> = bought
            .iter()
            .map(|bought| Shopper {
                customer: self.customers[bought.customer],
                basket: Vec::new(),
                repeat: rows(&bought.repeat),
                new: rows(&bought.new),
            })
            .filter(|shopper| truth_size(task, shopper) > 0)
            .collect();
        let ask = |scratch: &mut Scratch, shopper: &Shopper| {
            let query = Query { customer: shopper.customer, purchased: purchased(task), n: K, ..Query::default() };
            served(&self.model.recommender, &query, scratch)
        };
        let answers: Vec<Vec<u32>> = shoppers.par_iter().map_init(Scratch::default, ask).collect();
        Judge::new(&self.model.recommender).judge(&self.model.version, task, shoppers.iter().zip(&answers))
    }
}
