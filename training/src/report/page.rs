//! `report.html`: the manifest in words a marketer can use and figures a data scientist can check.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use shopkeeper_models::Manifest;
use shopkeeper_models::evaluation::{ChurnEvaluation, Difference, RecommendationEvaluation, RecommendationScores, Task};
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::value::ValueTier;

use super::bars::{self, Bar, Group};
use super::words::{
    amount, count, decimal, interval, maybe_decimal, maybe_percent, method, method_meaning, percent, plain, share_of, signed, stage, task,
    tier, verdict,
};
use super::{ReportData, SegmentRow, curves};

const TEMPLATE: &str = include_str!("report.html");

/// The page.
pub(super) fn html(manifest: &Manifest, extra: &ReportData) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = Page {
        as_of_date: manifest.as_of.get(..10).unwrap_or(&manifest.as_of),
        facts: facts(manifest),
        data: data(manifest),
        rejects: rejects(manifest),
        recommendations: manifest.evaluation.recommendations.as_ref().map(Recommendations::new),
        churn: manifest.evaluation.churn.as_ref().map(Churn::new),
        survival: manifest.evaluation.survival.as_ref().map(curves::survival),
        skipped: &manifest.evaluation.skipped,
        segments: Segments::new(&extra.segments),
        lifecycle: lifecycle(manifest, extra),
        tiers: tiers(manifest, extra),
        settings: settings(&manifest.settings),
    };
    let page = Serde(&page);
    environment
        .render_named_str("report.html", TEMPLATE, page)
        .unwrap_or_else(|error| unreachable!("the template is part of the build: {error:#}"))
}

/// What the template fills in.
#[derive(Serialize)]
struct Page<'a> {
    as_of_date: &'a str,
    facts: Vec<Fact>,
    data: Vec<Fact>,
    rejects: Vec<Fact>,
    recommendations: Option<Recommendations<'a>>,
    churn: Option<Churn<'a>>,
    survival: Option<String>,
    skipped: &'a [String],
    segments: Segments,
    lifecycle: Vec<[String; 4]>,
    tiers: Vec<[String; 4]>,
    settings: Vec<[String; 2]>,
}

/// A name, a figure and what it means.
#[derive(Serialize)]
struct Fact {
    name: String,
    figure: String,
    meaning: String,
}

impl Fact {
    fn new(name: impl Into<String>, figure: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { name: name.into(), figure: figure.into(), meaning: meaning.into() }
    }
}

/// The figures at the top.
fn facts(manifest: &Manifest) -> Vec<Fact> {
    let data = &manifest.data;
    let mut facts = vec![
        Fact::new("customers", count(data.customers), "with at least one order"),
        Fact::new("orders", count(data.orders), format!("{} to {}", data.first_day, data.last_day)),
        Fact::new("items", count(data.items), "bought at least once"),
    ];
    let measured = manifest.evaluation.recommendations.as_ref();
    if let Some(ours) = measured.and_then(|measured| measured.of(Task::All).next()) {
        facts.push(Fact::new("hit rate", percent(ours.hit_rate), "of the customers bought one of the items shown"));
    }
    if let Some(stability) = measured.and_then(|measured| measured.stability) {
        let meaning = format!("of the items shown to a customer are still shown by the fit {} days later", stability.days);
        facts.push(Fact::new("stability", percent(stability.kept), meaning));
    }
    if let Some(churn) = manifest.evaluation.churn.as_ref().and_then(|churn| churn.scores.first()) {
        facts.push(Fact::new("churn AUC", decimal(churn.auc), "1 = every leaver ranked first, 0.5 = guessing"));
    }
    facts
}

fn data(manifest: &Manifest) -> Vec<Fact> {
    let data = &manifest.data;
    vec![
        Fact::new("Rows read", count(data.rows), "in the purchase files"),
        Fact::new(
            "Order lines",
            count(data.lines),
            "what the model was made from, returns included; rows of one item in one order are added up to one line",
        ),
        Fact::new(
            "Returns",
            count(data.returns),
            format!("lines with a negative quantity, {} of the lines", share_of(data.returns, data.lines)),
        ),
        Fact::new("Orders", count(data.orders), "lines that share an order"),
        Fact::new("First and last day", format!("{} – {}", data.first_day, data.last_day), format!("in {} time", manifest.timezone)),
        Fact::new("As of", manifest.as_of.clone(), "purchases at or after this time were not read"),
        Fact::new(
            "Fingerprint",
            data.fingerprint.chars().take(16).collect::<String>(),
            "same lines, same fingerprint, whatever their order or files",
        ),
    ]
}

