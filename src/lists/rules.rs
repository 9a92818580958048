//! Rules: which item goes with which in orders, with the counts that are the evidence.

use std::sync::Arc;

use shopkeeper_models::co_purchase::Association;
use shopkeeper_models::{ItemIx, Model};

use super::columns::Cell::{Count, Number, Text};
use super::columns::{Column, batch, column, schema};
use super::{BATCH_ROWS, List, Window};

/// Orders with one item often hold another.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    item: ItemIx,
    other: ItemIx,
    baskets: u32,
    association: Association,
}

/// The columns of [`rules`].
pub const RULES: &[Column<Rule>] = &[
    column("item_id", "The item in the basket.", Text(|m, rule| Some(m.items().id(rule.item)))),
    column("other_item_id", "The item that goes with it.", Text(|m, rule| Some(m.items().id(rule.other)))),
    column("baskets", "Orders that hold both.", Count(|_, rule| rule.baskets)),
    column("support", "Share of all orders that hold both, 0 to 1.", Number(|_, rule| Some(rule.association.support))),
    column(
        "confidence",
        "Share of the orders with `item_id` that hold `other_item_id`, 0 to 1.",
        Number(|_, rule| Some(rule.association.confidence)),
    ),
    column("lift", "Confidence over the share expected by chance; 1 = independent.", Number(|_, rule| Some(rule.association.lift))),
];

/// Which rules. Default: every pair the model keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RuleFilter {
    /// The least support, 0 to 1.
    pub min_support: f64,
    /// The least confidence, 0 to 1.
    pub min_confidence: f64,
}

/// The rules of an item, best first.
fn rules_of(model: &Model, item: ItemIx, filter: RuleFilter) -> impl Iterator<Item = Rule> + '_ {
    let rules = model.recommender.parts().together.of(item).map(move |neighbour| Rule {
        item,
        other: neighbour.item,
        baskets: neighbour.together,
        association: model.recommender.association(item, neighbour.item, neighbour.together),
    });
    rules.filter(move |rule| rule.association.support >= filter.min_support && rule.association.confidence >= filter.min_confidence)
}

/// Every pair the model keeps that passes the filter: ascending by item, best first within it.
pub fn rules(model: &Arc<Model>, filter: RuleFilter, window: Window) -> List {
    let count = model.items().len() as u32;
    let total = (0..count).map(|item| rules_of(model, ItemIx(item), filter).count()).sum();
    let (model, range) = (Arc::clone(model), window.of(total));
    let (mut items, mut pending) = (0..count, Vec::new());
    let (mut skip, mut left) = (range.start, range.len());
    let batches = std::iter::from_fn(move || {
        while pending.len() < BATCH_ROWS.min(left) {
            let before = pending.len();
            pending.extend(rules_of(&model, ItemIx(items.next()?), filter));
            let skipped = skip.min(pending.len() - before);
            pending.drain(before..before + skipped);
            skip -= skipped;
        }
        pending.truncate(left);
        left -= pending.len();
        let rows = std::mem::take(&mut pending);
        (!rows.is_empty()).then(|| batch(RULES, &model, &rows))
    });
    List { schema: schema(RULES), total, batches: Box::new(batches) }
}
