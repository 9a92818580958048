//! Segments of shops so small or so plain that what must come out is known.

use std::collections::BTreeSet;

use arrow::array::StringArray;
use shopkeeper_models::lifecycle::LifecycleRules;
use shopkeeper_models::loyalty::LoyaltyRules;
use shopkeeper_models::rfm::RfmGroups;
use shopkeeper_models::value::ValueRules;

use super::*;
use crate::log::Catalogue;
use crate::{customers, histories, tempo};

/// An order of one item: customer, day, item, money.
type Order = (usize, i32, usize, f64);

/// A log of so many customers; the categories of the items are as given, by position.
fn log(customers: usize, orders: &[Order], categories: &[Option<&str>], as_of_day: i32) -> PurchaseLog {
    let mut orders = orders.to_vec();
    orders.sort_by_key(|order| (order.0, order.1, order.2));
    let mut offsets = vec![0_u32; customers + 1];
    orders.iter().for_each(|order| offsets[order.0 + 1] += 1);
    (1..offsets.len()).for_each(|at| offsets[at] += offsets[at - 1]);
    let n = categories.len();
    PurchaseLog {
        customer_ids: (0..customers).map(|customer| Some(format!("c{customer:05}"))).collect::<StringArray>(),
        item_ids: (0..n).map(|item| Some(format!("i{item:03}"))).collect::<StringArray>(),
        catalogue: Catalogue {
            title: vec![None; n],
            category: categories.iter().map(|name| name.map(str::to_owned)).collect(),
            brand: vec![None; n],
            price: vec![None; n],
            available: vec![true; n],
        },
        order_offsets: offsets,
        order_time: orders.iter().map(|order| i64::from(order.1) * 86_400).collect(),
        order_day: orders.iter().map(|order| order.1).collect(),
        order_channel: vec![u16::MAX; orders.len()],
        order_discount: Vec::new(),
        channels: Vec::new(),
        line_offsets: (0..=orders.len() as u32).collect(),
        line_item: orders.iter().map(|order| order.2 as u32).collect(),
        line_quantity: vec![1.0; orders.len()],
        line_amount: orders.iter().map(|order| order.3).collect(),
        returns: Vec::new(),
        as_of: i64::from(as_of_day) * 86_400,
        as_of_day,
        timezone: "UTC".into(),
    }
}

const CATEGORIES: [Option<&str>; 4] = [Some("Bread"), Some("Dairy"), Some("Wine"), Some("Toys")];

fn params(segments: Option<usize>) -> SegmentParams {
    SegmentParams { segments, needs_segments: None, method: SegmentMethod::KMeans, seed: 42 }
}

/// Fits and checks what must hold of every shop: each customer in one segment of each kind, sizes that add up, no id and no name twice, finite figures.
fn fit(params: &SegmentParams, log: &PurchaseLog, previous: Option<&Previous>) -> Segmentation {
    let past = log.before(log.as_of_day);
    let (tempos, histories, categories) = (tempo::tempos(&past), histories::fit(&past), CategorySpend::of(&past));
    let outlooks = vec![None; tempos.len()];
    let shop = Shop { log, tempos: &tempos, outlooks: &outlooks, histories: &histories, categories: categories.as_ref() };
    let found = params.fit(&shop, previous);
    let segments = Segments::from_batch(&found.segments.to_batch()).expect("finite figures");
    let mut counted = vec![0; segments.len()];
    found.of.iter().chain(found.needs_of.iter().flatten()).for_each(|&of| counted[of as usize] += 1);
    assert_eq!(counted, segments.customers.values().to_vec());
    assert!(counted.iter().all(|&customers| customers > 0), "nobody's segment: {counted:?}");
    for (kind, of) in [(SegmentKind::Behaviour, Some(&found.of)), (SegmentKind::Needs, found.needs_of.as_ref())] {
        assert!(of.is_none_or(|of| of.len() == log.customers() && of.iter().all(|&of| segments.kind(of as usize) == kind)));
        let names: BTreeSet<&str> = segments.of_kind(kind).map(|row| segments.name.value(row)).collect();
        assert_eq!(names.len(), segments.of_kind(kind).count(), "{names:?}");
    }
    let ids: BTreeSet<&str> = segments.segment_id.iter().flatten().collect();
    assert_eq!(ids.len(), segments.len(), "{ids:?}");
    let (of, favourites) = params.favourites(&tempos, &histories, log.items());
    assert_eq!(of, found.of, "what the evaluation is shown is what is served");
    assert!(
        (0..segments.of_kind(SegmentKind::Behaviour).count())
            .all(|row| favourites.of(row).eq(segments.favourites(log.items()).expect("sound").of(row)))
    );
    found
}

