//! Audience: the likely buyers of an item, most likely first.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use shopkeeper_models::catalogue::{Catalogue, NewItem};
use shopkeeper_models::recommender::{Likely, Purchased, Query, Wanted};
use shopkeeper_models::{CustomerIx, ItemIx, Model};

use super::columns::Cell::{Count, Number, Text};
use super::columns::{self, Column, column, nullable};
use super::customers::{CHURN_PROBABILITY, DAYS_SINCE_LAST, LIFECYCLE, NEEDS_SEGMENT_ID, ORDERS, RFM_GROUP, SEGMENT_ID, SPEND, VALUE_TIER};
use super::{BATCH_ROWS, CustomerFilter, List, Window};

/// The columns of [`audience`] that are of the item, before [`CUSTOMER`].
pub const AUDIENCE: &[Column<Likely>] = &[
    column("customer_id", "The shop's id of the customer.", Text(|m, row| Some(m.customers.id(row.customer)))),
    nullable(
        "probability",
        "P(buys it within the next four weeks, given that they buy anything), 0 to 1; none for an item that the model does not know.",
        Number(|_, row| row.probability.map(f64::from)),
    ),
    column("item_orders", "Orders of this customer that hold it.", Count(|_, row| row.orders)),
    nullable(
        "because_item_id",
        "What they bought that points to it most strongly: itself, an item that goes with it, or one of its category.",
        Text(|m, row| row.because.map(|item| m.items().id(item))),
    ),
];

/// The columns of [`audience`] that are of the customer, before the attributes.
pub const CUSTOMER: &[Column<CustomerIx>] =
    &[LIFECYCLE, CHURN_PROBABILITY, VALUE_TIER, RFM_GROUP, SEGMENT_ID, NEEDS_SEGMENT_ID, DAYS_SINCE_LAST, ORDERS, SPEND];

/// The item whose buyers are wanted.
#[derive(Clone, Debug)]
pub enum Offered {
    /// One of the model.
    Known(ItemIx),
    /// One that it does not know.
    New(Box<NewItem>),
}

/// Whom to look for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AudienceSettings {
    /// The most customers in it.
    pub size: usize,
    /// Whether those who have bought the item before are in it.
    pub purchased: Purchased,
    /// Days from the model's today to the shop's.
    pub days_later: u32,
}

/// The likely buyers of an item among the customers that a filter keeps, most likely first. `now` is the catalogue with the item on offer.
pub fn audience(
    model: &Arc<Model>,
    item: &Offered,
    now: &Catalogue,
    settings: AudienceSettings,
    filter: &CustomerFilter,
    window: Window,
) -> List {
    let wanted = match item {
        Offered::Known(item) => Wanted::Known(*item),
        Offered::New(new) => Wanted::New(new),
    };
    let query = Query { catalogue: Some(now), purchased: settings.purchased, days_later: settings.days_later, ..Query::default() };
    let all = model.recommender.audience(wanted, &query, settings.size, |customer| filter.keeps(model, customer));
    let (total, range) = (all.len(), window.of(all.len()));
    let rows = all[range].to_vec();
    let (model, schema) = (Arc::clone(model), schema(model));
    let of_schema = Arc::clone(&schema);
    let batches = (0..rows.len()).step_by(BATCH_ROWS).map(move |start| {
        let rows = &rows[start..rows.len().min(start + BATCH_ROWS)];
        batch(&of_schema, &model, rows)
    });
    List { schema, total, batches: Box::new(batches) }
}

fn schema(model: &Model) -> SchemaRef {
    let (of_item, of_customer) = (columns::schema(AUDIENCE), super::customers::schema(model, CUSTOMER));
    Arc::new(Schema::new(of_item.fields().iter().chain(of_customer.fields()).cloned().collect::<Vec<Arc<Field>>>()))
}

fn batch(schema: &SchemaRef, model: &Model, rows: &[Likely]) -> RecordBatch {
    let customers: Vec<CustomerIx> = rows.iter().map(|row| row.customer).collect();
    let (of_item, of_customer) = (columns::batch(AUDIENCE, model, rows), super::customers::batch(CUSTOMER, model, &customers));
    let arrays: Vec<ArrayRef> = of_item.columns().iter().chain(of_customer.columns()).cloned().collect();
    RecordBatch::try_new(Arc::clone(schema), arrays)
        .unwrap_or_else(|error| unreachable!("columns of one length and their own type: {error}"))
}
