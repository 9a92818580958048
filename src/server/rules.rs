//! Rules: what a page, or a scenario of the shop, lets be shown; and the same looked up in the served model.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use shopkeeper_models::catalogue::{Catalogue, NewItem};
use shopkeeper_models::recommender::{BOOSTS, Boost, Filter, Purchased, Query, Target};
use shopkeeper_models::{ItemIx, Model};
use utoipa::ToSchema;

use super::extract::{Count, Id, Ids, Names, Price, Share};

/// The most boosts of one set of rules.
const MAX_BOOSTS: usize = 100;

/// What may be shown, and what comes first. Every rule holds together with the others; lists within one rule mean any of.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"categories": ["GROCERY"], "purchased": "until_due", "max_per_category": 3}))]
pub(super) struct Rules {
    /// Only items of these categories and of those below them. Parts of a path are separated by / or >.
    pub(super) categories: Names,
    /// Only items of these brands.
    pub(super) brands: Names,
    /// Only items of at least this price; items without a price are left out.
    pub(super) price_from: Option<Price>,
    /// Only items of at most this price; items without a price are left out.
    pub(super) price_to: Option<Price>,
    /// Only these items.
    pub(super) only: Option<Ids>,
    /// Never these items.
    pub(super) exclude: Ids,
    /// Only items that so many customers have bought.
    #[schema(value_type = u64, maximum = 4294967295_u64)]
    pub(super) min_buyers: u32,
    /// Whether items bought before may be shown: include, exclude, exclude:30d (not those of the last 30 days) or until_due (not before the
    /// usual time between purchases has passed). Default include.
    #[schema(value_type = Option<String>, pattern = "^(include|exclude|until_due|exclude:[1-9][0-9]{0,8}d)$")]
    pub(super) purchased: Option<Purchased>,
    /// The most items of one category.
    pub(super) max_per_category: Option<Count>,
    /// What to lift and what to bury.
    pub(super) boosts: Boosts,
    /// Items that stand first, in this order, each only if the other rules let it in.
    pub(super) pinned: Ids,
    /// How much each further item of a category gives way to other categories: 0 = not at all, 1 = one of each category first. Default 0.
    pub(super) diversity: Option<Share>,
    /// How much popularity counts against an item: 0 = not at all, 1 = rank by lift over the share of customers who bought it lately.
    /// Default 0.
    pub(super) novelty: Option<Share>,
}

/// Lifts some items above their own score, or buries them below it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Boost, example = json!({"brand": "Own", "factor": 1.5}))]
pub(super) struct BoostRule {
    /// This item,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item_id: Option<Id>,
    /// or the items of this category and those below it,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<Id>,
    /// or the items of this brand. Exactly one of the three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brand: Option<Id>,
    /// What to multiply the odds by: 1 to 10 lifts, 0.1 to 1 buries. All boosts of an item together stay within 0.1 to 10.
    #[schema(minimum = 0.1, maximum = 10.0)]
    factor: f32,
}

/// At most [`MAX_BOOSTS`] boosts, each for one thing and within bounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Vec<BoostRule>")]
#[schema(max_items = 100)]
pub(super) struct Boosts(Vec<BoostRule>);

impl TryFrom<Vec<BoostRule>> for Boosts {
    type Error = String;

    fn try_from(boosts: Vec<BoostRule>) -> Result<Self, String> {
        if boosts.len() > MAX_BOOSTS {
            return Err(format!("{} boosts; expected at most {MAX_BOOSTS}", boosts.len()));
        }
        for boost in &boosts {
            let targets = [&boost.item_id, &boost.category, &boost.brand].into_iter().flatten().count();
            if targets != 1 {
                return Err(format!("a boost of {targets} things; expected one of item_id, category and brand"));
            }
            if !BOOSTS.contains(&boost.factor) {
                return Err(format!("a boost by {}; expected {} to {}", boost.factor, BOOSTS.start(), BOOSTS.end()));
            }
        }
        Ok(Self(boosts))
    }
}

/// Where names are looked up: a model, with its catalogue as it is now.
#[derive(Clone, Copy)]
pub(super) struct Shelf<'a> {
    pub(super) model: &'a Model,
    pub(super) catalogue: &'a Catalogue,
}

