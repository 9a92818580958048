//! The purchase log: every accepted order line, columnar and compact, sorted by customer then time. One pass over it feeds every model.

use arrow::array::{Array, StringArray};
use shopkeeper_models::calendar::Day;

/// All that was read. Rows of `customer_ids` and `item_ids` are the row numbers used everywhere else, ascending by id.
///
/// Orders are sorted by customer, then time, then order id; lines by order, then item. A log is the same for the same rows, whatever their
/// order, files and threads.
#[derive(Clone, Debug)]
pub struct PurchaseLog {
    /// Every customer: those with orders and those only in the customers table.
    pub customer_ids: StringArray,
    /// Every item: those sold and those only in the catalogue.
    pub item_ids: StringArray,
    /// What the catalogue says of each item, by row of `item_ids`.
    pub catalogue: Catalogue,
    /// First order of each customer; one entry more than customers.
    pub order_offsets: Vec<u32>,
    /// Unix time of each order in seconds: its first line's.
    pub order_time: Vec<i64>,
    /// Calendar day of each order in the shop's time zone.
    pub order_day: Vec<Day>,
    /// Sales channel of each order as a position in `channels`; `u16::MAX` = not said.
    pub order_channel: Vec<u16>,
    /// Money off the price of each order, not negative; empty where nothing was ever taken off or the shop does not say.
    pub order_discount: Vec<f64>,
    /// The names of the channels, ascending.
    pub channels: Vec<String>,
    /// First line of each order; one entry more than orders.
    pub line_offsets: Vec<u32>,
    /// Item of each line. An item stands once an order: its lines are added up.
    pub line_item: Vec<u32>,
    /// Units bought, not negative; 0 on a line that stands for no unit, such as a coupon's.
    pub line_quantity: Vec<f32>,
    /// Money paid for the line, after discounts.
    pub line_amount: Vec<f64>,
    /// Lines that take back units or money, sorted by customer, then day, then item.
    pub returns: Vec<Return>,
    /// Exclusive end of what was read, Unix seconds.
    pub as_of: i64,
    /// The calendar day after the last one that may hold an order.
    pub as_of_day: Day,
    /// IANA name of the time zone that decides calendar days.
    pub timezone: String,
}

/// A line with negative quantity, or one of no unit with negative money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Return {
    /// Row of the customer.
    pub customer: u32,
    /// Row of the item.
    pub item: u32,
    /// Calendar day of the return.
    pub day: Day,
    /// Units that came back, not negative.
    pub quantity: f32,
    /// Money paid back, positive.
    pub amount: f64,
}

/// What the items table says, one entry an item of the log. All null when there is none.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Title.
    pub title: Vec<Option<String>>,
    /// Category, may be a path.
    pub category: Vec<Option<String>>,
    /// Brand.
    pub brand: Vec<Option<String>>,
    /// Unit price.
    pub price: Vec<Option<f64>>,
    /// Whether it may be recommended; true unless the table says otherwise.
    pub available: Vec<bool>,
}

/// The log as it was known at the start of a day: orders before it, with the returns before it netted out. Some of the last orders may be hidden.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    log: &'a PurchaseLog,
    /// The first day not seen.
    pub day: Day,
    /// End of each customer's visible orders.
    order_ends: Vec<u32>,
    /// Share of each line's units that was kept, 0 to 1; empty when nothing came back.
    kept: Vec<f64>,
    /// Money paid back for each line; empty when nothing came back.
    paid_back: Vec<f64>,
    /// Money of each return of the log that is paid back for no line seen; empty when nothing came back.
    unmatched: Vec<f64>,
}

/// A line as it is known at some day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Row of the item.
    pub item: u32,
    /// Units kept; 0 when all came back.
    pub quantity: f32,
    /// Money paid less what was paid back for it; below 0 where more was paid back than paid.
    pub amount: f64,
}

impl PurchaseLog {
    /// How many customers, prospects included.
    pub fn customers(&self) -> usize {
        self.customer_ids.len()
    }

