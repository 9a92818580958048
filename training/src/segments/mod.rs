//! Segments: customers clustered by behaviour and, where the shop has categories, by needs; described, named, and matched to those of the version
//! before.

pub mod choice;
pub mod k_means;
mod lineage;
mod method;
mod names;
pub mod needs;
pub mod points;
mod profile;
mod scaling;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use shopkeeper_models::histories::Histories;
use shopkeeper_models::segments::{Centre, Favourites, Feature, SegmentKind, SegmentationSummary, Segments};
use shopkeeper_models::table::{Nullable, list_of_structs, offsets};

pub use lineage::Previous;
pub use method::{DBSCAN_CUSTOMERS, SegmentMethod};

use crate::log::PurchaseLog;
use crate::outlook::Outlook;
use crate::segments::choice::{Choice, SMALLEST, choose, silhouette};
use crate::segments::lineage::{Found, Identities};
use crate::segments::method::{Clusters, crowds};
use crate::segments::names::{Label, by_behaviour, by_needs};
use crate::segments::needs::CategorySpend;
use crate::segments::points::Points;
use crate::segments::profile::{Everyone, Profile};
use crate::tempo::Tempo;

/// Share of customers that a DBSCAN crowd must hold at least, else they are outliers.
const SMALLEST_CROWD: f64 = 0.01;
/// "In no segment of this kind" while segments are made.
const NONE: u16 = u16::MAX;

/// How segments are found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SegmentParams {
    /// How many by behaviour; fewer where the shop is too small for segments of at least ten customers. By default chosen.
    pub segments: Option<usize>,
    /// How many by needs, likewise.
    pub needs_segments: Option<usize>,
    /// The algorithm.
    pub method: SegmentMethod,
    /// Seed of the starts and of the bootstrap.
    pub seed: u64,
}

/// What segments are made from.
#[derive(Clone, Copy, Debug)]
pub struct Shop<'a> {
    /// Every customer and item.
    pub log: &'a PurchaseLog,
    /// Each customer in numbers.
    pub tempos: &'a [Tempo],
    /// What each customer is expected to do.
    pub outlooks: &'a [Option<Outlook>],
    /// What each customer bought.
    pub histories: &'a Histories,
    /// What each customer spent on each category; none without categories.
    pub categories: Option<&'a CategorySpend>,
}

/// Segments, and the one each customer belongs to.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// One row a segment.
    pub segments: Segments,
    /// Row of the segment by behaviour of each customer.
    pub of: Vec<u16>,
    /// Row of the segment by needs of each customer; none without categories.
    pub needs_of: Option<Vec<u16>>,
    /// How each kind was found.
    pub summaries: Vec<SegmentationSummary>,
}

/// The clusters of one kind, before they are named.
struct Clustering {
    kind: SegmentKind,
    method: SegmentMethod,
    features: Vec<Feature>,
    choice: Choice,
    /// The segment of each customer: clusters first, then groups that are none.
    of: Vec<u16>,
    clusters: usize,
    groups: Vec<Group>,
    /// Mean feature values of each cluster.
    centres: Vec<Vec<f64>>,
}

/// Customers who are put together without being a cluster.
#[derive(Clone, Copy)]
enum Group {
    /// In no crowd.
    Outliers,
    /// Nothing to go by: no purchase, or none with a category.
    Blank,
}

impl Group {
    fn id(self, kind: SegmentKind) -> String {
        match self {
            Self::Outliers => format!("{}-outliers", kind.letter()),
            Self::Blank => format!("{}0", kind.letter()),
        }
    }

    fn label(self, kind: SegmentKind) -> Label {
        let (name, description) = match (self, kind) {
            (Self::Outliers, _) => ("Outliers", "Customers who are like too few others to be a segment."),
            (Self::Blank, SegmentKind::Behaviour) => ("No purchase yet", "Customers who are known, but have not bought anything so far."),
            (Self::Blank, SegmentKind::Needs) => {
                ("No purchase in a known category", "Customers who have bought nothing, or nothing that has a category.")
            }
        };
        Label { name: name.to_owned(), description: description.to_owned() }
    }
}

impl SegmentParams {
    /// Clusters by behaviour and by needs, and describes what comes out. Ids go on from `previous`.
    pub fn fit(&self, shop: &Shop<'_>, previous: Option<&Previous>) -> Segmentation {
        let everyone = Everyone::new(shop.tempos, shop.outlooks, shop.histories, shop.log.items(), shop.categories);
        let mut made = Vec::new();
        let behaviour = self.behaviour(shop.tempos, true);
        let needs = shop.categories.and_then(|spend| self.needs(spend, shop.tempos));
        let mut rows = Rows::default();
        for clustering in [Some(&behaviour), needs.as_ref()].into_iter().flatten() {
            made.push(rows.add(clustering, &everyone, shop, previous));
        }
        let first_of_needs = behaviour.clusters + behaviour.groups.len();
        let needs_of = needs.map(|needs| needs.of.iter().map(|&of| of + first_of_needs as u16).collect());
        Segmentation { segments: rows.table(shop.categories), of: behaviour.of, needs_of, summaries: made }
    }

