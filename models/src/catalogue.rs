//! The catalogue as it is now: the items of a model with what the shop has said of them since, and the items that the model does not know yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::ItemIx;
use crate::chunks::Chunks;
use crate::recommender::{Recommender, canonical};

/// Best selling items of a category that a new item is compared with.
const MAX_COMPARED: usize = 200;
/// What a common category counts in how much a new item is like another.
const SAME_CATEGORY: f32 = 0.5;
/// Items that a new item is likened to.
const MAX_LIKE: usize = 5;

/// What the shop says of an item. `None` = as the model has it, or not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Said<'a> {
    /// Whether it may be recommended.
    pub available: Option<bool>,
    /// Unit price.
    pub price: Option<f64>,
    /// Title.
    pub title: Option<&'a str>,
    /// Category.
    pub category: Option<&'a str>,
    /// Brand.
    pub brand: Option<&'a str>,
}

/// The catalogue of one model. A copy shares everything with the original until one of them changes, and then the rest.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    available: Chunks<bool>,
    price: Chunks<f64>,
    category: Chunks<u32>,
    brand: Chunks<u32>,
    titles: Chunks<Option<Arc<str>>>,
    /// Categories and brands that the model does not have; they are numbered on from its own.
    more_categories: Arc<Vec<String>>,
    more_brands: Arc<Vec<String>>,
    /// Items by the category that they were moved into, and by the brand, most popular first.
    moved: Arc<HashMap<u32, Vec<ItemIx>>>,
    moved_to_brand: Arc<HashMap<u32, Vec<ItemIx>>>,
    /// Items that are available now and were not when the model was fitted.
    returned: Arc<HashSet<ItemIx>>,
    /// Items with another price than the model has.
    repriced: Arc<Vec<ItemIx>>,
    newcomers: Arc<Newcomers>,
}

/// The items that the model does not know.
#[derive(Clone, Debug, Default)]
struct Newcomers {
    items: BTreeMap<String, Arc<NewItem>>,
    /// Ids of the new items that are like an item of the model, the most alike first.
    beside: HashMap<ItemIx, Vec<String>>,
    /// Ids of the new items by the category that they are near to, ascending.
    near: HashMap<String, Vec<String>>,
}

/// An item that the model does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct NewItem {
    /// Whether it may be recommended.
    pub available: bool,
    /// Unit price, if it was said.
    pub price: Option<f64>,
    /// Title, if it was said.
    pub title: Option<String>,
    /// Category as it was said.
    pub category: Option<String>,
    /// Brand as it was said.
    pub brand: Option<String>,
    /// The items of the model that are most like it, best first, and how much, above 0 and up to 1: by category, title, brand and price. Price
    /// alone, and a category that shares no more than the first part of the path, make nothing alike.
    pub like: Vec<(ItemIx, f32)>,
    /// The category of the model that it belongs to, or one step above it: not the first part of the path alone.
    pub near: Option<String>,
}

impl NewItem {
    fn likeness(&self, item: ItemIx) -> f32 {
        self.like.iter().find(|(like, _)| *like == item).map_or(0.0, |&(_, likeness)| likeness)
    }
}

impl Catalogue {
    /// The catalogue as the model has it.
    pub fn new(recommender: &Recommender) -> Self {
        let items = &recommender.parts().items;
        Self {
            available: Chunks::new((0..items.len()).map(|row| items.available.value(row))),
            price: Chunks::new((0..items.len()).map(|row| items.price.get(row).unwrap_or(f64::NAN))),
            category: Chunks::new(recommender.categories().of.iter().copied()),
            brand: Chunks::new(recommender.brands().of.iter().copied()),
            titles: Chunks::of_default(items.len()),
            ..Self::default()
        }
    }

    /// Lays what was said of an item over what stands here. `said` is all that was ever said of it.
    pub fn say(&mut self, recommender: &Recommender, item_id: &str, said: Said<'_>) {
        match recommender.parts().items.find(item_id) {
            Some(item) => self.change(recommender, item, said),
            None => Arc::make_mut(&mut self.newcomers).add(item_id, NewItem::new(recommender, said)),
        }
    }

