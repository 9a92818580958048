//! Gradient boosting of symmetric trees on the logistic loss (Friedman 2001, algorithm 5, with second-order leaves as in Chen & Guestrin
//! 2016, XGBoost, equations 5 to 7), starting from given log-odds.
//!
//! Features are cut into bins once. Each level of a tree takes the one question that gains most over all its nodes; each feature's
//! histogram is summed by one task in row order, so the result does not depend on the threads.

use rayon::prelude::*;
use shopkeeper_models::logistic::sigmoid;
use shopkeeper_models::recommender::Trees;

use crate::logistic::Rows;
use crate::split_mix::{STEP, split_mix};

/// How to boost.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TreesParams {
    /// Trees; 0 = none. Default 200.
    pub trees: usize,
    /// Questions of a tree, 1 to 8. Default 4.
    pub depth: usize,
    /// Share of each tree's answer that is taken. Default 0.08.
    pub rate: f64,
    /// Ridge on a leaf, in rows' worth of curvature. Default 10.
    pub ridge: f64,
    /// One row in so many is seen by each tree. Default 2.
    pub thinning: u64,
    /// Share of the features that each tree may ask for, 0 to 1. Default 0.5.
    pub features: f64,
}

impl Default for TreesParams {
    fn default() -> Self {
        Self { trees: 200, depth: 4, rate: 0.08, ridge: 10.0, thinning: 2, features: 0.5 }
    }
}

/// Most bins of a feature.
const BINS: usize = 64;
/// Values that the cuts between bins are taken from.
const SAMPLE: usize = 50_000;
/// Leaves must hold at least this much curvature, sum of p (1 - p), for a question to count there.
const LEAST_CURVATURE: f64 = 1.0;

/// A feature in bins: bin b holds the values in `cuts[b - 1]..=cuts[b]`.
struct Binned {
    cuts: Vec<f32>,
    bins: Vec<u8>,
}

impl TreesParams {
    /// Fits trees that add to `start`, the log-odds of each row. None (an empty sum) without both outcomes.
    pub fn fit(&self, width: usize, rows: &Rows, start: &[f32]) -> Trees {
        let n = rows.labels.len();
        let positives = rows.labels.iter().filter(|&&label| label).count();
        if self.trees == 0 || positives == 0 || positives == n {
            return Trees::default();
        }
        let features: Vec<Binned> = (0..width).into_par_iter().map(|feature| bin(width, feature, rows)).collect();
        let mut log_odds = start.to_vec();
        let mut trees = Trees { depth: self.depth, ..Trees::default() };
        for tree in 0..self.trees {
            let seen: Vec<u32> = (0..n as u32).filter(|&row| mix(tree as u64, row.into()).is_multiple_of(self.thinning.max(1))).collect();
            let slopes: Vec<[f32; 2]> = seen
                .par_iter()
                .with_min_len(4096)
                .map(|&row| {
                    let p = sigmoid(f64::from(log_odds[row as usize]));
                    let weight = f64::from(rows.weights[row as usize]);
                    [(weight * (f64::from(u8::from(rows.labels[row as usize])) - p)) as f32, (weight * p * (1.0 - p)) as f32]
                })
                .collect();
            let mut leaf = vec![0_u8; seen.len()];
            let asked = self.asked(tree, width);
            let mut questions: Vec<(usize, u8)> = Vec::with_capacity(self.depth);
            for level in 0..self.depth {
                let best = asked
                    .par_iter()
                    .map(|&at| (at, self.best_cut(&features[at], &seen, &slopes, &leaf, 1 << level)))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0));
                let Some((feature, (_, cut))) = best else { break };
                questions.push((feature, cut));
                let bins = &features[feature].bins;
                leaf.par_iter_mut().zip(&seen).with_min_len(4096).for_each(|(leaf, &row)| {
                    *leaf |= u8::from(bins[row as usize] > cut) << level;
                });
            }
            let mut sums = vec![[0.0_f64; 2]; 1 << self.depth];
            for (&leaf, slope) in leaf.iter().zip(&slopes) {
                sums[usize::from(leaf)][0] += f64::from(slope[0]);
                sums[usize::from(leaf)][1] += f64::from(slope[1]);
            }
            let leaves: Vec<f32> = sums.iter().map(|[g, h]| (self.rate * g / (h + self.ridge)) as f32).collect();
            log_odds.par_iter_mut().enumerate().with_min_len(4096).for_each(|(row, log_odds)| {
                let answers = questions.iter().enumerate();
                let leaf =
                    answers.fold(0, |leaf, (level, &(feature, cut))| leaf | (usize::from(features[feature].bins[row] > cut) << level));
                *log_odds += leaves[leaf];
            });
            for &(feature, cut) in &questions {
                trees.features.push(feature as u16);
                // a feature that never varies has no cut; its question is then never answered with yes
                trees.thresholds.push(features[feature].cuts.get(usize::from(cut)).copied().unwrap_or(f32::MAX));
            }
            trees.leaves.extend(leaves);
        }
        trees
    }

    /// The features that a tree may ask for; all of them where chance would leave none.
    fn asked(&self, tree: usize, width: usize) -> Vec<usize> {
        let chosen = |feature: &usize| (mix(!(tree as u64), *feature as u64) as f64) < self.features * u64::MAX as f64;
        let asked: Vec<usize> = (0..width).filter(chosen).collect();
        if asked.is_empty() { (0..width).collect() } else { asked }
    }

    /// The cut of one feature with the highest gain summed over the nodes of a level: (gain, last bin on the no side).
    fn best_cut(&self, feature: &Binned, seen: &[u32], slopes: &[[f32; 2]], leaf: &[u8], nodes: usize) -> (f64, u8) {
        let bins = feature.cuts.len() + 1;
        let mut sums = vec![[0.0_f64; 2]; nodes * bins];
        for ((&row, slope), &leaf) in seen.iter().zip(slopes).zip(leaf) {
            let sum = &mut sums[usize::from(leaf) * bins + usize::from(feature.bins[row as usize])];
            sum[0] += f64::from(slope[0]);
            sum[1] += f64::from(slope[1]);
        }
        let mut gains = vec![0.0_f64; bins.saturating_sub(1)];
        for node in sums.chunks_exact(bins) {
            let all = node.iter().fold([0.0, 0.0], |all: [f64; 2], sum| [all[0] + sum[0], all[1] + sum[1]]);
            let worth = |g: f64, h: f64| g * g / (h + self.ridge);
            let (mut g, mut h) = (0.0, 0.0);
            for (gain, sum) in gains.iter_mut().zip(node) {
                g += sum[0];
                h += sum[1];
                if h >= LEAST_CURVATURE && all[1] - h >= LEAST_CURVATURE {
                    *gain += worth(g, h) + worth(all[0] - g, all[1] - h) - worth(all[0], all[1]);
                }
            }
        }
        // the first of equal gains, so that ties do not depend on anything
        let best = gains.iter().enumerate().max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)));
        best.map_or((0.0, u8::MAX), |(cut, &gain)| (gain, cut as u8))
    }
}

