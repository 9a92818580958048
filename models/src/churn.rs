//! Churn: P(no purchase within the horizon), from a customer's tempo.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::boosting::Boosted;
use crate::drivers::{self, Driver};
use crate::logistic::{Logistic, sigmoid};

/// The inputs, in order. All on a log or share scale, so that a straight line fits. The last is the log-odds of the buy-till-you-die model's
/// P(no purchase within the horizon).
pub const FEATURES: [&str; 42] = [
    "ln_days_since_last",
    "ln_purchase_days",
    "ln_recency_days",
    "ln_age_days",
    "ln_gap_days",
    "ln_silence_in_gaps",
    "ln_silence_in_gaps_squared",
    "ln_longest_gap",
    "silence_over_longest_gap",
    "ln_recent_gap",
    "ln_silence_in_recent_gaps",
    "ln_gap_spread",
    "silence_in_spreads",
    "ln_gaps_as_long",
    "ln_wide_gap",
    "ln_silence_in_wide_gaps",
    "ln_time_in_long_gaps",
    "single_purchase",
    "usual_weekday_share",
    "ln_days_last_14",
    "ln_days_last_28",
    "ln_days_last_56",
    "ln_days_last_91",
    "ln_days_last_182",
    "ln_days_fading_10",
    "ln_days_fading_30",
    "ln_days_fading_90",
    "trend",
    "ln_spend_per_day",
    "ln_spend_last_28",
    "ln_spend_last_91",
    "ln_largest_day",
    "ln_distinct_items",
    "ln_lines_per_day",
    "ln_distinct_categories",
    "returned_share",
    "ln_days_year_ago",
    "discount_share",
    "ln_channels",
    "usual_channel_share",
    "channel_shift",
    ANCHOR,
];

/// Which way a feature moves while a customer stays silent and all else is as it was: 1 up, -1 down, 0 not at all. What is learned of the first
/// two may raise the probability with the silence, never lower it. The season of a year ago is another one with every day; it counts as 0.
pub fn with_silence(feature: &str) -> i8 {
    match feature {
        "ln_days_since_last" | "ln_age_days" | "ln_silence_in_gaps" | "ln_silence_in_gaps_squared" | "silence_over_longest_gap" => 1,
        "ln_silence_in_recent_gaps" | "silence_in_spreads" | "ln_silence_in_wide_gaps" | ANCHOR => 1,
        "ln_gaps_as_long" | "trend" | "ln_spend_last_28" | "ln_spend_last_91" => -1,
        "ln_days_last_14" | "ln_days_last_28" | "ln_days_last_56" | "ln_days_last_91" | "ln_days_last_182" => -1,
        "ln_days_fading_10" | "ln_days_fading_30" | "ln_days_fading_90" => -1,
        _ => 0,
    }
}

/// How many there are.
pub const WIDTH: usize = FEATURES.len();

/// The feature that holds the buy-till-you-die model's log-odds.
pub const ANCHOR: &str = "log_odds_no_purchase";

