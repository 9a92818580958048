//! Recommendation ids: unique to an answer, and telling by themselves which model version and scenario made it and which signal each item
//! owed its place to, so that no answer has to be remembered until its impressions come back.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::event::{Event, Kind};
use super::trials::{Trace, TrialUnit};

/// What an item may owe its place to, in the order of the codes in an id. Append only.
const SOURCES: [&str; 8] = ["repeat", "basket", "co_purchase", "segment", "category", "popular", "new_item", "pinned"];
/// The evidence it may have, in the order of the codes in an id. Append only.
const REASONS: [&str; 8] =
    ["bought_before", "bought_with", "bought_by_the_same_customers", "segment_favourite", "popular", "new_item", "pinned", "other"];
/// One character for each pair of them.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
/// Items of an answer whose source its id tells; those after them are counted as `unknown`.
const MAX_TOLD: usize = 50;
/// Stands for what an id does not tell.
const UNKNOWN: &str = "unknown";

/// Makes recommendation ids and reads them.
#[derive(Debug)]
pub struct Attribution {
    process: u64,
    key: u64,
    next: AtomicU64,
    /// Versions and scenarios by their tag: what is not among them is `unknown`, so that labels stay bounded whatever callers send.
    names: RwLock<BTreeMap<u32, String>>,
    /// Experiments and their arms by their tag.
    arms: RwLock<BTreeMap<u32, (String, &'static str)>>,
    /// What became of recommendations since the start of this process, for Prometheus.
    pub counts: Family<CreditLabels, Counter>,
    /// The same by arm of an experiment.
    pub trials: Family<TrialLabels, Counter>,
}

/// An arm of an experiment, and what became of a recommendation in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TrialLabels {
    experiment: String,
    arm: &'static str,
    kind: &'static str,
}

/// [`Credit`] without its day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CreditLabels {
    version: String,
    scenario: String,
    source: String,
    reason: String,
    kind: &'static str,
}

/// What an event about a recommendation is counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credit {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// The model version that answered.
    pub version: String,
    /// The scenario that asked.
    pub scenario: String,
    /// What the item owed its place to.
    pub source: Cow<'static, str>,
    /// The evidence for it.
    pub reason: Cow<'static, str>,
    /// What became of it.
    pub kind: Kind,
}

impl Default for Attribution {
    fn default() -> Self {
        let random = |n: u64| RandomState::new().hash_one(n);
        Self {
            process: random(0),
            key: random(1),
            next: AtomicU64::new(0),
            names: RwLock::default(),
            arms: RwLock::default(),
            counts: Family::default(),
            trials: Family::default(),
        }
    }
}

impl Attribution {
    /// Makes a version or a scenario known, so that ids that name it can be read.
    pub fn know(&self, name: &str) {
        let mut names = self.names.write().unwrap_or_else(|poison| poison.into_inner());
        names.insert(tag(name), name.to_owned());
    }

    /// Makes an arm of an experiment known, so that ids that name it are counted.
    pub fn know_arm(&self, experiment: &str, arm: &'static str) {
        let mut arms = self.arms.write().unwrap_or_else(|poison| poison.into_inner());
        arms.insert(Trace::tag(experiment, arm), (experiment.to_owned(), arm));
    }

    /// The shopper and the arm of an event about a recommendation that was made in an experiment.
    pub fn trial(&self, event: &Event) -> Option<TrialUnit> {
        let trace = Trace::read(event.recommendation_id.as_deref().filter(|_| !event.is_return())?)?;
        let arms = self.arms.read().unwrap_or_else(|poison| poison.into_inner());
        let (experiment, arm) = arms.get(&trace.arm)?;
        Some(TrialUnit { experiment: experiment.clone(), arm, unit: trace.unit })
    }

    /// Counts events of an arm that were written.
    pub fn count_trial(&self, unit: &TrialUnit, kind: Kind, events: i64) {
        let labels = TrialLabels { experiment: unit.experiment.clone(), arm: unit.arm, kind: kind.name() };
        self.trials.get_or_create(&labels).inc_by(events.unsigned_abs());
    }

