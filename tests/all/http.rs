//! Every route, over real HTTP on a free port.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shopkeeper::server::{self, Code, ServeSettings};
use shopkeeper_models::store::ModelStore;

use crate::fixture::{self, ITEMS};
use crate::server::{Server, assert_problem};
use crate::shop;

#[test]
fn every_route_answers_as_documented() {
    let server = Server::start();
    let earlier = server.version.clone();
    let later = fixture::publish(server.store(), fixture::Shop { as_of_day: 17_501, churn: true });
    assert_eq!(server.post("/v1/models/reload", &Value::Null).status, 200);
    let body_of = |path: &str| match path {
        "/v1/rank" => json!({"items": ["bread", "tea"]}),
        "/v1/batch" => json!({"widgets": [{"name": "again"}]}),
        "/v1/explain" => json!({"item_id": "bread"}),
        "/v1/events" => json!({"event_id": "e", "kind": "view", "customer_id": "anna", "item_id": "bread"}),
        "/v1/items" => json!({"item_id": "tea", "price": 2}),
        "/v1/items/{id}" => json!({"price": 2}),
        _ => json!({"basket": ["bread"]}),
    };
    let mut answered = BTreeSet::new();
    for (path, item) in server::openapi().paths.paths {
        let real = path
            .replace("customers/{id}", "customers/anna")
            .replace("items/{id}", "items/bread")
            .replace("segments/{id}", "segments/s1")
            .replace("insights/{name}", "insights/retention")
            .replace("{version}", &earlier)
            .replace("segments/migration", &format!("segments/migration?from={earlier}&to={later}"));
        for (method, operation) in [("GET", item.get), ("POST", item.post), ("PUT", item.put), ("DELETE", item.delete)] {
            let Some(operation) = operation else { continue };
            let request = ureq::http::Request::builder().method(method).header("Content-Type", "application/json");
            let answer = if method == "GET" { server.get(&real) } else { server.send(request, &real, body_of(&path).to_string()) };
            let documented = operation.responses.responses.contains_key(&answer.status.to_string());
            let expected = if ["/v1/events", "/v1/items"].contains(&path.as_str()) { 202 } else { 200 };
            assert_eq!((documented, answer.status), (true, expected), "{method} {path}: {}", answer.text());
            if method == "GET" {
                let head = server.send(ureq::http::Request::builder().method("HEAD"), &real, "");
                assert_eq!((head.status, head.body.len()), (200, 0), "HEAD {path}");
                assert_eq!(head.header("content-type"), answer.header("content-type"), "HEAD {path}");
            }
            answered.insert(format!("{method} {path}"));
        }
    }
    let listed: Vec<String> = serde_json::from_value(server.get("/").json()["routes"].clone()).unwrap();
    // a path that takes several methods is one line
    let of_line = |line: &String| -> Vec<String> {
        let (methods, path) = line.rsplit_once(' ').unwrap();
        methods.split(", ").map(|method| format!("{method} {path}")).collect()
    };
    let listed: BTreeSet<String> = listed.iter().flat_map(of_line).collect();
    assert_eq!(listed, answered);
    assert_eq!(listed.len(), 38, "a new route needs a test of its own");
}

