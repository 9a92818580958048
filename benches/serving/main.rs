//! How fast the server answers beside a handler that does nothing, while it reloads and streams, and what it needs: `cargo bench --bench serving`.
//!
//! Serves a synthetic shop of a million customers and 100,000 items (half an hour and 15 GiB to train; `--customers`, `--items` and `--days` make
//! another one) or the current version of `--store`. The most requests a second are counted by wrk with 16 connections, in turns with an actix
//! handler that always sends one of the server's answers. Latencies are those of 16 connections that ask at fixed times, at half of that rate, each counted
//! from when it was due. Clients and servers share the cores of one machine.

mod client;
mod load;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use shopkeeper_models::manifest::Manifest;
use shopkeeper_models::store::{ModelStore, Run};
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;
use shopkeeper_training::recommender::RecommenderParams;

use client::{get, post};
use load::{Pace, paced, saturate};

#[derive(Parser)]
struct Serving {
    /// Serve the current version of this store.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Customers of the synthetic shop.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u32,
    /// Items of the synthetic shop.
    #[arg(long, default_value_t = 100_000)]
    items: u32,
    /// Days that the synthetic shop was open; 230 give some 65 million lines with a million customers.
    #[arg(long, default_value_t = 230)]
    days: u32,
    /// Seconds of each load.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Rounds of the loads in turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only make the synthetic shop and its model, and keep them for `--store`.
    #[arg(long)]
    train_only: bool,
    /// Be the handler that does nothing: a file with the body, and a port.
    #[arg(long, hide = true, num_args = 2)]
    constant: Option<Vec<String>>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A server in a process of its own, stopped when it goes out of scope.
struct Served {
    process: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    fn start(command: &mut Command, port: u16) -> (Self, Duration) {
        let start = Instant::now();
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program");
        let served = Self { process, address: format!("127.0.0.1:{port}") };
        while get(&served.address, "/readyz").is_none_or(|(status, _)| status != 200) {
            assert!(start.elapsed() < Duration::from_secs(300), "the server is not ready after five minutes");
            std::thread::sleep(Duration::from_millis(5));
        }
        (served, start.elapsed())
    }

    /// A line of `/proc/PID/status`, MiB; 0 where the system does not say.
    fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let kib = status.lines().find_map(|found| found.strip_prefix(line)?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or(0) >> 10
    }

