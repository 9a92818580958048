//! Periods: months, weeks, quarters and years of the shop's calendar.

use chrono::{Datelike, NaiveDate, TimeDelta};
use shopkeeper_models::calendar::Day;
use shopkeeper_models::insights::PERIODS;

/// The periods of one length that hold the days looked at.
#[derive(Clone, Debug)]
pub(super) struct Periods {
    /// Its length's name.
    pub(super) name: &'static str,
    /// The first day of each.
    pub(super) starts: Vec<Day>,
    /// The period of each day from the first one on.
    of_day: Vec<u32>,
    first: Day,
}

impl Periods {
    /// Those of every length in [`PERIODS`], for the days `first..end`.
    pub(super) fn all(first: Day, end: Day) -> [Self; 4] {
        std::array::from_fn(|at| Self::new(PERIODS[at], first, end))
    }

    fn new(name: &'static str, first: Day, end: Day) -> Self {
        let (mut starts, mut of_day): (Vec<Day>, _) = (Vec::new(), Vec::new());
        for day in first..end {
            let start = start_of(name, day);
            if starts.last() != Some(&start) {
                starts.push(start);
            }
            of_day.push(starts.len() as u32 - 1);
        }
        Self { name, starts, of_day, first }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The period of a day, which is one of those looked at.
    pub(super) fn of(&self, day: Day) -> usize {
        self.of_day[(day - self.first) as usize] as usize
    }

    /// How many of its days are looked at.
    pub(super) fn days(&self, period: usize) -> u64 {
        self.of_day.iter().filter(|&&of| of as usize == period).count() as u64
    }
}

/// The first day of the period of that length that a day is in. Weeks begin on Monday.
pub(super) fn start_of(name: &str, day: Day) -> Day {
    if name == "week" {
        // 1970-01-01 was a Thursday
        return day - (day + 3).rem_euclid(7);
    }
    let Some(date) = NaiveDate::default().checked_add_signed(TimeDelta::days(day.into())) else { return day };
    let month = match name {
        "month" => date.month(),
        "quarter" => (date.month() - 1) / 3 * 3 + 1,
        _ => 1,
    };
    NaiveDate::from_ymd_opt(date.year(), month, 1).map_or(day, |start| start.to_epoch_days())
}

#[cfg(test)]
mod tests {
    use shopkeeper_models::calendar::{date, day};

    use super::*;

    #[test]
    fn a_day_is_in_the_period_that_the_calendar_says() {
        let at = day("2024-02-29").expect("a leap day");
        let starts = ["month", "week", "quarter", "year"].map(|name| date(start_of(name, at)));
        assert_eq!(starts, ["2024-02-01", "2024-02-26", "2024-01-01", "2024-01-01"]);
        let months = Periods::new("month", at, at + 33);
        assert_eq!((months.len(), months.days(0), months.days(1), months.days(2), months.of(at + 1)), (3, 1, 31, 1, 1));
    }
}
