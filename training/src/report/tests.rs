//! The report of a hand-made manifest: whole, self-contained, escaped, and the same every time.

use shopkeeper_models::Manifest;
use shopkeeper_models::evaluation::{
    ChurnEvaluation, ChurnScores, Difference, Evaluation, RecommendationEvaluation, RecommendationScores, ReliabilityBin, Stability,
    Survival, Task,
};
use shopkeeper_models::lifecycle::LifecycleRules;
use shopkeeper_models::loyalty::LoyaltyRules;
use shopkeeper_models::manifest::{CustomerRules, DataSummary};
use shopkeeper_models::rfm::{RfmCuts, RfmGroups};
use shopkeeper_models::value::{ValueCuts, ValueRules};

use super::page::html;
use super::*;

fn manifest(evaluation: Evaluation) -> Manifest {
    Manifest {
        format: 1,
        as_of: "2026-10-01T00:00:00Z".into(),
        as_of_day: 20_727,
        timezone: "Europe/Berlin".into(),
        data: DataSummary {
            fingerprint: "8f14e45fceea167a5a36dedd4bea2543".into(),
            rows: 187_419,
            lines: 187_401,
            returns: 2_680,
            orders: 33_898,
            customers: 2_000,
            items: 600,
            first_day: "2025-08-07".into(),
            last_day: "2026-09-30".into(),
            rejects: [("null_customer_id".to_owned(), 12), ("after_as_of".to_owned(), 6)].into(),
            ..DataSummary::default()
        },
        settings: serde_json::json!({"seed": 42, "horizon_days": null, "read": {"timezone": "Europe/Berlin", "columns": {"item_id": "<sku>"}}}),
        rules: CustomerRules {
            rfm: RfmCuts::default(),
            rfm_groups: RfmGroups::default(),
            lifecycle: LifecycleRules::default(),
            value: ValueCuts { high: 212.5, medium: 64.0, rules: ValueRules::default() },
            loyalty: LoyaltyRules::default(),
        },
        association_rules: Default::default(),
        segments: Vec::new(),
        evaluation,
        files: Default::default(),
    }
}

fn measured() -> Evaluation {
    let methods = [("shopkeeper", 0.0), ("personal_frequency", -0.04), ("recent_popular", -0.12), ("popular", -0.13)];
    let tasks = Task::ALL.into_iter().zip([0.31, 0.38, 0.14, 0.29, 0.15, 0.21, 0.14, 0.24]);
    let scores = tasks.flat_map(|(task, best)| {
        methods.map(|(method, less): (&str, f64)| RecommendationScores {
            method: method.into(),
            task,
            customers: 1_234,
            recall: 0.9 * (best + less),
            ndcg: best + less,
            ndcg_interval: [best + less - 0.012, best + less + 0.012],
            map: 0.6 * (best + less),
            hit_rate: 2.0 * (best + less),
            repeat_hits: Some(0.5),
            coverage: 0.5 + 3.0 * less,
            popularity: 0.1 - less,
            diversity: Some(0.75),
            against: (less == 0.0).then(|| Difference { than: "personal_frequency".into(), ndcg: 0.04, interval: [0.031, 0.049] }),
        })
    });
    let probability = |bin: i32| f64::from(bin) / 10.0 + 0.04;
    Evaluation {
        recommendations: Some(RecommendationEvaluation {
            cut: "2026-09-03".into(),
            until: "2026-10-01".into(),
            k: 10,
            scores: scores.collect(),
            stability: Some(Stability { days: 28, customers: 1_950, kept: 0.62 }),
        }),
        churn: Some(ChurnEvaluation {
            cut: "2026-08-06".into(),
            horizon_days: 56,
            customers: 1_812,
            base_rate: 0.351,
            scores: vec![
                ChurnScores {
                    method: "shopkeeper".into(),
                    auc: 0.842,
                    average_precision: 0.761,
                    brier: Some(0.142),
                    calibration_error: Some(0.018),
                },
                ChurnScores { method: "days_since_last".into(), auc: 0.801, average_precision: 0.69, brier: None, calibration_error: None },
            ],
            reliability: (0..10)
                .map(|bin| ReliabilityBin {
                    predicted: probability(bin),
                    actual: probability(bin) + 0.03 * f64::from(bin % 3 - 1),
                    customers: 181,
                })
                .collect(),
            gains: (1..=20).map(|step| 1.0 - (1.0 - f64::from(step) / 20.0).powf(2.4)).collect(),
        }),
        survival: Some(Survival { days: vec![0, 28, 56], after_first: vec![1.0, 0.7, 0.5], after_later: vec![1.0, 0.4, 0.2] }),
        skipped: Vec::new(),
    }
}

fn segment(name: &str, customers: u64, spend: f64) -> SegmentRow {
    SegmentRow {
        id: format!("s{customers}"),
        kind: SegmentKind::Behaviour,
        name: name.into(),
        description: format!("Buys about every {} days, mostly Pantry and Dairy.", customers / 40),
        customers,
        mean_purchase_days: spend / 30.0,
        mean_days_since_last: 14.2,
        mean_gap_days: 9.0,
        mean_spend: spend,
        mean_spend_a_day: spend / 12.0,
        mean_distinct_items: spend / 25.0,
        total_spend: spend * customers as f64,
        mean_churn_probability: Some(0.23),
        over_categories: vec![("Dairy".into(), 1.6)],
    }
}

