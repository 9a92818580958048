//! Evaluation on shops so small that every figure is known.

use std::collections::BTreeSet;

use arrow::array::StringArray;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::evaluation::{RecommendationScores, Task};
use shopkeeper_models::recommender::{Purchased, Recommender};

use super::methods::Method;
use super::recommendations::{before_last_orders, next_basket, window};
use super::shoppers;
use super::stability::Shown;
use crate::log::{Catalogue, PurchaseLog, Return};
use crate::recommender::RecommenderParams;

/// A log of orders (customer, day, items), by customer and day, read up to the day after the last.
fn shop(orders: &[(&str, Day, &[&str])], returns: &[(&str, Day, &str)]) -> PurchaseLog {
    let customer_ids: Vec<&str> = orders.iter().map(|order| order.0).collect::<BTreeSet<_>>().into_iter().collect();
    let item_ids: Vec<&str> = orders.iter().flat_map(|order| order.2).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let row = |ids: &[&str], id: &str| ids.iter().position(|&known| known == id).expect("known") as u32;
    let category = |item: &&str| [("w", "dairy"), ("x", "dairy"), ("y", "bread")].iter().find(|of| of.0 == *item).map(|of| of.1.to_owned());
    let lines: Vec<u32> = orders.iter().flat_map(|order| order.2).map(|item| row(&item_ids, item)).collect();
    let as_of_day = orders.iter().map(|order| order.1).max().unwrap_or(0) + 1;
    let ends = |lengths: &mut dyn Iterator<Item = usize>| {
        let mut offsets = vec![0_u32];
        lengths.for_each(|length| offsets.push(offsets[offsets.len() - 1] + length as u32));
        offsets
    };
    PurchaseLog {
        catalogue: Catalogue {
            title: vec![None; item_ids.len()],
            category: item_ids.iter().map(category).collect(),
            brand: vec![None; item_ids.len()],
            price: vec![None; item_ids.len()],
            available: vec![true; item_ids.len()],
        },
        order_offsets: ends(&mut customer_ids.iter().map(|id| orders.iter().filter(|order| order.0 == *id).count())),
        order_time: orders.iter().map(|order| i64::from(order.1) * 86_400).collect(),
        order_day: orders.iter().map(|order| order.1).collect(),
        order_channel: vec![u16::MAX; orders.len()],
        order_discount: Vec::new(),
        channels: Vec::new(),
        line_offsets: ends(&mut orders.iter().map(|order| order.2.len())),
        line_quantity: vec![1.0; lines.len()],
        line_amount: vec![1.0; lines.len()],
        line_item: lines,
        returns: returns
            .iter()
            .map(|&(customer, day, item)| Return {
                customer: row(&customer_ids, customer),
                item: row(&item_ids, item),
                day,
                quantity: 1.0,
                amount: 1.0,
            })
            .collect(),
        as_of: i64::from(as_of_day) * 86_400,
        as_of_day,
        timezone: "UTC".into(),
        customer_ids: StringArray::from(customer_ids),
        item_ids: StringArray::from(item_ids),
    }
}

/// Four customers; dora is new after day 100, and bob does not come back.
fn corner_shop() -> PurchaseLog {
    let orders: &[(&str, Day, &[&str])] = &[
        ("anna", 90, &["x"]),
        ("anna", 95, &["x", "y"]),
        ("anna", 101, &["x", "z"]),
        ("bob", 92, &["x", "z"]),
        ("carl", 93, &["w"]),
        ("carl", 102, &["y"]),
        ("dora", 103, &["x"]),
    ];
    shop(orders, &[])
}

fn fitted(log: &PurchaseLog, day: Day) -> Recommender {
    RecommenderParams::default().fit(&log.before(day))
}

