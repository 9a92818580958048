//! Frequent itemsets: every set of items that stands together in enough orders, with the exact number of those orders.
//!
//! Each item in turn is paired with the more frequent ones: the orders that hold it are counted, what is frequent among them becomes a small
//! matrix of bits, an item a row and an order a bit, and the sets are grown by intersecting rows (Eclat, Zaki 2000, on projected bitmaps).

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Orders as sets of numbers below `items`.
#[derive(Clone, Debug, Default)]
pub struct Baskets {
    /// First entry of each order in `entries`; one more than orders.
    offsets: Vec<u32>,
    entries: Vec<u32>,
    items: usize,
}

impl Baskets {
    /// No orders yet, of so many different items.
    pub fn new(items: usize) -> Self {
        Self { offsets: vec![0], entries: Vec::new(), items }
    }

    /// Adds an order; each item once, in any order.
    pub fn push(&mut self, items: impl IntoIterator<Item = u32>) {
        self.entries.extend(items);
        self.offsets.push(self.entries.len() as u32);
    }

    /// How many orders.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items of every order.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|order| self.of(order))
    }

    fn of(&self, order: usize) -> &[u32] {
        &self.entries[self.offsets[order] as usize..self.offsets[order + 1] as usize]
    }
}

/// Which itemsets.
#[derive(Clone, Copy, Debug)]
pub struct ItemsetParams {
    /// The fewest orders that hold all of the set, at least 1.
    pub min_baskets: u32,
    /// The most items of a set, at least 1.
    pub max_items: usize,
    /// The most sets; more is an error. A set takes some 30 bytes while it is looked for.
    pub max_itemsets: usize,
}

/// There are more itemsets than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// Sets of items, each with its orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Itemsets {
    offsets: Vec<u32>,
    items: Vec<u32>,
    baskets: Vec<u32>,
}

impl Itemsets {
    /// How many sets.
    pub fn len(&self) -> usize {
        self.baskets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.baskets.is_empty()
    }

    /// Every set, ascending, with the orders that hold all of it. The sets of one item stand first.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], u32)> {
        self.offsets.windows(2).zip(&self.baskets).map(|(ends, &baskets)| (&self.items[ends[0] as usize..ends[1] as usize], baskets))
    }

    fn push(&mut self, items: &[u32], last: Option<u32>, baskets: u32) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.items.extend_from_slice(items);
        self.items.extend(last);
        self.offsets.push(self.items.len() as u32);
        self.baskets.push(baskets);
    }

    fn append(&mut self, other: &Self, name: impl Fn(u32) -> u32) {
        for (items, baskets) in other.iter() {
            let start = self.items.len();
            self.push(items, None, baskets);
            self.items[start..].iter_mut().for_each(|item| *item = name(*item));
            self.items[start..].sort_unstable();
        }
    }
}

impl ItemsetParams {
    /// Finds every frequent set. `kin` says for each item which others may not stand in a set with it; empty where there are none. The same on
    /// any number of threads.
    pub fn mine(&self, baskets: &Baskets, kin: &[Vec<u32>]) -> Result<Itemsets, TooMany> {
        let ranked = Ranked::new(baskets, self.min_baskets.max(1), kin);
        let found = AtomicUsize::new(0);
        let mut all = Itemsets::default();
        let mut singles = Itemsets::default();
        ranked.baskets.iter().enumerate().for_each(|(rank, &baskets)| singles.push(&[rank as u32], None, baskets));
        if !self.count(&found, singles.len()) {
            return Err(TooMany);
        }
        all.append(&singles, |rank| ranked.items[rank as usize]);
        if self.max_items < 2 {
            return Ok(all);
        }
        // the frequent items first: theirs is the most work for one
        let grown: Vec<Option<Itemsets>> = (0..ranked.items.len())
            .into_par_iter()
            .with_max_len(1)
            .map_init(|| Grower::new(self, &ranked, &found), |grower, rank| grower.grow(rank as u32))
            .collect();
        for sets in grown {
            all.append(&sets.ok_or(TooMany)?, |rank| ranked.items[rank as usize]);
        }
        Ok(all)
    }

    /// Counts sets that were found; whether all of them are still allowed.
    fn count(&self, found: &AtomicUsize, more: usize) -> bool {
        found.fetch_add(more, Ordering::Relaxed) + more <= self.max_itemsets
    }
}

