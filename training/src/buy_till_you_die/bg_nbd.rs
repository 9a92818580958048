//! BG/NBD by maximum likelihood (Fader, Hardie & Lee 2005, equation 6).

use shopkeeper_models::buy_till_you_die::{BgNbd, Fit, PurchaseModel};

use super::statistics::Statistics;
use super::{FitError, beta_geometric, fit_purchases};

/// Fits r, alpha, a, b; alpha in days.
pub fn fit(statistics: &Statistics) -> Result<Fit<PurchaseModel>, FitError> {
    let model = |[r, alpha, a, b]: [f64; 4], unit: f64| PurchaseModel::BgNbd(BgNbd { r, alpha: alpha * unit, a, b });
    fit_purchases(statistics, |scaled| beta_geometric::fit(scaled, 0.0), model)
}
