//! Drivers: what moves a customer's churn probability, in words with that customer's numbers. Every text of them stands here.

use std::sync::LazyLock;

use crate::churn::{Centre, FEATURES, Scorer, WIDTH};

/// The most that are named.
pub const MOST: usize = 3;
/// A change of the log-odds below this is not worth naming.
const LEAST: f64 = 0.1;

/// What a group of features is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// The present silence against the customer's own gaps.
    Rhythm,
    /// How many purchases, over how long.
    Frequency,
    /// The last weeks against before.
    Lately,
    /// Money.
    Spend,
    /// How much of the assortment.
    Breadth,
    /// What came back.
    Returns,
    /// The same season a year ago.
    Season,
    /// What discounts take off.
    Discounts,
    /// Through which channels.
    Channels,
}

impl Theme {
    /// Every theme, in the order of their bytes.
    pub const ALL: [Self; 9] = [
        Self::Rhythm,
        Self::Frequency,
        Self::Lately,
        Self::Spend,
        Self::Breadth,
        Self::Returns,
        Self::Season,
        Self::Discounts,
        Self::Channels,
    ];

    /// What a feature is about.
    fn of(feature: &str) -> Self {
        match feature {
            "ln_purchase_days"
            | "ln_recency_days"
            | "ln_age_days"
            | "single_purchase"
            | "ln_gap_days"
            | "ln_longest_gap"
            | "ln_gap_spread"
            | "ln_wide_gap"
            | "ln_time_in_long_gaps" => Self::Frequency,
            "ln_days_last_14" | "ln_days_last_28" | "ln_days_last_56" | "ln_days_last_91" | "ln_days_last_182" | "ln_days_fading_10"
            | "ln_days_fading_30" | "ln_days_fading_90" | "trend" => Self::Lately,
            "ln_spend_per_day" | "ln_spend_last_28" | "ln_spend_last_91" | "ln_largest_day" => Self::Spend,
            "ln_distinct_items" | "ln_lines_per_day" | "ln_distinct_categories" => Self::Breadth,
            "returned_share" => Self::Returns,
            "ln_days_year_ago" => Self::Season,
            "discount_share" => Self::Discounts,
            "ln_channels" | "usual_channel_share" | "channel_shift" => Self::Channels,
            // the buy-till-you-die model's log-odds among them: silence against pace
            _ => Self::Rhythm,
        }
    }
}

/// A theme and which way it moves the probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The theme.
    pub theme: Theme,
    /// Whether it makes leaving more likely.
    pub raises: bool,
}

/// The numbers that the words are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// Distinct days with an order.
    pub purchase_days: u32,
    /// First purchase to as-of, days.
    pub age_days: u32,
    /// Last purchase to as-of, days.
    pub days_since_last: u32,
    /// Typical days between purchases.
    pub gap_days: f64,
    /// Purchase days in the last 91 days.
    pub days_last_91: u32,
    /// Money spent.
    pub spend: f64,
    /// Of which in the last 91 days.
    pub spend_last_91: f64,
    /// Distinct items bought.
    pub distinct_items: u32,
    /// Lines sent back.
    pub returns: u32,
    /// Purchase days in the season of the horizon a year ago.
    pub days_year_ago: u32,
    /// Share of the price that discounts took off, 0 to 1.
    pub discount_share: f64,
    /// Different channels; 0 where none is said.
    pub channels: u32,
    /// Share of the orders that came through the most used one, 0 to 1.
    pub usual_channel_share: f64,
}

impl Driver {
    /// As a byte: 1 + 2 x place of the theme, 1 more where it makes staying more likely.
    pub fn byte(self) -> u8 {
        let place = Theme::ALL.iter().position(|theme| *theme == self.theme).unwrap_or(0) as u8;
        1 + 2 * place + u8::from(!self.raises)
    }

