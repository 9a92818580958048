//! Tempo: what each customer's purchase days say, as it was known at some day.

use std::collections::BTreeSet;

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::churn::ChurnInputs;

use crate::habits::usual;
use crate::log::Past;

/// The windows of [`Tempo::days_in_last`].
pub const DAY_WINDOWS: [u32; 5] = [14, 28, 56, 91, 182];
/// The windows of [`Tempo::spend_in_last`].
pub const SPEND_WINDOWS: [u32; 2] = [28, 91];

/// The windows of [`Tempo::days_year_ago`].
pub const YEAR_AGO_WINDOWS: [u32; 4] = [28, 56, 91, 182];
/// In how many days each purchase day of [`Tempo::fading`] fades to 1/e.
const FADING: [f64; 3] = [10.0, 30.0, 90.0];
/// Share of own gaps that [`Tempo::wide_gap`] is not shorter than.
const WIDE: f64 = 0.9;
/// Days of a year of whole weeks: the same weekday in the same season.
pub const YEAR: u32 = 364;

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
    /// Mean of the last four gaps, shrunk towards `gap_days` by one gap.
    pub recent_gap_days: f64,
    /// Root mean square of own gaps less `gap_days`, shrunk towards `gap_days` by one gap.
    pub gap_spread: f64,
    /// Own gaps at least as long as the present silence.
    pub gaps_as_long: u32,
    /// What nine of ten own gaps stay within; `gap_days` with one purchase.
    pub wide_gap: f64,
    /// Days by which own gaps were longer than [`YEAR_AGO_WINDOWS`], all together.
    pub days_in_longer_gaps: [u32; 4],
    /// Share of purchase days on the most frequent weekday, shrunk towards 1/7 by one week.
    pub usual_weekday_share: f64,
    /// Purchase days in the last [`DAY_WINDOWS`] days.
    pub days_in_last: [u32; 5],
    /// Purchase days, each fading to 1/e in 10, 30 and 90 days.
    pub fading: [f64; 3],
    /// Purchase days in the [`YEAR_AGO_WINDOWS`] days from [`YEAR`] days before as-of on.
    pub days_year_ago: [u32; 4],
    /// Spend in the last [`SPEND_WINDOWS`] days less what came back of it; not below 0 for any day.
    pub spend_in_last: [f64; 2],
    /// Spend of the purchase day with the most.
    pub largest_day: f64,
    /// All that was paid less all that was paid back, as the shop's books have it; below 0 where more was paid back.
    pub spend: f64,
    /// All that was paid, whatever came back of it.
    pub paid: f64,
    /// `spend` of the lines after the first purchase day.
    pub repeat_spend: f64,
    /// Distinct items, those sent back left out.
    pub distinct_items: u32,
    /// Distinct categories of those.
    pub distinct_categories: u32,
    /// Order lines.
    pub lines: u32,
    /// Return lines.
    pub returns: u32,
    /// Share of the price that discounts took off, 0 to 1; none where the shop has no discounts.
    pub discount_share: Option<f64>,
    /// Through which channels they order; none where no order of theirs says one.
    pub channels: Option<ChannelMix>,
    /// Typical days between purchases: the customer's mean gap, shrunk towards the shop's by one gap. 0 without an order.
    pub gap_days: f64,
}

/// Through which channels somebody orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelMix {
    /// Different channels, at least 1.
    pub channels: u32,
    /// Share of the orders that came through the most used one, above 0 to 1.
    pub usual_share: f64,
    /// Share of the last three orders that came through another, 0 to 1.
    pub shift: f64,
}

/// The last orders that [`ChannelMix::shift`] looks at.
const LATEST: usize = 3;

impl Tempo {
    /// First to last purchase t_x, days.
    pub fn recency_days(&self) -> u32 {
        (self.last_day - self.first_day) as u32
    }

    /// Repeat purchase days x.
    pub fn frequency(&self) -> u32 {
        self.purchase_days.saturating_sub(1)
    }

    /// Purchase days in the season of such a horizon a year ago.
    pub fn in_season(&self, horizon_days: u32) -> u32 {
        self.days_year_ago[window_of(horizon_days)]
    }

