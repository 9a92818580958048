//! Gamma-Gamma by maximum likelihood (Fader & Hardie 2013, equation 1a).

use shopkeeper_models::buy_till_you_die::{Fit, GammaGamma};
use statrs::function::gamma::{digamma, ln_gamma};

use super::likelihood::{Likelihood, Maximum, Slope, add_up, maximise, plus, times};
use super::{FEWEST, FitError, ROUGH};

/// What a customer spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spend {
    /// Purchase days observed, at least 1.
    pub x: u32,
    /// Their mean spend, above 0.
    pub m_x: f64,
}

/// Fits p, q, gamma; gamma in the money of the spends. Spends of 0 or less, such as a customer's who sent everything back, are left out.
pub fn fit(spends: impl IntoIterator<Item = Spend>) -> Result<Fit<GammaGamma>, FitError> {
    let mut spends: Vec<Spend> = spends.into_iter().filter(|spend| spend.x > 0 && spend.m_x.is_finite() && spend.m_x > 0.0).collect();
    if spends.len() < FEWEST {
        return Err(FitError::Few { found: spends.len(), what: "customers who spent something" });
    }
    spends.sort_unstable_by(|a, b| a.x.cmp(&b.x).then(a.m_x.total_cmp(&b.m_x)));
    let n = spends.len() as f64;
    let unit = spends.iter().map(|spend| spend.m_x).sum::<f64>() / n;
    spends.iter_mut().for_each(|spend| spend.m_x /= unit);
    // gamma follows from a mean spend of 1; the second parameter is q - 1, so that the mean exists
    let start = |(p, q_1): (f64, f64)| [p, q_1, q_1 / p];
    let starts = [(1.0, 2.0), (5.0, 3.0), (20.0, 10.0)].map(start);
    let rough = ROUGH.map(|most| spends.iter().step_by(spends.len().div_ceil(most).max(1)).copied().collect::<Vec<Spend>>());
    let rough: Vec<_> = rough.iter().map(|rough| Spends::new(rough)).collect();
    let Some(Maximum { parameters: [p, q_1, gamma], log_likelihood, converged, iterations }) =
        maximise(&rough, &Spends::new(&spends), &starts)
    else {
        return Err(FitError::Lost);
    };
    let model = GammaGamma { p, q: q_1 + 1.0, gamma: gamma * unit };
    Ok(Fit { model, log_likelihood: log_likelihood - n * unit.ln(), converged, iterations, customers: n as u64 })
}

/// The log-likelihood of p, q - 1, gamma.
struct Spends<'a> {
    spends: &'a [Spend],
    /// Customers of each x.
    of_x: Vec<(u32, f64)>,
}

impl<'a> Spends<'a> {
    fn new(spends: &'a [Spend]) -> Self {
        Self { spends, of_x: spends.chunk_by(|a, b| a.x == b.x).map(|same| (same[0].x, same.len() as f64)).collect() }
    }
}

impl Likelihood<3> for Spends<'_> {
    fn customers(&self) -> f64 {
        self.spends.len() as f64
    }

    /// ln L = lnGamma(px + q) - lnGamma(px) - lnGamma(q) + q ln gamma + (px - 1) ln m_x + px ln x - (px + q) ln(gamma + x m_x).
    fn at(&self, &[p, q_1, gamma]: &[f64; 3]) -> Slope<3> {
        let q = q_1 + 1.0;
        let of_x = |&(x, customers): &(u32, f64)| {
            let x = f64::from(x);
            let value = ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma(q) + q * gamma.ln() + p * x * x.ln();
            let all = digamma(p * x + q);
            times(customers, (value, [x * (all - digamma(p * x) + x.ln()), all - digamma(q) + gamma.ln(), q / gamma]))
        };
        let of_spend = |spend: &Spend| {
            let (x, m) = (f64::from(spend.x), spend.m_x);
            let (ln_m, ln_all) = (m.ln(), (gamma + x * m).ln());
            let value = (p * x - 1.0) * ln_m - (p * x + q) * ln_all;
            (value, [x * (ln_m - ln_all), -ln_all, -(p * x + q) / (gamma + x * m)])
        };
        plus(add_up(&self.of_x, of_x), add_up(self.spends, of_spend))
    }
}

#[cfg(test)]
pub(super) fn check_slopes(spends: &[Spend]) {
    super::likelihood::check(&Spends::new(spends), [3.0, 1.5, 0.7]);
}
