//! Time of one answer on one thread, with the quality of the model that gave it: `cargo bench --bench answer`.

use std::hint::black_box;

use criterion::Criterion;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::evaluation::Task;
use shopkeeper_models::recommender::{Purchased, Query, Scratch};
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;

/// Customers and items of the synthetic shop.
const CUSTOMERS: u32 = 10_000;
const ITEMS: u32 = 20_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = DemoShop { customers: CUSTOMERS, items: ITEMS, ..DemoShop::default() }.write(folder.path()).expect("space on the disk");
    let purchases = files.purchases.iter().map(|path| path.display().to_string()).collect();
    let settings = TrainSettings { read: ReadSettings { purchases, ..ReadSettings::default() }, ..TrainSettings::default() };
    let store = ModelStore::new(folder.path().join("store"));
    let trained = train(&settings, &store, &Silent).expect("the demo shop trains");
    let model = store.load_current().expect("a sound model");
    for score in
        trained.manifest.evaluation.recommendations.iter().flat_map(|measured| &measured.scores).filter(|score| score.task == Task::All)
    {
        println!("{}: NDCG@10 {:.3}", score.method, score.ndcg);
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(format!("answer with 10 of {ITEMS} items"));
    let mut scratch = Scratch::default();
    let mut next = 0_u32;
    let mut customer = || {
        next = (next + 7_919) % model.customers.len() as u32;
        CustomerIx(next)
    };
    let basket = [model.recommender.popular()[0], model.recommender.popular()[10]];
    for (name, query) in [
        ("known customer", Query { n: 10, ..Query::default() }),
        ("known customer, new items only", Query { n: 10, purchased: Purchased::Exclude, ..Query::default() }),
        ("known customer with a basket", Query { n: 10, basket: &basket, ..Query::default() }),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = model.recommender.recommend(black_box(&Query { customer: Some(customer()), ..query }), &mut scratch);
                assert_eq!(answer.items.len(), 10);
                answer
            });
        });
    }
    group.bench_function("stranger with a basket", |bencher| {
        bencher.iter(|| model.recommender.recommend(black_box(&Query { n: 10, basket: &basket, ..Query::default() }), &mut scratch));
    });
    group.finish();
    criterion.final_summary();
}
