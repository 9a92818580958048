//! Signals: from a customer's history to candidates with a feature vector each.

use super::fresh::Standing;
use super::ranker::{EXPLORE_FEATURES, REPEAT_FEATURES, Ranker};
use super::scratch::Scratch;
use super::{Query, Recommender};
use crate::factors::{WIDTH, product};
use crate::histories::Bought;
use crate::items::Items;
use crate::{CustomerIx, ItemIx};

/// The latest items of a history that are asked for neighbours.
const MAX_SEEDS: usize = 128;
/// A purchase of long ago still counts this much, so that no sum is 0 in single precision.
const LEAST_WEIGHT: f32 = 1e-9;
/// New candidates taken from each of the neighbour lists.
const MAX_EXPLORE: usize = 100;
/// Popular items that are always candidates.
const MAX_POPULAR: usize = 50;

/// An item that may be recommended to a customer, with what the signals say.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The item.
    pub item: ItemIx,
    /// Orders of this customer that hold it; 0 when it is new to them.
    pub orders: u32,
    /// Days since the last of them.
    pub days_since_last: u32,
    /// The inputs of the ranker.
    pub features: Features,
}

/// The inputs of one of the two models of the ranker.
#[derive(Clone, Copy, Debug)]
pub enum Features {
    /// Of an item that the customer bought before.
    Repeat([f32; REPEAT_FEATURES.len()]),
    /// Of an item that is new to the customer.
    Explore([f32; EXPLORE_FEATURES.len()]),
}

/// What is the same for every customer, made once per model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemFacts {
    pub(super) ln_recent_buyers: f32,
    pub(super) ln_buyers: f32,
    trend: f32,
    pub(super) repeat_rate: f32,
    ln_gap: f32,
    ln_price: Option<f32>,
    recent_repeat_rate: f32,
    pub(super) ln_week_buyers: f32,
    week_trend: f32,
    ln_new_buyers: f32,
}

impl ItemFacts {
    pub(crate) fn of_all(items: &Items, ranker: &Ranker) -> Vec<Self> {
        let recent_share = ranker.recent_customers as f32 / ranker.customers.max(1) as f32;
        (0..items.len())
            .map(|row| {
                let (recent, buyers) = (items.recent_buyers.value(row) as f32, items.buyers.value(row) as f32);
                let week = items.week_buyers.value(row) as f32;
                let gap_days = items.gap_days.value(row);
                Self {
                    ln_recent_buyers: recent.ln_1p(),
                    ln_buyers: buyers.ln_1p(),
                    trend: ((recent + 1.0) / (buyers * recent_share + 1.0)).ln(),
                    repeat_rate: items.repeat_rate.value(row),
                    recent_repeat_rate: items.recent_repeat_rate.value(row),
                    ln_week_buyers: week.ln_1p(),
                    week_trend: ((week + 0.5) / (recent + 2.0)).ln(),
                    ln_new_buyers: (items.new_buyers.value(row) as f32).ln_1p(),
                    ln_gap: gap_days.max(0.0).ln_1p(),
                    ln_price: items.price.get(row).filter(|&price| price > 0.0).map(|price| (price as f32).ln()),
                }
            })
            .collect()
    }
}

/// What is the same for every candidate of one customer.
struct Shopper<'a> {
    factors: &'a [f32; WIDTH],
    orders: f32,
    ln_orders: f32,
    ln_days_since_last: f32,
    gap_days: f32,
    ln_gap: f32,
    ln_items: f32,
    mean_ln_price: Option<f32>,
    most_fast: f32,
    /// The most orders of one item in the recent days.
    most_recent: f32,
    /// The highest affinity to an item that is new to them.
    most_affinity: f32,
}

