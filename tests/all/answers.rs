//! The rules of every answer, whatever is asked: on the golden version, through the scoring path that is served.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use proptest::prelude::*;
use shopkeeper_models::catalogue::{Catalogue, Said};
use shopkeeper_models::recommender::{Boost, Filter, Parts, Purchased, Query, Recommender, Rule, Scratch, Source, Target, Verdict};
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, ItemIx, Model};

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        ModelStore::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden")).load_current().expect("the golden version")
    })
}

/// The recommender of the same version without its shortlists: it scores every candidate for every question.
fn in_full() -> &'static Recommender {
    static IN_FULL: OnceLock<Recommender> = OnceLock::new();
    IN_FULL.get_or_init(|| {
        let parts = model().recommender.parts();
        assert!(parts.shortlists.is_some(), "the golden version has shortlists");
        Recommender::new(Parts { shortlists: None, ..parts.clone() })
    })
}

/// Any rules that a page may set.
#[derive(Clone, Debug)]
struct AnyRules {
    exclude: Vec<ItemIx>,
    pinned: Vec<ItemIx>,
    categories: Option<Vec<Range<u32>>>,
    brands: Option<Vec<u32>>,
    price: Option<(f64, f64)>,
    only: Option<Vec<ItemIx>>,
    min_buyers: u32,
    purchased: Purchased,
    max_per_category: Option<usize>,
    boosts: Vec<Boost>,
    diversity: f32,
    novelty: f32,
    /// The catalogue after some changes.
    catalogue: Catalogue,
}

impl AnyRules {
    fn query(&self) -> Query<'_> {
        Query {
            catalogue: Some(&self.catalogue),
            exclude: &self.exclude,
            pinned: &self.pinned,
            filter: Filter {
                categories: self.categories.as_deref(),
                brands: self.brands.as_deref(),
                price: self.price,
                only: self.only.as_deref(),
                min_buyers: self.min_buyers,
            },
            purchased: self.purchased,
            max_per_category: self.max_per_category,
            boosts: &self.boosts,
            diversity: self.diversity,
            novelty: self.novelty,
            ..Query::default()
        }
    }

    fn category(&self, item: ItemIx) -> Option<&str> {
        self.catalogue.category_name(&model().recommender, self.catalogue.category(item))
    }

    /// Whether the rules allow an item to this customer, from the tables alone.
    fn allow(&self, item: ItemIx, customer: Option<CustomerIx>) -> bool {
        let (items, row) = (model().items(), item.row());
        let category = self.category(item);
        let within =
            |range: &Range<u32>| paths().iter().any(|(path, known)| known == range && category.is_some_and(|own| lies_in(own, path)));
        let bought = customer.and_then(|customer| model().recommender.parts().histories.of(customer).find(|bought| bought.item == item));
        let kept_back = bought.is_some_and(|bought| match self.purchased {
            Purchased::Include => false,
            Purchased::Exclude => true,
            Purchased::ExcludeWithin(days) => bought.orders > 0 && bought.days_since_last < days,
            Purchased::UntilDue => {
                let gap = (bought.days_since_first - bought.days_since_last) as f32 + items.gap_days.value(row);
                bought.orders > 0 && (bought.days_since_last as f32) < gap / bought.orders as f32
            }
        });
        self.catalogue.is_available(item)
            && !kept_back
            && !self.exclude.contains(&item)
            && self.categories.as_ref().is_none_or(|ranges| ranges.iter().any(within))
            && self.brands.as_ref().is_none_or(|brands| {
                let own = self.catalogue.brand_name(&model().recommender, self.catalogue.brand(item));
                brands.iter().any(|&brand| own == Some(model().recommender.brands().names[brand as usize].as_str()))
            })
            && self.price.is_none_or(|(least, most)| self.catalogue.price(item).is_some_and(|price| least <= price && price <= most))
            && self.only.as_ref().is_none_or(|only| only.contains(&item))
            && items.buyers.value(row) >= self.min_buyers
    }
}

/// Every path of the categories, with what it stands for.
fn paths() -> &'static [(String, Range<u32>)] {
    static PATHS: OnceLock<Vec<(String, Range<u32>)>> = OnceLock::new();
    PATHS.get_or_init(|| {
        let names = &model().recommender.categories().names;
        let above = names.iter().filter_map(|name| name.split_once('/').map(|(top, _)| top.to_owned()));
        let paths: std::collections::BTreeSet<String> = names.iter().cloned().chain(above).collect();
        paths.into_iter().filter_map(|path| model().recommender.category_tree().find(&path).map(|range| (path, range))).collect()
    })
}

