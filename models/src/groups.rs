//! Groups: every way in which the customers are told apart by rule or by cluster, with the rule in words and the count it gives.

use arrow::array::{StringArray, UInt8Array};

use crate::customers::Customers;
use crate::lifecycle::LifecycleStage;
use crate::loyalty::Loyalty;
use crate::manifest::CustomerRules;
use crate::rfm::{Quintiles, RfmGroup};
use crate::segments::{SegmentKind, Segments};
use crate::table::Nullable;
use crate::value::ValueTier;
use crate::{CustomerIx, Model};

/// The name of the group of those who are in none.
pub const NONE: &str = "none";

/// A way to tell customers apart that gives each at most one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// Segments by behaviour.
    Segment,
    /// Segments by needs, in a shop with categories.
    NeedsSegment,
    /// Named groups of RFM scores.
    RfmGroup,
    /// Lifecycle stages.
    Lifecycle,
    /// Value tiers.
    ValueTier,
    /// Loyalty tiers.
    LoyaltyTier,
}

impl GroupBy {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Segment, Self::NeedsSegment, Self::RfmGroup, Self::Lifecycle, Self::ValueTier, Self::LoyaltyTier];

    /// The name used in the API and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::NeedsSegment => "needs_segment",
            Self::RfmGroup => "rfm_group",
            Self::Lifecycle => "lifecycle",
            Self::ValueTier => "value_tier",
            Self::LoyaltyTier => "loyalty_tier",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }

    /// The names of all, for messages.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// A group with its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it is a group by: the name of a [`GroupBy`], or `rfm_recency`, `rfm_frequency` or `rfm_monetary`.
    pub by: &'static str,
    /// Its name.
    pub name: String,
    /// Its rule in words, as it is set.
    pub rule: String,
    /// Customers in it.
    pub customers: u64,
}

/// The customers of one version with what they are grouped by. Cheap to clone: the tables are shared.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The version.
    pub version: String,
    /// Exclusive end of what it saw, RFC 3339.
    pub as_of: String,
    /// The rules.
    pub rules: CustomerRules,
    /// The customers.
    pub customers: Customers,
    /// The segments.
    pub segments: Segments,
    /// Their loyalty.
    pub loyalty: Loyalty,
}

/// Which customer is in which group.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The ids, ascending.
    pub customer_id: StringArray,
    /// The names of the groups.
    pub names: Vec<String>,
    /// The position of each customer's group in `names`.
    pub of: Vec<u16>,
}

impl Model {
    /// The customers and what they are grouped by.
    pub fn standing(&self) -> Standing {
        Standing {
            version: self.version.clone(),
            as_of: self.manifest.as_of.clone(),
            rules: self.manifest.rules.clone(),
            customers: self.customers.clone(),
            segments: self.segments.clone(),
            loyalty: self.loyalty.clone(),
        }
    }
}

/// The position of a customer's group.
type GroupOf<'a> = Box<dyn Fn(CustomerIx) -> Option<usize> + 'a>;

impl Standing {
    /// The names of the groups with their rules, and the group of a customer as a position among them.
    fn grouping(&self, by: GroupBy) -> (Vec<(String, String)>, GroupOf<'_>) {
        let Self { rules, customers, segments, loyalty, .. } = self;
        let named = |kind: SegmentKind| {
            let named = |row: usize| (segments.segment_id.value(row).to_owned(), segments.description.value(row).to_owned());
            segments.of_kind(kind).map(named).collect()
        };
        match by {
            GroupBy::Segment => (named(SegmentKind::Behaviour), Box::new(|customer| Some(customers.segment.value(customer.row()).into()))),
            GroupBy::NeedsSegment => {
                // those by behaviour stand before them
                let first = segments.of_kind(SegmentKind::Behaviour).count();
                let of = move |customer: CustomerIx| Some(usize::from(customers.needs_segment.get(customer.row())?).saturating_sub(first));
                (named(SegmentKind::Needs), Box::new(of))
            }
            GroupBy::RfmGroup => {
                let groups = RfmGroup::ALL.map(|group| (group.name().to_owned(), rules.rfm_groups.rule(group)));
                (groups.into(), Box::new(|customer| customers.rfm_group.get(customer.row()).map(usize::from)))
            }
            GroupBy::Lifecycle => {
                let stages = LifecycleStage::ALL.map(|stage| (stage.name().to_owned(), rules.lifecycle.rule(stage)));
                (stages.into(), Box::new(|customer| Some(customers.lifecycle.value(customer.row()).into())))
            }
            GroupBy::ValueTier => {
                let tiers = ValueTier::ALL.map(|tier| (tier.name().to_owned(), rules.value.rule(tier)));
                (tiers.into(), Box::new(|customer| Some(customers.value_tier.value(customer.row()).into())))
            }
            GroupBy::LoyaltyTier => {
                let tiers = (0..rules.loyalty.tiers.len()).rev();
                let tiers: Vec<(String, String)> =
                    tiers.map(|tier| (rules.loyalty.tiers[tier].name.clone(), rules.loyalty.rule(tier))).collect();
                let highest = tiers.len();
                (tiers, Box::new(move |customer| loyalty.tier_of(customer).map(|tier| highest - 1 - tier)))
            }
        }
    }