    /// What the churn model looks at, with the buy-till-you-die model's P(no purchase within the horizon).
    pub fn churn_inputs(&self, horizon_days: u32, p_no_purchase: f64) -> ChurnInputs {
        ChurnInputs {
            purchase_days: self.purchase_days,
            age_days: self.age_days,
            days_since_last: self.days_since_last,
            gap_days: self.gap_days,
            longest_gap: self.longest_gap,
            recent_gap_days: self.recent_gap_days,
            gap_spread: self.gap_spread,
            gaps_as_long: self.gaps_as_long,
            wide_gap: self.wide_gap,
            days_in_long_gaps: self.days_in_longer_gaps[window_of(horizon_days)],
            usual_weekday_share: self.usual_weekday_share,
            days_in_last: self.days_in_last,
            fading: self.fading,
            spend_per_day: self.spend_per_day(),
            spend_in_last: self.spend_in_last,
            largest_day: self.largest_day,
            distinct_items: self.distinct_items,
            lines: self.lines,
            distinct_categories: self.distinct_categories,
            returned_share: f64::from(self.returns) / f64::from((self.lines + self.returns).max(1)),
            days_year_ago: self.in_season(horizon_days),
            discount_share: self.discount_share.unwrap_or(0.0),
            channels: self.channels.map_or(0, |mix| mix.channels),
            usual_channel_share: self.channels.map_or(0.0, |mix| mix.usual_share),
            channel_shift: self.channels.map_or(0.0, |mix| mix.shift),
            p_no_purchase,
        }
    }

