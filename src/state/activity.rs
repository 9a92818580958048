//! What shoppers did since the served model was fitted, in memory: the events again, kept by who did them, ready for the next answer.
//!
//! Events may come in any order and again and again; what is remembered is the same. A shopper without events costs one look into a map.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::RwLock;
use std::sync::atomic::{AtomicI64, Ordering};

use shopkeeper_models::recommender::FreshPurchase;
use shopkeeper_models::{ItemIx, Model};

use super::event::{Event, Kind};

/// Locks over which shoppers are spread.
const SHARDS: usize = 64;
/// Items of one shopper whose carts and views are remembered, the latest.
const MAX_TOUCHED: usize = 64;
/// Items looked at that count as the session, the latest.
const MAX_VIEWED: usize = 10;
/// Items of one shopper's basket, the latest.
const MAX_BASKET: usize = 50;
const DAY_MS: i64 = 86_400_000;

/// Which purchases a model was fitted on.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Exclusive end of what it read, Unix milliseconds: where a day of the shop starts.
    pub as_of: i64,
    /// Exclusive end of what was there to be read: its as-of, or just after the last purchase, which may have been in the middle of a day.
    pub until: i64,
    /// Ranges of events of this state, each after the first number up to the second, that were in its files. `None` when its files did not come
    /// from this state: then it is taken to have seen every purchase before `until`.
    pub ranges: Option<Vec<(i64, i64)>>,
}

impl Seen {
    /// Whether the model was fitted on this purchase.
    pub fn has(&self, seq: i64, at: i64) -> bool {
        match &self.ranges {
            Some(ranges) => at < self.as_of && ranges.iter().any(|&(after, upto)| after < seq && seq <= upto),
            None => at < self.until,
        }
    }

    /// Whatever happened from here on it has not seen, Unix milliseconds.
    pub(super) fn end(&self) -> i64 {
        if self.ranges.is_some() { self.as_of } else { self.until }
    }
}

/// Everybody with events.
#[derive(Debug)]
pub struct Activity {
    customers: Vec<RwLock<Shard>>,
    sessions: Vec<RwLock<Shard>>,
    hasher: BuildHasherDefault<DefaultHasher>,
    /// How long a cart or a view counts as the session, milliseconds.
    session_ms: i64,
    /// When the newest purchase was made, Unix milliseconds; 0 before there is one.
    newest: AtomicI64,
}

type Shard = HashMap<Box<str>, Shopper>;

/// One customer or one session.
#[derive(Clone, Debug, Default)]
struct Shopper {
    /// Ascending by `seq`.
    purchases: Vec<Line>,
    touched: Vec<Touch>,
}

/// A purchase.
#[derive(Clone, Debug)]
struct Line {
    seq: i64,
    at: i64,
    item: Box<str>,
    quantity: f32,
    /// Hash of the order id, if there is one.
    order: Option<u64>,
}

/// When an item was last put into the basket, looked at, and bought or taken out again; Unix milliseconds, 0 = never.
#[derive(Clone, Debug)]
struct Touch {
    item: Box<str>,
    cart: i64,
    view: i64,
    gone: i64,
}

impl Touch {
    fn last(&self) -> i64 {
        self.cart.max(self.view).max(self.gone)
    }
}

/// What was remembered of a shopper, in the row numbers of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// What the model has not seen, ascending by item.
    pub purchases: Vec<FreshPurchase>,
    /// Distinct orders behind it.
    pub orders: u32,
    /// The basket, the latest item first.
    pub basket: Vec<ItemIx>,
    /// What was looked at and not put into the basket, the latest first.
    pub viewed: Vec<ItemIx>,
    /// Items unknown to the model that were bought or lie in the basket.
    pub new_items: Vec<Box<str>>,
    /// Whether there is anything at all, items unknown to the model included.
    pub known: bool,
}

impl Activity {
    /// Nobody yet. Carts and views count for so many hours.
    pub fn new(session_hours: u32) -> Self {
        let shards = || (0..SHARDS).map(|_| RwLock::default()).collect();
        Self {
            customers: shards(),
            sessions: shards(),
            hasher: BuildHasherDefault::default(),
            session_ms: i64::from(session_hours) * 3_600_000,
            newest: AtomicI64::new(0),
        }
    }

    /// Since when carts and views count, Unix milliseconds.
    pub fn session_start(&self, now: i64) -> i64 {
        now.saturating_sub(self.session_ms)
    }

