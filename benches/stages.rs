//! Rows a second of every training stage on synthetic shops, with the quality that came out: `cargo bench --bench stages [-- LINES...]`.
//!
//! Sizes are purchase lines, by default 1,000,000 and 10,000,000.

use std::time::Instant;

use shopkeeper_models::evaluation::Task;
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, peak_memory_bytes, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;

/// Lines that one customer of the demo shop leaves in its default 420 days.
const LINES_A_CUSTOMER: u64 = 95;

fn main() {
    let sizes: Vec<u64> = std::env::args().skip(1).filter_map(|size| size.replace(['_', ','], "").parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000_000, 10_000_000] } else { sizes };
    println!("| lines | stage | seconds | lines/s |\n|---|---|---|---|");
    for size in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shop = DemoShop {
            customers: (size / LINES_A_CUSTOMER).max(100) as u32,
            items: (size / 500).clamp(600, 20_000) as u32,
            ..DemoShop::default()
        };
        let start = Instant::now();
        let files = shop.write(folder.path()).expect("space on the disk");
        row(files.lines, "make the shop", start.elapsed().as_secs_f64());
        let settings = TrainSettings {
            read: ReadSettings {
                purchases: files.purchases.iter().map(|path| path.display().to_string()).collect(),
                items: Some(files.items.display().to_string()),
                ..ReadSettings::default()
            },
            ..TrainSettings::default()
        };
        let start = Instant::now();
        let trained = train(&settings, &ModelStore::new(folder.path().join("store")), &Silent).expect("the demo shop trains");
        let seconds = start.elapsed().as_secs_f64();
        trained.run.stages.iter().for_each(|(stage, seconds)| row(files.lines, stage, *seconds));
        row(files.lines, "train, all stages", seconds);
        let measured = trained.manifest.evaluation.recommendations.expect("the demo shop is long enough");
        let ndcg = |method: &str| {
            measured.scores.iter().find(|score| score.method == method && score.task == Task::All).map_or(0.0, |score| score.ndcg)
        };
        let (ours, personal) = (ndcg("shopkeeper"), ndcg("personal_frequency"));
        assert!(ours > personal, "NDCG@10 {ours:.3} does not beat personal frequency {personal:.3}");
        let churn = trained.manifest.evaluation.churn.map_or(0.0, |churn| churn.scores[0].auc);
        println!(
            "| {} | NDCG@10 {ours:.3}, personal frequency {personal:.3}; churn AUC {churn:.3}; peak memory so far {} MiB | | |",
            files.lines,
            peak_memory_bytes() >> 20
        );
    }
}

fn row(lines: u64, stage: &str, seconds: f64) {
    println!("| {lines} | {stage} | {seconds:.2} | {:.0} |", lines as f64 / seconds.max(1e-9));
}
