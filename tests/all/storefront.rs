//! The shop's rules over HTTP: filters, scenarios, widgets, ranking and explanations.

use serde_json::{Value, json};
use shopkeeper::server::Code;

use crate::server::{Answer, Server, assert_problem};

fn ask(server: &Server, rules: Value) -> Answer {
    server.post("/v1/recommendations", &json!({"customer_id": "anna", "rules": rules, "n": 1000}))
}

#[test]
fn every_rule_holds() {
    let server = Server::start();
    let shown = |rules: Value| {
        let mut ids = ask(&server, rules).item_ids();
        ids.sort();
        ids
    };
    assert_eq!(shown(json!({"categories": ["GROCERY"]})), ["bread", "eggs", "jam", "salt"], "what lies below a category is of it");
    assert_eq!(shown(json!({"categories": ["GROCERY > BREAD", "DAIRY"], "brands": ["Own"]})), ["butter", "eggs", "milk", "salt"]);
    assert_eq!(shown(json!({"price_from": 4.5, "price_to": 6.5})), ["ham", "honey", "jam"]);
    assert_eq!(shown(json!({"only": ["tea", "withdrawn", "ham"], "exclude": ["ham"]})), ["tea"]);
    assert_eq!(shown(json!({"min_buyers": 18})), ["bread", "butter", "cheese"]);
    assert_eq!(shown(json!({"max_per_category": 1, "categories": ["GROCERY", "DAIRY"]})).len(), 2);
    assert_eq!(shown(json!({"categories": ["GROCERY"], "price_to": 1.0})), [""; 0]);
    let pinned = ask(&server, json!({"pinned": ["tea", "withdrawn", "salt"]})).json();
    let first = |at: usize| (&pinned["items"][at]["item_id"], &pinned["items"][at]["source"], &pinned["items"][at]["reason"]["code"]);
    assert_eq!(first(0), (&json!("tea"), &json!("pinned"), &json!("pinned")));
    assert_eq!(first(1), (&json!("salt"), &json!("pinned"), &json!("pinned")));
    assert_eq!(pinned["items"].as_array().unwrap().len(), 11, "each once");
    let last = ask(&server, json!({})).item_ids().pop().unwrap();
    let lifted = ask(&server, json!({"boosts": [{"item_id": last, "factor": 10}]})).item_ids();
    assert_ne!(lifted.last(), Some(&last));
    let get = server.get("/v1/customers/anna/recommendations?category=GROCERY&brand=Own&price_from=1&max_per_category=9").item_ids();
    assert_eq!(get.len(), 2);
}

#[test]
fn purchases_may_be_kept_back_for_a_time() {
    let server = Server::start();
    let count = |purchased: &str| {
        let answer = server.get(&format!("/v1/customers/anna/recommendations?n=1000&purchased={purchased}"));
        answer.item_ids().len()
    };
    assert_eq!((count("include"), count("exclude"), count("exclude:30d"), count("exclude:5d")), (11, 8, 8, 11));
    let wrong = server.get("/v1/customers/anna/recommendations?purchased=exclude:0d");
    assert_problem(&wrong, Code::BadParameter);
    assert!(wrong.text().contains("exclude:30d"), "it says what is expected: {}", wrong.text());
}

#[test]
fn unknown_names_are_told() {
    let server = Server::start();
    let body =
        ask(&server, json!({"categories": ["DAIRY", "TOYS"], "exclude": ["nothing"], "boosts": [{"brand": "Nobody", "factor": 2}]})).json();
    assert_eq!(body["unknown_categories"], json!(["TOYS"]));
    assert_eq!(body["unknown_items"], json!(["nothing"]));
    assert_eq!(body["unknown_brands"], json!(["Nobody"]));
    assert_eq!(body["items"].as_array().unwrap().len(), 4, "what is known still holds");
}

