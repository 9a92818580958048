//! Who is likely to buy an item, over HTTP.

use serde_json::{Value, json};
use shopkeeper::server::Code;

use crate::server::{Server, assert_problem};

fn rows(answer: &Value) -> Vec<Value> {
    answer["rows"].as_array().unwrap().clone()
}

#[test]
fn likely_buyers_are_found_filtered_and_sent_as_a_list() {
    let server = Server::start();
    let ask = |more: &str| server.get(&format!("/v1/items/butter/audience{more}"));
    let all = ask("").json();
    let found = rows(&all);
    assert_eq!(all["total"], found.len());
    // =1+2 and anna have bought butter four times; they come first
    assert_eq!(found[0]["item_orders"], 4, "{all}");
    let probability: Vec<f64> = found.iter().map(|row| row["probability"].as_f64().unwrap()).collect();
    assert!(probability.windows(2).all(|pair| pair[0] >= pair[1]) && probability.iter().all(|p| (0.0..=1.0).contains(p)));
    assert!(found.iter().all(|row| row["customer_id"] != "eve" && row["because_item_id"].is_string()), "eve has bought nothing: {all}");
    assert_eq!(found[0]["because_item_id"], "butter");
    // new buyers alone; filters and formats of every list of customers
    let new = rows(&ask("?purchased=exclude").json());
    assert!(!new.is_empty() && new.iter().all(|row| row["item_orders"] == 0 && row["because_item_id"] != "butter"), "{new:?}");
    let reached = rows(&ask("?attributes.email_opt_in=true&min_orders=5").json());
    assert!(
        !reached.is_empty() && reached.iter().all(|row| row["attributes"]["email_opt_in"] == true && row["orders"].as_u64() >= Some(5))
    );
    assert_eq!(rows(&ask("?size=1").json()).len(), 1);
    let page = ask("?limit=1").json();
    let next = ask(&format!("?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).json();
    assert_eq!([rows(&page), rows(&next)].concat(), found[..2]);
    let csv = ask("?format=csv").text();
    assert!(csv.starts_with("customer_id,probability,item_orders,because_item_id,lifecycle,churn_probability,"), "{csv}");
    assert_eq!(csv.lines().count(), found.len() + 1);
    assert_eq!(&ask("?format=parquet").body[..4], b"PAR1");
    // sold out now, and still worth asking
    assert_eq!(rows(&server.get("/v1/items/withdrawn/audience").json()).first().map(|row| row["probability"].is_number()), Some(true));
    for (more, expected) in [
        ("?size=0", "1 to 100000"),
        ("?sort=spend", "in the order of probability"),
        ("?purchased=never", "until_due"),
        ("?colour=red", "no such parameter"),
    ] {
        let answer = ask(more);
        assert_problem(&answer, Code::BadParameter);
        assert!(answer.text().contains(expected), "{more}: {}", answer.text());
    }
    assert_problem(&server.get("/v1/items/nothing/audience"), Code::UnknownItem);
}

#[test]
fn a_new_item_is_for_those_who_bought_what_it_is_like() {
    let server = Server::start();
    let request = ureq::http::Request::builder().method("PUT").header("Content-Type", "application/json");
    let rye = json!({"title": "Rye bread", "category": "GROCERY/BREAD"});
    assert_eq!(server.send(request, "/v1/items/rye", rye.to_string()).status, 200);
    let found = rows(&server.get("/v1/items/rye/audience").json());
    assert!(!found.is_empty() && found.iter().all(|row| row["probability"].is_null() && row["because_item_id"].is_string()), "{found:?}");
}
