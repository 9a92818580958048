//! Audience: who is likely to buy an item. Found through what customers bought, not by scoring everybody: the item itself and its neighbours point to
//! its candidates in one pass over the histories, and the ranker puts the best of those in order, as it does for an answer.

use rayon::prelude::*;

use super::{Query, Reason, Recommender, Scratch};
use crate::catalogue::{Catalogue, NewItem};
use crate::items::NONE;
use crate::{CustomerIx, ItemIx};

/// Fewer neighbours than this, and the best sellers of its category point to an item as well.
const FEW_NEIGHBOURS: usize = 20;
/// Best sellers of the category that point, and how strongly.
const PEERS: usize = 50;
const PEER_SCORE: f32 = 0.02;
/// What customers of both count beside orders with both.
const BY_CUSTOMERS: f32 = 0.5;
/// What a purchase of the item itself counts, beside one of a neighbour with score 1.
const ITSELF: f32 = 10.0;
/// Candidates beyond those asked for, so that the ranker has a choice.
const SLACK: usize = 200;
/// Customers of one task.
const TASK: usize = 4096;

/// A likely buyer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likely {
    /// Who.
    pub customer: CustomerIx,
    /// P(buys it within the next four weeks, given that they buy anything), 0 to 1, by the ranker; `None` for an item that the model does not know.
    pub probability: Option<f32>,
    /// Orders of this customer that hold it.
    pub orders: u32,
    /// The item of their history that points to it most strongly: itself, a neighbour, or one of its category; `None` when only the ranker does.
    pub because: Option<ItemIx>,
}

/// What is asked about the buyers of an item.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// An item of the model.
    Known(ItemIx),
    /// One that it does not know, likened to those it does.
    New(&'a NewItem),
}

impl Recommender {
    /// The likely buyers of an item, most likely first, at most `most` of those that `keep` lets in and the rules of `query` do not keep it from
    /// (its `purchased`; the filter is set aside). Everybody in it bought the item, a neighbour of it or something of its category.
    pub fn audience(&self, item: Wanted<'_>, query: &Query<'_>, most: usize, keep: impl Fn(CustomerIx) -> bool + Sync) -> Vec<Likely> {
        let pointers = self.pointers_to(item, query);
        let mut found = self.pointed_to(&pointers, &keep);
        let order = |a: &(f32, CustomerIx, ItemIx), b: &(f32, CustomerIx, ItemIx)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let candidates = most.saturating_add(SLACK);
        if found.len() > candidates {
            found.select_nth_unstable_by(candidates - 1, order);
            found.truncate(candidates);
        }
        found.sort_unstable_by(order);
        let mut likely: Vec<Likely> = match item {
            Wanted::New(_) => {
                let likely = |(_, customer, because)| Likely { customer, probability: None, orders: 0, because: Some(because) };
                found.into_iter().map(likely).collect()
            }
            Wanted::Known(item) => self.ranked(item, query, &found),
        };
        likely.truncate(most);
        likely
    }

    /// How strongly a purchase of each item points to this one; 0 = not at all.
    fn pointers_to(&self, item: Wanted<'_>, query: &Query<'_>) -> Vec<f32> {
        let mut pointers = vec![0.0_f32; self.parts.items.len()];
        let neighbours_of = |item: ItemIx, weight: f32, pointers: &mut Vec<f32>| {
            let mut count = 0;
            for (list, share) in [(&self.parts.together, 1.0), (&self.parts.alike, BY_CUSTOMERS)] {
                for neighbour in list.of(item) {
                    pointers[neighbour.item.row()] += weight * share * neighbour.score;
                    count += 1;
                }
            }
            count
        };
        let (known, category) = match item {
            Wanted::Known(item) => {
                let known = neighbours_of(item, 1.0, &mut pointers);
                pointers[item.row()] = ITSELF;
                let category = self.category_now(item, query);
                let names = &self.categories.names;
                let name = query
                    .catalogue
                    .map_or_else(|| names.get(category as usize).map(String::as_str), |now| now.category_name(self, category));
                (known, if category == NONE { None } else { name })
            }
            Wanted::New(new) => {
                for &(like, likeness) in &new.like {
                    neighbours_of(like, likeness, &mut pointers);
                    pointers[like.row()] += likeness;
                }
                (0, new.near.as_deref())
            }
        };
        let category = category.filter(|_| known < FEW_NEIGHBOURS);
        if let Some(range) = category.and_then(|category| self.category_tree.find(category)) {
            self.popular_within(&range).take(PEERS).for_each(|peer| pointers[peer.row()] += PEER_SCORE);
        }
        pointers
    }

    /// Everybody whose history points to the item: how strongly, and what points most.
    fn pointed_to(&self, pointers: &[f32], keep: &(impl Fn(CustomerIx) -> bool + Sync)) -> Vec<(f32, CustomerIx, ItemIx)> {
        let customers = self.customers();
        let of = |customer: CustomerIx| {
            let histories = &self.parts.histories;
            if histories.items(customer).iter().all(|&item| pointers[item as usize] == 0.0) || !keep(customer) {
                return None;
            }
            let (mut sum, mut strongest, mut because) = (0.0, 0.0, ItemIx(0));
            for bought in histories.of(customer).filter(|bought| pointers[bought.item.row()] > 0.0) {
                // lately counts more; what came back entirely counts nothing
                let points = pointers[bought.item.row()] * (bought.slow + 2.0 * bought.fast).sqrt();
                sum += points;
                if points > strongest {
                    (strongest, because) = (points, bought.item);
                }
            }
            (sum > 0.0).then_some((sum, customer, because))
        };
        let tasks: Vec<Vec<(f32, CustomerIx, ItemIx)>> = (0..customers.div_ceil(TASK))
            .into_par_iter()
            .map(|task| (task * TASK..customers.min((task + 1) * TASK)).filter_map(|row| of(CustomerIx(row as u32))).collect())
            .collect();
        tasks.concat()
    }

    /// Candidates in the order of what the ranker says of the item for each.
    fn ranked(&self, item: ItemIx, query: &Query<'_>, found: &[(f32, CustomerIx, ItemIx)]) -> Vec<Likely> {
        let only = [item];
        let asked = Query {
            filter: super::Filter { only: Some(&only), ..Default::default() },
            exclude: &[],
            basket: &[],
            boosts: &[],
            pinned: &[],
            max_per_category: None,
            n: 1,
            ..*query
        };
        let score = |scratch: &mut Scratch, &(_, customer, because): &(f32, CustomerIx, ItemIx)| {
            let answer = self.recommend(&Query { customer: Some(customer), ..asked }, scratch);
            let shown = answer.items.first()?;
            let orders = if let Reason::BoughtBefore { orders, .. } = shown.reason { orders } else { 0 };
            Some(Likely { customer, probability: Some(shown.score), orders, because: Some(because) })
        };
        let mut likely: Vec<Likely> = found.par_iter().map_init(Scratch::default, score).flatten_iter().collect();
        likely.sort_by(|a, b| {
            let probability = |likely: &Likely| likely.probability.unwrap_or(0.0);
            probability(b).total_cmp(&probability(a)).then(a.customer.cmp(&b.customer))
        });
        likely
    }
}

impl Catalogue {
    /// The same catalogue, in which an item may be recommended whatever the shop said: for questions about who would buy it.
    pub fn offering(&self, recommender: &Recommender, item_id: &str) -> Self {
        let mut now = self.clone();
        if recommender.parts().items.find(item_id).is_some() {
            now.say(recommender, item_id, crate::catalogue::Said { available: Some(true), ..Default::default() });
        }
        now
    }
}
