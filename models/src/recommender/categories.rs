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
        self.within.get(&parts(path).collect::<Vec<_>>().join("/")).cloned()
    }

    /// Whether a category of the items, by its position in [`Groups::names`], lies within any of these.
    pub(super) fn is_within(&self, category: u32, ranges: &[Range<u32>]) -> bool {
        category != NONE && ranges.iter().any(|range| range.contains(&self.number[category as usize]))
    }

    /// The categories of the items that lie within a range, as positions in [`Groups::names`].
    pub(super) fn leaves(&self, range: &Range<u32>) -> &[u32] {
        self.leaves.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '>']).map(str::trim).filter(|part| !part.is_empty())
}