/// A customer's tempo at an as-of day, as the trainer counts it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChurnInputs {
    /// Distinct days with an order, at least 1.
    pub purchase_days: u32,
    /// First purchase to as-of, days.
    pub age_days: u32,
    /// Last purchase to as-of, days.
    pub days_since_last: u32,
    /// Typical days between purchases, shrunk.
    pub gap_days: f64,
    /// Longest silence between two purchases so far, days; 0 with one purchase.
    pub longest_gap: u32,
    /// Mean of the last four gaps, shrunk towards `gap_days` by one gap, days.
    pub recent_gap_days: f64,
    /// Root mean square of own gaps less `gap_days`, shrunk towards `gap_days` by one gap, days.
    pub gap_spread: f64,
    /// Own gaps that were at least as long as the present silence.
    pub gaps_as_long: u32,
    /// What nine of ten own gaps stay within, days; `gap_days` with one purchase.
    pub wide_gap: f64,
    /// Days by which own gaps were longer than the horizon or a little more, all together.
    pub days_in_long_gaps: u32,
    /// Share of purchase days on the customer's most frequent weekday, shrunk towards 1/7 by one week, 0 to 1.
    pub usual_weekday_share: f64,
    /// Purchase days in the last 14, 28, 56, 91 and 182 days.
    pub days_in_last: [u32; 5],
    /// Purchase days, each fading to 1/e in 10, 30 and 90 days.
    pub fading: [f64; 3],
    /// Spend per purchase day.
    pub spend_per_day: f64,
    /// Spend in the last 28 and 91 days.
    pub spend_in_last: [f64; 2],
    /// Spend of the purchase day with the most.
    pub largest_day: f64,
    /// Distinct items bought.
    pub distinct_items: u32,
    /// Order lines.
    pub lines: u32,
    /// Distinct categories bought.
    pub distinct_categories: u32,
    /// Share of lines that came back, 0 to 1.
    pub returned_share: f64,
    /// Purchase days in the season of the horizon a year ago: from 364 days before as-of on, for as long as the horizon or a little longer.
    pub days_year_ago: u32,
    /// Share of the price that discounts took off, 0 to 1; 0 where the shop has none.
    pub discount_share: f64,
    /// Different channels; 0 where the shop says none.
    pub channels: u32,
    /// Share of the orders that came through the most used channel, 0 to 1.
    pub usual_channel_share: f64,
    /// Share of the last three orders that came through another channel, 0 to 1.
    pub channel_shift: f64,
    /// The buy-till-you-die model's P(no purchase within the horizon), 0 to 1; 0.5 where it was not fitted.
    pub p_no_purchase: f64,
}

impl ChurnInputs {
    /// The feature vector, in the order of [`FEATURES`]. Every value is finite.
    pub fn features(&self) -> [f64; WIDTH] {
        let ln1 = |value: f64| value.max(0.0).ln_1p();
        let days = |value: u32| f64::from(value).ln_1p();
        let silence = f64::from(self.days_since_last);
        let gaps = ln1(silence / self.gap_days.max(0.5));
        let recency_days = self.age_days.saturating_sub(self.days_since_last);
        // the pace up to the last purchase, a gap more, does not move with the silence
        let pace_recent = (f64::from(self.days_in_last[3]) + 0.5) / f64::from(self.age_days.clamp(1, 91));
        let pace = (f64::from(self.purchase_days) + 0.5) / (f64::from(recency_days) + self.gap_days.max(1.0));
        [
            ln1(silence),
            days(self.purchase_days),
            days(recency_days),
            days(self.age_days),
            ln1(self.gap_days),
            gaps,
            gaps * gaps,
            days(self.longest_gap),
            (silence / f64::from(self.longest_gap.max(7))).min(4.0),
            ln1(self.recent_gap_days),
            ln1(silence / self.recent_gap_days.max(0.5)),
            ln1(self.gap_spread),
            ((silence - self.gap_days) / self.gap_spread.max(1.0)).clamp(-3.0, 6.0),
            ((f64::from(self.gaps_as_long) + 0.5) / f64::from(self.purchase_days.max(1))).ln(),
            ln1(self.wide_gap),
            ln1(silence) - ln1(self.wide_gap),
            ((f64::from(self.days_in_long_gaps) + 3.0) / (f64::from(recency_days) + 30.0)).ln(),
            f64::from(u8::from(self.purchase_days == 1)),
            self.usual_weekday_share,
            days(self.days_in_last[0]),
            days(self.days_in_last[1]),
            days(self.days_in_last[2]),
            days(self.days_in_last[3]),
            days(self.days_in_last[4]),
            (self.fading[0] + 0.02).ln(),
            (self.fading[1] + 0.02).ln(),
            (self.fading[2] + 0.02).ln(),
            (pace_recent / pace).ln().clamp(-6.0, 4.0),
            ln1(self.spend_per_day),
            ln1(self.spend_in_last[0]),
            ln1(self.spend_in_last[1]),
            ln1(self.largest_day),
            days(self.distinct_items),
            ln1(f64::from(self.lines) / f64::from(self.purchase_days.max(1))),
            days(self.distinct_categories),
            self.returned_share,
            days(self.days_year_ago),
            self.discount_share,
            days(self.channels),
            self.usual_channel_share,
            self.channel_shift,
            log_odds(self.p_no_purchase),
        ]
    }
}

