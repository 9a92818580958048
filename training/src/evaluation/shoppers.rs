//! Who is asked, and what they then bought.

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::recommender::Recommender;
use shopkeeper_models::{CustomerIx, ItemIx};

use crate::hidden_third::hide_a_third;
use crate::log::{Past, PurchaseLog};

/// Orders that a customer needs before the last of them can be asked for.
pub(super) const ORDERS_FOR_NEXT_BASKET: usize = 3;

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

/// Each known customer whose first order in `cut..until` can hide a third of its items: those are the truth, the rest is the basket.
pub(super) fn completion(recommender: &Recommender, log: &PurchaseLog, cut: Day, until: Day) -> Vec<Shopper> {
    let shopper = |customer: usize| {
        let first = log.orders_of(customer).find(|&order| log.order_day[order] >= cut).filter(|&order| log.order_day[order] < until)?;
        let (shown, hidden) = hide_a_third(log, customer, first)?;
        Shopper::known(recommender, customer, shown.into_iter().map(ItemIx).collect(), hidden)
    };
    (0..log.customers()).into_par_iter().filter_map(shopper).collect()
}
