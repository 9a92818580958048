//! Substitutes: what may be bought instead of an item. Of its category, liked by the same customers, at a like price, but seldom in one order
//! with it: two that are often bought at once are variety, not a choice.

use std::collections::HashMap;

use super::{Query, Recommender};
use crate::ItemIx;
use crate::catalogue::shared_words;
use crate::factors::product;
use crate::items::NONE;

/// Items of a category that are looked at, best selling first.
const MAX_COMPARED: usize = 500;
/// Those whose titles are compared.
const MAX_READ: usize = 50;
/// What being liked by the same customers, the price and the title count in the score.
const LIKED: f32 = 0.6;
const PRICED: f32 = 0.2;
const CALLED: f32 = 0.2;
/// What an item of the category one step further up counts.
const FURTHER: f32 = 0.5;

/// In which ways one item may stand for another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// How much the same customers like both, 0 to 1: the cosine of their factors, or of their buyers where no factors were fitted.
    pub liking: f32,
    /// Customers who bought both, where the model keeps the count.
    pub customers: Option<u32>,
    /// Orders that hold both, where the model keeps the count: it does for the strongest pairs of each item.
    pub baskets: Option<u32>,
    /// The lower price over the higher one, if both are known.
    pub price: Option<f32>,
}

/// The substitutes of an item, best first, with a score from 0 to 1. Of an item without a category they are among those of the same customers.
pub(super) fn of(recommender: &Recommender, item: ItemIx, query: &Query<'_>) -> Vec<(f32, ItemIx, Likeness)> {
    let comparison = Comparison::new(recommender, item, query);
    let category = recommender.category_now(item, query);
    let mut found: Vec<(f32, ItemIx, Likeness)> = Vec::new();
    if category == NONE {
        let others = comparison.alike.keys().filter(|other| recommender.category_now(**other, query) == NONE);
        found.extend(others.map(|&other| comparison.with(other)));
    } else {
        let name = query.catalogue.and_then(|now| now.category_name(recommender, category)).map(super::canonical);
        let name = name.or_else(|| recommender.categories().names.get(category as usize).map(|name| super::canonical(name)));
        let paths = std::iter::successors(name, |path| path.rsplit_once('/').map(|(parent, _)| parent.to_owned()));
        let mut weight = 1.0;
        for path in paths {
            let members = comparison.members(&path).filter(|other| !found.iter().any(|(_, known, _)| known == other));
            let more: Vec<(f32, ItemIx, Likeness)> = members.map(|other| comparison.with(other)).collect();
            found.extend(more.into_iter().map(|(score, other, likeness)| (weight * score, other, likeness)));
            if found.len() >= query.n {
                break;
            }
            weight *= FURTHER;
        }
    }
    let order = |a: &(f32, ItemIx, Likeness), b: &(f32, ItemIx, Likeness)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    found.sort_by(order);
    for (score, other, likeness) in found.iter_mut().take(MAX_READ.max(query.n)) {
        *score += CALLED * comparison.called(*other) * comparison.apart(*other, likeness);
    }
    found.sort_by(order);
    found
}

/// One item, ready to be compared with others.
struct Comparison<'a> {
    recommender: &'a Recommender,
    query: &'a Query<'a>,
    item: ItemIx,
    together: HashMap<ItemIx, u32>,
    alike: HashMap<ItemIx, (u32, f32)>,
}

impl<'a> Comparison<'a> {
    fn new(recommender: &'a Recommender, item: ItemIx, query: &'a Query<'a>) -> Self {
        let parts = recommender.parts();
        let together = parts.together.of(item).map(|neighbour| (neighbour.item, neighbour.together)).collect();
        let alike = parts.alike.of(item).map(|neighbour| (neighbour.item, (neighbour.together, neighbour.score))).collect();
        Self { recommender, query, item, together, alike }
    }

    /// The best selling others within a category, and every neighbour of the item in it.
    fn members(&self, path: &str) -> impl Iterator<Item = ItemIx> {
        let range = self.query.catalogue.map_or_else(
            || self.recommender.category_tree().find(path).into_iter().collect(),
            |now| now.find_category(self.recommender, path),
        );
        let lists = range.iter().flat_map(|range| self.recommender.lists_within(range, self.query.catalogue)).collect();
        let within = |item: &ItemIx| self.recommender.category_tree.is_within(self.recommender.category_now(*item, self.query), &range);
        let best: Vec<ItemIx> = self.recommender.merge(lists).filter(within).take(MAX_COMPARED).collect();
        let mut neighbours: Vec<ItemIx> = self.together.keys().chain(self.alike.keys()).copied().filter(within).collect();
        neighbours.extend(best);
        neighbours.sort_unstable();
        neighbours.dedup();
        let item = self.item;
        neighbours.into_iter().filter(move |other| *other != item)
    }

    /// How well another item may stand for this one, its title aside.
    fn with(&self, other: ItemIx) -> (f32, ItemIx, Likeness) {
        let parts = self.recommender.parts();
        let factors = |item: ItemIx| parts.item_factors.of(item.row());
        let (ours, theirs) = (factors(self.item), factors(other));
        let length = (product(ours, ours) * product(theirs, theirs)).sqrt();
        let alike = self.alike.get(&other);
        let liking = if length > 0.0 { product(ours, theirs) / length } else { alike.map_or(0.0, |(_, score)| *score) };
        let price = |item: ItemIx| self.query.catalogue.map_or_else(|| parts.items.price.get(item.row()), |now| now.price(item));
        let price = price(self.item).zip(price(other)).filter(|(ours, theirs)| ours.max(*theirs) > 0.0);
        let likeness = Likeness {
            liking: liking.clamp(0.0, 1.0),
            customers: alike.map(|(customers, _)| *customers),
            baskets: self.together.get(&other).copied(),
            price: price.map(|(ours, theirs)| (ours.min(theirs) / ours.max(theirs)) as f32),
        };
        let score = (LIKED * likeness.liking + PRICED * likeness.price.unwrap_or(0.5)) * self.apart(other, &likeness);
        (score, other, likeness)
    }

    /// How seldom both stand in one order, given how often one customer buys both: 0 (always at once) to 1.
    fn apart(&self, other: ItemIx, likeness: &Likeness) -> f32 {
        let Some(baskets) = likeness.baskets else { return 1.0 };
        let parts = self.recommender.parts();
        let over_chance = |both: u32, counts: &arrow::array::UInt32Array, all: f64| {
            let expected = f64::from(counts.value(self.item.row())) * f64::from(counts.value(other.row())) / all.max(1.0);
            if expected > 0.0 { f64::from(both) / expected } else { 1.0 }
        };
        let in_orders = over_chance(baskets, &parts.items.baskets, parts.ranker.orders as f64);
        let customers = self.recommender.customers() as f64;
        let of_customers = likeness.customers.map_or(1.0, |both| over_chance(both, &parts.items.buyers, customers));
        (of_customers.max(1.0) / in_orders.max(1.0)).min(1.0) as f32
    }

    /// The share of the words of both titles that both have.
    fn called(&self, other: ItemIx) -> f32 {
        let title = |item: ItemIx| {
            let said = self.query.catalogue.and_then(|now| now.title(item));
            said.or_else(|| self.recommender.parts().items.title.get(item.row())).unwrap_or_default()
        };
        shared_words(title(self.item), title(other))
    }
}