    /// Takes back all that was ever said of an item: it is again as the model has it, or unknown.
    pub fn unsay(&mut self, recommender: &Recommender, item_id: &str) {
        let items = &recommender.parts().items;
        let Some(item) = items.find(item_id) else { return Arc::make_mut(&mut self.newcomers).remove(item_id) };
        let row = item.row();
        self.set_available(recommender, item, items.available.value(row));
        self.price.set(row, items.price.get(row).unwrap_or(f64::NAN));
        if let Ok(place) = self.repriced.binary_search(&item) {
            Arc::make_mut(&mut self.repriced).remove(place);
        }
        self.titles.set(row, None);
        self.set_brand(recommender, item, recommender.brands().of[row]);
        self.set_category(recommender, item, recommender.categories().of[row]);
    }

    fn change(&mut self, recommender: &Recommender, item: ItemIx, said: Said<'_>) {
        let row = item.row();
        if let Some(available) = said.available {
            self.set_available(recommender, item, available);
        }
        if let Some(price) = said.price {
            self.price.set(row, price);
            let place = self.repriced.binary_search(&item);
            match (place, recommender.parts().items.price.get(row) == Some(price)) {
                (Err(place), false) => Arc::make_mut(&mut self.repriced).insert(place, item),
                (Ok(place), true) => drop(Arc::make_mut(&mut self.repriced).remove(place)),
                _ => {}
            }
        }
        if let Some(title) = said.title {
            self.titles.set(row, Some(title.into()));
        }
        if let Some(brand) = said.brand {
            let brand = number(&recommender.brands().names, &mut self.more_brands, brand);
            self.set_brand(recommender, item, brand);
        }
        if let Some(category) = said.category {
            let category = number(&recommender.categories().names, &mut self.more_categories, category);
            self.set_category(recommender, item, category);
        }
    }

    fn set_brand(&mut self, recommender: &Recommender, item: ItemIx, brand: u32) {
        let from = self.brand.set(item.row(), brand);
        relist(&mut self.moved_to_brand, recommender, item, (from, brand, recommender.brands().of[item.row()]));
    }

    fn set_category(&mut self, recommender: &Recommender, item: ItemIx, category: u32) {
        let from = self.category.set(item.row(), category);
        relist(&mut self.moved, recommender, item, (from, category, recommender.categories().of[item.row()]));
    }

    fn set_available(&mut self, recommender: &Recommender, item: ItemIx, available: bool) {
        self.available.set(item.row(), available);
        let returned = available && !recommender.parts().items.available.value(item.row());
        if returned != self.returned.contains(&item) {
            let all = Arc::make_mut(&mut self.returned);
            if returned {
                all.insert(item);
            } else {
                all.remove(&item);
            }
        }
    }

    /// Whether any item is available now that was not when the model was fitted.
    pub fn has_returned(&self) -> bool {
        !self.returned.is_empty()
    }

    /// Whether an item may be recommended.
    pub fn is_available(&self, item: ItemIx) -> bool {
        *self.available.get(item.row())
    }

    /// The unit price of an item, if it is known.
    pub fn price(&self, item: ItemIx) -> Option<f64> {
        Some(*self.price.get(item.row())).filter(|price| !price.is_nan())
    }

    /// The number of an item's category; [`NONE`](crate::items::NONE) if it has none.
    pub fn category(&self, item: ItemIx) -> u32 {
        *self.category.get(item.row())
    }

    /// The number of an item's brand; [`NONE`](crate::items::NONE) if it has none.
    pub fn brand(&self, item: ItemIx) -> u32 {
        *self.brand.get(item.row())
    }

    /// A title that was said since, if there is one.
    pub fn title(&self, item: ItemIx) -> Option<&str> {
        self.titles.get(item.row()).as_deref()
    }

    /// The categories that lie within this path, those that came since among them; none if it is unknown.
    pub fn find_category(&self, recommender: &Recommender, path: &str) -> Vec<Range<u32>> {
        let (own, path) = (recommender.categories().names.len() as u32, canonical(path));
        let later = self.more_categories.iter().zip(own..).filter(|(name, _)| lies_within(&canonical(name), &path));
        recommender.category_tree().find(&path).into_iter().chain(later.map(|(_, number)| number..number + 1)).collect()
    }

    /// The number of a brand: one of the model's, or one that came since.
    pub fn find_brand(&self, recommender: &Recommender, name: &str) -> Option<u32> {
        let own = recommender.brands().names.len();
        recommender.brands().find(name).or_else(|| later(own, &self.more_brands, name))
    }

    /// How many categories came since.
    pub fn more_categories(&self) -> usize {
        self.more_categories.len()
    }

