//! The recommender: what a shopper will want next.
//!
//! Candidates come from the customer's own history and from the neighbours of what they bought; each is scored as a
//! probability by the [`Ranker`]; a basket raises what goes with it; a ladder of segment favourites, the customer's category and
//! the shop's popular items fills the rest, so that exactly n items come back whenever n are eligible.
//! [`Recommender::recommend`] is the one path: the server, the export and the evaluation all call it.

mod query;
mod ranker;
mod related;
mod scratch;
mod signals;

use arrow::array::{Float64Array, UInt16Array, UInt32Array};

pub use query::{Answer, MAX_N, Purchased, Query, Reason, Recommendation, Source};
pub use ranker::{EXPLORE_FEATURES, REPEAT_FEATURES, Ranker};
pub use related::{Evidence, Related, Relation};
pub use scratch::Scratch;
pub use signals::{Candidate, Features};

use crate::affinity::Affinity;
use crate::co_purchase::{Association, CoPurchase};
use crate::histories::Histories;
use crate::items::{Groups, Items, NONE};
use crate::logistic::sigmoid;
use crate::segments::Favourites;
use crate::{CustomerIx, ItemIx};

/// Orders added to the denominator of a basket's confidence, so that a pair seen once proves little.
const BASKET_SHRINKAGE: f32 = 10.0;

/// What the recommender is put together from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Every item.
    pub items: Items,
    /// What each customer bought.
    pub histories: Histories,
    /// Orders of each customer.
    pub orders: UInt32Array,
    /// Days since the last order of each customer.
    pub days_since_last: UInt32Array,
    /// Typical days between purchases of each customer.
    pub gap_days: Float64Array,
    /// Items that share orders.
    pub together: CoPurchase,
    /// Items that share customers.
    pub alike: CoPurchase,
    /// What a linear item model says of each customer; empty lists where it was not fitted.
    pub affinity: Affinity,
    /// The segment of each customer and what it likes; none while the weights are being learned.
    pub segments: Option<(UInt16Array, Favourites)>,
    /// The learned weights.
    pub ranker: Ranker,
}

/// A fitted recommender, ready to answer.
#[derive(Clone, Debug)]
pub struct Recommender {
    parts: Parts,
    categories: Groups,
    brands: Groups,
    /// Every item, most popular first.
    popular: Vec<ItemIx>,
    /// The members of each category, most popular first.
    category_popular: Vec<Vec<ItemIx>>,
    facts: Vec<signals::ItemFacts>,
    repeat: signals::Weighing<{ REPEAT_FEATURES.len() }>,
    explore: signals::Weighing<{ EXPLORE_FEATURES.len() }>,
}

impl Recommender {
    /// Derives the lookups that scoring needs. The parts must have been checked against each other.
    pub fn new(parts: Parts) -> Self {
        let items = &parts.items;
        let mut popular: Vec<ItemIx> = (0..items.len() as u32).map(ItemIx).collect();
        popular.sort_by_key(|item| {
            std::cmp::Reverse((items.recent_buyers.value(item.row()), items.buyers.value(item.row()), items.baskets.value(item.row())))
        });
        let categories = Groups::new(&items.category);
        let mut category_popular = vec![Vec::new(); categories.names.len()];
        for &item in &popular {
            if let Some(members) = category_popular.get_mut(categories.of[item.row()] as usize) {
                members.push(item);
            }
        }
        Self {
            facts: signals::ItemFacts::of_all(items, &parts.ranker),
            repeat: signals::Weighing::new(&parts.ranker.repeat),
            explore: signals::Weighing::new(&parts.ranker.explore),
            brands: Groups::new(&items.brand),
            categories,
            popular,
            category_popular,
            parts,
        }
    }

    /// The same recommender with other weights.
    pub fn with_ranker(self, ranker: Ranker) -> Self {
        Self::new(Parts { ranker, ..self.parts })
    }

    /// What it was put together from.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The categories of the items.
    pub fn categories(&self) -> &Groups {
        &self.categories
    }

    /// Every item, most popular first: by buyers in the last four weeks, then of all time, then by id.
    pub fn popular(&self) -> &[ItemIx] {
        &self.popular
    }

    /// The items of a category, most popular first.
    pub fn popular_in(&self, category: u32) -> &[ItemIx] {
        &self.category_popular[category as usize]
    }

