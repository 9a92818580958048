//! Methods: the algorithms that can look for clusters, and what they found.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict, Transformer};
use linfa_clustering::{Dbscan, GaussianMixtureModel};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

use super::k_means::{KMeans, KMeansParams};
use super::points::{Points, squared_distance};

/// Rows that a Gaussian mixture is fitted on; the others are predicted.
const MIXTURE_ROWS: usize = 10_000;
/// Customers up to which DBSCAN is offered: it looks at the neighbourhood of every one.
pub const DBSCAN_CUSTOMERS: usize = 50_000;
/// Rows whose neighbours decide how near DBSCAN takes for near.
const DBSCAN_PROBES: usize = 1_000;
/// Share of customers who are near enough to their neighbours to count as crowded.
const DBSCAN_CROWDED: f64 = 0.9;

/// How clusters are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentMethod {
    /// Round clusters of equal width. Any number of customers.
    #[default]
    KMeans,
    /// Clusters of any width and slant, by expectation maximisation; each customer in the most probable one.
    GaussianMixture,
    /// Crowds of any shape; who stands in none is an outlier. Finds the number of clusters itself. OPTICS would give an order of the customers, of
    /// which one distance makes these very crowds.
    Dbscan,
}

impl SegmentMethod {
    /// The name in settings and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::KMeans => "k_means",
            Self::GaussianMixture => "gaussian_mixture",
            Self::Dbscan => "dbscan",
        }
    }
}

/// Clusters that can be asked whose a row is.
pub(super) enum Clusters {
    Centres(KMeans),
    Mixture(Box<GaussianMixtureModel<f64>>),
}

impl Clusters {
    /// So many clusters by k-means or as a mixture; none where the mixture does not fit. Fewer may hold rows: only what
    /// [`predict`](Self::predict) says counts.
    pub(super) fn fit(method: SegmentMethod, points: &Points, clusters: usize, seed: u64) -> Option<Self> {
        if method != SegmentMethod::GaussianMixture {
            return Some(Self::Centres(KMeansParams::new(clusters, seed).fit(points)));
        }
        let sample = points.sample(MIXTURE_ROWS, seed);
        // a smaller ridge first: what is not positive definite with it may be with more
        [1e-4, 1e-2].into_iter().find_map(|ridge| {
            let fitted = GaussianMixtureModel::params_with_rng(clusters, Xoshiro256Plus::seed_from_u64(seed))
                .n_runs(2)
                .max_n_iterations(200)
                .tolerance(1e-3)
                .reg_covariance(ridge)
                .fit(&DatasetBase::from(sample.view().to_owned()));
            let finite =
                |mixture: &GaussianMixtureModel<f64>| mixture.means().iter().chain(mixture.weights()).all(|value| value.is_finite());
            fitted.ok().filter(finite).map(|mixture| Self::Mixture(Box::new(mixture)))
        })
    }

    /// The cluster of each row.
    pub(super) fn predict(&self, points: &Points) -> Vec<u32> {
        match self {
            Self::Centres(fitted) => fitted.predict(points),
            Self::Mixture(mixture) => {
                let blocks: Vec<usize> = (0..points.len()).step_by(4096).collect();
                let block = |&start: &usize| {
                    let rows = points.select(start..points.len().min(start + 4096));
                    let found = mixture.predict(rows.view().to_owned());
                    found.targets.into_iter().map(|cluster| cluster as u32).collect::<Vec<_>>()
                };
                blocks.par_iter().flat_map_iter(block).collect()
            }
        }
    }
}

/// The crowd of each row, by DBSCAN (Ester et al. 1996), `None` for an outlier; crowds of fewer than `smallest` rows are outliers too. Near is what nine of ten
/// customers are to their neighbours.
pub(super) fn crowds(points: &Points, smallest: usize) -> Vec<Option<u32>> {
    let neighbours = (2 * points.dims()).max((points.len() as f64).ln().ceil() as usize).max(4);
    let probes = points.sample(DBSCAN_PROBES, 1);
    let mut reach: Vec<f64> = (0..probes.len())
        .into_par_iter()
        .map(|probe| {
            let mut distances: Vec<f64> = points.rows().map(|row| squared_distance(row, probes.row(probe))).collect();
            let at = neighbours.min(distances.len() - 1);
            distances.select_nth_unstable_by(at, f64::total_cmp).1.sqrt()
        })
        .collect();
    reach.sort_unstable_by(f64::total_cmp);
    let near = reach.get((reach.len() as f64 * DBSCAN_CROWDED) as usize).copied().unwrap_or(0.0).max(1e-6);
    let found = Dbscan::params(neighbours).tolerance(near).transform(&points.view());
    let found: Vec<Option<usize>> = found.map_or_else(|_| vec![None; points.len()], |found| found.to_vec());
    let mut sizes = vec![0_usize; found.iter().flatten().max().map_or(0, |most| most + 1)];
    found.iter().flatten().for_each(|&crowd| sizes[crowd] += 1);
    found.into_iter().map(|crowd| crowd.filter(|&crowd| sizes[crowd] >= smallest).map(|crowd| crowd as u32)).collect()
}