    /// Share of what they paid that the shop still has, 0 to 1; 1 of who paid nothing.
    pub fn kept_share(&self) -> f64 {
        if self.paid > 0.0 { (self.spend / self.paid).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// Mean spend a purchase day; not below 0.
    pub fn spend_per_day(&self) -> f64 {
        self.spend.max(0.0) / f64::from(self.purchase_days.max(1))
    }
}

/// The place of the [`YEAR_AGO_WINDOWS`] that is as long as a horizon or a little longer.
fn window_of(horizon_days: u32) -> usize {
    YEAR_AGO_WINDOWS.iter().position(|&days| days >= horizon_days).unwrap_or(YEAR_AGO_WINDOWS.len() - 1)
}

/// Counts every customer.
pub fn tempos(past: &Past<'_>) -> Vec<Tempo> {
    tempos_of(past, &(0..past.log().customers()).collect::<Vec<_>>())
}

/// Counts these customers, as if there were no others.
pub fn tempos_of(past: &Past<'_>, customers: &[usize]) -> Vec<Tempo> {
    let mut tempos: Vec<Tempo> = customers.par_iter().map(|&customer| tempo(past, customer)).collect();
    let (gaps, days) = tempos
        .iter()
        .fold((0_u64, 0_u64), |(gaps, days), tempo| (gaps + u64::from(tempo.frequency()), days + u64::from(tempo.recency_days())));
    // a shop where nobody came twice: the mean age stands in for a gap that was never seen
    let ages: u64 = tempos.iter().map(|tempo| u64::from(tempo.age_days)).sum();
    let buyers = tempos.iter().filter(|tempo| tempo.orders > 0).count().max(1);
    let shop_gap = if gaps > 0 { days as f64 / gaps as f64 } else { ages as f64 / buyers as f64 }.max(1.0);
    tempos.par_iter_mut().zip(customers).for_each(|(tempo, &customer)| rhythm(tempo, past, customer, shop_gap));
    tempos
}

/// What is known of a customer's gaps once the shop's mean gap is known.
fn rhythm(tempo: &mut Tempo, past: &Past<'_>, customer: usize, shop_gap: f64) {
    if tempo.orders == 0 {
        return;
    }
    let gap_days = (f64::from(tempo.recency_days()) + shop_gap) / f64::from(tempo.frequency() + 1);
    let days = &past.log().order_day[past.orders_of(customer)];
    let gaps = || days.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap > 0);
    let n = f64::from(tempo.frequency());
    let square = gaps().map(|gap| (f64::from(gap) - gap_days).powi(2)).sum::<f64>();
    let (recent, of) = gaps().rev().take(4).fold((0.0, 0.0), |(sum, n), gap| (sum + f64::from(gap), n + 1.0));
    tempo.gap_days = gap_days;
    tempo.gap_spread = ((square + gap_days * gap_days) / (n + 1.0)).sqrt();
    tempo.recent_gap_days = (recent + gap_days) / (of + 1.0);
    let mut ascending: Vec<i32> = gaps().collect();
    ascending.sort_unstable();
    let wide = (WIDE * ascending.len() as f64).ceil() as usize;
    tempo.wide_gap = ascending.get(wide.saturating_sub(1)).map_or(gap_days, |&gap| gap.into());
    tempo.days_in_longer_gaps = YEAR_AGO_WINDOWS.map(|window| gaps().map(|gap| (gap as u32).saturating_sub(window)).sum());
    tempo.gaps_as_long = gaps().filter(|&gap| gap as u32 >= tempo.days_since_last).count() as u32;
}

fn tempo(past: &Past<'_>, customer: usize) -> Tempo {
    let (log, orders) = (past.log(), past.orders_of(customer));
    let mut tempo = Tempo { orders: orders.len() as u32, returns: past.returns_of(customer).len() as u32, ..Tempo::default() };
    tempo.spend = -past.unmatched_refunds_of(customer).map(|(_, amount)| amount).sum::<f64>();
    let Some(first) = orders.clone().next() else { return tempo };
    (tempo.first_day, tempo.last_day) = (log.order_day[first], log.order_day[first]);
    let (mut items, mut categories) = (BTreeSet::new(), BTreeSet::new());
    let mut weekdays = [0_u32; 7];
    for same_day in log.order_day[orders.clone()].chunk_by(|a, b| a == b).scan(first, |next, days| {
        *next += days.len();
        Some(*next - days.len()..*next)
    }) {
        let day = log.order_day[same_day.start];
        let ago = past.days_ago(day);
        tempo.longest_gap = tempo.longest_gap.max((day - tempo.last_day) as u32);
        tempo.last_day = day;
        tempo.purchase_days += 1;
        weekdays[day.rem_euclid(7) as usize] += 1;
        let mut spend = 0.0;
        for line in same_day.flat_map(|order| past.lines_of(order)) {
            tempo.lines += 1;
            spend += line.amount;
            if line.quantity > 0.0 {
                items.insert(line.item);
                categories.extend(log.catalogue.category[line.item as usize].as_deref());
            }
        }
        tempo.spend += spend;
        tempo.largest_day = tempo.largest_day.max(spend);
        if day > tempo.first_day {
            tempo.repeat_spend += spend;
        }
        for (days, window) in tempo.days_in_last.iter_mut().zip(DAY_WINDOWS) {
            *days += u32::from(ago < window);
        }
        for (fading, days) in tempo.fading.iter_mut().zip(FADING) {
            *fading += (-f64::from(ago) / days).exp();
        }
        for (days, window) in tempo.days_year_ago.iter_mut().zip(YEAR_AGO_WINDOWS) {
            // an order on the day before as-of is 0 days ago, so that the same day a year before the first of the horizon is 363 days ago
            *days += u32::from(ago < YEAR && ago + window >= YEAR);
        }
        for (sum, window) in tempo.spend_in_last.iter_mut().zip(SPEND_WINDOWS) {
            *sum += if ago < window { spend.max(0.0) } else { 0.0 };
        }
    }
    let after_first = past.unmatched_refunds_of(customer).filter(|&(day, _)| day > tempo.first_day);
    tempo.repeat_spend -= after_first.map(|(_, amount)| amount).sum::<f64>();
    let most = weekdays.into_iter().max().unwrap_or(0);
    tempo.usual_weekday_share = f64::from(most + 1) / f64::from(tempo.purchase_days + 7);
    tempo.paid = log.line_amount[log.lines_of(orders.start).start..log.lines_of(orders.end - 1).end].iter().sum();
    if !log.order_discount.is_empty() {
        let discount = log.order_discount[orders.clone()].iter().sum::<f64>();
        tempo.discount_share = Some(if discount > 0.0 { discount / (discount + tempo.paid) } else { 0.0 });
    }
    tempo.channels = channel_mix(&log.order_channel[orders], log.channels.len());
    tempo.distinct_items = items.len() as u32;
    tempo.distinct_categories = categories.len() as u32;
    tempo.age_days = past.days_ago(tempo.first_day);
    tempo.days_since_last = past.days_ago(tempo.last_day);
    tempo
}

fn channel_mix(of_orders: &[u16], known: usize) -> Option<ChannelMix> {
    let said: Vec<u16> = of_orders.iter().copied().filter(|&channel| usize::from(channel) < known).collect();
    let usual = usual(said.iter().copied())?;
    let mut distinct = said.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let latest = &said[said.len().saturating_sub(LATEST)..];
    let share = |of: &[u16]| of.iter().filter(|&&channel| channel == usual).count() as f64 / of.len() as f64;
    Some(ChannelMix { channels: distinct.len() as u32, usual_share: share(&said), shift: 1.0 - share(latest) })
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
