//! Ridge-regularised logistic regression by Newton's method (iteratively reweighted least squares; Hastie, Tibshirani & Friedman,
//! The Elements of Statistical Learning, section 4.4.1, equation 4.26, with a ridge on all but the intercept).

use linfa_linalg::cholesky::SolveC;
use ndarray::{Array1, Array2};
use rayon::prelude::*;
use shopkeeper_models::logistic::{Logistic, Weight, sigmoid};

/// Rows added up by one task. Fixed, and the partial sums are added in order, so that the result does not depend on the threads.
const CHUNK: usize = 4096;
/// A fit that needs more steps than this has failed.
const MAX_STEPS: usize = 50;
/// The fit has converged when no weight moves by more than this.
const TOLERANCE: f64 = 1e-7;

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticParams {
    /// Strength of the ridge on each standardised weight, in rows: 1 pulls as hard as one row.
    pub ridge: f64,
}

/// Training rows: a dense row-major matrix, what happened, and how much each row counts.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// `labels.len() * features` values.
    pub x: Vec<f32>,
    /// Whether the event happened.
    pub labels: Vec<bool>,
    /// What each row counts, 1 = one row.
    pub weights: Vec<f32>,
}

impl Rows {
    /// Adds a row that counts `weight`.
    pub fn push(&mut self, x: &[f32], label: bool, weight: f32) {
        self.weights.push(weight);
        self.x.extend_from_slice(x);
        self.labels.push(label);
    }

    /// Makes all rows together count as much as `total` rows.
    pub fn weigh(&mut self, total: f32) {
        let each = total / self.labels.len().max(1) as f32;
        self.weights.fill(each);
    }

    /// Adds the rows of another set.
    pub fn append(&mut self, other: Self) {
        self.x.extend_from_slice(&other.x);
        self.labels.extend_from_slice(&other.labels);
        self.weights.extend_from_slice(&other.weights);
    }
}

/// Why no model could be fitted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LogisticError {
    /// All labels are alike.
    #[error("{rows} rows, of which {positives} positive: both outcomes are needed")]
    OneClass {
        /// Rows given.
        rows: usize,
        /// Of which positive.
        positives: usize,
    },
    /// Newton's method did not settle.
    #[error("no convergence after {0} steps")]
    NotConverged(usize),
}

impl LogisticParams {
    /// Fits one weight a feature. Features that do not vary get weight 0.
    pub fn fit(&self, features: &[&str], rows: &Rows) -> Result<Logistic, LogisticError> {
        self.fit_signed(features, rows, &vec![0; features.len()])
    }

    /// The same where a weight may only be 0 or of the sign of its entry in `signs`; 0 there = any. By projected Newton steps (Bertsekas 1982):
    /// a weight at 0 that would leave on the wrong side is held there for the step.
    pub fn fit_signed(&self, features: &[&str], rows: &Rows, signs: &[i8]) -> Result<Logistic, LogisticError> {
        let (width, n) = (features.len(), rows.labels.len());
        debug_assert_eq!(rows.x.len(), width * n);
        let positives = rows.labels.iter().filter(|&&label| label).count();
        if positives == 0 || positives == n {
            return Err(LogisticError::OneClass { rows: n, positives });
        }
        let (means, scales) = moments(width, rows);
        let mut beta = Array1::<f64>::zeros(width + 1);
        beta[0] = (positives as f64 / (n - positives) as f64).ln();
        let mut best = self.objective(&beta, &means, &scales, rows);
        for _ in 0..MAX_STEPS {
            let (mut gradient, mut hessian) = derivatives(&beta, &means, &scales, rows);
            for j in 1..=width {
                gradient[j] -= self.ridge * beta[j];
                hessian[(j, j)] += self.ridge.max(1e-9);
            }
            let mut step = feasible_step(&hessian, &gradient, &beta, signs).ok_or(LogisticError::NotConverged(MAX_STEPS))?;
            // the likelihood is concave, so halving the step until it no longer falls always ends
            let mut next = projected(&beta + &step, signs);
            let mut reached = self.objective(&next, &means, &scales, rows);
            while reached < best - 1e-9 * best.abs() {
                step *= 0.5;
                next = projected(&beta + &step, signs);
                reached = self.objective(&next, &means, &scales, rows);
            }
            let largest = next.iter().zip(&beta).fold(0.0_f64, |most, (next, before)| most.max((next - before).abs()));
            beta = next;
            best = reached;
            if largest < TOLERANCE {
                let weight = |(j, feature): (usize, &&str)| Weight {
                    feature: (*feature).to_owned(),
                    mean: means[j],
                    scale: scales[j],
                    weight: beta[j + 1],
                };
                return Ok(Logistic { intercept: beta[0], weights: features.iter().enumerate().map(weight).collect() });
            }
        }
        Err(LogisticError::NotConverged(MAX_STEPS))
    }

