//! `shopkeeper insights`: what the purchases tell the shop, on the terminal or as a file.

use std::fmt::Write;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Date32Type, Float64Type, UInt64Type};
use clap::{Args, ValueEnum};
use shopkeeper_models::calendar;
use shopkeeper_models::insights::{INSIGHTS, Insight, InsightQuery, Kind, find, names};
use shopkeeper_models::store::ModelStore;

use super::{CliError, Global, say};
use crate::config::DEFAULT_STORE;
use crate::encode::{Encoder, Format, export_to_file};
use crate::lists;

const EXAMPLES: &str = "Examples:
  shopkeeper insights
  shopkeeper insights customers
  shopkeeper insights retention --by week --from 2017-06-01 --segment s1
  shopkeeper insights cohorts --format csv
  shopkeeper insights campaign_lift
  shopkeeper insights demand --by category
  shopkeeper insights quality
  shopkeeper insights growth --by item --out growth.parquet";

/// Show what the purchases say: customers, revenue, retention, baskets, growth, demand, campaigns, data quality
///
/// Without a name, every insight with its question. The figures were counted when the version was trained.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct InsightsCommand {
    /// Which one
    name: Option<String>,
    /// What the rows stand for [default: the first that the insight has]
    #[arg(long, value_name = "WHAT")]
    by: Option<String>,
    /// Only periods that begin on this day or later, 2017-06-01
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<calendar::Day>,
    /// Only periods that begin on this day or earlier
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<calendar::Day>,
    /// Only customers of this segment [default: everybody]
    #[arg(long, value_name = "ID")]
    segment: Option<String>,
    /// How it is printed; json, ndjson and csv have every column in full
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Shown,
    /// A file instead; its extension chooses the format: .parquet, .csv, .ndjson or .json
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where fitted models are kept
    #[arg(long, default_value = DEFAULT_STORE, value_name = "DIR", env = "SHOPKEEPER_STORE")]
    store: PathBuf,
    /// The version [default: the current one]
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
}

/// The insight that a server makes while it runs.
const LIVE: &str = "recommendations";

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum Shown {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values.
    Csv,
    /// Apache Parquet; needs --out.
    Parquet,
}

fn day(text: &str) -> Result<calendar::Day, String> {
    calendar::day(text).ok_or_else(|| "expected a date such as 2017-06-01".to_owned())
}

impl InsightsCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let Some(name) = &self.name else { return say(&every()) };
        if name == LIVE {
            let where_to = "the server counts it from the events as they come: GET /v1/insights/recommendations?days=28";
            return Err(CliError::Usage(format!("{LIVE} is not counted by the trainer; {where_to}")));
        }
        let insight = find(name).ok_or_else(|| CliError::Usage(format!("no insight {name:?}; expected one of {}", names())))?;
        if self.format == Shown::Parquet && self.out.is_none() {
            return Err(CliError::Usage(format!("Parquet goes to a file: shopkeeper insights {name} --out {name}.parquet")));
        }
        let store = ModelStore::new(&self.store);
        let model = self.model.as_ref().map_or_else(|| store.load_current(), |version| store.load(version))?;
        let query = InsightQuery { by: self.by, from: self.from, to: self.to, segment: self.segment };
        let rows = lists::insight(&model, insight, &query).map_err(CliError::Usage)?;
        if let Some(out) = &self.out {
            let count = export_to_file(out, lists::insight_list(rows))?;
            return if global.quiet { Ok(()) } else { say(&format!("{}: {count} rows of model {}\n", out.display(), model.version)) };
        }
        let format = match self.format {
            Shown::Table | Shown::Parquet => {
                let min_group = model.manifest.settings["insights"]["min_group"].as_u64();
                return say(&table(insight, &rows, min_group));
            }
            Shown::Json => Format::Json,
            Shown::Ndjson => Format::Ndjson,
            Shown::Csv => Format::Csv,
        };
        let mut encoder = Encoder::new(format, &rows.schema())?;
        encoder.write(&rows)?;
        let mut text = String::from_utf8_lossy(&encoder.finish()?).into_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        say(&text)
    }
}

