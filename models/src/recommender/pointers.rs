//! Pointers: the neighbours of every item and their scores alone, so that one item's are read in one go.

use crate::ItemIx;
use crate::co_purchase::CoPurchase;

/// Weaker neighbours point nowhere: a product of theirs with a weight may be 0 in single precision.
const LEAST_SCORE: f32 = 1e-9;

/// Made from the neighbours when a recommender is put together: 8 bytes a pair.
#[derive(Clone, Debug)]
pub(crate) struct Pointers {
    /// Where the neighbours of each item start.
    offsets: Vec<u32>,
    scores: Vec<(u32, f32)>,
}

impl Pointers {
    pub(crate) fn new(neighbours: &CoPurchase, items: usize) -> Self {
        let mut offsets = Vec::with_capacity(items + 1);
        let mut scores = Vec::with_capacity(neighbours.pairs());
        offsets.push(0);
        for item in (0..items as u32).map(ItemIx) {
            let strong = neighbours.of(item).filter(|neighbour| neighbour.score > LEAST_SCORE);
            scores.extend(strong.map(|neighbour| (neighbour.item.0, neighbour.score)));
            offsets.push(scores.len() as u32);
        }
        Self { offsets, scores }
    }

    /// The neighbours of an item.
    pub(crate) fn of(&self, item: ItemIx) -> &[(u32, f32)] {
        &self.scores[self.offsets[item.row()] as usize..self.offsets[item.row() + 1] as usize]
    }
}
