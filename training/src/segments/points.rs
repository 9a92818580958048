//! Points: customers as rows of numbers, as every clustering here takes them.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Rows of equally many numbers, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    values: Vec<f64>,
    dims: usize,
}

impl Points {
    /// From the values row by row; their number must be a multiple of `dims`, which is at least 1.
    pub fn new(values: Vec<f64>, dims: usize) -> Self {
        assert!(dims > 0 && values.len().is_multiple_of(dims), "whole rows of at least one number");
        Self { values, dims }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.dims.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Numbers in a row.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// A row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.dims..(row + 1) * self.dims]
    }

    /// Every row in turn.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.dims.max(1))
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// These rows, which may repeat.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        Self { values: rows.into_iter().flat_map(|row| self.row(row)).copied().collect(), dims: self.dims }
    }

    /// At most so many rows, drawn without replacement and kept in order; all of them where they are no more.
    pub fn sample(&self, most: usize, seed: u64) -> Self {
        if self.len() <= most {
            return self.clone();
        }
        let mut rows = index::sample(&mut Xoshiro256PlusPlus::seed_from_u64(seed), self.len(), most).into_vec();
        rows.sort_unstable();
        self.select(rows)
    }

    /// As an array, for linfa.
    pub fn view(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape((self.len(), self.dims), &self.values).unwrap_or_else(|error| unreachable!("whole rows: {error}"))
    }
}

/// Squared Euclidean distance.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
