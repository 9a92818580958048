//! Affinity: the linear item model EASE (Steck 2019), solved exactly over whichever is fewer, customers or items.
//!
//! EASE predicts a customer's row x of the customer x item matrix X as x B, where B has a zero diagonal and minimises
//! |X - X B|^2 + ridge |B|^2. With P = (X'X + ridge I)^-1 the solution is B = I - P diag(1 / P_ii) (equation 8). By the Woodbury identity
//! P = (I - X' K X) / ridge with K = (X X' + ridge I)^-1, and then x_u P = (row u of K) X: the same answer from a matrix of customers.

use faer::linalg::solvers::{DenseSolveCore, Llt};
use faer::{Mat, Side};
use rayon::prelude::*;
use shopkeeper_models::ItemIx;
use shopkeeper_models::affinity::Affinity;

/// How affinity is fitted.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AffinityParams {
    /// Weight of the ridge. Default 500.
    pub ridge: f64,
    /// Largest side of a matrix that is solved; a shop with more customers and more items goes by its most bought items. Default 4,000.
    pub most_solved: usize,
    /// Scored items kept a customer beside their own. Default 150.
    pub kept: usize,
    /// Weights kept of each item's row of B, when it is solved over items. Default 200.
    pub weights_of_an_item: usize,
}

impl Default for AffinityParams {
    fn default() -> Self {
        Self { ridge: 500.0, most_solved: 4000, kept: 150, weights_of_an_item: 200 }
    }
}

impl AffinityParams {
    /// From the distinct items of each customer, ascending, out of `items`.
    pub fn fit(&self, bought: &[Vec<u32>], items: usize) -> Affinity {
        let buyers = transpose(bought, items);
        let (customers, sold) =
            (bought.iter().filter(|bought| !bought.is_empty()).count(), buyers.iter().filter(|buyers| buyers.len() > 1).count());
        if customers <= self.most_solved && customers < sold {
            self.over_customers(bought, &buyers)
        } else {
            self.over_items(bought, &buyers)
        }
    }

    fn over_customers(&self, bought: &[Vec<u32>], buyers: &[Vec<u32>]) -> Affinity {
        let asked: Vec<usize> = (0..bought.len()).filter(|&customer| !bought[customer].is_empty()).collect();
        let mut place = vec![0_u32; bought.len()];
        asked.iter().enumerate().for_each(|(at, &customer)| place[customer] = at as u32);
        let side = asked.len();
        let mut gram = Mat::<f64>::zeros(side, side);
        for buyers in buyers {
            add_pairs(&mut gram, &buyers.iter().map(|&buyer| (place[buyer as usize] as usize, 1.0)).collect::<Vec<_>>());
        }
        let Some(inverse) = inverse(gram, self.ridge) else { return nothing(bought.len()) };
        let kernel: Vec<f32> = (0..side * side).map(|at| inverse[(at / side, at % side)] as f32).collect();
        drop(inverse);
        // P_ii = (1 - x_i' K x_i) / ridge
        let diagonal: Vec<f32> = buyers
            .par_iter()
            .map(|buyers| {
                let row = |buyer: u32| &kernel[place[buyer as usize] as usize * side..][..side];
                let sum: f32 = buyers
                    .iter()
                    .map(|&a| {
                        let row = row(a);
                        buyers.iter().map(|&b| row[place[b as usize] as usize]).sum::<f32>()
                    })
                    .sum();
                ((1.0 - f64::from(sum)) / self.ridge).max(1e-12) as f32
            })
            .collect();
        let rows = asked.par_iter().map_init(
            || vec![0.0_f32; buyers.len()],
            |sums, &customer| {
                sums.fill(0.0);
                let weights = &kernel[place[customer] as usize * side..][..side];
                for (&other, &weight) in asked.iter().zip(weights) {
                    for &item in &bought[other] {
                        sums[item as usize] += weight;
                    }
                }
                for (sum, diagonal) in sums.iter_mut().zip(&diagonal) {
                    *sum = -*sum / diagonal;
                }
                for &item in &bought[customer] {
                    sums[item as usize] += 1.0;
                }
                keep(sums, &bought[customer], self.kept)
            },
        );
        let mut all = vec![Vec::new(); bought.len()];
        for (&customer, row) in asked.iter().zip(rows.collect::<Vec<_>>()) {
            all[customer] = row;
        }
        Affinity::new(&all)
    }

