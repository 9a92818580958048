//! A contest: every candidate of a head enters with the log-odds of the logistic regression; the best are looked at again by the trees.

use super::ranker::{FINALISTS, Head};
use super::trees::Trees;
use crate::ItemIx;
use crate::factors::product;

/// A [`Head`] folded onto the raw features, in single precision.
#[derive(Clone, Debug)]
pub(crate) struct Judge<const N: usize> {
    intercept: f32,
    slopes: [f32; N],
    trees: Trees,
}

impl<const N: usize> Judge<N> {
    pub(crate) fn new(head: &Head) -> Self {
        let (intercept, slopes) = head.logistic.raw();
        let slope = |ix: usize| slopes.get(ix).map_or(0.0, |&slope| slope as f32);
        Self { intercept: intercept as f32, slopes: std::array::from_fn(slope), trees: head.trees.clone() }
    }

    /// Log-odds by the logistic regression alone.
    pub(crate) fn log_odds(&self, x: &[f32; N]) -> f32 {
        self.intercept + product(&self.slopes, x)
    }
}

/// A candidate that the rules let into an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant {
    pub(crate) item: ItemIx,
    /// Orders of the customer that hold it; 0 when it is new to them.
    pub(crate) orders: u32,
    pub(crate) days_since_last: u32,
    pub(crate) log_odds: f32,
}

/// The entrants of one head and their features. Reused from question to question.
#[derive(Debug)]
pub(crate) struct Contest<const N: usize> {
    pub(crate) entrants: Vec<Entrant>,
    rows: Vec<[f32; N]>,
    places: Vec<u32>,
    finalists: Vec<[f32; N]>,
    log_odds: Vec<f32>,
}

impl<const N: usize> Default for Contest<N> {
    fn default() -> Self {
        Self { entrants: Vec::new(), rows: Vec::new(), places: Vec::new(), finalists: Vec::new(), log_odds: Vec::new() }
    }
}

impl<const N: usize> Contest<N> {
    pub(crate) fn clear(&mut self) {
        self.entrants.clear();
        self.rows.clear();
    }

    /// Lets a candidate in, at the log-odds of the logistic regression.
    pub(crate) fn enter(&mut self, entrant: Entrant, x: &[f32; N], judge: &Judge<N>) {
        self.entrants.push(Entrant { log_odds: judge.log_odds(x), ..entrant });
        self.rows.push(*x);
    }

    /// Adds what the trees say of the best.
    pub(crate) fn decide(&mut self, judge: &Judge<N>) {
        if judge.trees.is_empty() {
            return;
        }
        self.places.clear();
        self.places.extend(0..self.entrants.len() as u32);
        if self.places.len() > FINALISTS {
            let entrants = &self.entrants;
            self.places.select_nth_unstable_by(FINALISTS - 1, |&a, &b| {
                let (a, b) = (&entrants[a as usize], &entrants[b as usize]);
                b.log_odds.total_cmp(&a.log_odds).then(a.item.cmp(&b.item))
            });
            self.places.truncate(FINALISTS);
        }
        self.finalists.clear();
        self.log_odds.clear();
        self.finalists.extend(self.places.iter().map(|&place| self.rows[place as usize]));
        self.log_odds.extend(self.places.iter().map(|&place| self.entrants[place as usize].log_odds));
        judge.trees.add(&self.finalists, &mut self.log_odds);
        for (&place, &log_odds) in self.places.iter().zip(&self.log_odds) {
            self.entrants[place as usize].log_odds = log_odds;
        }
    }
}