/// ln(p / (1 - p)), with p kept a hundred-thousandth away from 0 and 1.
pub fn log_odds(p: f64) -> f64 {
    let p = p.clamp(1e-5, 1.0 - 1e-5);
    (p / (1.0 - p)).ln()
}

/// Where a feature stands among the customers of one as-of day: the mean there is taken off, so that what differs from one day to another, such
/// as the season and how much history there is, does not look like a difference between customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centre {
    /// Mean over the customers of the as-of day.
    pub mean: f64,
    /// The first percentile of what was learned from, less its mean; nothing below counts.
    pub least: f64,
    /// The last percentile, likewise.
    pub most: f64,
}

impl Centre {
    /// A value less the mean, within what was learned from.
    pub fn of(&self, value: f64) -> f64 {
        (value - self.mean).clamp(self.least, self.most)
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.mean.is_finite() && self.least.is_finite() && self.most.is_finite() && self.least <= self.most
    }
}

/// How the features become log-odds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scorer {
    /// The buy-till-you-die model alone.
    Anchor,
    /// A logistic regression over the centred [`FEATURES`].
    Logistic(Logistic),
    /// Boosted trees over the centred [`FEATURES`].
    Boosted(Boosted),
    /// The weighted mean of several.
    Mean(Vec<Share>),
}

/// One of several scorers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How much it counts, above 0.
    pub weight: f64,
    /// The scorer.
    pub scorer: Scorer,
}

impl Scorer {
    /// Log-odds that the customer does not buy. `centred` is in the order of [`FEATURES`], `anchor` the last of them, not centred.
    pub fn log_odds(&self, centred: &[f64; WIDTH], anchor: f64) -> f64 {
        match self {
            Self::Anchor => anchor,
            Self::Logistic(logistic) => logistic.log_odds(centred),
            Self::Boosted(boosted) => boosted.sum(centred),
            Self::Mean(shares) => {
                let weights = shares.iter().map(|share| share.weight).sum::<f64>();
                shares.iter().map(|share| share.weight * share.scorer.log_odds(centred, anchor)).sum::<f64>() / weights
            }
        }
    }

    /// The log-odds, and by how much each group of features moves them: what they fall by with the mean customer's features in that group.
    /// `group_of` has an entry a feature, `mean_anchor` is the mean customer's.
    pub(crate) fn moved<const GROUPS: usize>(
        &self,
        centred: &[f64; WIDTH],
        (anchor, mean_anchor): (f64, f64),
        group_of: &[u8; WIDTH],
    ) -> (f64, [f64; GROUPS]) {
        let mut moved = [0.0; GROUPS];
        let log_odds = match self {
            Self::Anchor => {
                moved[group_of[WIDTH - 1] as usize] = anchor - mean_anchor;
                anchor
            }
            Self::Logistic(logistic) => {
                for ((weight, x), &group) in logistic.weights.iter().zip(centred).zip(group_of) {
                    moved[group as usize] += weight.weight * x / weight.scale;
                }
                logistic.log_odds(centred)
            }
            Self::Boosted(boosted) => return boosted.moved(centred, group_of),
            Self::Mean(shares) => {
                let weights = shares.iter().map(|share| share.weight).sum::<f64>();
                let mut sum = 0.0;
                for share in shares {
                    let (log_odds, by) = share.scorer.moved::<GROUPS>(centred, (anchor, mean_anchor), group_of);
                    sum += share.weight * log_odds;
                    moved.iter_mut().zip(by).for_each(|(moved, by)| *moved += share.weight * by / weights);
                }
                sum / weights
            }
        };
        (log_odds, moved)
    }

    fn is_sound(&self, features: usize) -> bool {
        match self {
            Self::Anchor => true,
            Self::Logistic(logistic) => logistic.weights.len() == features && logistic.is_finite(),
            Self::Boosted(boosted) => boosted.is_sound(features),
            Self::Mean(shares) => {
                let sound = |share: &Share| share.weight.is_finite() && share.weight > 0.0 && share.scorer.is_sound(features);
                !shares.is_empty() && shares.iter().all(sound)
            }
        }
    }
}

