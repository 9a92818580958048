//! Choice: how many clusters. Silhouette alone always takes two; here stability and a useful smallest size have a say as well.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use shopkeeper_models::segments::Tried;

use super::method::{Clusters, SegmentMethod};
use super::points::{Points, squared_distance};

/// Customers that the numbers of clusters are tried on.
pub(super) const MEASURED: usize = 10_000;
/// Customers that the silhouette is taken over.
const SILHOUETTE_ROWS: usize = 4_000;
/// Bootstrap samples for k-means; every pair of them is compared.
const RESAMPLES: u64 = 20;
/// Bootstrap samples for a mixture, which takes longer.
const MIXTURE_RESAMPLES: u64 = 6;
/// Numbers that are tried when none is given.
const TRIED: std::ops::RangeInclusive<usize> = 2..=10;
/// Numbers that a marketer can work with.
const HANDY: std::ops::RangeInclusive<u32> = 4..=8;
/// Stability from which on a number can be relied on.
const STABLE: f64 = 0.85;
/// Share of customers from which on a cluster is worth a name.
const SMALLEST_SHARE: f64 = 0.03;
/// Customers that a cluster must hold on average. The smallest one may hold half as many.
pub(super) const SMALLEST: usize = 10;

/// A number of clusters, and why.
pub(super) struct Choice {
    pub(super) clusters: usize,
    pub(super) why: String,
    pub(super) tried: Vec<Tried>,
    pub(super) notes: Vec<String>,
}

/// Tries every number that the customers suffice for, or only the one that was asked for; `beside` it, a mixture of the chosen number is measured.
pub(super) fn choose(method: SegmentMethod, points: &Points, asked: Option<usize>, seed: u64, beside: bool) -> Choice {
    let most = points.len() / SMALLEST;
    let alone = |why: String| Choice { clusters: 1, why, tried: Vec::new(), notes: Vec::new() };
    if let Some(1) = asked {
        return alone("as asked for".to_owned());
    }
    if most < 2 {
        return alone(format!("{} customers: too few for segments of at least {SMALLEST}", points.len()));
    }
    let sample = points.sample(MEASURED, seed);
    let measure_one = |clusters: usize| measure(method, &sample, clusters, seed);
    let mut tried: Vec<Tried> = match asked {
        // fewer where fewer customers differ
        Some(asked) => (2..=asked.min(most)).rev().find_map(measure_one).into_iter().collect(),
        None => TRIED.filter(|&clusters| clusters <= most).filter_map(measure_one).collect(),
    };
    let (at, why) = match (asked, tried.len()) {
        (_, 0) => return alone("the customers do not differ".to_owned()),
        (Some(asked), _) if asked > most => (0, format!("asked for {asked}: {most} is the most for segments of {SMALLEST} customers")),
        (Some(_), _) => (0, "as asked for".to_owned()),
        (None, _) => match best(&tried, sample.len()) {
            Some(best) => best,
            None => return Choice { tried, ..alone("every number would leave a cluster too small to be of use".to_owned()) },
        },
    };
    let clusters = tried[at].clusters as usize;
    tried[at].chosen = true;
    let mut notes = Vec::new();
    if beside
        && method == SegmentMethod::KMeans
        && let Some(mixture) = measure(SegmentMethod::GaussianMixture, &sample, clusters, seed)
    {
        if mixture.stability > tried[at].stability && mixture.silhouette >= tried[at].silhouette {
            notes.push(format!(
                "a Gaussian mixture of {clusters} is more stable ({:.2} against {:.2}) and at least as far apart ({:.2} against {:.2}): consider --segment-method gaussian_mixture",
                mixture.stability, tried[at].stability, mixture.silhouette, tried[at].silhouette
            ));
        }
        tried.push(mixture);
    }
    Choice { clusters, why, tried, notes }
}

