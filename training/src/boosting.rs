//! Gradient boosting of small trees, for a yes-or-no question or a number: Newton steps on the logistic or the squared loss (Friedman 2001; Chen & Guestrin 2016,
//! equations 5 to 7), leaf by leaf, over histograms (Ke et al. 2017). A feature may be bound to raise the sum, or to lower it: no split goes against
//! it, and what lies on its two sides stays on the two sides of their middle (as in XGBoost and LightGBM). Every histogram is one task that walks its rows in order, so the
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
    /// Share of the features that vary which a tree may use, drawn anew for each. Default 0.4.
    pub features: f64,
    /// Seed of that draw. Default 42.
    pub seed: u64,
}

impl Default for BoostingParams {
    fn default() -> Self {
        Self { trees: 120, leaves: 12, rate: 0.05, rows_of_a_leaf: 40, ridge: 5.0, features: 0.4, seed: 42 }
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
    bounds: Bounds,
    split: Option<Split>,
}

/// Between which the values of a leaf and of all that it is split into must lie.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: f64,
    high: f64,
}

impl Bounds {
    const NONE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
}

#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
    /// Bounds of what lies below and above.
    bounds: [Bounds; 2],
}

/// What the leaves are grown on.
struct Ground<'a> {
    binned: &'a [Binned],
    slopes: &'a [(f64, f64)],
    /// Features that this tree may use.
    usable: &'a [usize],
    /// 1 = may only raise the sum, -1 = may only lower it, 0 = either; one entry a feature.
    signs: &'a [i8],
}

impl BoostingParams {
    /// Log-odds of the labels, over the log-odds `start` of each row, which are left out of the sum. `signs` has an entry a feature: 1 = may only raise
    /// the sum, -1 = may only lower it, 0 = either. One class only gives a constant.
    pub fn fit(&self, signs: &[i8], rows: &Rows, start: Vec<f64>) -> Boosted {
        let targets: Vec<f64> = rows.labels.iter().map(|&label| f64::from(u8::from(label))).collect();
        let trees = self.boost(signs, &rows.x, &targets, start, |z, target| {
            let p = sigmoid(z);
            (p - target, p * (1.0 - p))
        });
        Boosted { start: 0.0, trees }
    }

    /// The mean of the targets, from `width` features a row.
    pub fn fit_mean(&self, width: usize, x: &[f32], targets: &[f64]) -> Boosted {
        let start = targets.iter().sum::<f64>() / targets.len().max(1) as f64;
        let trees = self.boost(&vec![0; width], x, targets, vec![start; targets.len()], |z, target| (z - target, 1.0));
        Boosted { start, trees }
    }

    /// Grows trees against the first and second derivative of a loss by the sum of the trees before.
    fn boost(&self, signs: &[i8], x: &[f32], targets: &[f64], start: Vec<f64>, slope: impl Fn(f64, f64) -> (f64, f64) + Sync) -> Vec<Tree> {
        let width = signs.len();
        let binned: Vec<Binned> = (0..width).into_par_iter().map(|feature| bin(x, width, feature)).collect();
        let mut random = Xoshiro256Plus::seed_from_u64(self.seed);
        // a column that the shop does not have is one value throughout, and takes no place from another
        let mut order: Vec<usize> = (0..width).filter(|&feature| binned[feature].edges.len() > 1).collect();
        let mut sums = start;
        let mut trees = Vec::new();
        for _ in 0..self.trees.min((targets.len() / ROWS_OF_A_TREE) as u32) {
            order.shuffle(&mut random);
            let usable = &order[..((self.features * order.len() as f64).ceil() as usize).min(order.len())];
            let slopes: Vec<(f64, f64)> = sums.par_iter().zip(targets).map(|(&z, &target)| slope(z, target)).collect();
            let (tree, leaves) = self.grow(&Ground { binned: &binned, slopes: &slopes, usable, signs });
            for (value, members) in leaves {
                members.iter().for_each(|&row| sums[row as usize] += f64::from(value));
            }
            trees.push(tree);
        }
        trees
    }