#[test]
fn wrong_rules_are_refused() {
    let server = Server::start();
    for (rules, expected) in [
        (json!({"boosts": [{"factor": 2}]}), "one of item_id, category and brand"),
        (json!({"boosts": [{"brand": "Own", "factor": 11}]}), "0.1 to 10"),
        (json!({"price_from": -1}), "0 or more"),
        (json!({"max_per_category": 0}), "whole number from 1"),
        (json!({"colour": "red"}), "unknown field"),
    ] {
        let answer = ask(&server, rules);
        assert_problem(&answer, Code::BadBody);
        assert!(answer.text().contains(expected), "{}", answer.text());
    }
}

#[test]
fn scenarios_hold_with_the_rules_of_the_page_and_change_while_serving() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    std::fs::write(&path, "[bakery]\ncategories = [\"GROCERY\"]\nexclude = [\"jam\"]\n\n[toys]\ncategories = [\"TOYS\"]\n").unwrap();
    let server = Server::with(|settings| settings.scenarios = Some(path.clone()));
    let bakery = |more: &str| server.get(&format!("/v1/customers/anna/recommendations?scenario=bakery{more}")).item_ids().len();
    assert_eq!((bakery(""), bakery("&exclude=salt"), bakery("&category=DAIRY")), (3, 2, 0));
    let listed = server.get("/v1/scenarios").json();
    assert_eq!(listed["scenarios"][1]["unknown"]["categories"], json!(["TOYS"]));
    let unknown = server.get("/v1/customers/anna/recommendations?scenario=garden");
    assert_problem(&unknown, Code::BadParameter);
    assert!(unknown.text().contains("bakery, toys"), "{}", unknown.text());
    std::fs::write(&path, "[bakery]\ncategories = [\"GROCERY\"]\n").unwrap();
    assert_eq!(server.post("/v1/scenarios/reload", &Value::Null).json()["scenarios"].as_array().unwrap().len(), 1);
    assert_eq!(bakery(""), 4);
    std::fs::write(&path, "[bakery").unwrap();
    assert_problem(&server.post("/v1/scenarios/reload", &Value::Null), Code::ScenariosUnusable);
    assert_eq!(bakery(""), 4, "the scenarios in force stay");
}

#[test]
fn no_item_stands_in_two_widgets() {
    let server = Server::start();
    let widgets =
        json!([{"name": "again", "n": 3}, {"name": "dairy", "rules": {"categories": ["DAIRY"]}, "n": 2}, {"name": "more", "n": 1000}]);
    let body = server.post("/v1/batch", &json!({"customer_id": "anna", "widgets": widgets})).json();
    let ids = |at: usize| body["widgets"][at]["answer"]["items"].as_array().unwrap().iter().map(|item| item["item_id"].clone());
    let all: Vec<Value> = (0..3).flat_map(ids).collect();
    assert!(all.iter().enumerate().all(|(at, id)| !all[..at].contains(id)));
    assert_eq!((ids(0).count(), ids(1).count(), all.len()), (3, 2, 11));
    assert_eq!(body["widgets"][1]["name"], "dairy");
    assert_problem(&server.post("/v1/batch", &json!({"widgets": []})), Code::BadBody);
}

#[test]
fn items_are_put_in_order() {
    let server = Server::start();
    let answer = server.post("/v1/rank", &json!({"customer_id": "anna", "items": ["tea", "withdrawn", "butter", "nothing", "tea"]}));
    assert_eq!(answer.item_ids(), ["butter", "tea"], "what the customer buys comes first");
    assert_eq!(answer.json()["unknown_items"], json!(["nothing"]));
}

