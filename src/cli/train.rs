//! `shopkeeper train`: Parquet in, a measured model version out.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use shopkeeper_models::store::{ModelStore, Run};
use shopkeeper_models::value::ValueRules;
use shopkeeper_training::insights::InsightParams;
use shopkeeper_training::pipeline::{Activate, TrainSettings, Trained, train};
use shopkeeper_training::read::ReadSettings;
use shopkeeper_training::report;
use shopkeeper_training::rules::RuleParams;
use shopkeeper_training::segments;
use shopkeeper_training::tuning::Effort;

use super::{CliError, Global, LogFormat, say};
use crate::config::{self, Config, SegmentMethod, TrainOptions, Tune};
use crate::progress_bar::{StageProgress, Style};

const EXAMPLES: &str = "Examples:
  shopkeeper train --purchases purchases.parquet
  shopkeeper train --purchases 'sales/*.parquet' --items items.parquet --timezone Europe/Berlin
  shopkeeper train --purchases sales/ --column customer_id=household_id --column items.item_id=product_id
  shopkeeper train --config shop.toml --activate never

A config file holds the same settings:
  [train]
  purchases = [\"sales/*.parquet\"]
  timezone = \"Europe/Berlin\"
  [train.columns]
  customer_id = \"household_id\"
  [train.lifecycle]
  new_days = 30
  [train.rfm_groups]
  champions = { recency = [5, 5], fm = [4, 5] }
  [train.loyalty]
  window_days = 365
  points_per_unit = 1
  points_expire_days = 730
  tiers = [{ name = \"silver\", min_spend = 200, min_orders = 2 }, { name = \"gold\", min_spend = 1000, min_orders = 6 }]";

/// Train a model on purchases and put it into the store
///
/// Reads and checks the Parquet files, measures on a part of the history that it holds out, fits on everything and saves a new version
/// with a report. A run that fails leaves the store as it was.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrainCommand {
    #[command(flatten)]
    options: TrainOptions,
    /// A config file; flags and the environment go over it
    #[arg(long, value_name = "FILE", env = "SHOPKEEPER_CONFIG")]
    config: Option<PathBuf>,
    /// Print the resolved settings as a config file, and do nothing
    #[arg(long)]
    print_settings: bool,
}

impl TrainCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let options = self.options.over(Config::read(self.config.as_deref())?.train);
        let settings = settings(&options)?;
        if self.print_settings {
            return say(&Config { train: resolved(&options, &settings), ..Config::default() }.to_toml());
        }
        if options.purchases.is_empty() {
            let example = "shopkeeper train --purchases purchases.parquet";
            return Err(CliError::Usage(format!("no purchases to train on. Name Parquet files, folders or patterns: {example}")));
        }
        let store = ModelStore::new(options.store());
        let trained = train(&settings, &store, &progress(global))?;
        say(&if global.quiet { format!("{}\n", trained.version) } else { summary(&trained, &store) })?;
        if trained.active || settings.activate == Activate::Never {
            return Ok(());
        }
        let folder = store.path(&trained.version);
        Err(CliError::HeldBack {
            version: trained.version,
            objections: trained.objections,
            report: folder.join(report::FILE).display().to_string(),
            store: store.folder().display().to_string(),
        })
    }
}

/// The trainer's settings: what is set, over its defaults.
pub(super) fn settings(options: &TrainOptions) -> Result<TrainSettings, CliError> {
    let defaults = TrainSettings::default();
    let as_of = options.as_of.as_deref().map(str::parse).transpose().map_err(shopkeeper_training::pipeline::TrainError::Read)?;
    let read = ReadSettings {
        purchases: options.purchases.clone(),
        items: options.items.clone(),
        customers: options.customers.clone(),
        campaigns: options.campaigns.clone(),
        campaign_list: options.campaign_list.clone(),
        redemptions: options.redemptions.clone(),
        feedback: options.feedback.clone(),
        tickets: options.tickets.clone(),
        referrals: options.referrals.clone(),
        columns: options.columns.clone(),
        as_of,
        timezone: options.timezone.clone().unwrap_or(defaults.read.timezone),
        max_reject_rate: options.max_reject_rate.unwrap_or(defaults.read.max_reject_rate),
        drop_duplicates: options.drop_duplicates.unwrap_or(defaults.read.drop_duplicates),
    };
    Ok(TrainSettings {
        read,
        horizon_days: options.horizon_days.or(defaults.horizon_days),
        seed: options.seed.unwrap_or(defaults.seed),
        threads: options.threads.or(defaults.threads),
        keep: options.keep.unwrap_or(defaults.keep),
        segments: options.segments.or(defaults.segments),
        needs_segments: options.needs_segments.or(defaults.needs_segments),
        segment_method: options.segment_method.map_or(defaults.segment_method, Into::into),
        tune: match options.tune {
            None => defaults.tune,
            Some(Tune::Off) => Effort::Off,
            Some(Tune::Quick) => Effort::Quick,
            Some(Tune::Full) => Effort::Full,
        },
        recommender: defaults.recommender,
        lifecycle: options.lifecycle.clone().unwrap_or(defaults.lifecycle),
        rfm_groups: options.rfm_groups.clone().unwrap_or(defaults.rfm_groups),
        loyalty: options.loyalty.clone().unwrap_or(defaults.loyalty),
        value: ValueRules {
            high_share: options.high_value_share.unwrap_or(defaults.value.high_share),
            medium_share: options.medium_value_share.unwrap_or(defaults.value.medium_share),
            gone_below: options.gone_below.unwrap_or(defaults.value.gone_below),
            newcomer_from: options.newcomer_from.unwrap_or(defaults.value.newcomer_from),
        },
        rules: RuleParams {
            min_support: options.rules_support.or(defaults.rules.min_support),
            min_confidence: options.rules_confidence.unwrap_or(defaults.rules.min_confidence),
            max_items: options.rules_items.unwrap_or(defaults.rules.max_items),
            max_itemsets: options.rules_itemsets.unwrap_or(defaults.rules.max_itemsets),
        },
        insights: InsightParams {
            min_group: options.min_group.unwrap_or(defaults.insights.min_group),
            days: options.insights_days.unwrap_or(defaults.insights.days),
        },
        measure: defaults.measure,
        activate: match options.activate {
            None => defaults.activate,
            Some(config::Activate::UnlessWorse) => Activate::UnlessWorse,
            Some(config::Activate::Always) => Activate::Always,
            Some(config::Activate::Never) => Activate::Never,
        },
    })
}

