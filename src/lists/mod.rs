//! Lists: whole answers as tables, one row a customer, rule or recommendation, made batch by batch in constant memory.
//!
//! The server pages and streams them, the command line writes them to files; both call the same functions here.

mod audience;
mod churn;
pub mod columns;
mod customers;
pub mod filter;
mod groups;
mod insights;
mod migration;
mod recommendations;
mod rules;
mod segments;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use shopkeeper_models::{CustomerIx, Model};

pub use audience::{AUDIENCE, AudienceSettings, CUSTOMER as AUDIENCE_CUSTOMER, Offered, audience};
pub use churn::{CHURN, CHURN_SORT, churn};
pub use columns::Column;
pub use customers::{CUSTOMER_SEGMENT, CUSTOMERS, CUSTOMERS_SORT, batch as customer_batch, customers};
pub use filter::{CustomerFilter, FilterError};
pub use groups::{GROUPS, SCORES, groups};
pub use insights::{insight, insight_list};
pub use migration::migration;
pub use recommendations::{RECOMMENDATIONS, recommendations};
pub use rules::{RULES, RuleFilter, RuleSort, rules};
pub use segments::{MEMBERS, SEGMENTS, members, segments};

/// Rows of one batch, about.
pub const BATCH_ROWS: usize = 4096;

/// Which rows of a list: all of them, or one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows to skip.
    pub offset: usize,
    /// The most rows after them.
    pub limit: usize,
}

impl Window {
    /// Every row.
    pub const ALL: Self = Self { offset: 0, limit: usize::MAX };

    /// The positions of this window in a list of so many rows.
    fn of(self, total: usize) -> std::ops::Range<usize> {
        let start = self.offset.min(total);
        start..start.saturating_add(self.limit).min(total)
    }
}

/// A list that is made while it is read.
pub struct List {
    /// The columns of every batch.
    pub schema: SchemaRef,
    /// Rows of the whole list, of which the batches hold the window that was asked for.
    pub total: usize,
    /// The rows, in order.
    pub batches: Box<dyn Iterator<Item = RecordBatch> + Send>,
}

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List").field("schema", &self.schema).field("total", &self.total).finish_non_exhaustive()
    }
}

impl List {
    /// The customers that a filter keeps: the columns, and their attributes.
    fn of_customers(model: &Arc<Model>, columns: &'static [Column<CustomerIx>], filter: &CustomerFilter, window: Window) -> Self {
        let (rows, total) = filter.rows(model, window);
        let (model, schema) = (Arc::clone(model), customers::schema(model, columns));
        let batches = (0..rows.len()).step_by(BATCH_ROWS).map(move |start| {
            let rows = &rows[start..rows.len().min(start + BATCH_ROWS)];
            customers::batch(columns, &model, rows)
        });
        Self { schema, total, batches: Box::new(batches) }
    }

    /// A list of rows that are known beforehand.
    fn of_rows<R: Send + 'static>(model: Arc<Model>, columns: &'static [Column<R>], total: usize, rows: Vec<R>) -> Self {
        let batches = (0..rows.len()).step_by(BATCH_ROWS).map(move |start| {
            let rows = &rows[start..rows.len().min(start + BATCH_ROWS)];
            columns::batch(columns, &model, rows)
        });
        Self { schema: columns::schema(columns), total, batches: Box::new(batches) }
    }
}
