//! Buy till you die: when customers buy and what they spend, by maximum likelihood, one file a model.

mod beta_geometric;
pub mod bg_nbd;
pub mod gamma_gamma;
mod likelihood;
pub mod mbg_nbd;
pub mod pareto_nbd;
pub mod statistics;

use shopkeeper_models::buy_till_you_die::{BuyTillYouDie, Fit, GammaGamma, PurchaseModel, Timing, Unfitted};

use self::gamma_gamma::Spend;
use self::likelihood::Maximum;
use self::statistics::Statistics;
use crate::tempo::Tempo;

/// The starts are tried on about this many distinct histories, taken evenly; the best of them is followed on more, and then on all.
const ROUGH: [usize; 2] = [1_000, 20_000];
/// Fewer customers than this tell no distribution of customers.
const FEWEST: usize = 20;

/// Why a model could not be fitted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Too little to learn from.
    #[error("{found} {what}: at least {FEWEST} are needed")]
    Few {
        /// How many there are.
        found: usize,
        /// Of what.
        what: &'static str,
    },
    /// The likelihood was not finite anywhere.
    #[error("the likelihood is not finite at any start")]
    Lost,
}

impl Tempo {
    /// What the purchase models look at.
    pub fn timing(&self) -> Timing {
        Timing { x: self.frequency(), t_x: self.recency_days().into(), T: self.age_days.into() }
    }

    /// What the spend model looks at: every purchase day. Its authors leave the first one out; the fits of the papers do so, too.
    pub fn spent(&self) -> Spend {
        Spend { x: self.purchase_days, m_x: self.spend / f64::from(self.purchase_days.max(1)) }
    }
}

/// Fits every model on the customers with an order.
pub fn fit(tempos: &[Tempo]) -> BuyTillYouDie {
    let buyers = || tempos.iter().filter(|tempo| tempo.orders > 0);
    let statistics = Statistics::new(buyers().map(Tempo::timing));
    let mut fitted = BuyTillYouDie::default();
    let purchases =
        [("bg_nbd", bg_nbd::fit(&statistics)), ("mbg_nbd", mbg_nbd::fit(&statistics)), ("pareto_nbd", pareto_nbd::fit(&statistics))];
    for (model, fit) in purchases {
        match fit {
            Ok(fit) => fitted.purchases.push(fit),
            Err(error) => fitted.unfitted.push(Unfitted { model: model.into(), reason: error.to_string() }),
        }
    }
    fitted.purchases.sort_by(|a, b| b.converged.cmp(&a.converged).then(b.log_likelihood.total_cmp(&a.log_likelihood)));
    match spend(tempos) {
        Ok(fit) => fitted.spend = Some(fit),
        Err(error) => fitted.unfitted.push(Unfitted { model: "gamma_gamma".into(), reason: error.to_string() }),
    }
    fitted
}

/// Fits the spend model on the customers with an order.
pub fn spend(tempos: &[Tempo]) -> Result<Fit<GammaGamma>, FitError> {
    gamma_gamma::fit(tempos.iter().filter(|tempo| tempo.orders > 0).map(Tempo::spent))
}

/// What all purchase models do: check, scale time to a mean T of 1, climb, scale back. Time in other units multiplies the likelihood by a
/// constant to the power of all repeat purchases, and alpha and beta by the unit; nothing else changes.
fn fit_purchases(
    statistics: &Statistics,
    climb: impl Fn(&Statistics) -> Option<Maximum<4>>,
    model: impl Fn([f64; 4], f64) -> PurchaseModel,
) -> Result<Fit<PurchaseModel>, FitError> {
    let repeat_purchases = statistics.repeat_purchases();
    let returned = statistics.groups.iter().filter(|group| group.timing.x > 0).map(|group| group.customers).sum::<f64>();
    if returned < FEWEST as f64 {
        return Err(FitError::Few { found: returned as usize, what: "customers who came back" });
    }
    let unit = statistics.mean_age();
    let maximum = climb(&statistics.in_units_of(unit)).ok_or(FitError::Lost)?;
    Ok(Fit {
        model: model(maximum.parameters, unit),
        log_likelihood: maximum.log_likelihood - repeat_purchases * unit.ln(),
        converged: maximum.converged,
        iterations: maximum.iterations,
        customers: statistics.customers() as u64,
    })
}

/// Customers of each x, ascending.
fn by_x(statistics: &Statistics) -> Vec<(u32, f64)> {
    let same_x = statistics.groups.chunk_by(|a, b| a.timing.x == b.timing.x);
    same_x.map(|same| (same[0].timing.x, same.iter().map(|group| group.customers).sum())).collect()
}

#[cfg(test)]
mod tests;
