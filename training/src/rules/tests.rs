//! Known counts: small orders by hand, every subset counted plainly, and the groceries of the arules package.

use proptest::prelude::*;
use shopkeeper_models::rules::{Evidence, Rules};

use super::*;
use crate::progress::Silent;
use crate::read::{ReadSettings, read};

fn baskets(orders: &[&[u32]], items: usize) -> Baskets {
    let mut baskets = Baskets::new(items);
    orders.iter().for_each(|order| baskets.push(order.iter().copied()));
    baskets
}

/// Every set of up to so many items, counted one by one.
fn counted(orders: &[&[u32]], items: u32, params: &ItemsetParams, kin: &[Vec<u32>]) -> Vec<(Vec<u32>, u32)> {
    let set_of = |bits: u32| (0..items).filter(move |item| bits >> item & 1 == 1).collect::<Vec<u32>>();
    let strangers = |set: &[u32]| set.iter().all(|&a| set.iter().all(|b| kin.get(a as usize).is_none_or(|kin| !kin.contains(b))));
    let mut sets: Vec<(Vec<u32>, u32)> = (1_u32..1 << items)
        .map(set_of)
        .filter(|set| set.len() <= params.max_items && strangers(set))
        .map(|set| {
            let baskets = orders.iter().filter(|order| set.iter().all(|item| order.contains(item))).count() as u32;
            (set, baskets)
        })
        .filter(|(_, baskets)| *baskets >= params.min_baskets)
        .collect();
    sets.sort();
    sets
}

fn mined(orders: &[&[u32]], items: usize, params: &ItemsetParams, kin: &[Vec<u32>]) -> Vec<(Vec<u32>, u32)> {
    let sets = params.mine(&baskets(orders, items), kin).expect("few sets");
    let mut sets: Vec<(Vec<u32>, u32)> = sets.iter().map(|(set, baskets)| (set.to_vec(), baskets)).collect();
    sets.sort();
    sets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_set_is_found_with_its_exact_count(
        orders in prop::collection::vec(prop::collection::btree_set(0_u32..9, 0..8), 0..150),
        min_baskets in 1_u32..6,
        max_items in 1_usize..7,
        related: bool,
    ) {
        let orders: Vec<Vec<u32>> = orders.into_iter().map(|order| order.into_iter().rev().collect()).collect();
        let orders: Vec<&[u32]> = orders.iter().map(Vec::as_slice).collect();
        let kin = if related { vec![vec![3], vec![], vec![5, 8], vec![0], vec![], vec![2], vec![], vec![], vec![2]] } else { Vec::new() };
        let params = ItemsetParams { min_baskets, max_items, max_itemsets: usize::MAX };
        prop_assert_eq!(mined(&orders, 9, &params, &kin), counted(&orders, 9, &params, &kin));
    }
}

#[test]
fn more_sets_than_allowed_are_refused_and_exactly_as_many_are_not() {
    let orders: Vec<&[u32]> = vec![&[0, 1, 2, 3, 4, 5]; 3];
    let params = ItemsetParams { min_baskets: 3, max_items: 6, max_itemsets: 63 };
    assert_eq!(params.mine(&baskets(&orders, 6), &[]).map(|sets| sets.len()), Ok(63));
    assert_eq!(ItemsetParams { max_itemsets: 62, ..params }.mine(&baskets(&orders, 6), &[]), Err(TooMany));
}

#[test]
fn the_measures_of_a_rule_by_hand() {
    // 10 orders, 4 with the antecedent, 5 with the consequent, 3 with both
    let rule = Evidence { baskets: 3, antecedent: 4, consequent: 5, orders: 10 };
    assert_eq!((rule.support(), rule.confidence(), rule.lift()), (0.3, 0.75, 1.5));
    assert!((rule.leverage() - 0.1).abs() < 1e-12);
    assert_eq!(rule.conviction(), Some(2.0));
    // 10 (3 * 10 - 4 * 5)^2 / (4 * 6 * 5 * 5)
    assert!((rule.chi_square() - 1000.0 / 600.0).abs() < 1e-12);
    // (C(5,3) C(5,1) + C(5,4) C(5,0)) / C(10,4) = 55 / 210
    assert!((fisher(rule) - 55.0 / 210.0).abs() < 1e-12);
    let sure = Evidence { baskets: 4, antecedent: 4, consequent: 10, orders: 10 };
    assert_eq!((sure.conviction(), sure.chi_square(), fisher(sure)), (None, 0.0, 1.0));
    // below the expected count: 1 - C(5,0) C(5,4) / C(10,4)
    assert!((fisher(Evidence { baskets: 1, ..rule }) - 205.0 / 210.0).abs() < 1e-12);
}

fn found(params: RuleParams, past: &Past<'_>) -> (Rules, RulesSummary) {
    params.fit(past).expect("few sets")
}

/// Rules between items by size, from 2 on.
fn sizes(rules: &Rules) -> Vec<usize> {
    let mut sizes = Vec::new();
    for row in (0..rules.len()).filter(|&row| rules.level(row) == RuleLevel::Item) {
        let size = rules.antecedent(row).len() + 1;
        sizes.resize(sizes.len().max(size - 1), 0);
        sizes[size - 2] += 1;
    }
    sizes
}

#[test]
fn groceries_give_the_published_rules() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/groceries/groceries.parquet");
    if !std::path::Path::new(file).exists() {
        eprintln!("SKIPPED: no groceries at {file}");
        return;
    }
    let log = read(&ReadSettings { purchases: vec![file.into()], ..ReadSettings::default() }, &Silent).expect("groceries").log;
    let past = log.before(log.as_of_day);
    let params = |support, confidence| RuleParams { min_support: Some(support), min_confidence: confidence, ..RuleParams::default() };
    assert_eq!(sizes(&found(params(0.001, 0.5), &past).0), [11, 1461, 3211, 939, 46]);
    assert_eq!(found(params(0.001, 0.8), &past).0.len(), 410);
    assert_eq!(sizes(&found(params(0.006, 0.25), &past).0), [150, 297, 16]);
    let refused = RuleParams { max_itemsets: 5_000, ..params(0.001, 0.5) }.fit(&past).expect_err("13,492 sets").to_string();
    let enough = refused.split("Ask for ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a support").parse().expect("a share");
    assert!(RuleParams { max_itemsets: 5_000, ..params(enough, 0.5) }.fit(&past).is_ok(), "{refused}");
}
