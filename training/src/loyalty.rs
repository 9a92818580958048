//! Loyalty: what each customer spent and how often they ordered lately, their tier, when it ends, and their points.

use arrow::array::{Float64Array, Int32Array, UInt8Array};
use rayon::prelude::*;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::loyalty::{Loyalty, LoyaltyRules, LoyaltySettings, LoyaltyTier};
use shopkeeper_models::table::Nullable;

use crate::log::Past;

/// Derived tiers, lowest first, and the share of the customers who ordered lately that spent less.
const DERIVED: [(&str, f64); 3] = [("silver", 0.5), ("gold", 0.8), ("platinum", 0.95)];
/// Fewer customers who ordered lately than this derive no tiers.
const FEWEST: usize = 20;

/// What a customer did within the window, one entry a day with an order, oldest first.
type Days = Vec<(Day, f64, u32)>;

/// The rules: as configured, or derived from the shop.
pub fn rules(settings: &LoyaltySettings, past: &Past<'_>) -> LoyaltyRules {
    let tiers = settings.tiers.clone();
    LoyaltyRules {
        window_days: settings.window_days,
        derived: tiers.is_none(),
        tiers: tiers.unwrap_or_else(|| derive(past, settings.window_days)),
        points_per_unit: settings.points_per_unit,
        points_expire_days: settings.points_expire_days,
    }
}

fn derive(past: &Past<'_>, window_days: u32) -> Vec<LoyaltyTier> {
    let totals = |customer| {
        let days = days_of(past, customer, window_days);
        days.iter().fold((0.0, 0), |(spend, orders), &(_, of_day, count)| (spend + of_day, orders + count))
    };
    let mut lately: Vec<(f64, u32)> =
        (0..past.log().customers()).into_par_iter().map(totals).filter(|&(spend, orders)| orders > 0 && spend > 0.0).collect();
    if lately.len() < FEWEST {
        return Vec::new();
    }
    lately.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut tiers: Vec<LoyaltyTier> = Vec::new();
    for (name, share) in DERIVED {
        let min_spend = two_digits(lately[(share * lately.len() as f64) as usize].0);
        let mut orders: Vec<u32> = lately.iter().filter(|(spend, _)| *spend >= min_spend).map(|&(_, orders)| orders).collect();
        orders.sort_unstable();
        let min_orders = orders.get(orders.len() / 4).copied().unwrap_or(1).max(tiers.last().map_or(1, |tier| tier.min_orders));
        if tiers.last().is_none_or(|tier| min_spend > tier.min_spend) {
            tiers.push(LoyaltyTier { name: name.into(), min_spend, min_orders });
        }
    }
    tiers
}

/// A threshold that people can remember: 1,234.5 as 1,200.
fn two_digits(value: f64) -> f64 {
    let scale = 10_f64.powf(value.log10().floor() - 1.0);
    let rounded = (value / scale).round() * scale;
    if rounded.is_finite() { (rounded * 1e6).round() / 1e6 } else { value }
}

/// The days with an order of the last `window_days`, oldest first. What came back is taken off the order that it was bought in.
fn days_of(past: &Past<'_>, customer: usize, window_days: u32) -> Days {
    let log = past.log();
    let mut days: Days = Vec::new();
    for order in past.orders_of(customer).filter(|&order| past.days_ago(log.order_day[order]) < window_days) {
        let (day, spend) = (log.order_day[order], past.lines_of(order).map(|line| line.amount).sum::<f64>().max(0.0));
        match days.last_mut().filter(|last| last.0 == day) {
            Some(last) => (last.1, last.2) = (last.1 + spend, last.2 + 1),
            None => days.push((day, spend, 1)),
        }
    }
    days
}

/// What is said of one customer.
#[derive(Default)]
struct Row {
    tier: Option<usize>,
    spend: f64,
    orders: u32,
    falls: Option<(Day, Option<usize>)>,
    points: Option<f64>,
    expiring: Option<(Day, f64)>,
}

/// One row a customer of the log.
pub fn fit(past: &Past<'_>, rules: &LoyaltyRules) -> Loyalty {
    let rows: Vec<Row> = (0..past.log().customers()).into_par_iter().map(|customer| row(past, customer, rules)).collect();
    let day = |of: fn(&Row) -> Option<Day>| Nullable(rows.iter().map(of).collect::<Int32Array>());
    let tier = |of: fn(&Row) -> Option<usize>| Nullable(rows.iter().map(|row| of(row).map(|tier| tier as u8)).collect::<UInt8Array>());
    let points = |of: fn(&Row) -> Option<f64>| Nullable(rows.iter().map(of).collect::<Float64Array>());
    Loyalty {
        tier: tier(|row| row.tier),
        spend: rows.iter().map(|row| row.spend).collect::<Vec<_>>().into(),
        orders: rows.iter().map(|row| row.orders).collect::<Vec<_>>().into(),
        falls_on: day(|row| row.falls.map(|(day, _)| day)),
        falls_to: tier(|row| row.falls.and_then(|(_, tier)| tier)),
        points: points(|row| row.points),
        points_expiring: points(|row| row.expiring.map(|(_, points)| points)),
        points_expire_on: day(|row| row.expiring.map(|(day, _)| day)),
    }
}

fn row(past: &Past<'_>, customer: usize, rules: &LoyaltyRules) -> Row {
    let days = days_of(past, customer, rules.window_days);
    // the sum from each day on, so that what remains after the oldest days are gone is not a difference
    let mut remaining = vec![(0.0, 0); days.len() + 1];
    for (at, &(_, spend, orders)) in days.iter().enumerate().rev() {
        remaining[at] = (remaining[at + 1].0 + spend, remaining[at + 1].1 + orders);
    }
    let (spend, orders) = remaining[0];
    let tier = rules.tier(spend, orders);
    let falls = tier.and_then(|tier| {
        let lower = |&at: &usize| rules.tier(remaining[at + 1].0, remaining[at + 1].1).is_none_or(|left| left < tier);
        let at = (0..days.len()).find(lower)?;
        // an order counts on its own day and the window's other days
        Some((days[at].0.saturating_add_unsigned(rules.window_days), rules.tier(remaining[at + 1].0, remaining[at + 1].1)))
    });
    let mut row = Row { tier, spend, orders, falls, ..Row::default() };
    if let Some(per_unit) = rules.points_per_unit {
        points(past, customer, per_unit, rules.points_expire_days, &mut row);
    }
    row
}

fn points(past: &Past<'_>, customer: usize, per_unit: f64, expire_days: Option<u32>, row: &mut Row) {
    let log = past.log();
    let mut sum = 0.0;
    for order in past.orders_of(customer).filter(|&order| expire_days.is_none_or(|days| past.days_ago(log.order_day[order]) < days)) {
        // a hundredth of a cent is what money lacks when it is kept as a float
        let earned = (past.lines_of(order).map(|line| line.amount).sum::<f64>() * per_unit + 1e-4).floor().max(0.0);
        sum += earned;
        if let Some(days) = expire_days.filter(|_| earned > 0.0) {
            let day = log.order_day[order].saturating_add_unsigned(days);
            row.expiring = match row.expiring {
                Some((first, points)) if first == day => Some((first, points + earned)),
                Some(earlier) => Some(earlier),
                None => Some((day, earned)),
            };
        }
    }
    row.points = Some(sum);
}
