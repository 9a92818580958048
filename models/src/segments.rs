//! Segments: clusters of customers by behaviour.

use arrow::array::{Array, Float64Array, ListArray, StringArray, UInt32Array};

use crate::table::{check_bounds, list_parts, row_range, table};
use crate::{ItemIx, ModelError};

table! {
    /// One row a segment, largest expected value per customer first.
    pub struct Segments in "segments.arrow" {
        /// Stable id, such as `s1`.
        pub segment_id: StringArray,
        /// Short readable name.
        pub name: StringArray,
        /// What sets it apart, in a sentence.
        pub description: StringArray,
        /// Customers in it.
        pub customers: UInt32Array,
        /// Mean purchase days; this and the other means are over the customers with an order.
        pub mean_purchase_days: Float64Array,
        /// Mean days since the last purchase.
        pub mean_days_since_last: Float64Array,
        /// Mean spend.
        pub mean_spend: Float64Array,
        /// Mean churn probability; 0 when churn was not fitted.
        pub mean_churn_probability: Float64Array,
        /// Most bought items of its customers lately: list of (item, buyers), most buyers first.
        pub favourites: ListArray,
    }
}

/// The favourites of every segment, unpacked.
#[derive(Clone, Debug)]
pub struct Favourites {
    offsets: arrow::buffer::OffsetBuffer<i32>,
    item: UInt32Array,
    buyers: UInt32Array,
}

impl Segments {
    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.segment_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of the segment with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        (0..self.len()).find(|&row| self.segment_id.value(row) == id)
    }

    /// The favourites, checked against the number of items.
    pub fn favourites(&self, items: usize) -> Result<Favourites, ModelError> {
        let (offsets, entries) = list_parts(Self::FILE, &self.favourites)?;
        let item: UInt32Array = crate::table::column(Self::FILE, &entries, "item")?;
        check_bounds(Self::FILE, "favourites.item", &item, items)?;
        Ok(Favourites { offsets, item, buyers: crate::table::column(Self::FILE, &entries, "buyers")? })
    }
}

impl Favourites {
    /// The favourites of a segment: item and how many of the segment's customers bought it lately, most first.
    pub fn of(&self, segment: usize) -> impl Iterator<Item = (ItemIx, u32)> + '_ {
        row_range(&self.offsets, segment).map(|at| (ItemIx(self.item.value(at)), self.buyers.value(at)))
    }
}
