//! A whole churn list over HTTP: how long it takes as CSV, NDJSON and Parquet, and what memory the server needs beyond what it has at rest:
//! `cargo bench --bench lists -- [--customers 1000000] [--store DIR]`. Without a store the customers are those of a demo shop, again and again under
//! other ids.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use clap::Parser;
use shopkeeper_models::affinity::Affinity;
use shopkeeper_models::attributes::Attributes;
use shopkeeper_models::customers::Customers;
use shopkeeper_models::factors::{Factors, WIDTH};
use shopkeeper_models::histories::Histories;
use shopkeeper_models::loyalty::Loyalty;
use shopkeeper_models::model::{AFFINITY_FILE, CUSTOMER_FACTORS_FILE, LATELY_FILE, read_manifest};
use shopkeeper_models::store::{ModelStore, Run};
use shopkeeper_models::table;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;
use shopkeeper_training::tuning::Effort;

const SHOP: DemoShop = DemoShop { customers: 2_000, items: 300, days: 250, seed: 42, files: 1 };
/// Memory that a list may need beyond what the server has at rest, MiB.
const MOST_MIB: f64 = 64.0;

#[derive(Parser)]
struct Lists {
    /// Customers, about.
    #[arg(long, default_value_t = 1_000_000)]
    customers: usize,
    /// A model store to serve instead.
    #[arg(long)]
    store: Option<PathBuf>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let Lists { customers, store, .. } = Lists::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store.unwrap_or_else(|| many(folder.path(), customers));
    let server = Server::start(&store, &folder.path().join("state.db"));
    // what is made once, for the first list of all
    server.download("/v1/churn?format=csv&limit=1");
    server.download("/v1/churn?format=parquet&limit=1");
    std::thread::sleep(Duration::from_secs(1));
    println!("| churn list | rows | MB | seconds | MiB of memory at rest | at most beyond that |\n|---|---|---|---|---|---|");
    for format in ["csv", "ndjson", "parquet"] {
        let rest = server.memory();
        let over = AtomicBool::new(false);
        let start = Instant::now();
        let (peak, (bytes, rows)) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut peak = rest;
                while !over.load(Ordering::Relaxed) {
                    peak = peak.max(server.memory());
                    std::thread::sleep(Duration::from_millis(5));
                }
                peak
            });
            let sent = server.download(&format!("/v1/churn?format={format}"));
            over.store(true, Ordering::Relaxed);
            (watch.join().expect("no panic"), sent)
        });
        let beyond = peak - rest;
        let seconds = start.elapsed().as_secs_f64();
        println!("| {format} | {rows} | {:.0} | {seconds:.1} | {rest:.0} | {beyond:.0} |", bytes as f64 / 1e6);
        assert!(beyond.is_nan() || beyond <= MOST_MIB, "{format}: at most {MOST_MIB} MiB");
    }
}

/// A store whose model has about so many customers.
fn many(folder: &std::path::Path, customers: usize) -> PathBuf {
    let small = ModelStore::new(folder.join("small"));
    let files = SHOP.write(folder).expect("space on the disk");
    let purchases = files.purchases.iter().map(|path| path.display().to_string()).collect();
    let read = ReadSettings { purchases, ..ReadSettings::default() };
    let version =
        train(&TrainSettings { read, tune: Effort::Off, ..TrainSettings::default() }, &small, &Silent).expect("it trains").version;
    let of_small = small.path(&version);
    let manifest = read_manifest(&of_small, &version).expect("just written");
    let store = folder.join("many");
    let staging = ModelStore::new(&store).stage().expect("space on the disk");
    let times = customers.div_ceil(SHOP.customers as usize).max(1);
    let mut count = 0;
    for name in manifest.files.keys() {
        let from = of_small.join(name);
        if ![Customers::FILE, Attributes::FILE, Loyalty::FILE].contains(&name.as_str()) {
            std::fs::copy(&from, staging.folder().join(name)).expect("space on the disk");
            continue;
        }
        let one = table::read(name, &table::map(&from).expect("just written").bytes).expect("a table");
        let mut all = concat_batches(&one.schema(), std::iter::repeat_n(&one, times)).expect("the same columns");
        if name == Customers::FILE {
            count = all.num_rows();
            let at = all.schema().index_of("customer_id").expect("an id");
            let mut columns: Vec<ArrayRef> = all.columns().to_vec();
            columns[at] = std::sync::Arc::new((0..count).map(|row| Some(format!("c{row:09}"))).collect::<StringArray>());
            all = RecordBatch::try_new(all.schema(), columns).expect("the same columns");
        }
        table::write(&staging.folder().join(name), &all).expect("space on the disk");
    }
    let write = |name: &str, batch: RecordBatch| table::write(&staging.folder().join(name), &batch).expect("space on the disk");
    // what nobody asks for here
    write(Histories::FILE, Histories::new(&vec![Vec::new(); count]).to_batch());
    write(AFFINITY_FILE, Affinity::new(&vec![Vec::new(); count]).to_batch());
    write(LATELY_FILE, Affinity::new(&vec![Vec::new(); count]).to_batch());
    write(CUSTOMER_FACTORS_FILE, Factors::new(&vec![[0.0; WIDTH]; count]).to_batch());
    let run = Run { finished_at: "2026-01-01T00:00:00Z".into(), threads: 1, stages: Vec::new(), peak_memory_bytes: 0 };
    staging.publish(manifest, &[], &run, true).expect("space on the disk");
    store
}

/// The server in a process of its own.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(store: &std::path::Path, state: &std::path::Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_shopkeeper"));
        command.args(["--quiet", "serve", "--bind", &address, "--store"]).arg(store).arg("--state").arg(state);
        let server = Self { child: command.stdout(Stdio::null()).spawn().expect("the binary is built with the bench"), address };
        let start = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(120), "it does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{} MiB on the disk, listening after {:.1} s", size(store) >> 20, start.elapsed().as_secs_f64());
        server
    }

    /// Memory of its own, MiB, without the pages of the model's files, which the system takes back at will; NaN where it does not tell.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
    }

    /// Reads a whole list as it comes. Returns its bytes and the rows that the server says it has.
    fn download(&self, path: &str) -> (usize, u64) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").expect("it listens");
        let (mut chunk, mut head, mut last, mut bytes) = (vec![0; 1 << 16], Vec::new(), Vec::new(), 0);
        loop {
            let read = stream.read(&mut chunk).expect("it answers");
            if read == 0 {
                break;
            }
            bytes += read;
            if head.len() < 4096 {
                head.extend_from_slice(&chunk[..read.min(4096)]);
            }
            last = [&last[last.len().saturating_sub(5)..], &chunk[read.saturating_sub(5)..read]].concat();
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200") && last.ends_with(b"0\r\n\r\n"), "{path} is whole");
        let rows = head.lines().find_map(|line| line.strip_prefix("x-row-count: ")?.trim().parse().ok());
        (bytes, rows.expect("a count of rows"))
    }
}

fn size(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| entry.metadata().map_or(0, |file| if file.is_dir() { size(&entry.path()) } else { file.len() })).sum()
}
