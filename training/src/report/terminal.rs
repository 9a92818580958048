//! The report on the terminal: the same figures as aligned plain text.

use std::fmt::Write;

use shopkeeper_models::Manifest;
use shopkeeper_models::evaluation::{ChurnEvaluation, Evaluation, RecommendationEvaluation, Stability, Task};
use shopkeeper_models::manifest::DataSummary;

use super::words::{count, decimal, interval, maybe_decimal, maybe_percent, percent, plain, share_of, signed, verdict};

/// What was read, how well the model recommends and how well it knows who leaves.
pub fn text(manifest: &Manifest) -> String {
    let evaluation = evaluation_text(&manifest.data, &manifest.evaluation);
    format!("Data as of {}\n{evaluation}{}{}", manifest.as_of, tuning(manifest), segments(manifest))
}

/// What was tried to suit the recommender to the shop, one line a setting.
fn tuning(manifest: &Manifest) -> String {
    let mut out = String::new();
    let tuning = &manifest.settings["tuning"];
    let Some(tried) = tuning["tried"].as_array() else { return out };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    line(
        &mut out,
        format_args!("\nTuning of the recommender at {}, held against purchases until {}", text(&tuning["cut"]), text(&tuning["until"])),
    );
    let mut table = Table::new(&["setting", ""], &["NDCG, all", "NDCG, new", "gain ± s.e."]);
    for tried in tried {
        let number = |key: &str| tried[key].as_f64().unwrap_or_default();
        table.row([
            text(&tried["change"]),
            if tried["kept"].as_bool() == Some(true) { "kept" } else { "" }.to_owned(),
            decimal(number("ndcg_all")),
            decimal(number("ndcg_new")),
            format!("{:+.3} ± {:.3}", number("gain"), number("gain_se")),
        ]);
    }
    table.write(&mut out);
    out
}

/// The segments by name, how sure they are, and what became of those of the version before.
fn segments(manifest: &Manifest) -> String {
    let mut out = String::new();
    for found in &manifest.segments {
        let method = plain(&found.method);
        line(&mut out, format_args!("\nSegments by {}: {} by {method}, {}", found.kind.name(), found.clusters, found.why));
        if let Some(chosen) = found.tried.iter().find(|row| row.chosen) {
            let (silhouette, stability) = (decimal(chosen.silhouette), decimal(chosen.stability));
            line(&mut out, format_args!("  silhouette {silhouette}, stability {stability} (bootstrap ARI)"));
        }
        let mut table = Table::new(&["id", "name"], &["customers"]);
        for centre in &found.centres {
            table.row([centre.segment_id.clone(), centre.name.clone(), count(centre.customers.into())]);
        }
        table.write(&mut out);
        found.notes.iter().for_each(|note| line(&mut out, format_args!("  Note: {note}")));
        if let Some(previous) = &found.previous {
            let nothing = if found.changes.is_empty() { ": every segment went on" } else { "" };
            line(&mut out, format_args!("  Since {previous}{nothing}"));
            found.changes.iter().for_each(|change| line(&mut out, format_args!("    {change}")));
        }
    }
    out
}

/// The same for a measurement that no model was saved of.
pub fn evaluation_text(data: &DataSummary, evaluation: &Evaluation) -> String {
    let mut out = String::new();
    summary(data, &mut out);
    if let Some(evaluation) = &evaluation.recommendations {
        recommendations(evaluation, &mut out);
    }
    if let Some(evaluation) = &evaluation.churn {
        churn(evaluation, &mut out);
    }
    if !evaluation.skipped.is_empty() {
        out.push_str("\nNot measured\n");
        evaluation.skipped.iter().for_each(|reason| line(&mut out, format_args!("  {reason}")));
    }
    out
}

/// Adds a line. Writing to a string cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}

fn summary(data: &DataSummary, out: &mut String) {
    let [lines, orders, customers, items] = [data.lines, data.orders, data.customers, data.items].map(count);
    line(
        out,
        format_args!("  {lines} lines, {orders} orders, {customers} customers, {items} items, {} to {}", data.first_day, data.last_day),
    );
    let rejected: u64 = data.rejects.values().sum();
    if rejected > 0 {
        let reasons: Vec<String> = data.rejects.iter().map(|(reason, &rows)| format!("{} {}", plain(reason), count(rows))).collect();
        line(out, format_args!("  {} rows rejected ({}): {}", count(rejected), share_of(rejected, data.rows), reasons.join(", ")));
    }
}

