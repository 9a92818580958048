//! The report of a training run: a page that needs no network (`report.html`), and the same figures on the terminal.

mod bars;
mod curves;
mod ink;
mod page;
mod profiles;
mod terminal;
pub(crate) mod words;

use shopkeeper_models::Manifest;
use shopkeeper_models::customers::Customers;
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::segments::{SegmentKind, Segments};
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
    id: String,
    kind: SegmentKind,
    name: String,
    description: String,
    customers: u64,
    mean_purchase_days: f64,
    mean_days_since_last: f64,
    mean_gap_days: f64,
    mean_spend: f64,
    mean_spend_a_day: f64,
    mean_distinct_items: f64,
    total_spend: f64,
    /// None when churn was not fitted.
    mean_churn_probability: Option<f64>,
    /// Category, and its share of their spend over the shop's.
    over_categories: Vec<(String, f64)>,
}

impl ReportData {
    /// Counted from the fitted tables.
    fn new(segments: &Segments, customers: &Customers) -> Self {
        let over =
            |row: usize| segments.over_categories(row).unwrap_or_default().into_iter().map(|over| (over.category, over.lift)).collect();
        let row = |row: usize| SegmentRow {
            id: segments.segment_id.value(row).to_owned(),
            kind: segments.kind(row),
            name: segments.name.value(row).to_owned(),
            description: segments.description.value(row).to_owned(),
            customers: segments.customers.value(row).into(),
            mean_purchase_days: segments.mean_purchase_days.value(row),
            mean_days_since_last: segments.mean_days_since_last.value(row),
            mean_gap_days: segments.mean_gap_days.value(row),
            mean_spend: segments.mean_spend.value(row),
            mean_spend_a_day: segments.mean_spend_a_day.value(row),
            mean_distinct_items: segments.mean_distinct_items.value(row),
            total_spend: segments.total_spend.value(row),
            mean_churn_probability: segments.mean_churn_probability.get(row),
            over_categories: over(row),
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