#[test]
fn recommendations_of_a_known_customer() {
    let server = Server::start();
    let answer = server.get("/v1/customers/anna/recommendations?n=4");
    assert_eq!(answer.header("x-model-version"), server.version);
    let body = answer.json();
    assert_eq!(body["model"], json!({"version": server.version, "as_of": "2017-12-01T00:00:00Z"}));
    assert_eq!((&body["known"], &body["fallback"], &body["unknown_categories"]), (&json!(true), &Value::Null, &json!([])));
    let items = body["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|item| item["rank"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(items.windows(2).all(|pair| pair[0]["score"].as_f64() >= pair[1]["score"].as_f64()));
    let repeat = items.iter().find(|item| item["source"] == "repeat").unwrap();
    assert_eq!(repeat["reason"], json!({"code": "bought_before", "orders": 4, "days_since_last": 20}));
    let again = server.get("/v1/customers/anna/recommendations?n=4").json();
    assert_ne!(body["recommendation_id"], again["recommendation_id"]);
    assert_eq!(body["items"], again["items"]);
}

#[test]
fn the_rules_of_a_recommendation_hold() {
    let server = Server::start();
    let all = server.get("/v1/customers/anna/recommendations?n=1000").item_ids();
    assert_eq!(all.len(), ITEMS.len() - 1, "everything that is available");
    assert!(!all.contains(&"withdrawn".to_owned()));
    let new = server.get("/v1/customers/anna/recommendations?n=1000&purchased=exclude").item_ids();
    assert!(["butter", "cheese", "eggs"].iter().all(|item| !new.contains(&(*item).to_owned())) && new.len() == all.len() - 3);
    let excluded = server.get("/v1/customers/anna/recommendations?n=1000&exclude=bread,tea&basket=milk").item_ids();
    assert!(["bread", "tea", "milk"].iter().all(|item| !excluded.contains(&(*item).to_owned())) && excluded.len() == all.len() - 3);
    let dairy = server.get("/v1/customers/anna/recommendations?n=1000&category=DAIRY").json();
    assert!(dairy["items"].as_array().unwrap().iter().all(|item| item["category"] == "DAIRY"));
    assert_eq!(dairy["items"].as_array().unwrap().len(), 4);
    let dairy_among_five = |wish: &str| {
        let answer = server.get(&format!("/v1/customers/anna/recommendations?n=5&{wish}")).json();
        answer["items"].as_array().unwrap().iter().filter(|item| item["category"] == "DAIRY").count()
    };
    assert!(dairy_among_five("diversity=1") < dairy_among_five("diversity=0"));
    assert_eq!(server.get("/v1/customers/anna/recommendations?diversity=2").status, 400);
    let unknown = server.get("/v1/customers/anna/recommendations?category=NOWHERE").json();
    assert_eq!((&unknown["unknown_categories"], &unknown["items"]), (&json!(["NOWHERE"]), &json!([])));
}

#[test]
fn a_stranger_is_never_refused() {
    let server = Server::start();
    let answer = server.get("/v1/customers/nobody/recommendations").json();
    assert_eq!((&answer["known"], &answer["fallback"]), (&json!(false), &json!("popular")));
    assert_eq!(answer["items"].as_array().unwrap().len(), 10);
    let prospect = server.get("/v1/customers/eve/recommendations").json();
    assert_eq!((&prospect["known"], &prospect["fallback"]), (&json!(true), &json!("popular")));
    let basket = server.post("/v1/recommendations", &json!({"basket": ["bread", "caviar"], "recent_items": ["truffle"], "n": 3})).json();
    assert_eq!((&basket["known"], &basket["fallback"]), (&json!(false), &json!("basket")));
    assert_eq!(basket["unknown_items"], json!(["caviar", "truffle"]));
    assert_eq!(basket["items"][0]["item_id"], "butter");
    assert_eq!(basket["items"][0]["reason"]["item_id"], "bread");
    let related = server.get("/v1/items/caviar/related?n=3").json();
    assert_eq!((&related["known"], related["items"].as_array().unwrap().len()), (&json!(false), 3));
    let metrics = server.get("/metrics").text();
    for line in [
        "shopkeeper_unknown_customers_total 1",
        "shopkeeper_unknown_items_total 3",
        "shopkeeper_recommendations_total{fallback=\"popular\"} 2",
        "shopkeeper_recommendations_total{fallback=\"basket\"} 1",
        "shopkeeper_http_requests_total{method=\"GET\",route=\"/v1/customers/{id}/recommendations\",status=\"200\"} 2",
        &format!("shopkeeper_model_info{{version=\"{}\"}} 1", server.version),
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("nobody") && !metrics.contains("caviar"), "metrics hold no ids");
}

/// Twenty pairs of items; every order holds one of them and an item of another, and customers have no taste of their own.
fn pairs(customers: usize, days: i64) -> Vec<shop::Line> {
    let mut lines = Vec::new();
    for customer in 0..customers {
        for (visit, day) in (customer as i64 % 7..days).step_by(7).enumerate() {
            let pair = (customer * 7 + visit * 11) % 20;
            for item in [2 * pair, 2 * pair + 1, 2 * ((pair + 1 + (customer + visit) % 19) % 20)] {
                lines.push(shop::line(&format!("c{customer:03}"), &format!("o{customer}-{visit}"), &format!("i{item:02}"), day));
            }
        }
    }
    lines
}

#[test]
fn what_joins_a_basket_is_learned_and_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let purchases = folder.path().join("purchases.parquet");
    shop::write(&purchases, &pairs(250, 90));
    let version = shop::train(&purchases, folder.path(), &["--tune", "off"]);
    let model = ModelStore::new(folder.path()).load_current().unwrap();
    assert!(model.recommender.parts().ranker.basket.is_some(), "250 baskets are enough to learn from");
    let server = Server::over(folder, version, |_| {});
    for pair in 0..20 {
        let (first, second) = (format!("i{:02}", 2 * pair), format!("i{:02}", 2 * pair + 1));
        let stranger = server.post("/v1/recommendations", &json!({"basket": [second], "n": 1}));
        assert_eq!(stranger.item_ids(), [first.as_str()], "{}", stranger.text());
        let known = server.get(&format!("/v1/customers/c017/recommendations?n=1&basket={second}"));
        assert_eq!(known.item_ids(), [first.as_str()], "{}", known.text());
        let rest = server.post("/v1/baskets/complete", &json!({"basket": [second], "n": 1}));
        assert_eq!(rest.item_ids(), [first.as_str()], "{}", rest.text());
    }
}

