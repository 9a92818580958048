//! Changes of the catalogue: in the next answer, over reloads and restarts, for items that the model does not know, too.

use serde_json::{Value, json};
use shopkeeper::server::Code;

use crate::fixture::{self, Shop};
use crate::server::{Answer, Server, assert_problem};

fn put(server: &Server, id: &str, change: &Value) -> Answer {
    let request = ureq::http::Request::builder().method("PUT").header("Content-Type", "application/json");
    server.send(request, &format!("/v1/items/{id}"), change.to_string())
}

fn changed(server: &Server, id: &str, change: &Value) -> Value {
    let answer = put(server, id, change);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn ids(server: &Server, path: &str) -> Vec<String> {
    server.get(path).item_ids()
}

#[test]
fn what_is_sold_out_is_gone_from_the_next_answer_and_stays_so() {
    let mut server = Server::start();
    let everywhere = ["/v1/customers/anna/recommendations?n=12", "/v1/items/popular?n=12", "/v1/items/bread/related?n=12"];
    let shows = |server: &Server, item: &str| everywhere.map(|path| ids(server, path).contains(&item.to_owned()));
    assert_eq!(shows(&server, "jam"), [true; 3]);
    let jam = changed(&server, "jam", &json!({"available": false}));
    assert_eq!((&jam["known"], &jam["available"], &jam["title"]), (&json!(true), &json!(false), &json!("jam")));
    assert_eq!(shows(&server, "jam"), [false; 3]);
    assert_eq!(ids(&server, everywhere[0]).len(), 10);
    // what the model was told is not there comes back
    changed(&server, "withdrawn", &json!({"available": true, "title": "Back again", "price": 3}));
    assert_eq!(shows(&server, "withdrawn"), [true; 3]);
    // another model, then another process
    fixture::publish(server.store(), Shop { as_of_day: 17_501, churn: true });
    assert_eq!(server.post("/v1/models/reload", &Value::Null).json()["changed"], true);
    assert_eq!((shows(&server, "jam"), shows(&server, "withdrawn")), ([false; 3], [true; 3]));
    server = server.restart();
    assert_eq!((shows(&server, "jam"), shows(&server, "withdrawn")), ([false; 3], [true; 3]));
    let answer = server.get(everywhere[0]).json();
    let withdrawn = answer["items"].as_array().unwrap().iter().find(|item| item["item_id"] == "withdrawn").unwrap();
    assert_eq!(withdrawn["title"], "Back again");
    let price = changed(&server, "withdrawn", &json!({"available": true}));
    assert_eq!((&price["price"], &price["title"]), (&json!(3.0), &json!("Back again")), "what is left out stays");
}

#[test]
fn an_item_moves_to_another_category() {
    let server = Server::start();
    let of = |category: &str| server.get(&format!("/v1/items/popular?n=12&category={category}")).json();
    let ids =
        |category: &str| -> Vec<Value> { of(category)["items"].as_array().unwrap().iter().map(|item| item["item_id"].clone()).collect() };
    assert!(ids("DAIRY").contains(&json!("butter")) && of("SPREADS")["unknown_categories"] == json!(["SPREADS"]));
    changed(&server, "butter", &json!({"category": "SPREADS"}));
    assert_eq!((ids("DAIRY").contains(&json!("butter")), ids("SPREADS")), (false, vec![json!("butter")]));
    assert_eq!(of("SPREADS")["items"][0]["category"], "SPREADS");
    assert_eq!(of("SPREADS")["unknown_categories"], json!([]));
    changed(&server, "butter", &json!({"category": "DAIRY"}));
    assert!(ids("DAIRY").contains(&json!("butter")) && ids("SPREADS").is_empty());
}

#[test]
fn a_new_item_is_shown_beside_what_it_is_like() {
    let server = Server::start();
    let ask = |body: &Value| server.post("/v1/recommendations", body).json();
    let customer = json!({"customer_id": "anna", "n": 10});
    let before = ask(&customer);
    let rye = json!({"title": "Rye bread", "category": "GROCERY/BREAD/RYE", "price": 2.5});
    let answer = changed(&server, "rye", &rye);
    assert_eq!((&answer["known"], &answer["available"]), (&json!(false), &json!(true)));
    let after = ask(&customer);
    let items = after["items"].as_array().unwrap();
    assert_eq!(items.len(), 10, "as many as were asked for");
    let at = items.iter().position(|item| item["item_id"] == "rye").expect("at once");
    let new = &items[at];
    assert_eq!((&new["source"], &new["reason"]["code"], &new["title"]), (&json!("new_item"), &json!("new_item"), &json!("Rye bread")));
    assert_eq!(new["reason"]["like_item_id"], items[at - 1]["item_id"]);
    assert_eq!(items[at - 1]["category"], "GROCERY/BREAD", "the nearest category of the model");
    assert!(items.windows(2).all(|pair| pair[0]["score"].as_f64() >= pair[1]["score"].as_f64()));
    let others: Vec<&Value> = items.iter().filter(|item| item["item_id"] != "rye").map(|item| &item["item_id"]).collect();
    let known: Vec<&Value> = before["items"].as_array().unwrap().iter().map(|item| &item["item_id"]).take(9).collect();
    assert_eq!(others, known, "the others stay in their order");
    // the rules hold for it, too
    assert!(!ask(&json!({"customer_id": "anna", "n": 10, "rules": {"exclude": ["rye"]}})).to_string().contains("Rye"));
    assert!(!ask(&json!({"customer_id": "anna", "n": 10, "rules": {"categories": ["DAIRY"]}})).to_string().contains("Rye"));
    let asked = ask(&json!({"rules": {"categories": ["GROCERY/BREAD/RYE"]}}));
    assert_eq!((asked["items"].as_array().unwrap().len(), &asked["unknown_categories"]), (1, &json!([])));
    assert_eq!(asked["items"][0]["reason"], json!({"code": "new_item", "like_item_id": null}));
    assert!(!server.get("/v1/items/popular?n=12").text().contains("Rye"), "nobody has bought it yet");
    let all = ask(&json!({"customer_id": "anna", "n": 100}));
    assert_eq!(all["items"].as_array().unwrap().len(), 12, "eleven that the model knows and this one");
    // a category that nobody knows: likened by its words
    let kin = changed(&server, "jam2", &json!({"title": "Plum jam", "category": "NOVELTIES"}));
    assert_eq!(kin["like_item_ids"], json!(["jam"]));
    changed(&server, "jam2", &json!({"available": false}));
    // its neighbours are those of what it is like
    assert_eq!(server.get("/v1/items/rye/related?n=3").item_ids().len(), 3);
    let bought = json!({"event_id": "e", "kind": "purchase", "customer_id": "anna", "item_id": "rye"});
    assert_eq!(server.post("/v1/events", &bought).status, 202);
    assert!(!ask(&customer).to_string().contains("Rye"), "new to them no more");
    changed(&server, "rye", &json!({"available": false}));
    assert!(!ask(&json!({"n": 100})).to_string().contains("Rye"));
}

#[test]
fn many_items_at_once_and_what_is_wrong_with_them() {
    let server = Server::start();
    let ndjson =
        "{\"item_id\":\"jam\",\"available\":false}\n{\"item_id\":\"tea\",\"price\":-1}\n{\"item_id\":\"milk\",\"available\":false}\n";
    let request = ureq::http::Request::builder().method("POST").header("Content-Type", "application/x-ndjson");
    let answer = server.send(request, "/v1/items", ndjson);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["accepted"], &answer["rejected"], &answer["rejections"][0]["number"]), (&json!(2), &json!(1), &json!(2)));
    assert!(answer["rejections"][0]["reason"].as_str().unwrap().contains("price -1; expected 0"));
    let shown = server.get("/v1/items/popular?n=12").item_ids();
    assert!(shown.len() == 9 && !shown.contains(&"jam".to_owned()) && !shown.contains(&"milk".to_owned()));
    for (change, complaint) in [
        (json!({}), "nothing to change"),
        (json!({"title": ""}), "title of 0 bytes"),
        (json!({"item_id": "tea", "price": 1}), "not the one of the path"),
    ] {
        let answer = put(&server, "jam", &change);
        assert_problem(&answer, Code::BadItems);
        assert!(answer.text().contains(complaint), "{}", answer.text());
    }
    assert_problem(&put(&server, "jam", &json!({"stock": 3})), Code::BadBody);
    assert_problem(&server.post("/v1/items", &json!([{"price": 1}])), Code::BadItems);
}

