//! Season: what the same weeks of a year ago say of the pace of a shop in the weeks to come.

use shopkeeper_models::calendar::Day;

use crate::log::Past;
use crate::tempo::YEAR;

/// Fewer days than this before the same day a year ago say nothing of how the pace changed then.
const FEWEST_DAYS: Day = 7;
/// Fewer purchase days than this in any of the windows say nothing.
const FEWEST_PURCHASES: u32 = 200;
/// Where a smaller share of the purchase days is somebody's first, the shop's books follow a closed group, whose pace falls with its age.
const LEAST_JOINING: f64 = 0.01;
/// The most that a season is believed to change the pace by, either way, as a factor.
const MOST: f64 = 4.0;

/// A shop's purchase days, by calendar day.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    first: Day,
    /// Customers who bought on each day from the first on.
    bought: Vec<u32>,
    /// Of whom for the first time.
    joined: Vec<u32>,
}

impl Pace {
    /// Counts what is known.
    pub fn of(past: &Past<'_>) -> Self {
        let Some((first, _)) = past.log().days() else { return Self::default() };
        let days = (past.day - first).max(0) as usize;
        let mut pace = Self { first, bought: vec![0; days], joined: vec![0; days] };
        for customer in 0..past.log().customers() {
            let of_customer = &past.log().order_day[past.orders_of(customer)];
            for (at, same) in of_customer.chunk_by(|a, b| a == b).enumerate() {
                let day = (same[0] - first) as usize;
                pace.bought[day] += 1;
                pace.joined[day] += u32::from(at == 0);
            }
        }
        pace
    }

    /// By how much the pace in the `horizon` days from `day` on will differ from that of the days `then`, as a logarithm: as if it went on from the
    /// days before `day` as it did a year ago. `None` where the history is shorter than a year and a week, or says too little.
    pub fn change(&self, day: Day, horizon: Day, then: std::ops::Range<Day>) -> Option<f64> {
        let year_ago = day - YEAR as Day;
        let before = horizon.min(year_ago - self.first);
        if before < FEWEST_DAYS || horizon > YEAR as Day {
            return None;
        }
        let joined = sum(&self.joined, self.first, day - horizon..day)? / sum(&self.bought, self.first, day - horizon..day)?;
        let pace = |days: std::ops::Range<Day>| {
            let length = f64::from(days.end - days.start);
            Some(sum(&self.bought, self.first, days).filter(|&bought| bought >= FEWEST_PURCHASES.into())? / length)
        };
        let went_on = pace(year_ago..year_ago + horizon)? / pace(year_ago - before..year_ago)?;
        let change = (pace(day - before..day)? * went_on / pace(then)?).clamp(1.0 / MOST, MOST).ln();
        Some(change).filter(|_| joined >= LEAST_JOINING)
    }
}

/// The sum over some days; `None` where they are not all known.
fn sum(of_day: &[u32], first: Day, days: std::ops::Range<Day>) -> Option<f64> {
    let at = |day: Day| usize::try_from(day - first).ok();
    Some(of_day.get(at(days.start)?..at(days.end)?)?.iter().sum::<u32>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 purchases a day, 40 in the last quarter of each year of 364 days; a tenth of them by new customers.
    fn pace(days: Day) -> Pace {
        let bought: Vec<u32> = (0..days).map(|day| if day % 364 >= 273 { 40 } else { 20 }).collect();
        Pace { first: 1000, joined: bought.iter().map(|bought| bought / 10).collect(), bought }
    }

    #[test]
    fn what_came_a_year_ago_is_expected_again() {
        let year_and = |days: Day| 1000 + 364 + days;
        let change = |known: Day, horizon: Day| {
            let day = year_and(known);
            pace(364 + known).change(day, horizon, day - horizon..day)
        };
        let near = |found: Option<f64>, factor: f64| found.is_some_and(|found| (found - f64::ln(factor)).abs() < 1e-9);
        assert!(near(change(273, 91), 2.0), "the rush is to come");
        assert!(near(change(364, 91), 0.5), "the rush is over");
        assert!(near(change(182, 56), 1.0));
        assert_eq!(change(5, 91), None, "five days a year ago say nothing");
        let closed = Pace { joined: vec![0; 700], ..pace(700) };
        assert_eq!(closed.change(1700, 91, 1609..1700), None, "a closed group");
        assert_eq!(Pace::default().change(1700, 91, 1609..1700), None);
    }
}
