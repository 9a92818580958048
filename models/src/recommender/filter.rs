//! Filters: which items a question lets in, found through the shortest list that holds them all instead of by looking at everything.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::{Query, Recommender};
use crate::ItemIx;
use crate::catalogue::Catalogue;

/// Items of a price range up to which the range itself serves as the list to look through.
const FEW: usize = 2_000;

/// Which items may be shown, whoever asks. The default lets in every available item. Conditions hold together; lists within one mean any of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only items of these categories and of those below them: see [`Categories::find`](super::Categories::find). `None` for any.
    pub categories: Option<&'a [Range<u32>]>,
    /// Only items of these brands: positions in [`Recommender::brands`]. `None` for any.
    pub brands: Option<&'a [u32]>,
    /// Only items whose unit price is known and within this range, both ends included.
    pub price: Option<(f64, f64)>,
    /// Only these items, ascending.
    pub only: Option<&'a [ItemIx]>,
    /// Only items that so many customers have bought. Default 0.
    pub min_buyers: u32,
}

impl Filter<'_> {
    /// Whether it keeps out anything that is available.
    pub fn narrows(&self) -> bool {
        self.categories.is_some() || self.brands.is_some() || self.price.is_some() || self.only.is_some() || self.min_buyers > 0
    }
}

/// The first condition of a filter that an item does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// It may not be recommended at all.
    Available,
    /// It is of another category, or of none.
    Category,
    /// It is of another brand, or of none.
    Brand,
    /// Its price is out of range, or not known.
    Price,
    /// It is not one of those asked for.
    Only,
    /// Too few customers have bought it.
    MinBuyers,
}

impl Recommender {
    /// What keeps an item out of the answer to a question, as far as its filter goes; `None` when it may be shown.
    pub fn unmet(&self, item: ItemIx, query: &Query<'_>) -> Option<Unmet> {
        let available = query.catalogue.map_or_else(|| self.parts.items.available.value(item.row()), |now| now.is_available(item));
        if available { self.narrowed_out(item, query) } else { Some(Unmet::Available) }
    }

    /// The same, whether or not it is available.
    pub(super) fn narrowed_out(&self, item: ItemIx, query: &Query<'_>) -> Option<Unmet> {
        let (items, filter, row) = (&self.parts.items, &query.filter, item.row());
        if !filter.narrows() {
            return None;
        }
        let category = |categories: &[Range<u32>]| self.category_tree.is_within(self.category_now(item, query), categories);
        let brand = |brands: &[u32]| brands.contains(&query.catalogue.map_or(self.brands.of[row], |now| now.brand(item)));
        let price = |(least, most): (f64, f64)| {
            let price = query.catalogue.map_or_else(|| items.price.get(row), |now| now.price(item));
            price.is_some_and(|price| (least..=most).contains(&price))
        };
        if !filter.categories.is_none_or(category) {
            Some(Unmet::Category)
        } else if !filter.brands.is_none_or(brand) {
            Some(Unmet::Brand)
        } else if !filter.price.is_none_or(price) {
            Some(Unmet::Price)
        } else if filter.only.is_some_and(|only| only.binary_search(&item).is_err()) {
            Some(Unmet::Only)
        } else if items.buyers.value(row) < filter.min_buyers {
            Some(Unmet::MinBuyers)
        } else {
            None
        }
    }

    /// The number of an item's category as the catalogue now has it.
    pub(super) fn category_now(&self, item: ItemIx, query: &Query<'_>) -> u32 {
        query.catalogue.map_or(self.categories.of[item.row()], |now| now.category(item))
    }

    /// The items that a filter lets in, most popular first, some perhaps twice: looks through the shortest of the lists that hold them all.
    pub(super) fn by_popularity<'a>(&'a self, query: &Query<'a>) -> impl Iterator<Item = ItemIx> + 'a {
        let query = *query;
        self.shortest(&query).filter(move |&item| self.unmet(item, &query).is_none())
    }

