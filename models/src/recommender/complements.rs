//! Complements: what is bought beside an item. Together in one order more often than chance would have it, and for another end.

use super::{Query, Recommender};
use crate::ItemIx;
use crate::co_purchase::Neighbour;
use crate::items::NONE;

/// Orders added to those expected by chance, so that a pair seen a few times proves little.
const SHRINKAGE: f64 = 5.0;
/// Standard deviations by which the orders with both must exceed those expected by chance (Poisson).
const LEAST_EXCESS: f64 = 2.0;

/// The complements of an item, strongest first, with a score above 0 and below 1: those of other categories, then those of its own.
pub(super) fn of(recommender: &Recommender, item: ItemIx, query: &Query<'_>) -> Vec<(f32, Neighbour)> {
    let parts = recommender.parts();
    let baskets = |item: ItemIx| f64::from(parts.items.baskets.value(item.row()));
    let orders = (parts.ranker.orders as f64).max(1.0);
    let category = recommender.category_now(item, query);
    let mut found: Vec<(bool, f32, Neighbour)> = parts
        .together
        .of(item)
        .filter_map(|neighbour| {
            let expected = baskets(item) * baskets(neighbour.item) / orders;
            let found = f64::from(neighbour.together);
            let strength = found / (expected + SHRINKAGE);
            let same = category != NONE && recommender.category_now(neighbour.item, query) == category;
            (found - expected > LEAST_EXCESS * expected.sqrt()).then_some((same, (strength / (1.0 + strength)) as f32, neighbour))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.item.cmp(&b.2.item)));
    found.into_iter().map(|(_, score, neighbour)| (score, neighbour)).collect()
}
