//! Churn: labels from past origins with complete horizons, several ways of scoring, and the one that holds at the newest origin.

use rayon::prelude::*;
use shopkeeper_models::buy_till_you_die::PurchaseModel;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::churn::{Candidate, ChurnModel, FEATURES, Scorer};
use shopkeeper_models::logistic::sigmoid;

use crate::boosting::BoostingParams;
use crate::buy_till_you_die::{bg_nbd, statistics::Statistics};
use crate::evaluation::metrics::{auc, brier, calibration_error, reliability};
use crate::log::{Past, PurchaseLog};
use crate::logistic::{LogisticError, LogisticParams, Rows};
use crate::tempo::{Tempo, tempos_of};

/// Origins a horizon: they overlap, so that little of the history is lost.
const ORIGINS_A_HORIZON: Day = 4;
/// Days of a year of whole weeks: the same weekday in the same season.
const YEAR: Day = 364;
/// Fewer rows of either outcome than this teach nothing.
const FEWEST: usize = 20;
/// Fewer rows than this grow no trees.
const FEWEST_FOR_BOOSTING: usize = 500;
/// Share of what the level is off by at the newest origin that is believed to hold on: some of it is drift, some a season that turns.
const HELD: f64 = 0.75;
/// Fewer customers at the newest origin than this compare no candidates and move no level.
const FEWEST_TO_COMPARE: usize = 200;

/// How churn is learned.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ChurnParams {
    /// Days after as-of without a purchase that count as churned.
    pub horizon_days: u32,
    /// Most past origins, a quarter of a horizon apart; those of the same season a year ago come on top. Default 12.
    pub origins: u32,
    /// Most rows, over all origins; customers are thinned evenly beyond. Default 300,000.
    pub most_rows: usize,
    /// Ridge of the regression, in rows. Default 5.
    pub ridge: f64,
    /// The trees.
    pub boosting: BoostingParams,
}

/// The customers of one past origin, and what they did in the horizon after it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its as-of day.
    pub day: Day,
    /// What was known of each customer, and whether they then bought nothing.
    pub rows: Rows,
    /// What each then spent.
    pub spend: Vec<f64>,
}

impl ChurnParams {
    /// Defaults for a horizon.
    pub fn new(horizon_days: u32) -> Self {
        Self { horizon_days, origins: 12, most_rows: 300_000, ridge: 5.0, boosting: BoostingParams::default() }
    }

    /// Learns from what was known at `past.day`: never from a horizon that reaches beyond it. Too little history is a stated
    /// [`ChurnModel::InsufficientData`].
    pub fn fit(&self, past: &Past<'_>) -> ChurnModel {
        self.fit_on(&self.label_all(past))
    }

    /// The customers of every past origin, newest first.
    pub fn label_all(&self, past: &Past<'_>) -> Vec<Origin> {
        let days = self.origins(past);
        days.iter().map(|&day| self.label(past.log(), day, days.len())).collect()
    }

    /// Learns from origins that were labelled beforehand.
    pub fn fit_on(&self, origins: &[Origin]) -> ChurnModel {
        let insufficient = |reason: String| ChurnModel::InsufficientData { horizon_days: self.horizon_days, reason };
        let Some(newest) = origins.first() else {
            return insufficient(format!("the history is shorter than a horizon and a half of {} days", self.horizon_days));
        };
        let rows = together(origins);
        let churned = rows.labels.iter().filter(|&&label| label).count();
        if churned.min(rows.labels.len() - churned) < FEWEST {
            return insufficient(format!(
                "{} past customers of whom {churned} left: at least {FEWEST} of each kind are needed",
                rows.labels.len()
            ));
        }
        let comparable = newest.rows.labels.len() >= FEWEST_TO_COMPARE;
        let earlier = origins.iter().filter(|origin| origin.day + self.horizon_days as Day <= newest.day);
        let earlier = together(earlier);
        let compared = if comparable { self.scorers(&earlier).ok() } else { None };
        let (candidates, best) = compared.map_or((Vec::new(), None), |scorers| compare(&scorers, &newest.rows));
        let scorers = match self.scorers(&rows) {
            Ok(scorers) => scorers,
            Err(error) => return insufficient(error.to_string()),
        };
        let chosen = scorers.iter().position(|(method, _)| Some(*method) == best).unwrap_or(0);
        let Some((method, scorer)) = scorers.into_iter().nth(chosen) else { return insufficient("no candidate".into()) };
        let level = if comparable { HELD * off(&log_odds(&scorer, &newest.rows), &newest.rows.labels) } else { 0.0 };
        ChurnModel::Fitted {
            horizon_days: self.horizon_days,
            method: method.into(),
            scorer,
            level,
            validated_on: (!candidates.is_empty()).then(|| date(newest.day)),
            candidates,
            origins: origins.iter().map(|origin| date(origin.day)).collect(),
            rows: rows.labels.len() as u64,
        }
    }

