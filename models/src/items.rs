//! The items: the catalogue and how each item sells.

use arrow::array::{Array, BooleanArray, Float32Array, Float64Array, StringArray, UInt32Array};

use crate::ModelError;
use crate::ids::{ItemIx, check_ascending, find};
use crate::table::{Nullable, table};

/// Days that count as recent in [`Items::recent_buyers`].
pub const RECENT_DAYS: i32 = 28;
/// Days that count as this week in [`Items::week_buyers`].
pub const WEEK_DAYS: i32 = 7;

table! {
    /// One row an item, ascending by id. Everything sold or listed in the catalogue.
    pub struct Items in "items.arrow" {
        /// The shop's id.
        pub item_id: StringArray,
        /// Title, if the catalogue has one.
        pub title: Nullable<StringArray>,
        /// Category, may be a path such as `GROCERY/BREAD`.
        pub category: Nullable<StringArray>,
        /// Brand, if the catalogue has one.
        pub brand: Nullable<StringArray>,
        /// Unit price: the catalogue's, else the mean paid; null when neither is known.
        pub price: Nullable<Float64Array>,
        /// Whether it may be recommended. True unless the catalogue says otherwise.
        pub available: BooleanArray,
        /// Orders that hold it, returns netted out.
        pub baskets: UInt32Array,
        /// Distinct customers who bought it.
        pub buyers: UInt32Array,
        /// Distinct customers who bought it in the last [`RECENT_DAYS`] days.
        pub recent_buyers: UInt32Array,
        /// Of those, the ones who had not bought it before.
        pub new_buyers: UInt32Array,
        /// Distinct customers who bought it in the last [`WEEK_DAYS`] days.
        pub week_buyers: UInt32Array,
        /// Money taken for it, returns netted out.
        pub revenue: Float64Array,
        /// Share of its buyers who bought it in two orders or more, 0 to 1, shrunk towards the shop's mean.
        pub repeat_rate: Float32Array,
        /// Share of those who bought it 28 to 84 days ago who bought it again in the last 28 days, 0 to 1, shrunk towards the shop's mean.
        pub recent_repeat_rate: Float32Array,
        /// Mean days between a customer's purchases of it, over repeat buyers, shrunk towards the shop's mean; 0 when nobody repeats anything.
        pub gap_days: Float32Array,
    }
}

impl Items {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.item_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item with this id.
    pub fn find(&self, id: &str) -> Option<ItemIx> {
        find(&self.item_id, id).map(ItemIx)
    }

    /// The shop's id of an item.
    pub fn id(&self, item: ItemIx) -> &str {
        self.item_id.value(item.row())
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        check_ascending(Self::FILE, &self.item_id)
    }
}

/// Row numbers of the distinct values of a nullable text column, and each row's number among them.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// The distinct values, ascending.
    pub names: Vec<String>,
    /// Each row's value as a position in `names`; `NONE` when null.
    pub of: Vec<u32>,
    offsets: Vec<u32>,
    members: Vec<u32>,
}

/// "Belongs to no group" in [`Groups::of`].
pub const NONE: u32 = u32::MAX;

impl Groups {
    /// Groups the rows of a column.
    pub fn new(column: &Nullable<StringArray>) -> Self {
        let rows = column.0.len();
        let mut names: Vec<&str> = (0..rows).filter_map(|row| column.get(row)).collect();
        names.sort_unstable();
        names.dedup();
        let of: Vec<u32> =
            (0..rows).map(|row| column.get(row).and_then(|name| names.binary_search(&name).ok()).map_or(NONE, |ix| ix as u32)).collect();
        let mut offsets = vec![0_u32; names.len() + 1];
        of.iter().filter(|&&group| group != NONE).for_each(|&group| offsets[group as usize + 1] += 1);
        (1..offsets.len()).for_each(|ix| offsets[ix] += offsets[ix - 1]);
        let (mut next, mut members) = (offsets.clone(), vec![0; offsets[names.len()] as usize]);
        for (row, &group) in of.iter().enumerate().filter(|&(_, &group)| group != NONE) {
            members[next[group as usize] as usize] = row as u32;
            next[group as usize] += 1;
        }
        let names = names.into_iter().map(str::to_owned).collect();
        Self { names, of, offsets, members }
    }

    /// The position of a name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.binary_search_by(|probe| probe.as_str().cmp(name)).ok().map(|ix| ix as u32)
    }

    /// The rows of a group, ascending.
    pub fn members(&self, group: u32) -> &[u32] {
        &self.members[self.offsets[group as usize] as usize..self.offsets[group as usize + 1] as usize]
    }
}
