//! k-means: Lloyd's algorithm over blocks of rows, from k-means++ starts.
//!
//! Of our own because linfa's takes several times as long on a million customers (`cargo bench --bench segments -- --k-means` prints both beside
//! scikit-learn). Sums are taken block by block and added in the order of the blocks, so that the result does not depend on the threads.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::points::{Points, squared_distance};

/// Rows that one thread looks at in one go.
const BLOCK: usize = 4096;
/// Centres that are compared at once: what the compiler turns into vector instructions.
const LANES: usize = 8;
/// Rows beyond which the starts are tried on a sample of so many.
const START_ROWS: usize = 20_000;

/// How clusters are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KMeansParams {
    /// Clusters, at least 1; fewer come out where fewer rows differ.
    pub clusters: usize,
    /// Starts, of which the one with the lowest inertia counts. Default 5.
    pub starts: usize,
    /// Most steps. Default 300.
    pub max_iterations: usize,
    /// Sum of the centres' squared shifts, over the mean variance of a column, at which they stand still. Default 1e-4, as in scikit-learn.
    pub tolerance: f64,
    /// Seed of the starts.
    pub seed: u64,
}

/// Centres, and how they were come by.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// One row a cluster.
    pub centres: Points,
    /// Sum of squared distances to the nearest centre.
    pub inertia: f64,
    /// Steps of the last run.
    pub iterations: usize,
    /// Whether the centres stood still within them.
    pub converged: bool,
}

impl KMeansParams {
    /// So many clusters, the defaults for the rest.
    pub fn new(clusters: usize, seed: u64) -> Self {
        Self { clusters, starts: 5, max_iterations: 300, tolerance: 1e-4, seed }
    }

    /// Clusters the rows, of which there must be at least one. Values must be finite.
    pub fn fit(&self, points: &Points) -> KMeans {
        let sample = points.sample(START_ROWS, self.seed);
        let still = self.tolerance * mean_variance(&sample);
        let start = |start: u64| {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed.wrapping_add(start));
            self.run(&sample, plus_plus(&sample, self.clusters, &mut random), still)
        };
        let mut best = start(0);
        for run in (1..self.starts.max(1) as u64).map(start) {
            if run.inertia < best.inertia {
                best = run;
            }
        }
        if sample.len() == points.len() { best } else { self.run(points, best.centres, still) }
    }

    /// Lloyd's algorithm (1982) from given centres.
    fn run(&self, points: &Points, mut centres: Points, still: f64) -> KMeans {
        let dims = points.dims();
        for iteration in 1..=self.max_iterations.max(1) {
            let Sums { sums, counts, inertia } = sums(points, &centres);
            let moved: Vec<f64> = sums
                .chunks_exact(dims)
                .zip(&counts)
                .filter(|(_, count)| **count > 0)
                .flat_map(|(sum, &count)| sum.iter().map(move |sum| sum / count as f64))
                .collect();
            let moved = Points::new(moved, dims);
            let stayed = moved.len() == centres.len();
            let shift: f64 = if stayed { squared_distance(moved.values(), centres.values()) } else { f64::INFINITY };
            centres = moved;
            if shift <= still {
                let inertia = if shift == 0.0 { inertia } else { self::sums(points, &centres).inertia };
                return KMeans { centres, inertia, iterations: iteration, converged: true };
            }
        }
        let inertia = sums(points, &centres).inertia;
        KMeans { centres, inertia, iterations: self.max_iterations, converged: false }
    }
}

impl KMeans {
    /// The nearest centre of each row, the lower one where two are equally near.
    pub fn predict(&self, points: &Points) -> Vec<u32> {
        let table = Table::new(&self.centres);
        points.values().par_chunks(BLOCK * points.dims()).flat_map_iter(|block| table.rows(block).map(|(centre, _)| centre)).collect()
    }
}

struct Sums {
    sums: Vec<f64>,
    counts: Vec<u64>,
    inertia: f64,
}

