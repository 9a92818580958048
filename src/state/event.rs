//! An event: one thing that happened in the shop, checked at the door.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use shopkeeper_models::ids::MAX_ID_BYTES;
use utoipa::ToSchema;

/// How far the clock of a sender may run ahead, milliseconds.
const MAX_AHEAD_MS: i64 = 86_400_000;
/// The longest channel name, bytes.
const MAX_CHANNEL_BYTES: usize = 64;
/// The largest quantity, either way; the trainer takes no more.
const MAX_QUANTITY: f64 = 1e6;
/// The largest amount, either way; the trainer takes no more.
const MAX_AMOUNT: f64 = 1e9;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventKind)]
pub enum Kind {
    /// Bought, or with a negative quantity sent back.
    Purchase,
    /// Put into the basket; with quantity 0 taken out of it.
    Cart,
    /// Looked at.
    View,
    /// A recommendation came into sight.
    Impression,
    /// A recommendation was clicked.
    Click,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Purchase, Self::Cart, Self::View, Self::Impression, Self::Click];

    /// The name in the API and in the state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Cart => "cart",
            Self::View => "view",
            Self::Impression => "impression",
            Self::Click => "click",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One thing that happened in the shop, as callers write it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Event, example = json!({"event_id": "o-1001-1", "kind": "purchase", "customer_id": "1364", "item_id": "995242", "quantity": 2, "amount": 5.98, "order_id": "o-1001"}))]
pub struct Written {
    /// Chosen by the sender, never used for another event: what is sent again is counted once.
    #[schema(min_length = 1, max_length = 256)]
    event_id: String,
    /// What happened.
    kind: Kind,
    /// Who did it; without it a session_id is needed.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    customer_id: Option<String>,
    /// The visit it happened in; without it a customer_id is needed.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    session_id: Option<String>,
    /// With which item.
    #[schema(min_length = 1, max_length = 256)]
    item_id: String,
    /// When, RFC 3339; at most a day ahead. Default: on arrival.
    #[serde(default)]
    #[schema(format = DateTime, example = "2017-12-04T17:03:11Z")]
    timestamp: Option<String>,
    /// Units bought, below 0 when sent back, 0 on a line that stands for none (default 1); or put into the basket, 0 = taken out.
    #[serde(default)]
    quantity: Option<f64>,
    /// Money paid for them after discounts; purchases only. Paid back with a quantity below 0, or alone, below 0, with a quantity of 0.
    #[serde(default)]
    amount: Option<f64>,
    /// The order; purchases only. Default: what one customer buys on one day is one order.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    order_id: Option<String>,
    /// Where it was sold; purchases only.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    channel: Option<String>,
    /// The answer that showed the item. Impressions and clicks need it, carts and purchases may have it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    recommendation_id: Option<String>,
    /// The item's rank in that answer, from 1: it tells which signal the item owed its place to.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    rank: Option<u32>,
}

/// One thing that happened in the shop, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What the sender calls it.
    pub event_id: String,
    /// What happened.
    pub kind: Kind,
    /// Who did it.
    pub customer_id: Option<String>,
    /// The visit.
    pub session_id: Option<String>,
    /// With which item.
    pub item_id: String,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Units of a purchase or a cart.
    pub quantity: Option<f64>,
    /// Money paid.
    pub amount: Option<f64>,
    /// The order.
    pub order_id: Option<String>,
    /// Where it was sold.
    pub channel: Option<String>,
    /// The answer that showed the item.
    pub recommendation_id: Option<String>,
    /// The item's rank in it.
    pub rank: Option<u32>,
}

impl Event {
    /// Whether something came back, units or money alone: as the trainer reads a purchase.
    pub fn is_return(&self) -> bool {
        self.quantity.is_some_and(|quantity| quantity < 0.0) || self.amount.is_some_and(|amount| amount < 0.0)
    }

    /// Units of a purchase: below 0 when they came back, 0 on a line that stands for none, such as a coupon, or for money paid back alone.
    pub fn units(&self) -> f64 {
        let units = self.quantity.unwrap_or(1.0);
        if self.is_return() { units.min(0.0) } else { units }
    }

