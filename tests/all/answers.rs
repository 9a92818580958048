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
        n in 0_usize..25,
    ) {
        let (basket, exclude): (Vec<ItemIx>, Vec<ItemIx>) = (basket.into_iter().map(ItemIx).collect(), exclude.into_iter().map(ItemIx).collect());
        let customer = customer.map(CustomerIx);
        let purchased = if new_only { Purchased::Exclude } else { Purchased::Include };
        let query = Query { customer, basket: &basket, exclude: &exclude, purchased, n, ..Query::default() };
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
        prop_assert!(answer.items.windows(2).all(|pair| pair[0].score >= pair[1].score), "a score rises");
        prop_assert!(answer.items.iter().all(|entry| (0.0..=1.0).contains(&entry.score)));
        // the same question again, with memory that was used before, gives the same answer
        let mut used = Scratch::default();
        model().recommender.recommend(&Query { n: 3, ..Query::default() }, &mut used);
        prop_assert_eq!(model().recommender.recommend(&query, &mut used), answer);
    }
}