#[test]
fn labels_of_metrics_cannot_be_invented() {
    let server = Server::start();
    for method in ["BREW", "STEEP"] {
        let answer = server.raw(format!("{method} /v1/churn HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    }
    server.get("/v1/invented");
    let metrics = server.get("/metrics").text();
    assert!(metrics.contains("{method=\"other\",route=\"/v1/churn\",status=\"405\"} 2"), "{metrics}");
    assert!(!metrics.contains("BREW") && !metrics.contains("invented"), "{metrics}");
}

#[test]
fn ids_are_percent_decoded_once() {
    let server = Server::start();
    assert_eq!(server.get("/v1/customers/b%2Fc%20d%2B%C3%BC").json()["customer_id"], "b/c d+ü");
    assert_eq!(server.get("/v1/customers/b%2Fc%20d+%C3%BC").json()["customer_id"], "b/c d+ü", "a plus in a path is a plus");
    assert_problem(&server.get("/v1/customers/b%252Fc%20d%2B%C3%BC"), Code::UnknownCustomer);
    assert_eq!(server.get("/v1/customers/%3D1%2B2/recommendations").json()["known"], true);
    assert_problem(&server.get("/v1/customers/%FF%FE"), Code::MalformedId);
    assert_problem(&server.get("/v1/customers/%EF%BF%BD"), Code::UnknownCustomer);
    assert_problem(&server.get("/v1/customers/%00"), Code::UnknownCustomer);
}

#[test]
fn related_items_come_with_their_evidence() {
    let server = Server::start();
    let answer = server.get("/v1/items/bread/related?n=4").json();
    let expected = json!({"source": "bought_together", "baskets": 12, "support": 0.12, "confidence": 0.3, "lift": 0.3 * 100.0 / 39.0});
    assert_eq!(answer["items"][0]["item_id"], "butter");
    assert_eq!(answer["items"][0]["evidence"], expected);
    let sources: Vec<&str> = answer["items"].as_array().unwrap().iter().map(|item| item["evidence"]["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["bought_together", "bought_together", "category", "category"]);
    let similar = server.get("/v1/items/bread/related?kind=similar&n=1").json();
    assert_eq!(similar["items"][0]["item_id"], "eggs");
    assert_eq!(similar["items"][0]["evidence"], json!({"source": "similar", "customers": 3}));
    let all = server.get("/v1/items/bread/related?n=1000").item_ids();
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (ITEMS.len() - 2, ITEMS.len() - 2), "every other available item, once");
}

#[test]
fn the_single_customer_view() {
    let server = Server::start();
    let view = server.get("/v1/customers/carl").json();
    for (field, value) in [
        ("customer_id", json!("carl")),
        ("segment_id", json!("s2")),
        ("segment_name", json!("Rare visitors")),
        ("needs_segment_id", json!("n2")),
        ("needs_segment_name", json!("A bit of everything")),
        ("lifecycle", json!("at_risk")),
        ("value_tier", json!("medium")),
        ("status", json!("ok")),
        ("churn_probability", json!(0.7)),
        ("spend_if_active", json!(80.0)),
        ("expected_loss", json!(0.7 * 80.0)),
        ("drivers", json!("raises the risk: usually every 10 days, now 23 days since the last purchase")),
        ("lifetime_value", json!(600.0)),
        ("next_order", json!("2017-12-10")),
        ("days_since_last", json!(23)),
        ("first_day", json!("2017-08-02")),
        ("rfm_monetary", json!(2)),
        ("rfm_group", json!("hibernating")),
        ("loyalty_tier", json!("silver")),
        ("loyalty_spend", json!(230.12)),
        ("loyalty_next_tier", json!("gold")),
        ("loyalty_spend_to_next", json!(169.88)),
        ("loyalty_orders_to_next", json!(4)),
        ("loyalty_falls_on", json!("2018-10-26")),
        ("loyalty_falls_to", Value::Null),
        ("loyalty_points", json!(230.0)),
        ("attributes", json!({"age": 52.0, "email_opt_in": true, "region": null, "signed_up_at": "2017-05-14"})),
    ] {
        assert_eq!(view[field], value, "{field}");
    }
    assert_eq!(view["top_items"][0], json!({"item_id": "eggs", "title": "eggs", "orders": 4, "days_since_last": 20}));
    assert_eq!(view["model"]["version"], server.version);
    let churn = server.get("/v1/customers/eve/churn").json();
    assert_eq!((&churn["churn_probability"], &churn["status"]), (&Value::Null, &json!("insufficient_data")));
    assert_eq!((&churn["days_since_last"], &churn["next_order"]), (&Value::Null, &Value::Null), "a prospect has not bought yet");
    let segment = server.get("/v1/customers/anna/segment").json();
    assert_eq!((&segment["segment_id"], &segment["rfm_recency"]), (&json!("s1"), &json!(4)));
    assert_eq!((&segment["needs_segment_id"], &segment["needs_segment_name"]), (&json!("n1"), &json!("Dairy lovers")));
}

#[test]
fn lists_page_with_a_cursor_and_stream_whole() {
    let server = Server::start();
    let filter = "min_probability=0.2&sort=expected_loss";
    let mut paged = Vec::new();
    let mut next = format!("/v1/churn?{filter}&limit=3");
    loop {
        let page = server.get(&next);
        assert_eq!((page.header("x-row-count"), page.json()["total"].as_u64()), ("4", Some(4)));
        paged.extend(page.json()["rows"].as_array().unwrap().clone());
        let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        next = format!("/v1/churn?{filter}&limit=3&cursor={cursor}");
    }
    let whole = server.get(&format!("/v1/churn?{filter}&format=ndjson"));
    let streamed: Vec<Value> = whole.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((paged.len(), &paged), (4, &streamed));
    assert_eq!(paged[0]["customer_id"], "anna");
    let csv = server.accept("/v1/churn", "text/csv");
    assert_eq!((csv.header("content-type"), csv.header("x-row-count"), csv.text().lines().count()), ("text/csv", "6", 7));
    assert_eq!(csv.header("content-disposition"), format!("attachment; filename=\"churn-{}.csv\"", server.version));
    let parquet = server.get("/v1/segments/s1/customers?format=parquet");
    assert_eq!((&parquet.body[..4], &parquet.body[parquet.body.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    let other = server.get("/v1/churn?limit=1").json()["next_cursor"].as_str().unwrap().to_owned();
    assert_problem(&server.get(&format!("/v1/churn?{filter}&cursor={other}")), Code::BadCursor);
    assert_problem(&server.get(&format!("/v1/churn?format=csv&cursor={other}")), Code::BadCursor);
}

#[test]
fn every_list_of_customers_takes_the_same_filter() {
    let server = Server::start();
    let filter = "attributes.region=north&min_spend=100&sort=expected_loss";
    for list in ["/v1/churn", "/v1/customers", "/v1/segments/s1/customers"] {
        let page = server.get(&format!("{list}?{filter}")).json();
        let ids: Vec<&str> = page["rows"].as_array().unwrap().iter().map(|row| row["customer_id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["b/c d+ü", "=1+2"], "{list}");
        assert_eq!(page["rows"][0]["attributes"]["region"], "north");
        let csv = server.get(&format!("{list}?{filter}&format=csv&limit=1"));
        assert_eq!((csv.header("x-row-count"), csv.text().lines().count()), ("2", 2), "a whole list keeps to its limit");
        assert!(
            csv.text()
                .lines()
                .next()
                .unwrap()
                .ends_with("attributes.age,attributes.email_opt_in,attributes.region,attributes.signed_up_at")
        );
        assert_problem(&server.get(&format!("{list}?regoin=north")), Code::BadParameter);
        assert_problem(&server.get(&format!("{list}?limit=1001")), Code::BadParameter);
    }
    assert_eq!(server.get("/v1/customers?format=csv&limit=5000").text().lines().count(), 7, "only a page of JSON has a most");
}

#[test]
fn groups_and_who_moved_between_versions() {
    let server = Server::start();
    let groups = server.get("/v1/groups?by=loyalty_tier").json();
    assert_eq!(
        groups["rows"][0],
        json!({"by": "loyalty_tier", "name": "gold", "rule": "spend of at least 400.00 and at least 8 orders in the last 365 days", "customers": 2, "share": 2.0 / 6.0})
    );
    assert_eq!(server.get("/v1/groups").json()["total"], 2 + 2 + 12 + 8 + 3 + 3 + 1);
    let alone = server.get("/v1/segments/migration");
    assert_problem(&alone, Code::BadParameter);
    assert!(alone.json()["detail"].as_str().unwrap().contains("no version that ends before"), "{}", alone.text());

    let second = fixture::publish(server.store(), fixture::Shop { as_of_day: 17_501, churn: true });
    let moved = server.get(&format!("/v1/segments/migration?from={}&to={second}&by=rfm_group", server.version)).json();
    assert_eq!((&moved["from"]["version"], &moved["to"]["version"]), (&json!(server.version), &json!(second)));
    assert_eq!((&moved["both"], &moved["stayed"], &moved["joined"], &moved["left"]), (&json!(6), &json!(5), &json!(0), &json!(0)));
    let way = json!({"from_group": "need_attention", "to_group": "at_risk", "change": "moved", "customers": 1, "share": 1.0});
    assert!(moved["rows"].as_array().unwrap().contains(&way), "{moved}");
    let csv = server.get(&format!("/v1/segments/migration?to={second}&by=rfm_group&format=csv")).text();
    assert!(
        csv.contains(&format!("{},{second},rfm_group,need_attention,at_risk,moved,1,1.0", server.version)),
        "from is the version before: {csv}"
    );
    assert_problem(&server.get("/v1/segments/migration?from=2001-01-01-000000000000"), Code::UnknownVersion);
    let same = server.get(&format!("/v1/segments/migration?from={second}&to={second}"));
    assert_problem(&same, Code::BadParameter);
    let by = server.get("/v1/segments/migration?by=shoe_size");
    assert!(
        by.json()["detail"]
            .as_str()
            .unwrap()
            .contains("by=shoe_size: no way to group customers; expected one of segment, needs_segment, rfm_group"),
        "{}",
        by.text()
    );
}

#[test]
fn a_parameter_that_is_no_number_is_named_with_what_it_expects() {
    let server = Server::start();
    for (query, detail) in [
        ("/v1/customers/anna/recommendations?n=abc", "n=abc: expected a whole number from 1 to 1000"),
        ("/v1/customers/anna/recommendations?n=3&diversity=x", "diversity=x: expected 0 to 1"),
        ("/v1/churn?limit=ten", "limit=ten: expected a whole number"),
        ("/v1/rules?min_support=2", "min_support=2: 2; expected 0 to 1"),
        ("/v1/churn?min_spend=lots", "min_spend=lots: expected a number"),
    ] {
        let answer = server.get(query);
        assert_problem(&answer, Code::BadParameter);
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{query}: {}", answer.text());
    }
}

#[test]
fn a_mistake_of_the_admin_is_no_failed_reload() {
    let server = Server::start();
    assert_problem(&server.post("/v1/models/2001-01-01-000000000000/activate", &Value::Null), Code::UnknownVersion);
    assert_problem(&server.post("/v1/models/rollback", &Value::Null), Code::NoPreviousVersion);
    let metrics = server.get("/metrics").text();
    assert!(metrics.contains("shopkeeper_reloads_total{outcome=\"refused\"} 2"), "{metrics}");
    assert!(!metrics.contains("outcome=\"failed\""), "{metrics}");
}

#[test]
fn lists_of_segments_members_and_rules() {
    let server = Server::start();
    let segments = server.get("/v1/segments").json();
    assert_eq!((&segments["rows"][0]["size"], &segments["rows"][0]["share"]), (&json!(3), &json!(0.5)));
    let segment = server.get("/v1/segments/s2").json();
    assert_eq!((&segment["name"], &segment["change"], &segment["from"]), (&json!("Rare visitors"), &json!("split"), &json!("s1")));
    assert_eq!(segment["favourites"], json!([{"item_id": "ham", "title": "ham", "buyers": 1, "lift": null}]));
    let needs = server.get("/v1/segments?kind=needs").json();
    let listed: Vec<&Value> = needs["rows"].as_array().unwrap().iter().map(|row| &row["segment_id"]).collect();
    assert_eq!((listed, &needs["total"]), (vec![&json!("n1"), &json!("n2")], &json!(2)));
    let dairy = server.get("/v1/segments/n1").json();
    assert_eq!(dairy["over_items"], json!([{"item_id": "milk", "title": "milk", "buyers": 3, "lift": 1.5}]));
    assert_eq!(dairy["over_categories"], json!([{"category": "DAIRY", "share": 0.6, "lift": 2.0}]));
    assert_problem(&server.get("/v1/segments?kind=wishes"), Code::BadParameter);
    let lovers = server.get("/v1/segments/n1/customers").json();
    assert_eq!((&lovers["total"], &lovers["rows"][1]["customer_id"]), (&json!(2), &json!("anna")));
    assert_eq!(server.get("/v1/churn?segment=n1").json()["total"], 2, "either kind filters");
    assert_problem(&server.get("/v1/segments/s3/customers"), Code::UnknownSegment);
    let members = server.get("/v1/segments/s2/customers").json();
    assert_eq!((&members["rows"][0]["customer_id"], &members["rows"][0]["segment_id"]), (&json!("carl"), &json!("s2")));
    let oldest = server.get("/v1/segments/s2/customers?sort=attributes.age&limit=1").json();
    assert_eq!((&oldest["total"], &oldest["rows"][0]["customer_id"]), (&json!(3), &json!("carl")));
    let rules = server.get("/v1/rules?min_confidence=0.3&limit=1").json();
    assert_eq!((&rules["total"], &rules["rows"][0]["antecedent"]), (&json!(3), &json!(["bread"])));
    assert_eq!((&rules["rows"][0]["baskets"], &rules["rows"][0]["lift"]), (&json!(12), &json!(2.0)));
    let sure = server.get("/v1/rules?level=category&prune=true&sort=confidence&consequent=GROCERY/BREAD").json();
    assert_eq!((&sure["total"], &sure["rows"][0]["confidence"]), (&json!(1), &json!(0.8)));
    assert_problem(&server.get("/v1/rules?item=caviar"), Code::BadParameter);
}

#[test]
fn insights_come_with_their_definitions_and_withhold_small_groups() {
    let server = Server::start();
    let listed = server.get("/v1/insights").json();
    let names: Vec<&str> = listed["insights"].as_array().unwrap().iter().map(|insight| insight["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"customers") && names.contains(&"quality"), "{names:?}");
    let answer = server.get("/v1/insights/retention?by=month");
    assert_eq!((answer.header("x-row-count"), answer.header("x-model-version")), ("2", server.version.as_str()));
    let body = answer.json();
    assert_eq!((&body["insight"]["name"], &body["min_group"], &body["total"]), (&json!("retention"), &json!(5), &json!(2)));
    assert!(body["insight"]["columns"].as_array().unwrap().iter().any(|column| column["about"] == "retained / customers_before."));
    let [november, december] = [&body["rows"][0], &body["rows"][1]];
    assert_eq!((&november["period"], &november["customers"], &november["retention_rate"]), (&json!("2017-11-01"), &json!(6), &json!(0.5)));
    assert_eq!((&december["suppressed"], &december["customers"]), (&json!(true), &Value::Null));
    assert_eq!(server.get("/v1/insights/retention?from=2017-11-02").json()["total"], 1);
    assert_eq!(server.get("/v1/insights/retention?segment=s1").json()["rows"][0]["retention_rate"], 0.25);
    let csv = server.get("/v1/insights/retention?format=csv").text();
    assert!(csv.starts_with("by,period,segment,customers_before,") && csv.lines().count() == 3, "{csv}");
    for (query, detail) in [
        ("retention?by=fortnight", "by=fortnight: expected one of month, week, quarter, year"),
        ("retention?from=yesterday", "from=yesterday: yesterday; expected a date such as 2017-11-06"),
        ("retention?segment=s9", "segment=s9: expected one of s1, s2, n1, n2"),
        ("growth?segment=s1", "growth is of the whole shop; leave segment out"),
        ("hours?to=2017-11-06", "hours has no periods; leave from and to out"),
        ("hours?colour=red", "colour"),
    ] {
        let answer = server.get(&format!("/v1/insights/{query}"));
        assert_problem(&answer, Code::BadParameter);
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{query}: {}", answer.text());
    }
}

#[test]
fn models_are_listed_activated_rolled_back_and_reloaded() {
    let server = Server::start();
    let second = fixture::publish(server.store(), fixture::Shop { as_of_day: 17_501, churn: true });
    let listed = server.get("/v1/models").json();
    assert_eq!(listed["models"].as_array().unwrap().len(), 2);
    let of = |version: &str| listed["models"].as_array().unwrap().iter().find(|model| model["version"] == version).unwrap().clone();
    assert_eq!((&of(&second)["current"], &of(&second)["serving"]), (&json!(true), &json!(false)));
    assert_eq!((&of(&server.version)["current"], &of(&server.version)["serving"]), (&json!(false), &json!(true)));
    let change = server.post("/v1/models/reload", &Value::Null).json();
    assert_eq!((&change["changed"], &change["version"], &change["previous"]), (&json!(true), &json!(second), &json!(server.version)));
    assert_eq!(server.post("/v1/models/reload", &Value::Null).json()["changed"], false);
    assert_eq!(server.post("/v1/models/rollback", &Value::Null).json()["version"], server.version);
    assert_eq!(server.get("/v1/customers/anna").header("x-model-version"), server.version);
    assert_eq!(server.post(&format!("/v1/models/{second}/activate"), &Value::Null).json()["version"], second);
    let manifest = server.get(&format!("/v1/models/{second}")).json();
    assert_eq!((&manifest["serving"], &manifest["manifest"]["data"]["customers"]), (&json!(true), &json!(6)));
    assert_problem(&server.get("/v1/models/..%2F..%2Fetc"), Code::UnknownVersion);
    assert!(server.get("/metrics").text().contains("shopkeeper_reloads_total{outcome=\"changed\"} 3"));
}

#[test]
fn the_store_is_watched() {
    let server = Server::with(|settings| settings.watch_interval = Duration::from_millis(20));
    let second = fixture::publish(server.store(), fixture::Shop { as_of_day: 17_501, churn: false });
    wait_until(|| server.shop.version() == second);
    let third = fixture::publish(server.store(), fixture::Shop { as_of_day: 17_502, churn: true });
    wait_until(|| server.shop.version() == third);
    let fourth = fixture::publish(server.store(), fixture::Shop { as_of_day: 17_503, churn: true });
    wait_until(|| server.shop.version() == fourth);
    ModelStore::new(server.store()).rollback().unwrap();
    wait_until(|| server.shop.version() == third);
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_not_documented_is_refused() {
    let server = Server::start();
    for path in [
        "/v1/customers/anna?verbose=1",
        "/v1/customers/anna/recommendations?count=3",
        "/v1/customers/anna/recommendations?n=1001",
        "/v1/customers/anna/recommendations?n=3&n=4",
        "/v1/customers/anna/recommendations?purchased=maybe",
        "/v1/churn?min_probability=1.5",
        "/v1/churn?min_probability=NaN",
        "/v1/churn?lifecycle=asleep",
        "/v1/churn?limit=1001",
        "/v1/churn?format=xlsx",
        "/v1/models?all=1",
    ] {
        assert_problem(&server.get(path), Code::BadParameter);
    }
    for body in [
        json!([]),
        json!(["anna"]),
        json!(null),
        json!({"n": "3"}),
        json!({"n": 0}),
        json!({"n": 2.5}),
        json!({"basket": [""]}),
        json!({"basket": vec!["x"; 1001]}),
    ] {
        assert_problem(&server.post("/v1/recommendations", &body), Code::BadBody);
    }
    assert_eq!(server.post("/v1/recommendations", &json!({"n": 2.0})).item_ids().len(), 2, "JSON knows one kind of number");
    assert_problem(&server.post("/v1/baskets/complete", &json!({})), Code::BadBody);
    assert_problem(&server.post("/v1/recommendations?debug=1", &json!({})), Code::BadParameter);
    let too_many = server.get("/v1/customers/anna/recommendations?n=1001");
    assert!(
        too_many.json()["detail"].as_str().unwrap().contains("n is 1001; expected a whole number from 1 to 1000"),
        "{}",
        too_many.text()
    );
}

#[test]
fn the_documentation_is_served_offline() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let page = server.get("/docs/");
    assert_eq!((page.status, page.text().contains("swagger-ui")), (200, true));
    assert!(!page.text().contains("https://"), "nothing from elsewhere: {}", page.text());
    assert!(server.get("/docs/swagger-initializer.js").text().contains("/openapi.json"));
    let bare = Server::with(|settings| settings.docs = false);
    assert_problem(&bare.get("/docs/"), Code::UnknownRoute);
}

#[test]
fn without_a_model_the_port_stays_closed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ServeSettings { store: folder.path().into(), bind: "127.0.0.1:0".into(), ..ServeSettings::default() };
    let error = actix_web::rt::System::new().block_on(async { server::start(&settings).err() }).unwrap();
    assert!(error.to_string().contains("no trained model here"), "{error}");
    fixture::publish(folder.path(), fixture::Shop::default());
    let settings = ServeSettings { bind: "nowhere".into(), ..settings };
    let error = actix_web::rt::System::new().block_on(async { server::start(&settings).err() }).unwrap();
    assert!(error.to_string().starts_with("cannot listen on nowhere"), "{error}");
}
