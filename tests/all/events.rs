//! Events: durable, counted once, in the very next answer, and dropped when a model has seen them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use shopkeeper::server::Code;

use crate::fixture::{self, Shop};
use crate::server::{Answer, Server, assert_problem};
use crate::shop::{self, checkerboard, shopkeeper};

fn send(server: &Server, events: &Value) -> Answer {
    let answer = server.post("/v1/events", events);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer
}

fn purchase(id: &str, customer: &str, item: &str) -> Value {
    json!({"event_id": id, "kind": "purchase", "customer_id": customer, "item_id": item})
}

/// Reason and source of an item in an answer.
fn shown<'a>(answer: &'a Value, item: &str) -> Option<&'a Value> {
    answer["items"].as_array().unwrap().iter().find(|shown| shown["item_id"] == item)
}

#[test]
fn the_next_answer_reflects_a_purchase_and_a_stranger_becomes_known() {
    let server = Server::start();
    let ask = |path: &str| server.get(path).json();
    let before = ask("/v1/customers/stranger/recommendations?n=11");
    assert_eq!((&before["known"], &before["fallback"]), (&json!(false), &json!("popular")));
    let line =
        |id: &str, item: &str| json!({"event_id": id, "kind": "purchase", "customer_id": "stranger", "item_id": item, "order_id": "o1"});
    let counts = send(&server, &json!([line("e1", "jam"), line("e2", "tea"), line("e1", "jam")])).json();
    assert_eq!(counts, json!({"accepted": 2, "duplicates": 1, "rejected": 0, "rejections": []}));
    let after = ask("/v1/customers/stranger/recommendations?n=11");
    assert_eq!(after["known"], true);
    let jam = shown(&after, "jam").expect("all eleven are shown");
    assert_eq!((&jam["source"], &jam["reason"]), (&json!("repeat"), &json!({"code": "bought_before", "orders": 1, "days_since_last": 0})));
    let new = server.get("/v1/customers/stranger/recommendations?n=11&purchased=exclude").item_ids();
    assert_eq!(new.len(), 9);
    assert!(!new.contains(&"jam".to_owned()) && !new.contains(&"tea".to_owned()));
    // sent back: not bought any more
    send(&server, &json!({"event_id": "e3", "kind": "purchase", "customer_id": "stranger", "item_id": "jam", "quantity": -1}));
    let back = ask("/v1/customers/stranger/recommendations?n=11");
    assert_ne!(shown(&back, "jam").unwrap()["source"], "repeat");
    // a regular: one order more than before
    let before = ask("/v1/customers/anna/recommendations?n=11");
    let usual = before["items"].as_array().unwrap().iter().find(|shown| shown["source"] == "repeat").unwrap();
    let item = usual["item_id"].as_str().unwrap();
    send(&server, &purchase("e4", "anna", item));
    send(&server, &purchase("e4", "anna", item));
    let after = ask("/v1/customers/anna/recommendations?n=11");
    let orders = usual["reason"]["orders"].as_u64().unwrap();
    assert_eq!(shown(&after, item).unwrap()["reason"], json!({"code": "bought_before", "orders": orders + 1, "days_since_last": 0}));
}

