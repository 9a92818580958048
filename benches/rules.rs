//! How fast frequent itemsets are found: `cargo bench --bench rules -- [--baskets N] [--items N] [--length N] [--support SHARE] [--threads N]`.
//!
//! Synthetic orders whose items follow Zipf's law. Where the Python of `--python` (default `python3`) has PyFIM, its algorithms run on the same
//! orders in the same run, on one thread as they do; the time that a call takes to find nothing at all, which is spent on taking the orders over
//! from Python, stands apart. The number of itemsets must be the same.

use std::io::Write;
use std::time::Instant;

use clap::Parser;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use shopkeeper_training::pipeline::peak_memory_bytes;
use shopkeeper_training::rules::{Baskets, ItemsetParams};

#[derive(Parser)]
struct Rules {
    /// Orders.
    #[arg(long, default_value_t = 1_000_000)]
    baskets: usize,
    /// Different items.
    #[arg(long, default_value_t = 10_000)]
    items: usize,
    /// Draws of an item in an order, on average; an item that is drawn twice stands once.
    #[arg(long, default_value_t = 10)]
    length: usize,
    /// The least share of the orders.
    #[arg(long, default_value_t = 0.001)]
    support: f64,
    /// A Python that may have PyFIM.
    #[arg(long, default_value = "python3")]
    python: String,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// PyFIM on a file of orders, one a line; prints the algorithm, its seconds, the seconds of a call that finds nothing, and the itemsets.
const PEER: &str = "
import sys, time, fim
orders = [tuple(map(int, line.split())) for line in open(sys.argv[1])]
for name in ['fpgrowth', 'eclat', 'lcm', 'sam', 'relim']:
    mine = getattr(fim, name, None)
    if mine is None: continue
    start = time.perf_counter(); mine(orders, target='s', supp=100, zmin=1, report='a'); nothing = time.perf_counter() - start
    best = 1e9
    for _ in range(2):
        start = time.perf_counter(); found = mine(orders, target='s', supp=-int(sys.argv[2]), zmin=1, report='a'); best = min(best, time.perf_counter() - start)
    print(name, best, nothing, len(found), flush=True)
";

fn main() {
    let Rules { baskets: count, items, length, support, python, .. } = Rules::parse();
    let mut random = Xoshiro256Plus::seed_from_u64(7);
    let mut weights: Vec<f64> = Vec::with_capacity(items);
    (1..=items).fold(0.0, |sum, rank| {
        weights.push(sum + 1.0 / rank as f64);
        sum + 1.0 / rank as f64
    });
    let (mut baskets, mut file, mut entries) = (Baskets::new(items), Vec::new(), 0);
    for _ in 0..count {
        let draws = random.gen_range(1..2 * length);
        let drawn = |_| weights.partition_point(|&weight| weight < random.gen_range(0.0..weights[items - 1])).min(items - 1) as u32;
        let mut order: Vec<u32> = (0..draws).map(drawn).collect();
        order.sort_unstable();
        order.dedup();
        entries += order.len();
        let line: Vec<String> = order.iter().map(u32::to_string).collect();
        file.extend_from_slice(line.join(" ").as_bytes());
        file.push(b'\n');
        baskets.push(order);
    }
    let min_baskets = (support * count as f64).ceil() as u32;
    println!("{count} orders of {items} items, {entries} entries, sets in {min_baskets} orders or more\n");
    println!("| | threads | seconds | of them taking over | itemsets |\n|---|---|---|---|---|");
    let params = ItemsetParams { min_baskets, max_items: usize::MAX, max_itemsets: usize::MAX };
    let mut found = 0;
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let start = Instant::now();
            found = pool.install(|| params.mine(&baskets, &[])).expect("room for all").len();
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("| shopkeeper | {threads} | {best:.2} | | {found} |");
    }
    let peak = peak_memory_bytes() >> 20;
    let mut orders = tempfile::NamedTempFile::new().expect("a temporary file");
    orders.write_all(&file).expect("space on the disk");
    let said = std::process::Command::new(&python).args(["-c", PEER]).arg(orders.path()).arg(min_baskets.to_string()).output();
    let said = said.ok().filter(|output| output.status.success()).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    for line in said.as_deref().unwrap_or_default().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, seconds, nothing, sets] = words[..] else { continue };
        let number = |word: &str| word.parse().unwrap_or(f64::NAN);
        println!("| PyFIM {name} | 1 | {:.2} | {:.2} | {sets} |", number(seconds), number(nothing));
        assert_eq!(sets.parse(), Ok(found), "PyFIM and we count the same sets");
    }
    if said.is_none() {
        println!("PyFIM: not found by {python}, skipped");
    }
    println!("\npeak {peak} MiB");
}
