//! The catalogue as it is now: the items of a model with what the shop has said of them since, and the items that the model does not know yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use crate::ItemIx;
use crate::recommender::{Recommender, canonical};

/// Best selling items of a category that a new item is compared with.
const MAX_COMPARED: usize = 200;
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

/// The catalogue of one model, dense by item; cheap to copy and to lay a change over.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    available: Vec<bool>,
    price: Vec<f64>,
    category: Vec<u32>,
    brand: Vec<u32>,
    titles: HashMap<ItemIx, String>,
    /// Categories and brands that the model does not have; they are numbered on from its own.
    more_categories: Vec<String>,
    more_brands: Vec<String>,
    /// Items by the category that they were moved into, and by the brand, most popular first.
    moved: HashMap<u32, Vec<ItemIx>>,
    moved_to_brand: HashMap<u32, Vec<ItemIx>>,
    /// Items with another price than the model has.
    repriced: Vec<ItemIx>,
    new_items: BTreeMap<String, NewItem>,
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
    /// The items of the model that are most like it, best first, and how much, above 0 and up to 1: by category, title, brand and price.
    pub like: Vec<(ItemIx, f32)>,
}

impl Catalogue {
    /// The catalogue as the model has it.
    pub fn new(recommender: &Recommender) -> Self {
        let items = &recommender.parts().items;
        Self {
            available: (0..items.len()).map(|row| items.available.value(row)).collect(),
            price: (0..items.len()).map(|row| items.price.get(row).unwrap_or(f64::NAN)).collect(),
            category: recommender.categories().of.clone(),
            brand: recommender.brands().of.clone(),
            ..Self::default()
        }
    }

    /// Lays what was said of an item over what stands here. `said` is all that was ever said of it.
    pub fn say(&mut self, recommender: &Recommender, item_id: &str, said: Said<'_>) {
        match recommender.parts().items.find(item_id) {
            Some(item) => self.change(recommender, item, said),
            None => drop(self.new_items.insert(item_id.to_owned(), NewItem::new(recommender, said))),
        }
    }

    fn change(&mut self, recommender: &Recommender, item: ItemIx, said: Said<'_>) {
        let row = item.row();
        if let Some(available) = said.available {
            self.available[row] = available;
        }
        if let Some(price) = said.price {
            self.price[row] = price;
            let place = self.repriced.binary_search(&item);
            match (place, recommender.parts().items.price.get(row) == Some(price)) {
                (Err(place), false) => self.repriced.insert(place, item),
                (Ok(place), true) => drop(self.repriced.remove(place)),
                _ => {}
            }
        }
        if let Some(title) = said.title {
            self.titles.insert(item, title.to_owned());
        }
        if let Some(brand) = said.brand {
            let brand = number(&recommender.brands().names, &mut self.more_brands, brand);
            let from = std::mem::replace(&mut self.brand[row], brand);
            relist(&mut self.moved_to_brand, recommender, item, (from, brand, recommender.brands().of[row]));
        }
        if let Some(category) = said.category {
            let category = number(&recommender.categories().names, &mut self.more_categories, category);
            let from = std::mem::replace(&mut self.category[row], category);
            relist(&mut self.moved, recommender, item, (from, category, recommender.categories().of[row]));
        }
    }

    /// Whether an item may be recommended.
    pub fn is_available(&self, item: ItemIx) -> bool {
        self.available[item.row()]
    }

    /// The unit price of an item, if it is known.
    pub fn price(&self, item: ItemIx) -> Option<f64> {
        Some(self.price[item.row()]).filter(|price| !price.is_nan())
    }

    /// The number of an item's category; [`NONE`](crate::items::NONE) if it has none.
    pub fn category(&self, item: ItemIx) -> u32 {
        self.category[item.row()]
    }

    /// The number of an item's brand; [`NONE`](crate::items::NONE) if it has none.
    pub fn brand(&self, item: ItemIx) -> u32 {
        self.brand[item.row()]
    }

    /// A title that was said since, if there is one.
    pub fn title(&self, item: ItemIx) -> Option<&str> {
        self.titles.get(&item).map(String::as_str)
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
        self.new_items.iter().map(|(id, item)| (id.as_str(), item))
    }

    /// An item that the model does not know.
    pub fn new_item(&self, item_id: &str) -> Option<&NewItem> {
        self.new_items.get(item_id)
    }
}

/// Whether a category is this one or lies below it.
fn lies_within(category: &str, path: &str) -> bool {
    category.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes an item that went from one group to another off the list of the one and onto that of the other, unless the model has it there.
fn relist(lists: &mut HashMap<u32, Vec<ItemIx>>, recommender: &Recommender, item: ItemIx, (from, to, of_model): (u32, u32, u32)) {
    if from == to {
        return;
    }
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
fn number(own: &[String], more: &mut Vec<String>, name: &str) -> u32 {
    if let Ok(place) = own.binary_search_by(|probe| probe.as_str().cmp(name)) {
        return place as u32;
    }
    later(own.len(), more, name).unwrap_or_else(|| {
        more.push(name.to_owned());
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
        Self {
            available: said.available.unwrap_or(true),
            price: said.price,
            title: said.title.map(str::to_owned),
            category: said.category.map(str::to_owned),
            brand: said.brand.map(str::to_owned),
            like: said.category.map_or_else(Vec::new, |category| alike(recommender, category, said)),
        }
    }
}

/// The items of the nearest category that are most like what was said: half for the category, a quarter for words shared with the title, the
/// rest for the brand and the price.
fn alike(recommender: &Recommender, category: &str, said: Said<'_>) -> Vec<(ItemIx, f32)> {
    let items = &recommender.parts().items;
    let title = words(said.title.unwrap_or_default());
    let mut like: Vec<(ItemIx, f32)> = nearest(recommender, category)
        .into_iter()
        .map(|item| {
            let row = item.row();
            let theirs = words(items.title.get(row).unwrap_or_default());
            let shared = title.intersection(&theirs).count() as f32 / title.union(&theirs).count().max(1) as f32;
            let brand = f32::from(u8::from(said.brand.is_some() && said.brand == items.brand.get(row)));
            let price = said.price.zip(items.price.get(row)).map_or(0.0, |(ours, theirs)| (ours.min(theirs) / ours.max(theirs)) as f32);
            let price = if price.is_finite() { price } else { 0.0 };
            (item, 0.5 + 0.25 * shared + 0.125 * brand + 0.125 * price)
        })
        .collect();
    // equal ones stay in the order of their sales
    like.sort_by(|a, b| b.1.total_cmp(&a.1));
    like.truncate(MAX_LIKE);
    like
}

/// The best selling items of a category, else of those that share the longest beginning of its path.
fn nearest(recommender: &Recommender, category: &str) -> Vec<ItemIx> {
    let mut path = canonical(category);
    loop {
        if let Some(range) = recommender.category_tree().find(&path) {
            return recommender.popular_within(&range).take(MAX_COMPARED).collect();
        }
        match path.rsplit_once('/') {
            Some((parent, _)) => path = parent.to_owned(),
            None => return Vec::new(),
        }
    }
}

fn words(title: &str) -> HashSet<String> {
    title.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
