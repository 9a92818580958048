//! Migration: who moved from which group to which between two versions.

use arrow::array::{Array, StringArray};

use crate::groups::{GroupBy, Standing};

/// The customers of two versions by where they were and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// What they are grouped by.
    pub by: GroupBy,
    /// The earlier version and its as-of.
    pub from: [String; 2],
    /// The later version and its as-of.
    pub to: [String; 2],
    /// The groups of the earlier version.
    pub from_groups: Vec<String>,
    /// The groups of the later version.
    pub to_groups: Vec<String>,
    /// Customers of both versions: a row for each of `from_groups`, a column for each of `to_groups`.
    pub moved: Vec<Vec<u64>>,
    /// Customers of the later version alone, for each of `to_groups`.
    pub joined: Vec<u64>,
    /// Customers of the earlier version alone, for each of `from_groups`: erased, or no longer in the files.
    pub left: Vec<u64>,
}

/// What became of the customers of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// They are where they were.
    Stayed,
    /// They are in another group.
    Moved,
    /// The earlier version does not know them.
    Joined,
    /// The later version does not know them.
    Left,
}

impl Change {
    /// The name used in the API and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stayed => "stayed",
            Self::Moved => "moved",
            Self::Joined => "joined",
            Self::Left => "left",
        }
    }
}

/// One way from group to group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way<'a> {
    /// The group before; none for those who joined.
    pub from: Option<&'a str>,
    /// The group after; none for those who left.
    pub to: Option<&'a str>,
    /// What kind of way it is.
    pub change: Change,
    /// Who took it.
    pub customers: u64,
    /// Their share of the group before, 0 to 1; none for those who joined.
    pub share: Option<f64>,
}

fn id(ids: &StringArray, at: usize) -> Option<&str> {
    (at < ids.len()).then(|| ids.value(at))
}

impl Migration {
    /// Compares two versions; ids that both know are matched.
    pub fn between(from: &Standing, to: &Standing, by: GroupBy) -> Self {
        let (before, after) = (from.membership(by), to.membership(by));
        let (mut moved, mut joined) = (vec![vec![0; after.names.len()]; before.names.len()], vec![0; after.names.len()]);
        let mut left = vec![0; before.names.len()];
        let (mut a, mut b) = (0, 0);
        while a < before.of.len() || b < after.of.len() {
            let order = match (id(&before.customer_id, a), id(&after.customer_id, b)) {
                (Some(a), Some(b)) => a.cmp(b),
                (Some(_), None) => std::cmp::Ordering::Less,
                _ => std::cmp::Ordering::Greater,
            };
            match order {
                std::cmp::Ordering::Less => left[before.of[a] as usize] += 1,
                std::cmp::Ordering::Greater => joined[after.of[b] as usize] += 1,
                std::cmp::Ordering::Equal => moved[before.of[a] as usize][after.of[b] as usize] += 1,
            }
            a += usize::from(order.is_le());
            b += usize::from(order.is_ge());
        }
        Self {
            by,
            from: [from.version.clone(), from.as_of.clone()],
            to: [to.version.clone(), to.as_of.clone()],
            from_groups: before.names,
            to_groups: after.names,
            moved,
            joined,
            left,
        }
    }

    /// Customers of both versions, of the later one alone, and of the earlier one alone.
    pub fn totals(&self) -> [u64; 3] {
        [self.moved.iter().flatten().sum(), self.joined.iter().sum(), self.left.iter().sum()]
    }

    /// Customers of both versions who are where they were.
    pub fn stayed(&self) -> u64 {
        self.ways().filter(|way| way.change == Change::Stayed).map(|way| way.customers).sum()
    }

    /// Customers of the earlier version in a group.
    pub fn size_before(&self, group: usize) -> u64 {
        self.moved[group].iter().sum::<u64>() + self.left[group]
    }

    /// Every way that somebody took: group by group, then those who joined.
    pub fn ways(&self) -> impl Iterator<Item = Way<'_>> {
        let of_group = move |from: usize| {
            let name = self.from_groups[from].as_str();
            let share = move |customers: u64| Some(customers as f64 / self.size_before(from).max(1) as f64);
            let moved = self.moved[from].iter().zip(&self.to_groups).map(move |(&customers, to)| Way {
                from: Some(name),
                to: Some(to),
                change: if to == name { Change::Stayed } else { Change::Moved },
                customers,
                share: share(customers),
            });
            let left = self.left[from];
            moved.chain([Way { from: Some(name), to: None, change: Change::Left, customers: left, share: share(left) }])
        };
        let joined = self.joined.iter().zip(&self.to_groups).map(|(&customers, to)| Way {
            from: None,
            to: Some(to),
            change: Change::Joined,
            customers,
            share: None,
        });
        (0..self.from_groups.len()).flat_map(of_group).chain(joined).filter(|way| way.customers > 0)
    }
}
