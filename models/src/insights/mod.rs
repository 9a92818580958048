//! Insights: what the purchases tell the shop, as tables that the trainer made.
//!
//! Each table begins with `by` (what its rows stand for), `period` (the first day of a period of that length, in the shop's time zone) and
//! `segment` (null = everybody), then come the columns said here, then `suppressed`: whether the figures of the row are withheld because fewer
//! customers than the smallest group shown stand behind them.

mod list;

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Date32Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::calendar::Day;

pub use list::{INSIGHTS, PERIODS};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text that says what the row stands for.
    Text,
    /// A whole number that says what the row stands for.
    Key,
    /// A whole number from 0.
    Count,
    /// A finite number.
    Number,
    /// A share, 0 to 1.
    Share,
    /// Money in the currency of the purchases, to the cent.
    Money,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Key | Self::Count => DataType::UInt64,
            Self::Number | Self::Share | Self::Money => DataType::Float64,
        }
    }

    /// Whether it says what the row stands for, rather than a figure of it.
    pub fn is_key(self) -> bool {
        matches!(self, Self::Text | Self::Key)
    }
}

/// A column of an insight.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it is, with its formula.
    pub about: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// One insight.
#[derive(Clone, Copy, Debug)]
pub struct Insight {
    /// Its name in the API and on the command line.
    pub name: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// What must be known to read it, in a line or two.
    pub definition: &'static str,
    /// What its rows can stand for; the first is the default.
    pub by: &'static [&'static str],
    /// Whether its rows are periods that `from` and `to` choose among.
    pub has_periods: bool,
    /// Whether it can be asked for one segment.
    pub has_segments: bool,
    /// Its columns.
    pub columns: &'static [Column],
}

/// The insight of that name.
pub fn find(name: &str) -> Option<&'static Insight> {
    INSIGHTS.iter().find(|insight| insight.name == name)
}

/// The names of all, for messages.
pub fn names() -> String {
    INSIGHTS.iter().map(|insight| insight.name).collect::<Vec<_>>().join(", ")
}

impl Insight {
    /// Its file in a version folder.
    pub fn file(&self) -> String {
        format!("insight_{}.arrow", self.name)
    }

    /// The columns of its table.
    pub fn schema(&self) -> SchemaRef {
        let own = self.columns.iter().map(|column| Field::new(column.name, column.kind.data_type(), true));
        let frame = [
            Field::new("by", DataType::Utf8, false),
            Field::new("period", DataType::Date32, true),
            Field::new("segment", DataType::Utf8, true),
        ];
        let fields: Vec<Field> = frame.into_iter().chain(own).chain([Field::new("suppressed", DataType::Boolean, false)]).collect();
        Arc::new(Schema::new(fields))
    }
}

impl Insight {
    /// Whether a table has the columns of this insight.
    fn fits(&self, table: &RecordBatch) -> bool {
        let (found, expected) = (table.schema(), self.schema());
        let same = |(found, expected): (&Arc<Field>, &Arc<Field>)| {
            found.name() == expected.name() && found.data_type() == expected.data_type() && found.is_nullable() == expected.is_nullable()
        };
        found.fields().len() == expected.fields().len() && found.fields().iter().zip(expected.fields()).all(same)
    }
}

/// Which rows of an insight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InsightQuery {
    /// One of [`Insight::by`]; by default the first.
    pub by: Option<String>,
    /// The first day that a period may begin on.
    pub from: Option<Day>,
    /// The last day that a period may begin on.
    pub to: Option<Day>,
    /// A segment's id; by default everybody.
    pub segment: Option<String>,
}

/// The tables, in the order of [`INSIGHTS`]; none where the version is older than the insight.
#[derive(Clone, Debug)]
pub struct Insights {
    tables: Vec<Option<RecordBatch>>,
}

