//! Loyalty: tiers by what a customer spent and how often they ordered lately, the way to the next tier, the way back, and points.

use arrow::array::{Float64Array, Int32Array, UInt8Array, UInt32Array};
use serde::{Deserialize, Serialize};

use crate::table::{Nullable, table};
use crate::{CustomerIx, ModelError};

/// The most tiers.
const MAX_TIERS: usize = 20;
/// The longest name of a tier, bytes.
const MAX_NAME: usize = 64;

/// A tier, and what it takes within the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyTier {
    /// Its name.
    pub name: String,
    /// Spend of at least this, returns netted out. Default 0.
    #[serde(default)]
    pub min_spend: f64,
    /// And at least so many orders. Default 0.
    #[serde(default)]
    pub min_orders: u32,
}

impl LoyaltyTier {
    fn holds(&self, spend: f64, orders: u32) -> bool {
        spend >= self.min_spend && orders >= self.min_orders
    }
}

/// What is configured: `[train.loyalty]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoyaltySettings {
    /// Days before as-of whose orders count, 1 to 3,650. Default 365.
    pub window_days: u32,
    /// The tiers, lowest first; an empty list means none. By default they come from the shop's own customers, see [`LoyaltyRules::derived`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<LoyaltyTier>>,
    /// Points for each unit of money of an order, rounded down an order. By default there are no points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_per_unit: Option<f64>,
    /// Days after which points are gone. By default they stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_expire_days: Option<u32>,
}

impl Default for LoyaltySettings {
    fn default() -> Self {
        Self { window_days: 365, tiers: None, points_per_unit: None, points_expire_days: None }
    }
}

impl LoyaltySettings {
    /// Refuses settings that cannot be meant.
    pub fn check(&self) -> Result<(), String> {
        let refuse = |what: &str, found: String, expected: &str| Err(format!("[train.loyalty] {what}: {found}; expected {expected}"));
        if !(1..=3650).contains(&self.window_days) {
            return refuse("window_days", self.window_days.to_string(), "1 to 3650");
        }
        if let Some(points) = self.points_per_unit.filter(|points| !(points.is_finite() && *points > 0.0)) {
            return refuse("points_per_unit", points.to_string(), "a number above 0");
        }
        if self.points_expire_days == Some(0) {
            return refuse("points_expire_days", "0".into(), "at least 1");
        }
        let tiers = self.tiers.as_deref().unwrap_or_default();
        if tiers.len() > MAX_TIERS {
            return refuse("tiers", tiers.len().to_string(), "at most 20");
        }
        for (at, tier) in tiers.iter().enumerate() {
            let what = format!("tiers, {:?}", tier.name);
            if tier.name.is_empty() || tier.name == crate::groups::NONE || tier.name.len() > MAX_NAME || tier.name.contains([',', '&', '='])
            {
                return refuse(&what, "no name for a tier".into(), "1 to 64 bytes without , & =, and not \"none\"");
            }
            if !(tier.min_spend.is_finite() && tier.min_spend >= 0.0) {
                return refuse(&what, format!("min_spend = {}", tier.min_spend), "at least 0");
            }
            if tiers[..at].iter().any(|other| other.name == tier.name) {
                return refuse(&what, "stands twice".into(), "names that differ");
            }
            let before = tiers[..at].last();
            let harder = |before: &LoyaltyTier| {
                tier.min_spend >= before.min_spend
                    && tier.min_orders >= before.min_orders
                    && (tier.min_spend, tier.min_orders) != (before.min_spend, before.min_orders)
            };
            if before.is_some_and(|before| !harder(before)) {
                return refuse(&what, "takes no more than the tier before it".into(), "tiers from the lowest to the highest");
            }
        }
        Ok(())
    }
}

/// The rules in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoyaltyRules {
    /// Days before as-of whose orders count.
    pub window_days: u32,
    /// The tiers, lowest first.
    pub tiers: Vec<LoyaltyTier>,
    /// Whether the tiers come from the shop's own customers and not from configuration: half of the customers who ordered within the window
    /// spent enough for `silver`, a fifth for `gold`, a twentieth for `platinum`, to two digits; the orders that go with it are what three of
    /// four of these have.
    pub derived: bool,
    /// Points for each unit of money.
    pub points_per_unit: Option<f64>,
    /// Days after which points are gone.
    pub points_expire_days: Option<u32>,
}

impl LoyaltyRules {
    /// The position of the highest tier that so much makes.
    pub fn tier(&self, spend: f64, orders: u32) -> Option<usize> {
        self.tiers.iter().rposition(|tier| tier.holds(spend, orders))
    }

