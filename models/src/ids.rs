//! Customer and item ids: strings outside, row numbers inside one model.

use arrow::array::{Array, StringArray};

use crate::ModelError;

/// The longest id accepted, in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// Row of an item in the model that made it; meaningless in any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemIx(pub u32);

/// Row of a customer in the model that made it; meaningless in any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerIx(pub u32);

impl ItemIx {
    /// The row number.
    pub fn row(self) -> usize {
        self.0 as usize
    }
}

impl CustomerIx {
    /// The row number.
    pub fn row(self) -> usize {
        self.0 as usize
    }
}

/// The row of `id` in an ascending id column, by binary search.
pub(crate) fn find(ids: &StringArray, id: &str) -> Option<u32> {
    let (mut low, mut high) = (0, ids.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match ids.value(middle).cmp(id) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle as u32),
        }
    }
    None
}

/// Refuses an id column that is not strictly ascending (binary search would miss ids).
pub(crate) fn check_ascending(file: &str, ids: &StringArray) -> Result<(), ModelError> {
    match (1..ids.len()).find(|&row| ids.value(row - 1) >= ids.value(row)) {
        Some(row) => Err(ModelError::corrupt(file, format!("ids out of order at row {row}"), "ids in strictly ascending order")),
        None => Ok(()),
    }
}
