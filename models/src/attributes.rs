//! Attributes: what the shop says of each customer besides purchases: consent, birthday, region, sign-up.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Schema};

use crate::{CustomerIx, ModelError};

/// One row a customer, in the order of the customers table; one column an attribute, named as the shop names it. A column holds texts, finite
/// numbers, booleans or dates, and may have nulls.
#[derive(Clone, Debug)]
pub struct Attributes(RecordBatch);

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attribute<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A calendar date, days since 1970-01-01.
    Date(i32),
}

impl Attributes {
    /// The file in a version folder.
    pub const FILE: &'static str = "attributes.arrow";

    /// No attributes of so many customers.
    pub fn none(customers: usize) -> Self {
        let options = RecordBatchOptions::new().with_row_count(Some(customers));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
        Self(batch.unwrap_or_else(|error| unreachable!("no columns: {error}")))
    }

    /// Takes a table, if every column is of a type that an attribute may have.
    pub fn from_batch(batch: RecordBatch, customers: usize) -> Result<Self, ModelError> {
        if batch.num_rows() != customers {
            return Err(ModelError::corrupt(Self::FILE, format!("{} rows", batch.num_rows()), format!("{customers}, one a customer")));
        }
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let sound = match column.data_type() {
                DataType::Utf8 | DataType::Boolean | DataType::Date32 => true,
                DataType::Float64 => column.as_primitive::<Float64Type>().iter().flatten().all(f64::is_finite),
                _ => false,
            };
            if !sound {
                let found = format!("column {} of {}", field.name(), column.data_type());
                return Err(ModelError::corrupt(Self::FILE, found, "texts, finite numbers, booleans or dates"));
            }
        }
        Ok(Self(batch))
    }

    /// The table to write.
    pub fn to_batch(&self) -> RecordBatch {
        self.0.clone()
    }

    /// The names, in the order of the columns.
    pub fn names(&self) -> Vec<String> {
        self.0.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The column of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.schema().index_of(name).ok()
    }

    /// The type of a column: `Utf8`, `Float64`, `Boolean` or `Date32`.
    pub fn kind(&self, column: usize) -> &DataType {
        self.0.column(column).data_type()
    }

    /// The columns, one row a customer.
    pub fn columns(&self) -> &[ArrayRef] {
        self.0.columns()
    }

    /// What is said of a customer, if anything.
    pub fn get(&self, column: usize, customer: CustomerIx) -> Option<Attribute<'_>> {
        let (column, row) = (self.0.column(column), customer.row());
        if column.is_null(row) {
            return None;
        }
        Some(match column.data_type() {
            DataType::Utf8 => Attribute::Text(column.as_string::<i32>().value(row)),
            DataType::Boolean => Attribute::Flag(column.as_boolean().value(row)),
            DataType::Date32 => Attribute::Date(column.as_primitive::<Date32Type>().value(row)),
            _ => Attribute::Number(column.as_primitive::<Float64Type>().value(row)),
        })
    }
}
