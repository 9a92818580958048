//! Boosted symmetric trees: what the logistic regression cannot bend to, added to its log-odds.

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Rows that are scored side by side.
const LANES: usize = 16;

/// A sum of symmetric (oblivious) trees: every node of a level asks the same question, so that a leaf is found without a branch
/// (Prokhorenkova et al. 2018, CatBoost, section 3; the boosting itself is Friedman 2001, Greedy Function Approximation).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    /// Questions of each tree; a tree has 2^depth leaves.
    pub depth: usize,
    /// The feature that each level of each tree asks for, tree by tree.
    pub features: Vec<u16>,
    /// Whether it is above this.
    pub thresholds: Vec<f32>,
    /// What each leaf adds to the log-odds, tree by tree. Bit `level` of a leaf's position is the answer at that level.
    pub leaves: Vec<f32>,
}

impl Trees {
    /// How many trees there are.
    pub fn len(&self) -> usize {
        self.features.len().checked_div(self.depth).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what the trees say of each row to its log-odds. The same on every processor.
    pub fn add<const N: usize>(&self, rows: &[[f32; N]], log_odds: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just said that it knows these instructions
            return unsafe { self.add_wide(rows, log_odds) };
        }
        self.add_lanes(rows, log_odds);
    }

    /// The same sums in the same order, eight numbers to an instruction where the build for any processor has four.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn add_wide<const N: usize>(&self, rows: &[[f32; N]], log_odds: &mut [f32]) {
        self.add_lanes(rows, log_odds);
    }

    #[inline(always)]
    fn add_lanes<const N: usize>(&self, rows: &[[f32; N]], log_odds: &mut [f32]) {
        let mut columns = [[0.0_f32; LANES]; N];
        for (rows, log_odds) in rows.chunks(LANES).zip(log_odds.chunks_mut(LANES)) {
            for (lane, row) in rows.iter().enumerate() {
                for (column, value) in columns.iter_mut().zip(row) {
                    column[lane] = *value;
                }
            }
            let mut sums = [0.0_f32; LANES];
            let trees = self.features.chunks_exact(self.depth.max(1)).zip(self.thresholds.chunks_exact(self.depth.max(1)));
            for ((features, thresholds), leaves) in trees.zip(self.leaves.chunks_exact(1 << self.depth)) {
                let mut leaf = [0_u32; LANES];
                for (level, (&feature, &threshold)) in features.iter().zip(thresholds).enumerate() {
                    let column = &columns[usize::from(feature)];
                    for (leaf, &value) in leaf.iter_mut().zip(column) {
                        *leaf |= u32::from(value > threshold) << level;
                    }
                }
                for (sum, leaf) in sums.iter_mut().zip(leaf) {
                    *sum += leaves[leaf as usize];
                }
            }
            for (log_odds, sum) in log_odds.iter_mut().zip(sums) {
                *log_odds += sum;
            }
        }
    }

    /// Refuses trees that would read past their own lists or a row of so many features.
    pub(crate) fn check(&self, file: &str, features: usize) -> Result<(), ModelError> {
        let trees = self.len();
        let sound = self.depth <= 16
            && self.features.len() == trees * self.depth
            && self.thresholds.len() == self.features.len()
            && self.leaves.len() == trees << self.depth
            && self.features.iter().all(|&feature| usize::from(feature) < features)
            && self.thresholds.iter().chain(&self.leaves).all(|value| value.is_finite());
        if sound {
            return Ok(());
        }
        let found = format!("trees of depth {} with {} questions and {} leaves", self.depth, self.features.len(), self.leaves.len());
        Err(ModelError::corrupt(file, found, format!("whole trees of finite numbers over {features} features")))
    }
}