/// Two versions beside each other: the rows of each task, and in words which of them is better.
pub fn comparison_text(data: &DataSummary, evaluation: &RecommendationEvaluation) -> String {
    let mut out = String::new();
    summary(data, &mut out);
    recommendations(evaluation, &mut out);
    out
}

fn recommendations(evaluation: &RecommendationEvaluation, out: &mut String) {
    let RecommendationEvaluation { cut, until, k, .. } = evaluation;
    line(out, format_args!("\nRecommendations: {k} items at {cut}, held against purchases until {until}"));
    let figures = ["customers", "recall", "NDCG", "95 % interval", "MAP", "hit rate", "repeat hits", "coverage", "popularity", "diversity"];
    let mut table = Table::new(&["truth", "method"], &figures);
    let mut differences = Table::new(&["truth", "", "", ""], &["NDCG", "95 % interval"]);
    for task in Task::ALL {
        for (at, scores) in evaluation.of(task).enumerate() {
            table.row([
                if at == 0 { task.name() } else { "" }.to_owned(),
                scores.method.clone(),
                count(scores.customers.into()),
                decimal(scores.recall),
                decimal(scores.ndcg),
                interval(scores.ndcg_interval),
                decimal(scores.map),
                percent(scores.hit_rate),
                maybe_percent(scores.repeat_hits),
                percent(scores.coverage),
                percent(scores.popularity),
                maybe_percent(scores.diversity),
            ]);
            if let Some(difference) = &scores.against {
                differences.row([
                    task.name().to_owned(),
                    scores.method.clone(),
                    verdict(difference).to_owned(),
                    difference.than.clone(),
                    signed(difference.ndcg),
                    difference.interval.map(signed).join(" to "),
                ]);
            }
        }
    }
    table.write(out);
    line(out, format_args!("\nPaired differences, the same customers asked of both"));
    differences.write(out);
    if let Some(Stability { days, customers, kept }) = evaluation.stability {
        let (kept, customers) = (percent(kept), count(customers.into()));
        line(
            out,
            format_args!(
                "\nStability: {kept} of a customer's {k} items are still shown by the fit {days} days later ({customers} customers)"
            ),
        );
    }
}

fn churn(evaluation: &ChurnEvaluation, out: &mut String) {
    line(
        out,
        format_args!(
            "\nChurn: no purchase within {} days of {}; {} customers, {} left",
            evaluation.horizon_days,
            evaluation.cut,
            count(evaluation.customers.into()),
            percent(evaluation.base_rate)
        ),
    );
    let mut table = Table::new(&["method"], &["AUC", "avg. precision", "Brier", "calibration error"]);
    for scores in &evaluation.scores {
        table.row([
            scores.method.clone(),
            decimal(scores.auc),
            decimal(scores.average_precision),
            maybe_decimal(scores.brier),
            maybe_decimal(scores.calibration_error),
        ]);
    }
    table.write(out);
}

/// Rows of text: words to the left, figures to the right.
struct Table {
    rows: Vec<Vec<String>>,
    words: usize,
}

impl Table {
    fn new(words: &[&str], figures: &[&str]) -> Self {
        let head = words.iter().chain(figures).map(|&name| name.to_owned()).collect();
        Self { rows: vec![head], words: words.len() }
    }

    fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    fn write(&self, out: &mut String) {
        // a row whose first cell holds a new group stands apart from the one before it
        let apart = |at: usize| at > 1 && self.rows.iter().skip(1).any(|row| row[0].is_empty()) && !self.rows[at][0].is_empty();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for (at, row) in self.rows.iter().enumerate() {
            if apart(at) {
                out.push('\n');
            }
            let cell = |(column, text): (usize, &String)| {
                let width = widths[column];
                if column < self.words { format!("{text:<width$}") } else { format!("{text:>width$}") }
            };
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            line(out, format_args!("  {}", cells.join("  ").trim_end()));
        }
    }
}