fn rejects(manifest: &Manifest) -> Vec<Fact> {
    let data = &manifest.data;
    data.rejects.iter().map(|(reason, &rows)| Fact::new(plain(reason), count(rows), share_of(rows, data.rows))).collect()
}

fn lifecycle(manifest: &Manifest, extra: &ReportData) -> Vec<[String; 4]> {
    let rows = LifecycleStage::ALL.iter().zip(extra.lifecycle);
    let all = extra.lifecycle.iter().sum();
    rows.map(|(&of, customers)| {
        let (name, rule) = stage(of, &manifest.rules.lifecycle);
        [name.to_owned(), count(customers), share_of(customers, all), rule]
    })
    .collect()
}

fn tiers(manifest: &Manifest, extra: &ReportData) -> Vec<[String; 4]> {
    let all = extra.tiers.iter().sum();
    let rows = ValueTier::ALL.iter().zip(extra.tiers);
    rows.map(|(&of, customers)| {
        let (name, rule) = tier(of, &manifest.rules.value);
        [name.to_owned(), count(customers), share_of(customers, all), rule]
    })
    .collect()
}

#[derive(Serialize)]
struct Recommendations<'a> {
    cut: &'a str,
    until: &'a str,
    k: u32,
    summary: String,
    chart: String,
    tasks: Vec<TaskTable>,
    methods: Vec<[&'a str; 2]>,
}

#[derive(Serialize)]
struct TaskTable {
    name: &'static str,
    question: &'static str,
    customers: String,
    verdict: String,
    rows: Vec<[String; 10]>,
}

impl<'a> Recommendations<'a> {
    fn new(evaluation: &'a RecommendationEvaluation) -> Self {
        let mut tasks = Vec::new();
        let mut groups = Vec::new();
        for of in Task::ALL {
            let scores: Vec<&RecommendationScores> = evaluation.of(of).collect();
            let Some(first) = scores.first() else { continue };
            let (name, question) = task(of);
            let rows = scores.iter().map(|scores| row(scores)).collect();
            let verdict = first.against.as_ref().map(difference).unwrap_or_default();
            tasks.push(TaskTable { name, question, customers: count(first.customers.into()), verdict, rows });
            let bar = |scores: &&RecommendationScores| Bar {
                label: method(&scores.method).to_owned(),
                value: scores.ndcg,
                error: (scores.ndcg_interval[1] - scores.ndcg_interval[0]) / 2.0,
                figure: decimal(scores.ndcg),
                ours: scores.method == first.method,
            };
            if CHARTED.contains(&of) {
                groups.push(Group { title: name.to_owned(), bars: scores.iter().map(bar).collect() });
            }
        }
        let mut methods: Vec<[&str; 2]> = Vec::new();
        for scores in &evaluation.scores {
            let known = [method(&scores.method), method_meaning(&scores.method)];
            if !known[1].is_empty() && !methods.contains(&known) {
                methods.push(known);
            }
        }
        let RecommendationEvaluation { cut, until, k, .. } = evaluation;
        Self { cut, until, k: *k, summary: recommendation_summary(evaluation), chart: bars::chart(&groups), tasks, methods }
    }
}

/// The tasks that are drawn; the others stand in tables alone.
const CHARTED: [Task; 4] = [Task::All, Task::New, Task::NextBasketAll, Task::Completion];

/// A row of a task's table.
fn row(scores: &RecommendationScores) -> [String; 10] {
    [
        method(&scores.method).to_owned(),
        decimal(scores.recall),
        decimal(scores.ndcg),
        interval(scores.ndcg_interval),
        decimal(scores.map),
        percent(scores.hit_rate),
        maybe_percent(scores.repeat_hits),
        percent(scores.coverage),
        percent(scores.popularity),
        maybe_percent(scores.diversity),
    ]
}

/// A paired difference as a sentence.
fn difference(difference: &Difference) -> String {
    let (verdict, name) = (verdict(difference), method(&difference.than).to_lowercase());
    let [low, high] = difference.interval.map(signed);
    format!("This model is {verdict} the best simple rule ({name}): NDCG {}, 95 % interval {low} to {high}.", signed(difference.ndcg))
}

