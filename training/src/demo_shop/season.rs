//! Seasons: when in the year a shelf sells more.

/// When a shelf has its peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Season {
    /// The same all year.
    None,
    /// Peak at the end of April.
    Spring,
    /// Peak in the middle of July.
    Summer,
    /// Peak in the middle of December.
    December,
    /// A little more in January.
    Winter,
}

impl Season {
    /// How much more sells on a day of the year (0 to 365) than in the quiet months, 1 or more.
    pub(super) fn factor(self, day_of_year: u32) -> f64 {
        let (peak, width, height) = match self {
            Self::None => return 1.0,
            Self::Spring => (118.0, 28.0, 5.0),
            Self::Summer => (196.0, 38.0, 3.0),
            Self::December => (348.0, 18.0, 4.0),
            Self::Winter => (18.0, 50.0, 0.8),
        };
        let apart = (f64::from(day_of_year) - peak).abs();
        let apart = apart.min(365.0 - apart) / width;
        1.0 + height * (-0.5 * apart * apart).exp()
    }
}
