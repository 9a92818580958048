//! Histories: what each customer had bought at some day, item by item.

use rayon::prelude::*;
use shopkeeper_models::histories::{Bought, FAST_HALF_LIFE, Histories, ORDER_DECAY, SLOW_HALF_LIFE};
use shopkeeper_models::items::RECENT_DAYS;
use shopkeeper_models::{CustomerIx, ItemIx};

use crate::log::Past;

/// Counts every customer's items.
pub fn fit(past: &Past<'_>) -> Histories {
    let rows: Vec<Vec<Bought>> = (0..past.log().customers()).into_par_iter().map(|customer| history(past, customer)).collect();
    Histories::new(&rows)
}

/// The distinct items with at least one kept order, for every customer: compressed sparse rows.
pub fn items_of_customers(histories: &Histories, most: usize) -> Vec<Vec<u32>> {
    (0..histories.customers() as u32)
        .into_par_iter()
        .map(|customer| {
            let mut kept: Vec<Bought> = histories.of(CustomerIx(customer)).filter(|bought| bought.orders > 0).collect();
            if kept.len() > most {
                kept.select_nth_unstable_by(most - 1, |a, b| b.slow.total_cmp(&a.slow).then(a.item.cmp(&b.item)));
                kept.truncate(most);
            }
            kept.iter().map(|bought| bought.item.0).collect()
        })
        .collect()
}

fn history(past: &Past<'_>, customer: usize) -> Vec<Bought> {
    let orders = past.orders_of(customer);
    let newest = orders.end;
    let all_orders: f64 = (0..orders.len()).map(|since| ORDER_DECAY.powi(since as i32)).sum();
    // (item, orders since then, days ago, units kept), so that one item's lines stand together, newest first
    let mut lines: Vec<(u32, u32, u32, f32)> = Vec::new();
    for order in orders {
        let days_ago = past.days_ago(past.log().order_day[order]);
        lines.extend(past.lines_of(order).map(|line| (line.item, (newest - 1 - order) as u32, days_ago, line.quantity)));
    }
    lines.extend(past.returns_of(customer).map(|back| (back.item, u32::MAX, past.days_ago(back.day), 0.0)));
    lines.sort_unstable_by_key(|line| (line.0, line.1, line.2));
    let half_life = |days_ago: u32, days: f64| 0.5_f64.powf(f64::from(days_ago) / days);
    lines
        .chunk_by(|a, b| a.0 == b.0)
        .map(|lines| {
            let kept = || lines.iter().filter(|line| line.3 > 0.0);
            Bought {
                item: ItemIx(lines[0].0),
                orders: kept().count() as u32,
                recent_orders: kept().filter(|line| line.2 < RECENT_DAYS as u32).count() as u32,
                units: kept().map(|line| line.3).sum(),
                days_since_last: kept().map(|line| line.2).min().unwrap_or(lines[0].2),
                days_since_first: kept().map(|line| line.2).max().unwrap_or(lines[0].2),
                fast: kept().map(|line| half_life(line.2, FAST_HALF_LIFE)).sum::<f64>() as f32,
                slow: kept().map(|line| half_life(line.2, SLOW_HALF_LIFE)).sum::<f64>() as f32,
                by_order: (kept().map(|line| ORDER_DECAY.powi(line.1.min(10_000) as i32)).sum::<f64>() / all_orders.max(f64::MIN_POSITIVE))
                    as f32,
            }
        })
        .collect()
}
