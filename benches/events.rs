//! Durable events a second over HTTP, one by one and in batches of 100, with the time to the acknowledgement: `cargo bench --bench events`.
//! The clients run on the same cores as the server. Afterwards the state is asked whether it holds every event, once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use shopkeeper::server::{self, ServeSettings};
use shopkeeper::state::{default_path, export_purchases};
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;

/// The shop behind the server; its size does not matter here.
const SHOP: DemoShop = DemoShop { customers: 300, items: 200, days: 200, seed: 42, files: 1 };
/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(8);

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = ModelStore::new(folder.path().join("store"));
    let files = SHOP.write(folder.path()).expect("space on the disk");
    let purchases = files.purchases.iter().map(|path| path.display().to_string()).collect();
    let settings = TrainSettings { read: ReadSettings { purchases, ..ReadSettings::default() }, ..TrainSettings::default() };
    train(&settings, &store, &Silent).expect("the demo shop trains");
    let serve = ServeSettings { store: store.folder().to_owned(), bind: "127.0.0.1:0".into(), ..ServeSettings::default() };
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let running = server::start(&serve).expect("it serves");
            sender.send(running.address).expect("somebody waits");
            running.server.await.expect("it goes on");
        });
    });
    let address = receiver.recv().expect("it serves");
    println!(
        "the disk alone, 8 KiB written and synced: half within {:.2} ms, 99 % within {:.2} ms",
        disk(folder.path(), 0.5),
        disk(folder.path(), 0.99)
    );
    println!("{:<34} {:>10} {:>9} {:>9} {:>9}", "durable events", "events/s", "p50 ms", "p99 ms", "most ms");
    let mut sent = 0;
    for (connections, batch) in [(1, 1), (16, 1), (64, 1), (1, 100), (4, 100), (16, 100)] {
        sent += load(address, connections, batch, sent);
    }
    let out = folder.path().join("events.parquet");
    let exported = export_purchases(&default_path(store.folder()), 0, &out).expect("a sound state");
    assert_eq!(exported.rows, sent, "every acknowledged event is there, once");
    println!("{sent} events acknowledged, {} in the state", exported.rows);
}

/// How long the disk takes to write and sync a little, which no acknowledgement can be quicker than: the time that a share of 200 tries keep, ms.
fn disk(folder: &std::path::Path, share: f64) -> f64 {
    let mut file = std::fs::File::create(folder.join("disk")).expect("space on the disk");
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 8192]).and_then(|()| file.sync_data()).expect("space on the disk");
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[(199.0 * share) as usize]
}

/// Sends batches over so many connections, each as soon as the one before is acknowledged. Returns the events acknowledged.
fn load(address: SocketAddr, connections: usize, batch: usize, first: u64) -> u64 {
    let start = Instant::now();
    let times: Vec<Vec<Duration>> = std::thread::scope(|scope| {
        let client = |connection: usize| {
            move || {
                let mut stream = TcpStream::connect(address).expect("it listens");
                stream.set_nodelay(true).expect("a socket");
                let mut times = Vec::new();
                while start.elapsed() < LASTS {
                    let body = events(&format!("{first}-{connection}-{}", times.len()), connection, batch);
                    let sent = Instant::now();
                    post(&mut stream, &body);
                    times.push(sent.elapsed());
                }
                times
            }
        };
        let clients: Vec<_> = (0..connections).map(|connection| scope.spawn(client(connection))).collect();
        clients.into_iter().map(|client| client.join().expect("no client fails")).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut times: Vec<f64> = times.into_iter().flatten().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let events = (times.len() * batch) as u64;
    let name = format!("{connections} connections, batches of {batch}");
    println!("{name:<34} {:>10.0} {:>9.2} {:>9.2} {:>9.2}", events as f64 / seconds, at(0.5), at(0.99), at(1.0));
    events
}

/// So many purchases as NDJSON, no two of them with one id.
fn events(id: &str, customer: usize, batch: usize) -> String {
    let line = |n: usize| {
        format!(
            "{{\"event_id\":\"{id}-{n}\",\"kind\":\"purchase\",\"customer_id\":\"customer-{}\",\"item_id\":\"item-{}\",\"quantity\":1,\
             \"amount\":2.99,\"order_id\":\"order-{id}\",\"channel\":\"web\"}}\n",
            (customer * 7919 + n * 31) % 5000,
            n % 200
        )
    };
    (0..batch).map(line).collect()
}

/// Sends a request on an open connection and reads its answer, which must be 202.
fn post(stream: &mut TcpStream, body: &str) {
    let length = body.len();
    let request =
        format!("POST /v1/events HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("it answers");
        assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 202"), "{text}");
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if length.is_some_and(|length| rest.len() >= length) {
            return;
        }
    }
}