impl Insights {
    /// From one table for each of [`INSIGHTS`].
    ///
    /// # Errors
    /// For a table that has not the columns of its insight.
    pub fn new(tables: Vec<RecordBatch>) -> Result<Self, ModelError> {
        for (insight, table) in INSIGHTS.iter().zip(&tables) {
            if !insight.fits(table) {
                let schema = insight.schema();
                return Err(ModelError::corrupt(insight.file(), format!("columns {}", table.schema()), format!("columns {schema}")));
            }
        }
        if tables.len() != INSIGHTS.len() {
            return Err(ModelError::corrupt("insights", format!("{} tables", tables.len()), format!("{}", INSIGHTS.len())));
        }
        Ok(Self { tables: tables.into_iter().map(Some).collect() })
    }

    /// From those tables of a version of an earlier format that still mean the same.
    pub fn of_earlier(mut tables: Vec<Option<RecordBatch>>) -> Self {
        tables.resize(INSIGHTS.len(), None);
        let fits = |(insight, table): (&Insight, Option<RecordBatch>)| table.filter(|table| insight.fits(table));
        Self { tables: INSIGHTS.iter().zip(tables).map(fits).collect() }
    }

    /// The whole table of an insight.
    pub fn table(&self, insight: &Insight) -> Option<&RecordBatch> {
        INSIGHTS.iter().position(|known| known.name == insight.name).and_then(|at| self.tables[at].as_ref())
    }

    /// The rows that are asked for. `segments` are the ids of the model's segments.
    ///
    /// # Errors
    /// Says what is wrong with the question, and what it may be.
    pub fn query(&self, insight: &Insight, query: &InsightQuery, segments: &StringArray) -> Result<RecordBatch, String> {
        let by = query.by.as_deref().unwrap_or(insight.by[0]);
        if !insight.by.contains(&by) {
            return Err(format!("by={by}: expected one of {}", insight.by.join(", ")));
        }
        if !insight.has_periods && (query.from.is_some() || query.to.is_some()) {
            return Err(format!("{} has no periods; leave from and to out", insight.name));
        }
        if let (Some(from), Some(to)) = (query.from, query.to)
            && from > to
        {
            return Err(format!("from={} is after to={}", crate::calendar::date(from), crate::calendar::date(to)));
        }
        if let Some(segment) = &query.segment {
            if !insight.has_segments {
                return Err(format!("{} is of the whole shop; leave segment out", insight.name));
            }
            if !segments.iter().flatten().any(|known| known == segment) {
                return Err(format!("segment={segment}: expected one of {}", segments.iter().flatten().collect::<Vec<_>>().join(", ")));
            }
        }
        let table = self
            .table(insight)
            .ok_or_else(|| format!("this version is older than the insight {}; train again to have it", insight.name))?;
        let column = |at: usize| table.column(at).as_any();
        let (Some(bys), Some(periods), Some(of)) =
            (column(0).downcast_ref::<StringArray>(), column(1).downcast_ref::<Date32Array>(), column(2).downcast_ref::<StringArray>())
        else {
            return Err("the table has not the columns that were checked".to_owned());
        };
        let has_none = |row: usize| bys.value(row) == by && periods.is_null(row);
        if (query.from.is_some() || query.to.is_some()) && (0..table.num_rows()).any(has_none) {
            return Err(format!("{} by {by} has no periods; leave from and to out", insight.name));
        }
        let within = |row: usize| {
            let period = periods.is_valid(row).then(|| periods.value(row));
            period.is_none_or(|period| query.from.is_none_or(|from| period >= from) && query.to.is_none_or(|to| period <= to))
        };
        let wanted =
            |row: usize| bys.value(row) == by && within(row) && of.is_valid(row).then(|| of.value(row)) == query.segment.as_deref();
        let keep: BooleanArray = (0..table.num_rows()).map(|row| Some(wanted(row))).collect();
        filter_record_batch(table, &keep).map_err(|error| error.to_string())
    }
}
