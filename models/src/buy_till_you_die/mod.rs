//! Buy till you die: customers buy at a pace of their own until they silently stop. What a fitted model says of one customer.
//!
//! Every time is in days, and every model tells from a customer only x, t_x and T (see [`Timing`]). Parameters bear the papers' names.

mod beta_geometric;
pub mod bg_nbd;
pub mod gamma_gamma;
pub mod mbg_nbd;
pub mod pareto_nbd;
mod quadrature;

use serde::{Deserialize, Serialize};

use crate::ModelError;
pub use bg_nbd::BgNbd;
pub use gamma_gamma::GammaGamma;
pub use mbg_nbd::MbgNbd;
pub use pareto_nbd::ParetoNbd;

/// Steps in which future purchases are discounted, days.
const DISCOUNT_STEP: f64 = 30.0;
/// Days of a year of the discount rate.
const YEAR: f64 = 365.25;

/// What is known of a customer's purchases.
#[allow(non_snake_case)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Repeat purchase days.
    pub x: u32,
    /// First to last purchase, days; 0 where `x` is 0.
    pub t_x: f64,
    /// First purchase to now, days; at least `t_x`.
    pub T: f64,
}

/// A fitted model of when customers buy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum PurchaseModel {
    /// Leaves only after a repeat purchase.
    BgNbd(BgNbd),
    /// Leaves after any purchase, the first one included.
    MbgNbd(MbgNbd),
    /// Leaves at any time.
    ParetoNbd(ParetoNbd),
}

impl PurchaseModel {
    /// The name used in files and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BgNbd(_) => "bg_nbd",
            Self::MbgNbd(_) => "mbg_nbd",
            Self::ParetoNbd(_) => "pareto_nbd",
        }
    }

    /// P(still a customer), 0 to 1. Not a churn score: see [`p_no_purchase`](Self::p_no_purchase).
    pub fn p_alive(&self, timing: &Timing) -> f64 {
        match self {
            Self::BgNbd(model) => model.p_alive(timing),
            Self::MbgNbd(model) => model.p_alive(timing),
            Self::ParetoNbd(model) => model.p_alive(timing),
        }
    }

    /// E[purchase days in the next `days`], at least 0.
    pub fn expected_purchases(&self, days: f64, timing: &Timing) -> f64 {
        self.p_alive(timing) * self.purchases_if_alive(days, timing)
    }

    /// E[purchase days in the next `days` | still a customer], at least 0.
    pub fn purchases_if_alive(&self, days: f64, timing: &Timing) -> f64 {
        match self {
            Self::BgNbd(model) => model.purchases_if_alive(days, timing),
            Self::MbgNbd(model) => model.purchases_if_alive(days, timing),
            Self::ParetoNbd(model) => model.purchases_if_alive(days, timing),
        }
    }

    /// P(no purchase in the next `days`), 0 to 1: whoever has left, and whoever stays and happens not to buy.
    pub fn p_no_purchase(&self, days: f64, timing: &Timing) -> f64 {
        match self {
            Self::BgNbd(model) => model.p_no_purchase(days, timing),
            Self::MbgNbd(model) => model.p_no_purchase(days, timing),
            Self::ParetoNbd(model) => model.p_no_purchase(days, timing),
        }
    }

    /// Purchase days expected in the next `days`, later ones counting less: `yearly_rate` 0.1 = 10 % a year. Summed in steps of 30 days, each
    /// discounted at its end (Fader, Hardie & Lee 2005, "RFM and CLV", equation 1, with a finite horizon).
    pub fn discounted_purchases(&self, days: f64, yearly_rate: f64, timing: &Timing) -> f64 {
        let steps = (days / DISCOUNT_STEP).ceil().max(0.0) as u32;
        let alive = self.p_alive(timing);
        let (mut before, mut sum) = (0.0, 0.0);
        for step in 1..=steps {
            let until = (f64::from(step) * DISCOUNT_STEP).min(days);
            let expected = alive * self.purchases_if_alive(until, timing);
            sum += (expected - before) / (1.0 + yearly_rate).powf(until / YEAR);
            before = expected;
        }
        sum
    }

    fn is_sound(&self) -> bool {
        let parameters = match self {
            Self::BgNbd(BgNbd { r, alpha, a, b }) | Self::MbgNbd(MbgNbd { r, alpha, a, b }) => [r, alpha, a, b],
            Self::ParetoNbd(ParetoNbd { r, alpha, s, beta }) => [r, alpha, s, beta],
        };
        parameters.iter().all(|parameter| parameter.is_finite() && **parameter > 0.0)
    }
}

/// One fit by maximum likelihood, as it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit<M> {
    /// The parameters.
    #[serde(flatten)]
    pub model: M,
    /// Natural logarithm of the likelihood there, with time in days.
    pub log_likelihood: f64,
    /// Whether the gradient vanished there. A fit that has not converged is shown, not used.
    pub converged: bool,
    /// Steps of the optimiser from the best start.
    pub iterations: u64,
    /// Customers it was fitted on.
    pub customers: u64,
}

/// A model that could not be fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unfitted {
    /// The model's name.
    pub model: String,
    /// What was missing.
    pub reason: String,
}

/// When customers buy and what they spend: every fit, and which of them is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuyTillYouDie {
    /// The purchase models, the one that is used first: among those that converged, the likeliest.
    pub purchases: Vec<Fit<PurchaseModel>>,
    /// Spend a purchase day; none where it could not be fitted.
    pub spend: Option<Fit<GammaGamma>>,
    /// What could not be fitted, and why.
    pub unfitted: Vec<Unfitted>,
}

impl BuyTillYouDie {
    /// The file in a version folder.
    pub const FILE: &'static str = "buy_till_you_die.json";

    /// The purchase model in use; none when no fit converged.
    pub fn purchase_model(&self) -> Option<PurchaseModel> {
        self.purchases.first().filter(|fit| fit.converged).map(|fit| fit.model)
    }

    /// The purchase model of this name, if it converged.
    pub fn converged(&self, name: &str) -> Option<PurchaseModel> {
        self.purchases.iter().find(|fit| fit.converged && fit.model.name() == name).map(|fit| fit.model)
    }

    /// The spend model in use; none when it was not fitted or has not converged.
    pub fn spend_model(&self) -> Option<GammaGamma> {
        self.spend.as_ref().filter(|fit| fit.converged).map(|fit| fit.model)
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let sound = self.purchases.iter().all(|fit| fit.model.is_sound()) && self.spend.iter().all(|fit| fit.model.is_sound());
        if sound { Ok(()) } else { Err(ModelError::corrupt(Self::FILE, "a parameter that is not positive", "positive, finite parameters")) }
    }
}

#[cfg(test)]
mod tests;
