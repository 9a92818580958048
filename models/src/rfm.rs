//! RFM scores: quintiles of days since the last purchase, purchase days and spend.

use serde::{Deserialize, Serialize};

/// The four cut points of a five-step score: a value scores 1 plus the cut points below it. Equal values score alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quintiles(pub [f64; 4]);

impl Quintiles {
    /// Cut points at the 20th, 40th, 60th and 80th percentile (nearest rank) of the values, which need not be sorted.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| values.get(((share * values.len() as f64).ceil() as usize).saturating_sub(1)).copied().unwrap_or(0.0);
        Self([at(0.2), at(0.4), at(0.6), at(0.8)])
    }

    /// 1 to 5; 5 = above the highest cut point.
    pub fn score(&self, value: f64) -> u8 {
        1 + self.0.iter().filter(|&&cut| value > cut).count() as u8
    }
}

/// The cut points of the three scores. Recency is scored on negated days, so that 5 is the latest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RfmCuts {
    /// Of negated days_since_last.
    pub recency: Quintiles,
    /// Of purchase days.
    pub frequency: Quintiles,
    /// Of spend.
    pub monetary: Quintiles,
}
