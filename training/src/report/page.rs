//! `report.html`: the manifest in words a marketer can use and figures a data scientist can check.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use shopkeeper_models::Manifest;
use shopkeeper_models::evaluation::{ChurnEvaluation, Difference, RecommendationEvaluation, RecommendationScores, Task};
use shopkeeper_models::groups::{Group as RuleGroup, GroupBy};
use shopkeeper_models::migration::{Change, Migration, Way};
use shopkeeper_models::segments::{SegmentKind, SegmentationSummary, Tried};

use super::bars::{self, Bar, Group};
use super::profiles::Multiple;
use super::words::{
    amount, count, decimal, interval, maybe_decimal, maybe_percent, method, method_meaning, percent, plain, share_of, signed, task, verdict,
};
use super::{ReportData, SegmentRow, curves, matrix, profiles};

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
        segments: Segments::of_kinds(&extra.segments, &manifest.segments),
        groups: groups(&extra.groups),
        before: Before::new(&extra.migrations),
        trading: &extra.trading,
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
    segments: Vec<Segments>,
    groups: Vec<GroupTable>,
    before: Option<Before>,
    trading: &'a super::trading::Trading,
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
    // the customers table has rows of its own
    let share =
        |reason: &str, rows| if reason.starts_with("customers:") { super::words::NONE.to_owned() } else { share_of(rows, data.rows) };
    data.rejects.iter().map(|(reason, &rows)| Fact::new(plain(reason), count(rows), share(reason, rows))).collect()
}

/// The groups by one thing: caption, head of the first column, and a row a group: name, customers, share, rule.
#[derive(Serialize)]
struct GroupTable {
    caption: &'static str,
    head: &'static str,
    rows: Vec<[String; 4]>,
}

fn groups(groups: &[RuleGroup]) -> Vec<GroupTable> {
    let table = |of: &[RuleGroup]| {
        let (caption, head) = match of[0].by {
            "lifecycle" => (
                "Where the customers stand, by their own tempo. The rules are tried in the order insufficient data, prospect, lapsed, at risk, new, won back, loyal, active.",
                "Stage",
            ),
            "rfm_group" => ("How lately, how often and how much they bought: the named groups of the scores below.", "RFM group"),
            "value_tier" => ("What they are expected to be worth, in the currency of the purchases.", "Value tier"),
            "loyalty_tier" => ("Loyalty tiers, by spend and orders lately.", "Loyalty tier"),
            "rfm_recency" => (
                "Scores of how lately they bought. Equal values share a score: with few different values, fewer scores are in use.",
                "Recency score",
            ),
            "rfm_frequency" => ("Scores of how often they bought.", "Frequency score"),
            _ => ("Scores of how much they spent.", "Monetary score"),
        };
        let all = of.iter().map(|group| group.customers).sum();
        let row = |group: &RuleGroup| {
            [super::words::group(&group.name), count(group.customers), share_of(group.customers, all), group.rule.clone()]
        };
        GroupTable { caption, head, rows: of.iter().map(row).collect() }
    };
    groups.chunk_by(|a, b| a.by == b.by).map(table).collect()
}

/// Who moved since the version before.
#[derive(Serialize)]
struct Before {
    version: String,
    as_of_date: String,
    matrices: Vec<Matrix>,
}

#[derive(Serialize)]
struct Matrix {
    name: String,
    summary: String,
    chart: String,
}

impl Before {
    fn new(migrations: &[Migration]) -> Option<Self> {
        let [version, as_of] = &migrations.first()?.from;
        let worth = |migration: &&Migration| migration.from_groups.len() > 1 || migration.to_groups.len() > 1;
        let matrix = |migration: &Migration| Matrix {
            name: match migration.by {
                GroupBy::Lifecycle => "Lifecycle",
                GroupBy::RfmGroup => "RFM groups",
                GroupBy::ValueTier => "Value tiers",
                GroupBy::LoyaltyTier => "Loyalty tiers",
                GroupBy::Segment => "Segments",
                GroupBy::NeedsSegment => "Segments by needs",
            }
            .to_owned(),
            summary: migration_summary(migration),
            chart: matrix::chart(migration),
        };
        Some(Self {
            version: version.clone(),
            as_of_date: as_of.get(..10).unwrap_or(as_of).to_owned(),
            matrices: migrations.iter().filter(worth).map(matrix).collect(),
        })
    }
}

/// Who stayed, and the three largest moves, in words.
fn migration_summary(migration: &Migration) -> String {
    let [both, joined, left] = migration.totals();
    let whole = format!(
        "{} of the {} customers in both versions are where they were; {} joined and {} are gone.",
        share_of(migration.stayed(), both),
        count(both),
        count(joined),
        count(left)
    );
    let mut moves: Vec<Way<'_>> = migration.ways().filter(|way| way.change == Change::Moved).collect();
    moves.sort_by_key(|way| std::cmp::Reverse(way.customers));
    let name = |group: Option<&str>| plain(group.unwrap_or_default());
    let one = |way: &Way<'_>| {
        let share = maybe_percent(way.share);
        format!("{} to {}, {} ({share} of {})", name(way.from), name(way.to), count(way.customers), name(way.from))
    };
    let largest: Vec<String> = moves.iter().take(3).map(one).collect();
    if largest.is_empty() { whole } else { format!("{whole} The largest moves: {}.", largest.join("; ")) }
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

