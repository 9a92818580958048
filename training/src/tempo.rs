//! Tempo: what each customer's purchase days say, as it was known at some day.

use std::collections::BTreeSet;

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::churn::ChurnInputs;

use crate::log::Past;

/// A customer in numbers. Prospects have zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tempo {
    /// Orders.
    pub orders: u32,
    /// Distinct days with an order.
    pub purchase_days: u32,
    /// Day of the first order.
    pub first_day: Day,
    /// Day of the last order.
    pub last_day: Day,
    /// First purchase to as-of, days.
    pub age_days: u32,
    /// Last purchase to as-of, days.
    pub days_since_last: u32,
    /// Longest silence between two purchase days.
    pub longest_gap: u32,
    /// Purchase days in the last 28 days.
    pub days_last_28: u32,
    /// Purchase days in the last 91 days.
    pub days_last_91: u32,
    /// Money spent, returns netted out.
    pub spend: f64,
    /// Money spent after the first purchase day.
    pub repeat_spend: f64,
    /// Distinct items, those sent back left out.
    pub distinct_items: u32,
    /// Distinct categories of those.
    pub distinct_categories: u32,
    /// Order lines.
    pub lines: u32,
    /// Return lines.
    pub returns: u32,
    /// Typical days between purchases: the customer's mean gap, shrunk towards the shop's by one gap.
    pub gap_days: f64,
}

impl Tempo {
    /// First to last purchase t_x, days.
    pub fn recency_days(&self) -> u32 {
        (self.last_day - self.first_day) as u32
    }

    /// Repeat purchase days x.
    pub fn frequency(&self) -> u32 {
        self.purchase_days.saturating_sub(1)
    }

    /// What the churn model looks at.
    pub fn churn_inputs(&self) -> ChurnInputs {
        ChurnInputs {
            purchase_days: self.purchase_days,
            age_days: self.age_days,
            days_since_last: self.days_since_last,
            gap_days: self.gap_days,
            longest_gap: self.longest_gap,
            days_last_28: self.days_last_28,
            days_last_91: self.days_last_91,
            spend_per_day: self.spend.max(0.0) / f64::from(self.purchase_days.max(1)),
            distinct_items: self.distinct_items,
            returned_share: f64::from(self.returns) / f64::from((self.lines + self.returns).max(1)),
        }
    }
}

/// Counts every customer.
pub fn tempos(past: &Past<'_>) -> Vec<Tempo> {
    let mut tempos: Vec<Tempo> = (0..past.log().customers()).into_par_iter().map(|customer| tempo(past, customer)).collect();
    let (gaps, days) = tempos
        .iter()
        .fold((0_u64, 0_u64), |(gaps, days), tempo| (gaps + u64::from(tempo.frequency()), days + u64::from(tempo.recency_days())));
    // a shop where nobody came twice: the mean age stands in for a gap that was never seen
    let ages: u64 = tempos.iter().map(|tempo| u64::from(tempo.age_days)).sum();
    let buyers = tempos.iter().filter(|tempo| tempo.orders > 0).count().max(1);
    let shop_gap = if gaps > 0 { days as f64 / gaps as f64 } else { ages as f64 / buyers as f64 }.max(1.0);
    for tempo in &mut tempos {
        tempo.gap_days = (f64::from(tempo.recency_days()) + shop_gap) / f64::from(tempo.frequency() + 1);
    }
    tempos
}

fn tempo(past: &Past<'_>, customer: usize) -> Tempo {
    let (log, orders) = (past.log(), past.orders_of(customer));
    let mut tempo = Tempo { orders: orders.len() as u32, returns: past.returns_of(customer).len() as u32, ..Tempo::default() };
    let Some(first) = orders.clone().next() else { return tempo };
    tempo.first_day = log.order_day[first];
    tempo.last_day = tempo.first_day;
    tempo.purchase_days = 1;
    let (mut items, mut categories) = (BTreeSet::new(), BTreeSet::new());
    let count_day = |tempo: &mut Tempo, day: Day| {
        let ago = past.days_ago(day);
        tempo.days_last_28 += u32::from(ago < 28);
        tempo.days_last_91 += u32::from(ago < 91);
    };
    count_day(&mut tempo, log.order_day[first]);
    for order in orders {
        let day = log.order_day[order];
        if day > tempo.last_day {
            tempo.longest_gap = tempo.longest_gap.max((day - tempo.last_day) as u32);
            tempo.last_day = day;
            tempo.purchase_days += 1;
            count_day(&mut tempo, day);
        }
        for line in past.lines_of(order) {
            tempo.lines += 1;
            tempo.spend += line.amount;
            if day > tempo.first_day {
                tempo.repeat_spend += line.amount;
            }
            if line.quantity > 0.0 {
                items.insert(line.item);
                categories.extend(log.catalogue.category[line.item as usize].as_deref());
            }
        }
    }
    tempo.distinct_items = items.len() as u32;
    tempo.distinct_categories = categories.len() as u32;
    tempo.age_days = past.days_ago(tempo.first_day);
    tempo.days_since_last = past.days_ago(tempo.last_day);
    tempo
}

/// Days of silence that count as churned when none are given: the shortest of 28, 56, 91, 182 and 365 days that is at least twice the gap that
/// nine of ten repeat purchases stay within, but at most a quarter of the history.
pub fn default_horizon(past: &Past<'_>) -> u32 {
    let log = past.log();
    let mut gaps: Vec<i32> = Vec::new();
    let (mut first, mut last) = (i32::MAX, i32::MIN);
    for customer in 0..log.customers() {
        let days = &log.order_day[past.orders_of(customer)];
        gaps.extend(days.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap > 0));
        if let (Some(&oldest), Some(&newest)) = (days.first(), days.last()) {
            (first, last) = (first.min(oldest), last.max(newest));
        }
    }
    gaps.sort_unstable();
    let wide = gaps.get(gaps.len() * 9 / 10).copied().unwrap_or(28);
    let quarter = (last.saturating_sub(first).max(0) + 1) / 4;
    let steps = [28, 56, 91, 182, 365];
    let wanted = steps.into_iter().find(|&step| step >= 2 * wide).unwrap_or(365);
    let possible = steps.into_iter().rev().find(|&step| step <= quarter).unwrap_or(28);
    wanted.min(possible) as u32
}
