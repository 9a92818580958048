//! The tables of the state: every statement that reads them.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Error, Row};

use super::activity::Seen;
use super::attribution::Credit;
use super::event::{Event, Kind};
use super::items::{ItemChange, ItemChanges};
use super::trials::{Deeds, TrialCounts};

/// A purchase as it is exported.
#[derive(Clone, Debug, PartialEq)]
pub struct PurchaseRow {
    /// Who.
    pub customer_id: Option<String>,
    /// What.
    pub item_id: String,
    /// When, Unix milliseconds.
    pub at: i64,
    /// The order.
    pub order_id: Option<String>,
    /// Units; below 0 when they came back.
    pub quantity: f64,
    /// Money paid.
    pub amount: Option<f64>,
    /// Where.
    pub channel: Option<String>,
}

/// The columns of an event, as [`event`] reads them.
macro_rules! event_columns {
    () => {
        "seq, event_id, kind, customer_id, session_id, item_id, at, quantity, amount, order_id, channel, recommendation_id, rank"
    };
}

fn event(row: &SqliteRow) -> Result<(i64, Event), Error> {
    let kind: &str = row.try_get("kind")?;
    let kind = Kind::from_name(kind).ok_or_else(|| Error::Decode(format!("kind {kind:?} of an event").into()))?;
    let event = Event {
        event_id: row.try_get("event_id")?,
        kind,
        customer_id: row.try_get("customer_id")?,
        session_id: row.try_get("session_id")?,
        item_id: row.try_get("item_id")?,
        at: row.try_get("at")?,
        quantity: row.try_get("quantity")?,
        amount: row.try_get("amount")?,
        order_id: row.try_get("order_id")?,
        channel: row.try_get("channel")?,
        recommendation_id: row.try_get("recommendation_id")?,
        rank: row.try_get::<Option<i64>, _>("rank")?.and_then(|rank| u32::try_from(rank).ok()),
    };
    Ok((row.try_get("seq")?, event))
}

/// Visits the purchases that a model has not seen and whatever happened since `session_start`. Returns how many there were.
pub(super) async fn unseen(
    connection: &mut SqliteConnection,
    seen: &Seen,
    session_start: i64,
    mut each: impl FnMut(i64, &Event),
) -> Result<u64, Error> {
    // by time: what came after the as-of, and the sessions under way
    let by_time = concat!(
        "SELECT ",
        event_columns!(),
        " FROM events WHERE (at >= $1 AND kind = 'purchase') OR (at >= $2 AND kind IN ('purchase', 'cart', 'view'))"
    );
    // late: before the as-of, but numbered after all that the model's files held without a gap from the first
    let late = concat!("SELECT ", event_columns!(), " FROM events WHERE seq > $1 AND at < $2 AND kind = 'purchase'");
    let mut count = 0;
    let mut visit = |row: &SqliteRow| -> Result<(), Error> {
        let (seq, event) = event(row)?;
        let is_fresh = event.kind == Kind::Purchase && !seen.has(seq, event.at);
        if is_fresh || event.at >= session_start {
            each(seq, &event);
            count += 1;
        }
        Ok(())
    };
    let mut rows = sqlx::query(by_time).bind(seen.end()).bind(session_start).fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        visit(&row)?;
    }
    drop(rows);
    if let Some(ranges) = &seen.ranges {
        let mut ranges = ranges.clone();
        ranges.sort_unstable();
        let without_gap = ranges.into_iter().fold(0, |end, (after, upto)| if after <= end { end.max(upto) } else { end });
        let mut rows = sqlx::query(late).bind(without_gap).bind(seen.as_of).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            visit(&row)?;
        }
    }
    Ok(count)
}

/// The number of the last event.
pub(super) async fn last_seq(connection: &mut SqliteConnection) -> Result<i64, Error> {
    sqlx::query("SELECT coalesce(max(seq), 0) FROM events").fetch_one(connection).await?.try_get(0)
}

