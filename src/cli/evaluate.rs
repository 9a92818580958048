//! `shopkeeper evaluate`: the hold-out of a version again, on the data given.

use clap::Args;
use serde_json::Value;
use shopkeeper_models::Manifest;
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::pipeline::evaluate;
use shopkeeper_training::report;

use super::train::{progress, settings};
use super::{CliError, Global, say};
use crate::config::TrainOptions;

const EXAMPLES: &str = "Examples:
  shopkeeper evaluate --purchases purchases.parquet
  shopkeeper evaluate --model 2026-10-01-3f1c9a0b77e2 --purchases 'sales/*.parquet' --items items.parquet";

/// Measure a version's settings on a hold-out of the data given
///
/// Fits with the settings of the version on the first part of the history, measures on the rest, and shows the result below what was
/// measured when the version was trained. Flags go over the version's settings. Nothing is saved.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, mut_arg("keep", |arg| arg.hide(true)))]
pub(super) struct EvaluateCommand {
    #[command(flatten)]
    options: TrainOptions,
    /// The version [default: the current one]
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
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
        let options = self.options.over(of_version(&manifest));
        let evaluated = evaluate(&settings(&options)?, &progress(global))?;
        let (then, now) = (report::text(&manifest), report::evaluation_text(&evaluated.data, &evaluated.evaluation));
        say(&format!("Model {version}, as measured when it was trained\n{then}\nThe same settings on the data given\n{now}"))
    }
}

/// The settings that a version was trained with, as far as they change a measurement.
fn of_version(manifest: &Manifest) -> TrainOptions {
    let setting = |pointer: &str| manifest.settings.pointer(pointer);
    let number = |pointer: &str| setting(pointer).and_then(Value::as_u64);
    TrainOptions {
        timezone: Some(manifest.timezone.clone()),
        horizon_days: number("/churn/horizon_days").and_then(|days| days.try_into().ok()),
        seed: number("/seed"),
        segments: number("/segments/segments").and_then(|segments| segments.try_into().ok()),
        max_reject_rate: setting("/max_reject_rate").and_then(Value::as_f64),
        drop_duplicates: setting("/drop_duplicates").and_then(Value::as_bool),
        ..TrainOptions::default()
    }
}