    /// The segment by behaviour of each customer and what each segment likes, as [`fit`](Self::fit) finds them, without the rest.
    pub fn favourites(&self, tempos: &[Tempo], histories: &Histories, items: usize) -> (Vec<u16>, Favourites) {
        let clustering = self.behaviour(tempos, false);
        let favourites: Vec<Vec<(u32, u32)>> = members(&clustering.of, clustering.clusters + clustering.groups.len())
            .iter()
            .map(|members| profile::favourites(histories, items, members))
            .collect();
        (clustering.of, Favourites::new(&favourites))
    }

    /// By how lately, how often and for how much they buy, on logarithmic scales: the three that say most, are in every purchase log, and stay where they are
    /// when other customers are drawn.
    fn behaviour(&self, tempos: &[Tempo], beside: bool) -> Clustering {
        let buyers: Vec<usize> = (0..tempos.len()).filter(|&customer| tempos[customer].orders > 0).collect();
        let column = |of: fn(&Tempo) -> f64| buyers.iter().map(|&customer| of(&tempos[customer]).max(0.0).ln_1p()).collect::<Vec<f64>>();
        let columns = [
            ("ln(1 + days_since_last)", column(|tempo| tempo.days_since_last.into())),
            ("ln(1 + purchase_days)", column(|tempo| tempo.purchase_days.into())),
            ("ln(1 + spend)", column(|tempo| tempo.spend)),
        ];
        let (features, points) = scaling::scaled(&columns);
        let kept: Vec<&Vec<f64>> =
            features.iter().filter_map(|feature| Some(&columns.iter().find(|(name, _)| *name == feature.name)?.1)).collect();
        let raw = (!kept.is_empty())
            .then(|| Points::new((0..buyers.len()).flat_map(|row| kept.iter().map(move |column| column[row])).collect(), kept.len()));
        let by_spend = |members: &[u32]| {
            let spend: f64 = members.iter().map(|&member| tempos[buyers[member as usize]].spend).sum();
            spend / members.len().max(1) as f64
        };
        self.cluster(
            SegmentKind::Behaviour,
            self.segments,
            tempos.len(),
            &buyers,
            features,
            points.as_ref(),
            raw.as_ref(),
            beside,
            by_spend,
        )
    }

    /// By what share of their money goes to which category; none where nobody differs.
    fn needs(&self, spend: &CategorySpend, tempos: &[Tempo]) -> Option<Clustering> {
        let buyers: Vec<usize> = (0..tempos.len()).filter(|&customer| !spend.of[customer].is_empty()).collect();
        let needs = needs::needs(spend, &buyers)?;
        let by_size = |members: &[u32]| members.len() as f64;
        let (points, roots) = (Some(&needs.points), Some(&needs.roots));
        Some(self.cluster(SegmentKind::Needs, self.needs_segments, tempos.len(), &buyers, needs.features, points, roots, true, by_size))
    }

    #[allow(clippy::too_many_arguments)]
    fn cluster(
        &self,
        kind: SegmentKind,
        asked: Option<usize>,
        customers: usize,
        buyers: &[usize],
        features: Vec<Feature>,
        points: Option<&Points>,
        raw: Option<&Points>,
        beside: bool,
        worth: impl Fn(&[u32]) -> f64,
    ) -> Clustering {
        let (method, choice, found) = self.look(points, asked, buyers.len(), beside);
        let most = found.iter().flatten().max().map_or(0, |most| *most as usize + 1);
        let mut clusters: Vec<Vec<u32>> = vec![Vec::new(); most];
        for (row, cluster) in (0..).zip(&found) {
            if let Some(cluster) = cluster {
                clusters[*cluster as usize].push(row);
            }
        }
        clusters.retain(|members| !members.is_empty());
        let mut clusters: Vec<(f64, Vec<u32>)> = clusters.into_iter().map(|members| (worth(&members), members)).collect();
        clusters.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut of = vec![NONE; customers];
        let mean = |members: &[u32]| {
            let Some(raw) = raw else { return Vec::new() };
            let mut mean = vec![0.0; raw.dims()];
            for &member in members {
                mean.iter_mut().zip(raw.row(member as usize)).for_each(|(mean, value)| *mean += value / members.len() as f64);
            }
            mean
        };
        for (segment, (_, members)) in clusters.iter().enumerate() {
            members.iter().for_each(|&member| of[buyers[member as usize]] = segment as u16);
        }
        let mut groups = Vec::new();
        let mut put = |group: Group, of: &mut Vec<u16>, rows: Vec<usize>| {
            if !rows.is_empty() {
                rows.into_iter().for_each(|row| of[row] = (clusters.len() + groups.len()) as u16);
                groups.push(group);
            }
        };
        let outliers = buyers.iter().copied().filter(|&customer| of[customer] == NONE).collect();
        put(Group::Outliers, &mut of, outliers);
        let blank = (0..customers).filter(|&customer| of[customer] == NONE).collect();
        put(Group::Blank, &mut of, blank);
        let centres = clusters.iter().map(|(_, members)| mean(members)).collect();
        Clustering { kind, method, features, choice, of, clusters: clusters.len(), groups, centres }
    }

