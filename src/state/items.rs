//! What the shop said of its items since the served model was fitted: availability, price, title, category, brand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shopkeeper_models::catalogue::Said;
use shopkeeper_models::ids::MAX_ID_BYTES;
use utoipa::ToSchema;

use super::event::check_text;

/// The longest title, category or brand, bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// What is to be changed of an item. What is left out stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ItemChange, example = json!({"item_id": "995242", "available": true, "price": 2.49, "title": "Sourdough", "category": "GROCERY/BREAD"}))]
pub struct WrittenChange {
    /// The item. Needed where several are sent; with one in the path, leave it out.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    pub item_id: Option<String>,
    /// Whether it may be recommended.
    #[serde(default)]
    pub available: Option<bool>,
    /// Unit price, 0 or more.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub price: Option<f64>,
    /// Title.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024)]
    pub title: Option<String>,
    /// Category, may be a path such as `GROCERY/BREAD`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024)]
    pub category: Option<String>,
    /// Brand.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024)]
    pub brand: Option<String>,
}

/// A change of an item, checked. `None` = as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemChange {
    /// The item.
    pub item_id: String,
    /// When it was said, Unix milliseconds.
    pub changed_at: i64,
    /// Whether it may be recommended.
    pub available: Option<bool>,
    /// Unit price.
    pub price: Option<f64>,
    /// Title.
    pub title: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Brand.
    pub brand: Option<String>,
}

impl ItemChange {
    /// Checks what was written of an item at a time. The error says what was found and what was expected.
    pub fn check(item_id: String, written: WrittenChange, changed_at: i64) -> Result<Self, String> {
        let WrittenChange { available, price, title, category, brand, .. } = written;
        check_text("item_id", Some(&item_id), MAX_ID_BYTES)?;
        for (name, text) in [("title", &title), ("category", &category), ("brand", &brand)] {
            check_text(name, text.as_ref(), MAX_TEXT_BYTES)?;
        }
        if let Some(price) = price.filter(|price| !(0.0..=1e12).contains(price)) {
            return Err(format!("price {price}; expected 0 to 1e12"));
        }
        if available.is_none() && price.is_none() && title.is_none() && category.is_none() && brand.is_none() {
            return Err("nothing to change; expected any of available, price, title, category and brand".into());
        }
        Ok(Self { item_id, changed_at, available, price, title, category, brand })
    }

    /// What it says, for the catalogue of a model.
    pub fn said(&self) -> Said<'_> {
        let Self { available, price, title, category, brand, .. } = self;
        Said { available: *available, price: *price, title: title.as_deref(), category: category.as_deref(), brand: brand.as_deref() }
    }

    /// Lays a later change over this one.
    fn lay(&mut self, later: &Self) {
        fn set<T: Clone>(field: &mut Option<T>, later: &Option<T>) {
            if later.is_some() {
                field.clone_from(later);
            }
        }
        self.changed_at = later.changed_at;
        set(&mut self.available, &later.available);
        set(&mut self.price, &later.price);
        set(&mut self.title, &later.title);
        set(&mut self.category, &later.category);
        set(&mut self.brand, &later.brand);
    }
}

/// Every change, by item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemChanges {
    by_item: BTreeMap<String, ItemChange>,
}

impl ItemChanges {
    /// Lays a change over what was said before.
    pub fn merge(&mut self, change: &ItemChange) {
        match self.by_item.get_mut(&change.item_id) {
            Some(before) => before.lay(change),
            None => drop(self.by_item.insert(change.item_id.clone(), change.clone())),
        }
    }

    /// Takes back what was said of an item.
    pub fn unsay(&mut self, item_id: &str) {
        self.by_item.remove(item_id);
    }

    /// Every item that was spoken of, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = &ItemChange> {
        self.by_item.values()
    }

    /// All that was said of an item.
    pub fn of(&self, item_id: &str) -> Option<&ItemChange> {
        self.by_item.get(item_id)
    }
}