/// The version that this segmentation would be saved as.
fn saved(found: &Segmentation, log: &PurchaseLog, repeated: bool) -> Previous {
    let tempos = tempo::tempos(&log.before(log.as_of_day));
    let outlooks = vec![None; tempos.len()];
    let rules = customers::rules(
        &tempos,
        &outlooks,
        &LifecycleRules::default(),
        &RfmGroups::default(),
        LoyaltyRules::default(),
        ValueRules::default(),
    );
    let customers = customers::fit(&log.before(log.as_of_day), &tempos, (&outlooks, 28), &rules, found);
    Previous::new("before".into(), found.summaries.clone(), found.segments.clone(), customers, repeated)
}

fn ids(found: &Segmentation, kind: SegmentKind) -> Vec<String> {
    found.segments.of_kind(kind).map(|row| found.segments.segment_id.value(row).to_owned()).collect()
}

/// Four plain ways to buy, a fourth of the customers each, until `day`: weekly bread, monthly dairy, wine twice long ago, toys once lately.
fn plain_shop(customers: usize, day: i32) -> PurchaseLog {
    let mut orders = Vec::new();
    for customer in 0..customers {
        let wobble = (customer / 4 % 5) as i32;
        match customer % 4 {
            0 => orders.extend((wobble..day).step_by(7).map(|on| (customer, on, 0, 40.0 + f64::from(wobble)))),
            1 => orders.extend((wobble..day).step_by(30).map(|on| (customer, on, 1, 15.0 + f64::from(wobble)))),
            2 => orders.extend([(customer, wobble, 2, 25.0 + f64::from(wobble)), (customer, 12 + wobble, 2, 25.0)]),
            _ => orders.push((customer, day - 8 + wobble, 3, 10.0 + f64::from(wobble))),
        }
    }
    log(customers, &orders, &CATEGORIES, day)
}

#[test]
fn plain_ways_to_buy_are_found_named_and_described() {
    let log = plain_shop(240, 360);
    let found = fit(&params(Some(4)), &log, None);
    let chosen = found.summaries[0].tried.iter().find(|row| row.chosen).expect("measured");
    assert_eq!((found.summaries[0].clusters, chosen.stability > 0.99), (4, true), "{:?}", found.summaries[0].tried);
    assert!((0..240).all(|customer| found.of[customer] == found.of[customer % 4]), "each way to buy is one segment");
    let name = |customer: usize| found.segments.name.value(found.of[customer] as usize);
    let names = [0, 1, 2, 3].map(name);
    assert!(names[0].starts_with("Weekly, large baskets, Bread"), "{names:?}");
    assert!(names[1].starts_with("Monthly, ") && names[1].ends_with("Dairy"), "{names:?}");
    assert!(names[2].contains("long silent") && names[2].ends_with("Wine"), "{names:?}");
    assert!(names[3].starts_with("Bought once, lately") && names[3].ends_with("Toys"), "honest of one-time buyers: {names:?}");
    let description = found.segments.description.value(found.of[0] as usize);
    assert!(description.starts_with("They buy about every 7 days, last "), "{description}");
    let needs_of = found.needs_of.expect("the shop has categories");
    let over = found.segments.over_categories(needs_of[2] as usize).expect("sound");
    assert_eq!((over[0].category.as_str(), over.len()), ("Wine", 1));
    assert!((over[0].share - 1.0).abs() < 1e-9 && over[0].lift > 3.9, "{over:?}");
    let items = found.segments.over_items(needs_of[2] as usize).expect("sound");
    assert_eq!((items[0].item.row(), items[0].buyers), (2, 60));
}

#[test]
fn every_odd_shop_has_whole_and_honest_segments() {
    let one_time: Vec<Order> = (0..200).map(|customer| (customer, customer as i32 % 90, customer % 4, 5.0 + customer as f64)).collect();
    let equal: Vec<Order> = (0..50).map(|customer| (customer, 3, 1, 9.0)).collect();
    let mut outlier = equal.clone();
    outlier.extend((0..40).map(|at| (7, at / 4, 2, 1e7)));
    let three_days: Vec<Order> = (0..90).map(|order| (order % 30, order as i32 / 30, order % 3, 1.0 + (order % 7) as f64)).collect();
    let free: Vec<Order> = one_time.iter().map(|&(customer, day, item, _)| (customer, day, item, 0.0)).collect();
    let no_categories = [None; 4];
    for (name, log) in [
        ("one customer", log(1, &[(0, 0, 0, 3.0)], &CATEGORIES, 5)),
        ("30 customers", log(30, &three_days, &CATEGORIES, 4)),
        ("all equal", log(50, &equal, &CATEGORIES, 10)),
        ("an outlier", log(50, &outlier, &CATEGORIES, 12)),
        ("no amounts", log(200, &free, &CATEGORIES, 91)),
        ("one-time buyers", log(200, &one_time, &CATEGORIES, 91)),
        ("prospects", log(260, &one_time, &CATEGORIES, 91)),
        ("prospects alone", log(3, &[], &CATEGORIES, 9)),
        ("no categories", log(200, &one_time, &no_categories, 91)),
    ] {
        for method in [SegmentMethod::KMeans, SegmentMethod::GaussianMixture, SegmentMethod::Dbscan] {
            for segments in if method == SegmentMethod::KMeans { &[None, Some(1), Some(7)][..] } else { &[None] } {
                let segments = *segments;
                let found = fit(&SegmentParams { method, needs_segments: segments, ..params(segments) }, &log, None);
                assert_eq!(
                    found.needs_of.is_some(),
                    !matches!(name, "no categories" | "prospects alone" | "all equal" | "one customer"),
                    "{name}"
                );
                let blank = found.segments.find("s0").map_or(0, |row| found.segments.customers.value(row));
                assert_eq!(
                    blank,
                    [0, 60, 3][["prospects", "prospects alone"].iter().position(|of| *of == name).map_or(0, |at| at + 1)],
                    "{name}"
                );
                let smallest = found.summaries[0].centres.iter().map(|centre| centre.customers).min().unwrap_or(u32::MAX);
                if method == SegmentMethod::KMeans && segments.is_none() {
                    assert!(smallest > 1 || log.customers() == 1, "{name}: a cluster of one");
                }
            }
        }
    }
}

