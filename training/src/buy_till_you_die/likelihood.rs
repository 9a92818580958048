//! Maximum likelihood: L-BFGS (argmin) over the logarithms of the parameters, from several starts.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use linfa_linalg::cholesky::SolveC;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

/// Entries added up by one task. Fixed, and the partial sums are added in order, so that the result does not depend on the threads.
const CHUNK: usize = 2048;
/// A fit that needs more steps than this has failed.
const MAX_STEPS: u64 = 300;
/// Steps on fewer customers, before the best start goes on.
const ROUGH_STEPS: u64 = 100;
/// Times that a search which stops short is started afresh from where it was.
const ATTEMPTS: u32 = 3;
/// Most steps by the curvature of fewer customers before the search on all starts: each takes one look at every customer, one of the search several.
const SETTLING: u64 = 12;
/// A fit has converged when one unit of any logarithm would change the mean log-likelihood by no more than this.
const TOLERANCE: f64 = 1e-6;
/// A pull on the logarithm of each parameter towards 0, in log-likelihoods of all customers together: too weak to be seen in a shop that tells
/// its parameters, enough to stop the search where the likelihood only creeps up for ever.
const PULL: f64 = 1e-4;

/// A value and its derivative by each of `N` parameters.
pub(super) type Slope<const N: usize> = (f64, [f64; N]);

/// A log-likelihood over `N` positive parameters.
pub(super) trait Likelihood<const N: usize> {
    /// Value and derivatives at these parameters.
    fn at(&self, parameters: &[f64; N]) -> Slope<N>;
    /// How many customers it is of.
    fn customers(&self) -> f64;
}

/// Where the search ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maximum<const N: usize> {
    pub(super) parameters: [f64; N],
    pub(super) log_likelihood: f64,
    pub(super) converged: bool,
    pub(super) iterations: u64,
}

/// Adds up in parallel, in an order that does not depend on the threads.
pub(super) fn add_up<T: Sync, const N: usize>(entries: &[T], of: impl Fn(&T) -> Slope<N> + Sync) -> Slope<N> {
    let partial: Vec<Slope<N>> = entries.par_chunks(CHUNK).map(|chunk| chunk.iter().map(&of).fold((0.0, [0.0; N]), plus::<N>)).collect();
    partial.into_iter().fold((0.0, [0.0; N]), plus::<N>)
}

pub(super) fn plus<const N: usize>(mut sum: Slope<N>, one: Slope<N>) -> Slope<N> {
    sum.0 += one.0;
    for (sum, one) in sum.1.iter_mut().zip(one.1) {
        *sum += one;
    }
    sum
}

/// The same, each term `weight` times.
pub(super) fn times<const N: usize>(weight: f64, one: Slope<N>) -> Slope<N> {
    (weight * one.0, one.1.map(|slope| weight * slope))
}

/// The highest point that any of the starts leads to on the first of `rough`, from there on the next, and at last on `full`. Where that does not
/// converge, each start is followed on `full`. `None` when no start leads anywhere.
pub(super) fn maximise<L: Likelihood<N>, const N: usize>(rough: &[L], full: &L, starts: &[[f64; N]]) -> Option<Maximum<N>> {
    let highest = |best: Option<Climb<N>>, one: Climb<N>| Some(best.filter(|best| best.value <= one.value).unwrap_or(one));
    let mut from: Vec<[f64; N]> = starts.iter().map(|start| start.map(f64::ln)).collect();
    for rough in rough {
        let best = from.iter().filter_map(|&start| climb(rough, start, ROUGH_STEPS, 1)).fold(None, highest)?;
        from = vec![best.theta];
    }
    let settled = rough.last().zip(from.first()).and_then(|(rough, &start)| settle(rough, full, start));
    let mut best = match settled.filter(|settled| settled.steepest <= 0.1 * TOLERANCE) {
        Some(settled) => settled,
        None => from.iter().filter_map(|&start| climb(full, start, MAX_STEPS, ATTEMPTS)).fold(None, highest)?,
    };
    for start in starts {
        if best.steepest <= TOLERANCE {
            break;
        }
        let other = climb(full, start.map(f64::ln), MAX_STEPS, ATTEMPTS);
        best = other.filter(|other| other.steepest <= TOLERANCE || other.value < best.value).unwrap_or(best);
    }
    let parameters = best.theta.map(f64::exp);
    let (log_likelihood, _) = full.at(&parameters);
    Some(Maximum { parameters, log_likelihood, converged: best.steepest <= TOLERANCE, iterations: best.iterations })
}

/// A point on the way down of minus the mean log-likelihood.
#[derive(Clone, Copy, Debug)]
struct Climb<const N: usize> {
    theta: [f64; N],
    value: f64,
    steepest: f64,
    iterations: u64,
}

/// What the optimiser is given; it keeps the best point seen, for a search that stops in rounding noise has still been somewhere.
struct Problem<'a, L, const N: usize> {
    likelihood: &'a L,
    latest: RefCell<Option<(Vec<f64>, Slope<N>)>>,
    best: RefCell<Option<Climb<N>>>,
}