/// Every insight with its question.
fn every() -> String {
    let widest = INSIGHTS.iter().map(|insight| insight.name.len()).max().unwrap_or(0).max(LIVE.len());
    let mut out = String::new();
    for insight in INSIGHTS {
        let also = if insight.has_segments { "; --segment" } else { "" };
        let periods = if insight.has_periods { "; --from, --to" } else { "" };
        let _ = writeln!(
            out,
            "{:widest$}  {}\n{:widest$}    --by {}{periods}{also}",
            insight.name,
            insight.question,
            "",
            insight.by.join(", ")
        );
    }
    let _ = writeln!(
        out,
        "{LIVE:widest$}  What became of recommendations?\n{:widest$}    from a running server: GET /v1/insights/recommendations",
        ""
    );
    out.push_str("\nshopkeeper insights NAME shows one, with the definition of each column.\n");
    out
}

/// The rows in columns, then what the columns mean.
fn table(insight: &Insight, rows: &RecordBatch, min_group: Option<u64>) -> String {
    let is_set = |name: &str| rows.column_by_name(name).is_some_and(|column| column.null_count() < column.len());
    let withheld = rows.column_by_name("suppressed").and_then(|column| column.as_boolean_opt()).map_or(0, BooleanArray::true_count);
    let mut columns: Vec<(String, Vec<String>, bool)> = Vec::new();
    for name in ["period", "segment"].into_iter().filter(|name| is_set(name)) {
        columns.push((name.to_owned(), texts(rows, name, Kind::Text), false));
    }
    for column in insight.columns.iter().filter(|column| !column.kind.is_key() || is_set(column.name)) {
        columns.push((column.name.to_owned(), texts(rows, column.name, column.kind), column.kind != Kind::Text));
    }
    let mut out = format!("{}\n{}\n\n", insight.question, insight.definition);
    let widths: Vec<usize> =
        columns.iter().map(|(name, texts, _)| texts.iter().chain([name]).map(|text| text.chars().count()).max().unwrap_or(0)).collect();
    // the head, then the rows
    for line in std::iter::once(None).chain((0..rows.num_rows()).map(Some)) {
        let cell = |((name, texts, to_the_right), &width): (&(String, Vec<String>, bool), &usize)| {
            let text = line.map_or(name, |row| &texts[row]);
            let fill = " ".repeat(width - text.chars().count());
            if *to_the_right { format!("{fill}{text}") } else { format!("{text}{fill}") }
        };
        let cells: Vec<String> = columns.iter().zip(&widths).map(cell).collect();
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    if rows.num_rows() == 0 {
        out.push_str("(no rows)\n");
    }
    if let Some(least) = min_group.filter(|_| withheld > 0) {
        let _ = writeln!(
            out,
            "\n{withheld} rows are withheld: fewer than {least} customers stand behind them, or behind one that they would give away."
        );
    }
    let widest = insight.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
    out.push('\n');
    for column in insight.columns {
        let _ = writeln!(out, "{:widest$}  {}", column.name, column.about);
    }
    out
}

/// A figure without the sign of what is rounded to nothing.
fn unsigned(figure: String) -> String {
    if figure.starts_with('-') && !figure.contains(|digit| matches!(digit, '1'..='9')) { figure[1..].to_owned() } else { figure }
}

/// A column as it is shown.
fn texts(rows: &RecordBatch, name: &str, kind: Kind) -> Vec<String> {
    let Some(column) = rows.column_by_name(name) else { return vec![String::new(); rows.num_rows()] };
    let number = |row: usize| column.as_primitive_opt::<Float64Type>().map(|column| column.value(row));
    let show = |row: usize| {
        if column.is_null(row) {
            return if kind.is_key() { String::new() } else { "-".to_owned() };
        }
        if let Some(days) = column.as_primitive_opt::<Date32Type>() {
            return calendar::date(days.value(row));
        }
        if let Some(texts) = column.as_string_opt::<i32>() {
            return texts.value(row).to_owned();
        }
        if let Some(counts) = column.as_primitive_opt::<UInt64Type>() {
            return counts.value(row).to_string();
        }
        match (kind, number(row)) {
            (Kind::Share, Some(share)) => unsigned(format!("{:.1} %", 100.0 * share)),
            (_, Some(number)) => unsigned(format!("{number:.2}")),
            (_, None) => String::new(),
        }
    };
    (0..rows.num_rows()).map(show).collect()
}
