//! Needs: what share of their money customers spend on each category, and a few directions in which those shares differ most.

use std::collections::BTreeMap;

use faer::{Mat, Side};
use rayon::prelude::*;
use shopkeeper_models::segments::Feature;

use super::points::Points;
use super::scaling::feature;
use crate::log::Past;

/// Categories that are looked at, most spend first; the others count in descriptions alone.
const CATEGORIES: usize = 40;
/// Directions that are kept.
const DIRECTIONS: usize = 3;
/// Share of the median customer's spend that is added to everyone's, spread as the whole shop spends: who bought little looks like the mean.
const SHRINKAGE: f64 = 0.25;
/// Full category paths beyond which only their first step counts, if there are at least [`FEWEST`] first steps.
const MOST_PATHS: usize = 60;
const FEWEST: usize = 4;

/// What each customer spent on each category.
#[derive(Clone, Debug, Default)]
pub struct CategorySpend {
    /// The categories, ascending.
    pub categories: Vec<String>,
    /// For each customer, (category, money) ascending by category; the orders that hold it where the shop has no amounts.
    pub of: Vec<Vec<(u32, f64)>>,
}

impl CategorySpend {
    /// Adds up what was known at a day; `None` where the shop has fewer than two categories.
    pub fn of(past: &Past<'_>) -> Option<Self> {
        let (names, category_of) = categories(&past.log().catalogue.category)?;
        let has_amounts = past.log().line_amount.iter().any(|&amount| amount > 0.0);
        let one = |customer: usize| {
            let mut spend: BTreeMap<u32, f64> = BTreeMap::new();
            for line in past.orders_of(customer).flat_map(|order| past.lines_of(order)).filter(|line| line.quantity > 0.0) {
                if let Some(category) = category_of[line.item as usize] {
                    *spend.entry(category).or_default() += if has_amounts { line.amount.max(0.0) } else { 1.0 };
                }
            }
            spend.into_iter().filter(|(_, spent)| *spent > 0.0).collect()
        };
        let of: Vec<Vec<(u32, f64)>> = (0..past.log().customers()).into_par_iter().map(one).collect();
        let mut sold = vec![false; names.len()];
        of.iter().flatten().for_each(|&(category, _)| sold[category as usize] = true);
        (sold.iter().filter(|&&sold| sold).count() >= 2).then_some(Self { categories: names, of })
    }

    /// Each customer's shares of spend, with the whole shop's mixed in; empty for those without any.
    pub fn shares(&self, customer: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let total: f64 = self.of[customer].iter().map(|(_, spent)| spent).sum();
        self.of[customer].iter().map(move |&(category, spent)| (category, spent / total))
    }
}

