//! Choosing: the n best of the scored candidates, with the wanted diversity and novelty.

use std::cmp::Ordering;

use super::contest::Entrant;
use super::scratch::Scratch;
use super::{Query, Recommender};
use crate::items::NONE;
use crate::logistic::sigmoid;

/// Customers added to both sides of an item's share, so that an item nobody buys is not infinitely novel.
const NOVELTY_SHRINKAGE: f32 = 10.0;

impl Recommender {
    /// The `n` best candidates, best first, noted as shown; the others are free for the ladder again.
    pub(super) fn choose(&self, query: &Query<'_>, n: usize, scratch: &mut Scratch) -> Vec<Entrant> {
        let mut scored = std::mem::take(&mut scratch.scored);
        scored.iter().for_each(|entrant| scratch.tally(entrant.item).taken = false);
        let chosen = if query.diversity > 0.0 || query.novelty > 0.0 || query.max_per_category.is_some() {
            self.choose_widely(query, n, &mut scored, scratch)
        } else {
            if scored.len() > n && n > 0 {
                scored.select_nth_unstable_by(n - 1, best_first);
            }
            scored.truncate(n);
            scored.sort_unstable_by(best_first);
            scored.clone()
        };
        chosen.iter().for_each(|entrant| scratch.tally(entrant.item).taken = true);
        scored.clear();
        scratch.scored = scored;
        chosen
    }

    /// Takes the best of what is left, n times, each weighed by its novelty and by how many of its category were taken.
    fn choose_widely(&self, query: &Query<'_>, n: usize, scored: &mut Vec<Entrant>, scratch: &mut Scratch) -> Vec<Entrant> {
        let customers = self.parts.ranker.recent_customers as f32 + NOVELTY_SHRINKAGE;
        let share = |entrant: &Entrant| (self.parts.items.recent_buyers.value(entrant.item.row()) as f32 + NOVELTY_SHRINKAGE) / customers;
        scored.retain(|entrant| self.has_room(entrant.item, query, scratch));
        let mut ln_worth: Vec<f32> = scored
            .iter()
            .map(|entrant| (sigmoid(f64::from(entrant.log_odds)) as f32).max(f32::MIN_POSITIVE).ln() - query.novelty * share(entrant).ln())
            .collect();
        // a diversity of 1 puts every first item of a category before every second one
        let give_way = -(1.0 - query.diversity).max(1e-6).ln();
        let mut chosen: Vec<Entrant> = Vec::with_capacity(n.min(scored.len()));
        while chosen.len() < n && !scored.is_empty() {
            let order = |&a: &usize, &b: &usize| ln_worth[a].total_cmp(&ln_worth[b]).then(scored[b].item.cmp(&scored[a].item));
            let Some(best) = (0..scored.len()).max_by(order) else { break };
            let entrant = scored.swap_remove(best);
            ln_worth.swap_remove(best);
            // others of its category may have filled it since they were let in
            if !self.has_room(entrant.item, query, scratch) {
                continue;
            }
            let category = self.category_now(entrant.item, query);
            if category != NONE && query.diversity > 0.0 {
                for (other, ln_worth) in scored.iter().zip(&mut ln_worth) {
                    if self.category_now(other.item, query) == category {
                        *ln_worth -= give_way;
                    }
                }
            }
            self.note_shown(entrant.item, query, scratch);
            chosen.push(entrant);
        }
        chosen
    }
}

/// Better first; ties go to the lower id.
pub(super) fn best_first(a: &Entrant, b: &Entrant) -> Ordering {
    b.log_odds.total_cmp(&a.log_odds).then(a.item.cmp(&b.item))
}
