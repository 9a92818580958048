//! Half of the load that the server can bear, for as long as is wanted, with everything going on at once: the served model changes every 5 s, events
//! and changes of items come in, whole lists go out. No answer may be a 5xx, and memory must stay flat:
//! `cargo bench --bench soak -- [--seconds 60]`. The clients run on the same cores as the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;

/// The shop behind the server.
const SHOP: DemoShop = DemoShop { customers: 5_000, items: 600, days: 300, seed: 42, files: 1 };
/// Connections that ask for recommendations.
const CONNECTIONS: usize = 8;
/// How long the saturating rate is looked for.
const SATURATION: Duration = Duration::from_secs(5);
/// How often another version is served.
const RELOAD: Duration = Duration::from_secs(5);
/// What memory may grow by from the second quarter to the last: so much, and this share.
const GROWTH_MIB: f64 = 16.0;
const GROWTH_SHARE: f64 = 0.1;

#[derive(Parser)]
struct Soak {
    /// How long the load lasts.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
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
    fn start(store: &ModelStore) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_shopkeeper"));
        command.args(["--quiet", "serve", "--bind", &address, "--store"]).arg(store.folder());
        let child = command.stdout(Stdio::null()).spawn().expect("the binary is built with the bench");
        let server = Self { child, address };
        let start = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "it does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Resident memory, MiB; NaN where the system does not tell.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
    }
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a request and returns the status and the body of its answer.
    fn ask(&mut self, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes()).expect("it listens");
        self.buffer.clear();
        let mut chunk = [0; 65_536];
        loop {
            let read = self.stream.read(&mut chunk).expect("it answers");
            assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&self.buffer));
            self.buffer.extend_from_slice(&chunk[..read]);
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).expect("a length");
            if self.buffer.len() >= end + 4 + length {
                let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
                return (status, String::from_utf8_lossy(&self.buffer[end + 4..]).into_owned());
            }
        }
    }
}

/// Reads a whole list to its end. Returns the status, whether it ended as it should, and its bytes.
fn download(address: &str, path: &str) -> (u16, bool, usize) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").expect("it listens");
    let mut answer = Vec::new();
    let whole = stream.read_to_end(&mut answer).is_ok() && answer.ends_with(b"0\r\n\r\n");
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok()).unwrap_or(0);
    (status, whole, answer.len())
}

fn main() {
    let Soak { seconds, .. } = Soak::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = ModelStore::new(folder.path().join("store"));
    let files = SHOP.write(folder.path()).expect("space on the disk");
    let purchases: Vec<String> = files.purchases.iter().map(|path| path.display().to_string()).collect();
    let read = ReadSettings { purchases, ..ReadSettings::default() };
    let settings = TrainSettings { read, ..TrainSettings::default() };
    let one = train(&settings, &store, &Silent).expect("the demo shop trains").version;
    let other = train(&TrainSettings { seed: settings.seed + 1, ..settings }, &store, &Silent).expect("the demo shop trains").version;
    assert_ne!(one, other, "two versions to change between");
    let server = Server::start(&store);
    let address = server.address.clone();
    let recommendations = |n: u64| format!("/v1/customers/c{:05}/recommendations?n=10", n * 7919 % SHOP.customers as u64 + 1);
    let asked = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::new(&address);
                while start.elapsed() < SATURATION {
                    let n = asked.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(client.ask("GET", &recommendations(n), "application/json", "").0, 200);
                }
            });
        }
    });
    let rate = asked.load(Ordering::Relaxed) as f64 / SATURATION.as_secs_f64();
    let pause = Duration::from_secs_f64(CONNECTIONS as f64 / (rate / 2.0));
    println!("saturating: {rate:.0} recommendations/s over {CONNECTIONS} connections; half of it for {seconds} s");

    let (over, statuses) = (AtomicBool::new(false), Mutex::new(std::collections::BTreeMap::<(&str, u16), u64>::new()));
    let times: Arc<Mutex<Vec<f32>>> = Arc::default();
    let note = |what: &'static str, status: u16| *statuses.lock().expect("no panic").entry((what, status)).or_default() += 1;
    let mut memory: Vec<f64> = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::new(&address);
                let (mut due, mut mine) = (Instant::now(), Vec::new());
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let n = asked.fetch_add(1, Ordering::Relaxed);
                    let status = client.ask("GET", &recommendations(n), "application/json", "").0;
                    // from when it was due, so that a stall counts for everything that it held up
                    mine.push(due.elapsed().as_secs_f32() * 1e3);
                    due += pause;
                    note("recommendations", status);
                }
                times.lock().expect("no panic").extend(mine);
            });
        }
        scope.spawn(|| {
            let mut client = Client::new(&address);
            for batch in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let event = |n: u64| {
                    let kind = ["view", "view", "cart", "view", "purchase"][(n % 5) as usize];
                    let customer = (batch * 31 + n) * 7919 % SHOP.customers as u64 + 1;
                    format!(
                        "{{\"event_id\":\"{batch}-{n}\",\"kind\":\"{kind}\",\"customer_id\":\"c{customer:05}\",\"item_id\":\"i{:04}\"}}\n",
                        (batch + n) % 600 + 1
                    )
                };
                let body: String = (0..10).map(event).collect();
                note("events", client.ask("POST", "/v1/events", "application/x-ndjson", &body).0);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        scope.spawn(|| {
            let mut client = Client::new(&address);
            for n in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let body = format!("{{\"available\":{},\"price\":{}}}", n % 3 > 0, n % 20 + 1);
                note("items", client.ask("PUT", &format!("/v1/items/i{:04}", n % 600 + 1), "application/json", &body).0);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        scope.spawn(|| {
            for n in 0_usize.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let path = [
                    "/v1/churn?format=csv",
                    "/v1/churn?format=parquet",
                    "/v1/customers?format=ndjson",
                    "/v1/items/i0001/audience?format=csv",
                ][n % 4];
                let (status, whole, _) = download(&address, path);
                assert!(whole, "{path} broke off");
                note("lists", status);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        scope.spawn(|| {
            for version in [&other, &one].into_iter().cycle() {
                let next = Instant::now() + RELOAD;
                while Instant::now() < next && !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(50));
                }
                if over.load(Ordering::Relaxed) {
                    break;
                }
                // a connection that rests for as long as this is closed by the server
                note("reloads", Client::new(&address).ask("POST", &format!("/v1/models/{version}/activate"), "application/json", "").0);
            }
        });
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(500));
            memory.push(server.memory());
        }
        over.store(true, Ordering::Relaxed);
    });
    let mut times = std::mem::take(&mut *times.lock().expect("no panic"));
    times.sort_by(f32::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{} answers at half load: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, most {:.1} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    let statuses = statuses.into_inner().expect("no panic");
    for ((what, status), count) in &statuses {
        println!("{what}: {count} with status {status}");
    }
    let quarter = |number: usize| {
        let part = &memory[memory.len() * number / 4..memory.len() * (number + 1) / 4];
        let mut part: Vec<f64> = part.to_vec();
        part.sort_by(f64::total_cmp);
        part[part.len() / 2]
    };
    println!("resident memory by quarter, MiB: {:.0} {:.0} {:.0} {:.0}", quarter(0), quarter(1), quarter(2), quarter(3));
    assert!(statuses.keys().all(|(_, status)| (200..300).contains(status)), "every answer is one");
    let most = quarter(1) * (1.0 + GROWTH_SHARE) + GROWTH_MIB;
    assert!(quarter(3).is_nan() || quarter(3) <= most, "memory grew beyond {most:.0} MiB");
}