    /// The names of the groups, best first where there is a best.
    pub fn names(&self, by: GroupBy) -> Vec<String> {
        self.grouping(by).0.into_iter().map(|(name, _)| name).collect()
    }

    /// Who is in which group, best first where there is a best. Those in none make a group [`NONE`] of their own, if there are any.
    pub fn membership(&self, by: GroupBy) -> Membership {
        let (groups, of) = self.grouping(by);
        let mut names: Vec<String> = groups.into_iter().map(|(name, _)| name).collect();
        let none = names.len();
        let of: Vec<u16> = (0..self.customers.len() as u32).map(|row| of(CustomerIx(row)).unwrap_or(none) as u16).collect();
        if of.contains(&(none as u16)) {
            names.push(NONE.to_owned());
        }
        Membership { customer_id: self.customers.customer_id.clone(), names, of }
    }

    /// Every group by one of these, with its rule and its count; the counts sum to the number of customers.
    pub fn groups(&self, by: GroupBy) -> Vec<Group> {
        let (groups, _) = self.grouping(by);
        let Membership { names, of, .. } = self.membership(by);
        let mut counts = vec![0; names.len()];
        of.iter().for_each(|&group| counts[group as usize] += 1);
        let none = match by {
            GroupBy::NeedsSegment => "the shop has no categories",
            GroupBy::RfmGroup => "has not bought yet, so there is nothing to score",
            _ => "reaches no tier",
        };
        let rules = groups.into_iter().map(|(_, rule)| rule).chain([none.to_owned()]);
        names.into_iter().zip(rules).zip(counts).map(|((name, rule), customers)| Group { by: by.name(), name, rule, customers }).collect()
    }

    /// The scores in use, best first, with the values that get them and the customers that have them; prospects have none.
    pub fn scores(&self) -> Vec<Group> {
        let (cuts, customers) = (&self.rules.rfm, &self.customers);
        let days = |from: f64, below: Option<f64>| {
            // recency is scored on negated days: the steps run from the longest silence to the latest purchase
            let longest = -from;
            match below {
                None => format!("at most {longest} days since the last purchase"),
                Some(below) if below - from <= 1.0 => format!("{longest} days since the last purchase"),
                Some(below) => format!("{} to {longest} days since the last purchase", 1.0 - below),
            }
        };
        let counted = |from: f64, below: Option<f64>| match below {
            None => format!("{from} or more days with an order"),
            Some(2.0) if from == 1.0 => "1 day with an order".to_owned(),
            Some(below) if below - from <= 1.0 => format!("{from} days with an order"),
            Some(below) => format!("{from} to {} days with an order", below - 1.0),
        };
        let money = |from: f64, below: Option<f64>| match below {
            None => format!("spend of {from:.2} or more"),
            Some(below) => format!("spend of {from:.2} to less than {below:.2}"),
        };
        type Axis<'a> = (&'static str, &'a Quintiles, &'a Nullable<UInt8Array>, &'a dyn Fn(f64, Option<f64>) -> String);
        let axes: [Axis<'_>; 3] = [
            ("rfm_recency", &cuts.recency, &customers.rfm_recency, &days),
            ("rfm_frequency", &cuts.frequency, &customers.rfm_frequency, &counted),
            ("rfm_monetary", &cuts.monetary, &customers.rfm_monetary, &money),
        ];
        let of_axis = |(by, quintiles, scores, rule): Axis<'_>| {
            let steps: Vec<Group> = (1..=5_u8)
                .rev()
                .filter_map(|score| {
                    let (from, below) = quintiles.range(score)?;
                    let customers = scores.0.iter().filter(|&found| found == Some(score)).count() as u64;
                    Some(Group { by, name: score.to_string(), rule: rule(from, below), customers })
                })
                .collect();
            steps
        };
        axes.into_iter().flat_map(of_axis).collect()
    }
}