/// The row to use: of the handy numbers that are stable with a useful smallest cluster, the one with the highest silhouette x stability; else of the other
/// stable ones; else the most stable; none where every number leaves too small a cluster.
fn best(tried: &[Tried], customers: usize) -> Option<(usize, String)> {
    let useful = |row: &Tried| row.smallest_share >= SMALLEST_SHARE.max(SMALLEST as f64 / 2.0 / customers as f64);
    let stable = |row: &Tried| useful(row) && row.stability >= STABLE;
    let handy = |row: &Tried| stable(row) && HANDY.contains(&row.clusters);
    let more_than_two = |row: &Tried| stable(row) && row.clusters > 2;
    let of = |keeps: &dyn Fn(&Tried) -> bool, worth: fn(&Tried) -> f64| {
        let kept = (0..tried.len()).filter(|&at| keeps(&tried[at]));
        kept.max_by(|&a, &b| worth(&tried[a]).total_cmp(&worth(&tried[b])).then(b.cmp(&a)))
    };
    let product: fn(&Tried) -> f64 = |row| row.silhouette.max(0.0) * row.stability;
    let (from, to) = (HANDY.start(), HANDY.end());
    let share = 100.0 * SMALLEST_SHARE;
    if let Some(at) = of(&handy, product) {
        let why = format!(
            "the best silhouette x stability of {from} to {to} clusters with a stability of {STABLE} or more and no cluster below {share:.0} %"
        );
        return Some((at, why));
    }
    if let Some(at) = of(&more_than_two, product).or_else(|| of(&stable, product)) {
        let why = format!(
            "no number from {from} to {to} has a stability of {STABLE} and no cluster below {share:.0} %; of the others that do, the best silhouette x stability"
        );
        return Some((at, why));
    }
    let at = of(&useful, |row| row.stability)?;
    Some((at, format!("no number has a stability of {STABLE}: the most stable one; take these segments with care")))
}

