//! Items: the catalogue joined with how each item had sold by some day.

use arrow::array::{BooleanArray, Float64Array, StringArray};
use shopkeeper_models::CustomerIx;
use shopkeeper_models::histories::Histories;
use shopkeeper_models::items::{Items, RECENT_DAYS, WEEK_DAYS};
use shopkeeper_models::table::Nullable;

use crate::log::Past;

/// Buyers added to an item's own when its repeat rate and gap are shrunk towards the shop's means.
const SHRINKAGE: f64 = 10.0;

#[derive(Clone, Copy, Default)]
struct Tally {
    baskets: u32,
    buyers: u32,
    recent_buyers: u32,
    new_buyers: u32,
    week_buyers: u32,
    earlier_buyers: u32,
    kept_buyers: u32,
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
            tally.new_buyers += u32::from(bought.days_since_first < RECENT_DAYS as u32);
            tally.week_buyers += u32::from(bought.days_since_last < WEEK_DAYS as u32);
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
    earlier_and_kept(past, &mut tallies);
    let total = |field: fn(&Tally) -> f64| tallies.iter().map(field).sum::<f64>();
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let mean_rate = ratio(total(|t| t.repeat_buyers.into()), total(|t| t.buyers.into()));
    let mean_recent_rate = ratio(total(|t| t.kept_buyers.into()), total(|t| t.earlier_buyers.into()));
    let shrunk = |part: u32, whole: u32, mean: f64| ((f64::from(part) + SHRINKAGE * mean) / (f64::from(whole) + SHRINKAGE)) as f32;
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
        new_buyers: tallies.iter().map(|t| t.new_buyers).collect::<Vec<_>>().into(),
        week_buyers: tallies.iter().map(|t| t.week_buyers).collect::<Vec<_>>().into(),
        revenue: tallies.iter().map(|t| t.revenue).collect::<Vec<_>>().into(),
        repeat_rate: tallies.iter().map(|t| shrunk(t.repeat_buyers, t.buyers, mean_rate)).collect::<Vec<_>>().into(),
        recent_repeat_rate: tallies.iter().map(|t| shrunk(t.kept_buyers, t.earlier_buyers, mean_recent_rate)).collect::<Vec<_>>().into(),
        gap_days: tallies
            .iter()
            .map(|t| ((t.gap_days as f64 + SHRINKAGE * mean_gap) / (f64::from(t.gaps) + SHRINKAGE)) as f32)
            .collect::<Vec<_>>()
            .into(),
    }
}

/// Counts who bought each item in the eight weeks before the recent days, and who of them did again.
fn earlier_and_kept(past: &Past<'_>, tallies: &mut [Tally]) {
    let recent = RECENT_DAYS as u32;
    let mut days: Vec<(u32, u32)> = Vec::new();
    for customer in 0..past.log().customers() {
        days.clear();
        for order in past.orders_of(customer) {
            let ago = past.days_ago(past.log().order_day[order]);
            if ago < 3 * recent {
                days.extend(past.lines_of(order).filter(|line| line.quantity > 0.0).map(|line| (line.item, ago)));
            }
        }
        days.sort_unstable();
        for of_item in days.chunk_by(|a, b| a.0 == b.0).filter(|of_item| of_item.iter().any(|&(_, ago)| ago >= recent)) {
            let tally = &mut tallies[of_item[0].0 as usize];
            tally.earlier_buyers += 1;
            tally.kept_buyers += u32::from(of_item[0].1 < recent);
        }
    }
}