#[test]
fn carts_and_views_are_the_session_of_a_customer_and_of_a_visitor() {
    let server = Server::start();
    let visitor = json!({"session_id": "s1", "n": 11});
    let ask = |body: &Value| server.post("/v1/recommendations", body).json();
    assert!(ask(&visitor)["items"].as_array().unwrap().iter().all(|item| item["source"] != "basket"));
    let event = |id: &str, kind: &str, item: &str, more: Value| {
        let mut event = json!({"event_id": id, "kind": kind, "session_id": "s1", "item_id": item});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    send(&server, &event("v1", "view", "bread", json!({})));
    let viewed = ask(&visitor);
    assert!(viewed["items"].as_array().unwrap().iter().any(|item| item["source"] == "basket"), "{viewed}");
    assert!(shown(&viewed, "bread").is_some(), "what was looked at may be shown");
    assert_eq!(viewed["known"], false, "nobody is asked about");
    let stranger = ask(&json!({"customer_id": "nobody", "session_id": "s1"}));
    assert_eq!(stranger["known"], false, "the visit is remembered, the customer is not");
    send(&server, &event("c1", "cart", "bread", json!({})));
    let in_cart = ask(&visitor);
    assert!(shown(&in_cart, "bread").is_none() && in_cart["items"].as_array().unwrap().len() == 10, "{in_cart}");
    let said = ask(&json!({"session_id": "s1", "basket": ["milk"], "n": 11}));
    assert!(shown(&said, "bread").is_some() && shown(&said, "milk").is_none(), "a basket that is said goes over the remembered one");
    // what is taken out of the basket, late or early, is out of it; so is what was bought
    send(&server, &event("c2", "cart", "bread", json!({"quantity": 0})));
    assert!(shown(&ask(&visitor), "bread").is_some());
    send(&server, &event("c3", "cart", "tea", json!({"timestamp": "2020-01-01T00:00:00Z"})));
    assert!(shown(&ask(&visitor), "tea").is_some(), "a cart of long ago is none");
    // other sessions, and customers, see nothing of it
    assert!(ask(&json!({"session_id": "s2", "n": 11}))["items"].as_array().unwrap().iter().all(|item| item["source"] != "basket"));
    send(&server, &json!({"event_id": "c4", "kind": "cart", "customer_id": "nobody", "item_id": "milk"}));
    let known = server.get("/v1/customers/nobody/recommendations?n=11").json();
    assert!(known["known"] == true && shown(&known, "milk").is_none(), "{known}");
}

#[test]
fn a_wrong_event_is_said_and_does_not_hold_up_the_others() {
    let server = Server::start();
    let mixed = send(&server, &json!([purchase("a", "anna", "jam"), {"event_id": "b", "kind": "purchase", "item_id": "jam"}, 7])).json();
    assert_eq!((&mixed["accepted"], &mixed["rejected"]), (&json!(1), &json!(2)));
    assert_eq!(mixed["rejections"][0]["number"], 2);
    assert!(mixed["rejections"][0]["reason"].as_str().unwrap().contains("neither customer_id nor session_id"));
    assert!(mixed["rejections"][1]["reason"].as_str().unwrap().contains("expected a JSON object"), "{mixed}");
    let ndjson = |text: &str| {
        let request = ureq::http::Request::builder().method("POST").header("Content-Type", "application/x-ndjson");
        server.send(request, "/v1/events", text)
    };
    let lines = ndjson(&format!("{}\n\nnot json\n{}\n", purchase("a", "anna", "jam"), purchase("c", "anna", "tea")));
    assert_eq!(lines.status, 202);
    let lines = lines.json();
    assert_eq!((&lines["accepted"], &lines["duplicates"], &lines["rejections"][0]["number"]), (&json!(1), &json!(1), &json!(3)));
    assert_problem(&server.post("/v1/events", &json!({"event_id": "d", "kind": "buy"})), Code::BadEvents);
    assert_problem(&server.post("/v1/events", &json!("text")), Code::BadEvents);
    assert_problem(&ndjson("not json"), Code::BadEvents);
    let many = vec!["{}"; 10_001].join("\n");
    assert_problem(&ndjson(&many), Code::BadBody);
    let json = ureq::http::Request::builder().method("POST").header("Content-Type", "application/json");
    assert_problem(&server.send(json, "/v1/events", "[{"), Code::BadBody);
    let text = ureq::http::Request::builder().method("POST").header("Content-Type", "text/plain");
    assert_problem(&server.send(text, "/v1/events", "{}"), Code::WrongContentType);
    let small = Server::with(|settings| settings.body_limit = 100);
    let long = json!([purchase(&"x".repeat(250), &"y".repeat(250), "jam"), purchase(&"z".repeat(250), &"y".repeat(250), &"i".repeat(250))]);
    assert_eq!(small.post("/v1/events", &long).status, 202);
    let longer = Value::Array((0..9).map(|n| purchase(&format!("{}{n}", "x".repeat(250)), "y", "jam")).collect());
    assert_problem(&small.post("/v1/events", &longer), Code::BodyTooLarge);
    assert!(server.get("/metrics").text().contains("shopkeeper_events_total{outcome=\"duplicate\"} 1"));
}

#[test]
fn a_state_file_that_cannot_be_used_is_an_error_before_the_port_opens() {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish(&folder.path().join("store"), Shop::default());
    let complaint = |state: &str, how: &str| {
        let path = folder.path().join(state);
        let mut command = shopkeeper();
        command.args(["serve", "--bind", "127.0.0.1:0", "--store"]).arg(folder.path().join("store")).arg("--state").arg(&path);
        let found = shop::complaint(&mut command);
        assert!(found.contains(state) && found.contains(how), "{found}");
    };
    complaint("no/such/folder.db", "The folder must exist and be writable");
    std::fs::write(folder.path().join("garbage.db"), vec![b'x'; 5000]).unwrap();
    complaint("garbage.db", "expected a state file of shopkeeper");
    let server = Server::start();
    let of_server = server.store().join("shop.state.db");
    let mut second = shopkeeper();
    second.args(["serve", "--bind", "127.0.0.1:0", "--store"]).arg(folder.path().join("store")).arg("--state").arg(&of_server);
    assert!(shop::complaint(&mut second).contains("another server uses it"));
    let mut export = shopkeeper();
    export.args(["events", "export", "--state", "missing.db", "--out", "x.parquet"]);
    assert!(shop::complaint(&mut export).contains("no such file"));
}

/// A server in a process of its own, to be killed.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(store: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shopkeeper"))
            .args(["serve", "--bind", "127.0.0.1:0", "--workers", "2", "--log-format", "json", "--store"])
            .arg(store)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let serving = log.find_map(|line| line.ok().filter(|line| line.contains("\"address\""))).expect("it says where it serves");
        let line: Value = serde_json::from_str(&serving).unwrap();
        let address = line["fields"]["address"].as_str().or(line["address"].as_str()).unwrap().to_owned();
        std::thread::spawn(move || log.for_each(drop));
        Self { child, address }
    }

    /// Sends events; whether they were acknowledged.
    fn send(&self, events: &Value) -> bool {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let sent = agent.post(format!("http://{}/v1/events", self.address)).content_type("application/json").send(events.to_string());
        sent.is_ok_and(|answer| answer.status().as_u16() == 202)
    }

    /// Clicks on recommendations, as the insight says.
    fn clicks(&self) -> u64 {
        let url = format!("http://{}/v1/insights/recommendations?days=36500", self.address);
        let answer: Value = ureq::get(url).call().unwrap().body_mut().read_json().unwrap();
        answer["recommendations"].as_array().unwrap().iter().map(|of| of["clicks"].as_u64().unwrap()).sum()
    }

    /// What the customer bought of the item, as the next answer says.
    fn orders(&self, customer: &str, item: &str) -> u64 {
        let url = format!("http://{}/v1/customers/{customer}/recommendations?n=11", self.address);
        let answer: Value = ureq::get(url).call().unwrap().body_mut().read_json().unwrap();
        shown(&answer, item).and_then(|shown| shown["reason"]["orders"].as_u64()).unwrap_or(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a server in the middle of its work again and again: what was acknowledged is there, once.
fn kill_and_restart(loops: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    fixture::publish(&store, Shop::default());
    // a purchase and a click, in no order of time
    let deeds = |n: usize| {
        let time = format!("2018-01-{:02}T{:02}:{:02}:00Z", 1 + n * 7919 % 28, n * 31 % 24, n * 17 % 60);
        let deed = |kind: &str| json!({"event_id": format!("{kind}{n}"), "kind": kind, "customer_id": "crash", "item_id": "jam", "timestamp": time});
        let (mut purchase, mut click) = (deed("purchase"), deed("click"));
        purchase["order_id"] = json!(format!("o{n}"));
        click["recommendation_id"] = json!("made up");
        [purchase, click]
    };
    // everything that was ever sent, in another order every time, some of it twice in one request
    let redeliver = |server: &Process, known: &BTreeMap<usize, bool>, round: usize| {
        let mut all: Vec<usize> = known.keys().copied().collect();
        all.sort_by_key(|n| n.wrapping_mul(2_654_435_761).rotate_left(round as u32) % 1_000_003);
        all.extend_from_slice(&known.keys().copied().take(7).collect::<Vec<_>>());
        let all: Vec<Value> = all.into_iter().flat_map(deeds).collect();
        all.chunks(5_000).all(|some| server.send(&json!(some)))
    };
    let (mut sent, mut acknowledged) = (0_usize, BTreeMap::new());
    for round in 0..loops {
        let mut server = Process::start(&store);
        // everything that was ever acknowledged is there, nothing that was not sent is, and nothing twice
        let found = server.orders("crash", "jam") as usize;
        let least = acknowledged.values().filter(|known| **known).count();
        assert!((least..=sent).contains(&found), "round {round}: {found} of {least} to {sent}");
        let clicks = server.clicks() as usize;
        assert!((least..=sent).contains(&clicks), "round {round}: {clicks} clicks of {least} to {sent}");
        // again, all of it: counted once
        if !acknowledged.is_empty() {
            assert!(redeliver(&server, &acknowledged, round));
            acknowledged.values_mut().for_each(|known| *known = true);
            assert_eq!((server.orders("crash", "jam") as usize, server.clicks() as usize), (sent, sent));
        }
        let killer = std::time::Duration::from_millis(3 + (round as u64 * 7) % 40);
        let id = server.child.id();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(killer);
                Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
            });
            while server.child.try_wait().unwrap().is_none() {
                let batch: Vec<usize> = (sent..sent + 1 + sent % 7).collect();
                sent += batch.len();
                let events: Vec<Value> = batch.iter().flat_map(|n| deeds(*n)).collect();
                let known = server.send(&json!(events));
                acknowledged.extend(batch.into_iter().map(|n| (n, known)));
                if !known {
                    break;
                }
            }
        });
    }
    let out = folder.path().join("events.parquet");
    let server = Process::start(&store);
    assert!(redeliver(&server, &acknowledged, loops));
    shopkeeper().args(["events", "export", "--store"]).arg(&store).arg("--out").arg(&out).assert().success();
    let file = parquet::file::reader::SerializedFileReader::try_from(out.as_path()).unwrap();
    assert_eq!(parquet::file::reader::FileReader::metadata(&file).file_metadata().num_rows() as usize, sent);
}