#[test]
fn what_must_hold_holds_for_random_shops() {
    use rand::{Rng, SeedableRng};
    for seed in 0..12 {
        let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
        let (customers, days) = (random.gen_range(1..80), random.gen_range(1..400));
        let categories: Vec<Option<&str>> = (0..8).map(|_| CATEGORIES[random.gen_range(0..4)].filter(|_| random.gen_bool(0.8))).collect();
        let order = |random: &mut rand_xoshiro::Xoshiro256PlusPlus| {
            (random.gen_range(0..customers), random.gen_range(0..days), random.gen_range(0..8), f64::exp(random.gen_range(-3.0..9.0)))
        };
        let orders: Vec<Order> = (0..random.gen_range(1..customers * 8 + 2)).map(|_| order(&mut random)).collect();
        let asked = random.gen_bool(0.5).then(|| random.gen_range(1..12));
        fit(&params(asked), &log(customers, &orders, &categories, days), None);
    }
}

#[test]
fn threads_change_nothing() {
    let log = plain_shop(200, 200);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| fit(&params(None), &log, None))
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one.segments.to_batch(), three.segments.to_batch());
    assert_eq!((one.of, one.needs_of, one.summaries), (three.of, three.needs_of, three.summaries));
}

#[test]
fn ids_stay_and_splits_and_merges_are_said() {
    let log = plain_shop(240, 360);
    let first = fit(&params(Some(2)), &log, None);
    assert_eq!((ids(&first, SegmentKind::Behaviour), first.summaries[0].next_id), (vec!["s1".to_owned(), "s2".into()], 3));
    let later = plain_shop(240, 374);
    let second = fit(&params(Some(2)), &later, Some(&saved(&first, &log, false)));
    assert_eq!(ids(&second, SegmentKind::Behaviour), ids(&first, SegmentKind::Behaviour));
    let texts = |found: &Segmentation, of: fn(&Segments) -> &StringArray| {
        of(&found.segments).iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(texts(&second, |segments| &segments.change).iter().all(|change| change == "kept"));
    assert_eq!(texts(&second, |segments| &segments.since), texts(&first, |segments| &segments.since));
    assert_eq!((second.summaries[0].previous.as_deref(), second.summaries[0].changes.len()), (Some("before"), 0));
    // one more segment: each old one stays or is split, new ids only
    let split = fit(&params(Some(4)), &later, Some(&saved(&second, &later, false)));
    let found = ids(&split, SegmentKind::Behaviour);
    assert!(["s1", "s2", "s3", "s4"].iter().all(|id| found.iter().any(|found| found == id)), "{found:?}");
    let new = split.segments.find("s4").expect("made");
    assert_eq!((split.segments.change.value(new), split.segments.since.value(new)), ("split", "1971-01-10"));
    assert!(split.segments.from.get(new).is_some_and(|from| from == "s1" || from == "s2"));
    assert!(split.summaries[0].changes.iter().any(|change| change.contains("s4 is new, split off s")), "{:?}", split.summaries[0].changes);
    // back to two: two are gone and said to be in the others, and a later split never takes their ids again
    let merged = fit(&params(Some(2)), &later, Some(&saved(&split, &later, false)));
    assert_eq!(merged.summaries[0].changes.iter().filter(|change| change.contains("is gone; its customers are now in s")).count(), 2);
    assert!(texts(&merged, |segments| &segments.change).contains(&"merged".to_owned()));
    let again = fit(&params(Some(4)), &later, Some(&saved(&merged, &later, false)));
    let kept = ids(&merged, SegmentKind::Behaviour);
    assert!(ids(&again, SegmentKind::Behaviour).iter().all(|id| kept.contains(id) || id == "s5" || id == "s6"));
    // a run that is repeated makes the same version again
    let repeated = fit(&params(Some(4)), &later, Some(&saved(&split, &later, true)));
    assert_eq!((repeated.segments.to_batch(), repeated.summaries), (split.segments.to_batch(), split.summaries));
}
