//! Which weekly series are forecast, and the tables of their forecasts.

use super::demand::{self, Accuracy, Outcome, WEEKS};
use super::pass::Shop;
use super::table::{Of, Table, Value, values};
use super::{Tables, ratio};

/// The most categories and items.
const MOST: [usize; 2] = [200, 100];
/// What is forecast.
const MEASURES: [&str; 2] = ["revenue", "units"];
/// What the rows stand for.
const BY: [&str; 3] = ["all", "category", "item"];

/// The nodes whose weeks are forecast, of each kind those with the most revenue: items stand before categories among the nodes.
pub(super) fn chosen(revenue: &[f64], items: usize) -> Vec<u32> {
    let of = |nodes: std::ops::Range<usize>, most: usize| {
        let mut nodes: Vec<u32> = nodes.map(|node| node as u32).filter(|&node| revenue[node as usize] > 0.0).collect();
        nodes.sort_by(|&a, &b| revenue[b as usize].total_cmp(&revenue[a as usize]).then(a.cmp(&b)));
        nodes.truncate(most);
        nodes
    };
    let mut nodes = of(items..revenue.len(), MOST[0]);
    nodes.extend(of(0..items, MOST[1]));
    nodes
}

/// Forecasts of one kind and measure.
pub(super) struct Forecasts {
    by: &'static str,
    measure: &'static str,
    /// The node of each series; none for everything.
    nodes: Vec<Option<u32>>,
    outcomes: Vec<Outcome>,
}

/// Every forecast. `nodes` are those of the series after the first.
pub(super) fn forecasts(shop: &Shop<'_>, weekly: &[[f64; 2]], nodes: &[u32]) -> Vec<Forecasts> {
    let items = shop.past.log().items() as u32;
    let mut made = Vec::new();
    for (measure, &name) in MEASURES.iter().enumerate() {
        let series =
            |at: usize| weekly[at * shop.weeks..(at + 1) * shop.weeks].iter().map(|sold| sold[measure].max(0.0)).collect::<Vec<_>>();
        let all = series(0);
        if all.iter().all(|&sold| sold == 0.0) {
            continue;
        }
        for by in BY {
            let of_kind = |&(_, &node): &(usize, &u32)| (by == "item") == (node < items);
            let (at, nodes): (Vec<usize>, Vec<Option<u32>>) = if by == "all" {
                (vec![0], vec![None])
            } else {
                nodes.iter().enumerate().filter(of_kind).map(|(at, &node)| (at + 1, Some(node))).unzip()
            };
            let series: Vec<Vec<f64>> = at.into_iter().map(series).collect();
            if let Some(outcomes) = demand::forecast(&series, &all) {
                made.push(Forecasts { by, measure: name, nodes, outcomes });
            }
        }
    }
    made
}

impl Tables<'_> {
    /// Who stands behind a series: the customers of the last eight weeks, of everything all.
    fn buyers(&self, node: Option<u32>) -> u64 {
        let of = |node: u32| self.counts.windows[node as usize];
        node.map_or(self.counts.reached[0][1], |node| of(node).now + of(node).before - of(node).both)
    }

    fn named(&self, node: Option<u32>) -> (Option<&str>, Option<&str>) {
        let (log, items) = (self.shop.past.log(), self.shop.past.log().items());
        match node.map(|node| node as usize) {
            None => (None, None),
            Some(item) if item < items => (Some(log.item_ids.value(item)), log.catalogue.title[item].as_deref()),
            Some(node) => (Some(self.shop.categories.names[node - items].as_str()), None),
        }
    }

    pub(super) fn demand(&self, table: &mut Table<'_>) {
        for Forecasts { by, measure, nodes, outcomes } in self.forecasts {
            for (&node, outcome) in nodes.iter().zip(outcomes) {
                let (name, title) = self.named(node);
                for (ahead, week) in outcome.weeks.iter().enumerate() {
                    let start = self.shop.past.day + 7 * ahead as i32;
                    let values = values![name, title, *measure, ahead as u64 + 1, week.forecast, week.low, week.high, week.naive];
                    table.push(Of { by, period: Some(start), segment: None }, self.buyers(node), values);
                }
            }
        }
        debug_assert!(self.forecasts.iter().flat_map(|made| &made.outcomes).all(|outcome| outcome.weeks.len() == WEEKS));
    }

    pub(super) fn demand_accuracy(&self, table: &mut Table<'_>) {
        let weeks = self.shop.weeks as u64;
        for Forecasts { by, measure, nodes, outcomes } in self.forecasts {
            let of = Of { by, period: None, segment: None };
            let tried: Vec<Accuracy> = outcomes.iter().filter_map(|outcome| outcome.accuracy).collect();
            if nodes.len() > 1 {
                let mean = |of: &dyn Fn(&Accuracy) -> f64| ratio(tried.iter().map(of).sum(), tried.len() as f64);
                let mases: Vec<f64> = tried.iter().filter_map(Accuracy::mase).collect();
                let mase = ratio(mases.iter().sum(), mases.len() as f64);
                let better = ratio(mases.iter().filter(|&&mase| mase < 1.0).count() as f64, mases.len() as f64);
                let origins = tried.first().map_or(0, |accuracy| accuracy.origins);
                let values = values![
                    Value::None,
                    Value::None,
                    *measure,
                    nodes.len() as u64,
                    weeks,
                    origins,
                    mean(&|accuracy| accuracy.error),
                    mean(&|accuracy| accuracy.naive_error),
                    mase,
                    better,
                    mean(&|accuracy| accuracy.coverage.clamp(0.0, 1.0))
                ];
                table.push(of, self.buyers(None), values);
            }
            for (&node, outcome) in nodes.iter().zip(outcomes) {
                let (name, title) = self.named(node);
                let Accuracy { origins, error, naive_error, coverage } = outcome.accuracy.unwrap_or_default();
                let tried = outcome.accuracy.is_some();
                let mase = outcome.accuracy.and_then(|accuracy| accuracy.mase());
                let values = values![
                    name,
                    title,
                    *measure,
                    1_u64,
                    weeks,
                    origins,
                    tried.then_some(error),
                    tried.then_some(naive_error),
                    mase,
                    mase.map(|mase| f64::from(u8::from(mase < 1.0))),
                    tried.then_some(coverage.clamp(0.0, 1.0))
                ];
                table.push(of, self.buyers(node), values);
            }
        }
    }
}
