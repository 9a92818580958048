//! Pareto/NBD by maximum likelihood (Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005, the note, equation 18).

use shopkeeper_models::buy_till_you_die::{Fit, ParetoNbd, PurchaseModel};
use statrs::function::gamma::{digamma, ln_gamma};

use super::likelihood::{Likelihood, Maximum, Slope, add_up, maximise, plus, times};
use super::statistics::{Group, Statistics};
use super::{FitError, ROUGH, by_x, fit_purchases};

/// Fits r, alpha, s, beta; alpha and beta in days.
pub fn fit(statistics: &Statistics) -> Result<Fit<PurchaseModel>, FitError> {
    let model =
        |[r, alpha, s, beta]: [f64; 4], unit: f64| PurchaseModel::ParetoNbd(ParetoNbd { r, alpha: alpha * unit, s, beta: beta * unit });
    fit_purchases(statistics, climb, model)
}

fn climb(statistics: &Statistics) -> Option<Maximum<4>> {
    let pace = statistics.repeat_purchases() / statistics.customers();
    let start = |(r, s, beta): (f64, f64, f64)| [r, r / pace.max(1e-6), s, beta];
    let starts = [(0.5, 0.5, 0.5), (1.0, 1.0, 2.0), (2.0, 0.3, 1.0)].map(start);
    let rough = ROUGH.map(|most| statistics.thinned(most));
    let rough: Vec<_> = rough.iter().map(Pareto::new).collect();
    maximise(&rough, &Pareto::new(statistics), &starts)
}

/// The log-likelihood of r, alpha, s, beta.
struct Pareto<'a> {
    statistics: &'a Statistics,
    customers: f64,
    of_x: Vec<(u32, f64)>,
}

impl<'a> Pareto<'a> {
    fn new(statistics: &'a Statistics) -> Self {
        Self { statistics, customers: statistics.customers(), of_x: by_x(statistics) }
    }
}

impl Likelihood<4> for Pareto<'_> {
    fn customers(&self) -> f64 {
        self.customers
    }

    /// L = Gamma(r + x) alpha^r beta^s / Gamma(r) { (alpha + T)^-(r + x) (beta + T)^-s + integral over t_x..T of
    /// s (alpha + u)^-(r + x) (beta + u)^-(s + 1) }, and the derivatives.
    fn at(&self, &[r, alpha, s, beta]: &[f64; 4]) -> Slope<4> {
        let model = ParetoNbd { r, alpha, s, beta };
        let of_x = |&(x, customers): &(u32, f64)| {
            let x = f64::from(x);
            let value = ln_gamma(r + x) - ln_gamma(r) + r * alpha.ln() + s * beta.ln();
            times(customers, (value, [digamma(r + x) - digamma(r) + alpha.ln(), r / alpha, beta.ln(), s / beta]))
        };
        let of_group = |group: &Group| {
            let timing = &group.timing;
            let shape = r + f64::from(timing.x);
            let (stayed, left) = (model.ln_stayed(timing), model.left(timing));
            let alive = 1.0 / (1.0 + (left.ln_likelihood - stayed).exp());
            let dead = 1.0 - alive;
            let (top, other) = (stayed.max(left.ln_likelihood), stayed.min(left.ln_likelihood));
            let slopes = [
                -alive * (alpha + timing.T).ln() - dead * left.ln_alpha_u,
                -shape * (alive / (alpha + timing.T) + dead * left.per_alpha_u),
                -alive * (beta + timing.T).ln() - dead * (left.ln_beta_u - 1.0 / s),
                -alive * s / (beta + timing.T) - dead * (s + 1.0) * left.per_beta_u,
            ];
            times(group.customers, (top + (other - top).exp().ln_1p(), slopes))
        };
        plus(add_up(&self.of_x, of_x), add_up(&self.statistics.groups, of_group))
    }
}

#[cfg(test)]
pub(super) fn check_slopes(statistics: &Statistics) {
    super::likelihood::check(&Pareto::new(statistics), [0.4, 0.2, 0.7, 2.5]);
    super::likelihood::check(&Pareto::new(statistics), [0.4, 2.5, 0.7, 0.2]);
}
