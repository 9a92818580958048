//! Time of one answer on one thread and of the answers of all customers on all cores, read from their shortlists and scored anew, with the quality
//! of the model that gave them: `cargo bench --bench answer`. The criterion lines score every candidate. With `SHOPKEEPER_STORE`, of the current version there, else of a synthetic shop with long histories.

use std::hint::black_box;
use std::time::Instant;

use criterion::Criterion;
use rayon::prelude::*;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::evaluation::Task;
use shopkeeper_models::recommender::{Filter, Parts, Purchased, Query, Recommender, Scratch};
use shopkeeper_models::store::ModelStore;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::ReadSettings;

/// The synthetic shop: half of its customers come to have more than 200 different items.
const SHOP: DemoShop = DemoShop { customers: 4_000, items: 100_000, days: 1_600, seed: 42, files: 1 };
/// Items in the histories of the customers that are asked for one by one.
const HISTORY: std::ops::RangeInclusive<usize> = 250..=350;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = match std::env::var_os("SHOPKEEPER_STORE") {
        Some(store) => ModelStore::new(store),
        None => {
            let files = SHOP.write(folder.path()).expect("space on the disk");
            let purchases = files.purchases.iter().map(|path| path.display().to_string()).collect();
            let items = Some(files.items.display().to_string());
            let settings = TrainSettings { read: ReadSettings { purchases, items, ..ReadSettings::default() }, ..TrainSettings::default() };
            let store = ModelStore::new(folder.path().join("store"));
            train(&settings, &store, &Silent).expect("the demo shop trains");
            store
        }
    };
    let model = store.load_current().expect("a sound model");
    let history = |customer: u32| model.recommender.parts().histories.items(CustomerIx(customer)).len();
    let asked: Vec<u32> = (0..model.customers.len() as u32).filter(|&customer| HISTORY.contains(&history(customer))).collect();
    assert!(!asked.is_empty(), "no customer has {HISTORY:?} items");
    let mean = (0..model.customers.len() as u32).map(history).sum::<usize>() / model.customers.len();
    println!("{} customers with {mean} items each in the mean, {} items", model.customers.len(), model.items().len());
    for score in
        model.manifest.evaluation.recommendations.iter().flat_map(|measured| &measured.scores).filter(|score| score.task == Task::All)
    {
        println!("{}: NDCG@10 {:.3}", score.method, score.ndcg);
    }
    let in_full = Recommender::new(Parts { shortlists: None, ..model.recommender.parts().clone() });
    for (how, recommender) in [("from the shortlists", &model.recommender), ("scoring every candidate", &in_full)] {
        let answer_all = || {
            (0..model.customers.len() as u32).into_par_iter().for_each_init(Scratch::default, |scratch, customer| {
                black_box(recommender.recommend(&Query { customer: Some(CustomerIx(customer)), n: 10, ..Query::default() }, scratch));
            });
        };
        answer_all();
        let start = Instant::now();
        answer_all();
        let rate = model.customers.len() as f64 / start.elapsed().as_secs_f64();
        println!("all customers, {how}: {rate:.0} answers/s on {} threads", rayon::current_num_threads());
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(format!("answer with 10 of {} items, history of about 300", model.items().len()));
    let mut scratch = Scratch::default();
    let mut next = 0;
    let mut customer = || {
        next = (next + 7_919) % asked.len();
        CustomerIx(asked[next])
    };
    let (recommender, items) = (&in_full, model.items());
    let category: Vec<_> =
        (recommender.categories().names.first()).and_then(|name| recommender.category_tree().find(name)).into_iter().collect();
    // an item that few buy, found through the whole catalogue by each kind of rule that leaves it alone
    let rare = *recommender.popular().iter().rev().find(|item| items.price.get(item.row()).is_some()).expect("an item with a price");
    let rare_price = items.price.get(rare.row()).unwrap_or_default();
    let basket = [model.recommender.popular()[0], model.recommender.popular()[10]];
    let filtered = |filter| Query { n: 10, filter, ..Query::default() };
    for (name, query) in [
        ("known customer, one category", filtered(Filter { categories: Some(&category), ..Filter::default() })),
        ("known customer, one price", filtered(Filter { price: Some((rare_price, rare_price)), ..Filter::default() })),
        ("known customer, one item", filtered(Filter { only: Some(std::slice::from_ref(&rare)), ..Filter::default() })),
        ("known customer", Query { n: 10, ..Query::default() }),
        ("known customer, new items only", Query { n: 10, purchased: Purchased::Exclude, ..Query::default() }),
        ("known customer with a basket", Query { n: 10, basket: &basket, ..Query::default() }),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = in_full.recommend(black_box(&Query { customer: Some(customer()), ..query }), &mut scratch);
                assert!(answer.items.len() == 10 || query.filter.narrows());
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
