//! An experiment: two arms, each a model version or a scenario, between which shoppers are split by a keyed hash, so that everybody stays where
//! they are, on every server and after every restart.

mod evidence;

use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::sync::Arc;

use utoipa::ToSchema;

use super::rules::Rules;
use crate::state::{Kind, Trace};

pub(super) use evidence::{Evidence, wilson};

/// Shares of shoppers that may be given the second arm.
const SHARES: std::ops::RangeInclusive<f64> = 0.01..=0.99;
/// The longest name, bytes.
const MAX_NAME_BYTES: usize = 64;

/// What counts as success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExperimentMetric)]
pub(super) enum Metric {
    /// The shopper clicked a recommendation.
    #[default]
    Click,
    /// The shopper put one into the basket.
    Cart,
    /// The shopper bought one.
    Purchase,
}

impl Metric {
    /// The kind of event that is counted.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Click => Kind::Click,
            Self::Cart => Kind::Cart,
            Self::Purchase => Kind::Purchase,
        }
    }
}

/// What the shoppers of one arm get.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExperimentArm)]
pub(super) struct Arm {
    /// The model version that answers them. Default: the one that is served.
    pub(super) version: Option<String>,
    /// The scenario whose rules hold for them instead of the experiment's. Default: the experiment's.
    pub(super) scenario: Option<String>,
}

/// An experiment as the file of scenarios says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Experiment {
    /// What it is called.
    #[schema(example = "diverse-home")]
    pub(super) name: String,
    /// Shuffles the shoppers: with another key they are split anew. Default: the name.
    #[serde(default, skip_serializing)]
    key: Option<String>,
    /// Only requests for this scenario take part. Default: every request for recommendations that names a customer or a session.
    #[serde(default)]
    pub(super) scenario: Option<String>,
    /// Share of the shoppers who get arm b, 0.01 to 0.99. Default 0.5.
    #[serde(default = "half")]
    pub(super) share: f64,
    /// What counts as success: click, cart or purchase. Default click.
    #[serde(default)]
    pub(super) metric: Metric,
    /// One arm. Default: what everybody else gets.
    #[serde(default)]
    pub(super) a: Arm,
    /// The other arm.
    #[serde(default)]
    pub(super) b: Arm,
}

fn half() -> f64 {
    0.5
}

/// The names of the arms.
pub(super) const ARMS: [&str; 2] = ["a", "b"];

/// An experiment that is running.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) experiment: Experiment,
    /// What its counts are kept under. Whoever changes the arms, the share or the key starts another experiment.
    pub(super) id: String,
    key: [u8; 32],
    /// What stands for each arm in a recommendation id.
    tags: [u32; 2],
    /// The rules of the arms that have a scenario of their own.
    rules: [Option<Arc<Rules>>; 2],
}

/// What a shopper is given in an experiment.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) running: Arc<Running>,
    /// A position in [`ARMS`].
    pub(super) arm: usize,
    /// The shopper, as a keyed hash of their id.
    pub(super) unit: u64,
}

/// The arm of an experiment that answered.
#[derive(Serialize, ToSchema)]
#[schema(as = ExperimentPlace)]
pub(super) struct PlaceRef<'a> {
    /// The experiment.
    name: &'a str,
    /// `a` or `b`.
    arm: &'a str,
}

impl<'a> PlaceRef<'a> {
    /// An arm of an experiment of this name.
    pub(super) fn new(name: &'a str, arm: &'a str) -> Self {
        Self { name, arm }
    }
}

impl Experiment {
    /// Checks an experiment against the scenarios of its file. The error says what was found and what was expected.
    pub(super) fn start(self, scenario: impl Fn(&str) -> Option<Arc<Rules>>) -> Result<Running, String> {
        if !(1..=MAX_NAME_BYTES).contains(&self.name.len()) {
            return Err(format!("name of {} bytes; expected 1 to {MAX_NAME_BYTES}", self.name.len()));
        }
        if !SHARES.contains(&self.share) {
            return Err(format!("share {}; expected {} to {}", self.share, SHARES.start(), SHARES.end()));
        }
        if self.a == self.b {
            return Err("the arms a and b are the same; give one of them a version or a scenario of its own".into());
        }
        let known = |name: &Option<String>| match name {
            Some(name) => scenario(name).map(Some).ok_or_else(|| format!("no scenario {name:?} in this file; expected one of those in it")),
            None => Ok(None),
        };
        known(&self.scenario)?;
        if self.scenario.is_none() && (self.a.scenario.is_some() || self.b.scenario.is_some()) {
            return Err("an arm has a scenario, the experiment has none; say with scenario = \"...\" which requests take part".into());
        }
        let rules = [known(&self.a.scenario)?, known(&self.b.scenario)?];
        let key = blake3::derive_key("shopkeeper experiment", self.key.as_ref().unwrap_or(&self.name).as_bytes());
        let definition = format!("{:?}{:?}{:?}{:?}{:?}", self.key, self.scenario, self.share, self.a, self.b);
        let mut id = self.name.clone();
        id.push('#');
        blake3::hash(definition.as_bytes()).as_bytes()[..4].iter().for_each(|byte| {
            let _ = write!(id, "{byte:02x}");
        });
        let tags = ARMS.map(|arm| Trace::tag(&id, arm));
        Ok(Running { experiment: self, id, key, tags, rules })
    }

