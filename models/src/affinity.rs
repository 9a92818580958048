//! Affinity: how much a linear model expects each customer to want their own items and the best of the others. One is of all they bought
//! (EASE; Steck 2019, Embarrassingly Shallow Autoencoders for Sparse Data, equation 8), one of what customers like them bought lately.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;

use crate::table::{batch, check_bounds, column, list_of_structs, list_parts, row_range};
use crate::{CustomerIx, ItemIx, ModelError};

/// Every customer's scored items, ascending by item, as compressed sparse rows.
#[derive(Clone, Debug)]
pub struct Affinity {
    offsets: OffsetBuffer<i32>,
    item: UInt32Array,
    score: Float32Array,
}

impl Affinity {
    /// From the scored items of each customer, ascending by item.
    pub fn new(rows: &[Vec<(ItemIx, f32)>]) -> Self {
        Self {
            offsets: crate::table::offsets(rows.iter().map(Vec::len)),
            item: rows.iter().flatten().map(|(item, _)| item.0).collect::<Vec<_>>().into(),
            score: rows.iter().flatten().map(|(_, score)| *score).collect::<Vec<_>>().into(),
        }
    }

    /// The scored items of a customer. About 0 = no sign of interest, about 1 = like an item they have; may be negative.
    pub fn of(&self, customer: CustomerIx) -> impl ExactSizeIterator<Item = (ItemIx, f32)> + '_ {
        row_range(&self.offsets, customer.row()).map(|at| (ItemIx(self.item.value(at)), self.score.value(at)))
    }

    /// Whether nothing was scored.
    pub fn is_empty(&self) -> bool {
        self.item.values().is_empty()
    }

    /// The table to write: one row a customer.
    pub fn to_batch(&self) -> RecordBatch {
        let fields: Vec<(&str, ArrayRef)> = vec![("item", Arc::new(self.item.clone())), ("score", Arc::new(self.score.clone()))];
        batch(vec![("scored", false, Arc::new(list_of_structs(self.offsets.clone(), fields)))])
    }

    /// The table that was read, for a model of so many customers and items.
    pub fn from_batch(file: &str, table: &RecordBatch, customers: usize, items: usize) -> Result<Self, ModelError> {
        let (offsets, entries) = list_parts(file, &column(file, table, "scored")?)?;
        if offsets.len() != customers + 1 {
            return Err(ModelError::corrupt(file, format!("{} rows", offsets.len() - 1), format!("{customers}, one a customer")));
        }
        let item = column(file, &entries, "item")?;
        check_bounds(file, "scored.item", &item, items)?;
        Ok(Self { offsets, item, score: column(file, &entries, "score")? })
    }
}
