//! The demo shop's items: shelves filled with branded products, and the pairs that belong together.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, LogNormal};

use super::random::{Stream, rng};
use super::shelves::{OWN_LABEL, SHELVES, Shelf, brands};

/// Exponent of the Zipf law within a shelf: the r-th item sells in proportion to 1 / r^0.9.
const ZIPF: f64 = 0.9;
/// Share of items that the shop no longer offers.
const UNAVAILABLE: f64 = 0.03;

/// One item.
#[derive(Clone, Debug)]
pub(super) struct DemoItem {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) shelf: usize,
    pub(super) brand: &'static str,
    pub(super) price: f64,
    pub(super) available: bool,
    /// The item that comes along, and how probably.
    pub(super) complement: Option<(u32, f64)>,
}

/// All items, shelf by shelf.
#[derive(Clone, Debug)]
pub(super) struct DemoCatalogue {
    pub(super) items: Vec<DemoItem>,
    /// Each shelf's items: the first, and the running sums of their popularity.
    shelves: Vec<(u32, Vec<f64>)>,
}

impl DemoCatalogue {
    /// The fewest items a shop can have: one a shelf.
    pub(super) const MIN_ITEMS: u32 = SHELVES.len() as u32;

    /// Fills the shelves with `count` items, at least [`Self::MIN_ITEMS`].
    pub(super) fn new(count: u32, seed: u64) -> Self {
        let mut rng = rng(seed, Stream::Catalogue, 0);
        let mut catalogue = Self { items: Vec::with_capacity(count as usize), shelves: Vec::new() };
        for (row, (shelf, size)) in SHELVES.iter().zip(shelf_sizes(count)).enumerate() {
            catalogue.fill(row, shelf, size, count, &mut rng);
        }
        catalogue.pair_up();
        catalogue
    }

    fn fill(&mut self, row: usize, shelf: &Shelf, size: usize, count: u32, rng: &mut impl Rng) {
        let first = self.items.len();
        let mut popularity: Vec<f64> = (0..size).map(|rank| (rank as f64 + 1.0).powf(-ZIPF)).collect();
        popularity.shuffle(rng);
        let mut variants = variants(shelf);
        variants.shuffle(rng);
        let spread = LogNormal::new(0.0, 0.22).unwrap_or_else(|error| unreachable!("constant spread: {error}"));
        let digits = digits(count);
        for at in 0..size {
            let (brand, product, (size, factor)) = variants[at % variants.len()];
            let packs = 1 + at / variants.len();
            let label = if brand == OWN_LABEL { 0.75 } else { 1.0 };
            let price = shelf.price * factor * label * packs as f64 * spread.sample(rng);
            let pack = if packs > 1 { format!("{packs}-pack") } else { String::new() };
            let words: Vec<&str> = [brand, product, size, &pack].into_iter().filter(|word| !word.is_empty()).collect();
            self.items.push(DemoItem {
                id: format!("i{:0digits$}", first + at + 1),
                title: words.join(" "),
                shelf: row,
                brand,
                price: ((price * 10.0).ceil() / 10.0 - 0.01).max(0.19),
                available: !rng.gen_bool(UNAVAILABLE),
                complement: None,
            });
        }
        self.shelves.push((first as u32, running_sum(popularity)));
    }

    /// Gives each item of a shelf with complements its one partner.
    fn pair_up(&mut self) {
        for (row, shelf) in SHELVES.iter().enumerate() {
            let Some((category, probability)) = shelf.goes_with else { continue };
            let Some(other) = SHELVES.iter().position(|shelf| shelf.category == category) else { continue };
            let (first, others) = (self.shelves[other].0, self.shelves[other].1.len());
            let start = self.shelves[row].0 as usize;
            for at in 0..self.shelves[row].1.len() {
                self.items[start + at].complement = Some((first + (at % others) as u32, probability));
            }
        }
    }

    /// An item of a shelf, by popularity.
    pub(super) fn pick(&self, shelf: usize, rng: &mut impl Rng) -> u32 {
        let (first, sums) = &self.shelves[shelf];
        first + pick_by_sum(sums, rng) as u32
    }
}

/// How many items each shelf gets: in proportion to the square root of its traffic, at least one, `count` in all.
fn shelf_sizes(count: u32) -> Vec<usize> {
    let wishes = running_sum(SHELVES.iter().map(|shelf| shelf.traffic.sqrt()));
    let spare = f64::from(count) - SHELVES.len() as f64;
    let all = wishes[wishes.len() - 1];
    let ends: Vec<usize> = wishes.iter().map(|wish| (spare * wish / all).round() as usize).collect();
    (0..ends.len()).map(|row| 1 + ends[row] - row.checked_sub(1).map_or(0, |before| ends[before])).collect()
}

type Variant = (&'static str, &'static str, (&'static str, f64));

fn variants(shelf: &Shelf) -> Vec<Variant> {
    let brands = std::iter::once(OWN_LABEL).chain(brands(shelf.department()).iter().copied());
    brands
        .flat_map(|brand| shelf.products.iter().map(move |&product| (brand, product)))
        .flat_map(|(brand, product)| shelf.sizes.iter().map(move |&size| (brand, product, size)))
        .collect()
}

/// The sums of the first 1, 2, ... weights.
pub(super) fn running_sum(weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |weight| {
        sum += weight;
        sum
    };
    weights.into_iter().map(add).collect()
}

/// A position, in proportion to the weights behind the running sums.
pub(super) fn pick_by_sum(sums: &[f64], rng: &mut impl Rng) -> usize {
    let all = sums.last().copied().unwrap_or(0.0);
    let at = rng.r#gen::<f64>() * all;
    sums.partition_point(|&sum| sum <= at).min(sums.len() - 1)
}

/// Digits of ids up to `count`, at least 4.
pub(super) fn digits(count: u32) -> usize {
    count.to_string().len().max(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shelf_is_filled_and_every_complement_stands_on_a_shelf() {
        for count in [DemoCatalogue::MIN_ITEMS, 600, 20_000] {
            let catalogue = DemoCatalogue::new(count, 7);
            assert_eq!(catalogue.items.len(), count as usize);
            assert!(catalogue.shelves.iter().all(|(_, sums)| !sums.is_empty()));
        }
        let known = |category| SHELVES.iter().any(|shelf| shelf.category == category);
        assert!(SHELVES.iter().filter_map(|shelf| shelf.goes_with).all(|(category, _)| known(category)));
    }

    #[test]
    fn titles_are_distinct() {
        let mut titles: Vec<String> = DemoCatalogue::new(20_000, 7).items.into_iter().map(|item| item.title).collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), 20_000);
    }
}