    /// Days from the last day that a model saw to the day of the newest purchase; 0 when it saw that.
    pub fn days_later(&self, seen: &Seen) -> u32 {
        let newest = self.newest.load(Ordering::Relaxed);
        if newest < seen.as_of { 0 } else { (1 + (newest - seen.as_of) / DAY_MS).try_into().unwrap_or(u32::MAX) }
    }

    fn shard<'a>(&self, shards: &'a [RwLock<Shard>], id: &str) -> &'a RwLock<Shard> {
        &shards[self.hasher.hash_one(id) as usize % SHARDS]
    }

    /// Remembers an event under its number.
    pub fn remember(&self, seq: i64, event: &Event) {
        if event.kind == Kind::Purchase {
            self.newest.fetch_max(event.at, Ordering::Relaxed);
        }
        if let Some(id) = &event.customer_id {
            self.change(&self.customers, id, |shopper| shopper.remember(seq, event, &self.hasher, true));
        }
        if let Some(id) = &event.session_id {
            // what a customer bought is remembered once, with the customer
            self.change(&self.sessions, id, |shopper| shopper.remember(seq, event, &self.hasher, event.customer_id.is_none()));
        }
    }

    fn change(&self, shards: &[RwLock<Shard>], id: &str, change: impl FnOnce(&mut Shopper)) {
        let mut shard = self.shard(shards, id).write().unwrap_or_else(|poison| poison.into_inner());
        match shard.get_mut(id) {
            Some(shopper) => change(shopper),
            None => {
                let mut shopper = Shopper::default();
                change(&mut shopper);
                if !shopper.is_empty() {
                    shard.insert(id.into(), shopper);
                }
            }
        }
    }

    /// What is remembered of a customer, a session or both; `None` when nothing is.
    pub fn recall(&self, customer_id: Option<&str>, session_id: Option<&str>, model: &Model, seen: &Seen, now: i64) -> Option<Remembered> {
        let start = self.session_start(now);
        let days_later = self.days_later(seen);
        let rows = |shopper: &Shopper| shopper.in_rows_of(model, seen, (start, now), days_later);
        let (Some(customer), Some(session)) = (customer_id, session_id) else {
            let of_customer = customer_id.and_then(|id| self.look(&self.customers, id, rows));
            return of_customer.or_else(|| self.look(&self.sessions, session_id?, rows));
        };
        match (self.look(&self.customers, customer, Shopper::clone), self.look(&self.sessions, session, Shopper::clone)) {
            (None, None) => None,
            (Some(customer), None) => Some(rows(&customer)),
            // the visit is remembered, but nothing of the customer
            (None, Some(session)) => Some(Remembered { known: false, ..rows(&session) }),
            (Some(customer), Some(session)) => Some(rows(&customer.with(session))),
        }
    }

    fn look<T>(&self, shards: &[RwLock<Shard>], id: &str, look: impl FnOnce(&Shopper) -> T) -> Option<T> {
        let shard = self.shard(shards, id).read().unwrap_or_else(|poison| poison.into_inner());
        shard.get(id).map(look)
    }

    /// Forgets the purchases that every loaded model has seen, and the carts and views that are over.
    pub fn forget(&self, seen: &[&Seen], now: i64) {
        let start = self.session_start(now);
        for shard in self.customers.iter().chain(&self.sessions) {
            let mut shard = shard.write().unwrap_or_else(|poison| poison.into_inner());
            shard.retain(|_, shopper| {
                shopper.purchases.retain(|line| !seen.iter().all(|seen| seen.has(line.seq, line.at)));
                shopper.touched.retain(|touch| touch.last() >= start);
                !shopper.is_empty()
            });
            shard.shrink_to_fit();
        }
    }

    /// How many customers and sessions are remembered.
    pub fn shoppers(&self) -> usize {
        let of = |shard: &RwLock<Shard>| shard.read().unwrap_or_else(|poison| poison.into_inner()).len();
        self.customers.iter().chain(&self.sessions).map(of).sum()
    }
}

impl Shopper {
    fn is_empty(&self) -> bool {
        self.purchases.is_empty() && self.touched.is_empty()
    }