    /// An id for an answer of these sources and reasons, best item first.
    pub fn id<'a>(&self, version: &str, scenario: &str, trace: Option<Trace>, items: impl Iterator<Item = (&'a str, &'a str)>) -> String {
        use std::fmt::Write;
        // the finaliser of SplitMix64 maps distinct numbers to distinct numbers
        let mut z = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.key;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut id = String::with_capacity(66 + MAX_TOLD);
        let _ = write!(id, "{:08x}{:08x}{:08x}{:016x}-", tag(version), tag(scenario), self.process as u32, z ^ (z >> 31));
        let place = |names: &[&str; 8], name: &str| names.iter().position(|one| *one == name).unwrap_or(7);
        id.extend(items.take(MAX_TOLD).map(|(source, reason)| char::from(LETTERS[place(&SOURCES, source) * 8 + place(&REASONS, reason)])));
        if let Some(trace) = trace {
            trace.write(&mut id);
        }
        id
    }

    /// Counts events that were written.
    pub fn count(&self, credit: &Credit, events: i64) {
        let Credit { version, scenario, source, reason, kind, .. } = credit;
        let (version, scenario) = (version.clone(), scenario.clone());
        let labels = CreditLabels { version, scenario, source: source.to_string(), reason: reason.to_string(), kind: kind.name() };
        self.counts.get_or_create(&labels).inc_by(events.unsigned_abs());
    }

    /// What an event about a recommendation is counted under; `None` for any other event, and for what comes back.
    pub fn credit(&self, event: &Event) -> Option<Credit> {
        if event.is_return() {
            return None;
        }
        let id = event.recommendation_id.as_deref()?;
        let names = self.names.read().unwrap_or_else(|poison| poison.into_inner());
        let named = |range| {
            let tag = id.get(range).and_then(|tag| u32::from_str_radix(tag, 16).ok());
            tag.and_then(|tag| names.get(&tag)).map_or(UNKNOWN, String::as_str).to_owned()
        };
        let letter = event.rank.and_then(|rank| id.split('-').nth(1)?.as_bytes().get((rank as usize).checked_sub(1)?).copied());
        let code = letter.and_then(|letter| LETTERS.iter().position(|one| *one == letter));
        let (source, reason) = code.map_or((UNKNOWN, UNKNOWN), |code| (SOURCES[code / 8], REASONS[code % 8]));
        Some(Credit {
            day: event.at.div_euclid(86_400_000),
            version: named(0..8),
            scenario: named(8..16),
            source: source.into(),
            reason: reason.into(),
            kind: event.kind,
        })
    }
}

/// Eight hexadecimal digits of a name.
pub(super) fn tag(name: &str) -> u32 {
    // FNV-1a
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_where_each_item_came_from_and_nothing_unbounded() {
        let attribution = Attribution::default();
        attribution.know("2017-12-04-3f1c9a0b77e2");
        attribution.know("cart");
        let sources = [("repeat", "bought_before"), ("new_item", "new_item")];
        let id = attribution.id("2017-12-04-3f1c9a0b77e2", "cart", None, sources.into_iter());
        assert_ne!(id, attribution.id("2017-12-04-3f1c9a0b77e2", "cart", None, sources.into_iter()));
        let event = |id: &str, rank| Event {
            event_id: "e".into(),
            kind: Kind::Click,
            customer_id: None,
            session_id: Some("s".into()),
            item_id: "i".into(),
            at: 86_400_001,
            quantity: None,
            amount: None,
            order_id: None,
            channel: None,
            recommendation_id: Some(id.into()),
            rank,
        };
        let credit = attribution.credit(&event(&id, Some(2))).expect("about a recommendation");
        assert_eq!((credit.version.as_str(), credit.scenario.as_str(), credit.day), ("2017-12-04-3f1c9a0b77e2", "cart", 1));
        assert_eq!((&*credit.source, &*credit.reason), ("new_item", "new_item"));
        for (id, rank) in [(id.as_str(), None), (id.as_str(), Some(3)), ("nonsense", Some(1)), ("ü-ü", Some(1)), ("", Some(1))] {
            assert_eq!(attribution.credit(&event(id, rank)).map(|credit| credit.source), Some(UNKNOWN.into()), "{id} {rank:?}");
        }
        // the arm of an experiment stands behind, and is counted once it is known
        let trace = Trace { arm: Trace::tag("e#1", "b"), unit: u64::MAX };
        let in_trial = attribution.id("2017-12-04-3f1c9a0b77e2", "cart", Some(trace), sources.into_iter());
        assert_eq!(attribution.trial(&event(&in_trial, Some(2))), None);
        attribution.know_arm("e#1", "b");
        let unit = TrialUnit { experiment: "e#1".into(), arm: "b", unit: u64::MAX };
        assert_eq!(attribution.trial(&event(&in_trial, Some(2))), Some(unit));
        assert_eq!(attribution.credit(&event(&in_trial, Some(2))), attribution.credit(&event(&id, Some(2))));
        assert_eq!(attribution.credit(&event(&in_trial, Some(3))).map(|credit| credit.source), Some(UNKNOWN.into()));
        assert_eq!(attribution.trial(&event(&id, Some(2))), None);
        assert_eq!(attribution.credit(&event("nonsense", None)).map(|credit| credit.version), Some(UNKNOWN.to_owned()));
    }
}