#[test]
fn what_became_of_recommendations_is_counted_by_where_they_came_from() {
    let mut server = Server::start();
    let answer = server.get("/v1/customers/anna/recommendations?n=3").json();
    let id = answer["recommendation_id"].as_str().unwrap();
    let event = |event_id: &str, kind: &str, rank: Option<u32>, more: Value| {
        let mut event = json!({"event_id": event_id, "kind": kind, "customer_id": "anna", "recommendation_id": id, "rank": rank,
            "item_id": answer["items"][rank.unwrap_or(1) as usize - 1]["item_id"]});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let events = json!([
        event("i1", "impression", Some(1), json!({})),
        event("i2", "impression", Some(2), json!({})),
        event("i2", "impression", Some(2), json!({})),
        event("k1", "click", Some(1), json!({})),
        event("p1", "purchase", Some(1), json!({"amount": 2.5})),
        event("i3", "impression", None, json!({})),
        {"event_id": "i4", "kind": "impression", "customer_id": "anna", "recommendation_id": "made up", "item_id": "jam", "rank": 1},
    ]);
    assert_eq!(server.post("/v1/events", &events).json()["accepted"], 6);
    server = server.restart();
    let insights = server.get("/v1/insights/recommendations?days=2").json();
    let rows = insights["recommendations"].as_array().unwrap();
    let first = &answer["items"][0];
    let row = rows.iter().find(|row| row["source"] == first["source"] && row["reason"] == first["reason"]["code"]).expect("a row");
    assert_eq!((&row["version"], &row["scenario"]), (&json!(server.version), &json!("customer")));
    assert_eq!((&row["clicks"], &row["purchases"], &row["amount"]), (&json!(1), &json!(1), &json!(2.5)));
    let impressions: i64 = rows.iter().map(|row| row["impressions"].as_i64().unwrap()).sum();
    assert_eq!(impressions, 4);
    let unknown: Vec<&Value> = rows.iter().filter(|row| row["source"] == "unknown").map(|row| &row["version"]).collect();
    assert!(unknown.contains(&&json!("unknown")) && unknown.contains(&&json!(server.version)), "{insights}");
    assert_eq!(server.get("/v1/insights/recommendations?days=0").status, 400);
    let again =
        json!({"event_id": "i9", "kind": "impression", "customer_id": "anna", "recommendation_id": id, "rank": 1, "item_id": "jam"});
    server.post("/v1/events", &again);
    assert!(server.get("/metrics").text().contains("shopkeeper_recommendation_events_total{"));
}

#[test]
fn what_was_said_is_taken_back() {
    let mut server = Server::start();
    let before = server.get("/v1/customers/anna/recommendations?n=12").json()["items"].clone();
    let unsay = |server: &Server, id: &str| server.send(ureq::http::Request::builder().method("DELETE"), &format!("/v1/items/{id}"), "");
    changed(&server, "butter", &json!({"available": false, "price": 99, "title": "Gone", "category": "SPREADS", "brand": "New"}));
    changed(&server, "rye", &json!({"title": "Rye bread", "category": "GROCERY/BREAD"}));
    assert_ne!(server.get("/v1/customers/anna/recommendations?n=12").json()["items"], before);
    let butter = unsay(&server, "butter").json();
    let of_model = json!({"available": true, "price": null, "title": "butter", "category": "DAIRY", "brand": "Own"});
    assert!(of_model.as_object().unwrap().iter().all(|(field, value)| butter[field] == *value), "{butter}");
    assert_eq!(unsay(&server, "rye").json()["category"], Value::Null);
    assert_eq!(unsay(&server, "never-said").status, 200);
    assert_eq!(server.get("/v1/customers/anna/recommendations?n=12").json()["items"], before);
    assert_eq!(server.get("/v1/items/popular?category=SPREADS").json()["items"], json!([]));
    server = server.restart();
    assert_eq!(server.get("/v1/customers/anna/recommendations?n=12").json()["items"], before, "after a restart, too");
}

#[test]
fn a_new_item_is_explained_and_stands_beside_nothing_that_it_is_not_like() {
    let server = Server::start();
    let why =
        |item: &str, rules: Value| server.post("/v1/explain", &json!({"customer_id": "anna", "item_id": item, "rules": rules})).json();
    changed(&server, "rye", &json!({"title": "Rye bread", "category": "GROCERY/BREAD", "price": 3}));
    let shown = why("rye", json!({}));
    assert_eq!((&shown["outcome"], &shown["item"]["reason"]["code"]), (&json!("shown"), &json!("new_item")), "{shown}");
    for (rules, rule) in [
        (json!({"exclude": ["rye"]}), "excluded"),
        (json!({"categories": ["DAIRY"]}), "category"),
        (json!({"price_to": 2}), "price"),
        (json!({"min_buyers": 1}), "min_buyers"),
    ] {
        let explained = why("rye", rules);
        assert_eq!((&explained["outcome"], &explained["kept_out_by"]), (&json!("kept_out"), &json!(rule)), "{explained}");
    }
    // the same department and a number in the title are no likeness; a like price neither
    for (id, change) in
        [("paper", json!({"title": "Paper towels 500 g", "category": "GROCERY/PAPER", "price": 3.5})), ("odd", json!({"price": 3.5}))]
    {
        let item = changed(&server, id, &change);
        assert_eq!(item["like_item_ids"], json!([]), "{item}");
        assert_eq!(why(id, json!({}))["outcome"], "outranked");
    }
    assert_eq!(why("rye", json!({}))["outcome"], "shown");
    let short = server.post("/v1/recommendations", &json!({"customer_id": "anna", "n": 100})).json();
    let items = short["items"].as_array().unwrap();
    let like = |id: &str| items.iter().find(|item| item["item_id"] == id).map(|item| item["reason"]["like_item_id"].clone());
    assert_eq!((like("paper"), like("odd")), (Some(Value::Null), Some(Value::Null)), "they fill up what is short: {short}");
}