impl<L: Likelihood<N>, const N: usize> Problem<'_, L, N> {
    /// Minus the mean log-likelihood and the pull, by the logarithms of the parameters.
    fn at(&self, theta: &[f64]) -> Slope<N> {
        if let Some((_, known)) = self.latest.borrow().as_ref().filter(|(at, _)| at == theta) {
            return *known;
        }
        // beyond e^+-30 nothing differs any more
        let theta_n: [f64; N] = std::array::from_fn(|i| theta[i].clamp(-30.0, 30.0));
        let parameters = theta_n.map(f64::exp);
        let (value, slopes) = self.likelihood.at(&parameters);
        let customers = self.likelihood.customers();
        let pull = theta_n.iter().map(|theta| 0.5 * PULL * theta * theta).sum::<f64>();
        let value = (pull - value) / customers;
        let slopes: [f64; N] = std::array::from_fn(|i| (PULL * theta_n[i] - slopes[i] * parameters[i]) / customers);
        let slope = if value.is_finite() && slopes.iter().all(|slope| slope.is_finite()) { (value, slopes) } else { (f64::MAX, [0.0; N]) };
        *self.latest.borrow_mut() = Some((theta.to_vec(), slope));
        let mut best = self.best.borrow_mut();
        if value.is_finite() && best.is_none_or(|best| value < best.value) {
            let steepest = slopes.iter().fold(0.0_f64, |most, slope| most.max(slope.abs()));
            *best = Some(Climb { theta: theta_n, value, steepest, iterations: 0 });
        }
        slope
    }
}

impl<L: Likelihood<N>, const N: usize> CostFunction for &Problem<'_, L, N> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, theta: &Self::Param) -> Result<f64, Error> {
        Ok(self.at(theta).0)
    }
}

impl<L: Likelihood<N>, const N: usize> Gradient for &Problem<'_, L, N> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, theta: &Self::Param) -> Result<Vec<f64>, Error> {
        Ok(self.at(theta).1.to_vec())
    }
}

/// From the maximum on fewer customers to that on all by whole quasi-Newton steps (BFGS; Nocedal & Wright 2006, equation 6.19) that start from the
/// curvature of the fewer ones. `None` where they lead nowhere.
fn settle<L: Likelihood<N>, const N: usize>(rough: &L, full: &L, start: [f64; N]) -> Option<Climb<N>> {
    let problem = |likelihood| Problem { likelihood, latest: RefCell::new(None), best: RefCell::new(None) };
    let (rough, full) = (problem(rough), problem(full));
    let nearby = 1e-4;
    let moved = |i: usize, by: f64| rough.at(&std::array::from_fn::<f64, N, _>(|j| start[j] + if i == j { by } else { 0.0 })).1;
    let columns: [[f64; N]; N] = std::array::from_fn(|i| {
        let (up, down) = (moved(i, nearby), moved(i, -nearby));
        std::array::from_fn(|j| (up[j] - down[j]) / (2.0 * nearby))
    });
    let mut curvature = Array2::from_shape_fn((N, N), |(i, j)| 0.5 * (columns[i][j] + columns[j][i]));
    let (mut theta, mut before) = (start, None::<(Array1<f64>, Array1<f64>)>);
    for iterations in 0..SETTLING {
        let (value, slopes) = full.at(&theta);
        let steepest = slopes.iter().fold(0.0_f64, |most, slope| most.max(slope.abs()));
        if value < f64::MAX && steepest <= 0.03 * TOLERANCE {
            return Some(Climb { theta, value, steepest, iterations });
        }
        let slopes = Array1::from_iter(slopes);
        if let Some((step, before)) = before {
            let (change, bent) = (&slopes - &before, curvature.dot(&step));
            let (along, of_step) = (change.dot(&step), bent.dot(&step));
            if along > 0.0 {
                let outer = |v: &Array1<f64>| v.view().insert_axis(Axis(1)).dot(&v.view().insert_axis(Axis(0)));
                curvature = curvature + outer(&change) / along - outer(&bent) / of_step;
            }
        }
        let step = -curvature.clone().solvec(&slopes.clone().insert_axis(Axis(1))).ok()?.remove_axis(Axis(1));
        theta = std::array::from_fn(|i| theta[i] + step[i]);
        before = Some((step, slopes));
    }
    None
}

fn climb<L: Likelihood<N>, const N: usize>(likelihood: &L, start: [f64; N], steps: u64, attempts: u32) -> Option<Climb<N>> {
    let problem = Problem { likelihood, latest: RefCell::new(None), best: RefCell::new(None) };
    let (mut theta, mut iterations) = (start, 0);
    // a line search that gives up in rounding noise is started afresh from the best point, which also forgets a misleading curvature
    for _ in 0..attempts {
        let search = MoreThuenteLineSearch::new();
        let solver = LBFGS::new(search, 7).with_tolerance_grad(0.03 * TOLERANCE).ok()?.with_tolerance_cost(0.0).ok()?;
        let run = Executor::new(&problem, solver).configure(|state| state.param(theta.to_vec()).max_iters(steps)).timer(false).run();
        iterations += run.map_or(0, |run| run.state().get_iter());
        let reached = (*problem.best.borrow())?;
        if reached.steepest <= 0.1 * TOLERANCE {
            break;
        }
        theta = reached.theta;
    }
    let reached = *problem.best.borrow();
    reached.map(|climb| Climb { iterations, ..climb })
}

/// Holds the derivatives against differences.
#[cfg(test)]
pub(super) fn check<const N: usize>(likelihood: &impl Likelihood<N>, parameters: [f64; N]) {
    let (_, slopes) = likelihood.at(&parameters);
    for i in 0..N {
        let step = 1e-6 * parameters[i];
        let moved = |by: f64| likelihood.at(&std::array::from_fn(|j| parameters[j] + if i == j { by } else { 0.0 })).0;
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        assert!((slopes[i] - difference).abs() <= 1e-5 * (1.0 + difference.abs()), "parameter {i}: {} for {difference}", slopes[i]);
    }
}
