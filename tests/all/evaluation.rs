//! Measuring through the binary: any cut, two versions beside each other, and the two agreeing.

use std::path::Path;

use serde_json::Value;

use crate::shop::{self, checkerboard, complaint, shopkeeper};

fn json(args: &[&str], purchases: &Path, store: &Path) -> Value {
    let mut command = shopkeeper();
    command.args(args).arg("--purchases").arg(purchases).arg("--store").arg(store).args(["--format", "json"]);
    serde_json::from_slice(&command.assert().success().get_output().stdout).expect("JSON")
}

fn row<'a>(scores: &'a Value, task: &str, method: &str) -> &'a Value {
    let rows = scores["scores"].as_array().expect("rows");
    rows.iter().find(|row| row["task"] == task && row["method"] == method).unwrap_or_else(|| panic!("no {task} of {method}"))
}

#[test]
fn two_versions_are_told_apart_or_not_and_agree_with_the_evaluation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(60, 20, 150));
    let early = shop::train(&purchases, &store, &["--as-of", "2026-02-01"]);
    let late = shop::train(&purchases, &store, &["--as-of", "2026-05-01"]);
    let again = shop::train(&purchases, &store, &["--as-of", "2026-05-01", "--seed", "7"]);
    assert_ne!(late, again);

    let compared = json(&["compare", &early, &late], &purchases, &store);
    assert_eq!((&compared["cut"], &compared["k"]), (&"2026-05-01".into(), &10.into()));
    let backwards = json(&["compare", &late, &early], &purchases, &store);
    for task in ["all", "repeat"] {
        let (ours, theirs) = (row(&compared, task, &late), row(&backwards, task, &early));
        assert_eq!(ours["against"]["than"], early);
        let difference = |row: &Value| row["against"]["ndcg"].as_f64().expect("a difference");
        assert_eq!(difference(ours), -difference(theirs), "{task}");
        assert_eq!(ours["ndcg"], row(&backwards, task, &late)["ndcg"]);
    }
    // what is saved and what is fitted again for a measurement answer alike
    let evaluated = json(&["evaluate", "--cut", "2026-05-01", "--model", &late], &purchases, &store);
    let measured = row(&evaluated["recommendations"], "all", "shopkeeper");
    for figure in ["customers", "recall", "ndcg", "map", "hit_rate", "repeat_hits", "coverage", "popularity"] {
        assert_eq!(measured[figure], row(&compared, "all", &late)[figure], "{figure}");
    }

    // another seed changes the segments, not the answers
    let same = json(&["compare", &late, &again], &purchases, &store);
    assert_eq!(row(&same, "all", &again)["against"]["interval"], serde_json::json!([0.0, 0.0]));
    let mut command = shopkeeper();
    command.args(["compare", &late, &again]).arg("--purchases").arg(&purchases).arg("--store").arg(&store);
    let said = String::from_utf8_lossy(&command.assert().success().get_output().stdout).into_owned();
    assert!(said.contains("not told apart from") && said.contains(&late) && said.contains(&again), "{said}");
}

#[test]
fn the_column_mapping_of_the_version_counts_where_none_is_given() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(20, 8, 90));
    // the order ids stand in for the customers: a mapping that shows in what is measured
    let mapped = ["--column", "customer_id=order_id", "--column", "order_id=customer_id", "--tune", "off"];
    shop::train(&purchases, &store, &mapped);
    let again = json(&["evaluate"], &purchases, &store);
    let same = json(&[&["evaluate"][..], &mapped].concat(), &purchases, &store);
    let other = json(&["evaluate", "--column", "customer_id=customer_id"], &purchases, &store);
    assert_eq!(again["churn"], same["churn"]);
    assert_ne!(again, other, "a mapping that is given goes over that of the version");
}

#[test]
fn what_cannot_be_measured_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(20, 8, 90));
    let first = shop::train(&purchases, &store, &[]);
    let second = shop::train(&purchases, &store, &["--seed", "7"]);
    for (args, expected) in [
        (&["compare", &first, &first][..], "the same version"),
        (&["compare", &first, &second], "from 2026-04-01 on"),
        (&["compare", &first, "2001-01-01-nothere"], "2001-01-01-nothere"),
        (&["evaluate", "--cut", "2026-01-01"], "a day after that of the first purchase"),
        (&["evaluate", "--cut", "2026-04-01"], "not after that of the last"),
        (&["evaluate", "--cut", "soon"], "a date such as"),
    ] {
        let said = complaint(shopkeeper().args(args).arg("--purchases").arg(&purchases).arg("--store").arg(&store));
        assert!(said.contains(expected) && !said.contains("panicked"), "{args:?}: {said}");
    }
    let said = complaint(shopkeeper().args(["compare", &first, &second, "--store"]).arg(&store));
    assert!(said.contains("no purchases to compare on"), "{said}");
}

#[test]
fn training_measures_every_task_and_how_much_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("p.parquet"), folder.path().join("store"));
    shop::write(&purchases, &checkerboard(60, 20, 150));
    let version = shop::train(&purchases, &store, &[]);
    let manifest = std::fs::read(store.join(version).join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let measured = &manifest["evaluation"]["recommendations"];
    for task in ["all", "repeat", "next_basket_all", "completion"] {
        assert!(row(measured, task, "shopkeeper")["ndcg"].as_f64().expect("measured") > 0.0, "{task}");
    }
    let stability = &measured["stability"];
    assert_eq!((&stability["days"], &stability["customers"]), (&28.into(), &60.into()));
    assert!((0.0..=1.0).contains(&stability["kept"].as_f64().expect("a share")));
}
