//! Pareto/NBD: Schmittlein, Morrison & Colombo (1987), "Counting your customers", Management Science 33(1); equations as in
//! Fader & Hardie (2005), "A Note on Deriving the Pareto/NBD Model and Related Expressions".

use serde::{Deserialize, Serialize};

use super::Timing;
use super::quadrature::gauss_legendre;

/// Purchases at rate lambda ~ Gamma(r, alpha); the customer leaves at rate mu ~ Gamma(s, beta).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParetoNbd {
    /// Shape of the purchase rates: small = customers differ much.
    pub r: f64,
    /// Rate of the purchase rates, days.
    pub alpha: f64,
    /// Shape of the dropout rates.
    pub s: f64,
    /// Rate of the dropout rates, days.
    pub beta: f64,
}

/// The part of the likelihood in which the customer left at some u in t_x..T, less the factor Gamma(r + x) alpha^r beta^s / Gamma(r):
/// the integral of s (alpha + u)^-(r + x) (beta + u)^-(s + 1), and means over u weighted by the integrand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Left {
    /// Natural logarithm of the integral; minus infinity where T = t_x.
    pub ln_likelihood: f64,
    /// Mean of ln(alpha + u).
    pub ln_alpha_u: f64,
    /// Mean of 1/(alpha + u).
    pub per_alpha_u: f64,
    /// Mean of ln(beta + u).
    pub ln_beta_u: f64,
    /// Mean of 1/(beta + u).
    pub per_beta_u: f64,
}

impl ParetoNbd {
    /// ln of the part of the likelihood in which the customer is still there at T, less the same factor as in [`Left`].
    pub fn ln_stayed(&self, timing: &Timing) -> f64 {
        -(self.r + f64::from(timing.x)) * (self.alpha + timing.T).ln() - self.s * (self.beta + timing.T).ln()
    }

    /// The part in which the customer left before T. The published form takes a difference of two hypergeometric functions, in which all
    /// digits can cancel; Gauss-Legendre quadrature of the integral itself, over ln(min(alpha, beta) + u), cannot.
    pub fn left(&self, timing: &Timing) -> Left {
        let Self { r, alpha, s, beta } = *self;
        let shape = r + f64::from(timing.x);
        let low = alpha.min(beta);
        // beyond this u less than e^-45 of the integrand is left
        let until = timing.T.min((alpha + timing.t_x) * (45.0 / shape).exp() - alpha);
        let width = ((low + until) / (low + timing.t_x)).ln();
        if width.is_nan() || width <= 0.0 {
            return Left { ln_likelihood: f64::NEG_INFINITY, ..Left::default() };
        }
        let fall = shape * ((alpha + until) / (alpha + timing.t_x)).ln() + (s + 1.0) * ((beta + until) / (beta + timing.t_x)).ln();
        let nodes = gauss_legendre(fall.max(width));
        let top = -shape * (alpha + timing.t_x).ln() - (s + 1.0) * (beta + timing.t_x).ln();
        let ln_start = (low + timing.t_x).ln();
        let (mut mass, mut left) = (0.0, Left::default());
        for &(at, weight) in nodes {
            // low + u
            let grown = (low + timing.t_x) * (width * at).exp();
            let u = grown - low;
            let (alpha_u, beta_u) = (alpha + u, beta + u);
            // one of the two is low + u
            let ln_grown = ln_start + width * at;
            let ln_alpha_u = if alpha <= beta { ln_grown } else { alpha_u.ln() };
            let ln_beta_u = if alpha <= beta { beta_u.ln() } else { ln_grown };
            let share = weight * grown * (-shape * ln_alpha_u - (s + 1.0) * ln_beta_u - top).exp();
            mass += share;
            left.ln_alpha_u += share * ln_alpha_u;
            left.per_alpha_u += share / alpha_u;
            left.ln_beta_u += share * ln_beta_u;
            left.per_beta_u += share / beta_u;
        }
        Left {
            ln_likelihood: s.ln() + width.ln() + mass.ln() + top,
            ln_alpha_u: left.ln_alpha_u / mass,
            per_alpha_u: left.per_alpha_u / mass,
            ln_beta_u: left.ln_beta_u / mass,
            per_beta_u: left.per_beta_u / mass,
        }
    }

    /// P(still a customer), 0 to 1.
    pub fn p_alive(&self, timing: &Timing) -> f64 {
        1.0 / (1.0 + (self.left(timing).ln_likelihood - self.ln_stayed(timing)).exp())
    }

    /// E[purchase days in the next `days` | still a customer]: (r + x)(beta + T) / ((alpha + T)(s - 1)) (1 - ((beta + T)/(beta + T + t))^(s - 1)).
    pub fn purchases_if_alive(&self, days: f64, timing: &Timing) -> f64 {
        let (alpha, beta) = (self.alpha + timing.T, self.beta + timing.T);
        let ln_y = -(days.max(0.0) / beta).ln_1p();
        let slope = self.s - 1.0;
        let lifetime = if slope.abs() < 1e-9 { -ln_y } else { -(slope * ln_y).exp_m1() / slope };
        (self.r + f64::from(timing.x)) * beta / alpha * lifetime
    }

    /// P(no purchase in the next `days`), 0 to 1: the likelihood of the same history with T + `days`, over that with T.
    pub fn p_no_purchase(&self, days: f64, timing: &Timing) -> f64 {
        let ln_likelihood = |timing: &Timing| {
            let (stayed, left) = (self.ln_stayed(timing), self.left(timing).ln_likelihood);
            stayed + (left - stayed).exp().ln_1p()
        };
        let later = Timing { T: timing.T + days.max(0.0), ..*timing };
        (ln_likelihood(&later) - ln_likelihood(timing)).exp().clamp(0.0, 1.0)
    }
}
