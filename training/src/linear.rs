//! Ridge regression by the normal equations.

use linfa_linalg::cholesky::SolveC;
use ndarray::{Array1, Array2, Axis};
use shopkeeper_models::logistic::{Logistic, Weight};

/// Fits `targets` to `width` features a row, with a ridge on each standardised weight, in rows. The answer's log-odds are the mean. `None` where
/// the equations have no finite answer.
pub fn fit(features: &[&str], x: &[f32], targets: &[f64], ridge: f64) -> Option<Logistic> {
    let (width, n) = (features.len(), targets.len().max(1) as f64);
    let rows = || x.chunks_exact(width);
    let column = |j: usize| rows().map(move |row| f64::from(row[j]));
    let means: Vec<f64> = (0..width).map(|j| column(j).sum::<f64>() / n).collect();
    let deviation = |j: usize| (column(j).map(|x| (x - means[j]).powi(2)).sum::<f64>() / n).sqrt();
    let scales: Vec<f64> = (0..width).map(|j| Some(deviation(j)).filter(|&scale| scale > 1e-9).unwrap_or(1.0)).collect();
    let intercept = targets.iter().sum::<f64>() / n;
    let (mut squares, mut products) = (Array2::<f64>::eye(width) * ridge.max(1e-9), Array1::<f64>::zeros(width));
    let mut z = vec![0.0; width];
    for (row, target) in rows().zip(targets) {
        z.iter_mut().enumerate().for_each(|(j, z)| *z = (f64::from(row[j]) - means[j]) / scales[j]);
        for i in 0..width {
            products[i] += z[i] * (target - intercept);
            (0..=i).for_each(|j| squares[(i, j)] += z[i] * z[j]);
        }
    }
    for i in 0..width {
        (0..i).for_each(|j| squares[(j, i)] = squares[(i, j)]);
    }
    let weights = squares.solvec(&products.insert_axis(Axis(1))).ok()?.remove_axis(Axis(1));
    let weight =
        |(j, feature): (usize, &&str)| Weight { feature: (*feature).to_owned(), mean: means[j], scale: scales[j], weight: weights[j] };
    Some(Logistic { intercept, weights: features.iter().enumerate().map(weight).collect() }).filter(|fit| fit.is_sound(features))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_line_is_found() {
        let x: Vec<f32> = (0..200).flat_map(|at| [at as f32 / 10.0, (at * 7 % 13) as f32]).collect();
        let targets: Vec<f64> = x.chunks_exact(2).map(|x| 3.0 - 2.0 * f64::from(x[0]) + 0.5 * f64::from(x[1])).collect();
        let line = fit(&["a", "b"], &x, &targets, 0.0).unwrap();
        assert!((line.log_odds(&[1.0, 4.0]) - 3.0).abs() < 1e-4);
        assert!(fit(&["a", "b"], &[], &[], 5.0).unwrap().log_odds(&[1.0, 4.0]) == 0.0);
    }
}
