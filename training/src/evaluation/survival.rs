//! Survival of the silence after a purchase: Kaplan & Meier (1958), "Nonparametric Estimation from Incomplete Observations", JASA 53(282).

use shopkeeper_models::evaluation::Survival;

use crate::log::Past;

/// Points of a curve after the first.
const POINTS: u32 = 40;

/// Share of customers who have not yet bought again, by days since a purchase; up to twice `horizon_days`, but no longer than anyone was watched.
/// `None` where nobody has bought again.
pub fn survival(past: &Past<'_>, horizon_days: u32) -> Option<Survival> {
    // (days until the next purchase or until as-of, whether it came) after a first and after a later purchase day
    let mut waits = [Vec::new(), Vec::new()];
    for customer in 0..past.log().customers() {
        let mut days = past.log().order_day[past.orders_of(customer)].to_vec();
        days.dedup();
        for (at, &day) in days.iter().enumerate() {
            let next = days.get(at + 1);
            waits[usize::from(at > 0)].push((next.map_or_else(|| past.days_ago(day), |next| (next - day) as u32), next.is_some()));
        }
    }
    let longest = waits.iter().flatten().map(|wait| wait.0).max()?.min(2 * horizon_days);
    if !waits.iter().flatten().any(|wait| wait.1) || longest == 0 {
        return None;
    }
    let days: Vec<u32> = (0..=POINTS).map(|point| longest * point / POINTS).collect();
    let [after_first, after_later] = waits.map(|waits| curve(waits, &days));
    Some(Survival { days, after_first, after_later })
}

/// S(t) = the product over days up to t of 1 - bought again on the day / still watched on it. Example: waits of 2 (bought), 3 (watched no longer)
/// and 5 (bought): S = 1, 2/3 from day 2, 0 from day 5.
fn curve(mut waits: Vec<(u32, bool)>, days: &[u32]) -> Vec<f64> {
    waits.sort_unstable();
    let (mut left, mut share, mut curve) = (waits.len(), 1.0, Vec::new());
    let mut same_day = waits.chunk_by(|a, b| a.0 == b.0).peekable();
    for &day in days {
        while let Some(waits) = same_day.next_if(|waits| waits[0].0 <= day) {
            let bought = waits.iter().filter(|wait| wait.1).count();
            share *= 1.0 - bought as f64 / left as f64;
            left -= waits.len();
        }
        curve.push(share);
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_holds() {
        let waits = vec![(5, true), (2, true), (3, false)];
        let expected = [1.0, 2.0 / 3.0, 2.0 / 3.0, 0.0];
        assert!(curve(waits, &[0, 2, 4, 5]).iter().zip(expected).all(|(share, expected)| (share - expected).abs() < 1e-12));
        assert_eq!(curve(Vec::new(), &[0, 9]), [1.0, 1.0]);
    }
}