/// Rules whose names were looked up in one model.
#[derive(Debug, Default)]
pub(super) struct Found {
    categories: Option<Vec<Range<u32>>>,
    brands: Option<Vec<u32>>,
    price: Option<(f64, f64)>,
    only: Option<Vec<ItemIx>>,
    exclude: Vec<ItemIx>,
    min_buyers: u32,
    purchased: Purchased,
    max_per_category: Option<usize>,
    boosts: Vec<Boost>,
    pinned: Vec<ItemIx>,
    diversity: f32,
    novelty: f32,
}

/// Names of a request or a scenario that the model does not know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct Unknown {
    /// Items.
    pub(super) items: Vec<String>,
    /// Categories.
    pub(super) categories: Vec<String>,
    /// Brands.
    pub(super) brands: Vec<String>,
}

impl Unknown {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.items.len() + self.categories.len() + self.brands.len()
    }

    /// The items of these ids. One that is new to the catalogue is not unknown, though the model has no row of it.
    pub(super) fn items<'a>(&mut self, shelf: Shelf<'_>, ids: impl IntoIterator<Item = &'a Id>) -> Vec<ItemIx> {
        let find = |id: &str| match shelf.model.items().find(id) {
            Some(item) => vec![Some(item)],
            None => shelf.catalogue.new_item(id).map(|_| None).into_iter().collect(),
        };
        look_up(ids, &mut self.items, find).into_iter().flatten().collect()
    }

    fn categories<'a>(&mut self, shelf: Shelf<'_>, paths: impl IntoIterator<Item = &'a Id>) -> Vec<Range<u32>> {
        let of_new = |path: &str| shelf.catalogue.new_items().any(|(_, item)| item.lies_within(path));
        // a category that only new items have is not unknown; no item of the model is in it
        let find = |path: &str| match shelf.catalogue.find_category(&shelf.model.recommender, path) {
            found if found.is_empty() && of_new(path) => std::iter::once(0..0).collect(),
            found => found,
        };
        look_up(paths, &mut self.categories, find)
    }

    fn brands<'a>(&mut self, shelf: Shelf<'_>, names: impl IntoIterator<Item = &'a Id>) -> Vec<u32> {
        look_up(names, &mut self.brands, |name| shelf.catalogue.find_brand(&shelf.model.recommender, name).into_iter().collect())
    }
}

/// What is found under each name; names under which nothing is found are unknown.
fn look_up<'a, T>(names: impl IntoIterator<Item = &'a Id>, unknown: &mut Vec<String>, find: impl Fn(&str) -> Vec<T>) -> Vec<T> {
    let mut all = Vec::new();
    for name in names {
        let found = find(&name.0);
        if found.is_empty() {
            unknown.push(name.0.clone());
        }
        all.extend(found);
    }
    all
}

impl Rules {
    /// Looks the names up. A rule that only allows what the model does not know allows nothing.
    pub(super) fn find(&self, shelf: Shelf<'_>, unknown: &mut Unknown) -> Found {
        let only = self.only.as_ref().map(|ids| {
            let mut only = unknown.items(shelf, &ids.0);
            only.sort_unstable();
            only
        });
        let boosts = self.boosts.0.iter().flat_map(|boost| {
            let items = unknown.items(shelf, &boost.item_id).into_iter().map(Target::Item);
            let categories = unknown.categories(shelf, &boost.category).into_iter().map(Target::Category);
            let brands = unknown.brands(shelf, &boost.brand).into_iter().map(Target::Brand);
            let targets: Vec<Target> = items.chain(categories).chain(brands).collect();
            targets.into_iter().map(|target| Boost { target, factor: boost.factor })
        });
        Found {
            boosts: boosts.collect(),
            categories: self.categories.some().map(|names| unknown.categories(shelf, names)),
            brands: self.brands.some().map(|names| unknown.brands(shelf, names)),
            price: self.price(),
            only,
            exclude: unknown.items(shelf, &self.exclude.0),
            min_buyers: self.min_buyers,
            purchased: self.purchased.unwrap_or_default(),
            max_per_category: self.max_per_category.map(|count| count.0),
            pinned: unknown.items(shelf, &self.pinned.0),
            diversity: self.diversity.unwrap_or_default().0 as f32,
            novelty: self.novelty.unwrap_or_default().0 as f32,
        }
    }

    fn price(&self) -> Option<(f64, f64)> {
        let (from, to) = (self.price_from.map(|price| price.0), self.price_to.map(|price| price.0));
        from.or(to).map(|_| (from.unwrap_or(f64::NEG_INFINITY), to.unwrap_or(f64::INFINITY)))
    }

