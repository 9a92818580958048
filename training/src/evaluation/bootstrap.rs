//! The percentile bootstrap (Efron 1979): what the mean over customers would have been with other customers of the same shop.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

const RESAMPLES: usize = 1000;
const SEED: u64 = 42;

/// The mean of each column over each of 1000 resamples: as many rows as there are, drawn with replacement, the same rows for every column, so
/// that differences of columns are paired. The same on any number of threads. Columns must be equally long and not empty.
pub(super) fn resampled_means(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rows = columns.first().map_or(0, Vec::len);
    // row by row, so that a draw touches one place in memory
    let table: Vec<f64> = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    let resampled: Vec<Vec<f64>> = (0..RESAMPLES as u64)
        .into_par_iter()
        .map(|resample| {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED.wrapping_add(resample));
            let mut means = vec![0.0; columns.len()];
            for _ in 0..rows {
                let row = random.gen_range(0..rows);
                means.iter_mut().zip(&table[row * columns.len()..]).for_each(|(sum, value)| *sum += value);
            }
            means.iter_mut().for_each(|sum| *sum /= rows as f64);
            means
        })
        .collect();
    (0..columns.len()).map(|column| resampled.iter().map(|means| means[column]).collect()).collect()
}

/// The 2.5th and the 97.5th percentile: one in forty resamples lies below, one in forty above.
pub(super) fn interval(mut means: Vec<f64>) -> [f64; 2] {
    means.sort_unstable_by(f64::total_cmp);
    let outside = means.len() / 40;
    [means[outside], means[means.len() - 1 - outside]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_the_interval_of_the_textbook() {
        // 400 customers, half of them 1: 0.5 ± 1.96 x sqrt(0.25 / 400) = 0.5 ± 0.049
        let half: Vec<f64> = (0..400).map(|row| f64::from(row % 2)).collect();
        let [low, high] = interval(resampled_means(&[half]).remove(0));
        assert!((low - 0.451).abs() < 0.006 && (high - 0.549).abs() < 0.006, "{low} {high}");
    }

    #[test]
    fn columns_are_resampled_together() {
        let first: Vec<f64> = (0..50).map(|row| f64::from(row * row % 17)).collect();
        let second = first.iter().map(|value| value + 0.25).collect();
        let means = resampled_means(&[first, second]);
        let difference: Vec<f64> = means[1].iter().zip(&means[0]).map(|(a, b)| a - b).collect();
        assert!(difference.iter().all(|difference| (difference - 0.25).abs() < 1e-12));
        assert!(means[0].iter().any(|mean| (mean - means[0][0]).abs() > 0.1));
    }

    #[test]
    fn one_in_forty_lies_outside_on_each_side() {
        assert_eq!(interval((0..1000).rev().map(f64::from).collect()), [25.0, 974.0]);
        assert_eq!(interval(resampled_means(&[vec![0.3]]).remove(0)), [0.3, 0.3]);
    }
}