/// The segments of one kind.
#[derive(Serialize)]
struct Segments {
    heading: &'static str,
    question: &'static str,
    how: String,
    notes: Vec<String>,
    chart: String,
    rows: Vec<SegmentView>,
    tried: Vec<TriedView>,
    measured_on: String,
    changes: Vec<String>,
    previous: Option<String>,
}

#[derive(Serialize)]
struct SegmentView {
    id: String,
    name: String,
    description: String,
    figures: [String; 7],
    profile: String,
}

#[derive(Serialize)]
struct TriedView {
    method: String,
    figures: [String; 5],
    chosen: bool,
}

impl Segments {
    fn of_kinds(segments: &[SegmentRow], summaries: &[SegmentationSummary]) -> Vec<Self> {
        let of = |kind: SegmentKind| {
            let rows: Vec<&SegmentRow> = segments.iter().filter(|segment| segment.kind == kind).collect();
            (!rows.is_empty()).then(|| Self::new(kind, &rows, summaries.iter().find(|summary| summary.kind == kind)))
        };
        SegmentKind::ALL.into_iter().filter_map(of).collect()
    }

    fn new(kind: SegmentKind, segments: &[&SegmentRow], summary: Option<&SegmentationSummary>) -> Self {
        let all: u64 = segments.iter().map(|segment| segment.customers).sum();
        let money: f64 = segments.iter().map(|segment| segment.total_spend.max(0.0)).sum();
        let bar = |segment: &&SegmentRow| Bar {
            label: segment.name.clone(),
            value: segment.customers as f64,
            error: 0.0,
            figure: format!("{} ({})", count(segment.customers), share_of(segment.customers, all)),
            ours: true,
        };
        let view = |segment: &&SegmentRow| SegmentView {
            id: segment.id.clone(),
            name: segment.name.clone(),
            description: segment.description.clone(),
            figures: [
                count(segment.customers),
                share_of(segment.customers, all),
                if money > 0.0 { percent(segment.total_spend / money) } else { super::words::NONE.to_owned() },
                amount(segment.mean_purchase_days),
                amount(segment.mean_days_since_last),
                amount(segment.mean_spend),
                segment.mean_churn_probability.map_or_else(|| super::words::NONE.to_owned(), percent),
            ],
            profile: profile(kind, segment, segments),
        };
        let tried = |row: &Tried| TriedView {
            method: plain(&row.method),
            figures: [
                row.clusters.to_string(),
                decimal(row.silhouette),
                decimal(row.stability),
                percent(row.smallest_share),
                amount(row.inertia),
            ],
            chosen: row.chosen,
        };
        let (heading, question) = match kind {
            SegmentKind::Behaviour => ("Segments by behaviour", "Who buys alike: how lately, how often and for how much."),
            SegmentKind::Needs => ("Segments by needs", "Who wants alike: which categories the money goes to."),
        };
        Self {
            heading,
            question,
            how: summary
                .map_or_else(String::new, |found| format!("{} segments by {}: {}.", found.clusters, plain(&found.method), found.why)),
            notes: summary.map(|found| found.notes.clone()).unwrap_or_default(),
            chart: bars::chart(&[Group { title: String::new(), bars: segments.iter().map(bar).collect() }]),
            rows: segments.iter().map(view).collect(),
            tried: summary.map(|found| found.tried.iter().map(tried).collect()).unwrap_or_default(),
            measured_on: count(summary.map_or(0, |found| found.measured_on.into())),
            changes: summary.map(|found| found.changes.clone()).unwrap_or_default(),
            previous: summary.and_then(|found| found.previous.clone()),
        }
    }
}

/// A segment's bars beside the shop's mean; nothing for those who have not bought.
fn profile(kind: SegmentKind, segment: &SegmentRow, all: &[&SegmentRow]) -> String {
    if segment.mean_purchase_days <= 0.0 || all.len() < 2 {
        return String::new();
    }
    let buyers = || all.iter().filter(|segment| segment.mean_purchase_days > 0.0);
    let customers: u64 = buyers().map(|segment| segment.customers).sum();
    let times = |label: &str, of: &dyn Fn(&SegmentRow) -> f64| {
        let mean = buyers().map(|segment| of(segment) * segment.customers as f64).sum::<f64>() / customers.max(1) as f64;
        (mean > 0.0 && of(segment) > 0.0).then(|| Multiple { label: label.to_owned(), times: of(segment) / mean })
    };
    let mut multiples: Vec<Multiple> = [
        times("Purchase days", &|segment| segment.mean_purchase_days),
        times("Days since the last", &|segment| segment.mean_days_since_last),
        times("Days between purchases", &|segment| segment.mean_gap_days),
        times("Spend", &|segment| segment.mean_spend),
        times("Spend a purchase day", &|segment| segment.mean_spend_a_day),
        times("Distinct items", &|segment| segment.mean_distinct_items),
        times("Churn probability", &|segment| segment.mean_churn_probability.unwrap_or(0.0)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let over = segment.over_categories.iter().map(|(category, lift)| Multiple { label: category.clone(), times: *lift });
    match kind {
        SegmentKind::Behaviour => multiples.extend(over.take(3)),
        SegmentKind::Needs => multiples = over.take(6).chain(multiples.into_iter().filter(|one| one.label.starts_with("Spend"))).collect(),
    }
    profiles::chart(&multiples)
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
