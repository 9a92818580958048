//! `shopkeeper compare`: two saved versions, as they stand, on purchases that neither of them saw.

use clap::Args;
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::pipeline::compare;
use shopkeeper_training::report;

use super::evaluate::{Format, json, with_version};
use super::train::{progress, settings};
use super::{CliError, Global, say};
use crate::config::TrainOptions;

const EXAMPLES: &str = "Examples:
  shopkeeper compare 2026-09-01-3f1c9a0b77e2 2026-10-01-9df1579dfdeb --purchases 'sales/2026-10-*.parquet'
  shopkeeper compare 2026-09-01-3f1c9a0b77e2 2026-10-01-9df1579dfdeb --purchases sales/ --as-of 2026-11-01 --format json";

/// Hold two versions against purchases made since, and say which recommends better
///
/// Both answer as they stand in the store; nothing is fitted or saved. The truth is what was bought from the later as-of of the two on, by
/// customers whom at least one of them knows. A version that does not know a customer gives the answer for strangers, as it would when served.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, mut_args(|arg| if SETTLED.contains(&arg.get_id().as_str()) { arg.hide(true) } else { arg }))]
pub(super) struct CompareCommand {
    /// The version to hold against
    #[arg(value_name = "A")]
    a: String,
    /// The version in question
    #[arg(value_name = "B")]
    b: String,
    #[command(flatten)]
    options: TrainOptions,
    /// Tables to read, or every figure unrounded
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// What the saved versions have settled already.
const SETTLED: [&str; 12] = [
    "items",
    "customers",
    "horizon_days",
    "seed",
    "segments",
    "needs_segments",
    "segment_method",
    "high_value_share",
    "medium_value_share",
    "gone_below",
    "newcomer_from",
    "keep",
];

impl CompareCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let Self { a, b, options, format } = self;
        if options.purchases.is_empty() {
            let example = format!("shopkeeper compare {a} {b} --purchases purchases.parquet");
            return Err(CliError::Usage(format!("no purchases to compare on. Name Parquet files, folders or patterns: {example}")));
        }
        if a == b {
            return Err(CliError::Usage(format!("{a} and {b} are the same version. Name two of those that shopkeeper models list shows")));
        }
        let store = ModelStore::new(options.store());
        let (a, b) = (store.load(&a)?, store.load(&b)?);
        let later = if a.manifest.as_of_day > b.manifest.as_of_day { &a } else { &b };
        let options = with_version(options, &later.manifest);
        let compared = compare(&settings(&options)?, &a, &b, &progress(global))?;
        if format == Format::Json {
            return say(&json(&compared.recommendations));
        }
        let notes: String = compared.warnings.iter().map(|warning| format!("Note: {warning}\n")).collect();
        let text = report::comparison_text(&compared.data, &compared.recommendations);
        say(&format!("{notes}{} (as of {}) against {} (as of {})\n{text}", b.version, b.manifest.as_of, a.version, a.manifest.as_of))
    }
}
