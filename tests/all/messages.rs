//! Reasons in words, over HTTP.

use serde_json::{Value, json};
use shopkeeper::server::Code;

use crate::fixture::{self, Shop};
use crate::server::{Answer, Server, assert_problem};
use crate::shop::{self, shopkeeper};

fn accepting(server: &Server, path: &str, languages: &str) -> Answer {
    server.send(ureq::http::Request::builder().header("Accept-Language", languages), path, "")
}

fn texts(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap();
    items.iter().filter_map(|item| item["text"].as_str().map(str::to_owned)).collect()
}

#[test]
fn reasons_are_said_in_the_language_asked_for() {
    let server = Server::start();
    let path = "/v1/customers/anna/recommendations?n=11";
    assert_eq!(texts(&server.get(path).json()), [""; 0], "nobody asked for words");
    let english = server.get(&format!("{path}&lang=en"));
    assert_eq!(english.header("content-language"), "en");
    let english = texts(&english.json());
    assert_eq!(english.len(), 11);
    assert!(english.iter().any(|text| text == "You bought it 4 times, last 20 days ago"), "{english:?}");
    let chinese = accepting(&server, path, "fr, zh-CN;q=0.9, en;q=0.5");
    assert_eq!(chinese.header("content-language"), "zh-Hans");
    assert!(texts(&chinese.json()).iter().any(|text| text == "您买过 4 次，最近一次在 20 天前"), "{}", chinese.text());
    assert_eq!(texts(&accepting(&server, path, "fr").json()), [""; 0]);
    let with = server.post("/v1/recommendations", &json!({"basket": ["butter"], "lang": "en", "n": 3})).json();
    assert!(texts(&with).iter().any(|text| text.starts_with("Bought together with butter in ")), "{with}");
    let page = server.post("/v1/batch", &json!({"lang": "zh", "widgets": [{"name": "one", "n": 2}]})).json();
    assert_eq!(texts(&page["widgets"][0]["answer"]).len(), 2);
    let why = |item: &str, rules: Value| server.post("/v1/explain", &json!({"item_id": item, "rules": rules, "lang": "en"})).json();
    assert_eq!(why("tea", json!({"exclude": ["tea"]}))["text"], "Not shown: it was excluded by name");
    assert_eq!(why("nothing", json!({}))["text"], "Nobody has told of such an item");
    let unknown = server.get(&format!("{path}&lang=xx"));
    assert_problem(&unknown, Code::BadParameter);
    assert!(unknown.text().contains("en, zh-Hans"), "{}", unknown.text());
}

#[test]
fn the_shop_may_say_it_in_its_own_words_and_a_wrong_file_is_an_error_before_the_port_opens() {
    let own = include_str!("../../src/server/messages/en.ftl");
    let folder = tempfile::tempdir().unwrap();
    let messages = folder.path().join("messages");
    std::fs::create_dir(&messages).unwrap();
    std::fs::write(messages.join("en.ftl"), own.replace("pinned = Recommended by us", "pinned = Our pick")).unwrap();
    let store = folder.path().join("store");
    let version = fixture::publish(&store, Shop::default());
    let (of_store, of_messages) = (store.clone(), messages.clone());
    let server = Server::over(folder, version, |settings| {
        settings.store = of_store;
        settings.messages = Some(of_messages);
    });
    let pinned = server.post("/v1/recommendations", &json!({"rules": {"pinned": ["tea"]}, "lang": "en", "n": 1})).json();
    assert_eq!(texts(&pinned), ["Our pick"]);
    let refused = |text: &str, how: &str| {
        std::fs::write(messages.join("en.ftl"), text).unwrap();
        let mut command = shopkeeper();
        command.args(["serve", "--bind", "127.0.0.1:0", "--store"]).arg(&store).arg("--messages").arg(&messages);
        let found = shop::complaint(&mut command);
        assert!(found.contains("en.ftl") && found.contains(how), "{found}");
    };
    refused("bought-before = You bought it\n", "no message bought-with");
    refused(&own.replace("Bought together with { $title }", "Bought together with { $item }"), "$item");
    refused("bought-before = {", "line 1");
}
