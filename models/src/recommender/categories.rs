//! The tree of categories: a category that is a path, such as `GROCERY/BREAD`, lies within every path that it begins with.

use std::collections::HashMap;
use std::ops::Range;

use crate::items::{Groups, NONE};

/// Every category of the items and every category above them. The leaves are numbered so that what lies within a category is one range.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    /// The number of each category of the items, by its position in [`Groups::names`].
    number: Vec<u32>,
    /// The position of each number.
    leaves: Vec<u32>,
    /// The numbers within each category, by its path.
    within: HashMap<String, Range<u32>>,
}

impl Categories {
    pub(super) fn new(categories: &Groups) -> Self {
        let paths: Vec<Vec<&str>> = categories.names.iter().map(|name| parts(name).collect()).collect();
        let mut leaves: Vec<u32> = (0..paths.len() as u32).collect();
        leaves.sort_by(|&a, &b| paths[a as usize].cmp(&paths[b as usize]));
        let mut number = vec![0; leaves.len()];
        let mut within: HashMap<String, Range<u32>> = HashMap::new();
        for (at, &leaf) in (0..).zip(&leaves) {
            number[leaf as usize] = at;
            let path = &paths[leaf as usize];
            for depth in 1..=path.len() {
                within.entry(path[..depth].join("/")).or_insert(at..at).end = at + 1;
            }
        }
        Self { number, leaves, within }
    }

    /// The categories that lie within this one, itself included; `None` if no item's category is or begins with this path. Parts of a path are
    /// separated by `/` or `>`, blanks around them do not count.
    pub fn find(&self, path: &str) -> Option<Range<u32>> {
        self.within.get(&canonical(path)).cloned()
    }

    /// Whether a category, by its position in [`Groups::names`], lies within any of these. Categories that came later have their own number.
    pub(super) fn is_within(&self, category: u32, ranges: &[Range<u32>]) -> bool {
        let number = self.number.get(category as usize).copied().unwrap_or(category);
        category != NONE && ranges.iter().any(|range| range.contains(&number))
    }

    /// The categories that lie within a range, as positions in [`Groups::names`]; those that came later after them.
    pub(super) fn leaves(&self, range: &Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let own = self.leaves.len() as u32;
        let of_model = &self.leaves[range.start.min(own) as usize..range.end.min(own) as usize];
        of_model.iter().copied().chain(range.start.max(own)..range.end)
    }
}

/// A path with its parts separated by `/` and nothing else.
pub fn canonical(path: &str) -> String {
    parts(path).collect::<Vec<_>>().join("/")
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '>']).map(str::trim).filter(|part| !part.is_empty())
}