/// Up to `most` purchases with numbers after `after` up to `upto`, and the number of the last of them if there may be more.
pub(super) async fn purchases(
    connection: &mut SqliteConnection,
    after: i64,
    upto: i64,
    most: i64,
) -> Result<(Vec<PurchaseRow>, Option<i64>), Error> {
    let statement = "SELECT seq, customer_id, item_id, at, order_id, quantity, amount, channel FROM events \
        WHERE seq > $1 AND seq <= $2 AND kind = 'purchase' ORDER BY seq LIMIT $3";
    let found = sqlx::query(statement).bind(after).bind(upto).bind(most).fetch_all(connection).await?;
    let last = if found.len() as i64 == most { found.last().map(|row| row.try_get("seq")).transpose()? } else { None };
    let row = |row: &SqliteRow| {
        Ok(PurchaseRow {
            customer_id: row.try_get("customer_id")?,
            item_id: row.try_get("item_id")?,
            at: row.try_get("at")?,
            order_id: row.try_get("order_id")?,
            quantity: row.try_get::<Option<f64>, _>("quantity")?.unwrap_or(1.0),
            amount: row.try_get("amount")?,
            channel: row.try_get("channel")?,
        })
    };
    Ok((found.iter().map(row).collect::<Result<_, Error>>()?, last))
}

/// What became of recommendations between two days.
pub(super) async fn recommendation_counts(
    connection: &mut SqliteConnection,
    (first, last): (i64, i64),
) -> Result<BTreeMap<Credit, (i64, f64)>, Error> {
    let statement = "SELECT day, version, scenario, source, reason, kind, events, amount FROM recommendation_counts \
        WHERE day >= $1 AND day <= $2";
    let found = sqlx::query(statement).bind(first).bind(last).fetch_all(connection).await?;
    let mut counts = BTreeMap::new();
    for row in &found {
        let kind: &str = row.try_get("kind")?;
        let credit = Credit {
            day: row.try_get("day")?,
            version: row.try_get("version")?,
            scenario: row.try_get("scenario")?,
            source: row.try_get::<String, _>("source")?.into(),
            reason: row.try_get::<String, _>("reason")?.into(),
            kind: Kind::from_name(kind).ok_or_else(|| Error::Decode(format!("kind {kind:?} of a count").into()))?,
        };
        counts.insert(credit, (row.try_get("events")?, row.try_get("amount")?));
    }
    Ok(counts)
}

/// What the shoppers of each arm of an experiment did, ascending by arm.
pub(super) async fn trial_counts(connection: &mut SqliteConnection, experiment: &str) -> Result<Vec<TrialCounts>, Error> {
    let statement = "SELECT arm, count(*), count(CASE WHEN clicks > 0 THEN 1 END), count(CASE WHEN carts > 0 THEN 1 END), \
        count(CASE WHEN purchases > 0 THEN 1 END), sum(impressions), sum(clicks), sum(carts), sum(purchases), sum(amount) \
        FROM trial_units WHERE experiment = $1 GROUP BY arm ORDER BY arm";
    let found = sqlx::query(statement).bind(experiment).fetch_all(connection).await?;
    let row = |row: &SqliteRow| {
        let who = |column: usize| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
        Ok(TrialCounts {
            arm: row.try_get(0)?,
            shoppers: who(1)?,
            clicked: who(2)?,
            carted: who(3)?,
            bought: who(4)?,
            deeds: Deeds {
                impressions: row.try_get(5)?,
                clicks: row.try_get(6)?,
                carts: row.try_get(7)?,
                purchases: row.try_get(8)?,
                amount: row.try_get(9)?,
            },
        })
    };
    found.iter().map(row).collect()
}

/// What the shop said of its items since.
pub(super) async fn item_changes(connection: &mut SqliteConnection) -> Result<ItemChanges, Error> {
    let statement = "SELECT item_id, changed_at, available, price, title, category, brand FROM item_changes";
    let found = sqlx::query(statement).fetch_all(connection).await?;
    let mut changes = ItemChanges::default();
    for row in &found {
        changes.merge(&ItemChange {
            item_id: row.try_get("item_id")?,
            changed_at: row.try_get("changed_at")?,
            available: row.try_get::<Option<i64>, _>("available")?.map(|available| available != 0),
            price: row.try_get("price")?,
            title: row.try_get("title")?,
            category: row.try_get("category")?,
            brand: row.try_get("brand")?,
        });
    }
    Ok(changes)
}