#[test]
fn an_item_is_explained() {
    let server = Server::start();
    let why = |item: &str, rules: Value| {
        server.post("/v1/explain", &json!({"customer_id": "anna", "item_id": item, "basket": ["bread"], "rules": rules, "n": 3})).json()
    };
    let shown = why("butter", json!({}));
    assert_eq!((&shown["outcome"], &shown["kept_out_by"], &shown["known"]), (&json!("shown"), &Value::Null, &json!(true)));
    assert!(shown["features"]["ln_orders"].as_f64().unwrap() > 0.0 && shown["item"]["rank"].as_u64().unwrap() <= 3);
    let outranked = why("tea", json!({}));
    assert_eq!(outranked["outcome"], "outranked");
    assert!(outranked["item"]["rank"].as_u64().unwrap() > 3);
    for (item, rules, rule) in [
        ("bread", json!({}), "in_basket"),
        ("tea", json!({"exclude": ["tea"]}), "excluded"),
        ("butter", json!({"purchased": "exclude"}), "purchased"),
        ("withdrawn", json!({}), "available"),
        ("tea", json!({"categories": ["GROCERY"]}), "category"),
        ("tea", json!({"brands": ["Own"]}), "brand"),
        ("tea", json!({"price_to": 3}), "price"),
        ("tea", json!({"only": ["ham"]}), "only"),
        ("tea", json!({"min_buyers": 15}), "min_buyers"),
    ] {
        let explained = why(item, rules);
        assert_eq!((&explained["outcome"], &explained["kept_out_by"]), (&json!("kept_out"), &json!(rule)), "{item}");
    }
    assert_eq!(why("nothing", json!({}))["outcome"], "unknown_item");
}

#[test]
fn what_may_be_bought_instead_is_told_from_what_goes_beside() {
    let server = Server::start();
    let related = |item: &str, kind: &str| server.get(&format!("/v1/items/{item}/related?kind={kind}&n=5")).json();
    let rows = |answer: &Value| answer["items"].as_array().unwrap().clone();
    // bread, eggs, jam and salt are of one category; bread is bought with butter and cheese
    let instead = related("bread", "substitutes");
    let sources =
        |answer: &Value| rows(answer).iter().map(|row| row["evidence"]["source"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(rows(&instead).len(), 5, "never short while anything is available");
    for row in rows(&instead).iter().take(3) {
        assert_eq!((&row["evidence"]["source"], &row["category"]), (&json!("substitute"), &json!("GROCERY/BREAD")), "{row}");
    }
    assert!(
        rows(&instead)[0]["evidence"]["customers"] == 3 && rows(&instead)[0]["item_id"] == "eggs",
        "bought by the same customers: {instead}"
    );
    assert!(sources(&instead)[3..].iter().all(|source| source == "popular"), "it says when it has no evidence: {instead}");
    let beside = related("ham", "complements");
    assert!(
        sources(&beside).iter().all(|source| source == "popular"),
        "no two are bought together more often than chance has it: {beside}"
    );
    assert_eq!(rows(&beside).len(), 5);
    for kind in ["substitutes", "complements"] {
        let answer = related("bread", kind);
        let scores: Vec<f64> = rows(&answer).iter().map(|row| row["score"].as_f64().unwrap()).collect();
        assert!(
            scores.windows(2).all(|pair| pair[0] >= pair[1]) && scores.iter().all(|score| (0.0..=1.0).contains(score)),
            "{kind}: {scores:?}"
        );
        assert_eq!(rows(&related("unheard-of", kind)).len(), 5, "{kind}");
    }
    let wrong = server.get("/v1/items/bread/related?kind=opposite");
    assert_problem(&wrong, Code::BadParameter);
    assert!(wrong.text().contains("substitutes"), "{}", wrong.text());
}

#[test]
fn several_categories_may_be_asked_for() {
    let server = Server::start();
    let count = |path: &str| server.get(path).item_ids().len();
    assert_eq!(count("/v1/customers/anna/recommendations?n=100&category=DAIRY&category=GROCERY%2FBREAD"), 8);
    assert_eq!(count("/v1/items/popular?n=100&category=DAIRY&brand=Own&category=GROCERY&brand=Other"), 4);
    let unknown = server.get("/v1/customers/anna/recommendations?category=DAIRY&category=A%26B,%20C").json();
    assert_eq!(unknown["unknown_categories"], json!(["A&B, C"]), "each value is one name");
    assert_problem(&server.get("/v1/items/popular?n=1&n=2"), Code::BadParameter);
}