    fn remember(&mut self, seq: i64, event: &Event, hasher: &impl BuildHasher, keep_purchase: bool) {
        let (item, at) = (event.item_id.as_str(), event.at);
        let taken_out = event.quantity == Some(0.0);
        match event.kind {
            Kind::Purchase => {
                if !event.is_return() {
                    self.touch(item, |touch| touch.gone = touch.gone.max(at));
                }
                if keep_purchase {
                    let order = event.order_id.as_ref().map(|order| hasher.hash_one(order));
                    let line = Line { seq, at, item: item.into(), quantity: event.units() as f32, order };
                    if let Err(place) = self.purchases.binary_search_by_key(&seq, |line| line.seq) {
                        self.purchases.insert(place, line);
                    }
                }
            }
            Kind::Cart if taken_out => self.touch(item, |touch| touch.gone = touch.gone.max(at)),
            Kind::Cart => self.touch(item, |touch| touch.cart = touch.cart.max(at)),
            Kind::View => self.touch(item, |touch| touch.view = touch.view.max(at)),
            Kind::Impression | Kind::Click => {}
        }
    }

    fn touch(&mut self, item: &str, change: impl FnOnce(&mut Touch)) {
        let at = self.touched.iter().position(|touch| &*touch.item == item).unwrap_or_else(|| {
            self.touched.push(Touch { item: item.into(), cart: 0, view: 0, gone: 0 });
            self.touched.len() - 1
        });
        change(&mut self.touched[at]);
        if self.touched.len() > MAX_TOUCHED
            && let Some(oldest) = (0..self.touched.len()).min_by_key(|&at| self.touched[at].last())
        {
            self.touched.swap_remove(oldest);
        }
    }

    /// Both of them as one.
    fn with(mut self, other: Self) -> Self {
        self.purchases.extend(other.purchases);
        for theirs in other.touched {
            self.touch(&theirs.item, |ours| {
                (ours.cart, ours.view, ours.gone) = (ours.cart.max(theirs.cart), ours.view.max(theirs.view), ours.gone.max(theirs.gone));
            });
        }
        self
    }

    fn in_rows_of(&self, model: &Model, seen: &Seen, (session_start, now): (i64, i64), days_later: u32) -> Remembered {
        let fresh: Vec<&Line> = self.purchases.iter().filter(|line| !seen.has(line.seq, line.at)).collect();
        let mut touched: Vec<&Touch> =
            self.touched.iter().filter(|touch| (session_start..=now.saturating_add(DAY_MS)).contains(&touch.last())).collect();
        touched.sort_by(|a, b| b.last().cmp(&a.last()).then(a.item.cmp(&b.item)));
        let items = |is: fn(&Touch) -> bool, most: usize| -> Vec<ItemIx> {
            let items = touched.iter().filter(|touch| is(touch)).filter_map(|touch| model.items().find(&touch.item));
            items.take(most).collect()
        };
        let taken = touched.iter().filter(|touch| touch.cart > touch.gone).map(|touch| &touch.item);
        let bought = fresh.iter().filter(|line| line.quantity > 0.0).map(|line| &line.item);
        let taken = taken.chain(bought).filter(|item| model.items().find(item).is_none());
        let new_items = taken.cloned().collect();
        let (purchases, orders) = purchases(&fresh, model, seen, days_later);
        Remembered {
            known: !fresh.is_empty() || !touched.is_empty(),
            purchases,
            orders,
            new_items,
            basket: items(|touch| touch.cart > touch.gone, MAX_BASKET),
            viewed: items(|touch| touch.view > touch.gone && touch.cart <= touch.gone, MAX_VIEWED),
        }
    }
}

