//! The sufficient statistics: customers with the same x, t_x and T, counted.

use shopkeeper_models::buy_till_you_die::Timing;

/// How many customers share one history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// The history.
    pub timing: Timing,
    /// How many customers have it.
    pub customers: f64,
}

/// Every distinct history, ascending by x, then t_x, then T.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// The histories.
    pub groups: Vec<Group>,
}

impl Statistics {
    /// Groups customers; their order does not matter.
    pub fn new(timings: impl IntoIterator<Item = Timing>) -> Self {
        let mut timings: Vec<Timing> = timings.into_iter().collect();
        timings.sort_unstable_by(|a, b| a.x.cmp(&b.x).then(a.t_x.total_cmp(&b.t_x)).then(a.T.total_cmp(&b.T)));
        let groups = timings.chunk_by(|a, b| a == b).map(|same| Group { timing: same[0], customers: same.len() as f64 }).collect();
        Self { groups }
    }

    /// Customers.
    pub fn customers(&self) -> f64 {
        self.groups.iter().map(|group| group.customers).sum()
    }

    /// Repeat purchase days of all customers.
    pub fn repeat_purchases(&self) -> f64 {
        self.groups.iter().map(|group| group.customers * f64::from(group.timing.x)).sum()
    }

    /// Mean T, days.
    pub fn mean_age(&self) -> f64 {
        self.groups.iter().map(|group| group.customers * group.timing.T).sum::<f64>() / self.customers().max(1.0)
    }

    /// The same with time counted in units of `days`.
    pub fn in_units_of(&self, days: f64) -> Self {
        let scaled = |timing: Timing| Timing { t_x: timing.t_x / days, T: timing.T / days, ..timing };
        Self { groups: self.groups.iter().map(|group| Group { timing: scaled(group.timing), ..*group }).collect() }
    }

    /// At most about `most` histories, taken evenly; each counts as many customers more as there are fewer.
    pub fn thinned(&self, most: usize) -> Self {
        let step = self.groups.len().div_ceil(most).max(1);
        Self { groups: self.groups.iter().step_by(step).copied().collect() }
    }
}
