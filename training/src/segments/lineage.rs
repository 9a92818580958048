//! Lineage: which segment of the version before is which segment now, so that ids stay, and what split or merged.

use std::collections::BTreeMap;

use shopkeeper_models::calendar::date;
use shopkeeper_models::customers::Customers;
use shopkeeper_models::error::ModelError;
use shopkeeper_models::segments::{Centre, Feature, SegmentKind, SegmentationSummary, Segments};
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, Manifest, Model};

use crate::log::PurchaseLog;

/// Likeness from which on a segment keeps its id: 1 = the same customers around the same centre.
const SAME: f64 = 0.3;
/// Weight of lying at the same place beside having the same customers.
const PLACE: f64 = 0.25;
/// Share of a segment's customers that is a part of it worth telling.
const PART: f64 = 0.25;

/// The version whose ids go on: the store's current one when a run starts.
pub struct Previous {
    version: String,
    /// Whether the run under way repeats the one that made it.
    repeated: bool,
    summaries: Vec<SegmentationSummary>,
    segments: Segments,
    customers: Customers,
    /// For each kind, the first number that no version of the store has used.
    next_ids: [u32; SegmentKind::ALL.len()],
}

/// Who a segment is, in time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) since: String,
    pub(super) change: String,
    pub(super) from: Option<String>,
}

/// The identities of one kind's segments.
pub(super) struct Identities {
    pub(super) of: Vec<Identity>,
    pub(super) previous: Option<String>,
    pub(super) changes: Vec<String>,
    pub(super) next_id: u32,
}