    /// The cluster of each row, `None` for an outlier, and how they came about.
    fn look(&self, points: Option<&Points>, asked: Option<usize>, rows: usize, beside: bool) -> (SegmentMethod, Choice, Vec<Option<u32>>) {
        let one = |why: &str| Choice { clusters: 1, why: why.to_owned(), tried: Vec::new(), notes: Vec::new() };
        let Some(points) = points else { return (self.method, one("the customers do not differ"), vec![Some(0); rows]) };
        if self.method == SegmentMethod::Dbscan {
            let smallest = SMALLEST.max((SMALLEST_CROWD * rows as f64) as usize);
            let found = crowds(points, smallest);
            let outliers = found.iter().filter(|of| of.is_none()).count();
            let inside: Vec<usize> = (0..rows).filter(|&row| found[row].is_some()).collect();
            let of: Vec<u32> = found.iter().flatten().copied().collect();
            let mut choice = one("as many crowds as stand apart");
            choice.notes.push(format!("{outliers} of {rows} customers are outliers: in no crowd of at least {smallest}"));
            if of.iter().any(|cluster| *cluster != of[0]) {
                choice.notes.push(format!("mean silhouette of the others {:.3}", silhouette(&points.select(inside), &of, self.seed)));
            }
            return (self.method, choice, found);
        }
        let mut method = self.method;
        let mut choice = choose(method, points, asked, self.seed, beside);
        let mut fitted = Clusters::fit(method, points, choice.clusters, self.seed);
        if method == SegmentMethod::GaussianMixture
            && (fitted.is_none() || (choice.tried.is_empty() && rows >= 2 * SMALLEST && asked != Some(1)))
        {
            method = SegmentMethod::KMeans;
            choice = choose(method, points, asked, self.seed, beside);
            choice.notes.push("the Gaussian mixture did not fit these customers: k_means instead".to_owned());
            fitted = Clusters::fit(method, points, choice.clusters, self.seed);
        }
        let of = fitted.map_or_else(|| vec![0; rows], |fitted| fitted.predict(points));
        (method, choice, of.into_iter().map(Some).collect())
    }
}

/// The customers of each segment, ascending.
fn members(of: &[u16], segments: usize) -> Vec<Vec<u32>> {
    let mut members = vec![Vec::new(); segments];
    (0..).zip(of).for_each(|(customer, &segment)| members[segment as usize].push(customer));
    members
}

/// The rows of the table as they come together.
#[derive(Default)]
struct Rows {
    ids: Vec<lineage::Identity>,
    kinds: Vec<u8>,
    labels: Vec<Label>,
    profiles: Vec<Profile>,
}

