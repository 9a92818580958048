//! MBG/NBD by maximum likelihood (Batislam, Denizel & Filiztekin 2007): BG/NBD with a chance to leave after the first purchase.

use shopkeeper_models::buy_till_you_die::{Fit, MbgNbd, PurchaseModel};

use super::statistics::Statistics;
use super::{FitError, beta_geometric, fit_purchases};

/// Fits r, alpha, a, b; alpha in days.
pub fn fit(statistics: &Statistics) -> Result<Fit<PurchaseModel>, FitError> {
    let model = |[r, alpha, a, b]: [f64; 4], unit: f64| PurchaseModel::MbgNbd(MbgNbd { r, alpha: alpha * unit, a, b });
    fit_purchases(statistics, |scaled| beta_geometric::fit(scaled, 1.0), model)
}