    /// Checks what was written; `now` in Unix milliseconds is the time of arrival, `oldest` the end of what is kept. The error says what was
    /// found and what was expected.
    pub fn check(written: Written, now: i64, oldest: i64) -> Result<Self, String> {
        let Written { event_id, kind, customer_id, session_id, item_id, timestamp, .. } = written;
        let Written { quantity, amount, order_id, channel, recommendation_id, rank, .. } = written;
        let texts = [
            ("event_id", Some(&event_id), MAX_ID_BYTES),
            ("customer_id", customer_id.as_ref(), MAX_ID_BYTES),
            ("session_id", session_id.as_ref(), MAX_ID_BYTES),
            ("item_id", Some(&item_id), MAX_ID_BYTES),
            ("order_id", order_id.as_ref(), MAX_ID_BYTES),
            ("channel", channel.as_ref(), MAX_CHANNEL_BYTES),
            ("recommendation_id", recommendation_id.as_ref(), MAX_ID_BYTES),
        ];
        for (name, text, most) in texts {
            check_text(name, text, most)?;
        }
        if customer_id.is_none() && session_id.is_none() {
            return Err("neither customer_id nor session_id; expected at least one of them".into());
        }
        let name = kind.name();
        let is_purchase = kind == Kind::Purchase;
        let of_purchases = [("amount", amount.is_some()), ("order_id", order_id.is_some()), ("channel", channel.is_some())];
        if let Some((field, _)) = of_purchases.into_iter().find(|&(_, is_set)| is_set && !is_purchase) {
            return Err(format!("{field} of a {name}; only a purchase has it"));
        }
        let quantity = match (kind, quantity) {
            (Kind::Purchase | Kind::Cart, None) => Some(1.0),
            (Kind::Cart, Some(quantity)) if quantity < 0.0 => return Err(format!("quantity {quantity} of a cart; expected 0 or more")),
            (Kind::View | Kind::Impression | Kind::Click, Some(_)) => {
                return Err(format!("quantity of a {name}; only a purchase or a cart has it"));
            }
            (_, quantity) => quantity,
        };
        for (field, number, most) in [("quantity", quantity, MAX_QUANTITY), ("amount", amount, MAX_AMOUNT)] {
            if let Some(number) = number.filter(|number| !(-most..=most).contains(number)) {
                return Err(format!("{field} {number}; expected {:e} to {most:e}", -most));
            }
        }
        // as the trainer has it: money comes back with units, or alone with no unit; its sign may be left out
        let amount = match (quantity, amount) {
            (Some(quantity), Some(amount)) if amount < 0.0 && quantity > 0.0 => {
                return Err(format!(
                    "amount {amount} of a purchase of {quantity}; expected 0 or more, or with a quantity below 0 (units sent back) or of 0 (money paid back alone)"
                ));
            }
            (Some(quantity), Some(amount)) if quantity < 0.0 => Some(-amount.abs()),
            (_, amount) => amount,
        };
        match (kind, &recommendation_id) {
            (Kind::Impression | Kind::Click, None) => {
                return Err(format!("no recommendation_id; a {name} names the answer that showed the item"));
            }
            (Kind::View, Some(_)) => return Err("recommendation_id of a view; send a click".into()),
            _ => {}
        }
        if let Some(rank) = rank {
            if recommendation_id.is_none() {
                return Err("rank without recommendation_id; it is the rank in that answer".into());
            }
            if !(1..=1000).contains(&rank) {
                return Err(format!("rank {rank}; expected 1 to 1000"));
            }
        }
        let at = timestamp.map_or(Ok(now), |text| time(&text, now, oldest))?;
        Ok(Self { event_id, kind, customer_id, session_id, item_id, at, quantity, amount, order_id, channel, recommendation_id, rank })
    }
}

