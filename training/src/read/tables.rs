//! The items table.

use super::ReadError;
use super::intern::{Interner, LocalIds, MISSING, TOO_LONG};
use super::schema::Source;
use super::values::{Flags, Ids, Numbers, Texts};
use crate::log::Catalogue;

/// What the items table says of one item.
struct Entry {
    item: u32,
    title: Option<String>,
    category: Option<String>,
    brand: Option<String>,
    price: Option<f64>,
    available: bool,
}

/// The items table, ascending by position of the item; each item once.
#[derive(Default)]
pub(super) struct Items {
    entries: Vec<Entry>,
}

/// Reads the items table; its items join `items`. Of several rows of one item the smallest in the order of title, category, brand, price and
/// availability stays. Rows without a usable id are left out. Either is a warning.
pub(super) fn read_items(files: &[Source], items: &mut Interner, warnings: &mut Vec<String>) -> Result<Items, ReadError> {
    let sold = items.len();
    let (mut entries, mut without_id): (Vec<Entry>, _) = (Vec::new(), 0);
    for source in files {
        for group in 0..source.row_groups().len() {
            let mut ids = LocalIds::default();
            source.decode(group, |batch| {
                let codes = ids.codes(&Ids::new(batch.column("item_id")?), batch.rows());
                let [title, category, brand] = ["title", "category", "brand"].map(|name| batch.column(name).map(Texts::new));
                let (title, category, brand) = (title?, category?, brand?);
                let price = Numbers::new(batch.column("price")?);
                let available = Flags::new(batch.column("available")?);
                for (row, &code) in codes.iter().enumerate() {
                    if is_unusable(code) {
                        without_id += 1;
                        continue;
                    }
                    entries.push(Entry {
                        item: ids.share(code, items),
                        title: title.get(row),
                        category: category.get(row),
                        brand: brand.get(row),
                        price: price.get(row).filter(|price| price.is_finite() && *price >= 0.0).map(f64::abs),
                        available: available.get(row).unwrap_or(true),
                    });
                }
                Ok(())
            })?;
        }
    }
    if without_id > 0 {
        warnings.push(format!("items: {without_id} rows have no item_id, or one longer than 256 bytes; they were left out"));
    }
    entries.sort_by(|a, b| {
        let texts = |entry: &Entry| (entry.title.clone(), entry.category.clone(), entry.brand.clone());
        let rest = |entry: &Entry| (entry.price.map(f64::to_bits), entry.available);
        a.item.cmp(&b.item).then_with(|| texts(a).cmp(&texts(b))).then_with(|| rest(a).cmp(&rest(b)))
    });
    let rows = entries.len();
    entries.dedup_by_key(|entry| entry.item);
    if entries.len() < rows {
        warnings.push(format!("items: {} rows repeat an item_id; the first in sorted order was taken of each item", rows - entries.len()));
    }
    let unknown = sold - entries.iter().filter(|entry| (entry.item as usize) < sold).count();
    if unknown > 0 && !files.is_empty() {
        warnings.push(format!("items: {unknown} of {sold} sold items are not in the table; they have no title, category or price"));
    }
    Ok(Items { entries })
}

fn is_unusable(code: u32) -> bool {
    [MISSING, TOO_LONG].contains(&code)
}

impl Items {
    /// The catalogue of the items in the order of `ascending`; null where the table has no row.
    pub(super) fn catalogue(self, ascending: &[u32]) -> Catalogue {
        let mut by_item: Vec<Option<Entry>> = Vec::new();
        by_item.resize_with(ascending.len(), || None);
        for entry in self.entries {
            let item = entry.item as usize;
            by_item[item] = Some(entry);
        }
        let mut catalogue = Catalogue::default();
        for &item in ascending {
            let (title, category, brand, price, available) = match by_item[item as usize].take() {
                Some(entry) => (entry.title, entry.category, entry.brand, entry.price, entry.available),
                None => (None, None, None, None, true),
            };
            catalogue.title.push(title);
            catalogue.category.push(category);
            catalogue.brand.push(brand);
            catalogue.price.push(price);
            catalogue.available.push(available);
        }
        catalogue
    }
}