impl std::fmt::Debug for Previous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Previous").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Previous {
    /// The store's current version; none in an empty store. What `is_this_run` of a manifest came from the same data and settings as the run under way:
    /// such a version does not count as a user of ids, so that a run that is repeated gives the same ids.
    pub fn load(store: &ModelStore, is_this_run: impl Fn(&Manifest) -> bool) -> Result<Option<Self>, ModelError> {
        let version = match store.current() {
            Ok(version) => version,
            Err(ModelError::Empty { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (manifest, segments, customers) = Model::load_segments(&store.path(&version))?;
        let repeated = is_this_run(&manifest);
        let mut previous = Self::new(version, manifest.segments, segments, customers, repeated);
        for other in store.versions()?.iter().filter(|other| **other != previous.version) {
            if let Some(other) = store.manifest(other).ok().filter(|other| !is_this_run(other)) {
                let next_ids = previous.next_ids.iter_mut().zip(SegmentKind::ALL);
                next_ids.for_each(|(next, kind)| *next = (*next).max(next_id(&other.segments, kind)));
            }
        }
        Ok(Some(previous))
    }

    /// A version alone in its store.
    pub(super) fn new(
        version: String,
        summaries: Vec<SegmentationSummary>,
        segments: Segments,
        customers: Customers,
        repeated: bool,
    ) -> Self {
        let next_ids = SegmentKind::ALL.map(|kind| next_id(&summaries, kind));
        Self { version, repeated, summaries, segments, customers, next_ids }
    }

    /// The row of the segment of one kind that a customer was in.
    fn segment_of(&self, customer: CustomerIx, kind: SegmentKind) -> Option<usize> {
        match kind {
            SegmentKind::Behaviour => Some(self.customers.segment.value(customer.row()) as usize),
            SegmentKind::Needs => self.customers.needs_segment.get(customer.row()).map(usize::from),
        }
    }

    fn id(&self, row: usize) -> &str {
        self.segments.segment_id.value(row)
    }

    fn summary(&self, kind: SegmentKind) -> Option<&SegmentationSummary> {
        self.summaries.iter().find(|summary| summary.kind == kind)
    }
}

fn next_id(summaries: &[SegmentationSummary], kind: SegmentKind) -> u32 {
    summaries.iter().find(|summary| summary.kind == kind).map_or(1, |summary| summary.next_id)
}

/// The segments found now: their fixed ids where they are no clusters, members and centres.
pub(super) struct Found<'a> {
    pub(super) kind: SegmentKind,
    /// The id of a group that is no cluster, such as `s0` for prospects; none for a cluster.
    pub(super) fixed: Vec<Option<String>>,
    /// The segment of each customer of the log; `u16::MAX` = none of this kind.
    pub(super) of: &'a [u16],
    pub(super) features: &'a [Feature],
    /// One row of feature values a cluster, in order.
    pub(super) centres: &'a [Vec<f64>],
}

impl Found<'_> {
    /// As before in a run that is repeated, else matched to the version before, else new.
    pub(super) fn identify(&self, previous: Option<&Previous>, log: &PurchaseLog) -> Identities {
        match previous {
            None => self.first(log.as_of_day),
            Some(previous) => self.again(previous).unwrap_or_else(|| self.after(previous, log)),
        }
    }

    /// Everyone is new.
    fn first(&self, day: i32) -> Identities {
        let mut next_id = 1;
        let of = self.fixed.iter().map(|fixed| self.new_identity(fixed.as_deref(), &mut next_id, day)).collect();
        Identities { of, previous: None, changes: Vec::new(), next_id }
    }

    fn new_identity(&self, fixed: Option<&str>, next_id: &mut u32, day: i32) -> Identity {
        let id = fixed.map_or_else(
            || {
                *next_id += 1;
                format!("{}{}", self.kind.letter(), *next_id - 1)
            },
            str::to_owned,
        );
        Identity { id, since: date(day), change: "new".to_owned(), from: None }
    }

    /// The identities of the version before, kept as they are, if this run repeats the one that made it and found the same.
    fn again(&self, previous: &Previous) -> Option<Identities> {
        let summary = previous.summary(self.kind).filter(|_| previous.repeated)?;
        let rows: Vec<usize> = previous.segments.of_kind(self.kind).collect();
        let sizes = |at: usize| self.of.iter().filter(|&&of| of as usize == at).count() as u32;
        if rows.len() != self.fixed.len() || rows.iter().enumerate().any(|(at, &row)| previous.segments.customers.value(row) != sizes(at)) {
            return None;
        }
        let of = rows.iter().map(|&row| Identity {
            id: previous.id(row).to_owned(),
            since: previous.segments.since.value(row).to_owned(),
            change: previous.segments.change.value(row).to_owned(),
            from: previous.segments.from.get(row).map(str::to_owned),
        });
        Some(Identities {
            of: of.collect(),
            previous: summary.previous.clone(),
            changes: summary.changes.clone(),
            next_id: summary.next_id,
        })
    }

    /// Matches the segments to those of the version before: most alike first, by the share of customers in both among those in either (Jaccard) and by where
    /// their centres lie. What is left is new.
    fn after(&self, previous: &Previous, log: &PurchaseLog) -> Identities {
        let before: Vec<usize> = previous.segments.of_kind(self.kind).collect();
        let shared = self.shared(previous, &before, log);
        let of_before = |b: usize| shared[b].iter().sum::<u32>();
        let of_now = |n: usize| shared.iter().map(|row| row[n]).sum::<u32>();
        let is_cluster = |b: usize| previous.summary(self.kind).is_some_and(|summary| centre(summary, previous.id(before[b])).is_some());
        let nobody = (0..before.len()).all(|b| of_before(b) == 0);
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for b in (0..before.len()).filter(|&b| is_cluster(b)) {
            for n in (0..self.fixed.len()).filter(|&n| self.fixed[n].is_none()) {
                let either = of_before(b) + of_now(n) - shared[b][n];
                let jaccard = f64::from(shared[b][n]) / f64::from(either.max(1));
                let place = self.place(previous, before[b], n);
                let likeness = if nobody { place } else { jaccard + PLACE * place };
                if likeness >= SAME {
                    pairs.push((likeness, b, n));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let (mut now_of, mut before_of): (Vec<Option<usize>>, Vec<Option<usize>>) =
            (vec![None; before.len()], vec![None; self.fixed.len()]);
        for (_, b, n) in pairs {
            if now_of[b].is_none() && before_of[n].is_none() {
                (now_of[b], before_of[n]) = (Some(n), Some(b));
            }
        }
        for (n, fixed) in self.fixed.iter().enumerate() {
            let same = fixed.as_ref().and_then(|fixed| before.iter().position(|&row| previous.id(row) == fixed));
            if let Some(b) = same {
                (now_of[b], before_of[n]) = (Some(n), Some(b));
            }
        }
        let part = |part: u32, whole: u32| whole > 0 && f64::from(part) >= PART * f64::from(whole);
        let day = log.as_of_day;
        let kind = SegmentKind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let mut next_id = previous.next_ids[kind];
        let mut changes = Vec::new();
        let mut of = Vec::new();
        for n in 0..self.fixed.len() {
            // where its known customers come from, largest part first
            let mut sources: Vec<usize> = (0..before.len()).filter(|&b| is_cluster(b) && part(shared[b][n], of_now(n))).collect();
            sources.sort_by_key(|&b| (std::cmp::Reverse(shared[b][n]), b));
            let names = |sources: &[usize]| sources.iter().map(|&b| previous.id(before[b])).collect::<Vec<_>>().join(", ");
            let identity = match before_of[n] {
                Some(b) => {
                    let row = before[b];
                    // merged: a segment that is gone went here for the most part
                    let swallowed: Vec<usize> = (0..before.len())
                        .filter(|&o| o != b && now_of[o].is_none() && is_cluster(o) && 2 * shared[o][n] > of_before(o))
                        .collect();
                    let id = previous.id(row).to_owned();
                    let merged = self.fixed[n].is_none() && !swallowed.is_empty();
                    let from = merged.then(|| names(&[&[b][..], &swallowed].concat()));
                    if let Some(from) = &from {
                        changes.push(format!("{id} took in customers of a segment that is gone: it holds {from}"));
                    }
                    let change = if merged { "merged" } else { "kept" }.to_owned();
                    Identity { id, since: previous.segments.since.value(row).to_owned(), change, from }
                }
                None => {
                    let mut identity = self.new_identity(self.fixed[n].as_deref(), &mut next_id, day);
                    if let ([first, ..], None) = (&sources[..], &self.fixed[n]) {
                        identity.change = if sources.len() > 1 { "merged" } else { "split" }.to_owned();
                        identity.from = Some(names(&sources));
                        changes.push(if sources.len() > 1 {
                            format!("{} is new, merged from parts of {}", identity.id, names(&sources))
                        } else {
                            format!(
                                "{} is new, split off {} ({} of its customers)",
                                identity.id,
                                previous.id(before[*first]),
                                shared[*first][n]
                            )
                        });
                    } else {
                        changes.push(format!("{} is new", identity.id));
                    }
                    identity
                }
            };
            of.push(identity);
        }
        for b in (0..before.len()).filter(|&b| now_of[b].is_none()) {
            let mut into: Vec<usize> = (0..of.len()).filter(|&n| part(shared[b][n], of_before(b))).collect();
            into.sort_by_key(|&n| (std::cmp::Reverse(shared[b][n]), n));
            let into: Vec<&str> = into.iter().map(|&n| of[n].id.as_str()).collect();
            let (id, name) = (previous.id(before[b]), previous.segments.name.value(before[b]));
            changes.push(match into.is_empty() {
                true => format!("{id} ({name}) is gone"),
                false => format!("{id} ({name}) is gone; its customers are now in {}", into.join(", ")),
            });
        }
        Identities { of, previous: Some(previous.version.clone()), changes, next_id }
    }

    /// Customers in each segment of the version before and each of now.
    fn shared(&self, previous: &Previous, before: &[usize], log: &PurchaseLog) -> Vec<Vec<u32>> {
        let place: BTreeMap<usize, usize> = before.iter().enumerate().map(|(at, &row)| (row, at)).collect();
        let mut shared = vec![vec![0; self.fixed.len()]; before.len()];
        // both lists of customers are ascending by id
        let mut old = 0;
        for (new, &of) in self.of.iter().enumerate().filter(|(_, of)| **of != u16::MAX) {
            let id = log.customer_ids.value(new);
            while old < previous.customers.len() && previous.customers.id(CustomerIx(old as u32)) < id {
                old += 1;
            }
            if old < previous.customers.len() && previous.customers.id(CustomerIx(old as u32)) == id {
                let b = previous.segment_of(CustomerIx(old as u32), self.kind).and_then(|row| place.get(&row));
                if let Some(&b) = b {
                    shared[b][of as usize] += 1;
                }
            }
        }
        shared
    }

    /// How near the centre of a segment of the version before lies to that of one of now: 1 = the same place, exp(-2) = a standard deviation away.
    fn place(&self, previous: &Previous, row: usize, now: usize) -> f64 {
        let Some(summary) = previous.summary(self.kind) else { return 0.0 };
        let Some((centre, values)) = centre(summary, previous.id(row)).zip(self.centres.get(now)) else { return 0.0 };
        let (mut sum, mut n) = (0.0, 0);
        for (feature, value) in self.features.iter().zip(values) {
            if let Some(at) = summary.features.iter().position(|before| before.name == feature.name)
                && let Some(before) = centre.values.get(at)
            {
                sum += ((before - value) / feature.scale).powi(2);
                n += 1;
            }
        }
        if n > 0 { (-2.0 * sum / f64::from(n)).exp() } else { 0.0 }
    }
}

fn centre<'a>(summary: &'a SegmentationSummary, id: &str) -> Option<&'a Centre> {
    summary.centres.iter().find(|centre| centre.segment_id == id)
}
