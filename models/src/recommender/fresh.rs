//! What a shopper did since the model was fitted, laid over what the model knows of them.
//!
//! Signals are counted on the model's clock, on which they were learned: its today is the last day it saw, so whatever came later is 0 days ago.
//! The rule on purchased items is counted on the shop's clock: to the day of the newest purchase that anybody is known to have made.

use super::{Query, Recommender};
use crate::factors::WIDTH;
use crate::histories::{Bought, FAST_HALF_LIFE, ORDER_DECAY, SLOW_HALF_LIFE};
use crate::items::RECENT_DAYS;
use crate::{CustomerIx, ItemIx};

/// What the model has not seen of a shopper. Empty by default, and then it costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fresh<'a> {
    /// What was bought or sent back since, ascending by item, one entry an item.
    pub purchases: &'a [FreshPurchase],
    /// Distinct orders behind `purchases`.
    pub orders: u32,
    /// Items looked at in this session. What goes with them rises as with a basket, but they themselves may be shown.
    pub viewed: &'a [ItemIx],
}

/// One item of [`Fresh::purchases`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FreshPurchase {
    /// The item.
    pub item: ItemIx,
    /// Orders that hold it.
    pub orders: u32,
    /// Units bought less units sent back; below 0 when more came back than was bought since.
    pub units: f32,
    /// Days from the last of the orders to the model's today.
    pub days_since_last: u32,
    /// Days from the first of them.
    pub days_since_first: u32,
    /// Days from the last of them to the shop's today, which may be later than the model's.
    pub days_ago: u32,
    /// Fresh orders of the customer after the last one that holds it.
    pub orders_since: u32,
}

/// What is asked of a customer as a whole.
pub(super) struct Standing<'a> {
    pub(super) factors: &'a [f32; WIDTH],
    pub(super) orders: f32,
    pub(super) gap_days: f32,
    pub(super) days_since_last: f32,
}

/// Where a customer lies of whom there is no row.
const NOWHERE: [f32; WIDTH] = [0.0; WIDTH];

impl Query<'_> {
    /// Whether there are purchases to start from.
    pub(super) fn has_history(&self) -> bool {
        self.customer.is_some() || !self.fresh.purchases.is_empty()
    }

    /// What lies in the basket, then what was looked at.
    pub(super) fn context(&self) -> impl Iterator<Item = ItemIx> + Clone + '_ {
        self.basket.iter().chain(self.fresh.viewed).copied()
    }

    /// How many items that is.
    pub(super) fn context_len(&self) -> usize {
        self.basket.len() + self.fresh.viewed.len()
    }
}

impl Recommender {
    /// The history of a customer with what they bought since, ascending by item. Of a stranger to the model it is that alone.
    pub fn history_with(&self, customer: Option<CustomerIx>, fresh: &Fresh<'_>) -> Vec<Bought> {
        let known = customer.map(|customer| self.parts.orders.value(customer.row())).unwrap_or(0);
        let aged = ORDER_DECAY.powi(fresh.orders.min(10_000) as i32);
        let total = weight_of(known + fresh.orders);
        let aging = (aged * weight_of(known) / total) as f32;
        let mut merged: Vec<Bought> = Vec::new();
        let mut fresh_items = fresh.purchases.iter().peekable();
        for mut bought in customer.into_iter().flat_map(|customer| self.parts.histories.of(customer)) {
            while let Some(new) = fresh_items.next_if(|new| new.item < bought.item) {
                merged.extend(bought_since(new, total));
            }
            bought.by_order *= aging;
            if let Some(new) = fresh_items.next_if(|new| new.item == bought.item) {
                bought = again(&bought, new, total);
            }
            merged.push(bought);
        }
        merged.extend(fresh_items.filter_map(|new| bought_since(new, total)));
        merged
    }