    /// The name of a category.
    pub fn category_name<'a>(&'a self, recommender: &'a Recommender, category: u32) -> Option<&'a str> {
        let own = &recommender.categories().names;
        let place = category as usize;
        own.get(place).or_else(|| self.more_categories.get(place.checked_sub(own.len())?)).map(String::as_str)
    }

    /// The name of a brand.
    pub fn brand_name<'a>(&'a self, recommender: &'a Recommender, brand: u32) -> Option<&'a str> {
        let own = &recommender.brands().names;
        let place = brand as usize;
        own.get(place).or_else(|| self.more_brands.get(place.checked_sub(own.len())?)).map(String::as_str)
    }

    /// Items of the model that were moved to a brand since, most popular first.
    pub fn moved_to_brand(&self, brand: u32) -> &[ItemIx] {
        self.moved_to_brand.get(&brand).map_or(&[], Vec::as_slice)
    }

    /// Items of the model that have another price since, ascending.
    pub fn repriced(&self) -> &[ItemIx] {
        &self.repriced
    }

    /// Items of the model that were moved into a category since, most popular first.
    pub fn moved_into(&self, category: u32) -> &[ItemIx] {
        self.moved.get(&category).map_or(&[], Vec::as_slice)
    }

    /// The items that the model does not know, ascending by id.
    pub fn new_items(&self) -> impl ExactSizeIterator<Item = (&str, &NewItem)> {
        self.newcomers.items.iter().map(|(id, item)| (id.as_str(), &**item))
    }

    /// The new items that go beside an item of the model in this category: those that are most like it, then those near its category and the ones
    /// above it, where they take turns: `turn` says who is first.
    pub fn new_beside<'a>(&'a self, item: ItemIx, category: Option<&'a str>, turn: u64) -> impl Iterator<Item = (&'a str, &'a NewItem)> {
        let newcomers = &*self.newcomers;
        let like = newcomers.beside.get(&item).into_iter().flatten();
        let paths = std::iter::successors(category.map(canonical), |path| path.rsplit_once('/').map(|(parent, _)| parent.to_owned()));
        let near = paths.filter_map(|path| newcomers.near.get(&path)).filter(|near| !near.is_empty()).flat_map(move |near| {
            let first = (turn % near.len() as u64) as usize;
            near[first..].iter().chain(&near[..first])
        });
        like.chain(near).filter_map(|id| Some((id.as_str(), &**newcomers.items.get(id)?)))
    }

    /// An item that the model does not know.
    pub fn new_item(&self, item_id: &str) -> Option<&NewItem> {
        self.newcomers.items.get(item_id).map(|item| &**item)
    }
}

impl Newcomers {
    fn add(&mut self, item_id: &str, new: NewItem) {
        self.remove(item_id);
        for &(item, likeness) in &new.like {
            let others = self.beside.entry(item).or_default();
            let more = |id: &String| {
                let theirs = self.items.get(id).map_or(0.0, |other| other.likeness(item));
                theirs > likeness || theirs == likeness && id.as_str() < item_id
            };
            others.insert(others.partition_point(more), item_id.to_owned());
        }
        if let Some(near) = &new.near {
            let others = self.near.entry(near.clone()).or_default();
            others.insert(others.partition_point(|id| id.as_str() < item_id), item_id.to_owned());
        }
        self.items.insert(item_id.to_owned(), Arc::new(new));
    }

    fn remove(&mut self, item_id: &str) {
        let Some(before) = self.items.remove(item_id) else { return };
        for (item, _) in &before.like {
            self.beside.entry(*item).or_default().retain(|id| id != item_id);
        }
        if let Some(near) = &before.near {
            self.near.entry(near.clone()).or_default().retain(|id| id != item_id);
        }
    }
}

