//! Trials: what the shoppers of each arm of an experiment did, kept by shopper, since events of one shopper are no independent evidence.

use std::collections::BTreeMap;

use super::attribution::tag;
use super::event::{Event, Kind};

/// What a recommendation id says of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Stands for the arm: [`Trace::tag`].
    pub arm: u32,
    /// Stands for the shopper.
    pub unit: u64,
}

/// A shopper in an arm of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialUnit {
    /// What the experiment is kept under.
    pub experiment: String,
    /// The arm.
    pub arm: &'static str,
    /// The shopper.
    pub unit: u64,
}

/// Events about recommendations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deeds {
    /// Times that a recommendation came into sight.
    pub impressions: i64,
    /// Times that one was clicked.
    pub clicks: i64,
    /// Times that one was put into the basket.
    pub carts: i64,
    /// Purchase lines.
    pub purchases: i64,
    /// Money paid for them.
    pub amount: f64,
}

/// What the shoppers of one arm did together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialCounts {
    /// The arm.
    pub arm: String,
    /// Shoppers with any event about a recommendation.
    pub shoppers: u64,
    /// Those of them who clicked one.
    pub clicked: u64,
    /// Those who put one into the basket.
    pub carted: u64,
    /// Those who bought one.
    pub bought: u64,
    /// Their events.
    pub deeds: Deeds,
}

impl TrialCounts {
    /// Shoppers who did something of this kind.
    pub fn who(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Click => self.clicked,
            Kind::Cart => self.carted,
            Kind::Purchase => self.bought,
            Kind::Impression | Kind::View => self.shoppers,
        }
    }
}

impl Trace {
    /// What stands for an arm in a recommendation id.
    pub fn tag(experiment: &str, arm: &str) -> u32 {
        tag(&format!("{experiment}/{arm}"))
    }

    /// The text of it.
    pub(super) fn write(self, id: &mut String) {
        use std::fmt::Write;
        let _ = write!(id, "-{:08x}{:016x}", self.arm, self.unit);
    }

    /// Reads it out of a recommendation id.
    pub(super) fn read(id: &str) -> Option<Self> {
        let text = id.split('-').nth(2).filter(|text| text.len() == 24 && text.is_ascii())?;
        let (arm, unit) = text.split_at(8);
        Some(Self { arm: u32::from_str_radix(arm, 16).ok()?, unit: u64::from_str_radix(unit, 16).ok()? })
    }
}

/// Adds events up by shopper.
#[derive(Debug, Default)]
pub(super) struct Tally(pub(super) BTreeMap<TrialUnit, Deeds>);

impl Tally {
    pub(super) fn add(&mut self, unit: TrialUnit, event: &Event) {
        let deeds = self.0.entry(unit).or_default();
        match event.kind {
            Kind::Impression => deeds.impressions += 1,
            Kind::Click => deeds.clicks += 1,
            Kind::Cart => deeds.carts += 1,
            Kind::Purchase => deeds.purchases += 1,
            Kind::View => {}
        }
        deeds.amount += event.amount.unwrap_or(0.0);
    }
}
