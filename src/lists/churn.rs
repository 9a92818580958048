//! Churn: who is about to leave and what that would cost, worst first.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::value::ValueTier;
use shopkeeper_models::{CustomerIx, Model};

use super::customers::{
    CHURN_PERCENTILE, CHURN_PROBABILITY, CUSTOMER_ID, DAYS_SINCE_LAST, DRIVERS, EXPECTED_LOSS, EXPECTED_PURCHASES, EXPECTED_SPEND,
    HORIZON_DAYS, LIFECYCLE, LIFETIME_VALUE, NEXT_ORDER, NEXT_ORDER_FROM, NEXT_ORDER_UNTIL, ORDERS, P_ALIVE, PURCHASE_DAYS, SEGMENT_ID,
    SPEND, SPEND_IF_ACTIVE, STATUS, VALUE_TIER,
};
use super::{Column, List, Window};

/// The columns of [`churn`].
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
    NEXT_ORDER_FROM,
    NEXT_ORDER,
    NEXT_ORDER_UNTIL,
    LIFECYCLE,
    VALUE_TIER,
    SEGMENT_ID,
    ORDERS,
    PURCHASE_DAYS,
    SPEND,
    STATUS,
];

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnSort {
    /// The highest churn probability.
    #[default]
    Probability,
    /// The highest expected loss.
    ExpectedLoss,
}

/// Which customers, and in what order. Default: all of them, by probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChurnFilter {
    /// Only a churn probability of at least this, 0 to 1; leaves out those without one.
    pub min_probability: Option<f64>,
    /// Only this segment: a row of the model's segments.
    pub segment: Option<usize>,
    /// Only this lifecycle stage.
    pub lifecycle: Option<LifecycleStage>,
    /// Only this value tier.
    pub value_tier: Option<ValueTier>,
    /// What comes first. Equal customers stand in the order of their ids; those without a probability last.
    pub sort: ChurnSort,
}

impl ChurnFilter {
    fn keeps(&self, model: &Model, customer: CustomerIx) -> bool {
        let (customers, row) = (&model.customers, customer.row());
        self.segment.is_none_or(|segment| customers.segment.value(row) as usize == segment)
            && self.lifecycle.is_none_or(|stage| customers.lifecycle_stage(customer) == stage)
            && self.value_tier.is_none_or(|tier| customers.tier(customer) == tier)
            && self.min_probability.is_none_or(|least| customers.churn_probability.get(row).is_some_and(|p| p >= least))
    }

    fn compare(&self, model: &Model, a: CustomerIx, b: CustomerIx) -> Ordering {
        let key = |customer: CustomerIx| match self.sort {
            ChurnSort::Probability => model.customers.churn_probability.get(customer.row()),
            ChurnSort::ExpectedLoss => model.customers.expected_loss(customer),
        };
        let key = |customer| key(customer).unwrap_or(f64::NEG_INFINITY);
        key(b).total_cmp(&key(a)).then(a.cmp(&b))
    }
}

/// The customers that a filter keeps, worst first. Sorts only the window.
pub fn churn(model: &Arc<Model>, filter: &ChurnFilter, window: Window) -> List {
    let all = (0..model.customers.len() as u32).map(CustomerIx);
    let mut rows: Vec<CustomerIx> = all.filter(|&customer| filter.keeps(model, customer)).collect();
    let (total, range) = (rows.len(), window.of(rows.len()));
    let order = |a: &CustomerIx, b: &CustomerIx| filter.compare(model, *a, *b);
    if range.end < total {
        rows.select_nth_unstable_by(range.end, order);
        rows.truncate(range.end);
    }
    if (1..rows.len()).contains(&range.start) {
        rows.select_nth_unstable_by(range.start, order);
    }
    rows.drain(..range.start);
    rows.sort_unstable_by(order);
    List::of_rows(Arc::clone(model), CHURN, total, rows)
}
