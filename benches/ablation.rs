//! What each part of the recommender is worth, and the figures of others on the same data:
//! `cargo bench --bench ablation -- [--cut 2017-11-06] [--purchases FILE --items FILE --column ours=theirs ...]`.
//!
//! Without purchases, a demo shop. The cut is by default four weeks before the end of the data.

mod shop;

use clap::Parser;
use shopkeeper::config::TrainOptions;
use shopkeeper_models::calendar::{date, day};
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::evaluation::{ablation, recommendations};
use shopkeeper_training::recommender::RecommenderParams;

#[derive(Parser)]
struct Ablation {
    #[command(flatten)]
    options: TrainOptions,
    #[arg(long)]
    cut: Option<String>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// NDCG@10 of others on The Complete Journey, history before 2017-11-06, four weeks of truth: public packages (implicit 0.7.3, LightGBM 4.7) and
/// own implementations of the papers, tuned on this very window. All items, new items.
const PEERS: [(&str, Option<f64>, Option<f64>); 9] = [
    ("popularity", Some(0.172), Some(0.035)),
    ("recent popularity", Some(0.197), Some(0.038)),
    ("personal frequency", Some(0.386), None),
    ("time decay, half-life 90 days", Some(0.413), None),
    ("UP-CF@25", Some(0.403), Some(0.040)),
    ("TIFU-KNN", Some(0.416), Some(0.034)),
    ("EASE, ridge 30 / 300", Some(0.394), Some(0.047)),
    ("implicit ALS", Some(0.227), Some(0.045)),
    ("implicit BM25", Some(0.287), Some(0.042)),
];

fn main() {
    let Ablation { options, cut, .. } = Ablation::parse();
    let log = shop::log(&options, DemoShop::default());
    let params = RecommenderParams::default();
    let until = log.as_of_day;
    let cut = cut.map_or(until - params.window(&log.before(until)), |cut| day(&cut).expect("a date such as 2017-11-06"));
    println!("NDCG@10, history before {}, purchases until {}\n", date(cut), date(until));
    println!("| | customers | whole | best baseline |\n|---|---|---|---|");
    let rows = recommendations::window(&params.fit(&log.before(cut)), &log, cut, until);
    for row in rows.iter().filter(|row| row.method == "shopkeeper") {
        let against = row.against.as_ref().map_or_else(String::new, |against| format!("{}: {:.4}", against.than, row.ndcg - against.ndcg));
        println!(
            "| {} | {} | {:.4} ({:.4} to {:.4}) | {against} |",
            row.task.name(),
            row.customers,
            row.ndcg,
            row.ndcg_interval[0],
            row.ndcg_interval[1]
        );
    }
    println!("\n| without | {} |\n|---|---|---|---|---|", ["all", "repeat", "new", "completion"].join(" | "));
    ablation::ablate(&params, &log, cut, until, |part, rows| {
        let cells = rows.iter().map(|row| {
            let lost = row.against.as_ref().map_or(0.0, |against| against.ndcg);
            let sure = row.against.as_ref().is_some_and(|against| against.verdict().is_ne());
            format!("{lost:+.4}{}", if sure { " *" } else { "" })
        });
        println!("| {} | {} |", part.name(), cells.collect::<Vec<_>>().join(" | "));
    });
    println!("\n* the 95 % bootstrap interval of the paired difference does not hold 0");
    if date(cut) == "2017-11-06" && date(until) == "2017-12-04" {
        println!("\n| others on The Complete Journey, this cut | all | new |\n|---|---|---|");
        for (name, all, new) in PEERS {
            let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.3}"));
            println!("| {name} | {} | {} |", figure(all), figure(new));
        }
    }
}