    /// The shortest list, most popular first, that holds every item that a filter lets in.
    fn shortest<'a>(&'a self, query: &Query<'a>) -> ByPopularity<'a> {
        let filter = &query.filter;
        let categories =
            filter.categories.map(|ranges| ranges.iter().flat_map(|range| self.lists_within(range, query.catalogue)).collect());
        let brands = filter.brands.map(|brands| brands.iter().flat_map(|&brand| self.lists_of_brand(brand, query.catalogue)).collect());
        let lists = [categories, brands, Some(vec![&self.popular[..]])];
        let length = |lists: &Vec<&[ItemIx]>| lists.iter().map(|list| list.len()).sum::<usize>();
        let lists = lists.into_iter().flatten().min_by_key(length).unwrap_or_default();
        let few = filter.only.map(<[ItemIx]>::to_vec).or_else(|| self.few_by_price(filter.price?, query.catalogue));
        match few.filter(|few| few.len() <= length(&lists)) {
            Some(mut few) => {
                few.sort_unstable_by_key(|item| self.place[item.row()]);
                ByPopularity::Few(few.into_iter())
            }
            None => ByPopularity::merge(lists, &self.place),
        }
    }

    /// The items of a range of categories, category by category: those of the model, and those that were moved there since.
    pub(super) fn lists_within<'a>(&'a self, range: &Range<u32>, now: Option<&'a Catalogue>) -> Vec<&'a [ItemIx]> {
        let of_model = |category: u32| self.category_popular.get(category as usize).map(Vec::as_slice);
        let moved = |category: u32| now.map(|now| now.moved_into(category));
        self.category_tree.leaves(range).flat_map(|category| of_model(category).into_iter().chain(moved(category))).collect()
    }

    /// The items of a brand: those of the model, and those that came to it since.
    pub(super) fn lists_of_brand<'a>(&'a self, brand: u32, now: Option<&'a Catalogue>) -> impl Iterator<Item = &'a [ItemIx]> + use<'a> {
        let of_model = self.brand_popular.get(brand as usize).map(Vec::as_slice);
        of_model.into_iter().chain(now.map(|now| now.moved_to_brand(brand)))
    }

    /// The items within a price range, if they are few.
    fn few_by_price(&self, (least, most): (f64, f64), now: Option<&Catalogue>) -> Option<Vec<ItemIx>> {
        let price = |item: &ItemIx| self.parts.items.price.get(item.row()).unwrap_or(f64::INFINITY);
        let start = self.by_price.partition_point(|item| price(item) < least);
        let end = self.by_price.partition_point(|item| price(item) <= most);
        let (of_model, repriced) = (self.by_price.get(start..end).unwrap_or_default(), now.map_or(&[][..], Catalogue::repriced));
        (of_model.len() + repriced.len() <= FEW).then(|| of_model.iter().chain(repriced).copied().collect())
    }
}

impl Recommender {
    /// The items of several lists that are each in the order of popularity, in that order.
    pub(super) fn merge<'a>(&'a self, lists: Vec<&'a [ItemIx]>) -> impl Iterator<Item = ItemIx> + 'a {
        ByPopularity::merge(lists, &self.place)
    }
}

/// Items in the order of their popularity.
enum ByPopularity<'a> {
    /// Of several lists that are each in that order: the next place of each list, and where it goes on.
    Merged { next: BinaryHeap<Reverse<(u32, usize)>>, lists: Vec<&'a [ItemIx]>, place: &'a [u32] },
    /// Of a few that were sorted.
    Few(std::vec::IntoIter<ItemIx>),
}

impl<'a> ByPopularity<'a> {
    fn merge(lists: Vec<&'a [ItemIx]>, place: &'a [u32]) -> Self {
        let first = |(at, list): (usize, &&[ItemIx])| Some(Reverse((place[list.first()?.row()], at)));
        Self::Merged { next: lists.iter().enumerate().filter_map(first).collect(), lists, place }
    }
}

impl Iterator for ByPopularity<'_> {
    type Item = ItemIx;

    fn next(&mut self) -> Option<ItemIx> {
        match self {
            Self::Few(items) => items.next(),
            Self::Merged { next, lists, place } => {
                let mut top = next.peek_mut()?;
                let at = top.0.1;
                let (&item, rest) = lists[at].split_first()?;
                lists[at] = rest;
                match rest.first() {
                    Some(following) => *top = Reverse((place[following.row()], at)),
                    None => drop(std::collections::binary_heap::PeekMut::pop(top)),
                }
                Some(item)
            }
        }
    }
}
