//! What to read and how strictly.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Timelike, Utc};
use serde::{Serialize, Serializer};

use super::ReadError;
use super::schema::{CAMPAIGN_LIST, CAMPAIGNS, CUSTOMERS, FEEDBACK, ITEMS, PURCHASES, REDEMPTIONS, REFERRALS, TICKETS};

/// What to read and how strictly. [`ReadSettings::default`] names no files; every other default is said at its field.
#[derive(Clone, Debug, Serialize)]
pub struct ReadSettings {
    /// Purchases: files, folders (searched for `*.parquet`, partition folders `key=value` included) and patterns such as `2017/*.parquet`.
    pub purchases: Vec<String>,
    /// The items table: a file, folder or pattern. Default: none.
    pub items: Option<String>,
    /// The customers table: a file, folder or pattern. Default: none.
    pub customers: Option<String>,
    /// Whom campaigns were for, one row a customer and campaign: a file, folder or pattern. Default: none.
    pub campaigns: Option<String>,
    /// When each campaign ran. Default: none; then `sent_at` of the campaigns table says it.
    pub campaign_list: Option<String>,
    /// Who redeemed something of a campaign. Default: none; then `redeemed_at` of the campaigns table says it.
    pub redemptions: Option<String>,
    /// What customers said. Default: none.
    pub feedback: Option<String>,
    /// What customers wanted help with. Default: none.
    pub tickets: Option<String>,
    /// Who brought whom. Default: none.
    pub referrals: Option<String>,
    /// Our column name to theirs, such as `customer_id` to `household_id`; the name of another table stands in front: `items.item_id`, `campaigns.sent_at`.
    /// Default: every column bears our name.
    pub columns: BTreeMap<String, String>,
    /// Exclusive end of what is read. Default: the start of the calendar day after the last accepted row.
    pub as_of: Option<AsOf>,
    /// IANA time zone of the shop: decides calendar days, and is the zone of timestamps that name none (INT96 never does). Default `UTC`.
    pub timezone: String,
    /// The highest share of rejected rows, 0 to 1; above it reading fails. Default 0.05.
    pub max_reject_rate: f64,
    /// Rejects all but one of rows that are equal in every column read (times to the second). They do not count towards
    /// `max_reject_rate`. Default false: the same line twice in one order is two units.
    pub drop_duplicates: bool,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self {
            purchases: Vec::new(),
            items: None,
            customers: None,
            campaigns: None,
            campaign_list: None,
            redemptions: None,
            feedback: None,
            tickets: None,
            referrals: None,
            columns: BTreeMap::new(),
            as_of: None,
            timezone: "UTC".into(),
            max_reject_rate: 0.05,
            drop_duplicates: false,
        }
    }
}

impl ReadSettings {
    /// Refuses what cannot be meant, before any file is opened.
    pub(super) fn check(&self) -> Result<(), ReadError> {
        if self.purchases.is_empty() {
            return Err(ReadError::Setting {
                name: "--purchases",
                found: "nothing".into(),
                expected: "Parquet files, folders or patterns",
            });
        }
        if !(0.0..=1.0).contains(&self.max_reject_rate) {
            let found = self.max_reject_rate.to_string();
            return Err(ReadError::Setting { name: "--max-reject-rate", found, expected: "a share from 0 to 1" });
        }
        let tables = [PURCHASES, ITEMS, CUSTOMERS, CAMPAIGNS, CAMPAIGN_LIST, REDEMPTIONS, FEEDBACK, TICKETS, REFERRALS];
        if let Some(found) = self.columns.keys().find(|name| !tables.iter().any(|table| table.knows(name))) {
            let valid: Vec<String> = tables.iter().flat_map(|table| table.names()).collect();
            return Err(ReadError::UnknownName {
                found: found.clone(),
                valid: format!("{} or customers.<any attribute>", valid.join(", ")),
            });
        }
        let others = [
            ("items", &self.items),
            ("customers", &self.customers),
            ("campaigns", &self.campaigns),
            ("campaign_list", &self.campaign_list),
            ("redemptions", &self.redemptions),
            ("feedback", &self.feedback),
            ("tickets", &self.tickets),
            ("referrals", &self.referrals),
        ];
        for (table, _) in others.into_iter().filter(|(_, files)| files.is_none()) {
            let of_table = |name: &str| name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
            if let Some((name, theirs)) = self.columns.iter().find(|(name, _)| of_table(name)) {
                return Err(ReadError::NoTable { name: name.clone(), theirs: theirs.clone(), table: table.replace('_', "-") });
            }
        }
        Ok(())
    }
}

/// Exclusive end of what the model sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The start of this day in the shop's time zone.
    Day(NaiveDate),
    /// This time, Unix seconds.
    Time(i64),
}

impl FromStr for AsOf {
    type Err = ReadError;

    /// Reads `2017-11-06` or `2017-11-06T00:00:00+01:00`. Fails on anything else, fractions of a second included.
    fn from_str(text: &str) -> Result<Self, ReadError> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        match DateTime::parse_from_rfc3339(text) {
            Ok(time) if time.nanosecond() == 0 => Ok(Self::Time(time.timestamp())),
            _ => Err(ReadError::AsOf { found: text.into() }),
        }
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(out),
            Self::Time(time) => {
                out.write_str(&DateTime::<Utc>::from_timestamp(*time, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true))
            }
        }
    }
}

impl Serialize for AsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_a_table_that_is_not_given_is_refused() {
        let settings = |name: &str, customers: Option<&str>| ReadSettings {
            purchases: vec!["purchases.parquet".into()],
            customers: customers.map(Into::into),
            columns: [(name.to_owned(), "x".to_owned())].into(),
            ..ReadSettings::default()
        };
        let refusal = |name: &str, customers| settings(name, customers).check().err().map(|error| error.to_string());
        assert_eq!(
            refusal("customers.birthday", None).as_deref(),
            Some("--column customers.birthday=x: found no customers table; expected --customers FILE beside it, or no such --column")
        );
        assert!(refusal("items.title", Some("customers.parquet")).is_some_and(|error| error.contains("--items FILE")));
        assert_eq!(refusal("customers.birthday", Some("customers.parquet")), None);
        assert_eq!(refusal("customer_id", None), None);
    }
}
