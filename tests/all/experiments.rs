//! Pinned model versions and experiments, over HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use shopkeeper::server::Code;

use crate::fixture::{self, Shop};
use crate::server::{Answer, Server, assert_problem};

/// A server with a file of scenarios, and the file.
fn with_file(text: &str) -> (Server, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let version = fixture::publish(folder.path(), Shop::default());
    let file = folder.path().join("scenarios.toml");
    std::fs::write(&file, text).unwrap();
    let path = file.clone();
    (Server::over(folder, version, |settings| settings.scenarios = Some(path)), file)
}

fn reload(server: &Server) -> Answer {
    server.post("/v1/scenarios/reload", &Value::Null)
}

fn ask(server: &Server, customer: &str, more: &str) -> Value {
    server.get(&format!("/v1/customers/{customer}/recommendations?n=5{more}")).json()
}

fn pinned(server: &Server, path: &str, version: &str) -> Answer {
    server.send(ureq::http::Request::builder().header("X-Model-Version", version), path, "")
}

#[test]
fn shoppers_are_split_between_two_model_versions_and_stay_there() {
    let (server, file) = with_file("");
    let first = server.version.clone();
    let second = fixture::publish(server.store(), Shop { as_of_day: 17_501, churn: true });
    // loaded by the experiment, though the first one is still served
    assert_problem(&pinned(&server, "/v1/customers/anna", &second), Code::VersionNotLoaded);
    std::fs::write(&file, format!("[experiment]\nname = \"newer\"\nb.version = \"{second}\"\n")).unwrap();
    let listed = reload(&server).json();
    assert_eq!((&listed["experiment"]["name"], &listed["scenarios"]), (&json!("newer"), &json!([])));
    let models = server.get("/v1/models").json();
    assert!(models["models"].as_array().unwrap().iter().all(|model| model["loaded"] == true));
    let arms = |server: &Server| -> BTreeMap<String, (String, String)> {
        let place = |n: usize| {
            let answer = ask(server, &format!("c{n}"), "");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (format!("c{n}"), (text(&answer["experiment"]["arm"]), text(&answer["model"]["version"])))
        };
        (0..40).map(place).collect()
    };
    let before = arms(&server);
    let in_b = before.values().filter(|(arm, _)| arm == "b").count();
    assert!((8..=32).contains(&in_b), "{in_b} of 40");
    assert!(before.values().all(|(arm, version)| *version == if arm == "b" { second.clone() } else { first.clone() }));
    assert_eq!(before, arms(&server), "they stay where they are");
    // whoever names a version gets it and takes no part; so does a visitor of whom nothing is said
    let named = pinned(&server, "/v1/customers/c0/recommendations", &second);
    assert_eq!((named.header("x-model-version"), &named.json()["experiment"]), (second.as_str(), &Value::Null));
    assert_eq!(pinned(&server, "/v1/churn", &second).json()["model"]["version"], second);
    assert_eq!(server.post("/v1/recommendations", &json!({})).json()["experiment"], Value::Null);
    let page = json!({"customer_id": "c0", "widgets": [{"name": "one"}, {"name": "two"}]});
    let page = server.post("/v1/batch", &page).json();
    assert!((0..2).all(|at| page["widgets"][at]["answer"]["experiment"]["arm"] == before["c0"].0.as_str()), "{page}");
    assert!((0..2).all(|at| page["widgets"][at]["answer"]["model"]["version"] == before["c0"].1.as_str()), "{page}");
    let why = server.post("/v1/explain", &json!({"customer_id": "c0", "item_id": "jam"})).json();
    assert_eq!(why["model"]["version"], before["c0"].1.as_str());
    // events and changes of items reach both models
    let bought = json!({"event_id": "e", "kind": "purchase", "customer_id": "c0", "item_id": "jam"});
    assert_eq!(server.post("/v1/events", &bought).status, 202);
    let gone = ureq::http::Request::builder().method("PUT").header("Content-Type", "application/json");
    assert_eq!(server.send(gone, "/v1/items/tea", json!({"available": false}).to_string()).status, 200);
    for version in [&first, &second] {
        let answer = pinned(&server, "/v1/customers/c0/recommendations?n=11", version);
        assert!(answer.json()["known"] == true && !answer.item_ids().contains(&"tea".to_owned()), "{version}");
    }
    // what was served before stays loaded while an arm names it
    std::fs::write(&file, format!("[experiment]\nname = \"older\"\na.version = \"{first}\"\nb.version = \"{second}\"\n")).unwrap();
    assert_eq!(reload(&server).status, 200);
    assert_eq!(server.post("/v1/models/reload", &Value::Null).json()["version"], second);
    let after = arms(&server);
    assert!(after.values().all(|(arm, version)| *version == if arm == "b" { second.clone() } else { first.clone() }));
    assert_ne!(before.values().map(|(arm, _)| arm).collect::<Vec<_>>(), after.values().map(|(arm, _)| arm).collect::<Vec<_>>());
    std::fs::write(&file, "").unwrap();
    assert_eq!(reload(&server).status, 200);
    assert_problem(&pinned(&server, "/v1/customers/anna", &first), Code::VersionNotLoaded);
    assert_eq!(ask(&server, "c0", "")["experiment"], Value::Null);
}