    /// The rule of a tier in words.
    pub fn rule(&self, tier: usize) -> String {
        let Some(LoyaltyTier { min_spend, min_orders, .. }) = self.tiers.get(tier) else { return String::new() };
        let source = if self.derived { " (derived from the shop; set your own in [train.loyalty])" } else { "" };
        let orders = if *min_orders == 1 { "1 order".to_owned() } else { format!("{min_orders} orders") };
        format!("spend of at least {min_spend:.2} and at least {orders} in the last {} days{source}", self.window_days)
    }
}

table! {
    /// One row a customer, in the order of the customers table.
    pub struct Loyalty in "loyalty.arrow" {
        /// Tier, as the position in [`LoyaltyRules::tiers`]; null for none.
        pub tier: Nullable<UInt8Array>,
        /// Spend within the window, returns netted out.
        pub spend: Float64Array,
        /// Orders within the window.
        pub orders: UInt32Array,
        /// Day on which the tier is lost if the customer buys nothing more (days since 1970-01-01); null where there is none to lose.
        pub falls_on: Nullable<Int32Array>,
        /// The tier from that day on; null for none.
        pub falls_to: Nullable<UInt8Array>,
        /// Points earned and not expired at as-of. What was redeemed is not known here. Null without a rule for points.
        pub points: Nullable<Float64Array>,
        /// Points that expire next; null without expiry or points.
        pub points_expiring: Nullable<Float64Array>,
        /// The day on which they do (days since 1970-01-01).
        pub points_expire_on: Nullable<Int32Array>,
    }
}

/// What is missing for a tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Position of the tier.
    pub tier: usize,
    /// Money, 0 where enough was spent.
    pub spend: f64,
    /// Orders, 0 where there are enough.
    pub orders: u32,
}

impl Loyalty {
    /// The position of a customer's tier.
    pub fn tier_of(&self, customer: CustomerIx) -> Option<usize> {
        self.tier.get(customer.row()).map(usize::from)
    }

    /// What a customer needs for the next tier; none at the highest.
    pub fn to_next(&self, rules: &LoyaltyRules, customer: CustomerIx) -> Option<Distance> {
        let tier = self.tier_of(customer).map_or(0, |tier| tier + 1);
        let next = rules.tiers.get(tier)?;
        let (spend, orders) = (self.spend.value(customer.row()), self.orders.value(customer.row()));
        Some(Distance { tier, spend: (next.min_spend - spend).max(0.0), orders: next.min_orders.saturating_sub(orders) })
    }

    pub(crate) fn check(&self, customers: usize, rules: &LoyaltyRules) -> Result<(), ModelError> {
        if self.spend.len() != customers {
            return Err(ModelError::corrupt(Self::FILE, format!("{} rows", self.spend.len()), format!("{customers}, one a customer")));
        }
        let out = (0..customers)
            .flat_map(|row| [self.tier.get(row), self.falls_to.get(row)])
            .flatten()
            .find(|&tier| tier as usize >= rules.tiers.len());
        out.map_or(Ok(()), |tier| {
            Err(ModelError::corrupt(Self::FILE, format!("tier {tier}"), format!("a number below {}", rules.tiers.len())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str, min_spend: f64, min_orders: u32) -> LoyaltyTier {
        LoyaltyTier { name: name.into(), min_spend, min_orders }
    }

    #[test]
    fn tiers_must_rise() {
        let with = |tiers: Vec<LoyaltyTier>| LoyaltySettings { tiers: Some(tiers), ..LoyaltySettings::default() }.check();
        assert_eq!(with(vec![]), Ok(()));
        assert_eq!(with(vec![tier("a", 0.0, 0), tier("b", 10.0, 0), tier("c", 10.0, 3)]), Ok(()));
        for (tiers, complaint) in [
            (vec![tier("a", 10.0, 0), tier("b", 5.0, 9)], "\"b\": takes no more than the tier before it"),
            (vec![tier("a", 10.0, 0), tier("a", 15.0, 9)], "stands twice"),
            (vec![tier("", 10.0, 0)], "no name"),
            (vec![tier("none", 10.0, 0)], "no name"),
            (vec![tier("a", f64::NAN, 0)], "min_spend = NaN; expected at least 0"),
        ] {
            let said = with(tiers).expect_err("refused");
            assert!(said.contains(complaint), "{said}");
        }
        let rules = LoyaltyRules { tiers: vec![tier("a", 0.0, 1), tier("b", 100.0, 3)], ..LoyaltyRules::default() };
        assert_eq!(
            [rules.tier(500.0, 0), rules.tier(500.0, 2), rules.tier(99.0, 9), rules.tier(100.0, 3)],
            [None, Some(0), Some(0), Some(1)]
        );
    }
}