    /// Splits the leaf that gains most until there are enough; returns the leaves' values and rows, too.
    fn grow(&self, ground: &Ground<'_>) -> (Tree, Vec<(f32, Vec<u32>)>) {
        let rows: Vec<u32> = (0..ground.slopes.len() as u32).collect();
        let mut nodes = vec![Node::Leaf { value: 0.0 }];
        let mut leaves = vec![self.leaf(0, rows, Bounds::NONE, ground)];
        while leaves.len() < self.leaves {
            let gain = |leaf: &Leaf| leaf.split.map_or(0.0, |split| split.gain);
            let Some(best) = (0..leaves.len()).max_by(|&a, &b| gain(&leaves[a]).total_cmp(&gain(&leaves[b]))) else { break };
            let Some(split) = leaves[best].split else { break };
            let Leaf { node, rows, .. } = leaves.swap_remove(best);
            let bins = &ground.binned[split.feature];
            let (below, above): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|&row| bins.bin[row as usize] as usize <= split.bin);
            let next = nodes.len();
            let (low, high) = (next as u16, next as u16 + 1);
            nodes[node] = Node::Split { feature: split.feature as u16, at: bins.edges[split.bin], below: low, above: high };
            nodes.extend([Node::Leaf { value: 0.0 }; 2]);
            leaves.push(self.leaf(next, below, split.bounds[0], ground));
            leaves.push(self.leaf(next + 1, above, split.bounds[1], ground));
        }
        let value = |leaf: &Leaf| (self.rate * self.value(leaf.sums, leaf.bounds)) as f32;
        for leaf in &leaves {
            nodes[leaf.node] = Node::Leaf { value: value(leaf) };
        }
        (Tree(nodes), leaves.into_iter().map(|leaf| (value(&leaf), leaf.rows)).collect())
    }

    /// The whole Newton step of a leaf, within its bounds.
    fn value(&self, sums: Sums, bounds: Bounds) -> f64 {
        (-sums.gradient / (sums.hessian + self.ridge)).clamp(bounds.low, bounds.high)
    }

    fn leaf(&self, node: usize, rows: Vec<u32>, bounds: Bounds, ground: &Ground<'_>) -> Leaf {
        let mut sums = Sums::default();
        for &row in &rows {
            let (gradient, hessian) = ground.slopes[row as usize];
            sums.add(Sums { gradient, hessian, rows: 1 });
        }
        let best_of = |&feature: &usize| self.best_split(feature, &rows, (sums, bounds), ground);
        let splits: Vec<Option<Split>> = ground.usable.par_iter().map(best_of).collect();
        let better = |best: Option<Split>, split: Split| Some(best.filter(|best| best.gain >= split.gain).unwrap_or(split));
        let split = if sums.rows < 2 * self.rows_of_a_leaf { None } else { splits.into_iter().flatten().fold(None, better) };
        Leaf { node, rows, sums, bounds, split }
    }

    fn best_split(&self, feature: usize, rows: &[u32], (sums, bounds): (Sums, Bounds), ground: &Ground<'_>) -> Option<Split> {
        let (binned, sign) = (&ground.binned[feature], f64::from(ground.signs[feature]));
        let mut histogram = [Sums::default(); BINS];
        for &row in rows {
            let (gradient, hessian) = ground.slopes[row as usize];
            histogram[binned.bin[row as usize] as usize].add(Sums { gradient, hessian, rows: 1 });
        }
        // what a leaf of this value takes off the loss, twice over; gradient^2 / (hessian + ridge) where the bounds leave it alone
        let score = |sums: Sums, value: f64| -value * (2.0 * sums.gradient + value * (sums.hessian + self.ridge));
        let whole = score(sums, self.value(sums, bounds));
        let (mut below, mut best) = (Sums::default(), None::<Split>);
        for (bin, &sums_of_bin) in histogram.iter().enumerate().take(binned.edges.len().saturating_sub(1)) {
            below.add(sums_of_bin);
            let above = sums.less(below);
            if below.rows.min(above.rows) < self.rows_of_a_leaf {
                continue;
            }
            let (low, high) = (self.value(below, bounds), self.value(above, bounds));
            let gain = score(below, low) + score(above, high) - whole;
            if sign * (high - low) >= 0.0 && gain > best.map_or(1e-9, |best| best.gain) {
                let middle = 0.5 * (low + high);
                let halves = [Bounds { high: middle, ..bounds }, Bounds { low: middle, ..bounds }];
                let bounds = if sign > 0.0 {
                    halves
                } else if sign < 0.0 {
                    [halves[1], halves[0]]
                } else {
                    [bounds; 2]
                };
                best = Some(Split { gain, feature, bin, bounds });
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
            pool.install(|| BoostingParams { features: 1.0, ..BoostingParams::default() }.fit(&[0; 2], &rows, vec![0.0; 3000]))
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
    fn a_bound_feature_never_moves_the_sum_the_wrong_way() {
        let mut rows = Rows::default();
        let mut random = Xoshiro256Plus::seed_from_u64(2);
        for _ in 0..3000 {
            let (x, y) = (random.gen_range(-1.0..1.0_f32), random.gen_range(-1.0..1.0_f32));
            // rises with x, but for a dip, and not where y is large
            rows.push(&[x, y], random.gen_range(0.0..1.0) < if (0.2..0.5).contains(&x) || y > 0.5 { 0.2 } else { 0.5 + 0.4 * x }, 1.0);
        }
        let of = |signs: &[i8]| BoostingParams { features: 1.0, ..BoostingParams::default() }.fit(signs, &rows, vec![0.0; 3000]);
        let along = |boosted: &Boosted, y: f64| (0..=200).map(|step| boosted.sum(&[f64::from(step) / 100.0 - 1.0, y])).collect::<Vec<_>>();
        let rises = |sums: Vec<f64>| sums.windows(2).all(|pair| pair[0] <= pair[1]);
        let (free, up, down) = (of(&[0, 0]), of(&[1, 0]), of(&[-1, 0]));
        for y in [-0.9, 0.0, 0.3, 0.7] {
            assert!(rises(along(&up, y)), "{y}");
            assert!(rises(along(&down, y).into_iter().rev().collect()), "{y}");
        }
        assert!(!rises(along(&free, 0.0)), "the dip is there");
        assert!(up.sum(&[0.9, 0.0]) > up.sum(&[-0.9, 0.0]) + 0.5);
    }

    #[test]
    fn nothing_to_learn_is_a_constant() {
        let mut rows = Rows::default();
        for at in 0..100 {
            rows.push(&[1.0, 2.0], at % 4 == 0, 1.0);
        }
        let start = (0.25_f64 / 0.75).ln();
        let boosted = BoostingParams::default().fit(&[0; 2], &rows, vec![start; 100]);
        assert!((sigmoid(start + boosted.sum(&[9.0, 9.0])) - 0.25).abs() < 0.01);
        assert!(BoostingParams::default().fit(&[0; 2], &Rows::default(), Vec::new()).is_sound(2));
    }
}
