//! Insights: the rows of one that a question asks for, as a table.

use arrow::array::RecordBatch;
use shopkeeper_models::Model;
use shopkeeper_models::insights::{Insight, InsightQuery};

use super::List;

/// The rows that are asked for, and what is wrong with a question that cannot be answered.
pub fn insight(model: &Model, insight: &Insight, query: &InsightQuery) -> Result<RecordBatch, String> {
    model.insights.query(insight, query, &model.segments.segment_id)
}

/// The same as a list.
pub fn insight_list(batch: RecordBatch) -> List {
    List { schema: batch.schema(), total: batch.num_rows(), batches: Box::new(std::iter::once(batch)) }
}
