//! A server on a free port, and what it answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use serde_json::{Value, json};
use shopkeeper::server::{self, Code, ServeSettings, Shop};
use tempfile::TempDir;

use crate::fixture;

/// A running server over a store of its own.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) version: String,
    pub(crate) address: SocketAddr,
    pub(crate) shop: Data<Shop>,
    pub(crate) handle: ServerHandle,
    pub(crate) thread: Option<JoinHandle<()>>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The ids of the items of a recommendation answer.
    pub(crate) fn item_ids(&self) -> Vec<String> {
        self.json()["items"].as_array().unwrap().iter().map(|item| item["item_id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut ServeSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let version = fixture::publish(folder.path(), fixture::Shop::default());
        Self::over(folder, version, adjust)
    }

    /// Serves a version that is in the folder.
    pub(crate) fn over(folder: TempDir, version: String, adjust: impl FnOnce(&mut ServeSettings)) -> Self {
        let mut settings =
            ServeSettings { store: folder.path().into(), bind: "127.0.0.1:0".into(), workers: 1, ..ServeSettings::default() };
        settings.state = Some(settings.store.join("shop.state.db"));
        settings.watch_interval = Duration::ZERO;
        adjust(&mut settings);
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = server::start(&settings).unwrap();
                sender.send((running.address, running.shop, running.server.handle())).unwrap();
                running.server.await.unwrap();
            });
        });
        let (address, shop, handle) = receiver.recv().unwrap();
        Self { folder, version, address, shop, handle, thread: Some(thread) }
    }

    /// Stops, and serves the same folder again.
    pub(crate) fn restart(mut self) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let version = self.version.clone();
        drop(self);
        let lock = std::fs::File::open(folder.path().join("shop.state.db.lock")).unwrap();
        lock.lock().unwrap();
        drop(lock);
        Self::over(folder, version, |_| {})
    }

    pub(crate) fn store(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn send(&self, request: ureq::http::request::Builder, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = request.uri(format!("http://{}{path}", self.address)).body(body.into()).unwrap();
        let mut response = agent.run(request).unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body: response.body_mut().read_to_vec().unwrap() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(ureq::http::Request::builder(), path, "")
    }

    pub(crate) fn accept(&self, path: &str, accept: &str) -> Answer {
        self.send(ureq::http::Request::builder().header("Accept", accept), path, "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let request = ureq::http::Request::builder().method("POST").header("Content-Type", "application/json");
        self.send(request, path, body.to_string())
    }

    /// Sends bytes as they are and returns what comes back.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The answer is this problem, and whole.
pub(crate) fn assert_problem(answer: &Answer, code: Code) {
    assert_eq!((answer.status, answer.header("content-type")), (code.status().as_u16(), "application/problem+json"), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], code.name());
    assert_eq!(body["type"], format!("urn:shopkeeper:problem:{}", code.name()));
    assert_eq!((&body["title"], &body["help"]), (&json!(code.title()), &json!(code.help())));
    assert_eq!(body["status"], answer.status);
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
}
