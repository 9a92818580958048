//! Items: the catalogue joined with how each item had sold by some day.

use arrow::array::{BooleanArray, Float64Array, StringArray};
use shopkeeper_models::CustomerIx;
use shopkeeper_models::histories::Histories;
use shopkeeper_models::items::{Items, RECENT_DAYS};
use shopkeeper_models::table::Nullable;

use crate::log::Past;

/// Buyers added to an item's own when its repeat rate and gap are shrunk towards the shop's means.
const SHRINKAGE: f64 = 10.0;

#[derive(Clone, Copy, Default)]
struct Tally {
    baskets: u32,
    buyers: u32,
    recent_buyers: u32,
    repeat_buyers: u32,
    gaps: u32,
    gap_days: u64,
    units: f64,
    revenue: f64,
}

/// Counts every item's sales.
pub fn fit(past: &Past<'_>, histories: &Histories) -> Items {
    let log = past.log();
    let mut tallies = vec![Tally::default(); log.items()];
    for customer in 0..log.customers() {
        for bought in histories.of(CustomerIx(customer as u32)).filter(|bought| bought.orders > 0) {
            let tally = &mut tallies[bought.item.row()];
            tally.baskets += bought.orders;
            tally.buyers += 1;
            tally.recent_buyers += u32::from(bought.days_since_last < RECENT_DAYS as u32);
            if bought.orders > 1 {
                tally.repeat_buyers += 1;
                tally.gaps += bought.orders - 1;
                tally.gap_days += u64::from(bought.days_since_first - bought.days_since_last);
            }
        }
        for line in past.orders_of(customer).flat_map(|order| past.lines_of(order)) {
            let tally = &mut tallies[line.item as usize];
            tally.units += f64::from(line.quantity);
            tally.revenue += line.amount;
        }
    }
    let total = |field: fn(&Tally) -> f64| tallies.iter().map(field).sum::<f64>();
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let mean_rate = ratio(total(|t| t.repeat_buyers.into()), total(|t| t.buyers.into()));
    let mean_gap = ratio(total(|t| t.gap_days as f64), total(|t| t.gaps.into()));
    let price = |row: usize, tally: &Tally| {
        log.catalogue.price[row].or((tally.units > 0.0).then(|| tally.revenue / tally.units)).filter(|price| price.is_finite())
    };
    Items {
        item_id: log.item_ids.clone(),
        title: Nullable(StringArray::from_iter(&log.catalogue.title)),
        category: Nullable(StringArray::from_iter(&log.catalogue.category)),
        brand: Nullable(StringArray::from_iter(&log.catalogue.brand)),
        price: Nullable(tallies.iter().enumerate().map(|(row, tally)| price(row, tally)).collect::<Float64Array>()),
        available: BooleanArray::from(log.catalogue.available.clone()),
        baskets: tallies.iter().map(|t| t.baskets).collect::<Vec<_>>().into(),
        buyers: tallies.iter().map(|t| t.buyers).collect::<Vec<_>>().into(),
        recent_buyers: tallies.iter().map(|t| t.recent_buyers).collect::<Vec<_>>().into(),
        revenue: tallies.iter().map(|t| t.revenue).collect::<Vec<_>>().into(),
        repeat_rate: tallies
            .iter()
            .map(|t| ((f64::from(t.repeat_buyers) + SHRINKAGE * mean_rate) / (f64::from(t.buyers) + SHRINKAGE)) as f32)
            .collect::<Vec<_>>()
            .into(),
        gap_days: tallies
            .iter()
            .map(|t| ((t.gap_days as f64 + SHRINKAGE * mean_gap) / (f64::from(t.gaps) + SHRINKAGE)) as f32)
            .collect::<Vec<_>>()
            .into(),
    }
}
