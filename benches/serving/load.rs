//! Loads: as many requests as a server takes, or so many a second at fixed times.

use std::fmt::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::ask;

/// Connections of every load.
const CONNECTIONS: usize = 16;

/// The kinds of requests, the plain one first.
pub(crate) const KINDS: [&str; 3] = ["recommendations", "with a filter and a basket", "new items only"];

/// Requests of one kind.
pub(crate) struct Questions {
    pub(crate) kind: &'static str,
    /// The first of them.
    pub(crate) path: String,
    /// What makes wrk send them.
    pub(crate) script: PathBuf,
    all: Vec<String>,
}

impl Questions {
    pub(crate) fn new(kind: &&'static str, customers: &[&str], items: &[&str], categories: &[String], folder: &Path) -> Self {
        let path = |(at, customer): (usize, &&str)| {
            let rules = match *kind {
                "with a filter and a basket" => {
                    let basket = format!("?basket={},{}", items[at * 31 % items.len()], items[at * 17 % items.len()]);
                    let category = categories.get(at % categories.len().max(1)).map(|name| name.split('/').next().unwrap_or(name));
                    category.map_or(basket.clone(), |category| format!("{basket}&category={}", escaped(category)))
                }
                "new items only" => "?purchased=exclude".to_owned(),
                _ => String::new(),
            };
            format!("/v1/customers/{customer}/recommendations{rules}")
        };
        let all: Vec<String> = customers.iter().enumerate().map(path).collect();
        let script = folder.join(format!("{}.lua", kind.replace(' ', "-")));
        let mut lua = "local paths = {\n".to_owned();
        all.iter().for_each(|path| writeln!(lua, "\"{path}\",").expect("memory"));
        lua.push_str("}\nlocal requests = {}\nlocal at = 0\n");
        lua.push_str("init = function(args) for i, path in ipairs(paths) do requests[i] = wrk.format(\"GET\", path) end at = math.random(#requests) end\n");
        lua.push_str("request = function() at = at % #requests + 1 return requests[at] end\n");
        std::fs::write(&script, lua).expect("space on the disk");
        Self { kind, path: all[0].clone(), script, all }
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = String> + '_ {
        self.all.iter().cloned()
    }
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The most requests a second that a server answers, by wrk.
pub(crate) fn saturate(address: &str, script: &Path, lasts: Duration) -> f64 {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t2", &format!("-c{CONNECTIONS}"), &format!("-d{}s", lasts.as_secs()), "-s"]).arg(script).arg(format!("http://{address}"));
    let output = wrk.output().expect("wrk, from the system's packages");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx"), "{text}");
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    rate.unwrap_or_else(|| panic!("wrk says {text} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Milliseconds from when a request was due to the end of its answer.
pub(crate) struct Pace {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) most: f64,
}

/// Asks at fixed times, `rate` a second in all.
pub(crate) fn paced(address: &str, paths: &[String], rate: f64, lasts: Duration) -> Pace {
    let gap = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    let start = Instant::now() + Duration::from_millis(50);
    let client = |connection: usize| {
        move || {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.set_nodelay(true).expect("a socket");
            let (mut answer, mut times) = (Vec::new(), Vec::new());
            let mut due = start + gap.mul_f64(connection as f64 / CONNECTIONS as f64);
            while due < start + lasts {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                ask(&mut stream, &paths[(connection + times.len() * CONNECTIONS) % paths.len()], &mut answer);
                times.push(due.elapsed().as_secs_f64() * 1e3);
                due += gap;
            }
            times
        }
    };
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|connection| scope.spawn(client(connection))).collect();
        clients.into_iter().flat_map(|client| client.join().expect("no client fails")).collect()
    });
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Pace { p50: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1.0) }
}

/// Does the one thing again and again while the other lasts.
pub(crate) fn beside<T>(again: impl Fn() + Sync, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                again();
            }
        });
        let result = work();
        over.store(true, Ordering::Relaxed);
        result
    })
}
