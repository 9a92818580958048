//! Pointers: the neighbours of every item by orders and by customers, side by side, so that one item's are read in one go.

use crate::ItemIx;
use crate::co_purchase::CoPurchase;

/// Made from the two lists when a recommender is put together: 16 bytes a pair of neighbours.
#[derive(Clone, Debug)]
pub(crate) struct Pointers {
    /// Where the neighbours by orders of each item start, where those by customers start, and so on.
    offsets: Vec<u32>,
    scores: Vec<(u32, f32)>,
}

impl Pointers {
    pub(crate) fn new(together: &CoPurchase, alike: &CoPurchase, items: usize) -> Self {
        let mut offsets = Vec::with_capacity(2 * items + 1);
        let mut scores = Vec::with_capacity(together.pairs() + alike.pairs());
        offsets.push(0);
        for item in (0..items as u32).map(ItemIx) {
            for list in [together, alike] {
                scores.extend(list.of(item).map(|neighbour| (neighbour.item.0, neighbour.score)));
                offsets.push(scores.len() as u32);
            }
        }
        Self { offsets, scores }
    }

    /// The neighbours of an item: by orders, by customers.
    pub(crate) fn of(&self, item: ItemIx) -> [&[(u32, f32)]; 2] {
        let at = |list: usize| self.offsets[2 * item.row() + list] as usize;
        [&self.scores[at(0)..at(1)], &self.scores[at(1)..at(2)]]
    }
}