/// The result in two sentences.
fn recommendation_summary(evaluation: &RecommendationEvaluation) -> String {
    let Some(ours) = evaluation.of(Task::All).next() else { return String::new() };
    let hits = format!(
        "Of 100 customers who bought again between {} and {}, {:.0} bought at least one of the {} items that this model would have shown them.",
        evaluation.cut,
        evaluation.until,
        100.0 * ours.hit_rate,
        evaluation.k
    );
    let Some(against) = &ours.against else { return hits };
    let name = method(&against.than).to_lowercase();
    let best = ours.ndcg - against.ndcg;
    let verdict = match against.verdict() {
        std::cmp::Ordering::Equal => format!("It ranks about as well as the best simple rule ({name}): the difference is within chance."),
        std::cmp::Ordering::Less => {
            format!("The best simple rule ({name}) ranks better: use this model for this purpose only after looking into why.")
        }
        std::cmp::Ordering::Greater => {
            let gap = if best > 0.0 { format!("{:.0} % ", 100.0 * against.ndcg / best) } else { String::new() };
            format!("It ranks {gap}better than the best simple rule ({name}): NDCG {} against {}.", decimal(ours.ndcg), decimal(best))
        }
    };
    format!("{hits} {verdict}")
}

#[derive(Serialize)]
struct Churn<'a> {
    cut: &'a str,
    horizon_days: u32,
    customers: String,
    base_rate: String,
    summary: String,
    rows: Vec<[String; 5]>,
    reliability: String,
    gains: String,
}

impl<'a> Churn<'a> {
    fn new(evaluation: &'a ChurnEvaluation) -> Self {
        let rows = evaluation.scores.iter().map(|scores| {
            [
                method(&scores.method).to_owned(),
                decimal(scores.auc),
                decimal(scores.average_precision),
                maybe_decimal(scores.brier),
                maybe_decimal(scores.calibration_error),
            ]
        });
        Self {
            cut: &evaluation.cut,
            horizon_days: evaluation.horizon_days,
            customers: count(evaluation.customers.into()),
            base_rate: percent(evaluation.base_rate),
            summary: churn_summary(evaluation),
            rows: rows.collect(),
            reliability: if evaluation.reliability.is_empty() { String::new() } else { curves::reliability(&evaluation.reliability) },
            gains: if evaluation.gains.is_empty() { String::new() } else { curves::gains(&evaluation.gains) },
        }
    }
}

/// The result in a sentence or two.
fn churn_summary(evaluation: &ChurnEvaluation) -> String {
    let fifth = evaluation.gains.get(if evaluation.gains.len() > 20 { 4 } else { 3 });
    let found = fifth.map(|found| {
        format!(
            "The fifth of the customers whom the model thinks most likely to leave held {:.0} of every 100 who did leave; a fifth chosen by chance would hold 20.",
            100.0 * found
        )
    });
    let trust = evaluation
        .scores
        .first()
        .and_then(|scores| scores.calibration_error)
        .map(|error| format!("Its probabilities are off by {:.1} percentage points on average.", 100.0 * error));
    [found, trust].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[derive(Serialize)]
struct Segments {
    chart: String,
    rows: Vec<SegmentView>,
}

#[derive(Serialize)]
struct SegmentView {
    name: String,
    description: String,
    figures: [String; 6],
}

impl Segments {
    fn new(segments: &[SegmentRow]) -> Self {
        let all: u64 = segments.iter().map(|segment| segment.customers).sum();
        let bar = |segment: &SegmentRow| Bar {
            label: segment.name.clone(),
            value: segment.customers as f64,
            error: 0.0,
            figure: format!("{} ({})", count(segment.customers), share_of(segment.customers, all)),
            ours: true,
        };
        let view = |segment: &SegmentRow| SegmentView {
            name: segment.name.clone(),
            description: segment.description.clone(),
            figures: [
                count(segment.customers),
                share_of(segment.customers, all),
                amount(segment.mean_purchase_days),
                amount(segment.mean_days_since_last),
                amount(segment.mean_spend),
                segment.mean_churn_probability.map_or_else(|| super::words::NONE.to_owned(), percent),
            ],
        };
        let chart = if segments.is_empty() {
            String::new()
        } else {
            bars::chart(&[Group { title: String::new(), bars: segments.iter().map(bar).collect() }])
        };
        Self { chart, rows: segments.iter().map(view).collect() }
    }
}

/// Nested settings as `section.name` and value.
fn settings(value: &serde_json::Value) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    rows
}

fn flatten(name: &str, value: &serde_json::Value, rows: &mut Vec<[String; 2]>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(&name, value, rows);
            }
        }
        serde_json::Value::String(text) => rows.push([name.to_owned(), text.clone()]),
        serde_json::Value::Null => rows.push([name.to_owned(), "not set".to_owned()]),
        other => rows.push([name.to_owned(), other.to_string()]),
    }
}