    /// How many items, unsold ones included.
    pub fn items(&self) -> usize {
        self.item_ids.len()
    }

    /// How many orders.
    pub fn orders(&self) -> usize {
        self.order_day.len()
    }

    /// All orders of a customer, oldest first.
    pub fn orders_of(&self, customer: usize) -> std::ops::Range<usize> {
        self.order_offsets[customer] as usize..self.order_offsets[customer + 1] as usize
    }

    /// The rows of an order's lines.
    pub fn lines_of(&self, order: usize) -> std::ops::Range<usize> {
        self.line_offsets[order] as usize..self.line_offsets[order + 1] as usize
    }

    /// The distinct items of some orders, ascending.
    pub fn items_of(&self, orders: impl Iterator<Item = usize>) -> Vec<u32> {
        let mut items: Vec<u32> = orders.flat_map(|order| self.line_item[self.lines_of(order)].iter().copied()).collect();
        items.sort_unstable();
        items.dedup();
        items
    }

    /// The first and the last day with an order.
    pub fn days(&self) -> Option<(Day, Day)> {
        Some((*self.order_day.iter().min()?, *self.order_day.iter().max()?))
    }

    /// The first day on which money came in or went back.
    pub fn first_day(&self) -> Option<Day> {
        let orders = self.order_day.iter().min();
        orders.into_iter().chain(self.returns.iter().map(|back| &back.day).min()).min().copied()
    }

    /// The log as it was known at the start of `day`.
    pub fn before(&self, day: Day) -> Past<'_> {
        Past::new(self, day, |customer| self.orders_of(customer))
    }

    /// The whole log, but for the last order of each customer with at least `least` orders and for what they sent back since. Its day stays the
    /// as-of: someone whose hidden order is long ago looks as silent as they will look to the served model.
    pub fn without_last_orders(&self, least: usize) -> Past<'_> {
        Past::new(self, self.as_of_day, |customer| {
            let orders = self.orders_of(customer);
            if orders.len() >= least.max(1) { orders.start..orders.end - 1 } else { orders }
        })
    }
}

impl<'a> Past<'a> {
    /// What is before `day` of some first orders of each customer.
    fn new(log: &'a PurchaseLog, day: Day, orders_of: impl Fn(usize) -> std::ops::Range<usize>) -> Self {
        let order_ends = (0..log.customers())
            .map(|customer| {
                let orders = orders_of(customer);
                let seen = log.order_day[orders.clone()].partition_point(|&ordered| ordered < day);
                (orders.start + seen) as u32
            })
            .collect();
        let mut past = Self { log, day, order_ends, kept: Vec::new(), paid_back: Vec::new(), unmatched: Vec::new() };
        if log.returns.iter().any(|back| past.sees(back)) {
            past.net_out();
        }
        past
    }

