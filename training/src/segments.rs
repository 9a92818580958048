//! Segments: k-means (linfa) over standardised behaviour, named by what sets each apart.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use ndarray::{Array1, Array2, Axis};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::histories::Histories;
use shopkeeper_models::items::RECENT_DAYS;
use shopkeeper_models::segments::Segments;
use shopkeeper_models::table::{list_of_structs, offsets};

use crate::outlook::Outlook;
use crate::tempo::Tempo;

/// Favourites kept a segment.
const FAVOURITES: usize = 100;
/// Fewer customers than this are no segment.
const SMALLEST: usize = 10;

/// How segments are found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SegmentParams {
    /// How many; fewer where the shop is too small for segments of at least ten customers. Default 5.
    pub segments: usize,
    /// Seed of the k-means starts.
    pub seed: u64,
}

/// Segments, and the one each customer belongs to.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// One row a segment, highest mean spend first.
    pub segments: Segments,
    /// Row of the segment of each customer.
    pub of: Vec<u16>,
}

impl SegmentParams {
    /// Clusters the customers with orders; prospects join the cluster nearest to no behaviour at all.
    pub fn fit(&self, tempos: &[Tempo], outlooks: &[Option<Outlook>], histories: &Histories, items: usize) -> Segmentation {
        let buyers = tempos.iter().filter(|tempo| tempo.orders > 0).count();
        let k = self.segments.min(buyers / SMALLEST).max(1);
        let assigned = standardised(tempos).and_then(|points| self.cluster(points, tempos, k)).unwrap_or_else(|| vec![0; tempos.len()]);
        let mean_spend =
            |segment: usize| mean(tempos.iter().zip(&assigned).filter(|(_, of)| **of == segment).map(|(tempo, _)| tempo.spend));
        let mut order: Vec<usize> = (0..k).filter(|segment| assigned.contains(segment)).collect();
        order.sort_by(|&a, &b| mean_spend(b).total_cmp(&mean_spend(a)).then(a.cmp(&b)));
        let of: Vec<u16> = assigned.iter().map(|of| order.iter().position(|segment| segment == of).unwrap_or(0) as u16).collect();
        Segmentation { segments: describe(tempos, outlooks, &of, order.len(), histories, items), of }
    }

    fn cluster(&self, points: Array2<f64>, tempos: &[Tempo], k: usize) -> Option<Vec<usize>> {
        let buyers: Vec<usize> = (0..tempos.len()).filter(|&customer| tempos[customer].orders > 0).collect();
        let data = DatasetBase::from(points.select(Axis(0), &buyers));
        let fitted = KMeans::params_with_rng(k, Xoshiro256Plus::seed_from_u64(self.seed))
            .n_runs(5)
            .max_n_iterations(100)
            .tolerance(1e-4)
            .fit(&data)
            .ok()?;
        let assigned: Array1<usize> = fitted.predict(&points);
        Some(assigned.to_vec())
    }
}

/// Behaviour on log scales, each column with mean 0 and standard deviation 1 over the customers with orders.
fn standardised(tempos: &[Tempo]) -> Option<Array2<f64>> {
    let behaviour = |tempo: &Tempo| {
        [
            f64::from(tempo.purchase_days),
            f64::from(tempo.days_since_last),
            tempo.gap_days,
            tempo.spend.max(0.0),
            f64::from(tempo.distinct_items),
        ]
        .map(f64::ln_1p)
    };
    let mut points = Array2::from_shape_vec((tempos.len(), 5), tempos.iter().flat_map(behaviour).collect()).ok()?;
    let buyers: Vec<usize> = (0..tempos.len()).filter(|&customer| tempos[customer].orders > 0).collect();
    let seen = points.select(Axis(0), &buyers);
    let (means, deviations) = (seen.mean_axis(Axis(0))?, seen.std_axis(Axis(0), 0.0));
    points -= &means;
    points /= &deviations.mapv(|deviation| if deviation > 1e-9 { deviation } else { 1.0 });
    Some(points)
}

