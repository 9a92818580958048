//! Who is asked, and what they then bought.

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::recommender::Recommender;
use shopkeeper_models::{CustomerIx, ItemIx};

use crate::log::{Past, PurchaseLog};

/// Orders that a customer needs before the last of them can be asked for.
pub(super) const ORDERS_FOR_NEXT_BASKET: usize = 3;
/// Items that an order needs before a third of them can be hidden.
const ITEMS_FOR_COMPLETION: usize = 3;
/// Makes the choice of what is hidden differ from any other hash of the same ids.
const HIDING: &str = "shopkeeper evaluation, hidden items of a basket";

/// One shopper and the truth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shopper {
    /// Who; `None` for someone the asked model does not know.
    pub(super) customer: Option<CustomerIx>,
    /// What lies in the basket.
    pub(super) basket: Vec<ItemIx>,
    /// Truth items that the customer had bought before, ascending.
    pub(super) repeat: Vec<u32>,
    /// The other truth items, ascending.
    pub(super) new: Vec<u32>,
}

impl Shopper {
    /// A customer whom the recommender knows and who bought something; else none.
    fn known(recommender: &Recommender, customer: usize, basket: Vec<ItemIx>, bought: Vec<u32>) -> Option<Self> {
        let customer = CustomerIx(customer as u32);
        let known = recommender.parts().histories.items(customer);
        let (repeat, new) = bought.iter().partition(|item| known.binary_search(item).is_ok());
        (!known.is_empty() && !bought.is_empty()).then_some(Self { customer: Some(customer), basket, repeat, new })
    }
}

/// Each known customer with a line in `cut..until`: all distinct items of those lines.
pub(super) fn in_window(recommender: &Recommender, log: &PurchaseLog, cut: Day, until: Day) -> Vec<Shopper> {
    let after = log.before(until);
    let shopper = |customer| Shopper::known(recommender, customer, Vec::new(), after.bought_between(customer, cut, until));
    (0..log.customers()).into_par_iter().filter_map(shopper).collect()
}

/// Each customer whose last order is hidden in `past`: the items of that order.
pub(super) fn next_basket(recommender: &Recommender, past: &Past<'_>) -> Vec<Shopper> {
    let log = past.log();
    let hidden = |customer: usize| past.orders_of(customer).end..log.orders_of(customer).end;
    (0..log.customers())
        .into_par_iter()
        .filter_map(|customer| Shopper::known(recommender, customer, Vec::new(), log.items_of(hidden(customer))))
        .collect()
}

/// Each known customer whose first order in `cut..until` has three items or more: a third of them, rounded down, is the truth, the rest is
/// the basket. The log keeps no order in a basket, so a hash of the ids chooses.
pub(super) fn completion(recommender: &Recommender, log: &PurchaseLog, cut: Day, until: Day) -> Vec<Shopper> {
    let shopper = |customer: usize| {
        let first = log.orders_of(customer).find(|&order| log.order_day[order] >= cut).filter(|&order| log.order_day[order] < until)?;
        let mut items = log.items_of(first..first + 1);
        if items.len() < ITEMS_FOR_COMPLETION {
            return None;
        }
        items.sort_by_cached_key(|&item| hash(log.customer_ids.value(customer), log.item_ids.value(item as usize)));
        let basket = items.split_off(items.len() / 3);
        items.sort_unstable();
        Shopper::known(recommender, customer, basket.into_iter().map(ItemIx).collect(), items)
    };
    (0..log.customers()).into_par_iter().filter_map(shopper).collect()
}

/// A number that depends on the ids alone, not on what else was read.
fn hash(customer: &str, item: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(HIDING);
    hasher.update(&(customer.len() as u64).to_le_bytes()).update(customer.as_bytes()).update(item.as_bytes());
    *hasher.finalize().as_bytes()
}