fn lies_in(category: &str, path: &str) -> bool {
    category == path || category.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

fn any_items(most: usize) -> impl Strategy<Value = Vec<ItemIx>> {
    prop::collection::vec(0..model().items().len() as u32, 0..most).prop_map(|rows| rows.into_iter().map(ItemIx).collect())
}

fn any_rules() -> impl Strategy<Value = AnyRules> {
    let ranges = || paths().iter().map(|(_, range)| range.clone()).collect::<Vec<_>>();
    let brands = model().recommender.brands().names.len() as u32;
    let purchased = vec![
        Purchased::Include,
        Purchased::Include,
        Purchased::Exclude,
        Purchased::UntilDue,
        Purchased::ExcludeWithin(7),
        Purchased::ExcludeWithin(100),
    ];
    let target = prop_oneof![
        (0..model().items().len() as u32).prop_map(|row| Target::Item(ItemIx(row))),
        prop::sample::select(ranges()).prop_map(Target::Category),
        (0..brands.max(1)).prop_map(Target::Brand),
    ];
    let boost = (target, prop::sample::select(vec![0.1_f32, 0.5, 2.0, 10.0])).prop_map(|(target, factor)| Boost { target, factor });
    let sorted = |mut only: Vec<ItemIx>| {
        only.sort_unstable();
        only
    };
    let filter = (
        prop::option::weighted(0.3, prop::collection::vec(prop::sample::select(ranges()), 0..3)),
        prop::option::weighted(0.2, prop::collection::vec(0..brands, usize::from(brands > 0)..3)),
        prop::option::weighted(0.3, (0.0..6.0_f64, 0.0..20.0_f64)),
        prop::option::weighted(0.2, any_items(30).prop_map(sorted)),
        prop::sample::select(vec![0_u32, 0, 0, 5, 1000]),
    );
    let order = (
        prop::option::weighted(0.3, 1..4_usize),
        prop::collection::vec(boost, 0..3),
        prop::sample::select(vec![0.0_f32, 0.0, 0.5, 1.0]),
        prop::sample::select(vec![0.0_f32, 0.0, 0.3, 1.0]),
    );
    let change = (
        0..model().items().len(),
        prop::option::of(any::<bool>()),
        prop::option::of(0.0..20.0_f64),
        prop::option::of(prop::sample::select(vec!["FOOD/DAIRY", "FOOD", "HOME", "TOYS"])),
        prop::option::of(prop::sample::select(vec!["Own", "Acme", "Other"])),
    );
    let catalogue = prop::collection::vec(change, 0..6).prop_map(|changes| {
        let mut catalogue = Catalogue::new(&model().recommender);
        for (row, available, price, category, brand) in changes {
            let said = Said { available, price, category, brand, title: None };
            catalogue.say(&model().recommender, model().items().id(ItemIx(row as u32)), said);
        }
        catalogue
    });
    let shelves = (any_items(12), any_items(3), catalogue);
    (shelves, filter, prop::sample::select(purchased), order).prop_map(|((exclude, pinned, catalogue), filter, purchased, order)| {
        let (categories, brands, price, only, min_buyers) = filter;
        let (max_per_category, boosts, diversity, novelty) = order;
        AnyRules {
            exclude,
            pinned,
            categories,
            brands,
            price,
            only,
            min_buyers,
            purchased,
            max_per_category,
            boosts,
            diversity,
            novelty,
            catalogue,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_shortlist_answers_as_scoring_every_candidate_does(
        customer in 0..model().customers.len() as u32,
        exclude in any_items(12),
        changes in prop::collection::vec((0..model().items().len(), any::<bool>()), 0..6),
        new_only in any::<bool>(),
        n in 0_usize..30,
    ) {
        let mut catalogue = Catalogue::new(&model().recommender);
        for (row, available) in changes {
            let said = Said { available: Some(available), ..Said::default() };
            catalogue.say(&model().recommender, model().items().id(ItemIx(row as u32)), said);
        }
        let purchased = if new_only { Purchased::Exclude } else { Purchased::Include };
        let customer = Some(CustomerIx(customer));
        let query = Query { customer, exclude: &exclude, catalogue: Some(&catalogue), purchased, n, ..Query::default() };
        let mut scratch = Scratch::default();
        prop_assert_eq!(model().recommender.recommend(&query, &mut scratch), in_full().recommend(&query, &mut scratch));
    }

    #[test]
    fn an_answer_keeps_the_rules_and_holds_as_many_items_as_it_can(
        customer in prop::option::of(0..model().customers.len() as u32),
        basket in any_items(5),
        rules in any_rules(),
        n in 0_usize..25,
    ) {
        let customer = customer.map(CustomerIx);
        let query = Query { customer, basket: &basket, n, ..rules.query() };
        let answer = model().recommender.recommend(&query, &mut Scratch::default());
        let eligible = |item: &ItemIx| rules.allow(*item, customer) && !basket.contains(item);
        let shown: Vec<ItemIx> = answer.items.iter().map(|entry| entry.item).collect();
        prop_assert!(shown.iter().all(eligible));
        prop_assert!(shown.iter().enumerate().all(|(at, item)| !shown[..at].contains(item)), "an item stands twice");
        let category = |item: &ItemIx| rules.category(*item);
        let all: Vec<ItemIx> = (0..model().items().len() as u32).map(ItemIx).filter(eligible).collect();
        let mut room: HashMap<&str, usize> = HashMap::new();
        let most = rules.max_per_category.unwrap_or(usize::MAX);
        let expected = all.iter().filter(|item| category(item).is_none_or(|category| {
            let taken = room.entry(category).or_default();
            *taken += 1;
            *taken <= most
        })).count();
        prop_assert_eq!(shown.len(), expected.min(n));
        let crowded = |of: &ItemIx| category(of).is_some_and(|name| shown.iter().filter(|item| category(item) == Some(name)).count() > most);
        prop_assert!(!shown.iter().any(crowded), "too many of a category");
        let by_score = rules.diversity == 0.0 && rules.novelty == 0.0;
        let scored: Vec<f32> = answer.items.iter().filter(|entry| entry.source != Source::Pinned).map(|entry| entry.score).collect();
        prop_assert!(!by_score || scored.windows(2).all(|pair| pair[0] >= pair[1]), "a score rises");
        prop_assert!(answer.items.iter().all(|entry| (0.0..=1.0).contains(&entry.score)));
        let pins = answer.items.iter().take_while(|entry| entry.source == Source::Pinned).count();
        prop_assert_eq!(pins, answer.items.iter().filter(|entry| entry.source == Source::Pinned).count(), "pins stand first");
        if rules.max_per_category.is_none() && n >= rules.pinned.len() {
            prop_assert!(rules.pinned.iter().filter(|item| eligible(item)).all(|item| shown[..pins].contains(item)));
        }
        // the same question again, with memory that was used before, gives the same answer
        let mut used = Scratch::default();
        model().recommender.recommend(&Query { n: 3, ..Query::default() }, &mut used);
        prop_assert_eq!(&model().recommender.recommend(&query, &mut used), &answer);
        prop_assert_eq!(&in_full().recommend(&query, &mut used), &answer);
        // what is said of an item agrees with the answer
        for item in shown.first().into_iter().copied().chain([ItemIx((n % model().items().len()) as u32)]) {
            let why = model().recommender.why(&query, item, &mut used);
            match why.verdict {
                Verdict::Shown { rank } => prop_assert_eq!(shown.get(rank - 1), Some(&item)),
                Verdict::Outranked { .. } => prop_assert!(eligible(&item) && !shown.contains(&item)),
                Verdict::KeptOut(Rule::MaxPerCategory) => prop_assert!(rules.max_per_category.is_some() && !shown.contains(&item)),
                Verdict::KeptOut(_) => prop_assert!(!eligible(&item)),
            }
        }
    }
}

#[test]
fn boosts_lift_and_bury() {
    for customer in known().into_iter().map(Some).chain([None]) {
        let query = Query { customer, n: 10, ..Query::default() };
        let before = shown(&query);
        let buried = [Boost { target: Target::Item(before[0]), factor: 0.1 }];
        let lifted = [Boost { target: Target::Item(before[9]), factor: 10.0 }];
        let place =
            |item: ItemIx, boosts: &[Boost]| shown(&Query { boosts, ..query }).iter().position(|&shown| shown == item).unwrap_or(10);
        assert!(place(before[9], &lifted) <= 9);
        assert_ne!(place(before[0], &buried), 0, "a tenth of the odds is less than the next best has");
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