#[test]
fn no_acknowledged_event_is_lost_or_counted_twice_however_the_server_ends() {
    kill_and_restart(5);
}

#[test]
#[ignore = "takes minutes: cargo test --test all two_hundred -- --ignored"]
fn two_hundred_times_no_acknowledged_event_is_lost_or_counted_twice() {
    kill_and_restart(200);
}

#[test]
fn what_a_model_was_trained_on_is_dropped_and_what_came_late_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (history, store) = (folder.path().join("history.parquet"), folder.path().join("store"));
    shop::write(&history, &checkerboard(40, 12, 120));
    let first = shop::train(&history, &store, &["--tune", "off"]);
    let state = folder.path().join("shop.state.db");
    let server = Server::over(folder, first, |settings| {
        settings.store = store.clone();
        settings.state = Some(state.clone());
    });
    let orders = |item: &str| {
        let answer = server.get("/v1/customers/newcomer/recommendations?n=12").json();
        shown(&answer, item).and_then(|shown| shown["reason"]["orders"].as_u64()).unwrap_or(0)
    };
    let bought = |id: &str, item: &str, day: &str| json!({"event_id": id, "kind": "purchase", "customer_id": "newcomer", "item_id": item, "timestamp": format!("{day}T12:00:00Z"), "amount": 2.5});
    // every order of this shop holds three neighbours among the even or the odd items
    let related = |kind: &str| server.get(&format!("/v1/items/i000/related?kind={kind}&n=3")).json();
    let (beside, instead) = (related("complements"), related("substitutes"));
    assert_eq!(beside["items"][0]["evidence"]["source"], "bought_together", "{beside}");
    assert!(beside["items"][0]["evidence"]["lift"].as_f64().unwrap() > 1.5, "{beside}");
    let item = instead["items"][0]["item_id"].as_str().unwrap();
    assert!(["i004", "i006", "i008"].contains(&item), "of the same customers, but not in the same orders: {instead}");
    // the history runs to the end of April 2026
    send(&server, &json!([bought("a", "i000", "2026-05-02"), bought("b", "i000", "2026-05-03"), bought("c", "i002", "2026-05-04")]));
    assert_eq!((orders("i000"), orders("i002")), (2, 1));
    let events = server.folder.path().join("events.parquet");
    let export = || {
        let mut command = shopkeeper();
        command.args(["events", "export", "--state"]).arg(&state).arg("--out").arg(&events).assert().success();
    };
    export();
    // late: it happened before what the next model reads to, and is not in its files
    send(&server, &bought("d", "i004", "2026-05-03"));
    let mut train = shopkeeper();
    train
        .args(["train", "--tune", "off", "--activate", "always", "--purchases"])
        .arg(&history)
        .arg(&events)
        .arg("--store")
        .arg(&store)
        .assert()
        .success();
    let reload = || assert_eq!(server.post("/v1/models/reload", &json!({})).status, 200);
    reload();
    assert_eq!((orders("i000"), orders("i002"), orders("i004")), (2, 1, 1), "each purchase counts once: in the model or as fresh");
    let manifest = server.get(&format!("/v1/models/{}", shop::current(&store))).json();
    assert_eq!(
        (&manifest["manifest"]["data"]["events"][0]["after"], &manifest["manifest"]["data"]["events"][0]["upto"]),
        (&json!(0), &json!(3))
    );
    // back to the model that has seen none of it
    assert_eq!(server.post("/v1/models/rollback", &json!({})).status, 200);
    assert_eq!((orders("i000"), orders("i002"), orders("i004")), (2, 1, 1));
    // a model that read the file up to a day has not seen what came after
    let mut earlier = shopkeeper();
    earlier
        .args(["train", "--tune", "off", "--activate", "always", "--as-of", "2026-05-03", "--purchases"])
        .arg(&history)
        .arg(&events)
        .arg("--store")
        .arg(&store);
    earlier.assert().success();
    reload();
    assert_eq!((orders("i000"), orders("i002"), orders("i004")), (2, 1, 1));
}