/// Whether a category is this one or lies below it.
fn lies_within(category: &str, path: &str) -> bool {
    category.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes an item that went from one group to another off the list of the one and onto that of the other, unless the model has it there.
fn relist(lists: &mut Arc<HashMap<u32, Vec<ItemIx>>>, recommender: &Recommender, item: ItemIx, (from, to, of_model): (u32, u32, u32)) {
    if from == to {
        return;
    }
    let lists = Arc::make_mut(lists);
    if let Some(list) = lists.get_mut(&from) {
        list.retain(|other| *other != item);
    }
    if to != of_model {
        let list = lists.entry(to).or_default();
        let place = list.partition_point(|other| recommender.place(*other) < recommender.place(item));
        list.insert(place, item);
    }
}

/// The number of a name, new ones numbered on.
fn number(own: &[String], more: &mut Arc<Vec<String>>, name: &str) -> u32 {
    if let Ok(place) = own.binary_search_by(|probe| probe.as_str().cmp(name)) {
        return place as u32;
    }
    later(own.len(), more, name).unwrap_or_else(|| {
        Arc::make_mut(more).push(name.to_owned());
        (own.len() + more.len() - 1) as u32
    })
}

fn later(own: usize, more: &[String], name: &str) -> Option<u32> {
    more.iter().position(|one| one == name).map(|place| (own + place) as u32)
}

impl NewItem {
    /// Whether its category is this one or lies below it.
    pub fn lies_within(&self, path: &str) -> bool {
        self.category.as_deref().is_some_and(|category| lies_within(&canonical(category), &canonical(path)))
    }

    fn new(recommender: &Recommender, said: Said<'_>) -> Self {
        let (like, near) = alike(recommender, said);
        Self {
            available: said.available.unwrap_or(true),
            price: said.price,
            title: said.title.map(str::to_owned),
            category: said.category.map(str::to_owned),
            brand: said.brand.map(str::to_owned),
            like,
            near,
        }
    }
}

/// The items of the nearest category that are most like what was said, and that category if it is close: half for a close category, a quarter for
/// words shared with the title, the rest for the brand and the price. Without a category that the model knows, the best selling items of the shop.
fn alike(recommender: &Recommender, said: Said<'_>) -> (Vec<(ItemIx, f32)>, Option<String>) {
    let items = &recommender.parts().items;
    let nearest = said.category.and_then(|category| nearest(recommender, category));
    let (compared, near) = match nearest {
        Some((members, near)) => (members, Some(near).filter(|near| is_close(near, said.category.unwrap_or_default()))),
        None => (recommender.popular().iter().take(MAX_COMPARED).copied().collect(), None),
    };
    let of_category = if near.is_some() { SAME_CATEGORY } else { 0.0 };
    let title = words(said.title.unwrap_or_default());
    let mut like: Vec<(ItemIx, f32)> = compared
        .into_iter()
        .filter_map(|item| {
            let row = item.row();
            let shared = share(&title, &words(items.title.get(row).unwrap_or_default()));
            let brand = f32::from(u8::from(said.brand.is_some() && said.brand == items.brand.get(row)));
            let price = said.price.zip(items.price.get(row)).map_or(0.0, |(ours, theirs)| (ours.min(theirs) / ours.max(theirs)) as f32);
            let price = if price.is_finite() { price } else { 0.0 };
            // a like price alone says nothing
            (of_category + shared + brand > 0.0).then_some((item, of_category + 0.25 * shared + 0.125 * brand + 0.125 * price))
        })
        .collect();
    // equal ones stay in the order of their sales
    like.sort_by(|a, b| b.1.total_cmp(&a.1));
    like.truncate(MAX_LIKE);
    (like, near)
}

/// Whether a category says what an item of another path is: the same, or one step above it and more than the first part of the path, which is
/// often a whole department.
fn is_close(near: &str, category: &str) -> bool {
    let parts = |path: &str| canonical(path).split('/').count();
    let (theirs, ours) = (parts(near), parts(category));
    theirs == ours || theirs + 1 == ours && theirs > 1
}

/// The best selling items of a category, else of those that share the longest beginning of its path, and that beginning.
fn nearest(recommender: &Recommender, category: &str) -> Option<(Vec<ItemIx>, String)> {
    let mut path = canonical(category);
    loop {
        if let Some(range) = recommender.category_tree().find(&path) {
            return Some((recommender.popular_within(&range).take(MAX_COMPARED).collect(), path));
        }
        path = path.rsplit_once('/')?.0.to_owned();
    }
}

/// The share of the words of two titles that both have, 0 to 1.
pub(crate) fn shared_words(a: &str, b: &str) -> f32 {
    share(&words(a), &words(b))
}

fn share(a: &HashSet<String>, b: &HashSet<String>) -> f32 {
    a.intersection(b).count() as f32 / a.union(b).count().max(1) as f32
}

fn words(title: &str) -> HashSet<String> {
    // a number or a unit such as "500 g" makes nothing alike; one letter of Chinese is a word
    let says = |word: &&str| !word.is_ascii() || word.len() > 2 && !word.bytes().any(|byte| byte.is_ascii_digit());
    title.split(|letter: char| !letter.is_alphanumeric()).filter(says).map(str::to_lowercase).collect()
}