/// The names of the categories and the one of each item: whole paths, or their first step where there are very many.
fn categories(of_items: &[Option<String>]) -> Option<(Vec<String>, Vec<Option<u32>>)> {
    let distinct = |of: &dyn Fn(&str) -> String| {
        let mut names: Vec<String> = of_items.iter().flatten().map(|name| of(name)).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let (whole, first) = (|name: &str| name.trim().to_owned(), |name: &str| name.split('/').next().unwrap_or(name).trim().to_owned());
    let (paths, steps) = (distinct(&whole), distinct(&first));
    let coarse = paths.len() > MOST_PATHS && (FEWEST..paths.len()).contains(&steps.len());
    let names = if coarse { steps } else { paths };
    let position = |name: &String| names.binary_search(&if coarse { first(name) } else { whole(name) }).ok().map(|at| at as u32);
    let of = of_items.iter().map(|name| name.as_ref().and_then(position)).collect();
    (names.len() >= 2).then_some((names, of))
}

/// Customers by their needs.
pub(super) struct Needs {
    /// The square root of the share of each category that is looked at.
    pub(super) features: Vec<Feature>,
    /// One row a customer of `buyers`: where they lie in the directions.
    pub(super) points: Points,
    /// One row a customer of `buyers`: the value of every feature.
    pub(super) roots: Points,
}

/// Shares as their square roots, so that distances are Hellinger's and a share of nothing needs no special case, then their principal components (Pearson 1901).
/// `None` where nobody differs.
pub(super) fn needs(spend: &CategorySpend, buyers: &[usize]) -> Option<Needs> {
    let mut totals = vec![0.0; spend.categories.len()];
    let mut sums: Vec<f64> = Vec::with_capacity(buyers.len());
    for &customer in buyers {
        spend.of[customer].iter().for_each(|&(category, spent)| totals[category as usize] += spent);
        sums.push(spend.of[customer].iter().map(|(_, spent)| spent).sum());
    }
    let all: f64 = totals.iter().sum();
    let mut largest: Vec<u32> = (0..totals.len() as u32).filter(|&category| totals[category as usize] > 0.0).collect();
    largest.sort_by(|&a, &b| totals[b as usize].total_cmp(&totals[a as usize]).then(a.cmp(&b)));
    largest.truncate(CATEGORIES);
    if buyers.is_empty() || largest.len() < 2 {
        return None;
    }
    let mut place = vec![None; totals.len()];
    largest.iter().enumerate().for_each(|(at, &category)| place[category as usize] = Some(at));
    let middle = {
        let mut sorted = sums.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let dims = largest.len();
    let added: Vec<f64> = largest.iter().map(|&category| SHRINKAGE * middle * totals[category as usize] / all).collect();
    let row = |(&customer, &sum): (&usize, &f64)| {
        let mut row = added.clone();
        for &(category, spent) in &spend.of[customer] {
            if let Some(at) = place[category as usize] {
                row[at] += spent;
            }
        }
        row.iter_mut().for_each(|spent| *spent = (*spent / (sum + SHRINKAGE * middle)).sqrt());
        row
    };
    let roots = Points::new(buyers.par_iter().zip(&sums).flat_map_iter(row).collect(), dims);
    let points = directions(&roots)?;
    let column = |at: usize| roots.rows().map(|row| row[at]).collect::<Vec<f64>>();
    let features = largest.iter().enumerate().map(|(at, &category)| {
        let name = format!("sqrt(share of {})", spend.categories[category as usize]);
        feature(&name, &column(at)).unwrap_or(Feature { name, low: 0.0, high: 1.0, centre: 0.0, scale: 1.0 })
    });
    Some(Needs { features: features.collect(), points, roots })
}

/// The rows in the directions in which they differ most, winsorised; a direction is turned so that its largest weight is positive.
fn directions(roots: &Points) -> Option<Points> {
    let (n, dims) = (roots.len() as f64, roots.dims());
    let sample = roots.sample(50_000, 1);
    let mean: Vec<f64> = (0..dims).map(|at| sample.rows().map(|row| row[at]).sum::<f64>() / sample.len() as f64).collect();
    let mut covariance = Mat::<f64>::zeros(dims, dims);
    for row in sample.rows() {
        for a in 0..dims {
            for b in 0..=a {
                covariance[(a, b)] += (row[a] - mean[a]) * (row[b] - mean[b]) / n;
            }
        }
    }
    // the same on any number of threads
    faer::set_global_parallelism(faer::Par::Seq);
    let eigen = covariance.self_adjoint_eigen(Side::Lower).ok()?;
    let (values, vectors) = (eigen.S(), eigen.U());
    // ascending, so the last ones are the largest
    let kept: Vec<usize> = (0..dims).rev().take(DIRECTIONS.min(dims - 1)).filter(|&at| values[at] > 1e-12).collect();
    let weights: Vec<Vec<f64>> = kept
        .iter()
        .map(|&at| {
            let weights: Vec<f64> = (0..dims).map(|row| vectors[(row, at)]).collect();
            let largest =
                weights.iter().copied().fold(0.0_f64, |most, weight| if weight.abs() > most.abs() + 1e-12 { weight } else { most });
            if largest < 0.0 { weights.iter().map(|weight| -weight).collect() } else { weights }
        })
        .collect();
    if weights.is_empty() {
        return None;
    }
    let along = |row: &[f64]| -> Vec<f64> {
        weights.iter().map(|weights| row.iter().zip(&mean).zip(weights).map(|((x, mean), weight)| (x - mean) * weight).sum()).collect()
    };
    let mut values: Vec<f64> = roots.values().par_chunks(dims).flat_map_iter(along).collect();
    for at in 0..weights.len() {
        let column: Vec<f64> = values.iter().skip(at).step_by(weights.len()).copied().collect();
        if let Some(bounds) = feature("", &column) {
            values.iter_mut().skip(at).step_by(weights.len()).for_each(|value| *value = value.clamp(bounds.low, bounds.high));
        }
    }
    Some(Points::new(values, weights.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_paths_are_cut_to_their_first_step() {
        let few = [Some("A/1".to_owned()), Some("A/2".to_owned()), None];
        assert_eq!(categories(&few), Some((vec!["A/1".into(), "A/2".into()], vec![Some(0), Some(1), None])));
        let many: Vec<Option<String>> = (0..100).map(|at| Some(format!("{}/{at}", ["Food", "Drink", "Toys", "Garden"][at % 4]))).collect();
        let (names, of) = categories(&many).expect("more than one");
        assert_eq!((names.as_slice(), of[0]), (&["Drink", "Food", "Garden", "Toys"].map(str::to_owned)[..], Some(1)));
        assert_eq!(categories(&[None, Some("only".into())]), None);
    }

    #[test]
    fn customers_of_one_need_lie_together() {
        let spend = CategorySpend {
            categories: ["bread", "milk", "wine"].map(str::to_owned).into(),
            of: (0..30).map(|customer| vec![(customer % 2, 10.0 + f64::from(customer)), (2, 5.0)]).collect(),
        };
        let needs = needs(&spend, &(0..30).collect::<Vec<_>>()).expect("they differ");
        let sign = |customer: usize| needs.points.row(customer)[0] > 0.0;
        assert!((0..30).all(|customer| sign(customer) == sign(customer % 2)) && sign(0) != sign(1));
        assert!((0..30).all(|customer| needs.roots.row(customer).iter().map(|root| root * root).sum::<f64>() < 1.0 + 1e-9));
    }
}