#[test]
fn rules_on_purchases_count_to_the_newest_purchase_and_returns_are_read_as_the_trainer_does() {
    let server = Server::start();
    let shows = |server: &Server, rule: &str| {
        let answer = server.get(&format!("/v1/customers/anna/recommendations?n=12&purchased={rule}")).json();
        answer["items"].as_array().unwrap().len()
    };
    // anna bought three items, the last time 20 days before the end of what the model saw, 2017-12-01
    assert_eq!((shows(&server, "exclude:30d"), shows(&server, "exclude:5d")), (8, 11));
    // two weeks later somebody else buys something: 34 days ago by now
    let later = |id: &str, customer: &str, day: &str, more: Value| {
        let mut event =
            json!({"event_id": id, "kind": "purchase", "customer_id": customer, "item_id": "tea", "timestamp": format!("{day}T12:00:00Z")});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    send(&server, &later("a", "dora", "2017-12-14", json!({})));
    assert_eq!((shows(&server, "exclude:30d"), shows(&server, "exclude:60d")), (11, 8), "the shop's clock went on");
    // anna bought tea nine days before that
    send(&server, &later("b", "anna", "2017-12-05", json!({})));
    assert_eq!((shows(&server, "exclude:30d"), shows(&server, "exclude:9d"), shows(&server, "exclude:10d")), (10, 11, 10));
    let server = server.restart();
    assert_eq!(
        (shows(&server, "exclude:30d"), shows(&server, "exclude:9d"), shows(&server, "exclude:10d")),
        (10, 11, 10),
        "after a restart, too"
    );
    // what came back, lines of no unit, and money paid back alone are no purchases; nonsense is refused
    let carl = |id: &str, more: Value| later(id, "carl", "2017-12-06", more);
    send(
        &server,
        &json!([
            carl("c", json!({"quantity": 0, "amount": 1})),
            carl("d", json!({"quantity": 0, "amount": -1})),
            carl("e", json!({"quantity": -1, "amount": 2}))
        ]),
    );
    let answer = server.get("/v1/customers/carl/recommendations?n=12").json();
    assert_ne!(shown(&answer, "tea").unwrap()["source"], "repeat", "{answer}");
    let wrong = server.post("/v1/events", &carl("f", json!({"amount": -1})));
    assert_problem(&wrong, Code::BadEvents);
    assert!(wrong.text().contains("or with a quantity below 0"), "{}", wrong.text());
    // sent back from home, it still lies in the basket of the next visit
    let cart = json!({"event_id": "g", "kind": "cart", "customer_id": "carl", "item_id": "tea"});
    send(&server, &cart);
    send(&server, &json!({"event_id": "h", "kind": "purchase", "customer_id": "carl", "item_id": "tea", "quantity": -1}));
    assert!(shown(&server.get("/v1/customers/carl/recommendations?n=12").json(), "tea").is_none());
}