/// The frequent items by rank, the most frequent first, and the orders in ranks.
struct Ranked {
    /// Item of each rank.
    items: Vec<u32>,
    /// Orders of each rank.
    baskets: Vec<u32>,
    /// The frequent entries of each order, ascending by rank.
    entries: Vec<u32>,
    /// For each rank, where its orders begin in `entries` and where it stands itself.
    places: Vec<(u32, u32)>,
    place_offsets: Vec<u32>,
    /// Ranks that may not stand with each rank, ascending; empty when there are none at all.
    kin: Vec<Vec<u32>>,
}

const NONE: u32 = u32::MAX;

impl Ranked {
    fn new(baskets: &Baskets, min_baskets: u32, kin: &[Vec<u32>]) -> Self {
        let mut counts = vec![0_u32; baskets.items];
        baskets.entries.iter().for_each(|&item| counts[item as usize] += 1);
        let mut items: Vec<u32> = (0..baskets.items as u32).filter(|&item| counts[item as usize] >= min_baskets).collect();
        items.sort_unstable_by_key(|&item| (std::cmp::Reverse(counts[item as usize]), item));
        let mut rank_of = vec![NONE; baskets.items];
        items.iter().enumerate().for_each(|(rank, &item)| rank_of[item as usize] = rank as u32);
        let of_rank: Vec<u32> = items.iter().map(|&item| counts[item as usize]).collect();
        let mut place_offsets = vec![0_u32; items.len() + 1];
        (0..items.len()).for_each(|rank| place_offsets[rank + 1] = place_offsets[rank] + of_rank[rank]);
        let mut next = place_offsets.clone();
        let mut places = vec![(0, 0); place_offsets[items.len()] as usize];
        let mut entries = Vec::with_capacity(places.len());
        for order in 0..baskets.len() {
            let start = entries.len();
            entries.extend(baskets.of(order).iter().map(|&item| rank_of[item as usize]).filter(|&rank| rank != NONE));
            entries[start..].sort_unstable();
            for (at, &rank) in entries.iter().enumerate().skip(start) {
                places[next[rank as usize] as usize] = (start as u32, at as u32);
                next[rank as usize] += 1;
            }
        }
        let ranks = |item: &u32| {
            let mut ranks: Vec<u32> =
                kin[*item as usize].iter().map(|&other| rank_of[other as usize]).filter(|&rank| rank != NONE).collect();
            ranks.sort_unstable();
            ranks
        };
        let kin = if kin.iter().all(Vec::is_empty) { Vec::new() } else { items.iter().map(ranks).collect() };
        Self { items, baskets: of_rank, entries, places, place_offsets, kin }
    }

    fn places(&self, rank: u32) -> &[(u32, u32)] {
        &self.places[self.place_offsets[rank as usize] as usize..self.place_offsets[rank as usize + 1] as usize]
    }

    fn are_kin(&self, a: u32, b: u32) -> bool {
        self.kin.get(a as usize).is_some_and(|kin| kin.binary_search(&b).is_ok())
    }
}

/// What one thread grows sets with.
struct Grower<'a> {
    params: &'a ItemsetParams,
    ranked: &'a Ranked,
    found: &'a AtomicUsize,
    /// Orders of each rank among those of the item that is grown.
    counts: Vec<u32>,
    /// Row of each rank in the matrix.
    row_of: Vec<u32>,
    /// One matrix a depth.
    bits: Vec<Vec<u64>>,
    prefix: Vec<u32>,
    sets: Itemsets,
}

/// A row of a matrix: an item, and the orders that hold it and all of the prefix.
#[derive(Clone, Copy)]
struct Extension {
    rank: u32,
    baskets: u32,
}

impl<'a> Grower<'a> {
    fn new(params: &'a ItemsetParams, ranked: &'a Ranked, found: &'a AtomicUsize) -> Self {
        let count = ranked.items.len();
        Self {
            params,
            ranked,
            found,
            counts: vec![0; count],
            row_of: vec![NONE; count],
            bits: Vec::new(),
            prefix: Vec::new(),
            sets: Itemsets::default(),
        }
    }

