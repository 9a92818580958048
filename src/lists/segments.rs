//! Segments: the clusters of customers, and who is in them.

use std::sync::Arc;

use shopkeeper_models::segments::SegmentKind;
use shopkeeper_models::{CustomerIx, Model};

use super::columns::Cell::{Count, Money, Number, Text};
use super::columns::{Column, column, nullable};
use super::customers::{CUSTOMER_ID, NEEDS_SEGMENT_ID, NEEDS_SEGMENT_NAME, SEGMENT_ID, SEGMENT_NAME};
use super::{CustomerFilter, List, Window};

/// The columns of [`segments`]. A row is a row of the model's segments.
pub const SEGMENTS: &[Column<usize>] = &[
    column(
        "segment_id",
        "Stable id of the segment: the same from one version to the next as long as the segment is.",
        Text(|m, &row| Some(m.segments.segment_id.value(row))),
    ),
    column(
        "kind",
        "What its customers have in common: `behaviour` (how lately, how often and for how much they buy) or `needs` (on which categories they spend).",
        Text(|m, &row| Some(m.segments.kind(row).name())),
    ),
    column("name", "Short readable name, different for every segment of a kind.", Text(|m, &row| Some(m.segments.name.value(row)))),
    column("description", "What sets it apart, in sentences.", Text(|m, &row| Some(m.segments.description.value(row)))),
    column("size", "Customers in it.", Count(|m, &row| m.segments.customers.value(row))),
    column(
        "share",
        "Share of all customers, 0 to 1; those of a kind add up to 1.",
        Number(|m, &row| Some(f64::from(m.segments.customers.value(row)) / m.customers.len().max(1) as f64)),
    ),
    column("since", "As-of day of the first version that had it, such as 2017-12-04.", Text(|m, &row| Some(m.segments.since.value(row)))),
    column(
        "change",
        "What became of it since the version before: `new`, `kept`, `split` or `merged`.",
        Text(|m, &row| Some(m.segments.change.value(row))),
    ),
    nullable(
        "from",
        "Segments of the version before that its customers came from, where it was split off or merged.",
        Text(|m, &row| m.segments.from.get(row)),
    ),
    column("mean_purchase_days", "Mean purchase days of its customers.", Number(|m, &row| Some(m.segments.mean_purchase_days.value(row)))),
    column(
        "mean_days_since_last",
        "Mean days since their last purchase.",
        Number(|m, &row| Some(m.segments.mean_days_since_last.value(row))),
    ),
    column("mean_gap_days", "Mean typical days between their purchases.", Number(|m, &row| Some(m.segments.mean_gap_days.value(row)))),
    column("bought_once", "Share who bought on one day only, 0 to 1.", Number(|m, &row| Some(m.segments.bought_once.value(row)))),
    column("mean_spend", "Mean spend.", Money(|m, &row| Some(m.segments.mean_spend.value(row)))),
    column("mean_spend_a_day", "Mean spend a purchase day.", Money(|m, &row| Some(m.segments.mean_spend_a_day.value(row)))),
    column("total_spend", "Spend of all of them together.", Money(|m, &row| Some(m.segments.total_spend.value(row)))),
    nullable(
        "mean_churn_probability",
        "Mean churn probability, 0 to 1; none when churn was not fitted.",
        Number(|m, &row| m.segments.mean_churn_probability.get(row)),
    ),
    nullable(
        "mean_expected_spend",
        "Mean expected spend within the horizon; none when churn was not fitted.",
        Money(|m, &row| m.segments.mean_expected_spend.get(row)),
    ),
    nullable(
        "total_expected_spend",
        "Expected spend of all of them within the horizon; none when churn was not fitted.",
        Money(|m, &row| m.segments.total_expected_spend.get(row)),
    ),
];

/// The columns of [`members`], before the attributes.
pub const MEMBERS: &[Column<CustomerIx>] = &[CUSTOMER_ID, SEGMENT_ID, SEGMENT_NAME, NEEDS_SEGMENT_ID, NEEDS_SEGMENT_NAME];

/// Every segment, or those of one kind: by behaviour first, highest mean spend first, then by needs, largest first.
pub fn segments(model: &Arc<Model>, kind: Option<SegmentKind>, window: Window) -> List {
    let mut rows: Vec<usize> = (0..model.segments.len()).filter(|&row| kind.is_none_or(|kind| model.segments.kind(row) == kind)).collect();
    let (total, range) = (rows.len(), window.of(rows.len()));
    rows.truncate(range.end);
    rows.drain(..range.start);
    List::of_rows(Arc::clone(model), SEGMENTS, total, rows)
}

/// The customers that a filter keeps, each with their segment.
pub fn members(model: &Arc<Model>, filter: &CustomerFilter, window: Window) -> List {
    List::of_customers(model, MEMBERS, filter, window)
}