    /// How strongly two items go together in orders.
    pub fn association(&self, first: ItemIx, second: ItemIx, together: u32) -> Association {
        let baskets = |item: ItemIx| self.parts.items.baskets.value(item.row());
        Association::new(together, baskets(first), baskets(second), self.parts.ranker.orders)
    }

    /// Answers a question with exactly `query.n` items whenever so many are eligible. Deterministic; ties go to the lower id.
    pub fn recommend(&self, query: &Query<'_>, scratch: &mut Scratch) -> Answer {
        self.start(query, scratch);
        self.look_at_basket(query.basket, scratch);
        if let Some(customer) = query.customer {
            self.score_customer(customer, query, scratch);
        }
        self.score_rest_of_basket(query, scratch);
        let mut items = std::mem::take(&mut scratch.scored);
        let own = items.iter().any(|entry| matches!(entry.source, Source::Repeat | Source::CoPurchase));
        let order = |a: &Recommendation, b: &Recommendation| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item));
        if items.len() > query.n && query.n > 0 {
            items.select_nth_unstable_by(query.n - 1, order);
        }
        items.truncate(query.n);
        items.sort_unstable_by(order);
        let before = items.len();
        let mut answer = items.clone();
        items.clear();
        scratch.scored = items;
        answer.iter().for_each(|entry| scratch.tally(entry.item).taken = true);
        let ladder = self.fill(query, &mut answer, scratch);
        let fallback = if own {
            None
        } else if before > 0 {
            Some(answer[0].source)
        } else {
            ladder
        };
        Answer { items: answer, fallback }
    }

    /// Blocks what must not be shown.
    fn start(&self, query: &Query<'_>, scratch: &mut Scratch) {
        scratch.reset(self.parts.items.len());
        for &item in query.basket.iter().chain(query.exclude) {
            scratch.tally(item).blocked = true;
        }
        if let (Purchased::Exclude, Some(customer)) = (query.purchased, query.customer) {
            for &item in self.parts.histories.items(customer) {
                scratch.tally(ItemIx(item)).blocked = true;
            }
        }
    }

    /// Whether the rules let an item into the answer.
    fn eligible(&self, item: ItemIx, query: &Query<'_>, scratch: &mut Scratch) -> bool {
        let in_category = query.category.is_none_or(|category| self.categories.of[item.row()] == category);
        in_category && self.parts.items.available.value(item.row()) && !scratch.tally(item).blocked
    }

    /// Tallies what goes with the basket: noisy-or over the shrunk confidences of its items.
    fn look_at_basket(&self, basket: &[ItemIx], scratch: &mut Scratch) {
        for &from in basket {
            let baskets = self.parts.items.baskets.value(from.row()) as f32 + BASKET_SHRINKAGE;
            for neighbour in self.parts.together.of(from) {
                let confidence = (neighbour.together as f32 / baskets).min(1.0);
                let tally = scratch.tally(neighbour.item);
                let first = tally.basket_miss == 0.0;
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

    /// Scores the customer's own items and the neighbours of those.
    fn score_customer(&self, customer: CustomerIx, query: &Query<'_>, scratch: &mut Scratch) {
        let repeat = query.purchased == Purchased::Include;
        let mut candidates = std::mem::take(&mut scratch.scored);
        self.candidates(customer, repeat, scratch, |candidate, scratch| {
            if !self.eligible(candidate.item, query, scratch) {
                return;
            }
            let tally = *scratch.tally(candidate.item);
            let (log_odds, source, mut reason) = match candidate.features {
                Features::Repeat(x) => (
                    self.repeat.log_odds(&x),
                    Source::Repeat,
                    Reason::BoughtBefore { orders: candidate.orders, days_since_last: candidate.days_since_last },
                ),
                Features::Explore(x) => (self.explore.log_odds(&x), Source::CoPurchase, self.neighbour_reason(candidate.item, &tally)),
            };
            let mut source = if matches!(reason, Reason::Popular { .. }) { Source::Popular } else { source };
            let probability = sigmoid(f64::from(log_odds)) as f32;
            let with_basket = -tally.basket_miss;
            if with_basket > probability {
                (source, reason) = (Source::Basket, self.basket_reason(candidate.item, &tally));
            }
            scratch.tally(candidate.item).taken = true;
            candidates.push(Recommendation {
                item: candidate.item,
                score: 1.0 - (1.0 - probability) * (1.0 - with_basket),
                source,
                reason,
            });
        });
        scratch.scored = candidates;
    }

    /// Scores what goes with the basket and was no candidate of the customer.
    fn score_rest_of_basket(&self, query: &Query<'_>, scratch: &mut Scratch) {
        for at in 0..scratch.basket_touched.len() {
            let item = ItemIx(scratch.basket_touched[at]);
            let tally = *scratch.tally(item);
            if tally.taken || !self.eligible(item, query, scratch) {
                continue;
            }
            let reason = self.basket_reason(item, &tally);
            scratch.scored.push(Recommendation { item, score: -tally.basket_miss, source: Source::Basket, reason });
        }
    }

    fn basket_reason(&self, item: ItemIx, tally: &scratch::Tally) -> Reason {
        let from = ItemIx(tally.basket_from);
        let baskets = tally.basket_together;
        Reason::BoughtWith { item: from, baskets, lift: self.association(from, item, baskets).lift }
    }

    fn neighbour_reason(&self, item: ItemIx, tally: &scratch::Tally) -> Reason {
        let from = ItemIx(tally.from);
        let neighbours = if tally.from_orders { &self.parts.together } else { &self.parts.alike };
        let found = (tally.strongest > 0.0).then(|| neighbours.of(from).find(|neighbour| neighbour.item == item)).flatten();
        match found {
            Some(neighbour) if tally.from_orders => {
                Reason::BoughtWith { item: from, baskets: neighbour.together, lift: self.association(from, item, neighbour.together).lift }
            }
            Some(neighbour) => Reason::BoughtByTheSameCustomers { item: from, customers: neighbour.together },
            None => self.popular_reason(item),
        }
    }

    fn popular_reason(&self, item: ItemIx) -> Reason {
        Reason::Popular { recent_buyers: self.parts.items.recent_buyers.value(item.row()) }
    }

    /// Fills the answer up to n: segment favourites, the asked or the customer's first category, the shop's popular items. Returns the first rung used.
    fn fill(&self, query: &Query<'_>, answer: &mut Vec<Recommendation>, scratch: &mut Scratch) -> Option<Source> {
        if answer.len() >= query.n {
            return None;
        }
        let mut first = None;
        let mut add = |item: ItemIx, share: f32, source: Source, reason: Reason, scratch: &mut Scratch| {
            if !scratch.tally(item).taken && self.eligible(item, query, scratch) {
                scratch.tally(item).taken = true;
                first.get_or_insert(source);
                let ceiling = answer.last().map_or(1.0, |last| last.score);
                answer.push(Recommendation { item, score: share.min(ceiling), source, reason });
            }
            answer.len() >= query.n
        };
        if let (Some(customer), Some((segment_of, favourites))) = (query.customer, &self.parts.segments) {
            let segment = segment_of.value(customer.row()) as usize;
            for (item, buyers) in favourites.of(segment) {
                let share = buyers as f32 / self.parts.ranker.customers.max(1) as f32;
                if add(item, share, Source::Segment, Reason::SegmentFavourite { segment, buyers }, scratch) {
                    return first;
                }
            }
        }
        let recent_customers = self.parts.ranker.recent_customers.max(1) as f32;
        let share = |item: ItemIx| self.parts.items.recent_buyers.value(item.row()) as f32 / recent_customers;
        let usual = query.customer.and_then(|_| scratch.categories.heaviest()).filter(|_| query.category.is_none());
        for &item in query.category.or(usual).map_or(&[][..], |category| self.popular_in(category)) {
            if add(item, share(item), Source::Category, self.popular_reason(item), scratch) {
                return first;
            }
        }
        if query.category.is_none() {
            for &item in &self.popular {
                if add(item, share(item), Source::Popular, self.popular_reason(item), scratch) {
                    break;
                }
            }
        }
        first
    }

    /// The category of an item, if it has one.
    pub fn category_of(&self, item: ItemIx) -> Option<&str> {
        match self.categories.of[item.row()] {
            NONE => None,
            category => Some(&self.categories.names[category as usize]),
        }
    }

    /// How many customers it knows.
    pub fn customers(&self) -> usize {
        self.parts.orders.len()
    }
}
