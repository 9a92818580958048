//! Value: spend within the horizon, learned from what customers of past origins then spent.

use shopkeeper_models::churn::FEATURES;
use shopkeeper_models::value::SpendModel;

use crate::boosting::BoostingParams;
use crate::churn::Origin;

/// Fewer rows than this teach nothing.
const FEWEST: usize = 500;
/// At the newest origin the total of the expected spends is held to at least this share of what was then spent.
const LEAST_TOTAL: f64 = 0.9;

/// Fits on every origin; none where there are too few customers or nothing was spent.
pub fn fit(origins: &[Origin], boosting: &BoostingParams) -> Option<SpendModel> {
    let spend: Vec<f64> = origins.iter().flat_map(|origin| &origin.spend).map(|spend| spend.max(0.0)).collect();
    if spend.len() < FEWEST || spend.iter().all(|&spend| spend == 0.0) {
        return None;
    }
    let x: Vec<f32> = origins.iter().flat_map(|origin| &origin.rows.x).copied().collect();
    // the ridge on a leaf's mean is in rows, so the unit of money does not matter
    let root = boosting.fit_mean(FEATURES.len(), &x, &spend.iter().map(|spend| spend.sqrt()).collect::<Vec<_>>());
    let newest = origins.first()?;
    let squares = newest.rows.x.chunks_exact(FEATURES.len()).map(|x| {
        let x: [f64; FEATURES.len()] = std::array::from_fn(|j| x[j].into());
        root.sum(&x).max(0.0).powi(2)
    });
    let spent = newest.spend.iter().map(|spend| spend.max(0.0)).sum::<f64>();
    let scale = (LEAST_TOTAL * spent / squares.sum::<f64>().max(f64::MIN_POSITIVE)).max(1.0);
    Some(SpendModel { root, scale }).filter(|model| model.scale.is_finite())
}