    /// What of this past was known at the start of an earlier day: orders hidden here stay hidden.
    pub fn before(&self, day: Day) -> Past<'a> {
        Past::new(self.log, day.min(self.day), |customer| self.orders_of(customer))
    }

    /// The whole log, with what is not visible.
    pub fn log(&self) -> &'a PurchaseLog {
        self.log
    }

    /// The visible orders of a customer, oldest first.
    pub fn orders_of(&self, customer: usize) -> std::ops::Range<usize> {
        self.log.order_offsets[customer] as usize..self.order_ends[customer] as usize
    }

    /// How many orders are visible.
    pub fn orders(&self) -> usize {
        (0..self.log.customers()).map(|customer| self.orders_of(customer).len()).sum()
    }

    /// The lines of an order, those that came back in whole with quantity 0.
    pub fn lines_of(&self, order: usize) -> impl ExactSizeIterator<Item = Line> + '_ {
        self.log.lines_of(order).map(|line| {
            let kept = self.kept.get(line).copied().unwrap_or(1.0);
            Line {
                item: self.log.line_item[line],
                quantity: (kept * f64::from(self.log.line_quantity[line])) as f32,
                amount: self.log.line_amount[line] - self.paid_back.get(line).copied().unwrap_or(0.0),
            }
        })
    }

    /// Return lines of a customer so far, oldest first.
    pub fn returns_of(&self, customer: usize) -> impl ExactSizeIterator<Item = &'a Return> + use<'a> {
        let log = self.log;
        self.return_rows_of(customer).map(|row| &log.returns[row])
    }

    /// Money paid back to a customer so far for no line seen, with the day: what was bought before the history, returned twice, or returned for
    /// more than was paid. Less by this, the amounts of the lines add up to all that was paid less all that was paid back.
    pub fn unmatched_refunds_of(&self, customer: usize) -> impl Iterator<Item = (Day, f64)> + '_ {
        self.unmatched_returns_of(customer).map(|(back, amount)| (back.day, amount))
    }

    /// The same with the returns, oldest first.
    pub fn unmatched_returns_of(&self, customer: usize) -> impl Iterator<Item = (&'a Return, f64)> + '_ {
        let rows = self.return_rows_of(customer).filter(|&row| self.unmatched[row] > 0.0);
        rows.map(|row| (&self.log.returns[row], self.unmatched[row]))
    }

    fn return_rows_of(&self, customer: usize) -> std::ops::Range<usize> {
        let returns = &self.log.returns;
        let start = returns.partition_point(|back| (back.customer as usize) < customer);
        let seen = returns[start..].partition_point(|back| back.customer as usize == customer && self.sees(back));
        start..start + seen
    }

    /// Whether a return is visible: it is before the day, and before the customer's first hidden order, so that it tells nothing of that.
    fn sees(&self, back: &Return) -> bool {
        let customer = back.customer as usize;
        let hidden = (self.order_ends[customer] as usize..self.log.orders_of(customer).end).next();
        back.day < self.day && hidden.is_none_or(|order| back.day < self.log.order_day[order])
    }

    /// The distinct items of a customer's visible lines with a day in `from..until`, ascending.
    pub fn bought_between(&self, customer: usize, from: Day, until: Day) -> Vec<u32> {
        self.log.items_of(self.orders_of(customer).filter(|&order| (from..until).contains(&self.log.order_day[order])))
    }

    /// Days since `day`, counted to the last day before [`Past::day`]: an order on that last day is 0 days ago.
    pub fn days_ago(&self, day: Day) -> u32 {
        (self.day - 1 - day).max(0) as u32
    }

    /// Takes the units of each return off the latest earlier lines of the same customer and item, and its own money off the same lines, so much a
    /// unit. What exceeds them takes back no unit, but its money was paid back all the same.
    fn net_out(&mut self) {
        self.kept = vec![1.0; self.log.line_item.len()];
        self.paid_back = vec![0.0; self.log.line_item.len()];
        self.unmatched = self.log.returns.iter().map(|back| if self.sees(back) { back.amount } else { 0.0 }).collect();
        for (row, back) in self.log.returns.iter().enumerate().filter(|(_, back)| back.quantity > 0.0) {
            if !self.sees(back) {
                continue;
            }
            let units = f64::from(back.quantity);
            let mut left = units;
            let bought_before = self.orders_of(back.customer as usize).rev().filter(|&order| self.log.order_day[order] <= back.day);
            for order in bought_before {
                let Some(line) = self.log.lines_of(order).find(|&line| self.log.line_item[line] == back.item) else { continue };
                let bought = f64::from(self.log.line_quantity[line]);
                if bought <= 0.0 {
                    continue;
                }
                let taken = left.min(bought * self.kept[line]);
                self.kept[line] = ((bought * self.kept[line] - taken) / bought).max(0.0);
                self.paid_back[line] += back.amount * taken / units;
                left -= taken;
                if left <= 0.0 {
                    break;
                }
            }
            self.unmatched[row] = back.amount * left.max(0.0) / units;
        }
    }
}