/// Adds up purchases by item and counts their orders. Days run to the last day before the as-of; whatever came later is 0 days ago.
fn purchases(fresh: &[&Line], model: &Model, seen: &Seen, days_later: u32) -> (Vec<FreshPurchase>, u32) {
    // days since the as-of, which is where a day of the shop starts
    let day = |line: &Line| (line.at - seen.as_of).div_euclid(DAY_MS);
    let order = |line: &Line| line.order.map_or((0, day(line) as u64), |order| (1, order));
    // distinct orders, the last first
    let mut last: HashMap<(u8, u64), i64> = HashMap::new();
    for line in fresh.iter().filter(|line| line.quantity > 0.0) {
        let at = last.entry(order(line)).or_insert(line.at);
        *at = line.at.max(*at);
    }
    let mut orders: Vec<(i64, (u8, u64))> = last.into_iter().map(|(order, at)| (at, order)).collect();
    orders.sort_unstable_by(|a, b| b.cmp(a));
    let since: HashMap<(u8, u64), u32> = orders.iter().zip(0..).map(|(&(_, order), since)| (order, since)).collect();
    let mut lines: Vec<(ItemIx, &Line)> = fresh.iter().filter_map(|line| Some((model.items().find(&line.item)?, *line))).collect();
    lines.sort_unstable_by_key(|&(item, line)| (item, line.seq));
    // days from the model's today, 1 on its as-of
    let latest = |lines: &[(ItemIx, &Line)]| {
        let days = lines.iter().filter(|(_, line)| line.quantity > 0.0).map(|(_, line)| (1 + day(line)).clamp(0, u32::MAX.into()) as u32);
        days.max().unwrap_or(0)
    };
    let of_item = |lines: &[(ItemIx, &Line)]| {
        let days_ago = |line: &Line| (-1 - day(line)).clamp(0, u32::MAX.into()) as u32;
        let mut held: Vec<(u8, u64)> = lines.iter().filter(|(_, line)| line.quantity > 0.0).map(|(_, line)| order(line)).collect();
        held.sort_unstable();
        held.dedup();
        let bought = || lines.iter().map(|(_, line)| *line).filter(|line| line.quantity > 0.0 || held.is_empty()).map(days_ago);
        FreshPurchase {
            item: lines[0].0,
            orders: held.len() as u32,
            units: lines.iter().map(|(_, line)| line.quantity).sum(),
            days_since_last: bought().min().unwrap_or(0),
            days_since_first: bought().max().unwrap_or(0),
            days_ago: days_later.saturating_sub(latest(lines)),
            orders_since: held.iter().filter_map(|order| since.get(order).copied()).min().unwrap_or(0),
        }
    };
    (lines.chunk_by(|a, b| a.0 == b.0).map(of_item).collect(), orders.len() as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is remembered of a shopper, whatever the order and the numbers it came under.
    fn remembered(events: &[Event], again: bool) -> (Vec<String>, Vec<String>) {
        let activity = Activity::new(24);
        for (event, seq) in events.iter().zip(1..) {
            activity.remember(seq, event);
            if again {
                activity.remember(seq, event);
            }
        }
        let look = |shopper: &Shopper| {
            let mut purchases: Vec<String> =
                shopper.purchases.iter().map(|line| format!("{} {} {} {:?}", line.item, line.at, line.quantity, line.order)).collect();
            let mut touched: Vec<String> = shopper.touched.iter().map(|touch| format!("{touch:?}")).collect();
            purchases.sort();
            touched.sort();
            (purchases, touched)
        };
        activity.look(&activity.customers, "c", look).unwrap_or_default()
    }

    fn event() -> impl Strategy<Value = Event> {
        (0..5_usize, 0..6_u8, 1..40_i64, 0..3_i8).prop_map(|(kind, item, at, quantity)| Event {
            event_id: String::new(),
            kind: Kind::ALL[kind],
            customer_id: Some("c".into()),
            session_id: Some("s".into()),
            item_id: format!("i{item}"),
            at,
            quantity: Some(f64::from(quantity)),
            amount: None,
            order_id: (quantity == 1).then(|| format!("o{at}")),
            channel: None,
            recommendation_id: None,
            rank: None,
        })
    }

    proptest! {
        #[test]
        fn the_order_of_events_and_their_repetition_do_not_matter(
            (events, shuffled) in prop::collection::vec(event(), 0..40).prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        ) {
            let once = remembered(&events, false);
            prop_assert_eq!(once.0.len(), events.iter().filter(|event| event.kind == Kind::Purchase).count());
            prop_assert_eq!(&once, &remembered(&shuffled, false));
            prop_assert_eq!(&once, &remembered(&shuffled, true));
        }
    }

    #[test]
    fn a_model_has_seen_what_was_in_its_files_and_before_its_as_of() {
        let by_time = Seen { as_of: 100, until: 90, ranges: None };
        assert!(by_time.has(7, 89) && !by_time.has(7, 90), "the files end in the middle of the last day");
        let by_file = Seen { as_of: 100, until: 90, ranges: Some(vec![(0, 5), (8, 9)]) };
        assert!(by_file.has(5, 99) && by_file.has(9, 0));
        assert!(!by_file.has(6, 50), "late: it happened before the as-of but was not in the files");
        assert!(!by_file.has(5, 100), "in the files, but not read");
    }
}
