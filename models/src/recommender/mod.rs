//! The recommender: what a shopper will want next.
//!
//! Candidates come from the customer's own history and from the neighbours of what they bought; each is scored as a
//! probability by the [`Ranker`]; with a basket its third head scores them again as what may join it; a ladder of segment favourites, the customer's category and
//! the shop's popular items fills the rest, so that exactly n items come back whenever n are eligible.
//! [`Recommender::recommend`] is the one path: the server, the export and the evaluation all call it.

mod audience;
mod basket;
mod categories;
mod choose;
mod complements;
mod contest;
mod filter;
mod fresh;
mod pointers;
mod query;
mod ranker;
mod related;
mod rules;
mod scratch;
mod shortlist;
mod signals;
mod substitutes;
mod trees;
mod why;

use arrow::array::{Float64Array, UInt16Array, UInt32Array};

pub use audience::{Likely, Wanted};
pub use categories::{Categories, canonical};
pub use filter::{Filter, Unmet};
pub use fresh::{Fresh, FreshPurchase};
pub use query::{Answer, MAX_N, Query, Reason, Recommendation, Source};
pub use ranker::{BASKET_FEATURES, EXPLORE_FEATURES, FINALISTS, Head, REPEAT_FEATURES, Ranker};
pub use related::{Evidence, Related, Relation};
pub use rules::{BOOSTS, Boost, Purchased, Target};
pub use scratch::Scratch;
pub use signals::{Candidate, Features};
pub use substitutes::Likeness;
pub use trees::Trees;
pub use why::{Rule, Verdict, Why};

use contest::{Entrant, Judge};

use crate::ItemIx;
use crate::affinity::Affinity;
use crate::co_purchase::{Association, CoPurchase};
use crate::factors::Factors;
use crate::histories::Histories;
use crate::items::{Groups, Items};
use crate::logistic::sigmoid;
use crate::segments::Favourites;
use crate::shortlists::Shortlists;

/// More popular items than this are looked at before a stranger's answer is put in order, so that a basket or an exclusion leaves enough.
const MOST_BLOCKED: usize = 100;

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
    /// What customers like each customer bought lately; empty lists where it was not fitted.
    pub lately: Affinity,
    /// Where each customer lies; all at 0 where no factors were fitted.
    pub customer_factors: Factors,
    /// Where each item lies.
    pub item_factors: Factors,
    /// The segment of each customer and what it likes; none while the weights are being learned.
    pub segments: Option<(UInt16Array, Favourites)>,
    /// The learned weights.
    pub ranker: Ranker,
    /// What each customer would be shown first; none while the weights are being learned, and in versions that were fitted without.
    pub shortlists: Option<Shortlists>,
}

/// A fitted recommender, ready to answer.
#[derive(Clone, Debug)]
pub struct Recommender {
    parts: Parts,
    categories: Groups,
    category_tree: Categories,
    brands: Groups,
    /// Every item, most popular first, and the place of each item in it.
    popular: Vec<ItemIx>,
    place: Vec<u32>,
    /// The members of each category and each brand, most popular first.
    category_popular: Vec<Vec<ItemIx>>,
    brand_popular: Vec<Vec<ItemIx>>,
    /// Every item with a price, cheapest first.
    by_price: Vec<ItemIx>,
    pointers: pointers::Pointers,
    facts: Vec<signals::ItemFacts>,
    /// Typical days between purchases of a customer of whom nothing is known.
    usual_gap: f32,
    repeat: Judge<{ REPEAT_FEATURES.len() }>,
    explore: Judge<{ EXPLORE_FEATURES.len() }>,
    basket: Option<Judge<{ BASKET_FEATURES.len() }>>,
}

