//! Segments: the clusters of customers, and who is in them.

use std::sync::Arc;

use shopkeeper_models::churn::ChurnModel;
use shopkeeper_models::{CustomerIx, Model};

use super::columns::Cell::{Count, Number, Text};
use super::columns::{Column, column, nullable};
use super::customers::{CUSTOMER_ID, SEGMENT_ID};
use super::{CustomerFilter, List, Window};

/// The columns of [`segments`]. A row is a row of the model's segments.
pub const SEGMENTS: &[Column<usize>] = &[
    column("segment_id", "Stable id of the segment.", Text(|m, &row| Some(m.segments.segment_id.value(row)))),
    column("name", "Short readable name.", Text(|m, &row| Some(m.segments.name.value(row)))),
    column("description", "What sets it apart, in a sentence.", Text(|m, &row| Some(m.segments.description.value(row)))),
    column("size", "Customers in it.", Count(|m, &row| m.segments.customers.value(row))),
    column(
        "share",
        "Share of all customers, 0 to 1.",
        Number(|m, &row| Some(f64::from(m.segments.customers.value(row)) / m.customers.len().max(1) as f64)),
    ),
    column("mean_purchase_days", "Mean purchase days of its customers.", Number(|m, &row| Some(m.segments.mean_purchase_days.value(row)))),
    column(
        "mean_days_since_last",
        "Mean days since their last purchase.",
        Number(|m, &row| Some(m.segments.mean_days_since_last.value(row))),
    ),
    column("mean_spend", "Mean spend.", Number(|m, &row| Some(m.segments.mean_spend.value(row)))),
    nullable(
        "mean_churn_probability",
        "Mean churn probability, 0 to 1; none when churn was not fitted.",
        Number(|m, &row| matches!(m.churn, ChurnModel::Fitted { .. }).then(|| m.segments.mean_churn_probability.value(row))),
    ),
];

/// The columns of [`members`], before the attributes.
pub const MEMBERS: &[Column<CustomerIx>] = &[CUSTOMER_ID, SEGMENT_ID];

/// Every segment, largest expected value per customer first.
pub fn segments(model: &Arc<Model>, window: Window) -> List {
    let total = model.segments.len();
    List::of_rows(Arc::clone(model), SEGMENTS, total, window.of(total).collect())
}

/// The customers that a filter keeps, each with their segment.
pub fn members(model: &Arc<Model>, filter: &CustomerFilter, window: Window) -> List {
    List::of_customers(model, MEMBERS, filter, window)
}
