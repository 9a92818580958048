//! `shopkeeper evaluate`: the hold-out of a version again, on the data given.

use clap::{Args, ValueEnum};
use serde_json::Value;
use shopkeeper_models::Manifest;
use shopkeeper_models::calendar::{Day, day};
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::pipeline::evaluate;
use shopkeeper_training::report;

use super::train::{progress, settings};
use super::{CliError, Global, say};
use crate::config::TrainOptions;

const EXAMPLES: &str = "Examples:
  shopkeeper evaluate --purchases purchases.parquet
  shopkeeper evaluate --purchases purchases.parquet --cut 2026-06-01 --format json
  shopkeeper evaluate --model 2026-10-01-3f1c9a0b77e2 --purchases 'sales/*.parquet' --items items.parquet";

/// Measure a version's settings on a hold-out of the data given
///
/// Fits with the settings of the version on the first part of the history, measures on the rest, and shows the result below what was
/// measured when the version was trained. Flags go over the version's settings, its column mapping among
/// them, which counts where no --column is given; with --tune the recommender is tuned anew. Nothing is saved.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, mut_arg("keep", |arg| arg.hide(true)))]
pub(super) struct EvaluateCommand {
    #[command(flatten)]
    options: TrainOptions,
    /// The version [default: the current one]
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
    /// First day of the hold-out for recommendations, 2017-11-06; the truth runs from there to the as-of [default: one window before the as-of]
    #[arg(long, value_name = "DATE", value_parser = date)]
    cut: Option<Day>,
    /// Tables to read, or every figure unrounded, of the data given alone
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// How a measurement is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

fn date(text: &str) -> Result<Day, String> {
    day(text).ok_or_else(|| "expected a date such as 2017-11-06".to_owned())
}

impl EvaluateCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        if self.options.purchases.is_empty() {
            let example = "shopkeeper evaluate --purchases purchases.parquet";
            return Err(CliError::Usage(format!("no purchases to measure on. Name Parquet files, folders or patterns: {example}")));
        }
        let store = ModelStore::new(self.options.store());
        let version = self.model.map_or_else(|| store.current(), Ok)?;
        let manifest = store.manifest(&version)?;
        let options = with_version(self.options, &manifest);
        let mut settings = settings(&options)?;
        if options.tune.is_none() {
            settings.recommender =
                manifest.settings.get("recommender").and_then(|of_version| serde_json::from_value(of_version.clone()).ok());
        }
        let evaluated = evaluate(&settings, self.cut, &progress(global))?;
        match self.format {
            Format::Json => say(&json(&evaluated.evaluation)),
            Format::Text => {
                let (then, now) = (report::text(&manifest), report::evaluation_text(&evaluated.data, &evaluated.evaluation));
                let notes: String = evaluated.warnings.iter().map(|warning| format!("Note: {warning}\n")).collect();
                say(&format!("{notes}Model {version}, as measured when it was trained\n{then}\nThe same settings on the data given\n{now}"))
            }
        }
    }
}

/// These options, and below them the settings that a version was trained with, as far as they change a measurement. Its column mapping counts
/// where none is given.
pub(super) fn with_version(options: TrainOptions, manifest: &Manifest) -> TrainOptions {
    let own_columns = !options.column.is_empty() || !options.columns.is_empty();
    let mut of_version = of_version(manifest);
    // a table of the version that is not given now has no columns
    let missing = [("items.", options.items.is_none()), ("customers.", options.customers.is_none())];
    let is_read = |name: &str| !own_columns && !missing.iter().any(|(table, missing)| *missing && name.starts_with(table));
    of_version.columns.retain(|name, _| is_read(name));
    options.over(of_version)
}

fn of_version(manifest: &Manifest) -> TrainOptions {
    let setting = |pointer: &str| manifest.settings.pointer(pointer);
    let number = |pointer: &str| setting(pointer).and_then(Value::as_u64);
    TrainOptions {
        timezone: Some(manifest.timezone.clone()),
        columns: setting("/columns").and_then(|columns| serde_json::from_value(columns.clone()).ok()).unwrap_or_default(),
        horizon_days: number("/churn/horizon_days").and_then(|days| days.try_into().ok()),
        seed: number("/seed"),
        segments: number("/segments/segments").and_then(|segments| segments.try_into().ok()),
        needs_segments: number("/segments/needs_segments").and_then(|segments| segments.try_into().ok()),
        segment_method: setting("/segments/method").and_then(|method| serde_json::from_value(method.clone()).ok()),
        max_reject_rate: setting("/max_reject_rate").and_then(Value::as_f64),
        drop_duplicates: setting("/drop_duplicates").and_then(Value::as_bool),
        ..TrainOptions::default()
    }
}

/// The figures as JSON, unrounded.
pub(super) fn json(figures: &impl serde::Serialize) -> String {
    let json = serde_json::to_string_pretty(figures).unwrap_or_else(|error| unreachable!("numbers, strings and lists: {error}"));
    format!("{json}\n")
}
