//! Shortlists: what each customer would be shown first, worked out when the model was fitted, so that the plain question is a look-up.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, UInt8Array, UInt32Array};
use arrow::buffer::OffsetBuffer;

use crate::table::{batch, check_bounds, column, list_of_structs, list_parts, row_range};
use crate::{CustomerIx, ItemIx, ModelError};

/// The best candidates of a customer that a shortlist holds, whether bought before or new.
pub const BEST: usize = 24;
/// The best candidates that are new to the customer that it holds.
pub const BEST_NEW: usize = 16;

/// One candidate of a shortlist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortlisted {
    /// The item.
    pub item: ItemIx,
    /// Log-odds that the customer buys it in the window, given that they buy anything: any finite number.
    pub log_odds: f32,
    /// What speaks for it.
    pub evidence: ShortlistEvidence,
}

/// What speaks for a candidate of a shortlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortlistEvidence {
    /// The customer's own orders of it.
    BoughtBefore {
        /// Orders that hold it, at least 1.
        orders: u32,
        /// Days since the last of them.
        days_since_last: u32,
    },
    /// Orders that hold both it and an item of the customer.
    BoughtWith {
        /// The customer's item.
        item: ItemIx,
        /// Orders with both.
        baskets: u32,
    },
    /// Customers who bought both it and an item of the customer.
    BoughtByTheSameCustomers {
        /// The customer's item.
        item: ItemIx,
        /// Customers of both.
        customers: u32,
    },
    /// That many buy it.
    Popular,
}

/// The shortlist of every customer, best first, as compressed sparse rows. The first [`BEST`] entries are the best of all; those after
/// them, and all that are new among the first, are the best [`BEST_NEW`] new ones. Empty for a customer without a purchase.
#[derive(Clone, Debug)]
pub struct Shortlists {
    offsets: OffsetBuffer<i32>,
    item: UInt32Array,
    log_odds: Float32Array,
    /// 0 bought before, 1 bought with, 2 bought by the same customers, 3 popular.
    evidence: UInt8Array,
    /// The customer's item, or days since the last order.
    about: UInt32Array,
    /// Orders, baskets or customers.
    count: UInt32Array,
}

impl Shortlists {
    /// The file in a version folder.
    pub const FILE: &'static str = "shortlists.arrow";

    /// From the shortlist of each customer.
    pub fn new(rows: &[Vec<Shortlisted>]) -> Self {
        let entries = || rows.iter().flatten();
        let coded = |entry: &Shortlisted| match entry.evidence {
            ShortlistEvidence::BoughtBefore { orders, days_since_last } => (0, days_since_last, orders),
            ShortlistEvidence::BoughtWith { item, baskets } => (1, item.0, baskets),
            ShortlistEvidence::BoughtByTheSameCustomers { item, customers } => (2, item.0, customers),
            ShortlistEvidence::Popular => (3, 0, 0),
        };
        Self {
            offsets: crate::table::offsets(rows.iter().map(Vec::len)),
            item: entries().map(|entry| entry.item.0).collect::<Vec<_>>().into(),
            log_odds: entries().map(|entry| entry.log_odds).collect::<Vec<_>>().into(),
            evidence: entries().map(|entry| coded(entry).0).collect::<Vec<u8>>().into(),
            about: entries().map(|entry| coded(entry).1).collect::<Vec<_>>().into(),
            count: entries().map(|entry| coded(entry).2).collect::<Vec<_>>().into(),
        }
    }

    /// The shortlist of a customer.
    pub fn of(&self, customer: CustomerIx) -> impl ExactSizeIterator<Item = Shortlisted> + '_ {
        row_range(&self.offsets, customer.row()).map(|at| {
            let (about, count) = (self.about.value(at), self.count.value(at));
            let evidence = match self.evidence.value(at) {
                0 => ShortlistEvidence::BoughtBefore { orders: count, days_since_last: about },
                1 => ShortlistEvidence::BoughtWith { item: ItemIx(about), baskets: count },
                2 => ShortlistEvidence::BoughtByTheSameCustomers { item: ItemIx(about), customers: count },
                _ => ShortlistEvidence::Popular,
            };
            Shortlisted { item: ItemIx(self.item.value(at)), log_odds: self.log_odds.value(at), evidence }
        })
    }

    /// The table to write: one row a customer.
    pub fn to_batch(&self) -> RecordBatch {
        let fields: Vec<(&str, ArrayRef)> = vec![
            ("item", Arc::new(self.item.clone())),
            ("log_odds", Arc::new(self.log_odds.clone())),
            ("evidence", Arc::new(self.evidence.clone())),
            ("about", Arc::new(self.about.clone())),
            ("count", Arc::new(self.count.clone())),
        ];
        batch(vec![("shortlist", false, Arc::new(list_of_structs(self.offsets.clone(), fields)))])
    }

    /// The table that was read, for a model of so many customers and items.
    pub fn from_batch(table: &RecordBatch, customers: usize, items: usize) -> Result<Self, ModelError> {
        let (offsets, entries) = list_parts(Self::FILE, &column(Self::FILE, table, "shortlist")?)?;
        if offsets.len() != customers + 1 {
            return Err(ModelError::corrupt(Self::FILE, format!("{} rows", offsets.len() - 1), format!("{customers}, one a customer")));
        }
        let item = column(Self::FILE, &entries, "item")?;
        check_bounds(Self::FILE, "shortlist.item", &item, items)?;
        let (evidence, about): (UInt8Array, UInt32Array) =
            (column(Self::FILE, &entries, "evidence")?, column(Self::FILE, &entries, "about")?);
        let points_outside = |entry: &(&u8, &u32)| matches!(entry.0, 1 | 2) && *entry.1 as usize >= items;
        if let Some((_, about)) = evidence.values().iter().zip(about.values()).find(points_outside) {
            return Err(ModelError::corrupt(Self::FILE, format!("shortlist.about {about}"), format!("row numbers below {items}")));
        }
        let (log_odds, count) = (column(Self::FILE, &entries, "log_odds")?, column(Self::FILE, &entries, "count")?);
        Ok(Self { offsets, item, log_odds, evidence, about, count })
    }
}
