//! `shopkeeper events`: what callers told the server, for the next training.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, Global, say};
use crate::config::DEFAULT_STORE;
use crate::state::{default_path, export_purchases};

const EXAMPLES: &str = "Examples:
  shopkeeper events export --out events.parquet
  shopkeeper events export --after 120000 --out events-2.parquet
  shopkeeper train --purchases history.parquet events.parquet

The file holds purchases with a customer; a server may be running. A model trained on it has seen these events, the server knows that and counts
none of them twice.";

/// Write the purchases among the events as Parquet that `train` reads
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct EventsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Purchases: customer_id, item_id, timestamp, order_id, quantity, amount, channel
    Export {
        /// The state file of the server [default: beside the store]
        #[arg(long, value_name = "FILE", env = "SHOPKEEPER_STATE")]
        state: Option<PathBuf>,
        /// Where fitted models are kept
        #[arg(long, default_value = DEFAULT_STORE, value_name = "DIR", env = "SHOPKEEPER_STORE")]
        store: PathBuf,
        /// Only events after this number, which an earlier export printed
        #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
        after: i64,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

impl EventsCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let Action::Export { state, store, after, out } = self.action;
        let exported = export_purchases(&state.unwrap_or_else(|| default_path(&store)), after, &out)?;
        if global.quiet {
            return Ok(());
        }
        let anonymous = match exported.anonymous {
            0 => String::new(),
            left => format!(", {left} by visitors without customer_id left out"),
        };
        say(&format!("{}: {} purchases{anonymous}. What comes after them: --after {}\n", out.display(), exported.rows, exported.range.upto))
    }
}