    /// The arms by their positions.
    pub(super) fn arms(&self) -> [&Arm; 2] {
        [&self.a, &self.b]
    }

    /// The model versions that the arms name.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.arms().into_iter().filter_map(|arm| arm.version.as_deref())
    }
}

impl Running {
    /// Where a shopper belongs, if requests for this scenario take part.
    pub(super) fn place(self: &Arc<Self>, scenario: Option<&str>, shopper: &str) -> Option<Place> {
        if self.experiment.scenario.as_deref().is_some_and(|only| scenario != Some(only)) {
            return None;
        }
        let hash = blake3::keyed_hash(&self.key, shopper.as_bytes());
        let unit = hash.as_bytes()[..8].iter().fold(0, |unit, byte| unit << 8 | u64::from(*byte));
        // the 53 bits that a double holds exactly
        let is_b = ((unit >> 11) as f64) < self.experiment.share * 2_f64.powi(53);
        Some(Place { running: Arc::clone(self), arm: usize::from(is_b), unit })
    }
}

impl Place {
    /// The arm as the experiment has it.
    pub(super) fn arm(&self) -> &Arm {
        self.running.experiment.arms()[self.arm]
    }

    /// The rules that hold instead of those of the scenario asked for.
    pub(super) fn rules(&self) -> Option<Arc<Rules>> {
        self.running.rules[self.arm].clone()
    }

    /// What a recommendation id says of it.
    pub(super) fn trace(&self) -> Trace {
        Trace { arm: self.running.tags[self.arm], unit: self.unit }
    }

    /// What an answer says of it.
    pub(super) fn reference(&self) -> PlaceRef<'_> {
        PlaceRef::new(&self.running.experiment.name, ARMS[self.arm])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(text: &str) -> Result<Arc<Running>, String> {
        let experiment: Experiment = toml::from_str(text).map_err(|error| error.to_string())?;
        experiment.start(|name| (name == "home" || name == "other").then(Arc::default)).map(Arc::new)
    }

    #[test]
    fn a_shopper_stays_where_they_are_and_arms_get_their_share() {
        let arm = |running: &Arc<Running>, shopper: usize| running.place(None, &format!("customer-{shopper}")).expect("takes part").arm;
        let one = running("name = 'one'\nshare = 0.2\nb.version = 'v2'").expect("sound");
        let again = running("name = 'one'\nshare = 0.2\nb.version = 'v2'").expect("sound");
        let other = running("name = 'one'\nkey = 'anew'\nshare = 0.2\nb.version = 'v2'").expect("sound");
        let of = |running: &Arc<Running>| (0..20_000).map(|shopper| arm(running, shopper)).collect::<Vec<_>>();
        let (first, second, third) = (of(&one), of(&again), of(&other));
        assert_eq!(first, second, "the same on every server");
        let in_b = first.iter().sum::<usize>() as f64 / 20_000.0;
        assert!((0.19..=0.21).contains(&in_b), "{in_b}");
        let both = first.iter().zip(&third).filter(|(a, b)| **a == 1 && **b == 1).count() as f64 / 20_000.0;
        assert!((0.034..=0.046).contains(&both), "another key splits anew: {both}");
        assert_ne!(one.id, other.id);
        // a known answer, so that no change of the build moves anybody
        assert_eq!((0..12).map(|shopper| first[shopper]).collect::<Vec<_>>(), KNOWN);
    }

    /// The arms of the first twelve customers of `one`.
    const KNOWN: [usize; 12] = [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0];

    #[test]
    fn only_the_scenario_takes_part_and_what_cannot_be_meant_is_refused() {
        let home = running("name = 'h'\nscenario = 'home'\nb.scenario = 'other'").expect("sound");
        assert!(home.place(None, "c").is_none() && home.place(Some("other"), "c").is_none() && home.place(Some("home"), "c").is_some());
        for (text, complaint) in [
            ("name = ''\nb.version = 'v'", "name of 0 bytes"),
            ("name = 'x'\nshare = 1.0\nb.version = 'v'", "expected 0.01 to 0.99"),
            ("name = 'x'", "the arms a and b are the same"),
            ("name = 'x'\nb.scenario = 'home'", "the experiment has none"),
            ("name = 'x'\nscenario = 'home'\nb.scenario = 'garden'", "no scenario \"garden\""),
            ("name = 'x'\nc.version = 'v'", "unknown field `c`"),
            ("name = 'x'\nmetric = 'luck'\nb.version = 'v'", "expected one of `click`, `cart`, `purchase`"),
        ] {
            let found = running(text).expect_err(text);
            assert!(found.contains(complaint), "{text}: {found}");
        }
    }
}
