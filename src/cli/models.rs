//! `shopkeeper models`: what is in the store, and which version is served.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use shopkeeper_models::Manifest;
use shopkeeper_models::evaluation::{Evaluation, RecommendationScores, Task};
use shopkeeper_models::store::{Listed, ModelStore};

use super::{CliError, say};
use crate::config::DEFAULT_STORE;

const EXAMPLES: &str = "Examples:
  shopkeeper models list
  shopkeeper models show 2026-10-01-3f1c9a0b77e2
  shopkeeper models activate 2026-10-01-3f1c9a0b77e2
  shopkeeper models rollback --store /srv/models

A running server follows the store: it loads a version when it becomes the current one.";

/// List, inspect and switch the versions in the store
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ModelsCommand {
    /// Where fitted models are kept
    #[arg(long, global = true, default_value = DEFAULT_STORE, value_name = "DIR", env = "SHOPKEEPER_STORE")]
    store: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every version, the latest training run first; * marks the current one
    List,
    /// What a version was made from and how good it is
    Show {
        /// The version [default: the current one]
        version: Option<String>,
        /// Print the whole manifest as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a version the current one, after checking that it can be served
    Activate {
        /// The version
        version: String,
    },
    /// Make the version before the current one current again
    Rollback,
}

impl ModelsCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        let store = ModelStore::new(self.store);
        match self.action {
            Action::List => say(&list(&store)?),
            Action::Show { version, json } => {
                let version = version.map_or_else(|| store.current(), Ok)?;
                let manifest = store.manifest(&version)?;
                say(&if json { String::from_utf8_lossy(&manifest.to_bytes()).into_owned() } else { show(&store, &version, &manifest) })
            }
            Action::Activate { version } => {
                store.activate(&version)?;
                say(&format!("{version} is now current\n"))
            }
            Action::Rollback => say(&format!("{} is current again\n", store.rollback()?)),
        }
    }
}

fn list(store: &ModelStore) -> Result<String, CliError> {
    let listed = store.list()?;
    if listed.is_empty() {
        return Ok(format!("{}: no model yet. Run `shopkeeper train --purchases FILE`\n", store.folder().display()));
    }
    let mut out = String::new();
    if let Err(error) = store.current() {
        let _ = writeln!(
            out,
            "Note: none of these is current, so that nothing can be served: {error}. Make one current: shopkeeper models activate VERSION"
        );
    }
    let _ =
        writeln!(out, "  {:<24} {:<20} {:>10} {:>10} {:>8} {:>10}", "version", "trained at", "customers", "orders", "NDCG", "churn AUC");
    for Listed { version, current, run, manifest } in listed {
        let mark = if current { '*' } else { ' ' };
        let trained = run.map_or_else(|| "-".to_owned(), |run| run.finished_at);
        let _ = match manifest {
            Ok(manifest) => {
                let (data, evaluation) = (&manifest.data, &manifest.evaluation);
                let ndcg = ours(evaluation, Task::All).map_or_else(|| "-".to_owned(), |scores| format!("{:.3}", scores.ndcg));
                let auc = evaluation
                    .churn
                    .as_ref()
                    .and_then(|churn| churn.scores.first())
                    .map_or_else(|| "-".to_owned(), |scores| format!("{:.3}", scores.auc));
                writeln!(out, "{mark} {version:<24} {trained:<20} {:>10} {:>10} {ndcg:>8} {auc:>10}", data.customers, data.orders)
            }
            Err(damage) => writeln!(out, "{mark} {version:<24} {trained:<20} damaged: {damage}"),
        };
    }
    Ok(out)
}

fn show(store: &ModelStore, version: &str, manifest: &Manifest) -> String {
    let Manifest { as_of, timezone, data, evaluation, files, .. } = manifest;
    let current = store.current().is_ok_and(|current| current == version);
    let mut out = format!("Model {version}{}\n", if current { " (current)" } else { "" });
    let mut fact = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<20} {text}");
    };
    fact("as of", format!("{as_of}, days in {timezone}"));
    fact("data", format!("{} lines, {} orders, {} customers, {} items", data.lines, data.orders, data.customers, data.items));
    fact("days", format!("{} to {}", data.first_day, data.last_day));
    fact("rejected", format!("{} of {} rows", data.rejects.values().sum::<u64>(), data.rows));
    fact("fingerprint", data.fingerprint.clone());
    if let Some(run) = store.run(version) {
        let seconds: f64 = run.stages.iter().map(|(_, seconds)| seconds).sum();
        fact(
            "trained",
            format!("{} in {seconds:.1} s on {} threads, peak memory {} MiB", run.finished_at, run.threads, run.peak_memory_bytes >> 20),
        );
    }
    for task in Task::ALL {
        if let Some(ours) = ours(evaluation, task) {
            let [low, high] = ours.ndcg_interval;
            let best = ours.against.as_ref().map(|against| (ours.ndcg - against.ndcg, &against.than));
            let best = best.map_or_else(String::new, |(ndcg, method)| format!("; best simple rule {ndcg:.3} ({method})"));
            fact(&format!("NDCG {}", task.name()), format!("{:.3} ({low:.3} to {high:.3}){best}", ours.ndcg));
        }
    }
    if let Some(churn) = &evaluation.churn {
        for scores in &churn.scores {
            fact("churn AUC", format!("{:.3} ({}), within {} days", scores.auc, scores.method, churn.horizon_days));
        }
    }
    for reason in &evaluation.skipped {
        fact("not measured", reason.clone());
    }
    for (name, file) in files {
        let rows = file.rows.map_or_else(String::new, |rows| format!(", {rows} rows"));
        fact(name, format!("{} bytes{rows}", file.bytes));
    }
    out
}

/// The served model's scores of a task: the first.
fn ours(evaluation: &Evaluation, task: Task) -> Option<&RecommendationScores> {
    evaluation.recommendations.as_ref()?.of(task).next()
}