/// What a way of scoring reached at the newest origin, fitted on horizons that were complete before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// `mean`, `logistic`, `logistic_without_bg_nbd`, `boosting`, `bg_nbd` or `mean_with_bg_nbd`.
    pub method: String,
    /// Area under the ROC curve, 0.5 = guessing, 1 = perfect.
    pub auc: f64,
    /// Mean squared error of the probability, smaller is better.
    pub brier: f64,
    /// The same with the mean probability moved to the rate seen there: what the method knows beyond the level.
    pub brier_at_level: f64,
    /// Mean |predicted - actual| over ten equal-count bins, smaller is better.
    pub calibration_error: f64,
}

/// Whether churn could be learned from the shop's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ChurnModel {
    /// Fitted.
    Fitted {
        /// Days after as-of without a purchase that count as churned.
        horizon_days: u32,
        /// The candidate in use.
        method: String,
        /// How it scores; positive = no purchase in the horizon.
        scorer: Scorer,
        /// One entry a feature: the customers at as-of.
        centres: Vec<Centre>,
        /// Added to its log-odds, so that the mean probability at as-of is the buy-till-you-die model's, corrected by half of what that was
        /// lately off by and of what the season did a year ago.
        level: f64,
        /// Every candidate at `validated_on`; empty where the history was too short to compare them.
        candidates: Vec<Candidate>,
        /// As-of date of that comparison.
        validated_on: Option<String>,
        /// Past as-of dates that the labels came from, newest first.
        origins: Vec<String>,
        /// Rows it was learned from.
        rows: u64,
    },
    /// Too little history; no probability is given.
    InsufficientData {
        /// Days after as-of without a purchase that would have counted as churned.
        horizon_days: u32,
        /// What was missing.
        reason: String,
    },
}

impl ChurnModel {
    /// The file in a version folder.
    pub const FILE: &'static str = "churn.json";

    /// Days after as-of without a purchase that count as churned.
    pub fn horizon_days(&self) -> u32 {
        match self {
            Self::Fitted { horizon_days, .. } | Self::InsufficientData { horizon_days, .. } => *horizon_days,
        }
    }

    /// P(no purchase within the horizon), 0 to 1, larger = more likely gone; `None` without enough history, and from a version of an older format,
    /// which looked at other features.
    pub fn probability(&self, inputs: &ChurnInputs) -> Option<f64> {
        self.probability_of(&inputs.features())
    }

    /// The same, from the feature vector.
    pub fn probability_of(&self, x: &[f64; WIDTH]) -> Option<f64> {
        match self {
            Self::Fitted { scorer, centres, level, .. } if centres.len() == WIDTH => {
                let centred = std::array::from_fn(|j| centres[j].of(x[j]));
                Some(sigmoid(scorer.log_odds(&centred, x[WIDTH - 1]) + level))
            }
            _ => None,
        }
    }

    /// The same, and what moves the probability most, strongest first.
    pub fn explained(&self, inputs: &ChurnInputs) -> Option<(f64, [Option<Driver>; drivers::MOST])> {
        match self {
            Self::Fitted { scorer, centres, level, .. } if centres.len() == WIDTH => {
                let x = inputs.features();
                let (log_odds, drivers) = drivers::drivers(scorer, centres, &std::array::from_fn(|j| centres[j].of(x[j])), x[WIDTH - 1]);
                Some((sigmoid(log_odds + level), drivers))
            }
            _ => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        match self {
            Self::Fitted { scorer, centres, level, .. }
                if !scorer.is_sound(centres.len()) || !level.is_finite() || !centres.iter().all(Centre::is_sound) =>
            {
                Err(ModelError::corrupt(
                    Self::FILE,
                    "a feature missing or a number that is not finite",
                    "one centre and one weight a feature",
                ))
            }
            _ => Ok(()),
        }
    }
}