    /// Origins whose horizon is complete before `past.day` and that have at least half a horizon of history, newest first.
    fn origins(&self, past: &Past<'_>) -> Vec<Day> {
        let horizon = self.horizon_days as Day;
        let Some((first, _)) = past.log().days() else { return Vec::new() };
        let step = (horizon / ORIGINS_A_HORIZON).max(1);
        let mut days: Vec<Day> = (0..self.origins as Day).map(|back| past.day - horizon - back * step).collect();
        days.extend([-1, 0, 1].map(|around| past.day - YEAR + around * step).into_iter().filter(|day| day + horizon <= past.day));
        days.retain(|day| day - first >= horizon / 2);
        days.sort_unstable_by(|a, b| b.cmp(a));
        // a year ago may lie between two others
        days.dedup_by(|later, earlier| *earlier - *later < step.min(7));
        days
    }

    /// Every customer with a history at `day`, or an even selection, and whether they then bought nothing for the horizon.
    fn label(&self, log: &PurchaseLog, day: Day, origins: usize) -> Origin {
        let past = log.before(day);
        let known: Vec<usize> = (0..log.customers()).filter(|&customer| !past.orders_of(customer).is_empty()).collect();
        let every = (known.len() * origins).div_ceil(self.most_rows).max(1);
        let known: Vec<usize> = known.into_iter().skip(day.rem_euclid(every as Day) as usize).step_by(every).collect();
        let tempos = tempos_of(&past, &known);
        let anchor = anchor(&tempos);
        let mut rows = Rows::default();
        for (tempo, &customer) in tempos.iter().zip(&known) {
            let features = tempo.churn_inputs(self.p_no_purchase(anchor, tempo)).features();
            rows.push(&features.map(|x| x as f32), churned(log, customer, day, self.horizon_days), 1.0);
        }
        let spend = known.par_iter().map(|&customer| spent(log, customer, day, self.horizon_days)).collect();
        Origin { day, rows, spend }
    }

    /// P(no purchase within the horizon) by the anchor; 0.5 without one.
    pub fn p_no_purchase(&self, anchor: Option<PurchaseModel>, tempo: &Tempo) -> f64 {
        anchor.map_or(0.5, |model| model.p_no_purchase(self.horizon_days.into(), &tempo.timing()))
    }

    /// Every candidate fitted, the one that is used unless another is clearly better first.
    fn scorers(&self, rows: &Rows) -> Result<Vec<(&'static str, Scorer)>, LogisticError> {
        let regression = LogisticParams { ridge: self.ridge };
        let logistic = Scorer::Logistic(regression.fit(&FEATURES, rows)?);
        let anchored = rows.x.iter().skip(FEATURES.len() - 1).step_by(FEATURES.len()).any(|&log_odds| log_odds != 0.0);
        let mut scorers = Vec::new();
        if rows.labels.len() >= FEWEST_FOR_BOOSTING {
            let boosting = Scorer::Boosted(self.boosting.fit(FEATURES.len(), rows));
            scorers.push(("mean", Scorer::Mean(vec![logistic.clone(), boosting.clone()])));
            if anchored {
                scorers.push(("mean_with_bg_nbd", Scorer::Mean(vec![logistic.clone(), boosting.clone(), Scorer::Anchor])));
            }
            scorers.push(("boosting", boosting));
        }
        scorers.push(("logistic", logistic));
        if anchored {
            let mut without = rows.clone();
            without.x.iter_mut().skip(FEATURES.len() - 1).step_by(FEATURES.len()).for_each(|log_odds| *log_odds = 0.0);
            scorers.push(("logistic_without_bg_nbd", Scorer::Logistic(regression.fit(&FEATURES, &without)?)));
            scorers.push(("bg_nbd", Scorer::Anchor));
        }
        Ok(scorers)
    }
}

/// The buy-till-you-die model that anchors churn: BG/NBD of the customers with an order; none where it cannot be fitted.
pub fn anchor(tempos: &[Tempo]) -> Option<PurchaseModel> {
    let statistics = Statistics::new(tempos.iter().filter(|tempo| tempo.orders > 0).map(Tempo::timing));
    bg_nbd::fit(&statistics).ok().filter(|fit| fit.converged).map(|fit| fit.model)
}

