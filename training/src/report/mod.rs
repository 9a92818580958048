//! The report of a training run: a page that needs no network (`report.html`), and the same figures on the terminal.

mod bars;
mod curves;
mod ink;
mod page;
mod terminal;
mod words;

use arrow::array::Array;
use shopkeeper_models::Manifest;
use shopkeeper_models::customers::Customers;
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::segments::Segments;
use shopkeeper_models::value::ValueTier;

pub use terminal::{comparison_text, evaluation_text, text};

/// The report's file in a version folder.
pub const FILE: &str = "report.html";

/// `report.html`: complete in itself, with no script, font or picture from elsewhere. The same input always gives the same bytes.
pub fn html(manifest: &Manifest, segments: &Segments, customers: &Customers) -> String {
    page::html(manifest, &ReportData::new(segments, customers))
}

/// What the report shows and the manifest does not hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct ReportData {
    segments: Vec<SegmentRow>,
    /// Customers in each lifecycle stage, in the order of [`LifecycleStage::ALL`].
    lifecycle: [u64; LifecycleStage::ALL.len()],
    /// Customers in each value tier, in the order of [`ValueTier::ALL`].
    tiers: [u64; ValueTier::ALL.len()],
}

/// A segment as the report shows it.
#[derive(Clone, Debug, PartialEq)]
struct SegmentRow {
    name: String,
    description: String,
    customers: u64,
    mean_purchase_days: f64,
    mean_days_since_last: f64,
    mean_spend: f64,
    /// None when churn was not fitted.
    mean_churn_probability: Option<f64>,
}

impl ReportData {
    /// Counted from the fitted tables.
    fn new(segments: &Segments, customers: &Customers) -> Self {
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
