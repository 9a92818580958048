//! Lifecycle: who has come back from a silence as long as that of the lapsed.

use rayon::prelude::*;

use crate::log::Past;
use crate::tempo::Tempo;

/// For each customer the purchase days since their latest silence of more than `lapsed_gaps` of the gaps that were known before it, the one that
/// ended it included; `None` without such a silence.
///
/// The gap known before a silence is what [`Tempo::gap_days`] was then, so that whoever this finds was lapsed by the very rule when they came back.
pub fn purchase_days_since_return(past: &Past<'_>, tempos: &[Tempo], lapsed_gaps: f64) -> Vec<Option<u32>> {
    let days = &past.log().order_day;
    let one = |(customer, tempo): (usize, &Tempo)| {
        // the shop's gap as it stands in every customer's own
        let shop_gap = (tempo.gap_days * f64::from(tempo.frequency() + 1) - f64::from(tempo.recency_days())).max(1.0);
        let mut visits = days[past.orders_of(customer)].iter().copied();
        let first = visits.next()?;
        let (mut last, mut seen, mut since) = (first, 1, None);
        for day in visits.filter(|&day| day > first) {
            if day == last {
                continue;
            }
            let gap = (f64::from(last - first) + shop_gap) / f64::from(seen);
            since = if f64::from(day - last) > lapsed_gaps * gap { Some(1) } else { since.map(|days| days + 1) };
            (last, seen) = (day, seen + 1);
        }
        since
    };
    tempos.par_iter().enumerate().map(|(customer, tempo)| one((customer, tempo))).collect()
}
