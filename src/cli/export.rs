//! `shopkeeper export`: answers for every customer as a file, through the same scoring as HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use shopkeeper_models::Model;
use shopkeeper_models::recommender::{MAX_N, Purchased};
use shopkeeper_models::store::ModelStore;

use super::{CliError, Global, say};
use crate::config::DEFAULT_STORE;
use crate::encode::export_to_file;
use crate::lists::{self, ChurnFilter, List, RuleFilter, Window};

const EXAMPLES: &str = "Examples:
  shopkeeper export recommendations --n 10 --out recommendations.parquet
  shopkeeper export recommendations --purchased exclude --out discover.csv
  shopkeeper export churn --out churn.csv
  shopkeeper export rules --min-support 0.001 --min-confidence 0.2 --out rules.ndjson

The extension chooses the format: .parquet, .csv, .ndjson or .json.";

/// Write answers for every customer to a file
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What each customer will want next: customer_id, rank, item_id, score, source
    Recommendations {
        /// Items for each customer
        #[arg(long, default_value_t = 10, value_name = "N", value_parser = items_wanted)]
        n: usize,
        /// Whether items that the customer has bought before may be recommended
        #[arg(long, value_enum, default_value_t, value_name = "WHETHER")]
        purchased: PurchasedArg,
        #[command(flatten)]
        to: To,
    },
    /// Who is about to leave, most endangered first, and what that would cost
    Churn {
        #[command(flatten)]
        to: To,
    },
    /// The segments of each customer, by behaviour and by needs, with their names
    Segments {
        #[command(flatten)]
        to: To,
    },
    /// Which item goes with which, with the baskets behind it
    Rules {
        /// The least share of all orders that hold both, 0 to 1
        #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
        min_support: f64,
        /// The least share of the orders with the first item that hold the second, 0 to 1
        #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
        min_confidence: f64,
        #[command(flatten)]
        to: To,
    },
    /// Everything the model knows and predicts of each customer
    Customers {
        #[command(flatten)]
        to: To,
    },
}

/// From which model, to which file.
#[derive(Args, Debug)]
struct To {
    /// Where fitted models are kept
    #[arg(long, default_value = DEFAULT_STORE, value_name = "DIR", env = "SHOPKEEPER_STORE")]
    store: PathBuf,
    /// The version [default: the current one]
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
    /// The file to write; its extension chooses the format: .parquet, .csv, .ndjson or .json
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// [`Purchased`] as a flag.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PurchasedArg {
    /// They may.
    #[default]
    Include,
    /// Only items new to the customer.
    Exclude,
}

impl ExportCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let (What::Recommendations { ref to, .. }
        | What::Churn { ref to }
        | What::Segments { ref to }
        | What::Rules { ref to, .. }
        | What::Customers { ref to }) = self.what;
        let store = ModelStore::new(&to.store);
        let model = Arc::new(to.model.as_ref().map_or_else(|| store.load_current(), |version| store.load(version))?);
        let rows = export_to_file(&to.out, self.what.list(&model))?;
        if global.quiet {
            return Ok(());
        }
        say(&format!("{}: {rows} rows of model {}\n", to.out.display(), model.version))
    }
}

impl What {
    fn list(&self, model: &Arc<Model>) -> List {
        match *self {
            Self::Recommendations { n, purchased, .. } => lists::recommendations(model, n, purchased.into()),
            Self::Churn { .. } => lists::churn(model, &ChurnFilter::default(), Window::ALL),
            Self::Segments { .. } => lists::members(model, None, Window::ALL),
            Self::Rules { min_support, min_confidence, .. } => lists::rules(model, RuleFilter { min_support, min_confidence }, Window::ALL),
            Self::Customers { .. } => lists::customers(model, Window::ALL),
        }
    }
}

impl From<PurchasedArg> for Purchased {
    fn from(purchased: PurchasedArg) -> Self {
        match purchased {
            PurchasedArg::Include => Self::Include,
            PurchasedArg::Exclude => Self::Exclude,
        }
    }
}

fn items_wanted(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=MAX_N).contains(n)).ok_or_else(|| format!("expected a whole number from 1 to {MAX_N}"))
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "expected a share from 0 to 1".to_owned())
}