impl Recommender {
    /// Visits every candidate of a customer: their own items first if `repeat`, then items new to them. Needs a scratch that was
    /// started for this question; blocked items are still visited.
    pub fn visit_candidates(&self, customer: CustomerIx, repeat: bool, scratch: &mut Scratch, mut visit: impl FnMut(Candidate)) {
        scratch.reset(self.parts.items.len());
        let query = Query { customer: Some(customer), ..Query::default() };
        self.candidates(&query, repeat, scratch, |candidate, _| visit(candidate));
    }

    /// Visits every candidate for a question, whose filter leaves out new items before the best of them are taken. Straight from the customer's
    /// row where nothing is to be laid over it.
    pub(super) fn candidates(&self, query: &Query<'_>, repeat: bool, scratch: &mut Scratch, visit: impl FnMut(Candidate, &mut Scratch)) {
        match query.customer {
            Some(known) if query.fresh.purchases.is_empty() => {
                let histories = &self.parts.histories;
                self.candidates_of(query, || histories.of(known), histories.items(known), repeat, scratch, visit);
            }
            customer => {
                let history = self.history_with(customer, &query.fresh);
                let items: Vec<u32> = history.iter().map(|bought| bought.item.0).collect();
                self.candidates_of(query, || history.iter().copied(), &items, repeat, scratch, visit);
            }
        }
    }

    fn candidates_of<H: Iterator<Item = Bought>>(
        &self,
        query: &Query<'_>,
        history: impl Fn() -> H,
        items: &[u32],
        repeat: bool,
        scratch: &mut Scratch,
        mut visit: impl FnMut(Candidate, &mut Scratch),
    ) {
        let standing = self.standing(query.customer, &query.fresh);
        let shopper = self.look_at_history(query.customer, &standing, &history, items, scratch);
        for bought in history() {
            scratch.tally(bought.item).taken = true;
            if repeat && bought.orders > 0 {
                let features = Features::Repeat(self.repeat_features(&bought, &shopper, scratch));
                visit(Candidate { item: bought.item, orders: bought.orders, days_since_last: bought.days_since_last, features }, scratch);
            }
        }
        for &item in items {
            scratch.together.forget(ItemIx(item));
        }
        let new_items = self.new_items(query, scratch);
        // what came back whole is neither a candidate nor new, but still there for the end of the ladder
        for bought in history().filter(|bought| bought.orders == 0) {
            scratch.tally(bought.item).taken = false;
        }
        for item in new_items {
            let features = Features::Explore(self.explore_features(item, &shopper, scratch));
            visit(Candidate { item, orders: 0, days_since_last: 0, features }, scratch);
        }
    }