impl Recommender {
    /// Derives the lookups that scoring needs. The parts must have been checked against each other.
    pub fn new(parts: Parts) -> Self {
        let items = &parts.items;
        let mut popular: Vec<ItemIx> = (0..items.len() as u32).map(ItemIx).collect();
        popular.sort_by_key(|item| {
            std::cmp::Reverse((items.recent_buyers.value(item.row()), items.buyers.value(item.row()), items.baskets.value(item.row())))
        });
        let mut place = vec![0; popular.len()];
        popular.iter().zip(0..).for_each(|(item, at)| place[item.row()] = at);
        let (categories, brands) = (Groups::new(&items.category), Groups::new(&items.brand));
        let mut by_price: Vec<(f64, ItemIx)> = popular.iter().filter_map(|&item| Some((items.price.get(item.row())?, item))).collect();
        by_price.sort_by(|a, b| a.0.total_cmp(&b.0));
        // where every order holds one item, customers tell what goes with what
        let neighbours = if parts.together.pairs() > 0 { &parts.together } else { &parts.alike };
        Self {
            pointers: pointers::Pointers::new(neighbours, items.len()),
            facts: signals::ItemFacts::of_all(items, &parts.ranker),
            usual_gap: fresh::usual_gap(&parts.gap_days),
            repeat: Judge::new(&parts.ranker.repeat),
            explore: Judge::new(&parts.ranker.explore),
            basket: parts.ranker.basket.as_ref().map(Judge::new),
            category_popular: members(&categories, &popular),
            brand_popular: members(&brands, &popular),
            by_price: by_price.into_iter().map(|(_, item)| item).collect(),
            category_tree: Categories::new(&categories),
            brands,
            categories,
            popular,
            place,
            parts,
        }
    }

    /// The same recommender with other weights.
    pub fn with_ranker(self, ranker: Ranker) -> Self {
        Self::new(Parts { ranker, shortlists: None, ..self.parts })
    }

    /// What it was put together from.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The categories of the items.
    pub fn categories(&self) -> &Groups {
        &self.categories
    }

    /// The tree that the categories of the items make.
    pub fn category_tree(&self) -> &Categories {
        &self.category_tree
    }

    /// The brands of the items.
    pub fn brands(&self) -> &Groups {
        &self.brands
    }

    /// Every item, most popular first: by buyers in the last four weeks, then of all time, then by id.
    pub fn popular(&self) -> &[ItemIx] {
        &self.popular
    }

    /// The place of an item among all by popularity, from 0.
    pub fn place(&self, item: ItemIx) -> u32 {
        self.place[item.row()]
    }

