//! Co-purchase: which items share orders, with the counts that are the evidence.

use arrow::array::{Float32Array, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use std::sync::Arc;

use crate::table::{batch, check_bounds, column, list_of_structs, list_parts, row_range};
use crate::{ItemIx, ModelError};

/// The top neighbours of every item, best first, as compressed sparse rows.
///
/// Made from orders it is *bought together*; made from customers it is *bought by the same customers*.
#[derive(Clone, Debug)]
pub struct CoPurchase {
    offsets: OffsetBuffer<i32>,
    item: UInt32Array,
    together: UInt32Array,
    score: Float32Array,
}

/// One neighbour of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The other item.
    pub item: ItemIx,
    /// Orders (or customers) that hold both.
    pub together: u32,
    /// Shrunk cosine, 0 to 1: together / (sqrt(n_a n_b) + shrinkage).
    pub score: f32,
}

/// How strongly two items go together, from counts over `total` orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Association {
    /// Share of all orders that hold both, 0 to 1.
    pub support: f64,
    /// Share of the orders with the first that hold the second, 0 to 1.
    pub confidence: f64,
    /// Confidence over the share expected by chance; 1 = independent.
    pub lift: f64,
}

impl Association {
    /// From the orders with both, with the first, with the second, and in all. Zero counts give zeros.
    pub fn new(both: u32, first: u32, second: u32, total: u64) -> Self {
        let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
        let (both, first, second, total) = (f64::from(both), f64::from(first), f64::from(second), total as f64);
        let confidence = ratio(both, first);
        Self { support: ratio(both, total), confidence, lift: ratio(confidence * total, second) }
    }
}

impl CoPurchase {
    /// From the neighbours of each item, best first.
    pub fn new(rows: &[Vec<Neighbour>]) -> Self {
        let all = || rows.iter().flatten();
        Self {
            offsets: crate::table::offsets(rows.iter().map(Vec::len)),
            item: all().map(|n| n.item.0).collect::<Vec<_>>().into(),
            together: all().map(|n| n.together).collect::<Vec<_>>().into(),
            score: all().map(|n| n.score).collect::<Vec<_>>().into(),
        }
    }

    /// The neighbours of an item, best first.
    pub fn of(&self, item: ItemIx) -> impl ExactSizeIterator<Item = Neighbour> + '_ {
        row_range(&self.offsets, item.row()).map(|at| Neighbour {
            item: ItemIx(self.item.value(at)),
            together: self.together.value(at),
            score: self.score.value(at),
        })
    }

    /// How many pairs are kept.
    pub fn pairs(&self) -> usize {
        self.item.values().len()
    }

    /// The table to write: one row an item.
    pub fn to_batch(&self) -> RecordBatch {
        let fields: Vec<(&str, arrow::array::ArrayRef)> = vec![
            ("item", Arc::new(self.item.clone())),
            ("together", Arc::new(self.together.clone())),
            ("score", Arc::new(self.score.clone())),
        ];
        batch(vec![("neighbours", false, Arc::new(list_of_structs(self.offsets.clone(), fields)))])
    }

    /// The table that was read, for a model of `items` items.
    pub fn from_batch(file: &str, table: &RecordBatch, items: usize) -> Result<Self, ModelError> {
        let (offsets, entries) = list_parts(file, &column(file, table, "neighbours")?)?;
        if offsets.len() != items + 1 {
            return Err(ModelError::corrupt(file, format!("{} rows", offsets.len() - 1), format!("{items}, one an item")));
        }
        let item = column(file, &entries, "item")?;
        check_bounds(file, "neighbours.item", &item, items)?;
        Ok(Self { offsets, item, together: column(file, &entries, "together")?, score: column(file, &entries, "score")? })
    }
}