    /// Adds up what the history says of categories, brands, prices and neighbours.
    fn look_at_history<'a, H: Iterator<Item = Bought>>(
        &self,
        customer: Option<CustomerIx>,
        standing: &Standing<'a>,
        history: &impl Fn() -> H,
        items: &[u32],
        scratch: &mut Scratch,
    ) -> Shopper<'a> {
        let parts = &self.parts;
        scratch.categories.reset(self.categories.names.len());
        scratch.brands.reset(self.brands.names.len());
        let (mut price_sum, mut price_weight, mut most_fast, mut most_recent) = (0.0, 0.0, 0.0_f32, 0.0_f32);
        for bought in history().filter(|bought| bought.orders > 0) {
            let row = bought.item.row();
            let count = bought.orders as f32;
            scratch.categories.add(self.categories.of[row], bought.slow, count);
            scratch.brands.add(self.brands.of[row], bought.slow, count);
            if let Some(ln_price) = self.facts[row].ln_price {
                price_sum += ln_price * count;
                price_weight += count;
            }
            most_fast = most_fast.max(bought.fast);
            most_recent = most_recent.max(bought.recent_orders as f32);
            scratch.seeds.push((bought.slow, bought.item.0));
        }
        if scratch.seeds.len() > MAX_SEEDS {
            choose(scratch.seeds.iter().map(|&(weight, item)| (item, weight)), MAX_SEEDS, &mut scratch.keys);
            let least = scratch.keys[MAX_SEEDS - 1];
            scratch.seeds.retain(|&(weight, item)| key(item, weight) >= least);
        }
        for at in 0..scratch.seeds.len() {
            let (weight, from) = scratch.seeds[at];
            scratch.together.add(self.pointers.of(ItemIx(from)), weight.sqrt().max(LEAST_WEIGHT));
        }
        // both ascend by item
        let mut own = items.iter().peekable();
        let mut most_affinity = 0.0_f32;
        for (item, affinity) in customer.into_iter().flat_map(|customer| parts.affinity.of(customer)) {
            scratch.tally(item).affinity = affinity;
            while own.next_if(|&&own| own < item.0).is_some() {}
            if own.peek() != Some(&&item.0) {
                most_affinity = most_affinity.max(affinity);
            }
        }
        for (item, lately) in customer.into_iter().flat_map(|customer| parts.lately.of(customer)) {
            scratch.tally(item).lately = lately;
        }
        let &Standing { factors, orders, gap_days, days_since_last } = standing;
        Shopper {
            factors,
            orders,
            ln_orders: orders.ln_1p(),
            ln_days_since_last: days_since_last.ln_1p(),
            gap_days,
            ln_gap: gap_days.ln_1p(),
            ln_items: (items.len() as f32).ln_1p(),
            mean_ln_price: (price_weight > 0.0).then(|| price_sum / price_weight),
            most_fast,
            most_recent,
            most_affinity,
        }
    }

    /// The items new to the customer that are worth scoring: the best by each signal, the most popular, and what is boosted.
    fn new_items(&self, query: &Query<'_>, scratch: &mut Scratch) -> Vec<ItemIx> {
        let mut chosen = Vec::with_capacity(3 * MAX_EXPLORE + MAX_POPULAR);
        let mut keys = std::mem::take(&mut scratch.keys);
        // what is only unavailable or blocked is so rare that it may drop out after the best were taken
        let narrows = query.filter.narrows();
        let passes = |item: ItemIx| !narrows || self.unmet(item, query).is_none();
        for signal in [&self.parts.affinity, &self.parts.lately] {
            let fresh = query
                .customer
                .into_iter()
                .flat_map(|customer| signal.of(customer))
                .filter(|&(item, score)| score > 0.0 && !scratch.tally(item).taken && passes(item));
            choose(fresh.map(|(item, score)| (item.0, score)), MAX_EXPLORE, &mut keys);
            take(&keys, &mut chosen, scratch);
        }
        choose(scratch.together.iter().filter(|&(item, _)| passes(ItemIx(item))), MAX_EXPLORE, &mut keys);
        take(&keys, &mut chosen, scratch);
        scratch.keys = keys;
        let mut add = |item: ItemIx| {
            if !std::mem::replace(&mut scratch.tally(item).taken, true) {
                chosen.push(item);
            }
        };
        if narrows {
            self.by_popularity(query).take(MAX_POPULAR).for_each(&mut add);
        } else {
            self.popular.iter().copied().take(MAX_POPULAR).for_each(&mut add);
        }
        self.boosted(query).for_each(&mut add);
        chosen
    }

    fn repeat_features(&self, bought: &Bought, shopper: &Shopper<'_>, scratch: &mut Scratch) -> [f32; REPEAT_FEATURES.len()] {
        let facts = &self.facts[bought.item.row()];
        let tally = *scratch.tally(bought.item);
        let together = scratch.together.of(bought.item);
        let orders = bought.orders as f32;
        let silence = bought.days_since_last as f32;
        let gap = self.usual_gap(bought, shopper.gap_days);
        let ln_silence_in_gaps = ((silence + 1.0) / (gap + 1.0)).ln();
        let (category_share, _) = scratch.categories.share(self.categories.of[bought.item.row()]);
        [
            ln_1p(orders),
            ln_1p(4.0 * bought.fast),
            ln_1p(4.0 * bought.slow),
            bought.by_order.sqrt(),
            ln_1p(silence),
            ln_silence_in_gaps,
            (-ln_silence_in_gaps * ln_silence_in_gaps).exp(),
            (orders / shopper.orders.max(1.0)).sqrt(),
            (bought.fast / shopper.most_fast.max(f32::MIN_POSITIVE)).sqrt(),
            facts.repeat_rate,
            facts.ln_gap,
            facts.ln_recent_buyers,
            facts.ln_buyers,
            facts.trend,
            ln_1p(together),
            category_share.sqrt(),
            f32::from(u8::from(bought.orders == 1)),
            shopper.ln_orders,
            shopper.ln_days_since_last,
            shopper.ln_gap,
            shopper.ln_items,
            tally.affinity,
            (bought.recent_orders as f32).sqrt(),
            (bought.recent_orders as f32 / (1.0 + shopper.most_recent)).sqrt(),
            ln_1p(bought.units / orders.max(1.0)),
            facts.ln_price.unwrap_or(0.0),
            facts.recent_repeat_rate,
            facts.ln_week_buyers,
            facts.week_trend,
            tally.lately,
            product(shopper.factors, self.parts.item_factors.of(bought.item.row())),
        ]
    }

    fn explore_features(&self, item: ItemIx, shopper: &Shopper<'_>, scratch: &mut Scratch) -> [f32; EXPLORE_FEATURES.len()] {
        let facts = &self.facts[item.row()];
        let tally = *scratch.tally(item);
        let together = scratch.together.of(item);
        let (category_share, category_orders) = scratch.categories.share(self.categories.of[item.row()]);
        let (brand_share, _) = scratch.brands.share(self.brands.of[item.row()]);
        let factors = product(shopper.factors, self.parts.item_factors.of(item.row()));
        let price_distance = facts.ln_price.zip(shopper.mean_ln_price).map_or(1.0, |(price, mean)| (price - mean).abs().min(4.0));
        [
            ln_1p(together),
            together.sqrt(),
            facts.ln_recent_buyers,
            facts.ln_buyers,
            facts.trend,
            category_share.sqrt(),
            ln_1p(category_orders),
            brand_share.sqrt(),
            price_distance,
            facts.repeat_rate,
            shopper.ln_orders,
            shopper.ln_days_since_last,
            shopper.ln_gap,
            shopper.ln_items,
            tally.affinity,
            tally.affinity.max(0.0).sqrt(),
            tally.affinity.max(0.0) / shopper.most_affinity.max(f32::MIN_POSITIVE),
            facts.recent_repeat_rate,
            facts.ln_week_buyers,
            facts.week_trend,
            facts.ln_new_buyers,
            tally.lately,
            tally.lately.max(0.0).sqrt(),
            factors,
            factors.max(0.0).sqrt(),
        ]
    }
}

/// ln(1 + x) for x of 0 or more; quicker than `ln_1p`, which is exact near 0 where no feature needs it.
fn ln_1p(x: f32) -> f32 {
    (1.0 + x).ln()
}

/// A number that sorts like (score, lower id first), for a score of 0 or more.
fn key(item: u32, score: f32) -> u64 {
    u64::from(score.to_bits()) << 32 | u64::from(!item)
}

/// Puts the keys of the `most` best items into `keys`, the least of them last where there are more.
fn choose(scored: impl Iterator<Item = (u32, f32)>, most: usize, keys: &mut Vec<u64>) {
    keys.clear();
    keys.extend(scored.map(|(item, score)| key(item, score)));
    if keys.len() > most {
        keys.select_nth_unstable_by(most - 1, |a, b| b.cmp(a));
        keys.truncate(most);
    }
}

/// Takes those that were not taken yet, in the order of their keys' places.
fn take(keys: &[u64], chosen: &mut Vec<ItemIx>, scratch: &mut Scratch) {
    for &key in keys {
        let item = ItemIx(!(key as u32));
        if !std::mem::replace(&mut scratch.tally(item).taken, true) {
            chosen.push(item);
        }
    }
}