impl Rows {
    /// Describes, names and identifies the segments of one kind.
    fn add(&mut self, found: &Clustering, everyone: &Everyone<'_>, shop: &Shop<'_>, previous: Option<&Previous>) -> SegmentationSummary {
        use rayon::prelude::*;
        let kind = found.kind;
        let members = members(&found.of, found.clusters + found.groups.len());
        let profiles: Vec<Profile> = members.par_iter().map(|members| everyone.profile(members)).collect();
        let whole = everyone.profile(&(0..shop.tempos.len() as u32).collect::<Vec<_>>());
        let categories = shop.categories.map_or(&[][..], |spend| &spend.categories);
        let clusters = &profiles[..found.clusters];
        let mut labels = match kind {
            SegmentKind::Behaviour => by_behaviour(clusters, &whole, categories),
            SegmentKind::Needs => by_needs(clusters, &whole, categories),
        };
        labels.extend(found.groups.iter().map(|group| group.label(kind)));
        let fixed = vec![None; found.clusters].into_iter().chain(found.groups.iter().map(|group| Some(group.id(kind)))).collect();
        let identified = Found { kind, fixed, of: &found.of, features: &found.features, centres: &found.centres };
        let Identities { of: ids, previous, changes, next_id } = identified.identify(previous, shop.log);
        let centres = (0..found.clusters).map(|at| Centre {
            segment_id: ids[at].id.clone(),
            name: labels[at].name.clone(),
            customers: profiles[at].customers,
            values: found.centres[at].clone(),
        });
        let summary = SegmentationSummary {
            kind,
            method: found.method.name().to_owned(),
            features: found.features.clone(),
            clusters: found.clusters as u32,
            why: found.choice.why.clone(),
            tried: found.choice.tried.clone(),
            measured_on: found.of.iter().filter(|of| usize::from(**of) < found.clusters).count().min(choice::MEASURED) as u32,
            notes: found.choice.notes.clone(),
            centres: centres.collect(),
            previous,
            changes,
            next_id,
        };
        self.kinds.extend(vec![SegmentKind::ALL.iter().position(|one| *one == kind).unwrap_or(0) as u8; ids.len()]);
        self.ids.extend(ids);
        self.labels.extend(labels);
        self.profiles.extend(profiles);
        summary
    }

    fn table(self, categories: Option<&CategorySpend>) -> Segments {
        let text = |of: &dyn Fn(usize) -> String| -> StringArray { (0..self.ids.len()).map(|row| Some(of(row))).collect() };
        let number = |of: fn(&Profile) -> f64| -> Float64Array { self.profiles.iter().map(of).collect::<Vec<_>>().into() };
        let maybe = |of: fn(&Profile) -> Option<f64>| Nullable(self.profiles.iter().map(of).collect::<Float64Array>());
        let favourites: Vec<Vec<(u32, u32)>> = self.profiles.iter().map(|profile| profile.favourites.clone()).collect();
        let items = |of: fn(&(u32, u32, f64)) -> u32| -> ArrayRef {
            Arc::new(self.profiles.iter().flat_map(|profile| &profile.over_items).map(of).collect::<UInt32Array>())
        };
        let over = |of: fn(&Profile) -> &Vec<(u32, f64, f64)>, field: fn(&(u32, f64, f64)) -> f64| -> ArrayRef {
            Arc::new(self.profiles.iter().flat_map(of).map(field).collect::<Float64Array>())
        };
        let item_lifts: ArrayRef =
            Arc::new(self.profiles.iter().flat_map(|profile| &profile.over_items).map(|over| over.2).collect::<Float64Array>());
        let name = |category: u32| categories.map_or("", |spend| &spend.categories[category as usize]);
        let names: ArrayRef = Arc::new(
            self.profiles.iter().flat_map(|profile| &profile.over_categories).map(|over| Some(name(over.0))).collect::<StringArray>(),
        );
        Segments {
            segment_id: text(&|row| self.ids[row].id.clone()),
            kind: self.kinds.clone().into(),
            name: text(&|row| self.labels[row].name.clone()),
            description: text(&|row| self.labels[row].description.clone()),
            since: text(&|row| self.ids[row].since.clone()),
            change: text(&|row| self.ids[row].change.clone()),
            from: Nullable(self.ids.iter().map(|id| id.from.clone()).collect()),
            customers: self.profiles.iter().map(|profile| profile.customers).collect::<Vec<_>>().into(),
            mean_purchase_days: number(|profile| profile.purchase_days),
            mean_days_since_last: number(|profile| profile.days_since_last),
            mean_gap_days: number(|profile| profile.gap_days),
            mean_spend: number(|profile| profile.spend),
            mean_spend_a_day: number(|profile| profile.spend_a_day),
            mean_distinct_items: number(|profile| profile.distinct_items),
            mean_distinct_categories: number(|profile| profile.distinct_categories),
            bought_once: number(|profile| profile.bought_once),
            total_spend: number(|profile| profile.total_spend),
            mean_churn_probability: maybe(|profile| profile.churn),
            mean_expected_spend: maybe(|profile| profile.expected_spend),
            total_expected_spend: maybe(|profile| profile.total_expected_spend),
            favourites: Favourites::new(&favourites).to_list(),
            over_items: list_of_structs(
                offsets(self.profiles.iter().map(|profile| profile.over_items.len())),
                vec![("item", items(|over| over.0)), ("buyers", items(|over| over.1)), ("lift", item_lifts)],
            ),
            over_categories: list_of_structs(
                offsets(self.profiles.iter().map(|profile| profile.over_categories.len())),
                vec![
                    ("category", names),
                    ("share", over(|profile| &profile.over_categories, |over| over.1)),
                    ("lift", over(|profile| &profile.over_categories, |over| over.2)),
                ],
            ),
        }
    }
}
