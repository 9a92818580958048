//! Ids as numbers: a distinct text is kept once and known by its position.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use rayon::slice::ParallelSliceMut;
use shopkeeper_models::ids::MAX_ID_BYTES;

use super::values::Ids;

/// Code of a missing or empty id.
pub(super) const MISSING: u32 = u32::MAX;
/// Code of an id longer than [`MAX_ID_BYTES`].
pub(super) const TOO_LONG: u32 = u32::MAX - 1;
/// A local code that has no shared one yet.
const UNSEEN: u32 = u32::MAX;

/// Distinct texts, one behind the other, numbered as they came.
#[derive(Default)]
pub(super) struct Interner {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// The position of `text`, new or known.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let Self { text: all, ends, table, hasher } = self;
        let hash = hasher.hash_one(text);
        match table.entry(hash, |&at| slice(all, ends, at) == text, |&at| hasher.hash_one(slice(all, ends, at))) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let at = ends.len() as u32;
                free.insert(at);
                all.push_str(text);
                ends.push(all.len());
                at
            }
        }
    }

    /// The position of `text`, if it is known.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |&at| slice(&self.text, &self.ends, at) == text).copied()
    }

    /// The text at a position.
    pub(super) fn get(&self, at: u32) -> &str {
        slice(&self.text, &self.ends, at)
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All positions, ascending by text, byte by byte.
    pub(super) fn ascending(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.par_sort_unstable_by(|&a, &b| self.get(a).cmp(self.get(b)));
        order
    }
}

fn slice<'a>(all: &'a str, ends: &[usize], at: u32) -> &'a str {
    let at = at as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &all[start..ends[at]]
}

/// Where each position stands in `ascending`.
pub(super) fn ranks(ascending: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; ascending.len()];
    for (rank, &at) in ascending.iter().enumerate() {
        ranks[at as usize] = rank as u32;
    }
    ranks
}

/// The ids of one column of one row group, so that threads meet at the shared [`Interner`] once an id, not once a row.
#[derive(Default)]
pub(super) struct LocalIds {
    texts: Interner,
    numbers: HashMap<u64, u32>,
    shared: Vec<u32>,
}

impl LocalIds {
    /// The code of each of `rows` ids: a local one, [`MISSING`] or [`TOO_LONG`].
    pub(super) fn codes(&mut self, ids: &Ids, rows: usize) -> Vec<u32> {
        match ids {
            Ids::None => vec![MISSING; rows],
            Ids::Signed(ids) => ids.iter().map(|id| id.map_or(MISSING, |id| self.number(id as u64, || id.to_string()))).collect(),
            Ids::Unsigned(ids) => ids.iter().map(|id| id.map_or(MISSING, |id| self.number(id, || id.to_string()))).collect(),
            Ids::Text(ids) => ids.iter().map(|id| self.text(id.unwrap_or_default())).collect(),
        }
    }

    /// The shared code of a local one. Only ids of accepted rows come here: others never reach the log.
    pub(super) fn share(&mut self, code: u32, all: &mut Interner) -> u32 {
        let shared = &mut self.shared[code as usize];
        if *shared == UNSEEN {
            *shared = all.intern(self.texts.get(code));
        }
        *shared
    }

    /// The text of a local code.
    pub(super) fn get(&self, code: u32) -> &str {
        self.texts.get(code)
    }

    /// A column has one type, so signed and unsigned numbers of the same bits do not meet.
    fn number(&mut self, bits: u64, digits: impl FnOnce() -> String) -> u32 {
        if let Some(&code) = self.numbers.get(&bits) {
            return code;
        }
        let code = self.text(&digits());
        self.numbers.insert(bits, code);
        code
    }

    fn text(&mut self, id: &str) -> u32 {
        match id.len() {
            0 => MISSING,
            1..=MAX_ID_BYTES => {
                let code = self.texts.intern(id);
                self.shared.resize(self.texts.len(), UNSEEN);
                code
            }
            _ => TOO_LONG,
        }
    }
}
