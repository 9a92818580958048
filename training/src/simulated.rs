//! A simulated shop in memory, for benches and tests of the customer side: no catalogue, one line an order.

use arrow::array::StringArray;
use shopkeeper_models::calendar::Day;

use crate::log::{Catalogue, PurchaseLog};
use crate::split_mix::{STEP, split_mix};

/// Customers of an exponential pace each who leave after some purchase, over two years; one line an order.
pub fn log(customers: u32) -> PurchaseLog {
    let mut state = 42_u64;
    let mut uniform = move || {
        let drawn = split_mix(state);
        state = state.wrapping_add(STEP);
        (drawn >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (first, days) = (17_000, 730.0);
    let (mut offsets, mut order_day, mut amounts) = (vec![0_u32], Vec::new(), Vec::new());
    for _ in 0..customers {
        let (gap, stays, worth) = (20.0 + 200.0 * uniform().powi(2), 0.8 + 0.2 * uniform(), 10.0 + 90.0 * uniform());
        let mut at = days * 0.8 * uniform();
        while at < days {
            order_day.push(first + at as Day);
            amounts.push(worth * (0.5 + uniform()));
            at += 1.0 - gap * (1.0 - uniform()).ln();
            if uniform() > stays {
                break;
            }
        }
        offsets.push(order_day.len() as u32);
    }
    let orders = order_day.len();
    PurchaseLog {
        customer_ids: StringArray::from_iter_values((0..customers).map(|customer| format!("{customer:08}"))),
        item_ids: StringArray::from(vec!["0"]),
        catalogue: Catalogue { title: vec![None], category: vec![None], brand: vec![None], price: vec![None], available: vec![true] },
        order_offsets: offsets,
        order_time: order_day.iter().map(|day| i64::from(*day) * 86_400).collect(),
        order_day,
        order_channel: vec![u16::MAX; orders],
        order_discount: Vec::new(),
        channels: Vec::new(),
        line_offsets: (0..=orders as u32).collect(),
        line_item: vec![0; orders],
        line_quantity: vec![1.0; orders],
        line_amount: amounts,
        returns: Vec::new(),
        as_of: i64::from(first + days as Day) * 86_400,
        as_of_day: first + days as Day,
        timezone: "UTC".into(),
    }
}
