//! The basket: what goes with what lies in it already, and how likely each candidate is to join it.

use super::contest::Entrant;
use super::ranker::BASKET_FEATURES;
use super::scratch::Scratch;
use super::{Query, Recommender};
use crate::ItemIx;
use crate::items::NONE;
use crate::logistic::sigmoid;

/// Orders added to the denominator of a basket's confidence, so that a pair seen once proves little.
const BASKET_SHRINKAGE: f32 = 10.0;
/// Popular items that may join any basket.
const MAX_POPULAR: usize = 50;

impl Recommender {
    /// Visits every item that may join a basket, with the inputs of the basket head. Needs no prepared scratch.
    pub fn visit_basket(&self, query: &Query<'_>, scratch: &mut Scratch, mut visit: impl FnMut(ItemIx, &[f32; BASKET_FEATURES.len()])) {
        self.start(query, scratch);
        self.look_at_basket(query, scratch);
        self.score_customer(query, scratch);
        self.each_for_basket(query, scratch, |entrant, x| visit(entrant.item, x));
    }

    /// Visits the scored candidates, what the basket points to and what is popular, with the inputs of the basket head.
    fn each_for_basket(&self, query: &Query<'_>, scratch: &mut Scratch, mut visit: impl FnMut(&Entrant, &[f32; BASKET_FEATURES.len()])) {
        self.basket_candidates(query, scratch);
        let candidates = std::mem::take(&mut scratch.scored);
        for entrant in &candidates {
            visit(entrant, &self.basket_features(entrant, query.has_history(), query.context_len(), scratch));
        }
        scratch.scored = candidates;
    }

    /// Tallies what goes with the basket and what was looked at: noisy-or over the shrunk confidences of the items.
    pub(super) fn look_at_basket(&self, query: &Query<'_>, scratch: &mut Scratch) {
        scratch.basket_categories.reset(self.categories.names.len());
        for from in query.context() {
            scratch.basket_categories.add(self.categories.of[from.row()], 1.0, 1.0);
            let baskets = self.parts.items.baskets.value(from.row()) as f32 + BASKET_SHRINKAGE;
            for neighbour in self.parts.together.of(from) {
                let confidence = (neighbour.together as f32 / baskets).min(1.0);
                let tally = scratch.tally(neighbour.item);
                let first = tally.basket_pointing == 0;
                tally.basket_pointing += 1;
                tally.basket_cosine += neighbour.score;
                tally.basket_miss = (1.0 + tally.basket_miss) * (1.0 - confidence) - 1.0;
                if confidence > tally.basket_strongest {
                    (tally.basket_strongest, tally.basket_from, tally.basket_together) = (confidence, from.0, neighbour.together);
                }
                if first {
                    scratch.basket_touched.push(neighbour.item.0);
                }
            }
        }
    }

    /// Adds to the customer's candidates what the basket points to, what is popular among what the filter lets in, and what is boosted.
    fn basket_candidates(&self, query: &Query<'_>, scratch: &mut Scratch) {
        let recent_customers = self.parts.ranker.recent_customers.max(1) as f32;
        let touched = std::mem::take(&mut scratch.basket_touched);
        let popular = self.by_popularity(query).take(MAX_POPULAR);
        for item in touched.iter().copied().map(ItemIx).chain(popular).chain(self.boosted(query)) {
            if !scratch.tally(item).taken && self.eligible(item, query, scratch) {
                scratch.tally(item).taken = true;
                let share = (self.parts.items.recent_buyers.value(item.row()) as f32 + 0.5) / (recent_customers + 1.0);
                scratch.scored.push(Entrant { item, orders: 0, days_since_last: 0, log_odds: share.ln() });
            }
        }
        scratch.basket_touched = touched;
    }

    /// Scores what may join the basket: by the basket head where one was learned, else by noisy-or over the customer's own probability.
    pub(super) fn score_basket(&self, query: &Query<'_>, scratch: &mut Scratch) {
        let Some(judge) = &self.basket else {
            self.score_basket_by_counts(query, scratch);
            return;
        };
        let mut contest = std::mem::take(&mut scratch.basket_contest);
        contest.clear();
        self.each_for_basket(query, scratch, |entrant, x| contest.enter(*entrant, x, judge));
        contest.decide(judge);
        scratch.scored.clear();
        scratch.scored.extend_from_slice(&contest.entrants);
        scratch.basket_contest = contest;
    }

    fn score_basket_by_counts(&self, query: &Query<'_>, scratch: &mut Scratch) {
        let mut scored = std::mem::take(&mut scratch.scored);
        for entrant in &mut scored {
            let own = sigmoid(f64::from(entrant.log_odds)) as f32;
            entrant.log_odds = log_odds(1.0 - (1.0 - own) * (1.0 + scratch.tally(entrant.item).basket_miss));
        }
        for at in 0..scratch.basket_touched.len() {
            let item = ItemIx(scratch.basket_touched[at]);
            let tally = *scratch.tally(item);
            if !tally.taken && self.eligible(item, query, scratch) {
                scratch.tally(item).taken = true;
                scored.push(Entrant { item, orders: 0, days_since_last: 0, log_odds: log_odds(-tally.basket_miss) });
            }
        }
        scratch.scored = scored;
    }

    fn basket_features(&self, entrant: &Entrant, known: bool, size: usize, scratch: &mut Scratch) -> [f32; BASKET_FEATURES.len()] {
        let facts = &self.facts[entrant.item.row()];
        let tally = *scratch.tally(entrant.item);
        let flag = |yes: bool| f32::from(u8::from(yes));
        let category = self.categories.of[entrant.item.row()];
        let (category_share, category_items) = if category == NONE { (0.0, 0.0) } else { scratch.basket_categories.share(category) };
        [
            entrant.log_odds,
            flag(known),
            flag(entrant.orders > 0),
            flag(entrant.orders > 0 && entrant.days_since_last == 0),
            (-tally.basket_miss).max(0.0).sqrt(),
            tally.basket_strongest.sqrt(),
            tally.basket_cosine.sqrt(),
            tally.basket_pointing as f32 / size.max(1) as f32,
            category_share.sqrt(),
            category_items.ln_1p(),
            (size as f32).ln_1p(),
            facts.ln_recent_buyers,
            facts.ln_buyers,
            facts.ln_week_buyers,
            facts.repeat_rate,
        ]
    }
}

fn log_odds(p: f32) -> f32 {
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    (p / (1.0 - p)).ln()
}