    /// The log-likelihood less half the ridge's share.
    fn objective(&self, beta: &Array1<f64>, means: &[f64], scales: &[f64], rows: &Rows) -> f64 {
        let width = means.len();
        let slopes: Vec<f64> = (0..width).map(|j| beta[j + 1] / scales[j]).collect();
        let intercept = beta[0] - slopes.iter().zip(means).map(|(slope, mean)| slope * mean).sum::<f64>();
        let partial: Vec<f64> = rows
            .x
            .par_chunks(CHUNK * width)
            .zip(rows.labels.par_chunks(CHUNK).zip(rows.weights.par_chunks(CHUNK)))
            .map(|(x, (labels, weights))| {
                let log_likelihood = |(row, (&label, &weight)): (&[f32], (&bool, &f32))| {
                    let z = intercept + slopes.iter().zip(row).map(|(slope, &x)| slope * f64::from(x)).sum::<f64>();
                    // ln(sigmoid(z)) without overflow
                    let signed = if label { z } else { -z };
                    f64::from(weight) * (signed.min(0.0) - (-signed.abs()).exp().ln_1p())
                };
                x.chunks_exact(width).zip(labels.iter().zip(weights)).map(log_likelihood).sum()
            })
            .collect();
        partial.iter().sum::<f64>() - 0.5 * self.ridge * beta.iter().skip(1).map(|weight| weight * weight).sum::<f64>()
    }
}

fn moments(width: usize, rows: &Rows) -> (Vec<f64>, Vec<f64>) {
    let sums: Vec<Vec<f64>> = rows
        .x
        .par_chunks(CHUNK * width)
        .map(|chunk| {
            let mut sums = vec![0.0; 2 * width];
            for row in chunk.chunks_exact(width) {
                for (j, &x) in row.iter().enumerate() {
                    sums[j] += f64::from(x);
                    sums[width + j] += f64::from(x) * f64::from(x);
                }
            }
            sums
        })
        .collect();
    let n = rows.labels.len() as f64;
    let total = |j: usize| sums.iter().map(|sums| sums[j]).sum::<f64>();
    let means: Vec<f64> = (0..width).map(|j| total(j) / n).collect();
    let deviation = |j: usize| (total(width + j) / n - means[j] * means[j]).max(0.0).sqrt();
    let scales = (0..width).map(|j| Some(deviation(j)).filter(|&scale| scale > 1e-9).unwrap_or(1.0)).collect();
    (means, scales)
}

/// Gradient of the log-likelihood, and minus its Hessian.
fn derivatives(beta: &Array1<f64>, means: &[f64], scales: &[f64], rows: &Rows) -> (Array1<f64>, Array2<f64>) {
    let width = means.len();
    let side = width + 1;
    let partial: Vec<Vec<f64>> = rows
        .x
        .par_chunks(CHUNK * width)
        .zip(rows.labels.par_chunks(CHUNK).zip(rows.weights.par_chunks(CHUNK)))
        .map(|(x, (labels, weights))| {
            let mut sums = vec![0.0; side + side * side];
            let mut z = vec![1.0; side];
            for (row, (&label, &counts)) in x.chunks_exact(width).zip(labels.iter().zip(weights)) {
                let mut log_odds = beta[0];
                for j in 0..width {
                    z[j + 1] = (f64::from(row[j]) - means[j]) / scales[j];
                    log_odds += beta[j + 1] * z[j + 1];
                }
                let p = sigmoid(log_odds);
                let (residual, weight) =
                    (f64::from(counts) * (f64::from(u8::from(label)) - p), f64::from(counts) * (p * (1.0 - p)).max(1e-12));
                let (gradient, hessian) = sums.split_at_mut(side);
                for i in 0..side {
                    gradient[i] += residual * z[i];
                    let scaled = weight * z[i];
                    for (sum, z) in hessian[i * side..i * side + i + 1].iter_mut().zip(&z) {
                        *sum += scaled * z;
                    }
                }
            }
            sums
        })
        .collect();
    let total = |at: usize| partial.iter().map(|sums| sums[at]).sum::<f64>();
    let gradient = (0..side).map(total).collect();
    let hessian = Array2::from_shape_fn((side, side), |(i, j)| total(side + i.max(j) * side + i.min(j)));
    (gradient, hessian)
}