#[test]
fn two_rule_sets_are_compared_by_shopper_and_the_verdict_bears_being_looked_at() {
    let text =
        "[home]\n\n[dairy]\ncategories = [\"DAIRY\"]\n\n[experiment]\nname = \"dairy-home\"\nscenario = \"home\"\nb.scenario = \"dairy\"\n";
    let (server, file) = with_file(text);
    assert_eq!(ask(&server, "anna", "")["experiment"], Value::Null, "only this scenario takes part");
    let insight = |server: &Server| server.get("/v1/insights/recommendations").json();
    assert_eq!(insight(&server)["experiment"]["arms"][1]["verdict"], "undecided");
    let mut events = Vec::new();
    for n in 0..600 {
        let customer = format!("c{n}");
        let answer = ask(&server, &customer, "&scenario=home");
        let is_b = answer["experiment"]["arm"] == "b";
        assert!(!is_b || answer["items"].as_array().unwrap().iter().all(|item| item["category"] == "DAIRY"), "{answer}");
        let id = &answer["recommendation_id"];
        let event = |kind: &str, times: usize| json!({"event_id": format!("{kind}{n}-{times}"), "kind": kind, "customer_id": customer, "item_id": "jam", "recommendation_id": id, "rank": 1});
        events.push(event("impression", 0));
        // shoppers of a click again and again, which is one success each; those of b succeed twice as often
        if n % 5 < if is_b { 4 } else { 2 } {
            events.extend((0..if is_b { 1 } else { 9 }).map(|times| event("click", times)));
        }
    }
    for some in events.chunks(500) {
        assert_eq!(server.post("/v1/events", &json!(some)).status, 202);
        assert_eq!(server.post("/v1/events", &json!(some)).status, 202, "again: counted once");
    }
    let found = insight(&server);
    let found = &found["experiment"];
    let arm = |at: usize| &found["arms"][at];
    assert_eq!(arm(0)["shoppers"].as_u64().unwrap() + arm(1)["shoppers"].as_u64().unwrap(), 600);
    assert!(arm(0)["clicks"].as_u64() > arm(1)["clicks"].as_u64() && arm(0)["rate"].as_f64() < arm(1)["rate"].as_f64(), "{found}");
    assert_eq!((&arm(0)["verdict"], &arm(1)["verdict"]), (&json!("behind"), &json!("ahead")), "{found}");
    let number = |name: &str| found[name].as_f64().unwrap();
    assert!(number("p_value") < 0.05 && number("ratio_from") > 1.0 && number("ratio") > number("ratio_from"), "{found}");
    assert!(number("split_p_value") > 0.05, "nothing but the split decided who is counted: {found}");
    assert!(server.get("/metrics").text().contains("shopkeeper_experiment_events_total{experiment=\"dairy-home#"));
    // another share is another experiment: nothing is known of it yet, and after a restart the counts are still there
    std::fs::write(&file, text.replace("scenario = \"home\"", "scenario = \"home\"\nshare = 0.2")).unwrap();
    assert_eq!(reload(&server).status, 200);
    assert_eq!(insight(&server)["experiment"]["arms"][0]["shoppers"], 0);
    std::fs::write(&file, text).unwrap();
    assert_eq!(reload(&server).status, 200);
    assert_eq!(insight(&server)["experiment"]["arms"][1]["verdict"], "ahead");
}

#[test]
fn an_experiment_that_cannot_be_run_is_refused_and_the_one_in_force_stays() {
    let (server, file) = with_file("[home]\n\n[experiment]\nname = \"one\"\nscenario = \"home\"\nb.scenario = \"home\"\n");
    for (text, complaint) in [
        ("[experiment]\nname = \"x\"\nb.version = \"2001-01-01-000000000000\"\n", "no model version"),
        ("[experiment]\nname = \"x\"\nscenario = \"garden\"\nb.version = \"v\"\n", "no scenario \\\"garden\\\""),
        ("[experiment]\nname = \"x\"\nshare = 2\nb.version = \"v\"\n", "expected 0.01 to 0.99"),
        ("[experiment]\nname = \"x\"\n", "are the same"),
    ] {
        std::fs::write(&file, text).unwrap();
        let answer = reload(&server);
        assert_problem(&answer, Code::ScenariosUnusable);
        assert!(answer.text().contains(complaint), "{}", answer.text());
        assert_eq!(server.get("/v1/scenarios").json()["experiment"]["name"], "one");
    }
}
