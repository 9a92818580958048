//! Recommendations: the answer for every customer, through the very scoring that the server calls.

use std::cell::RefCell;
use std::sync::Arc;

use rayon::prelude::*;
use shopkeeper_models::recommender::{Purchased, Query, Recommendation, Scratch};
use shopkeeper_models::{CustomerIx, Model};

use super::columns::Cell::{Count, Score, Text};
use super::columns::{Column, batch, column, schema};
use super::{BATCH_ROWS, List};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One item recommended to one customer.
#[derive(Clone, Copy, Debug)]
pub struct Recommended {
    customer: CustomerIx,
    /// From 1.
    rank: u32,
    recommendation: Recommendation,
}

/// The columns of [`recommendations`].
pub const RECOMMENDATIONS: &[Column<Recommended>] = &[
    column("customer_id", "The shop's id of the customer.", Text(|m, row| Some(m.customers.id(row.customer)))),
    column("rank", "Place in the customer's answer, from 1.", Count(|_, row| row.rank)),
    column("item_id", "The shop's id of the item.", Text(|m, row| Some(m.items().id(row.recommendation.item)))),
    column("score", "0 to 1, never rising down the answer.", Score(|_, row| row.recommendation.score)),
    column(
        "source",
        "The strongest signal: repeat, basket, co_purchase, segment, category or popular.",
        Text(|_, row| Some(row.recommendation.source.name())),
    ),
];

/// `n` items (`1..=MAX_N`) for every customer, ascending by customer, best first. Each batch is scored on all threads of the pool that
/// the caller runs in.
pub fn recommendations(model: &Arc<Model>, n: usize, purchased: Purchased) -> List {
    let model = Arc::clone(model);
    let customers = model.customers.len();
    let eligible = (0..model.items().len()).filter(|&row| model.items().available.value(row)).count();
    let step = (2 * BATCH_ROWS / n.max(1)).max(1);
    let batches = (0..customers).step_by(step).map(move |start| {
        let rows: Vec<Vec<Recommended>> = (start..customers.min(start + step))
            .into_par_iter()
            .map(|row| recommend(&model, Query { customer: Some(CustomerIx(row as u32)), purchased, n, ..Query::default() }))
            .collect();
        batch(RECOMMENDATIONS, &model, &rows.concat())
    });
    List { schema: schema(RECOMMENDATIONS), total: customers * n.min(eligible), batches: Box::new(batches) }
}

fn recommend(model: &Model, query: Query<'_>) -> Vec<Recommended> {
    let Some(customer) = query.customer else { return Vec::new() };
    let answer = SCRATCH.with_borrow_mut(|scratch| model.recommender.recommend(&query, scratch));
    (1..).zip(answer.items).map(|(rank, recommendation)| Recommended { customer, rank, recommendation }).collect()
}