/// Refuses an empty or overlong text, and the one character that not every database can hold.
pub(crate) fn check_text(name: &str, text: Option<&String>, most: usize) -> Result<(), String> {
    match text {
        Some(text) if !(1..=most).contains(&text.len()) => Err(format!("{name} of {} bytes; expected 1 to {most}", text.len())),
        Some(text) if text.contains('\0') => Err(format!("{name} holds the character U+0000; expected text without it")),
        _ => Ok(()),
    }
}

fn time(text: &str, now: i64, oldest: i64) -> Result<i64, String> {
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("timestamp {text:?}; expected RFC 3339 with a zone, such as 2017-12-04T17:03:11Z"))?;
    let at = time.timestamp_millis();
    if at > now + MAX_AHEAD_MS {
        return Err(format!("timestamp {text}: more than a day ahead of this server's clock"));
    }
    if at < oldest {
        return Err(format!("timestamp {text}: before the oldest event that is kept"));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Event, String> {
        let written: Written = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Event::check(written, 1_000_000, 0)
    }

    #[test]
    fn what_is_not_said_has_a_default_and_what_cannot_be_meant_is_refused_in_words() {
        let event = read(r#"{"event_id":"e","kind":"purchase","customer_id":"c","item_id":"i"}"#).expect("an event");
        assert_eq!((event.at, event.quantity, event.session_id), (1_000_000, Some(1.0), None));
        let purchase = |more: &str| {
            read(&format!(r#"{{"event_id":"e","kind":"purchase","customer_id":"c","item_id":"i",{more}}}"#)).expect("an event")
        };
        let facts = |event: Event| (event.is_return(), event.units(), event.amount);
        assert_eq!(facts(purchase(r#""quantity":-2,"amount":5"#)), (true, -2.0, Some(-5.0)), "the sign of money may be left out");
        assert_eq!(facts(purchase(r#""quantity":0,"amount":-5"#)), (true, 0.0, Some(-5.0)), "money paid back alone");
        assert_eq!(facts(purchase(r#""quantity":0,"amount":5"#)), (false, 0.0, Some(5.0)), "a line of no unit");
        for (fields, complaint) in [
            (r#""kind":"purchase","item_id":"i""#, "neither customer_id nor session_id"),
            (r#""kind":"buy","customer_id":"c","item_id":"i""#, "unknown variant `buy`, expected one of `purchase`"),
            (r#""kind":"view","customer_id":"c","item_id":"i","amount":1"#, "amount of a view; only a purchase has it"),
            (r#""kind":"view","customer_id":"c","item_id":"i","quantity":1"#, "quantity of a view"),
            (r#""kind":"purchase","customer_id":"c","item_id":"i","amount":-1"#, "amount -1 of a purchase of 1; expected 0 or more"),
            (r#""kind":"cart","customer_id":"c","item_id":"i","quantity":-1"#, "expected 0 or more"),
            (r#""kind":"click","customer_id":"c","item_id":"i""#, "no recommendation_id"),
            (r#""kind":"cart","customer_id":"c","item_id":"i","rank":1"#, "rank without recommendation_id"),
            (r#""kind":"cart","customer_id":"c","item_id":"i","recommendation_id":"r","rank":0"#, "rank 0; expected 1 to 1000"),
            (r#""kind":"view","customer_id":"","item_id":"i""#, "customer_id of 0 bytes; expected 1 to 256"),
            (r#""kind":"view","customer_id":"a\u0000b","item_id":"i""#, "U+0000"),
            (r#""kind":"view","customer_id":"c","item_id":"i","timestamp":"yesterday""#, "expected RFC 3339"),
            (r#""kind":"view","customer_id":"c","item_id":"i","timestamp":"1970-01-03T00:00:00Z""#, "more than a day ahead"),
            (r#""kind":"view","customer_id":"c","item_id":"i","timestamp":"1969-01-03T00:00:00Z""#, "before the oldest"),
            (r#""kind":"view","customer_id":"c","item_id":"i","price":1"#, "unknown field `price`"),
        ] {
            let found = read(&format!(r#"{{"event_id":"e",{fields}}}"#)).expect_err(fields);
            assert!(found.contains(complaint), "{fields}: {found}");
        }
    }
}
