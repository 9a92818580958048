//! Churn: who is about to leave and what that would cost, the most money at stake first.

use std::sync::Arc;

use shopkeeper_models::{CustomerIx, Model};

use super::customers::{
    CHURN_PERCENTILE, CHURN_PROBABILITY, CUSTOMER_ID, DAYS_SINCE_LAST, DRIVERS, EXPECTED_LOSS, EXPECTED_PURCHASES, EXPECTED_SPEND,
    HORIZON_DAYS, LIFECYCLE, LIFETIME_VALUE, LOYALTY_TIER, NEEDS_SEGMENT_ID, NEXT_ORDER, NEXT_ORDER_FROM, NEXT_ORDER_STATUS,
    NEXT_ORDER_UNTIL, ORDERS, P_ALIVE, PURCHASE_DAYS, RFM_GROUP, SEGMENT_ID, SPEND, SPEND_IF_ACTIVE, STATUS, VALUE_TIER,
};
use super::{Column, CustomerFilter, List, Window};

/// The columns of [`churn`], before the attributes.
pub const CHURN: &[Column<CustomerIx>] = &[
    CUSTOMER_ID,
    CHURN_PROBABILITY,
    CHURN_PERCENTILE,
    HORIZON_DAYS,
    DAYS_SINCE_LAST,
    EXPECTED_PURCHASES,
    EXPECTED_SPEND,
    SPEND_IF_ACTIVE,
    EXPECTED_LOSS,
    DRIVERS,
    LIFETIME_VALUE,
    P_ALIVE,
    NEXT_ORDER_STATUS,
    NEXT_ORDER_FROM,
    NEXT_ORDER,
    NEXT_ORDER_UNTIL,
    LIFECYCLE,
    RFM_GROUP,
    VALUE_TIER,
    LOYALTY_TIER,
    SEGMENT_ID,
    NEEDS_SEGMENT_ID,
    ORDERS,
    PURCHASE_DAYS,
    SPEND,
    STATUS,
];

/// What [`churn`] is sorted by unless something else is asked for: the most money at stake first. By probability alone those would lead who came once,
/// long ago and for little.
pub const CHURN_SORT: &str = "expected_loss";

/// The customers that a filter keeps, with what is said of their leaving.
pub fn churn(model: &Arc<Model>, filter: &CustomerFilter, window: Window) -> List {
    List::of_customers(model, CHURN, filter, window)
}
