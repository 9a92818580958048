//! The rows of one insight on their way into its table.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, RecordBatch, StringArray, UInt64Array};
use shopkeeper_models::calendar::Day;
use shopkeeper_models::insights::{Insight, Kind};

/// A value of a row.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Count(u64),
    Number(f64),
    None,
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

/// Values of different types, in the order of the columns.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::insights::table::Value::from($value)),*] };
}
pub(super) use values;

/// What a row stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) by: &'a str,
    pub(super) period: Option<Day>,
    /// The segment's id.
    pub(super) segment: Option<&'a str>,
}

/// A table being filled.
pub(super) struct Table {
    insight: &'static Insight,
    min_group: u64,
    by: Vec<String>,
    period: Vec<Option<Day>>,
    segment: Vec<Option<String>>,
    columns: Vec<Vec<Value>>,
    suppressed: Vec<bool>,
}

impl Table {
    /// The table of the insight of that name; figures of fewer customers than `min_group` are withheld.
    pub(super) fn new(name: &str, min_group: u64) -> Self {
        let insight = shopkeeper_models::insights::find(name).unwrap_or_else(|| unreachable!("{name} is in the list"));
        let columns = vec![Vec::new(); insight.columns.len()];
        Self { insight, min_group, by: Vec::new(), period: Vec::new(), segment: Vec::new(), columns, suppressed: Vec::new() }
    }

    /// Adds a row that so many customers stand behind; nobody at all is no secret.
    pub(super) fn push(&mut self, of: Of<'_>, customers: u64, values: Vec<Value>) {
        let suppressed = customers > 0 && customers < self.min_group;
        assert_eq!(values.len(), self.columns.len(), "a value for each column of {}", self.insight.name);
        self.by.push(of.by.to_owned());
        self.period.push(of.period);
        self.segment.push(of.segment.map(str::to_owned));
        self.suppressed.push(suppressed);
        for ((column, about), value) in self.columns.iter_mut().zip(self.insight.columns).zip(values) {
            column.push(if suppressed && !about.kind.is_key() { Value::None } else { value });
        }
    }

    /// The finished table.
    pub(super) fn finish(self) -> RecordBatch {
        let array = |(column, kind): (Vec<Value>, Kind)| -> ArrayRef {
            let number = |value: &Value| match value {
                Value::Number(number) => Some(*number),
                Value::Count(count) => Some(*count as f64),
                _ => None,
            };
            match kind {
                Kind::Text => Arc::new(
                    column.iter().map(|value| if let Value::Text(text) = value { Some(text) } else { None }).collect::<StringArray>(),
                ),
                Kind::Key | Kind::Count => Arc::new(
                    column.iter().map(|value| if let Value::Count(count) = value { Some(*count) } else { None }).collect::<UInt64Array>(),
                ),
                Kind::Money => Arc::new(column.iter().map(|value| number(value).map(cents)).collect::<Float64Array>()),
                Kind::Number | Kind::Share => Arc::new(column.iter().map(number).collect::<Float64Array>()),
            }
        };
        let own = self.columns.into_iter().zip(self.insight.columns.iter().map(|column| column.kind)).map(array);
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(self.by)), Arc::new(Date32Array::from(self.period)), Arc::new(StringArray::from(self.segment))];
        columns.extend(own);
        columns.push(Arc::new(BooleanArray::from(self.suppressed)));
        RecordBatch::try_new(self.insight.schema(), columns).unwrap_or_else(|error| unreachable!("one length and own types: {error}"))
    }
}

/// Money to the cent; a sum beyond what can be counted in cents stays as it is.
fn cents(money: f64) -> f64 {
    let rounded = (money * 100.0).round() / 100.0;
    if rounded.is_finite() { rounded + 0.0 } else { money }
}
