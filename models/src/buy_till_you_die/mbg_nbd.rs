//! MBG/NBD: Batislam, Denizel & Filiztekin (2007), "Empirical validation and comparison of models for customer base analysis",
//! International Journal of Research in Marketing 24(3).

use serde::{Deserialize, Serialize};

use super::{Timing, beta_geometric};

/// BG/NBD in which a customer may leave after the first purchase already.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MbgNbd {
    /// Shape of the purchase rates: small = customers differ much.
    pub r: f64,
    /// Rate of the purchase rates, days.
    pub alpha: f64,
    /// First shape of the dropout probability.
    pub a: f64,
    /// Second shape of the dropout probability.
    pub b: f64,
}

impl MbgNbd {
    /// P(still a customer), 0 to 1.
    pub fn p_alive(&self, timing: &Timing) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let x = f64::from(timing.x);
        beta_geometric::p_alive((a / (b + x)).ln() + (r + x) * ((alpha + timing.T) / (alpha + timing.t_x)).ln())
    }

    /// E[purchase days in the next `days` | still a customer]: as BG/NBD with one purchase more survived.
    pub fn purchases_if_alive(&self, days: f64, timing: &Timing) -> f64 {
        let x = f64::from(timing.x);
        beta_geometric::purchases_if_alive(self.r + x, self.alpha + timing.T, self.a, self.b + x + 1.0, days)
    }

    /// P(no purchase in the next `days`), 0 to 1.
    pub fn p_no_purchase(&self, days: f64, timing: &Timing) -> f64 {
        beta_geometric::p_no_purchase(self.p_alive(timing), self.r + f64::from(timing.x), self.alpha + timing.T, days)
    }
}
