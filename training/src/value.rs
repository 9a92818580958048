//! Value: spend within the horizon of those who buy, learned from what customers of past origins then spent.

use rayon::prelude::*;
use shopkeeper_models::boosting::Boosted;
use shopkeeper_models::churn::{Centre, ChurnModel, FEATURES, WIDTH};
use shopkeeper_models::value::SpendModel;

use crate::boosting::BoostingParams;
use crate::churn::{Lessons, tails};
use crate::linear;

/// Fewer customers who bought than this teach nothing.
const FEWEST: usize = 200;
/// Ridge of the line, in rows.
const RIDGE: f64 = 50.0;
/// Trees over the line.
const TREES: u32 = 60;
/// Count as 0 for everybody: age, silence and pace already say it, and on early histories they mislead.
const LEFT_OUT: [&str; 7] = [
    "ln_recency_days",
    "ln_wide_gap",
    "ln_silence_in_wide_gaps",
    "ln_time_in_long_gaps",
    "ln_days_fading_10",
    "ln_days_fading_30",
    "ln_days_fading_90",
];
/// Power of the factor that brings the sum to what was spent: 1 gives the right total of those who buy, 0 the smaller absolute error.
const TOTAL: f64 = 0.75;
/// Power of the factor from the sum of the squares of the chance to buy to that of the chance: as [`TOTAL`], over all customers.
const BALANCE: f64 = 0.6;
/// Stands in for the smallest spends, as a share of the mean: a logarithm has none for 0.
const SMALLEST: f64 = 1e-3;

/// Fits on everyone who bought after a past origin; none where there are too few.
pub fn fit(lessons: &Lessons, boosting: &BoostingParams, churn: &ChurnModel) -> Option<SpendModel> {
    let (mut x, mut spends) = (Vec::new(), Vec::new());
    // an origin that lacks the anchor which as-of has, or the other way round, would teach that its absence means something
    for origin in lessons.past.iter().filter(|origin| origin.anchored == lessons.now.anchored) {
        let customers = origin.rows.x.chunks_exact(WIDTH).zip(&origin.spend).filter(|(_, spend)| **spend > 0.0);
        for (features, spend) in customers {
            x.extend_from_slice(features);
            spends.push(*spend);
        }
    }
    if spends.len() < FEWEST {
        return None;
    }
    let range = |feature: usize| if LEFT_OUT.contains(&FEATURES[feature]) { (0.0, 0.0) } else { tails(&x, feature) };
    let within: Vec<Centre> = (0..WIDTH).map(range).map(|(least, most)| Centre { mean: 0.0, least, most }).collect();
    x.iter_mut().zip(within.iter().cycle()).for_each(|(x, within)| *x = within.of((*x).into()) as f32);
    let spent = spends.iter().sum::<f64>();
    let smallest = SMALLEST * spent / spends.len() as f64;
    let logarithms: Vec<f64> = spends.iter().map(|spend| spend.max(smallest).ln()).collect();
    let typical = linear::fit(&FEATURES, &x, &logarithms, RIDGE)?;
    let mut model = SpendModel { within, typical, added: Boosted { start: 0.0, trees: Vec::new() }, scale: 1.0, balance: 1.0 };
    let features = || x.chunks_exact(WIDTH).map(|x| std::array::from_fn(|j| f64::from(x[j])));
    // the ridge on a leaf's mean is in rows, so the unit of money does not matter
    let left: Vec<f64> = features().zip(&spends).map(|(x, spend)| spend.sqrt() - model.of(&x).sqrt()).collect();
    model.added = BoostingParams { trees: TREES, ..*boosting }.fit_mean(WIDTH, &x, &left);
    let squares = features().map(|x| model.of(&x)).sum::<f64>();
    model.scale = (spent / squares.max(f64::MIN_POSITIVE)).powf(TOTAL);
    model.balance = balance(&model, lessons, churn);
    Some(model).filter(|model| model.scale.is_finite())
}

/// See [`SpendModel::balance`]; 1 where churn was not fitted.
fn balance(model: &SpendModel, lessons: &Lessons, churn: &ChurnModel) -> f64 {
    let of = |x: &[f32]| {
        let x = std::array::from_fn(|j| f64::from(x[j]));
        let stays = 1.0 - churn.probability_of(&x)?;
        let if_active = model.of(&std::array::from_fn(|j| model.within[j].of(x[j])));
        Some((stays * if_active, stays * stays * if_active))
    };
    let spends: Vec<Option<(f64, f64)>> = lessons.now.rows.x.par_chunks(WIDTH).map(of).collect();
    let (mean, square) = spends.into_iter().flatten().fold((0.0, 0.0), |sums, one| (sums.0 + one.0, sums.1 + one.1));
    if square > 0.0 { (mean / square).powf(BALANCE) } else { 1.0 }
}