/// Fits once on all points and once on each bootstrap sample.
fn measure(method: SegmentMethod, points: &Points, clusters: usize, seed: u64) -> Option<Tried> {
    let fitted = Clusters::fit(method, points, clusters, seed)?;
    let of = fitted.predict(points);
    let sizes = sizes(&of);
    let used = sizes.iter().filter(|&&size| size > 0).count();
    if used < 2 || (method == SegmentMethod::KMeans && used < clusters) {
        return None;
    }
    let n = points.len();
    let resamples = if method == SegmentMethod::GaussianMixture { MIXTURE_RESAMPLES } else { RESAMPLES };
    let again = |resample: u64| {
        // far from the seeds of other runs, so that another seed means other samples
        let seed = seed.wrapping_add((1 + resample).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let rows: Vec<usize> = (0..n).map(|_| random.gen_range(0..n)).collect();
        Some(Clusters::fit(method, &points.select(rows), clusters, seed)?.predict(points))
    };
    let again: Vec<Vec<u32>> = (0..resamples).into_par_iter().filter_map(again).collect();
    let pairs: Vec<(usize, usize)> = (0..again.len()).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    let agreements: Vec<f64> = pairs.par_iter().map(|&(a, b)| adjusted_rand(&again[a], &again[b])).collect();
    Some(Tried {
        method: method.name().to_owned(),
        clusters: clusters as u32,
        silhouette: silhouette(points, &of, seed),
        stability: if agreements.is_empty() { 0.0 } else { agreements.iter().sum::<f64>() / agreements.len() as f64 },
        smallest_share: sizes.iter().filter(|&&size| size > 0).min().map_or(0.0, |&least| least as f64 / n as f64),
        inertia: inertia(points, &of, sizes.len()),
        chosen: false,
    })
}

fn sizes(of: &[u32]) -> Vec<usize> {
    let mut sizes = vec![0; of.iter().max().map_or(0, |&most| most as usize + 1)];
    of.iter().for_each(|&cluster| sizes[cluster as usize] += 1);
    sizes
}

/// Sum of squared distances to the mean of the own cluster.
fn inertia(points: &Points, of: &[u32], clusters: usize) -> f64 {
    let (dims, sizes) = (points.dims(), sizes(of));
    let mut means = vec![0.0; clusters * dims];
    for (row, &cluster) in points.rows().zip(of) {
        let at = cluster as usize;
        means[at * dims..(at + 1) * dims].iter_mut().zip(row).for_each(|(mean, value)| *mean += value / sizes[at] as f64);
    }
    points.rows().zip(of).map(|(row, &cluster)| squared_distance(row, &means[cluster as usize * dims..(cluster as usize + 1) * dims])).sum()
}

/// Mean over customers of (b - a) / max(a, b): a the mean distance to the own cluster, b that to the nearest other one; 0 for a cluster of one.
pub(super) fn silhouette(points: &Points, of: &[u32], seed: u64) -> f64 {
    let mut rows: Vec<usize> = (0..points.len()).collect();
    if rows.len() > SILHOUETTE_ROWS {
        rows = rand::seq::index::sample(&mut Xoshiro256PlusPlus::seed_from_u64(seed), points.len(), SILHOUETTE_ROWS).into_vec();
        rows.sort_unstable();
    }
    let (points, of) = (points.select(rows.iter().copied()), rows.iter().map(|&row| of[row]).collect::<Vec<_>>());
    let sizes = sizes(&of);
    let one = |row: usize| {
        let mut sums = vec![0.0; sizes.len()];
        for (other, &cluster) in points.rows().zip(&of) {
            sums[cluster as usize] += squared_distance(points.row(row), other).sqrt();
        }
        let own = of[row] as usize;
        if sizes[own] < 2 {
            return 0.0;
        }
        let a = sums[own] / (sizes[own] - 1) as f64;
        let others = (0..sizes.len()).filter(|&cluster| cluster != own && sizes[cluster] > 0);
        let b = others.map(|cluster| sums[cluster] / sizes[cluster] as f64).fold(f64::INFINITY, f64::min);
        if b.is_finite() && a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
    };
    let each: Vec<f64> = (0..points.len()).into_par_iter().map(one).collect();
    each.iter().sum::<f64>() / each.len().max(1) as f64
}

/// The adjusted Rand index (Hubert & Arabie 1985) of two clusterings of the same rows: 1 = the same, 0 = as alike as chance makes them.
///
/// Example: {a, b | c, d} and {a, b | c | d} share one pair of two and one: (1 - 1/3) / (3/2 - 1/3) = 0.571.
pub fn adjusted_rand(a: &[u32], b: &[u32]) -> f64 {
    let (rows, columns) = (sizes(a), sizes(b));
    let mut cells = vec![0_usize; rows.len() * columns.len()];
    a.iter().zip(b).for_each(|(&a, &b)| cells[a as usize * columns.len() + b as usize] += 1);
    let pairs = |sizes: &[usize]| sizes.iter().map(|&size| size as f64 * (size as f64 - 1.0) / 2.0).sum::<f64>();
    let (both, of_a, of_b) = (pairs(&cells), pairs(&rows), pairs(&columns));
    let all = pairs(&[a.len()]);
    let expected = if all > 0.0 { of_a * of_b / all } else { 0.0 };
    let most = (of_a + of_b) / 2.0;
    if most - expected > 0.0 { (both - expected) / (most - expected) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rand_index_is_that_of_the_paper() {
        assert_eq!(adjusted_rand(&[0, 0, 1, 1], &[5, 5, 2, 2]), 1.0);
        assert!((adjusted_rand(&[0, 0, 1, 1], &[0, 0, 1, 2]) - 4.0 / 7.0).abs() < 1e-12);
        assert!(adjusted_rand(&[0, 1, 0, 1], &[0, 0, 1, 1]) < 0.0, "less alike than chance");
        assert_eq!(adjusted_rand(&[0, 0], &[0, 0]), 1.0);
    }

    #[test]
    fn the_silhouette_of_two_pairs() {
        // 0, 1 | 10, 11: a = 1, b = 10.5 and 9.5
        let points = Points::new(vec![0.0, 1.0, 10.0, 11.0], 1);
        let expected = (9.5 / 10.5 + 8.5 / 9.5) / 2.0;
        assert!((silhouette(&points, &[0, 0, 1, 1], 1) - expected).abs() < 1e-12);
    }

    #[test]
    fn five_crowds_are_found_although_two_have_the_better_silhouette() {
        // two far groups of two and three crowds
        let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
        let middles = [[0.0, 0.0], [4.0, 0.0], [40.0, 0.0], [44.0, 0.0], [42.0, 4.0]];
        let values = (0..400).flat_map(|row| {
            let [x, y] = middles[row % 5];
            [x + random.gen_range(-0.9..0.9), y + random.gen_range(-0.9..0.9)]
        });
        let choice = choose(SegmentMethod::KMeans, &Points::new(values.collect(), 2), None, 1, true);
        assert_eq!(choice.clusters, 5, "{:?}", choice.tried);
        let two = choice.tried.iter().find(|row| row.clusters == 2).expect("tried");
        let five = choice.tried.iter().find(|row| row.chosen).expect("chosen");
        assert!(two.silhouette > five.silhouette && five.stability > 0.99, "{:?}", choice.tried);
    }

    #[test]
    fn too_few_customers_are_one_segment() {
        assert_eq!(choose(SegmentMethod::KMeans, &Points::new((0..19).map(f64::from).collect(), 1), None, 1, false).clusters, 1);
        let asked = choose(SegmentMethod::KMeans, &Points::new((0..35).map(f64::from).collect(), 1), Some(8), 1, false);
        assert_eq!(asked.clusters, 3);
        assert!(asked.why.contains("asked for 8"), "{}", asked.why);
    }
}