fn describe(tempos: &[Tempo], outlooks: &[Option<Outlook>], of: &[u16], k: usize, histories: &Histories, items: usize) -> Segments {
    let members = |segment: usize| (0..tempos.len()).filter(move |&customer| of[customer] as usize == segment);
    let means = |field: fn(&Tempo) -> f64| -> Vec<f64> {
        (0..k).map(|segment| mean(members(segment).map(|customer| &tempos[customer]).filter(|tempo| tempo.orders > 0).map(field))).collect()
    };
    let purchase_days = means(|tempo| tempo.purchase_days.into());
    let days_since_last = means(|tempo| tempo.days_since_last.into());
    let spend = means(|tempo| tempo.spend);
    let churn: Vec<f64> =
        (0..k).map(|segment| mean(members(segment).filter_map(|customer| Some(outlooks[customer]?.churn_probability)))).collect();
    let names: Vec<String> = (0..k).map(|segment| name(segment, &purchase_days, &days_since_last, &spend)).collect();
    let describe = |segment: usize| {
        format!(
            "On average {:.0} purchase days, the last one {:.0} days ago, {:.2} spent.",
            purchase_days[segment], days_since_last[segment], spend[segment]
        )
    };
    let favourites: Vec<Vec<(u32, u32)>> = (0..k).map(|segment| favourites(members(segment), histories, items)).collect();
    let entries = |field: fn(&(u32, u32)) -> u32| -> ArrayRef { Arc::new(favourites.iter().flatten().map(field).collect::<UInt32Array>()) };
    Segments {
        segment_id: (1..=k).map(|segment| Some(format!("s{segment}"))).collect(),
        name: names.into_iter().map(Some).collect(),
        description: (0..k).map(|segment| Some(describe(segment))).collect(),
        customers: (0..k).map(|segment| Some(members(segment).count() as u32)).collect(),
        mean_purchase_days: purchase_days.into(),
        mean_days_since_last: days_since_last.into(),
        mean_spend: spend.into(),
        mean_churn_probability: churn.into(),
        favourites: list_of_structs(
            offsets(favourites.iter().map(Vec::len)),
            vec![("item", entries(|entry| entry.0)), ("buyers", entries(|entry| entry.1))],
        ),
    }
}

/// A name from the segment's place among the others; a number is added where two would be alike.
fn name(segment: usize, purchase_days: &[f64], days_since_last: &[f64], spend: &[f64]) -> String {
    let base = |segment: usize| {
        let rank = |values: &[f64], word: [&'static str; 3]| {
            let below = values.iter().filter(|&&value| value < values[segment]).count();
            word[(3 * below / values.len()).min(2)]
        };
        if spend.len() == 1 {
            return "All customers".to_owned();
        }
        let pace = rank(purchase_days, ["rare", "occasional", "frequent"]);
        let silence = rank(days_since_last, ["seen lately", "seen some time ago", "long unseen"]);
        let value = rank(spend, ["low spend", "medium spend", "high spend"]);
        let name = format!("{pace}, {silence}, {value}");
        name[..1].to_uppercase() + &name[1..]
    };
    let same = (0..segment).filter(|&other| base(other) == base(segment)).count();
    if same > 0 { format!("{} ({})", base(segment), same + 1) } else { base(segment) }
}

/// The items most customers of a segment bought lately.
fn favourites(members: impl Iterator<Item = usize>, histories: &Histories, items: usize) -> Vec<(u32, u32)> {
    let mut buyers = vec![0_u32; items];
    for customer in members {
        for bought in
            histories.of(CustomerIx(customer as u32)).filter(|bought| bought.orders > 0 && bought.days_since_last < RECENT_DAYS as u32)
        {
            buyers[bought.item.row()] += 1;
        }
    }
    let mut ranked: Vec<(u32, u32)> = (0_u32..).zip(buyers).filter(|&(_, buyers)| buyers > 0).collect();
    ranked.sort_unstable_by_key(|&(item, buyers)| (std::cmp::Reverse(buyers), item));
    ranked.truncate(FAVOURITES);
    ranked
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    if n > 0 { sum / f64::from(n) } else { 0.0 }
}
