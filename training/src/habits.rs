//! Habits: on which weekday, at what hour and through which channel each customer usually orders.

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;
use rayon::prelude::*;

use crate::log::Past;

/// Where most of a customer's orders fall; the first of equal ones. Nothing for those without an order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Habits {
    /// 0 = Monday to 6 = Sunday.
    pub weekday: Option<u8>,
    /// Hour of the shop's clock, 0 to 23; none where every order of the shop is dated to the day alone.
    pub hour: Option<u8>,
    /// Position among the log's channels; none where no order says one.
    pub channel: Option<u16>,
}

/// The habits of every customer.
pub fn habits(past: &Past<'_>) -> Vec<Habits> {
    let log = past.log();
    let zone: Tz = log.timezone.parse().unwrap_or_default();
    let hour = |order: usize| DateTime::from_timestamp(log.order_time[order], 0).map_or(0, |time| time.with_timezone(&zone).hour());
    let timed = (0..log.customers()).into_par_iter().any(|customer| past.orders_of(customer).any(|order| hour(order) != 0));
    (0..log.customers())
        .into_par_iter()
        .map(|customer| {
            let orders = || past.orders_of(customer);
            Habits {
                // 1970-01-01 was a Thursday
                weekday: usual(orders().map(|order| (log.order_day[order] + 3).rem_euclid(7) as u8)),
                hour: if timed { usual(orders().map(|order| hour(order) as u8)) } else { None },
                channel: usual(orders().map(|order| log.order_channel[order]).filter(|&channel| usize::from(channel) < log.channels.len())),
            }
        })
        .collect()
}

/// The value that stands most often, the lowest of equal ones.
pub(crate) fn usual<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut sorted: Vec<T> = values.collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).rev().max_by_key(|same| same.len()).map(|same| same[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_wins_and_the_lowest_of_equal_ones() {
        assert_eq!(usual([3, 1, 3, 2].into_iter()), Some(3));
        assert_eq!(usual([5, 2, 5, 2, 9].into_iter()), Some(2));
        assert_eq!(usual(std::iter::empty::<u8>()), None);
    }
}
