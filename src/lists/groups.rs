//! Groups: every rule by which customers are told apart, in words, with the count that it gives.

use std::sync::Arc;

use shopkeeper_models::groups::{Group, GroupBy};
use shopkeeper_models::{CustomerIx, Model};

use super::columns::Cell::{Count, Name, Number};
use super::columns::{Column, column};
use super::{List, Window};

/// What besides a [`GroupBy`] the groups can be asked for by.
pub const SCORES: [&str; 4] = ["rfm_recency", "rfm_frequency", "rfm_monetary", NEWCOMERS];
const NEWCOMERS: &str = "potential_high_value";

/// The columns of [`groups`].
pub const GROUPS: &[Column<Group>] = &[
    column(
        "by",
        "What it is a group by: segment, rfm_group, lifecycle, value_tier, loyalty_tier, one of the RFM scores, or potential_high_value.",
        Name(|_, g| Some(g.by.to_owned())),
    ),
    column("name", "The group; `none` for those who are in none.", Name(|_, g| Some(g.name.clone()))),
    column("rule", "Who is in it, as it is set.", Name(|_, g| Some(g.rule.clone()))),
    column("customers", "Customers in it.", Count(|_, g| u32::try_from(g.customers).unwrap_or(u32::MAX))),
    column("share", "Share of all customers, 0 to 1.", Number(|m, g| Some(g.customers as f64 / m.customers.len().max(1) as f64))),
];

/// Every group by one of these, or all of them. The counts of each sum to the number of customers, those of the scores to that of the buyers.
pub fn groups(model: &Arc<Model>, by: Option<&str>, window: Window) -> List {
    let standing = model.standing();
    let mut rows: Vec<Group> = GroupBy::ALL.into_iter().flat_map(|by| standing.groups(by)).chain(standing.scores()).collect();
    rows.push(newcomers(model));
    rows.retain(|group| by.is_none_or(|by| group.by == by));
    let (total, range) = (rows.len(), window.of(rows.len()));
    rows.truncate(range.end);
    rows.drain(..range.start);
    List::of_rows(Arc::clone(model), GROUPS, total, rows)
}

/// The potential high-value newcomers. All other customers make no group of their own.
fn newcomers(model: &Model) -> Group {
    let cuts = &model.manifest.rules.value;
    let all = (0..model.customers.len() as u32).map(CustomerIx);
    let customers = all.filter(|&customer| model.customers.is_potential_high_value(customer, cuts)).count() as u64;
    Group { by: NEWCOMERS, name: "true".to_owned(), rule: cuts.newcomer_rule(), customers }
}