/// Cuts a feature at its quantiles.
fn bin(width: usize, feature: usize, rows: &Rows) -> Binned {
    let n = rows.labels.len();
    let value = |row: usize| rows.x[row * width + feature];
    let mut sample: Vec<f32> = (0..n).step_by(n.div_ceil(SAMPLE).max(1)).map(value).collect();
    sample.sort_unstable_by(f32::total_cmp);
    let mut cuts: Vec<f32> = (1..BINS).map(|bin| sample[bin * (sample.len() - 1) / BINS]).collect();
    cuts.dedup();
    // a cut at the largest value would leave nothing above it
    cuts.retain(|cut| Some(cut) < sample.last());
    let bins = (0..n).map(|row| cuts.partition_point(|&cut| cut < value(row)) as u8).collect();
    Binned { cuts, bins }
}

/// A number of a pair: the same draw for the same pair, wherever it is asked.
fn mix(a: u64, b: u64) -> u64 {
    split_mix(a.wrapping_mul(STEP).wrapping_add(b.wrapping_mul(0xd1b5_4a32_d192_ed03)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = 1 with 90 % where exactly one of two features is above a half: nothing additive can tell.
    fn either_or(n: u64) -> Rows {
        let mut rows = Rows::default();
        for row in 0..n {
            let [a, b, noise] = [1, 2, 3].map(|salt| (mix(salt, row) >> 40) as f32 / (1 << 24) as f32);
            rows.push(&[a, b], ((a > 0.5) != (b > 0.5)) == (noise < 0.9), 1.0);
        }
        rows
    }

    #[test]
    fn trees_learn_what_a_sum_cannot() {
        let rows = either_or(4000);
        let trees = TreesParams { depth: 4, ..TreesParams::default() }.fit(2, &rows, &vec![0.0; 4000]);
        let mut log_odds = [0.0; 4];
        trees.add(&[[0.2, 0.2], [0.2, 0.8], [0.8, 0.2], [0.8, 0.8]], &mut log_odds);
        let p = log_odds.map(|z| sigmoid(f64::from(z)));
        assert!((p[0] - 0.1).abs() < 0.06 && (p[1] - 0.9).abs() < 0.06 && (p[2] - 0.9).abs() < 0.06 && (p[3] - 0.1).abs() < 0.06, "{p:?}");
    }

    #[test]
    fn threads_do_not_change_a_tree_and_one_outcome_gives_none() {
        let rows = either_or(3000);
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| TreesParams { trees: 5, ..TreesParams::default() }.fit(2, &rows, &vec![0.0; 3000]))
        };
        assert_eq!(fit(1), fit(3));
        let mut sure = Rows::default();
        (0..50).for_each(|row| sure.push(&[row as f32], true, 1.0));
        assert!(TreesParams::default().fit(1, &sure, &[0.0; 50]).is_empty());
    }
}
