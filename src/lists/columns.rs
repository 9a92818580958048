//! Columns: the name, type, meaning and value of each column of a list, said once for files, HTTP and its documentation.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use shopkeeper_models::Model;

/// One column of a list whose rows are `R`s.
#[derive(Debug)]
pub struct Column<R: 'static> {
    /// Its name.
    pub name: &'static str,
    /// What it holds: unit, range and direction.
    pub about: &'static str,
    /// Whether a row may have no value.
    pub nullable: bool,
    /// The type, and where the value comes from.
    pub cell: Cell<R>,
}

/// The type of a column, and where the value of a row comes from.
#[derive(Debug)]
pub enum Cell<R: 'static> {
    /// Text.
    Text(for<'m> fn(&'m Model, &R) -> Option<&'m str>),
    /// Text that is made for the row.
    Name(fn(&Model, &R) -> Option<String>),
    /// Several texts.
    Texts(for<'m> fn(&'m Model, &R) -> Vec<&'m str>),
    /// Yes or no.
    Flag(fn(&Model, &R) -> bool),
    /// A whole number from 0.
    Count(fn(&Model, &R) -> u32),
    /// A whole number from 0, where there is one.
    Maybe(fn(&Model, &R) -> Option<u32>),
    /// A finite number.
    Number(fn(&Model, &R) -> Option<f64>),
    /// Money, in the currency of the purchases; shown to the cent.
    Money(fn(&Model, &R) -> Option<f64>),
    /// A finite number in single precision.
    Score(fn(&Model, &R) -> f32),
    /// A calendar date, as days since 1970-01-01.
    Date(fn(&Model, &R) -> Option<i32>),
}

impl<R> Clone for Column<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Column<R> {}
impl<R> Clone for Cell<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Cell<R> {}

/// Money to the cent, which is how it leaves the model.
pub(super) fn cents(money: f64) -> f64 {
    let rounded = (money * 100.0).round() / 100.0;
    // a sum beyond 10^306 cannot be counted in cents; -0.00 is nothing
    if rounded.is_finite() { rounded + 0.0 } else { money }
}

/// A column that every row has a value in.
pub(super) const fn column<R>(name: &'static str, about: &'static str, cell: Cell<R>) -> Column<R> {
    Column { name, about, nullable: false, cell }
}

/// A column that a row may have no value in.
pub(super) const fn nullable<R>(name: &'static str, about: &'static str, cell: Cell<R>) -> Column<R> {
    Column { name, about, nullable: true, cell }
}

impl<R> Column<R> {
    fn field(&self) -> Field {
        let kind = match self.cell {
            Cell::Text(_) | Cell::Name(_) => DataType::Utf8,
            Cell::Texts(_) => DataType::new_list(DataType::Utf8, true),
            Cell::Flag(_) => DataType::Boolean,
            Cell::Count(_) | Cell::Maybe(_) => DataType::UInt32,
            Cell::Number(_) | Cell::Money(_) => DataType::Float64,
            Cell::Score(_) => DataType::Float32,
            Cell::Date(_) => DataType::Date32,
        };
        Field::new(self.name, kind, self.nullable)
    }

    fn values(&self, model: &Model, rows: &[R]) -> ArrayRef {
        match self.cell {
            Cell::Text(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<StringArray>()),
            Cell::Name(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<StringArray>()),
            Cell::Texts(of) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                rows.iter().for_each(|row| lists.append_value(of(model, row).into_iter().map(Some)));
                Arc::new(lists.finish())
            }
            Cell::Flag(of) => Arc::new(rows.iter().map(|row| Some(of(model, row))).collect::<BooleanArray>()),
            Cell::Money(of) => Arc::new(rows.iter().map(|row| of(model, row).map(cents)).collect::<Float64Array>()),
            Cell::Count(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<UInt32Array>()),
            Cell::Maybe(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<UInt32Array>()),
            Cell::Number(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<Float64Array>()),
            Cell::Score(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<Float32Array>()),
            Cell::Date(of) => Arc::new(rows.iter().map(|row| of(model, row)).collect::<Date32Array>()),
        }
    }
}

/// The Arrow schema of a list.
pub fn schema<R>(columns: &[Column<R>]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}

/// Rows as a table.
pub fn batch<R>(columns: &[Column<R>], model: &Model, rows: &[R]) -> RecordBatch {
    let arrays = columns.iter().map(|column| column.values(model, rows)).collect();
    RecordBatch::try_new(schema(columns), arrays).unwrap_or_else(|error| unreachable!("columns of one length and their own type: {error}"))
}