fn row<'a>(scores: &'a [RecommendationScores], task: Task, method: &str) -> Option<&'a RecommendationScores> {
    scores.iter().find(|scores| scores.task == task && scores.method == method)
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn the_corner_shop_has_figures_worked_out_by_hand() {
    let log = corner_shop();
    let scores = window(&fitted(&log, 100), &log, 100, log.as_of_day);
    // most popular: x (anna, bob), then w, y and z with one buyer each, by id.
    // anna bought x at rank 1 and z at rank 4; carl bought y at rank 3; dora was not known
    let popular = row(&scores, Task::All, "popular").expect("measured");
    assert_eq!(popular.customers, 2);
    let anna = (1.0 + 1.0 / 5_f64.log2()) / (1.0 + 1.0 / 3_f64.log2());
    close(popular.ndcg, (anna + 0.5) / 2.0);
    close(popular.map, ((1.0 + 2.0 / 4.0) / 2.0 + 1.0 / 3.0) / 2.0);
    close(popular.recall, 1.0);
    close(popular.hit_rate, 1.0);
    close(popular.repeat_hits.expect("hits"), 1.0 / 3.0);
    close(popular.coverage, 1.0);
    // of three customers two had bought x and one each of the others
    close(popular.popularity, (2.0 + 1.0 + 1.0 + 1.0) / 3.0 / 4.0);
    // w and x are dairy, y is bread, z is nothing
    close(popular.diversity.expect("categories"), 2.0 / 3.0);
    // new to anna: w, z; she bought z. New to carl: x, y, z; he bought y
    let new = row(&scores, Task::New, "popular").expect("measured");
    close(new.ndcg, 1.0 / 3_f64.log2());
    assert_eq!(new.repeat_hits, Some(0.0));
    let repeat = row(&scores, Task::Repeat, "personal_frequency").expect("measured");
    assert_eq!((repeat.customers, repeat.ndcg, repeat.repeat_hits), (1, 1.0, Some(1.0)));
    // both had at most three orders
    let cold = row(&scores, Task::ColdAll, "popular").expect("measured");
    assert_eq!((cold.customers, cold.ndcg), (popular.customers, popular.ndcg));
    // nothing to say of what the customer never bought; no order to complete
    assert!(row(&scores, Task::New, "personal_frequency").is_none() && row(&scores, Task::New, "time_decay").is_none());
    assert!(scores.iter().all(|scores| scores.task != Task::Completion));
    // the served row comes first, and alone is held against the best of the others
    for of in Task::ALL {
        let rows: Vec<_> = scores.iter().filter(|scores| scores.task == of).collect();
        let Some((ours, others)) = rows.split_first() else { continue };
        assert_eq!(ours.method, "shopkeeper");
        let best = others.iter().map(|scores| scores.ndcg).fold(0.0, f64::max);
        let against = ours.against.as_ref().expect("there are others");
        close(against.ndcg, ours.ndcg - best);
        assert!(others.iter().all(|scores| scores.against.is_none()));
        assert!(rows.iter().all(|row| row.ndcg_interval[0] <= row.ndcg + 1e-12 && row.ndcg <= row.ndcg_interval[1] + 1e-12));
    }
}

#[test]
fn the_next_basket_is_the_hidden_last_order() {
    // carl has two orders, so that none is hidden
    let orders: &[(&str, Day, &[&str])] = &[
        ("anna", 0, &["x", "y"]),
        ("anna", 10, &["x"]),
        ("anna", 20, &["x", "z"]),
        ("bob", 0, &["y"]),
        ("bob", 8, &["y"]),
        ("bob", 21, &["w"]),
        ("carl", 5, &["z"]),
        ("carl", 30, &["z"]),
    ];
    let log = shop(orders, &[]);
    let past = before_last_orders(&log);
    assert_eq!((past.orders(), past.day), (6, 31));
    let recommender = RecommenderParams::default().fit(&past);
    let asked = shoppers::next_basket(&recommender, &past);
    let named: Vec<_> = asked
        .iter()
        .map(|shopper| {
            let ids = |rows: &[u32]| rows.iter().map(|&row| log.item_ids.value(row as usize)).collect::<String>();
            (log.customer_ids.value(shopper.customer.expect("known").row()), ids(&shopper.repeat), ids(&shopper.new))
        })
        .collect();
    assert_eq!(named, [("anna", "x".into(), "z".into()), ("bob", String::new(), "w".into())]);
    let scores = next_basket(&recommender, &past);
    // anna is shown x, y, then z; bob y, then x, z, w: most buyers first
    let personal = row(&scores, Task::NextBasketAll, "personal_frequency").expect("measured");
    let (two, four) = (1.0 + 1.0 / 3_f64.log2(), 1.0 / 5_f64.log2());
    close(personal.ndcg, ((1.0 + 0.5) / two + four) / 2.0);
    assert_eq!(row(&scores, Task::NextBasketNew, "shopkeeper").map(|scores| scores.customers), Some(2));
}