    /// The driver of a byte; none for 0 and for what is no driver.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let place = byte.checked_sub(1)?;
        Theme::ALL.get(usize::from(place / 2)).map(|&theme| Self { theme, raises: place % 2 == 0 })
    }

    /// Whether the customer's own numbers say the same. Who is silent for more than twice their gap may still be safer than the mean customer,
    /// and the other way round, but no one would take it for the reason.
    pub fn is_plain(self, of: &Facts) -> bool {
        let silence = f64::from(of.days_since_last) / of.gap_days.max(1.0);
        match self.theme {
            Theme::Rhythm if of.purchase_days >= 2 => {
                if self.raises {
                    silence >= 1.0
                } else {
                    silence <= 2.0
                }
            }
            _ => true,
        }
    }

    /// The driver in words with a customer's numbers, such as "raises the risk: usually every 9 days, now 41 days since the last purchase".
    pub fn words(self, of: &Facts) -> String {
        let effect = if self.raises { "raises the risk" } else { "lowers the risk" };
        let days = |n: u32| counted(n, "day", "days");
        let what = match self.theme {
            Theme::Rhythm if of.purchase_days < 2 => format!("bought on one day only, now {} ago", days(of.days_since_last)),
            Theme::Rhythm => {
                format!(
                    "usually every {}, now {} since the last purchase",
                    days(of.gap_days.round().max(1.0) as u32),
                    days(of.days_since_last)
                )
            }
            Theme::Frequency => {
                format!("{} in the {} since the first", counted(of.purchase_days, "purchase day", "purchase days"), days(of.age_days))
            }
            Theme::Lately => {
                let usual = f64::from(of.purchase_days) / f64::from(of.age_days.max(1)) * f64::from(of.age_days.clamp(1, 91));
                let lately = counted(of.days_last_91, "purchase day", "purchase days");
                format!("{lately} in the last 91 days, {usual:.1} at the usual pace")
            }
            Theme::Spend => {
                let a_day = of.spend.max(0.0) / f64::from(of.purchase_days.max(1));
                format!("{a_day:.2} a purchase day, {:.2} in the last 91 days", of.spend_last_91)
            }
            Theme::Breadth => {
                format!("{} on {}", counted(of.distinct_items, "different item", "different items"), days(of.purchase_days))
            }
            Theme::Returns => format!("{} sent back", counted(of.returns, "line", "lines")),
            Theme::Season if of.days_year_ago == 0 => "bought nothing in this season a year ago".to_owned(),
            Theme::Season => format!("{} in this season a year ago", counted(of.days_year_ago, "purchase day", "purchase days")),
            Theme::Discounts => format!("{:.0} % of the price taken off by discounts", 100.0 * of.discount_share),
            Theme::Channels if of.channels == 0 => "no channel said".to_owned(),
            Theme::Channels => {
                let share = 100.0 * of.usual_channel_share;
                format!("orders through {}, {share:.0} % through the usual one", counted(of.channels, "channel", "channels"))
            }
        };
        format!("{effect}: {what}")
    }
}

fn counted(n: u32, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The place of each feature's theme.
static THEME_OF: LazyLock<[u8; WIDTH]> =
    LazyLock::new(|| FEATURES.map(|feature| Theme::ALL.iter().position(|&theme| theme == Theme::of(feature)).unwrap_or(0) as u8));

/// The log-odds, and the themes that move them most, strongest first: by how much they change when the theme's features are those of the mean
/// customer. A theme that is as with the mean customer, such as the channels of a shop that says none, moves nothing.
pub(crate) fn drivers(scorer: &Scorer, centres: &[Centre], centred: &[f64; WIDTH], anchor: f64) -> (f64, [Option<Driver>; MOST]) {
    let (log_odds, moved) = scorer.moved::<{ Theme::ALL.len() }>(centred, (anchor, centres[WIDTH - 1].mean), &THEME_OF);
    let mut moved: Vec<(Theme, f64)> = Theme::ALL.into_iter().zip(moved).collect();
    moved.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
    let strongest = std::array::from_fn(|at| {
        let (theme, by) = moved[at];
        (by.abs() >= LEAST).then_some(Driver { theme, raises: by > 0.0 })
    });
    (log_odds, strongest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_the_numbers() {
        let facts = Facts { purchase_days: 20, age_days: 182, days_since_last: 41, gap_days: 9.2, ..Facts::default() };
        let words = |theme, raises| Driver { theme, raises }.words(&facts);
        assert_eq!(words(Theme::Rhythm, true), "raises the risk: usually every 9 days, now 41 days since the last purchase");
        assert_eq!(words(Theme::Frequency, false), "lowers the risk: 20 purchase days in the 182 days since the first");
        assert_eq!(words(Theme::Lately, true), "raises the risk: 0 purchase days in the last 91 days, 10.0 at the usual pace");
        let plain = |theme, raises| Driver { theme, raises }.is_plain(&facts);
        assert_eq!([plain(Theme::Rhythm, true), plain(Theme::Rhythm, false), plain(Theme::Spend, false)], [true, false, true]);
    }

    #[test]
    fn a_byte_holds_every_driver() {
        for driver in Theme::ALL.into_iter().flat_map(|theme| [true, false].map(|raises| Driver { theme, raises })) {
            assert_eq!(Driver::from_byte(driver.byte()), Some(driver));
        }
        assert_eq!([0, 19, 255].map(Driver::from_byte), [None; 3]);
    }
}