    fn over_items(&self, bought: &[Vec<u32>], buyers: &[Vec<u32>]) -> Affinity {
        let solved = most_bought(&buyers.iter().map(|buyers| buyers.len() as u32).collect::<Vec<_>>(), self.most_solved);
        let mut place = vec![u32::MAX; buyers.len()];
        solved.iter().enumerate().for_each(|(at, &item)| place[item as usize] = at as u32);
        let side = solved.len();
        let mut gram = Mat::<f64>::zeros(side, side);
        for bought in bought {
            let places = bought.iter().map(|&item| place[item as usize]).filter(|&at| at != u32::MAX);
            add_pairs(&mut gram, &places.map(|at| (at as usize, 1.0)).collect::<Vec<_>>());
        }
        let Some(inverse) = inverse(gram, self.ridge) else { return nothing(bought.len()) };
        // row i of B: what having item i says of every other item j, -P_ij / P_jj
        let weights: Vec<Vec<(u32, f32)>> = (0..side)
            .into_par_iter()
            .map(|i| {
                let weight = |j: usize| (-inverse[(i, j)] / inverse[(j, j)]) as f32;
                let mut row: Vec<(u32, f32)> = (0..side).filter(|&j| j != i).map(|j| (j as u32, weight(j))).collect();
                if row.len() > self.weights_of_an_item {
                    row.select_nth_unstable_by(self.weights_of_an_item - 1, |a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
                    row.truncate(self.weights_of_an_item);
                }
                row
            })
            .collect();
        let rows = bought.par_iter().map_init(
            || vec![0.0_f32; buyers.len()],
            |sums, own| {
                sums.fill(0.0);
                for &from in own.iter().filter(|&&from| place[from as usize] != u32::MAX) {
                    for &(to, weight) in &weights[place[from as usize] as usize] {
                        sums[solved[to as usize] as usize] += weight;
                    }
                }
                keep(sums, own, self.kept)
            },
        );
        Affinity::new(&rows.collect::<Vec<_>>())
    }
}

/// gram + ridge I, factored. On one thread, so that the result does not depend on the threads.
pub(crate) fn factor(mut gram: Mat<f64>, ridge: f64) -> Option<Llt<f64>> {
    (0..gram.nrows()).for_each(|at| gram[(at, at)] += ridge);
    faer::set_global_parallelism(faer::Par::Seq);
    gram.llt(Side::Lower).ok()
}

/// (gram + ridge I)^-1.
pub(crate) fn inverse(gram: Mat<f64>, ridge: f64) -> Option<Mat<f64>> {
    Some(factor(gram, ridge)?.inverse())
}

/// The customer's own items and the `kept` best of the others, ascending.
pub(crate) fn keep(scores: &[f32], own: &[u32], kept: usize) -> Vec<(ItemIx, f32)> {
    let mut best: Vec<(ItemIx, f32)> = (0_u32..)
        .zip(scores)
        .filter(|&(item, &score)| score > 0.0 && own.binary_search(&item).is_err())
        .map(|(item, &score)| (ItemIx(item), score))
        .collect();
    if best.len() > kept {
        best.select_nth_unstable_by(kept - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(kept);
    }
    best.extend(own.iter().map(|&item| (ItemIx(item), scores[item as usize])));
    best.retain(|(_, score)| score.is_finite());
    best.sort_unstable_by_key(|&(item, _)| item);
    best.shrink_to_fit();
    best
}

/// The items with at least two buyers, at most so many of the most bought, ascending.
pub(crate) fn most_bought(buyers: &[u32], most: usize) -> Vec<u32> {
    let mut solved: Vec<u32> = (0..buyers.len() as u32).filter(|&item| buyers[item as usize] > 1).collect();
    if solved.len() > most {
        solved.sort_by_key(|&item| std::cmp::Reverse(buyers[item as usize]));
        solved.truncate(most);
        solved.sort_unstable();
    }
    solved
}

pub(crate) fn nothing(customers: usize) -> Affinity {
    Affinity::new(&vec![Vec::new(); customers])
}

/// Adds the product of every pair's weights, both ways and each with itself.
pub(crate) fn add_pairs(gram: &mut Mat<f64>, weighted: &[(usize, f64)]) {
    for &(a, weight) in weighted {
        for &(b, other) in weighted {
            gram[(b, a)] += weight * other;
        }
    }
}

/// The buyers of each item, ascending.
fn transpose(bought: &[Vec<u32>], items: usize) -> Vec<Vec<u32>> {
    let mut buyers = vec![Vec::new(); items];
    for (customer, bought) in bought.iter().enumerate() {
        bought.iter().for_each(|&item| buyers[item as usize].push(customer as u32));
    }
    buyers
}
