//! The customer side: churn and spend after past cuts beside the figures of others, what each part is worth, and how long a million customers
//! take: `cargo bench --bench customers -- --purchases FILE [--column ours=theirs ...] --at 2017-10-09/56 [--at DATE/DAYS ...] [--ablate]` or
//! `cargo bench --bench customers -- --simulate 1000000`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use clap::Parser;
use shopkeeper::config::TrainOptions;
use shopkeeper::lists::{self, CHURN_SORT, CustomerFilter, Window};
use shopkeeper_models::Model;
use shopkeeper_models::attributes::Attributes;
use shopkeeper_models::calendar::{Day, day};
use shopkeeper_models::churn::ChurnModel;
use shopkeeper_models::evaluation::Evaluation;
use shopkeeper_models::groups::GroupBy;
use shopkeeper_models::ids::IdIndex;
use shopkeeper_models::insights::{INSIGHTS, Insights};
use shopkeeper_models::lifecycle::LifecycleRules;
use shopkeeper_models::loyalty::LoyaltySettings;
use shopkeeper_models::manifest::{DataSummary, FORMAT_VERSION, Manifest};
use shopkeeper_models::migration::Migration;
use shopkeeper_models::rfm::RfmGroups;
use shopkeeper_models::rules::{Rules, RulesSummary};
use shopkeeper_models::value::ValueRules;
use shopkeeper_training::churn::{ChurnParams, Part, anchor, churned, spent};
use shopkeeper_training::evaluation::metrics::{auc, average_precision, brier, calibration_error, reliability};
use shopkeeper_training::log::PurchaseLog;
use shopkeeper_training::outlook::outlooks;
use shopkeeper_training::pipeline::peak_memory_bytes;
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::{ReadSettings, read};
use shopkeeper_training::recommender::RecommenderParams;
use shopkeeper_training::segments::{SegmentMethod, SegmentParams, Shop};
use shopkeeper_training::tempo::tempos;
use shopkeeper_training::{buy_till_you_die, customers, histories, loyalty, simulated, value};

