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

/// Finds the row of an id in a step or two where a binary search among millions waits for memory twenty times: open addressing over row numbers.
#[derive(Clone, Debug)]
pub struct IdIndex {
    /// Row + 1 by hash, 0 = nobody; a power of two, at most half full.
    slots: Vec<u32>,
}

impl IdIndex {
    /// Of a column of distinct ids.
    pub fn new(ids: &StringArray) -> Self {
        let mut slots = vec![0; (2 * ids.len()).next_power_of_two().max(2)];
        for row in 0..ids.len() {
            let mut at = hash(ids.value(row)) as usize & (slots.len() - 1);
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = row as u32 + 1;
        }
        Self { slots }
    }

    /// The row of `id` in the column that it was made of.
    pub fn find(&self, ids: &StringArray, id: &str) -> Option<u32> {
        let mut at = hash(id) as usize & (self.slots.len() - 1);
        loop {
            let row = self.slots[at].checked_sub(1)?;
            if ids.value(row as usize) == id {
                return Some(row);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

/// FNV-1a over eight bytes at a time, stirred at the end.
fn hash(id: &str) -> u64 {
    let (whole, rest) = id.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mixed = whole.iter().chain([&last]).fold(0xcbf2_9ce4_8422_2325 ^ id.len() as u64, |hash, chunk| {
        (hash ^ u64::from_le_bytes(*chunk)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Refuses an id column that is not strictly ascending (binary search would miss ids).
pub(crate) fn check_ascending(file: &str, ids: &StringArray) -> Result<(), ModelError> {
    match (1..ids.len()).find(|&row| ids.value(row - 1) >= ids.value(row)) {
        Some(row) => Err(ModelError::corrupt(file, format!("ids out of order at row {row}"), "ids in strictly ascending order")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_finds_what_is_there_and_nothing_else() {
        let ids: StringArray = (0..5_000)
            .map(|at| Some(format!("c{at:07}")))
            .chain(["", "é", "a longer id of several words"].map(|id| Some(id.to_owned())))
            .collect();
        let index = IdIndex::new(&ids);
        for row in 0..ids.len() {
            assert_eq!(index.find(&ids, ids.value(row)), Some(row as u32));
        }
        assert!(["c", "c0005000", "a longer id of several word", "e"].iter().all(|id| index.find(&ids, id).is_none()));
        let nobody = StringArray::from(Vec::<&str>::new());
        assert_eq!(IdIndex::new(&nobody).find(&nobody, "c"), None);
    }
}