/// P(no purchase within the horizon) of each customer as the model has it; `None` for prospects and where churn was not fitted.
pub fn probabilities(model: &ChurnModel, anchor: Option<PurchaseModel>, tempos: &[Tempo]) -> Vec<Option<f64>> {
    let params = ChurnParams::new(model.horizon_days());
    let one = |tempo: &Tempo| {
        let buyer = Some(tempo).filter(|tempo| tempo.orders > 0)?;
        model.probability(&buyer.churn_inputs(params.p_no_purchase(anchor, buyer)))
    };
    tempos.par_iter().map(one).collect()
}

fn together<'a>(origins: impl IntoIterator<Item = &'a Origin>) -> Rows {
    let mut rows = Rows::default();
    origins.into_iter().for_each(|origin| rows.append(origin.rows.clone()));
    rows
}

fn log_odds(scorer: &Scorer, rows: &Rows) -> Vec<f64> {
    let score = |x: &[f32]| scorer.log_odds(&std::array::from_fn(|j| x[j].into()));
    rows.x.par_chunks(FEATURES.len()).map(score).collect()
}

/// What to add to the log-odds for their mean probability to be the share of positives.
fn off(log_odds: &[f64], positive: &[bool]) -> f64 {
    let n = positive.len() as f64;
    let rate = (positive.iter().filter(|&&positive| positive).count() as f64 + 0.5) / (n + 1.0);
    let (mut low, mut high) = (-20.0, 20.0);
    for _ in 0..60 {
        let shift = 0.5 * (low + high);
        let mean = log_odds.iter().map(|z| sigmoid(z + shift)).sum::<f64>() / n;
        *if mean < rate { &mut low } else { &mut high } = shift;
    }
    0.5 * (low + high)
}

/// How each candidate does on rows it has not seen, and the best: the first, unless another's squared error, each at the right level, is
/// smaller by more than a standard error of the difference.
fn compare(scorers: &[(&'static str, Scorer)], rows: &Rows) -> (Vec<Candidate>, Option<&'static str>) {
    let outcome = |label: bool| f64::from(u8::from(label));
    let (mut candidates, mut errors) = (Vec::new(), Vec::new());
    for (method, scorer) in scorers {
        let log_odds = log_odds(scorer, rows);
        let probabilities: Vec<f64> = log_odds.iter().map(|&z| sigmoid(z)).collect();
        let shift = off(&log_odds, &rows.labels);
        let squared = log_odds.iter().zip(&rows.labels).map(|(z, &label)| (sigmoid(z + shift) - outcome(label)).powi(2));
        let squared: Vec<f64> = squared.collect();
        candidates.push(Candidate {
            method: (*method).into(),
            auc: auc(&log_odds, &rows.labels),
            brier: brier(&probabilities, &rows.labels),
            brier_at_level: squared.iter().sum::<f64>() / squared.len().max(1) as f64,
            calibration_error: calibration_error(&reliability(&probabilities, &rows.labels)),
        });
        errors.push(squared);
    }
    let n = rows.labels.len() as f64;
    let clearly_better = |at: &usize| {
        let differences = || errors[*at].iter().zip(&errors[0]).map(|(one, first)| one - first);
        let mean = differences().sum::<f64>() / n;
        let variance = differences().map(|difference| (difference - mean).powi(2)).sum::<f64>() / n;
        mean < -(variance / n).sqrt()
    };
    let error = |at: usize| candidates[at].brier_at_level;
    let best = (1..candidates.len()).filter(clearly_better).min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap_or(0);
    let best = scorers.get(best).map(|(method, _)| *method);
    (candidates, best)
}

/// Whether a customer has no order from `origin` on for `horizon_days`.
pub fn churned(log: &PurchaseLog, customer: usize, origin: Day, horizon_days: u32) -> bool {
    let days = &log.order_day[log.orders_of(customer)];
    let next = days.partition_point(|&day| day < origin);
    days.get(next).is_none_or(|&day| day >= origin + horizon_days as Day)
}

/// What a customer pays in the horizon from `origin` on; what they send back later is not taken off.
fn spent(log: &PurchaseLog, customer: usize, origin: Day, horizon_days: u32) -> f64 {
    let orders = log.orders_of(customer).filter(|&order| (origin..origin + horizon_days as Day).contains(&log.order_day[order]));
    orders.flat_map(|order| log.lines_of(order)).map(|line| log.line_amount[line]).sum()
}