/// The Newton step in which no weight at 0 goes to the side that its sign forbids.
fn feasible_step(hessian: &Array2<f64>, gradient: &Array1<f64>, beta: &Array1<f64>, signs: &[i8]) -> Option<Array1<f64>> {
    let (mut hessian, mut gradient) = (hessian.clone(), gradient.clone());
    loop {
        let step = newton_step(hessian.clone(), gradient.clone())?;
        let wrong = |&at: &usize| signs[at - 1] != 0 && beta[at] == 0.0 && step[at] * f64::from(signs[at - 1]) < 0.0;
        let held: Vec<usize> = (1..step.len()).filter(wrong).collect();
        if held.is_empty() {
            return Some(step);
        }
        for at in held {
            hessian.row_mut(at).fill(0.0);
            hessian.column_mut(at).fill(0.0);
            hessian[(at, at)] = 1.0;
            gradient[at] = 0.0;
        }
    }
}

/// Weights of the wrong sign become 0.
fn projected(mut beta: Array1<f64>, signs: &[i8]) -> Array1<f64> {
    for (weight, &sign) in beta.iter_mut().skip(1).zip(signs) {
        if *weight * f64::from(sign) < 0.0 {
            *weight = 0.0;
        }
    }
    beta
}

fn newton_step(mut hessian: Array2<f64>, gradient: Array1<f64>) -> Option<Array1<f64>> {
    let step = hessian.solvec(&gradient.insert_axis(ndarray::Axis(1))).ok()?;
    Some(step.remove_axis(ndarray::Axis(1))).filter(|step| step.iter().all(|value| value.is_finite()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256Plus;

    use super::*;

    #[test]
    fn a_weight_that_may_only_rise_is_0_where_it_would_fall_and_the_others_make_up_for_it() {
        let mut random = Xoshiro256Plus::seed_from_u64(3);
        let (mut rows, mut without) = (Rows::default(), Rows::default());
        for _ in 0..4000 {
            let (a, noise, c) = (random.gen_range(-1.0..1.0_f32), random.gen_range(-1.0..1.0_f32), random.gen_range(-1.0..1.0_f32));
            let b = 0.8 * a + 0.2 * noise;
            let label = random.gen_range(0.0..1.0) < sigmoid(f64::from(2.0 * a - b + 0.5 * c));
            rows.push(&[a, b, c], label, 1.0);
            without.push(&[a, c], label, 1.0);
        }
        let params = LogisticParams { ridge: 1.0 };
        let weights = |fitted: Logistic| fitted.weights.iter().map(|weight| weight.weight).collect::<Vec<_>>();
        let free = weights(params.fit(&["a", "b", "c"], &rows).unwrap());
        assert!(free[1] < -0.1, "{free:?}");
        assert_eq!(
            free,
            weights(params.fit_signed(&["a", "b", "c"], &rows, &[1, -1, 0]).unwrap()),
            "a sign that holds anyway changes nothing"
        );
        let bound = weights(params.fit_signed(&["a", "b", "c"], &rows, &[1, 1, 0]).unwrap());
        let left = weights(params.fit(&["a", "c"], &without).unwrap());
        assert_eq!(bound[1], 0.0);
        assert!((bound[0] - left[0]).abs() < 1e-6 && (bound[2] - left[1]).abs() < 1e-6, "{bound:?} {left:?}");
    }
}
