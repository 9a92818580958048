//! The shop's clock: what time and which calendar day it is where the shop is.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use shopkeeper_models::calendar::Day;

use super::ReadError;

const SECONDS_A_DAY: i64 = 86_400;

/// Marks a day on which the clocks are changed.
const CHANGES: i32 = i32::MAX;

/// The shop's clock. Most days have one distance to UTC: those stand in a table, so that a row costs a look-up.
pub(super) struct Clock {
    zone: Tz,
    /// Now, Unix seconds.
    pub(super) now: i64,
    /// Seconds ahead of UTC on each day since 1970, counted by the wall clock.
    by_local_day: Vec<i32>,
    /// The same, days counted in UTC.
    by_utc_day: Vec<i32>,
}

impl Clock {
    /// The clock of an IANA zone; `now` in Unix seconds. Fails for a name not in the IANA list.
    pub(super) fn new(timezone: &str, now: i64) -> Result<Self, ReadError> {
        let zone: Tz = timezone.parse().map_err(|_| ReadError::Timezone { found: timezone.into() })?;
        let mut clock = Self { zone, now, by_local_day: Vec::new(), by_utc_day: Vec::new() };
        let days = (now / SECONDS_A_DAY).clamp(0, 100_000) + 2;
        let by_local_day = steady(days, |local| clock.local_offset(local));
        let by_utc_day = steady(days, |time| clock.utc_offset(time));
        (clock.by_local_day, clock.by_utc_day) = (by_local_day, by_utc_day);
        Ok(clock)
    }

    /// The Unix time at which the wall clock shows `local` seconds since 1970. Of a time shown twice it is the first; a time that the
    /// clocks skip is counted on from the last time before, as if they had not been changed yet.
    pub(super) fn time(&self, local: i64) -> i64 {
        local.saturating_sub(look_up(&self.by_local_day, local).unwrap_or_else(|| self.local_offset(local)).into())
    }

    /// The calendar day of a Unix time.
    pub(super) fn day(&self, time: i64) -> Day {
        let offset = look_up(&self.by_utc_day, time).unwrap_or_else(|| self.utc_offset(time));
        time.saturating_add(offset.into()).div_euclid(SECONDS_A_DAY) as Day
    }

    /// The Unix time at which a calendar day starts.
    pub(super) fn start_of(&self, day: Day) -> i64 {
        self.time(i64::from(day) * SECONDS_A_DAY)
    }

    fn utc_offset(&self, time: i64) -> i32 {
        naive(time).map_or(0, |time| self.zone.offset_from_utc_datetime(&time).fix().local_minus_utc())
    }

    fn local_offset(&self, local: i64) -> i32 {
        match naive(local).map(|local| self.zone.offset_from_local_datetime(&local)) {
            Some(MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _)) => offset.fix().local_minus_utc(),
            Some(MappedLocalTime::None) => self.utc_offset(local - 2 * SECONDS_A_DAY),
            None => 0,
        }
    }
}

fn naive(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|time| time.naive_utc())
}

/// The offset of each day since 1970 whose start and end have the same; [`CHANGES`] for the others.
fn steady(days: i64, offset: impl Fn(i64) -> i32) -> Vec<i32> {
    let starts: Vec<i32> = (0..=days).map(|day| offset(day * SECONDS_A_DAY)).collect();
    starts.windows(2).map(|ends| if ends[0] == ends[1] { ends[0] } else { CHANGES }).collect()
}

/// The offset of the day that `seconds` lie in, if the table has it and it holds all day.
fn look_up(by_day: &[i32], seconds: i64) -> Option<i32> {
    let day = usize::try_from(seconds.div_euclid(SECONDS_A_DAY)).ok()?;
    by_day.get(day).copied().filter(|&offset| offset != CHANGES)
}
