//! Histories: what each customer bought, item by item, as the recommender needs it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;

use crate::table::{batch, check_bounds, column, list_of_structs, list_parts, row_range};
use crate::{CustomerIx, ItemIx, ModelError};

/// One item in a customer's history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bought {
    /// The item.
    pub item: ItemIx,
    /// Orders of this customer that hold it, returns netted out: 0 when everything came back.
    pub orders: u32,
    /// Those of the last [`RECENT_DAYS`](crate::items::RECENT_DAYS) days.
    pub recent_orders: u32,
    /// Units bought in them, returns netted out.
    pub units: f32,
    /// As-of minus the last of them, in days.
    pub days_since_last: u32,
    /// As-of minus the first of them, in days.
    pub days_since_first: u32,
    /// Sum over those orders of 0.5^(days ago / [`FAST_HALF_LIFE`]).
    pub fast: f32,
    /// Sum over those orders of 0.5^(days ago / [`SLOW_HALF_LIFE`]).
    pub slow: f32,
    /// Share of the last orders' weight: sum over the orders that hold it of [`ORDER_DECAY`]^(orders since).
    pub by_order: f32,
}

/// Half-life of [`Bought::fast`], days.
pub const FAST_HALF_LIFE: f64 = 14.0;
/// Half-life of [`Bought::slow`], days.
pub const SLOW_HALF_LIFE: f64 = 90.0;
/// Weight of an order over that of the one after it, in [`Bought::by_order`].
pub const ORDER_DECAY: f64 = 0.95;

/// Every customer's items, ascending by item, as compressed sparse rows.
#[derive(Clone, Debug)]
pub struct Histories {
    offsets: OffsetBuffer<i32>,
    item: UInt32Array,
    orders: UInt32Array,
    recent_orders: UInt32Array,
    units: Float32Array,
    days_since_last: UInt32Array,
    days_since_first: UInt32Array,
    fast: Float32Array,
    slow: Float32Array,
    by_order: Float32Array,
}

impl Histories {
    /// The file in a version folder.
    pub const FILE: &'static str = "histories.arrow";

    /// From the history of each customer, ascending by item.
    pub fn new(rows: &[Vec<Bought>]) -> Self {
        fn collect<T, C: From<Vec<T>>>(rows: &[Vec<Bought>], field: impl Fn(&Bought) -> T) -> C {
            rows.iter().flatten().map(field).collect::<Vec<T>>().into()
        }
        Self {
            offsets: crate::table::offsets(rows.iter().map(Vec::len)),
            item: collect(rows, |b| b.item.0),
            orders: collect(rows, |b| b.orders),
            recent_orders: collect(rows, |b| b.recent_orders),
            units: collect(rows, |b| b.units),
            days_since_last: collect(rows, |b| b.days_since_last),
            days_since_first: collect(rows, |b| b.days_since_first),
            fast: collect(rows, |b| b.fast),
            slow: collect(rows, |b| b.slow),
            by_order: collect(rows, |b| b.by_order),
        }
    }

    /// What a customer bought, ascending by item.
    pub fn of(&self, customer: CustomerIx) -> impl ExactSizeIterator<Item = Bought> + '_ {
        row_range(&self.offsets, customer.row()).map(|at| Bought {
            item: ItemIx(self.item.value(at)),
            orders: self.orders.value(at),
            recent_orders: self.recent_orders.value(at),
            units: self.units.value(at),
            days_since_last: self.days_since_last.value(at),
            days_since_first: self.days_since_first.value(at),
            fast: self.fast.value(at),
            slow: self.slow.value(at),
            by_order: self.by_order.value(at),
        })
    }

    /// The items a customer bought, ascending.
    pub fn items(&self, customer: CustomerIx) -> &[u32] {
        &self.item.values()[row_range(&self.offsets, customer.row())]
    }

    /// How many customers there are.
    pub fn customers(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The table to write: one row a customer.
    pub fn to_batch(&self) -> RecordBatch {
        let fields: Vec<(&str, ArrayRef)> = vec![
            ("item", Arc::new(self.item.clone())),
            ("orders", Arc::new(self.orders.clone())),
            ("recent_orders", Arc::new(self.recent_orders.clone())),
            ("units", Arc::new(self.units.clone())),
            ("days_since_last", Arc::new(self.days_since_last.clone())),
            ("days_since_first", Arc::new(self.days_since_first.clone())),
            ("fast", Arc::new(self.fast.clone())),
            ("slow", Arc::new(self.slow.clone())),
            ("by_order", Arc::new(self.by_order.clone())),
        ];
        batch(vec![("bought", false, Arc::new(list_of_structs(self.offsets.clone(), fields)))])
    }

    /// The table that was read, for a model of so many customers and items.
    pub fn from_batch(table: &RecordBatch, customers: usize, items: usize) -> Result<Self, ModelError> {
        let (offsets, entries) = list_parts(Self::FILE, &column(Self::FILE, table, "bought")?)?;
        if offsets.len() != customers + 1 {
            return Err(ModelError::corrupt(Self::FILE, format!("{} rows", offsets.len() - 1), format!("{customers}, one a customer")));
        }
        let item = column(Self::FILE, &entries, "item")?;
        check_bounds(Self::FILE, "bought.item", &item, items)?;
        let number = |name| column(Self::FILE, &entries, name);
        let decayed = |name| column(Self::FILE, &entries, name);
        Ok(Self {
            offsets,
            item,
            orders: number("orders")?,
            recent_orders: number("recent_orders")?,
            units: decayed("units")?,
            days_since_last: number("days_since_last")?,
            days_since_first: number("days_since_first")?,
            fast: decayed("fast")?,
            slow: decayed("slow")?,
            by_order: decayed("by_order")?,
        })
    }
}
