//! The rules of every answer, whatever is asked: on the golden version, through the scoring path that is served.

use std::sync::OnceLock;

use proptest::prelude::*;
use shopkeeper_models::recommender::{Purchased, Query, Scratch};
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, ItemIx, Model};

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        ModelStore::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden")).load_current().expect("the golden version")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_answer_keeps_the_rules_and_holds_as_many_items_as_it_can(
        customer in prop::option::of(0..model().customers.len() as u32),
        basket in prop::collection::vec(0..model().items().len() as u32, 0..5),
        exclude in prop::collection::vec(0..model().items().len() as u32, 0..12),
        new_only: bool,
        diversity in prop::sample::select(vec![0.0_f32, 0.0, 0.5, 1.0]),
        novelty in prop::sample::select(vec![0.0_f32, 0.0, 0.3, 1.0]),
        n in 0_usize..25,
    ) {
        let (basket, exclude): (Vec<ItemIx>, Vec<ItemIx>) = (basket.into_iter().map(ItemIx).collect(), exclude.into_iter().map(ItemIx).collect());
        let customer = customer.map(CustomerIx);
        let purchased = if new_only { Purchased::Exclude } else { Purchased::Include };
        let query = Query { customer, basket: &basket, exclude: &exclude, purchased, diversity, novelty, n, ..Query::default() };
        let answer = model().recommender.recommend(&query, &mut Scratch::default());
        let bought = customer.map_or(&[][..], |customer| model().recommender.parts().histories.items(customer));
        let eligible = |item: &ItemIx| {
            let ruled_out = basket.contains(item) || exclude.contains(item) || new_only && bought.contains(&item.0);
            model().items().available.value(item.row()) && !ruled_out
        };
        let shown: Vec<ItemIx> = answer.items.iter().map(|entry| entry.item).collect();
        prop_assert!(shown.iter().all(eligible));
        prop_assert_eq!(shown.len(), (0..model().items().len() as u32).map(ItemIx).filter(|item| eligible(item)).count().min(n));
        prop_assert!(shown.iter().enumerate().all(|(at, item)| !shown[..at].contains(item)), "an item stands twice");
        let by_score = diversity == 0.0 && novelty == 0.0;
        prop_assert!(!by_score || answer.items.windows(2).all(|pair| pair[0].score >= pair[1].score), "a score rises");
        prop_assert!(answer.items.iter().all(|entry| (0.0..=1.0).contains(&entry.score)));
        // the same question again, with memory that was used before, gives the same answer
        let mut used = Scratch::default();
        model().recommender.recommend(&Query { n: 3, ..Query::default() }, &mut used);
        prop_assert_eq!(model().recommender.recommend(&query, &mut used), answer);
    }
}

fn known() -> Vec<CustomerIx> {
    let orders = |customer: &CustomerIx| model().recommender.parts().orders.value(customer.row()) > 0;
    (0..model().customers.len() as u32).map(CustomerIx).filter(orders).collect()
}

fn shown(query: &Query<'_>) -> Vec<ItemIx> {
    model().recommender.recommend(query, &mut Scratch::default()).items.iter().map(|entry| entry.item).collect()
}

#[test]
fn a_basket_changes_the_answer() {
    let popular = model().recommender.popular();
    let changed = known().into_iter().filter(|&customer| {
        let query = Query { customer: Some(customer), n: 5, ..Query::default() };
        let without: Vec<ItemIx> = shown(&query).into_iter().filter(|item| !popular[..2].contains(item)).collect();
        shown(&Query { basket: &popular[..2], ..query }).into_iter().take(without.len()).collect::<Vec<_>>() != without
    });
    assert!(changed.count() > 0, "somebody is shown something else, or in another order");
}

#[test]
fn novelty_shows_what_few_buy() {
    let recent_buyers = &model().recommender.parts().items.recent_buyers;
    let popularity = |novelty: f32| -> u32 {
        let shown = known().into_iter().flat_map(|customer| shown(&Query { customer: Some(customer), novelty, n: 5, ..Query::default() }));
        shown.map(|item| recent_buyers.value(item.row())).sum()
    };
    assert!(popularity(1.0) < popularity(0.0));
}
