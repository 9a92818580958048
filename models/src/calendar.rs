//! Days: the unit in which a shop's memory is counted.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};

/// Days since 1970-01-01 in the shop's time zone.
pub type Day = i32;

/// The calendar date of a day number, as `2017-12-03`.
pub fn date(day: Day) -> String {
    NaiveDate::default().checked_add_signed(TimeDelta::days(day.into())).map_or_else(|| day.to_string(), |date| date.to_string())
}

/// The day number of a calendar date such as `2017-12-03`; `None` for anything else.
pub fn day(date: &str) -> Option<Day> {
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    date.signed_duration_since(NaiveDate::default()).num_days().try_into().ok()
}

/// Unix seconds as an RFC 3339 time in UTC, such as `2017-12-04T00:00:00Z`.
pub fn rfc3339(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}
