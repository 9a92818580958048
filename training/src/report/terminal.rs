//! The report on the terminal: the same figures as aligned plain text.

use std::fmt::Write;

use shopkeeper_models::Manifest;
use shopkeeper_models::evaluation::{ChurnEvaluation, Evaluation, RecommendationEvaluation, Task};
use shopkeeper_models::manifest::DataSummary;

use super::words::{count, decimal, maybe_decimal, percent, plain, share_of};

/// What was read, how well the model recommends and how well it knows who leaves, in some forty lines.
pub fn text(manifest: &Manifest) -> String {
    format!("Data as of {}\n{}", manifest.as_of, evaluation_text(&manifest.data, &manifest.evaluation))
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

fn recommendations(evaluation: &RecommendationEvaluation, out: &mut String) {
    let k = evaluation.k;
    line(out, format_args!("\nRecommendations: {k} items at {}, held against purchases until {}", evaluation.cut, evaluation.until));
    let mut table = Table::new(&["truth", "method"], &["customers", "recall", "NDCG ± s.e.", "hit rate", "coverage"]);
    for of in [Task::All, Task::Repeat, Task::New] {
        for (at, scores) in evaluation.scores.iter().filter(|scores| scores.task == of).enumerate() {
            table.row([
                if at == 0 { of.name() } else { "" }.to_owned(),
                scores.method.clone(),
                count(scores.customers.into()),
                decimal(scores.recall),
                format!("{} ± {}", decimal(scores.ndcg), decimal(scores.ndcg_se)),
                percent(scores.hit_rate),
                percent(scores.coverage),
            ]);
        }
    }
    table.write(out);
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
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for row in &self.rows {
            let cell = |(column, text): (usize, &String)| {
                let width = widths[column];
                if column < self.words { format!("{text:<width$}") } else { format!("{text:>width$}") }
            };
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            line(out, format_args!("  {}", cells.join("  ").trim_end()));
        }
    }
}
