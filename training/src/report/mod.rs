//! The report of a training run: a page that needs no network (`report.html`), and the same figures on the terminal.

mod bars;
mod columns;
mod curves;
mod heat;
mod ink;
mod matrix;
mod page;
mod profiles;
mod spans;
mod terminal;
mod trading;
pub(crate) mod words;

use shopkeeper_models::Manifest;
use shopkeeper_models::groups::{Group, GroupBy, Standing};
use shopkeeper_models::insights::Insights;
use shopkeeper_models::migration::Migration;
use shopkeeper_models::segments::SegmentKind;

pub use terminal::{comparison_text, evaluation_text, text};

/// The report's file in a version folder.
pub const FILE: &str = "report.html";

/// `report.html`: complete in itself, with no script, font or picture from elsewhere. The same input always gives the same bytes.
/// `before` is the version to say of who moved from which group to which.
pub fn html(manifest: &Manifest, standing: &Standing, before: Option<&Standing>, insights: &Insights) -> String {
    let data = ReportData { trading: trading::Trading::new(insights), ..ReportData::new(standing, before) };
    page::html(manifest, &data)
}

/// What the report shows and the manifest does not hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct ReportData {
    segments: Vec<SegmentRow>,
    /// Every group but the segments, with its rule and count.
    groups: Vec<Group>,
    /// Who moved since the version before, by stage, RFM group, value tier, loyalty tier and segment.
    migrations: Vec<Migration>,
    /// The insights that are shown.
    trading: trading::Trading,
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
    fn new(standing: &Standing, before: Option<&Standing>) -> Self {
        let segments = &standing.segments;
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
        let by = [GroupBy::Lifecycle, GroupBy::RfmGroup, GroupBy::ValueTier, GroupBy::LoyaltyTier];
        let mut groups: Vec<Group> = by.into_iter().flat_map(|by| standing.groups(by)).collect();
        groups.extend(standing.scores());
        let between = |before| by.into_iter().chain([GroupBy::Segment]).map(move |by| Migration::between(before, standing, by));
        Self {
            segments: (0..segments.len()).map(row).collect(),
            groups,
            migrations: before.into_iter().flat_map(between).collect(),
            trading: trading::Trading::default(),
        }
    }
}

#[cfg(test)]
mod tests;
