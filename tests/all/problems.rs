//! Every error code, provoked over real HTTP.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shopkeeper::server::Code;
use shopkeeper_models::customers::Customers;

use crate::fixture;
use crate::server::{Answer, Server, assert_problem};

/// Asks for something that fails in this way. Listing every code here makes each of them tested.
fn provoke(code: Code) -> Option<Answer> {
    let server = Server::start();
    let another = || fixture::publish(server.store(), fixture::Shop { as_of_day: 17_501, churn: true });
    Some(match code {
        Code::BadParameter => server.get("/v1/customers/anna/recommendations?n=0"),
        Code::BadBody => server.post("/v1/recommendations", &json!({"customer": "anna"})),
        Code::BadEvents => server.post("/v1/events", &json!({"event_id": "e", "kind": "purchase", "item_id": "jam"})),
        Code::BadItems => server.post("/v1/items", &json!({"available": true})),
        Code::MalformedId => server.get(&format!("/v1/customers/{}", "x".repeat(257))),
        Code::BadCursor => server.get("/v1/churn?cursor=nonsense"),
        Code::UnknownRoute => server.get("/v1/nothing"),
        Code::UnknownCustomer => server.get("/v1/customers/nobody"),
        Code::UnknownInsight => server.get("/v1/insights/weather"),
        Code::UnknownItem => server.get("/v1/items/nothing/audience"),
        Code::UnknownSegment => server.get("/v1/churn?segment=s9"),
        Code::UnknownVersion => server.post("/v1/models/2001-01-01-000000000000/activate", &Value::Null),
        Code::VersionNotLoaded => {
            let version = another();
            let request = ureq::http::Request::builder().header("X-Model-Version", &version);
            let answer = server.send(request, "/v1/customers/anna/recommendations", "");
            assert!(answer.text().contains(&server.version), "it says which are loaded: {}", answer.text());
            answer
        }
        Code::MethodNotAllowed => {
            let answer = server.post("/v1/churn", &Value::Null);
            assert_eq!(answer.header("allow"), "GET, HEAD");
            answer
        }
        Code::NotAcceptable => server.accept("/v1/churn", "image/png"),
        Code::SlowClient => return provoke_slow_client(),
        Code::ModelChanged => {
            let cursor = server.get("/v1/churn?limit=2").json()["next_cursor"].as_str().unwrap().to_owned();
            another();
            assert_eq!(server.post("/v1/models/reload", &Value::Null).status, 200);
            server.get(&format!("/v1/churn?limit=2&cursor={cursor}"))
        }
        Code::ReloadRunning => return provoke_reload_running(),
        Code::ModelUnusable => {
            corrupt(&server.store().join(another()).join(Customers::FILE));
            let answer = server.post("/v1/models/reload", &Value::Null);
            assert!(answer.json()["detail"].as_str().unwrap().contains("customers.arrow"), "it names the file: {}", answer.text());
            assert_eq!(server.get("/readyz").json()["model"]["version"], server.version, "the served version stays");
            answer
        }
        Code::NoModel => {
            std::fs::remove_file(server.store().join("CURRENT")).unwrap();
            server.post("/v1/models/reload", &Value::Null)
        }
        Code::NoPreviousVersion => server.post("/v1/models/rollback", &Value::Null),
        Code::ScenariosUnusable => {
            let file = tempfile::NamedTempFile::new().unwrap();
            let path = file.path().to_owned();
            let server = Server::with(|settings| settings.scenarios = Some(path));
            std::fs::write(file.path(), "[home]\npurchased = \"sometimes\"\n").unwrap();
            let answer = server.post("/v1/scenarios/reload", &Value::Null);
            assert!(answer.text().contains("expected include, exclude"), "it says what is expected: {}", answer.text());
            answer
        }
        Code::BodyTooLarge => server.post("/v1/recommendations", &json!({"scenario": "x".repeat(300_000)})),
        Code::WrongContentType => {
            server.send(ureq::http::Request::builder().method("POST").header("Content-Type", "text/plain"), "/v1/recommendations", "{}")
        }
        // No request makes a handler panic; the net for panics is tested beside it in the server.
        Code::Internal => return None,
        Code::Timeout => return provoke_timeout(),
        Code::Busy => {
            let full = Server::with(|settings| settings.list_limit = 0);
            let answer = full.get("/v1/churn?format=csv");
            assert_eq!(answer.header("retry-after"), "1");
            answer
        }
        // thousands of requests would have to wait at once
        Code::StateBusy => return None,
        Code::StateUnavailable => {
            in_state(&server, "DROP TABLE events");
            let event = json!({"event_id": "e", "kind": "view", "customer_id": "anna", "item_id": "jam"});
            let answer = server.post("/v1/events", &event);
            assert_eq!(answer.header("retry-after"), "1");
            assert_eq!(server.get("/v1/customers/anna/recommendations").status, 200, "recommendations keep coming");
            answer
        }
        Code::ShuttingDown => {
            server.shop.drain();
            server.get("/readyz")
        }
    })
}

/// Runs a statement in the state file of a server.
fn in_state(server: &Server, statement: &'static str) {
    use sqlx::Connection;
    let run = async {
        let path = format!("sqlite://{}", server.store().join("shop.state.db").display());
        let mut state = sqlx::SqliteConnection::connect(&path).await.unwrap();
        sqlx::query(statement).execute(&mut state).await.unwrap();
    };
    actix_web::rt::System::new().block_on(run);
}

fn corrupt(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn provoke_slow_client() -> Option<Answer> {
    let server = Server::with(|settings| settings.client_timeout = Duration::from_millis(200));
    let head = "POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let text = server.raw(head.as_bytes());
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    let mut headers = ureq::http::HeaderMap::new();
    headers.insert("content-type", ureq::http::HeaderValue::from_static("application/problem+json"));
    Some(Answer { status: 408, headers, body: body.into() })
}

/// Holds the store's lock, so that an activation under way cannot end.
fn hold_store(server: &Server) -> File {
    let lock = File::options().create(true).append(true).open(server.store().join(".lock")).unwrap();
    lock.lock().unwrap();
    lock
}

fn provoke_timeout() -> Option<Answer> {
    let server = Server::with(|settings| settings.request_timeout = Duration::from_millis(300));
    let lock = hold_store(&server);
    let answer = server.post(&format!("/v1/models/{}/activate", server.version), &Value::Null);
    drop(lock);
    Some(answer)
}

fn provoke_reload_running() -> Option<Answer> {
    let server = Server::with(|settings| settings.request_timeout = Duration::from_millis(300));
    let lock = hold_store(&server);
    assert_problem(&server.post(&format!("/v1/models/{}/activate", server.version), &Value::Null), Code::Timeout);
    let answer = server.post("/v1/models/reload", &Value::Null);
    drop(lock);
    let start = Instant::now();
    while server.post("/v1/models/reload", &Value::Null).status != 200 {
        assert!(start.elapsed() < Duration::from_secs(10), "the change that nobody waited for ends, and the next one may start");
    }
    Some(answer)
}

#[test]
fn every_code_is_answered_as_its_problem() {
    for &code in Code::ALL {
        if let Some(answer) = provoke(code) {
            assert_problem(&answer, code);
        }
    }
}
