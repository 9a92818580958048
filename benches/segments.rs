//! What segments a shop gets, how sure they are and how long that takes:
//! `cargo bench --bench segments -- [--purchases FILE --items FILE --column ours=theirs ... [--as-of DATE] [--segments N] [--segment-method METHOD]]`.
//!
//! Without purchases, a demo shop of `--customers` (default 2,000), open for `--days` (default 420). `--k-means` times our k-means on a million rows of eight
//! numbers instead, beside linfa's and, where `python3` has it, scikit-learn's on two threads, and prints the inertia of each.

mod shop;

use std::io::Write;
use std::time::Instant;

use clap::Parser;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::KMeans;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use shopkeeper::config::TrainOptions;
use shopkeeper_models::segments::SegmentKind;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::histories;
use shopkeeper_training::pipeline::peak_memory_bytes;
use shopkeeper_training::segments::k_means::KMeansParams;
use shopkeeper_training::segments::needs::CategorySpend;
use shopkeeper_training::segments::points::Points;
use shopkeeper_training::segments::{SegmentMethod, SegmentParams, Shop};
use shopkeeper_training::tempo::tempos;

#[derive(Parser)]
struct Segments {
    #[command(flatten)]
    options: TrainOptions,
    /// Customers of the demo shop.
    #[arg(long = "demo-customers", default_value_t = 2_000)]
    demo_customers: u32,
    /// Days that it was open.
    #[arg(long, default_value_t = 420)]
    days: u32,
    /// Time k-means alone.
    #[arg(long)]
    k_means: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let Segments { options, demo_customers, days, k_means, .. } = Segments::parse();
    if k_means { time_k_means() } else { show(options, demo_customers, days) }
}

fn show(options: TrainOptions, customers: u32, days: u32) {
    let log = shop::log(&options, DemoShop { customers, days, ..DemoShop::default() });
    let past = log.before(log.as_of_day);
    let (tempos, histories) = (tempos(&past), histories::fit(&past));
    let start = Instant::now();
    let categories = CategorySpend::of(&past);
    let method = options.segment_method.map_or_else(SegmentMethod::default, Into::into);
    let params =
        SegmentParams { segments: options.segments, needs_segments: options.needs_segments, method, seed: options.seed.unwrap_or(42) };
    let outlooks = vec![None; tempos.len()];
    let shop = Shop { log: &log, tempos: &tempos, outlooks: &outlooks, histories: &histories, categories: categories.as_ref() };
    let found = params.fit(&shop, None);
    let seconds = start.elapsed().as_secs_f64();
    for summary in &found.summaries {
        println!("By {}, {}: {} ({})", summary.kind.name(), summary.method, summary.clusters, summary.why);
        summary.notes.iter().for_each(|note| println!("{note}"));
        println!("\n| method | segments | silhouette | bootstrap ARI | smallest | inertia | |\n|---|---|---|---|---|---|---|");
        for row in &summary.tried {
            println!(
                "| {} | {} | {:.3} | {:.3} | {:.1} % | {:.0} | {} |",
                row.method,
                row.clusters,
                row.silhouette,
                row.stability,
                100.0 * row.smallest_share,
                row.inertia,
                if row.chosen { "chosen" } else { "" }
            );
        }
        println!("\n| segment | share | name | description |\n|---|---|---|---|");
        for row in found.segments.of_kind(summary.kind) {
            println!(
                "| {} | {:.1} % | {} | {} |",
                found.segments.segment_id.value(row),
                100.0 * f64::from(found.segments.customers.value(row)) / tempos.len() as f64,
                found.segments.name.value(row),
                found.segments.description.value(row)
            );
        }
        println!();
    }
    for kind in SegmentKind::ALL.into_iter().take(found.summaries.len()) {
        let sum: u32 = found.segments.of_kind(kind).map(|row| found.segments.customers.value(row)).sum();
        assert_eq!(sum as usize, tempos.len(), "every customer stands in one segment of each kind");
    }
    println!("{} customers in {seconds:.1} s; peak {} MiB", tempos.len(), peak_memory_bytes() >> 20);
}

/// Rows, columns and clusters of the comparison.
const SIZE: [usize; 3] = [1_000_000, 8, 8];

/// scikit-learn on the file of doubles named by the first argument.
const PEER: &str = "
import sys, time
import numpy
from threadpoolctl import threadpool_limits
from sklearn.cluster import KMeans
rows = numpy.fromfile(sys.argv[1]).reshape(-1, int(sys.argv[2]))
with threadpool_limits(2):
    start = time.perf_counter()
    fitted = KMeans(int(sys.argv[3]), n_init=int(sys.argv[4]), random_state=1).fit(rows)
    print(time.perf_counter() - start, fitted.inertia_, fitted.n_iter_)
";

fn time_k_means() {
    let [n, dims, k] = SIZE;
    let mut random = Xoshiro256Plus::seed_from_u64(5);
    // twelve overlapping clouds, so that eight centres have no plain answer
    let middles: Vec<f64> = (0..12 * dims).map(|_| random.gen_range(-2.0..2.0)).collect();
    let values: Vec<f64> = (0..n)
        .flat_map(|row| {
            let middle = &middles[row % 12 * dims..(row % 12 + 1) * dims];
            let noise = |random: &mut Xoshiro256Plus| (0..6).map(|_| random.gen_range(-1.0..1.0)).sum::<f64>() / 1.5;
            middle.iter().map(|middle| middle + noise(&mut random)).collect::<Vec<_>>()
        })
        .collect();
    let points = Points::new(values, dims);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    println!("{n} rows of {dims}, {k} clusters, two threads\n\n| | starts | seconds | inertia | steps |\n|---|---|---|---|---|");
    let row = |name: &str, starts: usize, seconds: f64, inertia: f64, steps: &str| {
        println!("| {name} | {starts} | {seconds:.2} | {inertia:.0} | {steps} |")
    };
    for starts in [1, 5] {
        let start = Instant::now();
        let ours = pool.install(|| KMeansParams { starts, ..KMeansParams::new(k, 1) }.fit(&points));
        row("shopkeeper", starts, start.elapsed().as_secs_f64(), ours.inertia, &ours.iterations.to_string());
    }
    let data = DatasetBase::from(points.view().to_owned());
    let start = Instant::now();
    let linfa =
        pool.install(|| KMeans::params_with_rng(k, Xoshiro256Plus::seed_from_u64(1)).n_runs(1).tolerance(1e-4).fit(&data)).expect("a fit");
    row("linfa 0.8.1", 1, start.elapsed().as_secs_f64(), linfa.inertia() * n as f64, "");
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    points.values().iter().for_each(|value| file.write_all(&value.to_ne_bytes()).expect("space on the disk"));
    for starts in [1, 5] {
        let mut python = std::process::Command::new("python3");
        python.args(["-c", PEER]).arg(file.path()).args([dims, k, starts].map(|number| number.to_string()));
        let said = python
            .output()
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let figures: Vec<f64> = said.iter().flat_map(|said| said.split_whitespace()).filter_map(|word| word.parse().ok()).collect();
        let [seconds, inertia, steps] = figures[..] else {
            println!("scikit-learn: not found by python3, skipped");
            return;
        };
        row("scikit-learn", starts, seconds, inertia, &steps.to_string());
    }
}
