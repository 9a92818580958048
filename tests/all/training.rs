//! Training: from Parquet to a model version, through the binary.

use std::fs;

use shopkeeper_models::co_purchase::Neighbour;
use shopkeeper_models::recommender::{Purchased, Query, Scratch};
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, ItemIx, Model};

use crate::shop::{self, checkerboard, complaint, line, shopkeeper};

fn trained(lines: &[shop::Line]) -> (tempfile::TempDir, Model) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let purchases = folder.path().join("purchases.parquet");
    shop::write(&purchases, lines);
    shop::train(&purchases, &folder.path().join("store"), &[]);
    let model = ModelStore::new(folder.path().join("store")).load_current().expect("a sound model");
    (folder, model)
}

#[test]
fn the_checkerboard_shop_has_obvious_neighbours() {
    let (_folder, model) = trained(&checkerboard(60, 20, 200));
    let parity = |id: &str| id[1..].parse::<usize>().expect("i and a number") % 2;
    let items = model.items();
    for item in (0..items.len() as u32).map(ItemIx) {
        for neighbours in [&model.recommender.parts().together, &model.recommender.parts().alike] {
            let neighbours: Vec<Neighbour> = neighbours.of(item).collect();
            assert!(!neighbours.is_empty());
            assert!(neighbours.iter().all(|neighbour| parity(items.id(neighbour.item)) == parity(items.id(item))));
            assert!(neighbours.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
    let mut scratch = Scratch::default();
    for customer in (0..model.customers.len() as u32).map(CustomerIx) {
        let query = Query { customer: Some(customer), n: 10, ..Query::default() };
        let answer = model.recommender.recommend(&query, &mut scratch);
        assert_eq!(answer.items.len(), 10);
        assert!(answer.items.iter().all(|entry| parity(items.id(entry.item)) == parity(model.customers.id(customer))));
    }
}

#[test]
fn a_few_purchases_after_a_long_silence_do_not_teach_the_ranker() {
    // two hundred busy days, then one customer a hundred days later
    let mut lines = checkerboard(60, 120, 200);
    lines.extend((0..3).map(|at| line("c000", "late", &format!("i{:03}", 2 * at), 300)));
    let (_folder, model) = trained(&lines);
    let ranker = &model.recommender.parts().ranker;
    assert_eq!((ranker.windows.len(), &ranker.unlearned), (3, &None));
    assert!(ranker.windows.iter().all(|end| end.as_str() < "2026-08-20"), "learned where many shopped: {:?}", ranker.windows);
}

#[test]
fn a_version_that_a_baseline_beats_is_saved_but_held_back() {
    // two favourites and a passing fancy in every order, each customer once a week; then a third of the customers once more, four months later
    let order = |customer: usize, visit: usize, day: i64| {
        let items = [format!("f{}", customer * 7 % 60), format!("f{}", (customer * 7 + 1) % 60), format!("n{}", (customer + visit) % 50)];
        items.map(|item| line(&format!("c{customer:03}"), &format!("o{customer}-{day}"), &item, day))
    };
    let mut lines: Vec<shop::Line> = (0..120)
        .flat_map(|customer| (customer as i64 % 7..200).step_by(7).enumerate().flat_map(move |(visit, day)| order(customer, visit, day)))
        .collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("purchases.parquet"), folder.path().join("store"));
    shop::write(&purchases, &lines);
    let first = shop::train(&purchases, &store, &[]);
    lines.extend((0..120).step_by(3).flat_map(|customer| order(customer, 99, 320)));
    shop::write(&purchases, &lines);
    let command = || {
        let mut command = shopkeeper();
        command.arg("train").arg("--purchases").arg(&purchases).arg("--store").arg(&store);
        command
    };
    let held_back = command().assert().code(3).get_output().clone();
    let said = String::from_utf8_lossy(&held_back.stderr);
    assert!(said.contains("is saved but not current") && said.contains("shopkeeper models activate"), "{said}");
    assert_eq!(shop::current(&store), first);
    command().args(["--activate", "always"]).assert().success();
    assert_ne!(shop::current(&store), first);
}

#[test]
fn support_confidence_and_lift_are_those_of_the_counts() {
    // 10 orders: bread in 5, butter in 4, both in 3, milk alone in 4
    let baskets = [["bread", "butter"]; 3]
        .iter()
        .map(|pair| pair.to_vec())
        .chain([vec!["bread"], vec!["bread"], vec!["butter"]])
        .chain(vec![vec!["milk"]; 4]);
    let lines: Vec<shop::Line> = (0..)
        .zip(baskets)
        .flat_map(|(order, items)| items.into_iter().map(move |item| line(&format!("c{order}"), &format!("o{order}"), item, order)))
        .collect();
    let (_folder, model) = trained(&lines);
    let (bread, butter) = (model.items().find("bread").expect("sold"), model.items().find("butter").expect("sold"));
    let neighbour = model.recommender.parts().together.of(bread).next().expect("butter");
    assert_eq!((neighbour.item, neighbour.together), (butter, 3));
    let association = model.recommender.association(bread, butter, neighbour.together);
    assert!((association.support - 0.3).abs() < 1e-12);
    assert!((association.confidence - 0.6).abs() < 1e-12);
    assert!((association.lift - 1.5).abs() < 1e-12);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines = checkerboard(40, 16, 150);
    let mut shuffled = lines.clone();
    // a fixed shuffle: reverse, then every seventh line first
    shuffled.reverse();
    shuffled.sort_by_key(|line| (line.day * 31 + line.item.len() as i64 + line.customer.bytes().map(i64::from).sum::<i64>()) % 7);
    assert_ne!(lines, shuffled);
    let (whole, parts) = (folder.path().join("whole.parquet"), folder.path().join("parts"));
    shop::write(&whole, &lines);
    fs::create_dir(&parts).expect("a folder");
    for (at, part) in shuffled.chunks(shuffled.len() / 3 + 1).enumerate() {
        shop::write(&parts.join(format!("{at}.parquet")), part);
    }
    let one = shop::train(&whole, &folder.path().join("one"), &["--threads", "1"]);
    let many = shop::train(&parts, &folder.path().join("many"), &["--threads", "4"]);
    assert_eq!(one, many, "the name is a checksum of everything in the version");
    for entry in fs::read_dir(folder.path().join("one").join(&one)).expect("a version").flatten() {
        let other = folder.path().join("many").join(&many).join(entry.file_name());
        assert!(fs::read(entry.path()).expect("readable") == fs::read(other).expect("readable"), "{:?} differs", entry.file_name());
    }
}

#[test]
fn segments_keep_their_ids_from_version_to_version() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (purchases, store) = (folder.path().join("purchases.parquet"), folder.path().join("store"));
    let segments = |version: &str| {
        let model = ModelStore::new(&store).load(version).expect("a sound model");
        let text = |column: &arrow::array::StringArray| column.iter().flatten().map(str::to_owned).collect::<Vec<_>>();
        let summary = model.manifest.segments[0].clone();
        (text(&model.segments.segment_id), text(&model.segments.change), text(&model.segments.since), summary)
    };
    shop::write(&purchases, &checkerboard(40, 8, 80));
    let quick = ["--tune", "off", "--segments", "2"];
    let first = shop::train(&purchases, &store, &quick);
    assert_eq!(shop::train(&purchases, &store, &quick), first, "the same data after itself is the same version");
    assert_eq!((&segments(&first).0[..2], &segments(&first).1[0]), (&["s1".to_owned(), "s2".to_owned()][..], &"new".to_owned()));
    shop::write(&purchases, &checkerboard(40, 8, 85));
    let second = shop::train(&purchases, &store, &quick);
    let (ids, changes, since, summary) = segments(&second);
    assert_eq!((&ids, &since), (&segments(&first).0, &segments(&first).2));
    assert!(changes.iter().all(|change| change == "kept"), "{changes:?}");
    assert_eq!((summary.previous, summary.next_id), (Some(first.clone()), 3));
    assert_eq!(shop::train(&purchases, &store, &quick), second);
}

#[test]
fn what_came_back_is_not_recommended_as_new_nor_counted() {
    let mut lines = checkerboard(30, 12, 120);
    lines.push(line("c000", "back", "i999", 10));
    lines.push(shop::Line { quantity: -1, amount: -1.0, ..line("c000", "back-2", "i999", 12) });
    let (_folder, model) = trained(&lines);
    let (customer, item) = (model.customers.find("c000").expect("known"), model.items().find("i999").expect("sold once"));
    assert_eq!(model.items().baskets.value(item.row()), 0);
    assert_eq!(model.customers.returns.value(customer.row()), 1);
    let query = Query { customer: Some(customer), purchased: Purchased::Exclude, n: 1000, ..Query::default() };
    let answer = model.recommender.recommend(&query, &mut Scratch::default());
    assert!(answer.items.iter().all(|entry| entry.item != item));
    let everything = model.recommender.recommend(&Query { purchased: Purchased::Include, ..query }, &mut Scratch::default());
    assert_eq!(everything.items.len(), model.items().len(), "every eligible item comes back when asked for");
}

#[test]
fn tiny_shops_train_and_say_what_is_missing() {
    for (name, lines) in [
        ("one line", vec![line("c1", "o1", "i1", 0)]),
        ("one customer", (0..5).map(|day| line("c1", &format!("o{day}"), "i1", day * 9)).collect()),
        (
            "one day",
            (0..30).map(|customer| line(&format!("c{customer}"), &format!("o{customer}"), &format!("i{}", customer % 3), 0)).collect(),
        ),
        ("one item", checkerboard(30, 2, 100).into_iter().map(|line| shop::Line { item: "only".into(), ..line }).collect()),
    ] {
        let (_folder, model) = trained(&lines);
        assert!(
            !model.manifest.evaluation.skipped.is_empty() || model.manifest.evaluation.churn.is_some(),
            "{name}: {:?}",
            model.manifest.evaluation
        );
        let stranger = model.recommender.recommend(&Query { n: 10, ..Query::default() }, &mut Scratch::default());
        assert_eq!(stranger.items.len(), model.items().len().min(10), "{name}");
        assert!(stranger.fallback.is_some());
    }
}

#[test]
fn a_failed_run_leaves_the_store_untouched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (good, store) = (folder.path().join("good.parquet"), folder.path().join("store"));
    shop::write(&good, &checkerboard(20, 8, 90));
    let version = shop::train(&good, &store, &[]);
    let before = listing(&store);
    let bad = folder.path().join("bad.parquet");
    let bytes = fs::read(&good).expect("readable");
    for (contents, expected) in
        [(&bytes[..bytes.len() / 2], "bad.parquet"), (&b"not parquet at all"[..], "bad.parquet"), (&b""[..], "bad.parquet")]
    {
        fs::write(&bad, contents).expect("space on the disk");
        let said = complaint(shopkeeper().arg("train").arg("--purchases").arg(&bad).arg("--store").arg(&store));
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    for (arguments, expected) in [
        (&["--column", "customer_id=nobody"][..], "nobody"),
        (&["--column", "shopper=customer_id"], "customer_id"),
        (&["--as-of", "yesterday"], "yesterday"),
        (&["--as-of", "1999-01-01"], "1999-01-01"),
        (&["--timezone", "Mars/Olympus"], "Mars/Olympus"),
        (&["--horizon-days", "0"], "horizon"),
        (&["--threads", "0"], "threads"),
        (&["--segments", "0"], "segments"),
        (&["--needs-segments", "101"], "1 to 100"),
        (&["--segment-method", "magic"], "gaussian_mixture"),
        (&["--max-reject-rate", "7"], "reject"),
    ] {
        let said = complaint(shopkeeper().arg("train").arg("--purchases").arg(&good).arg("--store").arg(&store).args(arguments));
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(listing(&store), before);
    assert_eq!(shop::current(&store), version);
}

fn listing(folder: &std::path::Path) -> Vec<(String, u64)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.display().to_string(), entry.metadata().expect("readable").len()));
            }
        }
    }
    files.sort();
    files
}
