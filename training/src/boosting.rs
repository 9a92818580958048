//! Gradient boosting of small trees, for a yes-or-no question or a number: Newton steps on the logistic or the squared loss (Friedman 2001; Chen & Guestrin 2016,
//! equations 5 to 7), leaf by leaf, over histograms (Ke et al. 2017). Every histogram is one task that walks its rows in order, so the
//! result does not depend on the threads.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use shopkeeper_models::boosting::{Boosted, Node, Tree};
use shopkeeper_models::logistic::sigmoid;

use crate::logistic::Rows;

/// The most values that a feature is told apart by.
const BINS: usize = 64;

/// So many rows at least for each tree.
const ROWS_OF_A_TREE: usize = 50;

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct BoostingParams {
    /// Trees, but at most one for every 50 rows. Default 120.
    pub trees: u32,
    /// Leaves of a tree, at least 2. Default 12.
    pub leaves: usize,
    /// Share of each Newton step that is taken. Default 0.05.
    pub rate: f64,
    /// Fewest rows of a leaf. Default 40.
    pub rows_of_a_leaf: u32,
    /// Ridge on the value of a leaf. Default 5.
    pub ridge: f64,
    /// Share of the features that a tree may use, drawn anew for each. Default 0.6.
    pub features: f64,
    /// Seed of that draw. Default 42.
    pub seed: u64,
}

impl Default for BoostingParams {
    fn default() -> Self {
        Self { trees: 120, leaves: 12, rate: 0.05, rows_of_a_leaf: 40, ridge: 5.0, features: 0.6, seed: 42 }
    }
}

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    gradient: f64,
    hessian: f64,
    rows: u32,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
        self.rows += other.rows;
    }

    fn less(self, other: Self) -> Self {
        Self { gradient: self.gradient - other.gradient, hessian: self.hessian - other.hessian, rows: self.rows - other.rows }
    }
}

/// One feature in bins: row's bins, and the largest value of each bin.
struct Binned {
    bin: Vec<u8>,
    edges: Vec<f32>,
}

/// A leaf that may still be split.
struct Leaf {
    node: usize,
    rows: Vec<u32>,
    sums: Sums,
    split: Option<Split>,
}

#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
}

impl BoostingParams {
    /// Log-odds of the labels, from `width` features a row, over the log-odds `start` of each row, which are left out of the sum. One class only
    /// gives a constant.
    pub fn fit(&self, width: usize, rows: &Rows, start: Vec<f64>) -> Boosted {
        let targets: Vec<f64> = rows.labels.iter().map(|&label| f64::from(u8::from(label))).collect();
        let trees = self.boost(width, &rows.x, &targets, start, |z, target| {
            let p = sigmoid(z);
            (p - target, p * (1.0 - p))
        });
        Boosted { start: 0.0, trees }
    }

    /// The mean of the targets, from `width` features a row.
    pub fn fit_mean(&self, width: usize, x: &[f32], targets: &[f64]) -> Boosted {
        let start = targets.iter().sum::<f64>() / targets.len().max(1) as f64;
        let trees = self.boost(width, x, targets, vec![start; targets.len()], |z, target| (z - target, 1.0));
        Boosted { start, trees }
    }

    /// Grows trees against the first and second derivative of a loss by the sum of the trees before.
    fn boost(&self, width: usize, x: &[f32], targets: &[f64], start: Vec<f64>, slope: impl Fn(f64, f64) -> (f64, f64) + Sync) -> Vec<Tree> {
        let binned: Vec<Binned> = (0..width).into_par_iter().map(|feature| bin(x, width, feature)).collect();
        let mut random = Xoshiro256Plus::seed_from_u64(self.seed);
        let mut order: Vec<usize> = (0..width).collect();
        let mut sums = start;
        let mut trees = Vec::new();
        for _ in 0..self.trees.min((targets.len() / ROWS_OF_A_TREE) as u32) {
            order.shuffle(&mut random);
            let usable = &order[..((self.features * width as f64).ceil() as usize).clamp(1, width)];
            let slopes: Vec<(f64, f64)> = sums.par_iter().zip(targets).map(|(&z, &target)| slope(z, target)).collect();
            let (tree, leaves) = self.grow(&binned, &slopes, usable);
            for (value, members) in leaves {
                members.iter().for_each(|&row| sums[row as usize] += f64::from(value));
            }
            trees.push(tree);
        }
        trees
    }