/// The sum and the number of the rows nearest to each centre.
fn sums(points: &Points, centres: &Points) -> Sums {
    let (dims, k) = (points.dims(), centres.len());
    let table = Table::new(centres);
    let block = |block: &[f64]| {
        let mut part = Sums { sums: vec![0.0; k * dims], counts: vec![0; k], inertia: 0.0 };
        for ((centre, distance), row) in table.rows(block).zip(block.chunks_exact(dims)) {
            let at = centre as usize;
            part.counts[at] += 1;
            part.inertia += distance;
            part.sums[at * dims..(at + 1) * dims].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        part
    };
    let parts: Vec<Sums> = points.values().par_chunks(BLOCK * dims).map(block).collect();
    let mut all = Sums { sums: vec![0.0; k * dims], counts: vec![0; k], inertia: 0.0 };
    for part in parts {
        all.sums.iter_mut().zip(part.sums).for_each(|(all, part)| *all += part);
        all.counts.iter_mut().zip(part.counts).for_each(|(all, part)| *all += part);
        all.inertia += part.inertia;
    }
    all
}

/// Centres, [`LANES`] beside each other: |x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x c), and the bracket decides.
struct Table {
    groups: Vec<([f64; LANES], Vec<[f64; LANES]>)>,
    dims: usize,
}

impl Table {
    fn new(centres: &Points) -> Self {
        let dims = centres.dims();
        let group = |first: usize| {
            let (mut halves, mut columns) = ([f64::INFINITY; LANES], vec![[0.0; LANES]; dims]);
            for lane in 0..LANES.min(centres.len() - first) {
                let centre = centres.row(first + lane);
                halves[lane] = centre.iter().map(|c| c * c).sum::<f64>() / 2.0;
                columns.iter_mut().zip(centre).for_each(|(column, c)| column[lane] = *c);
            }
            (halves, columns)
        };
        Self { groups: (0..centres.len()).step_by(LANES).map(group).collect(), dims }
    }

    /// The nearest centre of each row of a block, and the squared distance.
    fn rows<'a>(&'a self, block: &'a [f64]) -> impl Iterator<Item = (u32, f64)> + 'a {
        block.chunks_exact(self.dims).map(|row| {
            let (mut nearest, mut least) = (0, f64::INFINITY);
            for (group, (halves, columns)) in self.groups.iter().enumerate() {
                let mut scores = *halves;
                for (x, column) in row.iter().zip(columns) {
                    for lane in 0..LANES {
                        scores[lane] -= x * column[lane];
                    }
                }
                for (lane, &score) in scores.iter().enumerate() {
                    if score < least {
                        (nearest, least) = (group * LANES + lane, score);
                    }
                }
            }
            let norm: f64 = row.iter().map(|x| x * x).sum();
            (nearest as u32, (norm + 2.0 * least).max(0.0))
        })
    }
}

/// Greedy k-means++ (Arthur & Vassilvitskii 2007): each next centre is the best of a few rows drawn by their squared distance to those before it.
/// Fewer centres where no other row differs.
fn plus_plus(points: &Points, clusters: usize, random: &mut Xoshiro256PlusPlus) -> Points {
    let trials = 2 + (clusters as f64).ln() as usize;
    let distances_to = |row: usize, before: &[f64]| -> Vec<f64> {
        let to = points.row(row);
        points.rows().zip(before).map(|(row, &before)| squared_distance(row, to).min(before)).collect()
    };
    let first = random.gen_range(0..points.len());
    let mut chosen = vec![first];
    let mut distances = distances_to(first, &vec![f64::INFINITY; points.len()]);
    while chosen.len() < clusters {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            break;
        }
        let draw = |random: &mut Xoshiro256PlusPlus| {
            let mut left = random.gen_range(0.0..1.0) * total;
            let drawn = distances.iter().position(|distance| {
                left -= distance;
                left < 0.0
            });
            // rounding may leave a crumb at the end: then the farthest row
            drawn
                .filter(|&row| distances[row] > 0.0)
                .unwrap_or_else(|| (0..distances.len()).max_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(b.cmp(&a))).unwrap_or(0))
        };
        let drawn: Vec<usize> = (0..trials).map(|_| draw(random)).collect();
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for row in drawn {
            let left = distances_to(row, &distances);
            let sum = left.iter().sum();
            if best.as_ref().is_none_or(|(least, _, _)| sum < *least) {
                best = Some((sum, row, left));
            }
        }
        let Some((_, row, left)) = best else { break };
        chosen.push(row);
        distances = left;
    }
    points.select(chosen)
}

/// The mean of the columns' variances.
fn mean_variance(points: &Points) -> f64 {
    let n = points.len().max(1) as f64;
    let variance = |column: usize| {
        let mean = points.rows().map(|row| row[column]).sum::<f64>() / n;
        points.rows().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / n
    };
    (0..points.dims()).map(variance).sum::<f64>() / points.dims().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four squares of 25 points each, their middles 10 apart.
    fn squares() -> Points {
        let corner = |square: usize| (10.0 * (square % 2) as f64, 10.0 * (square / 2) as f64);
        let at = |point: usize| {
            let ((x, y), small) = (corner(point / 25), point % 25);
            [x + (small % 5) as f64 / 5.0 - 0.4, y + (small / 5) as f64 / 5.0 - 0.4]
        };
        Points::new((0..100).flat_map(at).collect(), 2)
    }

    #[test]
    fn plain_squares_are_found_with_their_inertia() {
        let points = squares();
        let fitted = KMeansParams::new(4, 1).fit(&points);
        assert!(fitted.converged);
        let mut middles: Vec<[i64; 2]> = fitted.centres.rows().map(|row| [row[0].round() as i64, row[1].round() as i64]).collect();
        middles.sort_unstable();
        assert_eq!(middles, [[0, 0], [0, 10], [10, 0], [10, 10]]);
        // 25 points a square on a grid of 0.2: per axis a variance of 0.08
        assert!((fitted.inertia - 100.0 * 0.16).abs() < 1e-9, "{}", fitted.inertia);
        let of = fitted.predict(&points);
        assert!((0..4).all(|square| of[square * 25..(square + 1) * 25].iter().all(|&one| one == of[square * 25])));
    }

    #[test]
    fn the_fast_path_gives_the_plain_answer_for_any_number_of_centres() {
        let points = squares();
        for clusters in [1, 3, 8, 9, 17] {
            let fitted = KMeansParams::new(clusters, 7).fit(&points);
            let plain = |row: &[f64]| fitted.centres.rows().map(|centre| squared_distance(row, centre)).fold(f64::INFINITY, f64::min);
            let inertia: f64 = points.rows().map(plain).sum();
            assert!((fitted.inertia - inertia).abs() < 1e-9, "{clusters}: {} for {inertia}", fitted.inertia);
            for (row, of) in points.rows().zip(fitted.predict(&points)) {
                assert!(squared_distance(row, fitted.centres.row(of as usize)) <= plain(row) + 1e-9);
            }
        }
    }

    #[test]
    fn equal_rows_are_one_cluster_and_threads_change_nothing() {
        let equal = Points::new(vec![3.5; 60], 3);
        assert_eq!(KMeansParams::new(5, 1).fit(&equal).centres.len(), 1);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        let many = Points::new((0..90_000).map(|_| random.gen_range(0.0..1.0)).collect(), 3);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| KMeansParams::new(6, 3).fit(&many))
        };
        assert_eq!(on(1), on(3));
    }
}