    fn memory_in_words(&self) -> String {
        format!("resident {} MiB, {} of it mapped files", self.memory("VmRSS:"), self.memory("RssFile:"))
    }
}

fn main() {
    let options = Serving::parse();
    if let Some(constant) = &options.constant {
        return be_constant(&constant[0], constant[1].parse().expect("a port"));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = options.store.clone().map_or_else(|| synthetic(&options, folder.path()), ModelStore::new);
    if options.train_only {
        return println!("the model is in {}", folder.keep().display());
    }
    let model = store.load_current().expect("a sound model");
    let bytes: u64 = model.manifest.files.values().map(|file| file.bytes).sum();
    let (customers, items) = (model.customers.len(), model.items().len());
    println!("{customers} customers, {items} items, {} purchase lines, model of {} MiB", model.manifest.data.lines, bytes >> 20);
    let questions = questions(&model, folder.path());
    drop(model);

    let port = free_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_shopkeeper"));
    command.args(["serve", "--watch-interval-seconds", "0", "--bind", &format!("127.0.0.1:{port}"), "--store"]).arg(store.folder());
    let (server, took) = Served::start(command.arg("--state").arg(folder.path().join("state.db")), port);
    println!("ready {:.2} s after start, {}", took.as_secs_f64(), server.memory_in_words());

    let example = &questions.first().expect("a customer").path;
    let (_, answer) = get(&server.address, example).expect("it answers");
    let body = folder.path().join("body.json");
    std::fs::write(&body, &answer).expect("space on the disk");
    let port = free_port();
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    let (constant, _) = Served::start(command.arg("--constant").arg(&body).arg(port.to_string()), port);
    println!("answers of about {} bytes, such as that to {example}\n", answer.len());

    let lasts = Duration::from_secs(options.seconds);
    println!("{:<44} {:>12} {:>22}", "16 connections, as fast as they can", "requests/s", "share of the constant");
    let mut half = 0.0;
    let kinds: Vec<&str> = load::KINDS.to_vec();
    let mut rates = vec![Vec::new(); kinds.len() + 1];
    for _ in 0..options.rounds {
        rates[0].push(saturate(&constant.address, &questions[0].script, lasts));
        for (at, kind) in kinds.iter().enumerate() {
            let script = &questions.iter().find(|question| question.kind == *kind).expect("every kind").script;
            rates[at + 1].push(saturate(&server.address, script, lasts));
        }
    }
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let base = mean(&rates[0]);
    for (name, rates) in std::iter::once("constant handler").chain(kinds.iter().copied()).zip(&rates) {
        println!("{name:<44} {:>12.0} {:>20.0} %", mean(rates), 100.0 * mean(rates) / base);
        if name == load::KINDS[0] {
            half = mean(rates) / 2.0;
        }
    }
    println!("after it: {}\n", server.memory_in_words());

    let paths: Vec<String> =
        questions.iter().filter(|question| question.kind == load::KINDS[0]).flat_map(|question| question.paths()).collect();
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", format!("{half:.0} requests/s at fixed times"), "p50 ms", "p99 ms", "p99.9 ms", "most ms");
    let show = |name: &str, pace: Pace| println!("{name:<44} {:>9.2} {:>9.2} {:>9.2} {:>9.2}", pace.p50, pace.p99, pace.p999, pace.most);
    show("constant handler", paced(&constant.address, &paths, half, lasts));
    show("recommendations", paced(&server.address, &paths, half, lasts));
    show("while churn lists stream", load::beside(|| stream_churn(&server.address), || paced(&server.address, &paths, half, lasts)));
    let versions = [store.current().expect("a version"), twin(&store)];
    let before = server.memory("VmRSS:");
    let reloads = std::sync::atomic::AtomicUsize::new(0);
    let reload = || {
        let at = reloads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let (status, _) = post(&server.address, &format!("/v1/models/{}/activate", versions[at % 2])).expect("it answers");
        assert_eq!(status, 200, "a version is activated");
    };
    show("while it reloads again and again", load::beside(reload, || paced(&server.address, &paths, half, lasts)));
    println!(
        "{} reloads; resident before {before} MiB, after {}, at most {} MiB",
        reloads.into_inner(),
        server.memory_in_words(),
        server.memory("VmHWM:")
    );
    store.activate(&versions[0]).expect("the first version is still there");
    std::fs::remove_dir_all(store.path(&versions[1])).expect("the twin can go");
}

/// Trains the synthetic shop.
fn synthetic(options: &Serving, folder: &Path) -> ModelStore {
    let shop = DemoShop { customers: options.customers, items: options.items, days: options.days, files: 8, ..DemoShop::default() };
    let files = shop.write(folder).expect("space on the disk");
    let purchases = files.purchases.iter().map(|path| path.display().to_string()).collect();
    let items = Some(files.items.display().to_string());
    let read = ReadSettings { purchases, items, ..ReadSettings::default() };
    let store = ModelStore::new(folder.join("store"));
    // what is learned does not matter for speed, what is counted does
    let recommender = Some(RecommenderParams { windows: 1, ..RecommenderParams::default() });
    let settings = TrainSettings { read, recommender, measure: false, ..TrainSettings::default() };
    let trained = train(&settings, &store, &Silent).expect("the shop trains");
    println!(
        "trained in {:.0} s, at most {} MiB",
        trained.run.stages.iter().map(|(_, seconds)| seconds).sum::<f64>(),
        trained.run.peak_memory_bytes >> 20
    );
    store
}

/// The requests of every kind, each with a script for wrk.
fn questions(model: &shopkeeper_models::Model, folder: &Path) -> Vec<load::Questions> {
    let customers = model.customers.len() as u64;
    // so many customers, spread over all of them in no order
    let ids: Vec<&str> = (0..customers.min(100_000))
        .map(|at| model.customers.id(shopkeeper_models::CustomerIx((at * 7_919_317 % customers) as u32)))
        .collect();
    let items: Vec<&str> = model.recommender.popular().iter().take(2_000).map(|&item| model.items().id(item)).collect();
    let categories = &model.recommender.categories().names;
    load::KINDS.iter().map(|kind| load::Questions::new(kind, &ids, &items, categories, folder)).collect()
}

/// The handler that does nothing.
fn be_constant(body: &str, port: u16) {
    let body = actix_web::web::Bytes::from(std::fs::read(body).expect("the body"));
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            let body = body.clone();
            actix_web::App::new().default_service(actix_web::web::to(move || {
                let body = body.clone();
                async move { actix_web::HttpResponse::Ok().content_type("application/json").body(body) }
            }))
        };
        let server = actix_web::HttpServer::new(app).bind(("127.0.0.1", port)).expect("a free port");
        server.run().await.expect("it goes on");
    });
}

/// Reads one whole churn list.
fn stream_churn(address: &str) {
    let (status, _) = get(address, "/v1/churn?format=csv").expect("it answers");
    assert_eq!(status, 200);
}

/// A second version of the same files.
fn twin(store: &ModelStore) -> String {
    let current = store.current().expect("a version");
    let staging = store.stage().expect("space on the disk");
    let manifest = store.manifest(&current).expect("a manifest");
    for name in manifest.files.keys() {
        std::fs::hard_link(store.path(&current).join(name), staging.folder().join(name)).expect("one file system");
    }
    let settings = serde_json::json!({ "twin": true });
    let run = Run { finished_at: String::new(), threads: 0, stages: Vec::new(), peak_memory_bytes: 0 };
    staging.publish(Manifest { settings, files: Default::default(), ..manifest }, &[], &run, false).expect("a sound twin")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