    /// A customer as a whole, fresh orders included.
    pub(super) fn standing(&self, customer: Option<CustomerIx>, fresh: &Fresh<'_>) -> Standing<'_> {
        let row = customer.map(CustomerIx::row);
        let silence = row.map(|row| self.parts.days_since_last.value(row));
        let fresh_silence = fresh.purchases.iter().filter(|new| new.orders > 0).map(|new| new.days_since_last).min();
        Standing {
            factors: row.map_or(&NOWHERE, |row| self.parts.customer_factors.of(row)),
            orders: (row.map_or(0, |row| self.parts.orders.value(row)) + fresh.orders) as f32,
            gap_days: row.map_or(self.usual_gap, |row| self.parts.gap_days.value(row) as f32),
            days_since_last: silence.into_iter().chain(fresh_silence).min().unwrap_or(0) as f32,
        }
    }
}

/// Mean days between purchases over the customers that have some; 0 where nobody has.
pub(super) fn usual_gap(gap_days: &arrow::array::Float64Array) -> f32 {
    let known = || gap_days.values().iter().filter(|gap| gap.is_finite() && **gap > 0.0);
    (known().sum::<f64>() / known().count().max(1) as f64) as f32
}

/// The weight of so many orders together, the last of them weighing 1.
fn weight_of(orders: u32) -> f64 {
    (1.0 - ORDER_DECAY.powi(orders.min(10_000) as i32)) / (1.0 - ORDER_DECAY)
}

/// A fresh item as an entry of a history; `None` when all that was bought came back.
fn bought_since(new: &FreshPurchase, total: f64) -> Option<Bought> {
    let none = Bought {
        item: new.item,
        orders: 0,
        recent_orders: 0,
        units: 0.0,
        days_since_last: new.days_since_last,
        days_since_first: new.days_since_first,
        fast: 0.0,
        slow: 0.0,
        by_order: 0.0,
    };
    (new.orders > 0 && new.units > 0.0).then(|| again(&none, new, total))
}

/// An entry of a history and what was bought of the item since.
fn again(bought: &Bought, new: &FreshPurchase, total: f64) -> Bought {
    let units = bought.units + new.units;
    if units <= 0.0 {
        let nothing = Bought { orders: 0, recent_orders: 0, units: 0.0, fast: 0.0, slow: 0.0, by_order: 0.0, ..*bought };
        return if new.units < 0.0 { nothing } else { *bought };
    }
    if new.orders == 0 || new.units <= 0.0 {
        return Bought { units, ..*bought };
    }
    let weight = |half_life: f64| f64::from(new.orders) * 0.5_f64.powf(f64::from(new.days_since_last) / half_life);
    let is_recent = new.days_since_last < RECENT_DAYS as u32;
    Bought {
        item: bought.item,
        orders: bought.orders + new.orders,
        recent_orders: bought.recent_orders + if is_recent { new.orders } else { 0 },
        units,
        days_since_last: if bought.orders > 0 { bought.days_since_last.min(new.days_since_last) } else { new.days_since_last },
        days_since_first: if bought.orders > 0 { bought.days_since_first.max(new.days_since_first) } else { new.days_since_first },
        fast: bought.fast + weight(FAST_HALF_LIFE) as f32,
        slow: bought.slow + weight(SLOW_HALF_LIFE) as f32,
        by_order: (bought.by_order + (ORDER_DECAY.powi(new.orders_since.min(10_000) as i32) / total) as f32).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(units: f32) -> FreshPurchase {
        FreshPurchase { item: ItemIx(3), orders: 1, units, days_since_last: 0, days_since_first: 0, days_ago: 0, orders_since: 0 }
    }

    #[test]
    fn what_is_bought_again_counts_once_more_and_what_comes_back_is_gone() {
        let total = weight_of(1);
        let once = bought_since(&new(2.0), total).expect("kept");
        assert_eq!((once.orders, once.units, once.fast, once.by_order), (1, 2.0, 1.0, 1.0));
        let twice = again(&Bought { days_since_last: 9, days_since_first: 9, ..once }, &new(1.0), weight_of(2));
        assert_eq!((twice.orders, twice.units, twice.days_since_last, twice.days_since_first), (2, 3.0, 0, 9));
        assert_eq!(bought_since(&new(-1.0), total), None);
        let back = again(&once, &FreshPurchase { orders: 0, ..new(-2.0) }, total);
        assert_eq!((back.orders, back.units, back.slow), (0, 0.0, 0.0));
        let some_back = again(&once, &FreshPurchase { orders: 0, ..new(-1.0) }, total);
        assert_eq!((some_back.orders, some_back.units), (1, 1.0));
    }
}
