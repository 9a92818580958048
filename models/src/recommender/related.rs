//! Related items: what goes with one item, whoever asks.

use serde::{Deserialize, Serialize};

use super::{Query, Recommender, Scratch, complements, substitutes};
use crate::ItemIx;
use crate::catalogue::Catalogue;
use crate::co_purchase::Association;

/// In which way two items are related.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// They share orders.
    #[default]
    BoughtTogether,
    /// They share customers.
    Similar,
    /// The one may be bought instead of the other.
    Substitutes,
    /// The one is bought beside the other.
    Complements,
}

/// The evidence that an item is related.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// Orders that hold both.
    BoughtTogether {
        /// How many.
        baskets: u32,
        /// How strongly, seen from the item that was asked about.
        association: Association,
    },
    /// Customers who bought both.
    Similar {
        /// How many.
        customers: u32,
    },
    /// It serves the same end: same category, customers and price, but seldom in one order.
    Substitute(substitutes::Likeness),
    /// None: it is popular in the same category.
    Category {
        /// Customers who bought it lately.
        recent_buyers: u32,
    },
    /// None: it is popular in the shop.
    Popular {
        /// Customers who bought it lately.
        recent_buyers: u32,
    },
}

/// One related item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Related {
    /// The item.
    pub item: ItemIx,
    /// Shrunk cosine of the two items; of a complement how far above chance, of a substitute how much alike; the share of recent customers for
    /// an item without evidence. 0 to 1, never rising.
    pub score: f32,
    /// Why it is here.
    pub evidence: Evidence,
}

impl Recommender {
    /// The items most related to one item, best first: its neighbours, then what is popular in its category, then in the shop, so that
    /// `n` come back whenever `n` other items are available, by the catalogue `now` or else the model's. An unknown item (`None`) starts at the popular ones.
    pub fn related(
        &self,
        item: Option<ItemIx>,
        relation: Relation,
        n: usize,
        now: Option<&Catalogue>,
        scratch: &mut Scratch,
    ) -> Vec<Related> {
        let query = Query { exclude: item.as_slice(), catalogue: now, n, ..Query::default() };
        self.start(&query, scratch);
        let mut related: Vec<Related> = Vec::with_capacity(n.min(self.parts.items.len()));
        let mut add = |item: ItemIx, score: f32, evidence: Evidence| {
            let full = related.len() >= n;
            if !full && !scratch.tally(item).taken && self.eligible(item, &query, scratch) {
                scratch.tally(item).taken = true;
                let ceiling = related.last().map_or(1.0, |last| last.score);
                related.push(Related { item, score: score.min(ceiling), evidence });
            }
            !full
        };
        if let Some(item) = item {
            self.neighbours(item, relation, &query, &mut add);
        }
        let buyers = |item: ItemIx| self.parts.items.recent_buyers.value(item.row());
        let category = item.and_then(|item| self.category_popular.get(self.category_now(item, &query) as usize));
        // what is popular in the same category goes beside nothing of it
        let category = category.filter(|_| relation != Relation::Complements);
        for &other in category.map_or(&[][..], Vec::as_slice) {
            if !add(other, self.popularity(other), Evidence::Category { recent_buyers: buyers(other) }) {
                return related;
            }
        }
        for &other in &self.popular {
            if !add(other, self.popularity(other), Evidence::Popular { recent_buyers: buyers(other) }) {
                break;
            }
        }
        related
    }

    fn neighbours(&self, item: ItemIx, relation: Relation, query: &Query<'_>, add: &mut impl FnMut(ItemIx, f32, Evidence) -> bool) {
        match relation {
            Relation::BoughtTogether => self.parts.together.of(item).for_each(|neighbour| {
                let association = self.association(item, neighbour.item, neighbour.together);
                add(neighbour.item, neighbour.score, Evidence::BoughtTogether { baskets: neighbour.together, association });
            }),
            Relation::Similar => self.parts.alike.of(item).for_each(|neighbour| {
                add(neighbour.item, neighbour.score, Evidence::Similar { customers: neighbour.together });
            }),
            Relation::Complements => complements::of(self, item, query).into_iter().for_each(|(score, neighbour)| {
                let association = self.association(item, neighbour.item, neighbour.together);
                add(neighbour.item, score, Evidence::BoughtTogether { baskets: neighbour.together, association });
            }),
            Relation::Substitutes => substitutes::of(self, item, query).into_iter().for_each(|(score, other, likeness)| {
                add(other, score, Evidence::Substitute(likeness));
            }),
        }
    }
}