    /// The rule that keeps out an item that the model does not know. Nobody is known to have bought it.
    pub(super) fn kept_out_by(&self, item_id: &str, item: &NewItem) -> Option<&'static str> {
        let named = |ids: &Ids| ids.0.iter().any(|id| id.0 == item_id);
        let category = self.categories.some().is_none_or(|paths| paths.iter().any(|path| item.lies_within(&path.0)));
        let brand = self.brands.some().is_none_or(|brands| brands.iter().any(|brand| item.brand.as_ref() == Some(&brand.0)));
        let price = self.price().is_none_or(|(from, to)| item.price.is_some_and(|price| (from..=to).contains(&price)));
        let lets_in = [
            ("excluded", !named(&self.exclude)),
            ("available", item.available),
            ("category", category),
            ("brand", brand),
            ("price", price),
            ("only", self.only.as_ref().is_none_or(named)),
            ("min_buyers", self.min_buyers == 0),
        ];
        lets_in.into_iter().find(|(_, lets_in)| !lets_in).map(|(rule, _)| rule)
    }

    /// What the request says goes before what its scenario says, where only one can hold.
    fn or(&self, scenario: &Self) -> Self {
        Self {
            purchased: self.purchased.or(scenario.purchased),
            diversity: self.diversity.or(scenario.diversity),
            novelty: self.novelty.or(scenario.novelty),
            ..self.clone()
        }
    }

    /// The rules of a request within those of its scenario: filters and limits of both hold, exclusions, boosts and pins of both count.
    pub(super) fn find_within(&self, scenario: Option<&Self>, shelf: Shelf<'_>, unknown: &mut Unknown) -> Found {
        let Some(scenario) = scenario else { return self.find(shelf, unknown) };
        let own = self.or(scenario).find(shelf, unknown);
        // what a scenario names in vain is said where scenarios are listed, not to every request
        own.within(scenario.find(shelf, &mut Unknown::default()))
    }
}

impl Found {
    fn within(self, outer: Self) -> Self {
        let price = |own: (f64, f64), outer: (f64, f64)| (own.0.max(outer.0), own.1.min(outer.1));
        Self {
            categories: both(self.categories, outer.categories, |own, outer| {
                let cross = own.iter().flat_map(|own| outer.iter().map(|outer| own.start.max(outer.start)..own.end.min(outer.end)));
                cross.filter(|range| !range.is_empty()).collect()
            }),
            brands: both(self.brands, outer.brands, common),
            price: both(self.price, outer.price, price),
            only: both(self.only, outer.only, common),
            exclude: self.exclude.into_iter().chain(outer.exclude).collect(),
            min_buyers: self.min_buyers.max(outer.min_buyers),
            max_per_category: both(self.max_per_category, outer.max_per_category, usize::min),
            boosts: self.boosts.into_iter().chain(outer.boosts).collect(),
            pinned: self.pinned.into_iter().chain(outer.pinned).collect(),
            ..self
        }
    }

    /// The most items of one category.
    pub(super) fn max_per_category(&self) -> Option<usize> {
        self.max_per_category
    }

    /// Never these either.
    pub(super) fn exclude(&mut self, items: impl IntoIterator<Item = ItemIx>) {
        self.exclude.extend(items);
    }

    /// The question under these rules.
    pub(super) fn query(&self) -> Query<'_> {
        Query {
            filter: Filter {
                categories: self.categories.as_deref(),
                brands: self.brands.as_deref(),
                price: self.price,
                only: self.only.as_deref(),
                min_buyers: self.min_buyers,
            },
            exclude: &self.exclude,
            purchased: self.purchased,
            max_per_category: self.max_per_category,
            boosts: &self.boosts,
            pinned: &self.pinned,
            diversity: self.diversity,
            novelty: self.novelty,
            ..Query::default()
        }
    }
}

/// Both conditions where there are two.
fn both<T>(own: Option<T>, outer: Option<T>, together: impl FnOnce(T, T) -> T) -> Option<T> {
    match (own, outer) {
        (Some(own), Some(outer)) => Some(together(own, outer)),
        (own, outer) => own.or(outer),
    }
}

fn common<T: PartialEq>(own: Vec<T>, outer: Vec<T>) -> Vec<T> {
    own.into_iter().filter(|entry| outer.contains(entry)).collect()
}