fn extra() -> ReportData {
    ReportData {
        segments: vec![
            segment("Weekly regulars", 412, 1_420.4),
            segment("Every other week", 655, 640.0),
            segment("<b>Now & then</b>", 702, 212.9),
            segment("Gone quiet for longer than usual", 311, 95.1),
        ],
        groups: vec![
            group("lifecycle", "prospect", 80, "known, but has not bought yet"),
            group("lifecycle", "at_risk", 320, "silent for more than 2 times their usual gap"),
            group("value_tier", "high", 416, "expected spend at their own pace of 212.50 or more"),
        ],
        trading: trading::Trading::default(),
        migrations: vec![Migration {
            by: GroupBy::Lifecycle,
            from: ["2026-09-01-3f1c9a0b77e2".into(), "2026-09-01T00:00:00Z".into()],
            to: ["".into(), "2026-10-01T00:00:00Z".into()],
            from_groups: vec!["active".into(), "at_risk".into()],
            to_groups: vec!["active".into(), "at_risk".into(), "won_back".into()],
            moved: vec![vec![600, 120, 0], vec![0, 150, 31]],
            joined: vec![12, 0, 0],
            left: vec![0, 3],
        }],
    }
}

fn group(by: &'static str, name: &str, customers: u64, rule: &str) -> Group {
    Group { by, name: name.into(), rule: rule.into(), customers }
}

#[test]
fn the_page_is_whole_escaped_and_needs_no_network() {
    let page = html(&manifest(measured()), &extra());
    assert_eq!(page, html(&manifest(measured()), &extra()));
    assert_eq!(page.matches("<svg").count(), 6 + 4, "six charts, and one of each segment");
    let moved = "83.2 % of the 901 customers in both versions are where they were; 12 joined and 3 are gone. The largest moves: active to at risk, 120";
    assert!(page.contains(moved), "says who moved");
    assert!(page.contains("&lt;b&gt;Now &amp; then&lt;&#x2f;b&gt;") && !page.contains("<b>Now"), "names are escaped");
    assert!(page.contains("read.columns.item_id") && page.contains("&lt;sku&gt;"));
    assert!(page.contains("ranks 15 % better than the best simple rule (own most bought)"), "says what it means");
    for foreign in ["http://", "https://", "<script", "@import", "url("] {
        let named = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!named.contains(foreign), "{foreign} in a page that must stand alone");
    }
}

#[test]
fn a_model_that_loses_says_so() {
    let mut evaluation = measured();
    if let Some(recommendations) = &mut evaluation.recommendations {
        recommendations.scores[0].against = Some(Difference { than: "personal_frequency".into(), ndcg: -0.02, interval: [-0.03, -0.01] });
    }
    assert!(html(&manifest(evaluation), &extra()).contains("The best simple rule (own most bought) ranks better"));
}

#[test]
fn a_short_history_is_reported_without_figures() {
    let evaluation = Evaluation { skipped: vec!["Churn: 20 days of history, 112 needed.".into()], ..Evaluation::default() };
    let only = ReportData { segments: vec![segment("All customers", 7, 12.0)], ..ReportData::default() };
    for extra in [ReportData::default(), only] {
        let page = html(&manifest(evaluation.clone()), &extra);
        assert!(page.contains("The store holds no version with an earlier as-of"));
        assert!(page.contains("Churn: 20 days of history, 112 needed.") && page.contains("Not measured"));
        assert!(!page.contains("NaN"));
    }
    assert_eq!(text(&manifest(evaluation)).lines().last(), Some("  Churn: 20 days of history, 112 needed."));
}

#[test]
fn the_terminal_shows_aligned_tables() {
    let expected = "\
Data as of 2026-10-01T00:00:00Z
  187,401 lines, 33,898 orders, 2,000 customers, 600 items, 2025-08-07 to 2026-09-30
  18 rows rejected (0.0 %): after as of 6, null customer id 12

Recommendations: 10 items at 2026-09-03, held against purchases until 2026-10-01
  truth            method              customers  recall   NDCG  95 % interval    MAP  hit rate  repeat hits  coverage  popularity  diversity
  all              shopkeeper              1,234   0.279  0.310    0.298–0.322  0.186    62.0 %       50.0 %    50.0 %      10.0 %     75.0 %
                   personal_frequency      1,234   0.243  0.270    0.258–0.282  0.162    54.0 %       50.0 %    38.0 %      14.0 %     75.0 %
";
    let text = text(&manifest(measured()));
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("  days_since_last  0.801           0.690      –                  –\n"), "{text}");
    for said in [
        "  all              shopkeeper  better than  personal_frequency  +0.0400  +0.0310 to +0.0490\n",
        "\nStability: 62.0 % of a customer's 10 items are still shown by the fit 28 days later (1,950 customers)\n",
    ] {
        assert!(text.contains(said), "{text}");
    }
}

/// Writes the pages to look at: `cargo test -p shopkeeper-training -- --ignored report_pages`.
#[test]
#[ignore = "writes files to look at"]
fn report_pages() {
    let folder = std::env::temp_dir().join("shopkeeper-report");
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let few = ReportData { segments: vec![segment("All customers", 7, 12.0)], ..ReportData::default() };
    let short = Evaluation { skipped: vec!["Churn: 20 days of history, 112 needed.".into()], ..Evaluation::default() };
    for (name, evaluation, extra) in [("full", measured(), extra()), ("short", short, few)] {
        std::fs::write(folder.join(format!("{name}.html")), html(&manifest(evaluation), &extra)).expect("written");
    }
}
