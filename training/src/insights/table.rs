//! The rows of one insight on their way into its table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, RecordBatch, StringArray, UInt64Array};
use shopkeeper_models::calendar::Day;
use shopkeeper_models::insights::{Insight, Kind};

use super::periods::start_of;
use super::withhold::{Keyed, Sum, of_periods, of_segments, withheld};

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
        // a sum of nothing is -0.0
        if number.is_finite() { Self::Number(number + 0.0) } else { Self::None }
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

/// What is withheld.
#[derive(Clone, Copy, Debug)]
pub(super) struct Withholding<'a> {
    /// Figures of fewer people are; 1 = nothing is.
    pub(super) least: u64,
    /// 0 for a segment by behaviour, 1 for one by needs.
    pub(super) kind_of: &'a HashMap<String, u8>,
}

/// A table being filled.
pub(super) struct Table<'a> {
    insight: &'static Insight,
    withholding: Withholding<'a>,
    /// How many people stand behind each row.
    people: Vec<u64>,
    /// Rows that add up to something, beside those of segments and periods.
    sums: Vec<Sum>,
    by: Vec<String>,
    period: Vec<Option<Day>>,
    segment: Vec<Option<String>>,
    columns: Vec<Vec<Value>>,
    suppressed: Vec<bool>,
}

impl<'a> Table<'a> {
    /// The table of the insight of that name.
    pub(super) fn new(name: &str, withholding: Withholding<'a>) -> Self {
        let insight = shopkeeper_models::insights::find(name).unwrap_or_else(|| unreachable!("{name} is in the list"));
        let columns = vec![Vec::new(); insight.columns.len()];
        let (by, period, segment, people, suppressed, sums) = Default::default();
        Self { insight, withholding, people, sums, by, period, segment, columns, suppressed }
    }

    /// Adds a row that so many people stand behind; returns its number.
    pub(super) fn push(&mut self, of: Of<'_>, people: u64, values: Vec<Value>) -> usize {
        assert_eq!(values.len(), self.columns.len(), "a value for each column of {}", self.insight.name);
        self.by.push(of.by.to_owned());
        self.period.push(of.period);
        self.segment.push(of.segment.map(str::to_owned));
        self.people.push(people);
        self.suppressed.push(false);
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        self.people.len() - 1
    }

    /// Withholds a row, whoever stands behind it.
    pub(super) fn hide(&mut self, row: usize) {
        self.suppressed[row] = true;
    }

    /// Says that rows add up to another one, or to what other tables say.
    pub(super) fn adds_up(&mut self, whole: Option<usize>, parts: Vec<usize>) {
        self.sums.push(Sum { whole, parts });
    }

    /// Marks the rows that are withheld.
    fn withhold(&mut self) {
        let Withholding { least, kind_of } = self.withholding;
        if least <= 1 {
            return;
        }
        // the rows of a cohort are shown or withheld together, those of other tables each by itself
        let together = self.insight.name == "cohorts";
        let says = |row: usize| {
            let keys = self.columns.iter().zip(self.insight.columns).filter(|(_, column)| column.kind.is_key() && !together);
            keys.map(|(values, _)| format!("{:?}", values[row])).collect::<Vec<_>>().join(",")
        };
        let mut at: HashMap<Keyed, usize> = HashMap::new();
        let (mut keyed, mut people, mut hidden): (Vec<Keyed>, Vec<u64>, Vec<bool>) = Default::default();
        let mut of = Vec::with_capacity(self.people.len());
        for row in 0..self.people.len() {
            let key = ((self.by[row].clone(), self.period[row], says(row)), self.segment[row].clone());
            let group = *at.entry(key.clone()).or_insert_with(|| {
                keyed.push(key);
                people.push(0);
                hidden.push(false);
                people.len() - 1
            });
            people[group] = people[group].max(self.people[row]);
            hidden[group] |= self.suppressed[row];
            of.push(group);
        }
        let mut sums: Vec<Sum> = std::mem::take(&mut self.sums);
        for sum in &mut sums {
            sum.whole = sum.whole.map(|row| of[row]);
            sum.parts.iter_mut().for_each(|part| *part = of[*part]);
        }
        if self.insight.has_segments {
            sums.extend(of_segments(&keyed, kind_of));
            sums.extend(of_periods(&keyed, start_of));
        }
        let hidden = withheld(&people, hidden, least, &sums);
        self.suppressed = of.into_iter().map(|group| hidden[group]).collect();
    }

    /// The finished table.
    pub(super) fn finish(mut self) -> RecordBatch {
        self.withhold();
        for (column, _) in self.columns.iter_mut().zip(self.insight.columns).filter(|(_, about)| !about.kind.is_key()) {
            column.iter_mut().zip(&self.suppressed).filter(|(_, hidden)| **hidden).for_each(|(value, _)| *value = Value::None);
        }
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