#[derive(Parser)]
struct Customers {
    #[command(flatten)]
    options: TrainOptions,
    /// As-of date and horizon, such as 2017-10-09/56.
    #[arg(long)]
    at: Vec<String>,
    /// Also without each part.
    #[arg(long)]
    ablate: bool,
    /// Times the fits on so many simulated customers instead.
    #[arg(long)]
    simulate: Option<u32>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// AUC, average precision, Brier score, calibration error.
type Churn = [f64; 4];

/// What public packages reach (LightGBM 4.7, scikit-learn 1.9, own fits of the papers' likelihoods).
const PEERS: [(&str, &str, Churn); 9] = [
    ("2017-10-09/56", "BG/NBD P(0 in horizon)", [0.881, 0.472, 0.065, 0.022]),
    ("2017-10-09/56", "LightGBM, 45 tempo features", [0.897, 0.452, 0.063, 0.011]),
    ("2017-10-09/56", "mean of logistic and LightGBM, both with P0", [0.898, 0.493, 0.061, 0.012]),
    ("2011-03-10/90", "BG/NBD P(0 in horizon)", [0.790, 0.854, 0.173, 0.070]),
    ("2011-03-10/90", "LightGBM, 45 tempo features", [0.782, 0.844, 0.173, 0.053]),
    ("2011-03-10/90", "mean of logistic and LightGBM, both with P0", [0.793, 0.853, 0.167, 0.035]),
    ("1998-04-01/91", "BG/NBD P(0 in horizon)", [0.831, 0.960, 0.085, 0.036]),
    ("1998-04-01/91", "LightGBM, 45 tempo features", [0.821, 0.958, 0.088, 0.032]),
    ("1998-04-01/91", "mean of logistic and LightGBM, both with P0", [0.827, 0.959, 0.086, 0.032]),
];

fn main() {
    let Customers { options, at, ablate, simulate, .. } = Customers::parse();
    if let Some(customers) = simulate {
        return time(customers);
    }
    let settings = ReadSettings {
        purchases: options.purchases,
        items: options.items,
        columns: options.columns.into_iter().chain(options.column).collect(),
        max_reject_rate: 0.5,
        ..ReadSettings::default()
    };
    let log = read(&settings, &Silent).expect("purchases").log;
    println!(
        "| cut/horizon | | AUC | AP | Brier | calibration error | spend MAE | total of the truth |\n|---|---|---|---|---|---|---|---|"
    );
    for at in &at {
        let (cut, days) = at.split_once('/').expect("a date and days, such as 2017-10-09/56");
        let (cut, days) = (day(cut).expect("a date"), days.parse().expect("days"));
        row(&log, at, cut, days, None);
        for part in Part::ALL.into_iter().filter(|_| ablate) {
            row(&log, at, cut, days, Some(part));
        }
        for (_, name, [auc, ap, brier, ece]) in PEERS.iter().filter(|(of, ..)| of == at) {
            println!("| {at} | {name} | {auc:.3} | {ap:.3} | {brier:.3} | {ece:.3} | | |");
        }
    }
}

/// Fits before the cut and scores what came after it.
fn row(log: &PurchaseLog, at: &str, cut: Day, days: u32, without: Option<Part>) {
    let past = log.before(cut);
    let params = ChurnParams { without, ..ChurnParams::new(days) };
    let tempos = tempos(&past);
    let anchor = anchor(&tempos).filter(|_| without != Some(Part::Anchor));
    let lessons = params.lessons(&past, anchor);
    let model = params.fit_on(&lessons);
    let spend = value::fit(&lessons, &params.boosting, &model);
    let method = match &model {
        ChurnModel::Fitted { method, .. } => method,
        ChurnModel::InsufficientData { reason, .. } => return println!("| {at} | {reason} | | | | | | |"),
    };
    let (mut p, mut gone, mut error, mut expected, mut truth) = (Vec::new(), Vec::new(), 0.0, 0.0, 0.0);
    for (customer, tempo) in tempos.iter().enumerate().filter(|(_, tempo)| tempo.orders > 0) {
        let inputs = params.inputs(anchor, tempo);
        let probability = model.probability(&inputs).expect("fitted");
        let paid = spent(log, customer, cut, days);
        let foreseen = spend.as_ref().map_or(0.0, |spend| spend.expected(spend.if_active(&inputs), probability));
        (error, expected, truth) = (error + (paid - foreseen).abs(), expected + foreseen, truth + paid);
        p.push(probability);
        gone.push(churned(log, customer, cut, days));
    }
    let name = without.map_or_else(|| format!("shopkeeper ({method})"), |part| format!("without {}", part.name()));
    println!(
        "| {at} | {name} | {:.4} | {:.3} | {:.4} | {:.4} | {:.1} | {:.2} |",
        auc(&p, &gone),
        average_precision(&p, &gone),
        brier(&p, &gone),
        calibration_error(&reliability(&p, &gone)),
        error / p.len() as f64,
        expected / truth
    );
}

/// Times what a marketer asks of so many customers.
fn answer(model: &Arc<Model>) {
    println!("\n| | seconds |\n|---|---|");
    let timed = |what: &str, work: &dyn Fn() -> usize| {
        let start = Instant::now();
        let rows = work();
        println!("| {what}, {rows} rows | {:.2} |", start.elapsed().as_secs_f64());
    };
    let list = |params: &[(&str, &str)], limit: usize| {
        let params: Vec<(String, String)> = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let filter = CustomerFilter::new(model, &params, CHURN_SORT).expect("a filter");
        lists::churn(model, &filter, Window { offset: 0, limit }).batches.map(|batch| batch.num_rows()).sum()
    };
    let filter = [("lifecycle", "at_risk,lapsed"), ("min_spend", "50"), ("max_churn_probability", "0.9")];
    timed("filtered and sorted list, first page", &|| list(&filter, 100));
    timed("the same, whole", &|| list(&filter, usize::MAX));
    timed("every customer, sorted", &|| list(&[], usize::MAX));
    let standing = model.standing();
    for by in [GroupBy::RfmGroup, GroupBy::Segment] {
        timed(&format!("migration by {}", by.name()), &|| Migration::between(&standing, &standing, by).ways().count());
    }
}

/// Times every fit of the customer side after reading.
fn time(size: u32) {
    let log = simulated::log(size);
    println!("{} customers, {} orders\n| | seconds |\n|---|---|", log.customers(), log.orders());
    let past = log.before(log.as_of_day);
    let start = Instant::now();
    let mut last = start;
    let mut said = |what: &str| {
        println!("| {what} | {:.1} |", last.elapsed().as_secs_f64());
        last = Instant::now();
    };
    let tempos = tempos(&past);
    said("count");
    let fitted = buy_till_you_die::fit(&tempos);
    said("buy till you die");
    let params = ChurnParams::new(91);
    let lessons = params.lessons(&past, fitted.converged("bg_nbd"));
    said("label past origins");
    let churn = params.fit_on(&lessons);
    said("churn");
    let spend = value::fit(&lessons, &params.boosting, &churn);
    said("spend");
    let outlooks = outlooks(&churn, spend.as_ref(), &fitted, &tempos);
    said("outlook");
    let histories = histories::fit(&past);
    said("histories");
    let segments = SegmentParams { segments: None, needs_segments: None, method: SegmentMethod::default(), seed: 42 };
    let segmentation =
        segments.fit(&Shop { log: &log, tempos: &tempos, outlooks: &outlooks, histories: &histories, categories: None }, None);
    said("segments by behaviour");
    let loyalty_rules = loyalty::rules(&LoyaltySettings::default(), &past);
    let loyalty = loyalty::fit(&past, &loyalty_rules);
    let (lifecycle, rfm_groups) = (LifecycleRules::default(), RfmGroups::default());
    let rules = customers::rules(&tempos, &outlooks, &lifecycle, &rfm_groups, loyalty_rules, ValueRules::default());
    let rows = customers::fit(&past, &tempos, (&outlooks, churn.horizon_days()), &rules, &segmentation);
    said("customers, loyalty");
    println!("| all | {:.1} |", start.elapsed().as_secs_f64());
    let model = Arc::new(Model {
        version: "simulated".into(),
        manifest: Manifest {
            format: FORMAT_VERSION,
            as_of: String::new(),
            as_of_day: log.as_of_day,
            timezone: log.timezone.clone(),
            data: DataSummary::default(),
            settings: serde_json::Value::Null,
            rules,
            segments: segmentation.summaries.clone(),
            association_rules: RulesSummary::default(),
            evaluation: Evaluation::default(),
            files: BTreeMap::new(),
        },
        by_id: IdIndex::new(&rows.customer_id),
        customers: rows,
        attributes: Attributes::from_batch(RecordBatch::new_empty(Arc::new(Schema::empty())), 0).expect("no attributes"),
        loyalty,
        segments: segmentation.segments.clone(),
        buy_till_you_die: fitted.clone(),
        churn,
        spend,
        rules: no_rules(),
        insights: Insights::new(INSIGHTS.iter().map(|insight| RecordBatch::new_empty(insight.schema())).collect())
            .expect("their own columns"),
        recommender: RecommenderParams::default().fit(&log.before(log.days().map_or(0, |(first, _)| first + 1))),
    });
    answer(&model);
    let fits: Vec<_> = fitted.purchases.iter().map(|fit| (fit.model.name(), fit.converged, fit.iterations)).collect();
    println!(
        "\n{} scored; peak memory {} MiB, the log included; fits {fits:?}",
        outlooks.iter().flatten().count(),
        peak_memory_bytes() >> 20
    );
}

/// No association rules: they are not what is timed here.
fn no_rules() -> Rules {
    Rules {
        level: Vec::<u8>::new().into(),
        antecedent: Rules::antecedents(std::iter::empty::<Vec<&str>>()),
        consequent: Vec::<&str>::new().into(),
        baskets: Vec::<u32>::new().into(),
        antecedent_baskets: Vec::<u32>::new().into(),
        consequent_baskets: Vec::<u32>::new().into(),
        p_value: Vec::<f64>::new().into(),
        redundant: Vec::<bool>::new().into(),
    }
}
