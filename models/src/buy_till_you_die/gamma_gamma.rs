//! Gamma-Gamma: Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value".

use serde::{Deserialize, Serialize};

/// A purchase day's spend is Gamma(p, nu) with nu ~ Gamma(q, gamma) over customers, independent of how often they buy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// Shape of one customer's spends: large = always much the same.
    pub p: f64,
    /// Shape over customers, above 1: large = customers are alike.
    pub q: f64,
    /// Rate over customers, in money.
    pub gamma: f64,
}

impl GammaGamma {
    /// The mean spend a purchase day of a customer of whom nothing is known: p gamma / (q - 1).
    pub fn mean(&self) -> f64 {
        self.p * self.gamma / (self.q - 1.0)
    }

    /// E[mean spend a purchase day] of a customer whose `x` observed purchase days had the mean spend `m_x`:
    /// p (gamma + m_x x) / (p x + q - 1) (equation 5), between `m_x` and the mean of all.
    pub fn expected_spend(&self, x: u32, m_x: f64) -> f64 {
        let x = f64::from(x);
        self.p * (self.gamma + m_x.max(0.0) * x) / (self.p * x + self.q - 1.0)
    }

    pub(super) fn is_sound(&self) -> bool {
        [self.p, self.q - 1.0, self.gamma].iter().all(|parameter| parameter.is_finite() && *parameter > 0.0)
    }
}