    /// The items of a range of categories as the model has them, most popular first.
    pub fn popular_within(&self, range: &std::ops::Range<u32>) -> impl Iterator<Item = ItemIx> + '_ {
        self.merge(self.lists_within(range, None))
    }

    /// How strongly two items go together in orders.
    pub fn association(&self, first: ItemIx, second: ItemIx, together: u32) -> Association {
        let baskets = |item: ItemIx| self.parts.items.baskets.value(item.row());
        Association::new(together, baskets(first), baskets(second), self.parts.ranker.orders)
    }

    /// Answers a question with exactly `query.n` items whenever so many are eligible. Deterministic; ties go to the lower id.
    pub fn recommend(&self, query: &Query<'_>, scratch: &mut Scratch) -> Answer {
        if let Some(answer) = self.answer_of_shortlist(query) {
            return answer;
        }
        self.start(query, scratch);
        let mut answer = self.pin(query, scratch);
        let pinned = answer.len();
        self.look_at_basket(query, scratch);
        self.score_customer(query, scratch);
        if query.context_len() > 0 {
            self.score_basket(query, scratch);
        } else if !query.has_history() && query.reorders() {
            self.score_popular(query, scratch);
        }
        if !query.boosts.is_empty() {
            scratch.scored.iter_mut().for_each(|entrant| entrant.log_odds += self.lift(entrant.item, query));
        }
        let chosen = self.choose(query, query.n - pinned, scratch);
        answer.extend(chosen.iter().map(|entrant| self.explain(entrant, query, scratch)));
        self.fill(query, pinned, &mut answer, scratch);
        let fallback = shortlist::fallback(&answer[pinned..]);
        Answer { items: answer, fallback }
    }

    /// Scores the customer's own items and the neighbours of those; nothing for a stranger.
    fn score_customer(&self, query: &Query<'_>, scratch: &mut Scratch) {
        if !query.has_history() {
            return;
        }
        let (mut repeat, mut explore) = (std::mem::take(&mut scratch.repeat_contest), std::mem::take(&mut scratch.explore_contest));
        repeat.clear();
        explore.clear();
        self.candidates(query, query.purchased != Purchased::Exclude, scratch, |candidate, scratch| {
            if scratch.tally(candidate.item).kept_back || !self.takes_part(candidate.item, query) {
                return;
            }
            let Candidate { item, orders, days_since_last, .. } = candidate;
            let entrant = Entrant { item, orders, days_since_last, log_odds: 0.0 };
            match &candidate.features {
                Features::Repeat(x) => repeat.enter(entrant, x, &self.repeat),
                Features::Explore(x) => explore.enter(entrant, x, &self.explore),
            }
        });
        repeat.decide(&self.repeat);
        explore.decide(&self.explore);
        for entrant in repeat.entrants.iter().chain(&explore.entrants) {
            if self.eligible(entrant.item, query, scratch) {
                scratch.scored.push(*entrant);
            }
        }
        (scratch.repeat_contest, scratch.explore_contest) = (repeat, explore);
    }

    /// Scores what is popular among what the filter lets in, and what is boosted, for a stranger whose answer is to be put in another order.
    fn score_popular(&self, query: &Query<'_>, scratch: &mut Scratch) {
        for item in self.by_popularity(query).take(4 * query.n + MOST_BLOCKED).chain(self.boosted(query)) {
            if !scratch.tally(item).taken && self.eligible(item, query, scratch) {
                scratch.tally(item).taken = true;
                let p = self.popularity(item).clamp(1e-6, 1.0 - 1e-6);
                scratch.scored.push(Entrant { item, orders: 0, days_since_last: 0, log_odds: (p / (1.0 - p)).ln() });
            }
        }
    }

    /// The evidence for a chosen item.
    fn explain(&self, entrant: &Entrant, query: &Query<'_>, scratch: &mut Scratch) -> Recommendation {
        let tally = *scratch.tally(entrant.item);
        let score = sigmoid(f64::from(entrant.log_odds)) as f32;
        let own = if entrant.orders > 0 {
            Reason::BoughtBefore { orders: entrant.orders, days_since_last: entrant.days_since_last }
        } else {
            self.neighbour_reason(entrant.item, scratch)
        };
        let by_basket = tally.basket_pointing > 0 && (entrant.orders == 0 || -tally.basket_miss > score);
        let (source, reason) = match own {
            _ if by_basket => (Source::Basket, self.basket_reason(entrant.item, &tally)),
            Reason::BoughtBefore { .. } => (Source::Repeat, own),
            Reason::Popular { .. } if query.filter.categories.is_some() => (Source::Category, own),
            Reason::Popular { .. } => (Source::Popular, own),
            _ => (Source::CoPurchase, own),
        };
        Recommendation { item: entrant.item, score, source, reason }
    }

    fn basket_reason(&self, item: ItemIx, tally: &scratch::Tally) -> Reason {
        let from = ItemIx(tally.basket_from);
        let baskets = tally.basket_together;
        Reason::BoughtWith { item: from, baskets, lift: self.association(from, item, baskets).lift }
    }

    /// The item of the history that points most strongly to this one, by orders or by customers.
    fn neighbour_reason(&self, item: ItemIx, scratch: &Scratch) -> Reason {
        let lists = [&self.parts.together, &self.parts.alike];
        let seed = |from: ItemIx| scratch.seeds.binary_search_by_key(&from.0, |&(_, seed)| seed).ok().map(|at| scratch.seeds[at].0.sqrt());
        // scores are the same both ways; a list that was cut short on this side may still hold the pair on the other
        let this_side = lists.into_iter().enumerate().flat_map(|(list, neighbours)| {
            neighbours.of(item).filter_map(move |found| Some((seed(found.item)? * found.score, list, found.item, found.together)))
        });
        let stronger = |a: &(f32, usize, ItemIx, u32), b: &(f32, usize, ItemIx, u32)| a.0.total_cmp(&b.0).then(b.2.cmp(&a.2));
        let found = this_side.max_by(stronger).or_else(|| {
            let other_side = scratch.seeds.iter().flat_map(|&(weight, from)| {
                lists.into_iter().enumerate().filter_map(move |(list, neighbours)| {
                    let found = neighbours.of(ItemIx(from)).find(|found| found.item == item)?;
                    Some((weight.sqrt() * found.score, list, ItemIx(from), found.together))
                })
            });
            other_side.max_by(stronger)
        });
        match found {
            Some((_, 0, from, baskets)) => Reason::BoughtWith { item: from, baskets, lift: self.association(from, item, baskets).lift },
            Some((_, _, from, customers)) => Reason::BoughtByTheSameCustomers { item: from, customers },
            None => self.popular_reason(item),
        }
    }

    fn popular_reason(&self, item: ItemIx) -> Reason {
        Reason::Popular { recent_buyers: self.parts.items.recent_buyers.value(item.row()) }
    }

    /// Fills the answer up to n: segment favourites, the customer's first category, the most popular items that the filter lets in.
    /// The first `pinned` items of the answer set no ceiling to the scores.
    fn fill(&self, query: &Query<'_>, pinned: usize, answer: &mut Vec<Recommendation>, scratch: &mut Scratch) {
        if answer.len() >= query.n {
            return;
        }
        let mut add = |item: ItemIx, share: f32, source: Source, reason: Reason, scratch: &mut Scratch| {
            if !scratch.tally(item).taken && self.eligible(item, query, scratch) && self.has_room(item, query, scratch) {
                scratch.tally(item).taken = true;
                self.note_shown(item, query, scratch);
                let ceiling = answer[pinned..].last().map_or(1.0, |last| last.score);
                answer.push(Recommendation { item, score: share.min(ceiling), source, reason });
            }
            answer.len() >= query.n
        };
        if let (Some(customer), Some((segment_of, favourites))) = (query.customer, &self.parts.segments) {
            let segment = segment_of.value(customer.row()) as usize;
            for (item, buyers) in favourites.of(segment) {
                let share = buyers as f32 / self.parts.ranker.customers.max(1) as f32;
                if add(item, share, Source::Segment, Reason::SegmentFavourite { segment, buyers }, scratch) {
                    return;
                }
            }
        }
        let usual = if query.has_history() && !query.filter.narrows() { scratch.categories.heaviest() } else { None };
        if let Some(usual) = usual {
            for &item in &self.category_popular[usual as usize] {
                if add(item, self.popularity(item), Source::Category, self.popular_reason(item), scratch) {
                    return;
                }
            }
        }
        let source = if query.filter.categories.is_some() { Source::Category } else { Source::Popular };
        for item in self.by_popularity(query) {
            if add(item, self.popularity(item), source, self.popular_reason(item), scratch) {
                break;
            }
        }
    }

    /// How many customers it knows.
    pub fn customers(&self) -> usize {
        self.parts.orders.len()
    }
}

/// The members of each group, in the order of a list of all.
fn members(groups: &Groups, all: &[ItemIx]) -> Vec<Vec<ItemIx>> {
    let mut members = vec![Vec::new(); groups.names.len()];
    for &item in all {
        if let Some(members) = members.get_mut(groups.of[item.row()] as usize) {
            members.push(item);
        }
    }
    members
}
