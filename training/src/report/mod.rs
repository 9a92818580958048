//! The report of a training run: a page that needs no network (`report.html`), and the same figures on the terminal.

mod bars;
mod curves;
mod ink;
mod page;
mod terminal;
mod words;

use arrow::array::Array;
use shopkeeper_models::customers::Customers;
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::segments::Segments;
use shopkeeper_models::value::ValueTier;

pub use page::html;
pub use terminal::text;

/// The report's file in a version folder.
pub const FILE: &str = "report.html";

/// What the report shows and the manifest does not hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportData {
    /// The segments, in their order.
    pub segments: Vec<SegmentRow>,
    /// Customers in each lifecycle stage, in the order of [`LifecycleStage::ALL`].
    pub lifecycle: [u64; LifecycleStage::ALL.len()],
    /// Customers in each value tier, in the order of [`ValueTier::ALL`].
    pub tiers: [u64; ValueTier::ALL.len()],
}

/// A segment as the report shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentRow {
    /// Short readable name.
    pub name: String,
    /// What sets it apart, in a sentence.
    pub description: String,
    /// Customers in it.
    pub customers: u64,
    /// Mean days with an order.
    pub mean_purchase_days: f64,
    /// Mean days since the last order.
    pub mean_days_since_last: f64,
    /// Mean spend.
    pub mean_spend: f64,
    /// Mean churn probability, 0 to 1; none when churn was not fitted.
    pub mean_churn_probability: Option<f64>,
}

impl ReportData {
    /// Counted from the fitted tables.
    pub fn new(segments: &Segments, customers: &Customers) -> Self {
        let churn_fitted = customers.churn_probability.0.null_count() < customers.len();
        let row = |row: usize| SegmentRow {
            name: segments.name.value(row).to_owned(),
            description: segments.description.value(row).to_owned(),
            customers: segments.customers.value(row).into(),
            mean_purchase_days: segments.mean_purchase_days.value(row),
            mean_days_since_last: segments.mean_days_since_last.value(row),
            mean_spend: segments.mean_spend.value(row),
            mean_churn_probability: churn_fitted.then(|| segments.mean_churn_probability.value(row)),
        };
        let mut data = Self { segments: (0..segments.len()).map(row).collect(), ..Self::default() };
        for (&stage, &tier) in customers.lifecycle.values().iter().zip(customers.value_tier.values()) {
            data.lifecycle[stage as usize] += 1;
            data.tiers[tier as usize] += 1;
        }
        data
    }
}

#[cfg(test)]
mod tests;