#[test]
fn a_hidden_order_leaves_no_trace() {
    let orders: &[(&str, Day, &[&str])] =
        &[("anna", 0, &["x"]), ("anna", 10, &["x"]), ("anna", 20, &["y"]), ("bob", 0, &["x"]), ("bob", 25, &["z"])];
    // anna sends y back, which she bought in the hidden order, and one x of before it, which is hidden with it
    let log = shop(orders, &[("anna", 5, "x"), ("anna", 22, "x"), ("anna", 24, "y")]);
    let past = log.without_last_orders(3);
    assert_eq!((past.orders_of(0), past.returns_of(0).len()), (0..2, 1));
    assert_eq!(past.bought_between(0, 0, 100).len(), 1);
    let histories = crate::histories::fit(&past);
    assert_eq!(histories.items(CustomerIx(0)).len(), 1, "not even that y came back is known");
    // earlier views nest: what was hidden stays hidden
    let earlier = past.before(26);
    assert_eq!((earlier.orders_of(0), earlier.orders_of(1), earlier.returns_of(0).len()), (0..2, 3..5, 1));
    assert_eq!(past.before(8).orders_of(0), 0..1);
    assert_eq!(past.before(99).day, log.as_of_day, "no view sees further than the one it came from");
    // everything that is not hidden is seen
    assert_eq!(log.before(log.as_of_day).returns_of(0).len(), 3);
}

#[test]
fn money_paid_back_is_taken_off_what_was_bought_and_the_rest_off_the_customer() {
    // a unit of x costs 1; bob sends one back for 3, and then two that he never bought for 2
    let orders: &[(&str, Day, &[&str])] = &[("anna", 1, &["z"]), ("bob", 0, &["x", "y"]), ("bob", 10, &["x"])];
    let mut log = shop(orders, &[("bob", 12, "x"), ("bob", 13, "z")]);
    (log.returns[0].amount, log.returns[1].amount, log.returns[1].quantity) = (3.0, 2.0, 2.0);
    let past = log.before(20);
    let amounts = |order: usize| past.lines_of(order).map(|line| line.amount).collect::<Vec<_>>();
    assert_eq!((amounts(1), amounts(2)), (vec![1.0, 1.0], vec![-2.0]), "newest first, each at its own amount");
    assert_eq!(past.unmatched_refunds_of(1).collect::<Vec<_>>(), [(13, 2.0)]);
    assert_eq!(crate::tempo::tempos(&past)[1].spend, -2.0);
    assert_eq!(crate::tempo::tempos(&log.before(13))[1].spend, 0.0, "what is not known yet");
}

#[test]
fn a_third_of_a_basket_is_hidden_and_the_rest_is_never_shown() {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let orders: &[(&str, Day, &[&str])] = &[
        ("anna", 0, &all),
        ("anna", 10, &all),
        ("anna", 11, &["a"]),
        ("bob", 0, &["a"]),
        ("bob", 12, &["a", "b"]),
        ("carl", 13, &["a", "b", "c"]),
    ];
    let log = shop(orders, &[]);
    let recommender = fitted(&log, 10);
    let asked = shoppers::completion(&recommender, &log, 10, log.as_of_day);
    // bob's first order is too short, and carl was not known
    assert_eq!(asked.len(), 1);
    let anna = &asked[0];
    assert_eq!((anna.repeat.len(), anna.new.len(), anna.basket.len()), (2, 0, 6));
    let mut together: Vec<u32> = anna.basket.iter().map(|item| item.0).chain(anna.repeat.iter().copied()).collect();
    together.sort_unstable();
    assert_eq!(together, (0..8).collect::<Vec<_>>());
    assert_eq!(asked, shoppers::completion(&recommender, &log, 10, log.as_of_day));
    for method in Method::OF_BASKETS {
        let answers = method.answers(&recommender, &asked, Purchased::Include).expect("every one of them answers");
        let mut shown = answers[0].clone();
        shown.sort_unstable();
        assert_eq!(shown, anna.repeat, "{method:?}: the two items that do not lie in the basket");
    }
    let scores = window(&recommender, &log, 10, log.as_of_day);
    assert_eq!(row(&scores, Task::Completion, "shopkeeper").map(|scores| (scores.recall, scores.ndcg)), Some((1.0, 1.0)));
}

#[test]
fn the_same_fit_keeps_everything() {
    let log = corner_shop();
    let recommender = fitted(&log, 100);
    let stability = Shown::at(100, &recommender).stability(100, &recommender).expect("three customers");
    assert_eq!((stability.days, stability.customers, stability.kept), (0, 3, 1.0));
}
