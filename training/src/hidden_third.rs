//! A basket with a third of it hidden: the question and the truth of basket completion, in learning and in evaluation.

use crate::log::PurchaseLog;

/// Items that an order needs before a third of them can be hidden.
pub const LEAST_ITEMS: usize = 3;
/// Makes the choice of what is hidden differ from any other hash of the same ids.
const HIDING: &str = "shopkeeper evaluation, hidden items of a basket";

/// The items of an order that are shown, and the third of them, rounded down, that is hidden, ascending. The log keeps no order in a basket, so
/// a hash of the ids chooses. `None` for fewer than [`LEAST_ITEMS`] items.
pub fn hide_a_third(log: &PurchaseLog, customer: usize, order: usize) -> Option<(Vec<u32>, Vec<u32>)> {
    let mut hidden = log.items_of(order..order + 1);
    if hidden.len() < LEAST_ITEMS {
        return None;
    }
    hidden.sort_by_cached_key(|&item| hash(log.customer_ids.value(customer), log.item_ids.value(item as usize)));
    let shown = hidden.split_off(hidden.len() / 3);
    hidden.sort_unstable();
    Some((shown, hidden))
}

/// A number that depends on the ids alone, not on what else was read.
fn hash(customer: &str, item: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(HIDING);
    hasher.update(&(customer.len() as u64).to_le_bytes()).update(customer.as_bytes()).update(item.as_bytes());
    *hasher.finalize().as_bytes()
}