    /// The sets of an item with more frequent ones; `None` when there are too many.
    fn grow(&mut self, rank: u32) -> Option<Itemsets> {
        if self.found.load(Ordering::Relaxed) > self.params.max_itemsets {
            return None;
        }
        let ranked = self.ranked;
        for &(start, at) in ranked.places(rank) {
            ranked.entries[start as usize..at as usize].iter().for_each(|&other| self.counts[other as usize] += 1);
        }
        let mut extensions: Vec<Extension> = Vec::new();
        for &(start, at) in ranked.places(rank) {
            for &other in &ranked.entries[start as usize..at as usize] {
                let baskets = std::mem::take(&mut self.counts[other as usize]);
                if baskets >= self.params.min_baskets && !ranked.are_kin(rank, other) {
                    extensions.push(Extension { rank: other, baskets });
                }
            }
        }
        // the rarest first: the sets that begin with it are few
        extensions.sort_unstable_by_key(|extension| (extension.baskets, extension.rank));
        self.prefix.clear();
        self.prefix.push(rank);
        for extension in &extensions {
            self.sets.push(&self.prefix, Some(extension.rank), extension.baskets);
        }
        let mut allowed = self.params.count(self.found, extensions.len());
        if allowed && extensions.len() >= 2 && self.params.max_items >= 3 {
            let words = self.project(rank, &extensions);
            allowed = self.extend(&extensions, words, 0);
        }
        let sets = std::mem::take(&mut self.sets);
        allowed.then_some(sets)
    }

    /// Fills the first matrix: the orders with the item and at least two of the extensions. Returns the words of a row.
    fn project(&mut self, rank: u32, extensions: &[Extension]) -> usize {
        let ranked = self.ranked;
        extensions.iter().enumerate().for_each(|(row, extension)| self.row_of[extension.rank as usize] = row as u32);
        let places = ranked.places(rank);
        let words = places.len().div_ceil(64);
        if self.bits.is_empty() {
            self.bits.push(Vec::new());
        }
        let bits = &mut self.bits[0];
        bits.clear();
        bits.resize(words * extensions.len(), 0);
        let mut order = 0;
        let mut rows = Vec::new();
        for &(start, at) in places {
            rows.clear();
            rows.extend(
                ranked.entries[start as usize..at as usize].iter().map(|&other| self.row_of[other as usize]).filter(|&row| row != NONE),
            );
            if rows.len() >= 2 {
                rows.iter().for_each(|&row| bits[row as usize * words + order / 64] |= 1 << (order % 64));
                order += 1;
            }
        }
        extensions.iter().for_each(|extension| self.row_of[extension.rank as usize] = NONE);
        // the matrix is made as narrow as the orders that were left
        let narrow = order.div_ceil(64);
        if narrow < words {
            for row in 0..extensions.len() {
                bits.copy_within(row * words..row * words + narrow, row * narrow);
            }
            bits.truncate(narrow * extensions.len());
        }
        narrow
    }

    /// Grows every set that begins with the prefix and one of the extensions, whose rows stand in the matrix of this depth. Whether there is still
    /// room for more.
    fn extend(&mut self, extensions: &[Extension], words: usize, depth: usize) -> bool {
        if self.bits.len() < depth + 2 {
            self.bits.push(Vec::new());
        }
        let is_last = self.prefix.len() + 2 >= self.params.max_items;
        let mut longer: Vec<Extension> = Vec::with_capacity(extensions.len());
        for (row, extension) in extensions.iter().enumerate() {
            let (above, below) = self.bits.split_at_mut(depth + 1);
            let (matrix, next) = (&above[depth], &mut below[0]);
            let own = &matrix[row * words..(row + 1) * words];
            longer.clear();
            next.clear();
            for (other_row, other) in extensions.iter().enumerate().skip(row + 1) {
                if self.ranked.are_kin(extension.rank, other.rank) {
                    continue;
                }
                let bits = &matrix[other_row * words..(other_row + 1) * words];
                let baskets = intersection(own, bits);
                if baskets >= self.params.min_baskets {
                    longer.push(Extension { rank: other.rank, baskets });
                    if !is_last {
                        next.extend(own.iter().zip(bits).map(|(a, b)| a & b));
                    }
                }
            }
            self.prefix.push(extension.rank);
            for longer in &longer {
                self.sets.push(&self.prefix, Some(longer.rank), longer.baskets);
            }
            let mut room = self.params.count(self.found, longer.len());
            if room && longer.len() >= 2 && !is_last {
                room = self.extend(&longer, words, depth + 1);
            }
            self.prefix.pop();
            if !room {
                return false;
            }
        }
        true
    }
}

/// Bits that both rows have.
fn intersection(a: &[u64], b: &[u64]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { intersection_avx2(a, b) };
    }
    count_common(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn intersection_avx2(a: &[u64], b: &[u64]) -> u32 {
    count_common(a, b)
}

#[inline(always)]
fn count_common(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum()
}