    /// Splits the leaf that gains most until there are enough; returns the leaves' values and rows, too.
    fn grow(&self, binned: &[Binned], slopes: &[(f64, f64)], usable: &[usize]) -> (Tree, Vec<(f32, Vec<u32>)>) {
        let rows: Vec<u32> = (0..slopes.len() as u32).collect();
        let mut nodes = vec![Node::Leaf { value: 0.0 }];
        let mut leaves = vec![self.leaf(0, rows, binned, slopes, usable)];
        while leaves.len() < self.leaves {
            let gain = |leaf: &Leaf| leaf.split.map_or(0.0, |split| split.gain);
            let Some(best) = (0..leaves.len()).max_by(|&a, &b| gain(&leaves[a]).total_cmp(&gain(&leaves[b]))) else { break };
            let Some(split) = leaves[best].split else { break };
            let Leaf { node, rows, .. } = leaves.swap_remove(best);
            let bins = &binned[split.feature];
            let (below, above): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|&row| bins.bin[row as usize] as usize <= split.bin);
            let next = nodes.len();
            let (low, high) = (next as u16, next as u16 + 1);
            nodes[node] = Node::Split { feature: split.feature as u16, at: bins.edges[split.bin], below: low, above: high };
            nodes.extend([Node::Leaf { value: 0.0 }; 2]);
            leaves.push(self.leaf(next, below, binned, slopes, usable));
            leaves.push(self.leaf(next + 1, above, binned, slopes, usable));
        }
        let value = |sums: Sums| (-self.rate * sums.gradient / (sums.hessian + self.ridge)) as f32;
        for leaf in &leaves {
            nodes[leaf.node] = Node::Leaf { value: value(leaf.sums) };
        }
        (Tree(nodes), leaves.into_iter().map(|leaf| (value(leaf.sums), leaf.rows)).collect())
    }

    fn leaf(&self, node: usize, rows: Vec<u32>, binned: &[Binned], slopes: &[(f64, f64)], usable: &[usize]) -> Leaf {
        let mut sums = Sums::default();
        for &row in &rows {
            let (gradient, hessian) = slopes[row as usize];
            sums.add(Sums { gradient, hessian, rows: 1 });
        }
        let best_of = |&feature: &usize| self.best_split(feature, &binned[feature], &rows, slopes, sums);
        let splits: Vec<Option<Split>> = usable.par_iter().map(best_of).collect();
        let better = |best: Option<Split>, split: Split| Some(best.filter(|best| best.gain >= split.gain).unwrap_or(split));
        let split = if sums.rows < 2 * self.rows_of_a_leaf { None } else { splits.into_iter().flatten().fold(None, better) };
        Leaf { node, rows, sums, split }
    }

    fn best_split(&self, feature: usize, binned: &Binned, rows: &[u32], slopes: &[(f64, f64)], sums: Sums) -> Option<Split> {
        let mut histogram = [Sums::default(); BINS];
        for &row in rows {
            let (gradient, hessian) = slopes[row as usize];
            histogram[binned.bin[row as usize] as usize].add(Sums { gradient, hessian, rows: 1 });
        }
        let score = |sums: Sums| sums.gradient * sums.gradient / (sums.hessian + self.ridge);
        let (mut below, mut best) = (Sums::default(), None::<Split>);
        for (bin, &sums_of_bin) in histogram.iter().enumerate().take(binned.edges.len().saturating_sub(1)) {
            below.add(sums_of_bin);
            let above = sums.less(below);
            if below.rows.min(above.rows) < self.rows_of_a_leaf {
                continue;
            }
            let gain = score(below) + score(above) - score(sums);
            if gain > best.map_or(1e-9, |best| best.gain) {
                best = Some(Split { gain, feature, bin });
            }
        }
        best
    }
}

/// Cuts a feature where its values leave bins of about equal size.
fn bin(x: &[f32], width: usize, feature: usize) -> Binned {
    let values: Vec<f32> = x.iter().skip(feature).step_by(width).copied().collect();
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let mut edges: Vec<f32> = (1..=BINS).filter_map(|bin| sorted.get((sorted.len() * bin / BINS).saturating_sub(1)).copied()).collect();
    edges.dedup();
    let bin = values.iter().map(|value| edges.partition_point(|edge| edge < value).min(edges.len() - 1) as u8).collect();
    Binned { bin, edges }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::Rng;

    use super::*;

    /// Two features of which only together they tell: no straight line does.
    fn checkerboard(n: usize) -> Rows {
        let mut random = Xoshiro256Plus::seed_from_u64(1);
        let mut rows = Rows::default();
        for _ in 0..n {
            let (x, y) = (random.gen_range(-1.0..1.0_f32), random.gen_range(-1.0..1.0_f32));
            rows.push(&[x, y], (x > 0.0) != (y > 0.2), 1.0);
        }
        rows
    }

    #[test]
    fn a_checkerboard_is_learned_the_same_on_any_number_of_threads() {
        let rows = checkerboard(3000);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| BoostingParams { features: 1.0, ..BoostingParams::default() }.fit(2, &rows, vec![0.0; 3000]))
        };
        let boosted = fit(1);
        assert_eq!(boosted, fit(3));
        assert!(boosted.is_sound(2) && !boosted.is_sound(1));
        for (x, expected) in [([-0.5, -0.5], false), ([-0.5, 0.7], true), ([0.5, -0.5], true), ([0.5, 0.7], false)] {
            assert_eq!(boosted.sum(&x) > 1.0, expected, "{x:?}");
            assert_eq!(boosted.sum(&x) < -1.0, !expected, "{x:?}");
        }
    }

    #[test]
    fn nothing_to_learn_is_a_constant() {
        let mut rows = Rows::default();
        for at in 0..100 {
            rows.push(&[1.0, 2.0], at % 4 == 0, 1.0);
        }
        let start = (0.25_f64 / 0.75).ln();
        let boosted = BoostingParams::default().fit(2, &rows, vec![start; 100]);
        assert!((sigmoid(start + boosted.sum(&[9.0, 9.0])) - 0.25).abs() < 0.01);
        assert!(BoostingParams::default().fit(2, &Rows::default(), Vec::new()).is_sound(2));
    }
}
