//! BG/NBD: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).

use serde::{Deserialize, Serialize};

use super::{Timing, beta_geometric};

/// Purchases at rate lambda ~ Gamma(r, alpha); after each repeat purchase the customer leaves with probability p ~ Beta(a, b).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgNbd {
    /// Shape of the purchase rates: small = customers differ much.
    pub r: f64,
    /// Rate of the purchase rates, days: the mean customer buys r/alpha times a day.
    pub alpha: f64,
    /// First shape of the dropout probability.
    pub a: f64,
    /// Second shape: the mean customer leaves after (a + b)/a repeat purchases or so.
    pub b: f64,
}

impl BgNbd {
    /// P(still a customer), 0 to 1; 1 without a repeat purchase (Fader & Hardie 2008, "Computing P(alive) Using the BG/NBD Model").
    pub fn p_alive(&self, timing: &Timing) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let x = f64::from(timing.x);
        if timing.x == 0 {
            return 1.0;
        }
        beta_geometric::p_alive((a / (b + x - 1.0)).ln() + (r + x) * ((alpha + timing.T) / (alpha + timing.t_x)).ln())
    }

    /// E[purchase days in the next `days` | still a customer] (equation 10).
    pub fn purchases_if_alive(&self, days: f64, timing: &Timing) -> f64 {
        let x = f64::from(timing.x);
        beta_geometric::purchases_if_alive(self.r + x, self.alpha + timing.T, self.a, self.b + x, days)
    }

    /// P(no purchase in the next `days`), 0 to 1.
    pub fn p_no_purchase(&self, days: f64, timing: &Timing) -> f64 {
        beta_geometric::p_no_purchase(self.p_alive(timing), self.r + f64::from(timing.x), self.alpha + timing.T, days)
    }
}
