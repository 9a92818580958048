//! Factors: customers and items as points of one space, fitted so that the product of a customer and an item is about 1 where one bought the
//! other and about 0 where not (Hu, Koren & Volinsky 2008, Collaborative Filtering for Implicit Feedback Datasets, equation 3).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeListArray, Float32Array, RecordBatch};
use arrow::datatypes::{DataType, Field};

use crate::ModelError;
use crate::table::{Column, batch};

/// Numbers of a point.
pub const WIDTH: usize = 32;

/// Where customers, or items, lie: one point a row.
#[derive(Clone, Debug)]
pub struct Factors {
    values: Float32Array,
}

impl Factors {
    /// From the points, row by row.
    pub fn new(points: &[[f32; WIDTH]]) -> Self {
        Self { values: points.as_flattened().to_vec().into() }
    }

    /// The point of a row. At 0, and so without a product with anything, if nothing is known of it.
    pub fn of(&self, row: usize) -> &[f32; WIDTH] {
        &self.values.values().as_chunks().0[row]
    }

    /// The table to write.
    pub fn to_batch(&self) -> RecordBatch {
        let field = Arc::new(Field::new("factor", DataType::Float32, false));
        let points: ArrayRef = Arc::new(FixedSizeListArray::new(field, WIDTH as i32, Arc::new(self.values.clone()), None));
        batch(vec![("factors", false, points)])
    }

    /// The table that was read, for a model of so many rows.
    pub fn from_batch(file: &str, table: &RecordBatch, rows: usize) -> Result<Self, ModelError> {
        let points = table.column_by_name("factors").and_then(|points| points.as_any().downcast_ref::<FixedSizeListArray>());
        let sound = points.filter(|points| points.len() == rows && points.value_length() == WIDTH as i32 && points.null_count() == 0);
        let values = sound.and_then(|points| Float32Array::from_array(points.values()));
        let values = values.filter(|values| values.len() == rows * WIDTH);
        values.map(|values| Self { values }).ok_or_else(|| {
            let found = format!("{} rows of other columns, shape or numbers that are not finite", table.num_rows());
            ModelError::corrupt(file, found, format!("{rows} rows of {WIDTH} factors"))
        })
    }
}

/// The inner product of two points: of a customer and an item, how much the one is expected to want the other. About 0 to 1.
#[inline]
pub fn product<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    // sums side by side, so that several numbers are multiplied at a time
    let mut sums = [0.0_f32; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