/// The options with every default filled in, so that they can be shown.
fn resolved(options: &TrainOptions, settings: &TrainSettings) -> TrainOptions {
    TrainOptions {
        store: Some(options.store()),
        timezone: Some(settings.read.timezone.clone()),
        seed: Some(settings.seed),
        segment_method: Some(match settings.segment_method {
            segments::SegmentMethod::KMeans => SegmentMethod::KMeans,
            segments::SegmentMethod::GaussianMixture => SegmentMethod::GaussianMixture,
            segments::SegmentMethod::Dbscan => SegmentMethod::Dbscan,
        }),
        activate: Some(match settings.activate {
            Activate::UnlessWorse => config::Activate::UnlessWorse,
            Activate::Always => config::Activate::Always,
            Activate::Never => config::Activate::Never,
        }),
        tune: Some(match settings.tune {
            Effort::Off => Tune::Off,
            Effort::Quick => Tune::Quick,
            Effort::Full => Tune::Full,
        }),
        max_reject_rate: Some(settings.read.max_reject_rate),
        drop_duplicates: Some(settings.read.drop_duplicates),
        keep: Some(settings.keep),
        rules_confidence: Some(settings.rules.min_confidence),
        rules_items: Some(settings.rules.max_items),
        rules_itemsets: Some(settings.rules.max_itemsets),
        min_group: Some(settings.insights.min_group),
        insights_days: Some(settings.insights.days),
        lifecycle: Some(settings.lifecycle.clone()),
        rfm_groups: Some(settings.rfm_groups.clone()),
        loyalty: Some(settings.loyalty.clone()),
        high_value_share: Some(settings.value.high_share),
        medium_value_share: Some(settings.value.medium_share),
        gone_below: Some(settings.value.gone_below),
        newcomer_from: Some(settings.value.newcomer_from),
        ..options.clone()
    }
}

/// Progress as the user wants it.
pub(super) fn progress(global: &Global) -> StageProgress {
    StageProgress::new(Style::choose(global.quiet, global.log_format == LogFormat::Json))
}

/// What came out of a run: warnings, the evaluation, where the time went and where the version stands.
pub(super) fn summary(trained: &Trained, store: &ModelStore) -> String {
    let mut out = String::new();
    for warning in &trained.warnings {
        let _ = writeln!(out, "Note: {warning}");
    }
    out.push_str(&report::text(&trained.manifest));
    if trained.active && !trained.objections.is_empty() {
        let _ = writeln!(out, "Note: current all the same, but against it speaks: {}", trained.objections.join("; "));
    }
    let _ = writeln!(out, "\n{}", time(&trained.run));
    for version in &trained.deleted {
        let _ = writeln!(out, "Deleted the old version {version}");
    }
    let folder = store.path(&trained.version);
    let state = if trained.active { "now current" } else { "not active" };
    let _ = writeln!(out, "Model {} ({state})\nReport {}", trained.version, folder.join(report::FILE).display());
    out
}

/// `Took 4.1 s on 2 threads: read 1.2, fit recommender 0.9, ...; peak memory 310 MiB`.
fn time(run: &Run) -> String {
    let stages: Vec<String> = run.stages.iter().map(|(stage, seconds)| format!("{stage} {seconds:.1}")).collect();
    let all: f64 = run.stages.iter().map(|(_, seconds)| seconds).sum();
    let memory = if run.peak_memory_bytes > 0 { format!("; peak memory {} MiB", run.peak_memory_bytes >> 20) } else { String::new() };
    format!("Took {all:.1} s on {} threads: {}{memory}", run.threads, stages.join(", "))
}
