//! Churn: labels from past origins, several ways of scoring, and the one that holds at the newest origin.
//!
//! Origins differ by season and by how much history there is. So each feature is taken less its mean over the customers of its origin, each
//! origin has an intercept of its own, and the level at as-of comes from the buy-till-you-die model, which needs no labels.
//!
//! Whoever is silent for longer, all else being equal, is never said to be safer: every feature that moves with the silence is bound to move the
//! probability with it, in the regression and in the trees.

use rayon::prelude::*;
use shopkeeper_models::buy_till_you_die::PurchaseModel;
use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::churn::{
    Candidate, Centre, ChurnInputs, ChurnModel, FEATURES, Scorer, Share, WIDTH, log_odds as log_odds_of, with_silence,
};
use shopkeeper_models::logistic::sigmoid;

use crate::boosting::BoostingParams;
use crate::buy_till_you_die::{bg_nbd, statistics::Statistics};
use crate::evaluation::metrics::{auc, brier, calibration_error, reliability};
use crate::log::{Past, PurchaseLog};
use crate::logistic::{LogisticError, LogisticParams, Rows};
use crate::season::Pace;
use crate::tempo::{Tempo, tempos, tempos_of};

/// Origins a horizon: they overlap, so that little of the history is lost.
const ORIGINS_A_HORIZON: Day = 4;
/// Origins with half the horizon: they are newer than any with a whole one.
const RECENT: Day = 4;
/// A horizon shorter than this is not halved, days.
const LEAST_HALVED: Day = 14;
/// Fewer rows of either outcome than this teach nothing.
const FEWEST: usize = 20;
/// Fewer rows than this grow no trees.
const FEWEST_FOR_BOOSTING: usize = 500;
/// Share of what the anchor's level was lately off by, and of what a season did a year ago, that is believed to hold on.
const HELD: f64 = 0.5;
/// Fewer customers at an origin than this compare no candidates and move no level.
const FEWEST_TO_COMPARE: usize = 200;
/// Share of the values of a feature that is cut off at either end.
const TAIL: f64 = 0.01;
/// Weight of the trees beside the regression, which is 1.
const TREES_SHARE: f64 = 0.5;
/// Weight of the anchor beside them.
const ANCHOR_SHARE: f64 = 0.25;

/// A part that can be left out, to see what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The buy-till-you-die model: as a feature, as a share of the mean and as the level.
    Anchor,
    /// The trees.
    Boosting,
    /// What was bought in the same season a year ago.
    Season,
    /// The origins with half a horizon.
    Recent,
    /// One mean and one intercept an origin.
    Centring,
    /// The correction of the anchor's level.
    Recalibration,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] = [Self::Anchor, Self::Boosting, Self::Season, Self::Recent, Self::Centring, Self::Recalibration];

    /// What the bench calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anchor => "BG/NBD",
            Self::Boosting => "boosting",
            Self::Season => "season a year ago",
            Self::Recent => "half horizons",
            Self::Centring => "centring by origin",
            Self::Recalibration => "recalibration",
        }
    }
}

/// How churn is learned.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ChurnParams {
    /// Days after as-of without a purchase that count as churned.
    pub horizon_days: u32,
    /// Most past origins, a quarter of a horizon apart; up to four with half a horizon come on top. Default 12.
    pub origins: u32,
    /// Most rows, over all origins; customers are thinned evenly beyond. Default 200,000.
    pub most_rows: usize,
    /// Ridge of the regression, in rows. Default 50.
    pub ridge: f64,
    /// The trees.
    pub boosting: BoostingParams,
    /// Left out. Default none.
    #[serde(skip)]
    pub without: Option<Part>,
}

/// The customers of one past origin, and what they did in the horizon after it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its as-of day.
    pub day: Day,
    /// Days after it that were looked at.
    pub horizon_days: u32,
    /// Whether the buy-till-you-die model could be fitted there.
    pub anchored: bool,
    /// What was known of each customer, and whether they then bought nothing.
    pub rows: Rows,
    /// What each then spent.
    pub spend: Vec<f64>,
}

/// What churn and spend are learned from.
#[derive(Clone, Debug)]
pub struct Lessons {
    /// The customers at as-of; nobody knows yet what they do.
    pub now: Origin,
    /// The origins with a whole horizon, newest first.
    pub past: Vec<Origin>,
    /// The origins with half a horizon, newest first.
    pub recent: Vec<Origin>,
    /// How much was bought on each day.
    pub pace: Pace,
}

/// Every candidate with its level, the one that is used unless another is clearly better first.
struct Learned {
    centres: Vec<Centre>,
    candidates: Vec<(&'static str, Scorer, f64)>,
}

impl ChurnParams {
    /// Defaults for a horizon.
    pub fn new(horizon_days: u32) -> Self {
        let boosting = BoostingParams::default();
        Self { horizon_days, origins: 12, most_rows: 200_000, ridge: 50.0, boosting, without: None }
    }

    /// Learns from what was known at `past.day`: never from a horizon that reaches beyond it. Too little history is a stated
    /// [`ChurnModel::InsufficientData`].
    pub fn fit(&self, past: &Past<'_>) -> ChurnModel {
        self.fit_on(&self.lessons(past, anchor(&tempos(past))))
    }

    /// The customers of as-of, with the anchor fitted there, and of every past origin.
    pub fn lessons(&self, past: &Past<'_>, anchor: Option<PurchaseModel>) -> Lessons {
        let (whole, half) = self.origins(past);
        let origins = whole.len() + half.len();
        let label = |days: Vec<Day>, horizon_days: u32| {
            days.into_iter().map(|day| self.label(past, day, horizon_days, origins, None)).collect::<Vec<_>>()
        };
        Lessons {
            now: self.label(past, past.day, 0, 1, Some(anchor)),
            past: label(whole, self.horizon_days),
            recent: label(half, self.horizon_days / 2),
            pace: Pace::of(past),
        }
    }

    /// Learns from origins that were labelled beforehand.
    pub fn fit_on(&self, lessons: &Lessons) -> ChurnModel {
        let insufficient = |reason: String| ChurnModel::InsufficientData { horizon_days: self.horizon_days, reason };
        let Some(newest) = lessons.past.first() else {
            return insufficient(format!("the history is shorter than a horizon and a half of {} days", self.horizon_days));
        };
        let labels = || lessons.past.iter().flat_map(|origin| &origin.rows.labels);
        let (rows, churned) = (labels().count(), labels().filter(|&&label| label).count());
        if churned.min(rows - churned) < FEWEST {
            return insufficient(format!("{rows} past customers of whom {churned} left: at least {FEWEST} of each kind are needed"));
        }
        let earlier: Vec<&Origin> = lessons.past.iter().filter(|origin| origin.day + self.horizon_days as Day <= newest.day).collect();
        let compared = if newest.rows.labels.len() >= FEWEST_TO_COMPARE { self.learn(newest, &earlier, &lessons.pace).ok() } else { None };
        let (candidates, best) = compared.map_or((Vec::new(), None), |learned| compare(&learned, &newest.rows));
        let all: Vec<&Origin> = lessons.past.iter().chain(&lessons.recent).collect();
        let learned = match self.learn(&lessons.now, &all, &lessons.pace) {
            Ok(learned) => learned,
            Err(error) => return insufficient(error.to_string()),
        };
        let chosen = learned.candidates.iter().position(|(method, ..)| Some(*method) == best).unwrap_or(0);
        let Some((method, scorer, level)) = learned.candidates.into_iter().nth(chosen) else { return insufficient("no candidate".into()) };
        ChurnModel::Fitted {
            horizon_days: self.horizon_days,
            method: method.into(),
            scorer,
            centres: learned.centres,
            level,
            validated_on: (!candidates.is_empty()).then(|| date(newest.day)),
            candidates,
            origins: lessons.past.iter().map(|origin| date(origin.day)).collect(),
            rows: all.iter().map(|origin| origin.rows.labels.len() as u64).sum(),
        }
    }

    /// Origins that have at least half a horizon of history, newest first: those whose horizon is complete before `past.day`, and those of which
    /// only half of it is.
    fn origins(&self, past: &Past<'_>) -> (Vec<Day>, Vec<Day>) {
        let horizon = self.horizon_days as Day;
        let Some((first, _)) = past.log().days() else { return Default::default() };
        let known = |day: &Day| *day - first >= horizon / 2;
        let step = (horizon / ORIGINS_A_HORIZON).max(1);
        let whole = (0..self.origins as Day).map(|back| past.day - horizon - back * step).filter(known).collect();
        let halved = self.without != Some(Part::Recent) && horizon >= LEAST_HALVED;
        let half = (0..if halved { RECENT } else { 0 }).map(|back| past.day - horizon / 2 - back * (horizon / 8).max(1));
        (whole, half.filter(known).collect())
    }

    /// Every customer with a history at `day`, or an even selection, and whether they then bought nothing for `horizon_days`. With 0 days,
    /// nobody has bought. The anchor is fitted on them unless it is given.
    fn label(&self, past: &Past<'_>, day: Day, horizon_days: u32, origins: usize, fitted: Option<Option<PurchaseModel>>) -> Origin {
        let (log, past) = (past.log(), past.before(day));
        let known: Vec<usize> = (0..log.customers()).filter(|&customer| !past.orders_of(customer).is_empty()).collect();
        let every = (known.len() * origins).div_ceil(self.most_rows).max(1);
        let known: Vec<usize> = known.into_iter().skip(day.rem_euclid(every as Day) as usize).step_by(every).collect();
        let tempos = tempos_of(&past, &known);
        let anchor = fitted.unwrap_or_else(|| anchor(&tempos)).filter(|_| self.without != Some(Part::Anchor));
        let ahead = Self { horizon_days: if horizon_days == 0 { self.horizon_days } else { horizon_days }, ..*self };
        let mut rows = Rows::default();
        for (tempo, &customer) in tempos.iter().zip(&known) {
            let features = ahead.inputs(anchor, tempo).features();
            rows.push(&features.map(|x| x as f32), churned(log, customer, day, horizon_days), 1.0);
        }
        let spend = known.par_iter().map(|&customer| spent(log, customer, day, horizon_days)).collect();
        Origin { day, horizon_days, anchored: anchor.is_some(), rows, spend }
    }

    /// What is looked at: the tempo and P(no purchase within the horizon) by the anchor, 0.5 without one.
    pub fn inputs(&self, anchor: Option<PurchaseModel>, tempo: &Tempo) -> ChurnInputs {
        let p = anchor.map_or(0.5, |model| model.p_no_purchase(self.horizon_days.into(), &tempo.timing()));
        let inputs = tempo.churn_inputs(self.horizon_days, p);
        let season = self.without != Some(Part::Season);
        ChurnInputs { days_year_ago: if season { inputs.days_year_ago } else { 0 }, ..inputs }
    }

    /// Every candidate, fitted on some origins and levelled for the customers of another day.
    fn learn(&self, now: &Origin, origins: &[&Origin], pace: &Pace) -> Result<Learned, LogisticError> {
        let centring = self.without != Some(Part::Centring);
        let (mut rows, mut start) = (Rows::default(), Vec::new());
        for origin in origins {
            let means = if centring { means(&origin.rows) } else { vec![0.0; WIDTH] };
            let centred = origin.rows.x.iter().zip(means.iter().cycle()).map(|(x, mean)| (f64::from(*x) - mean) as f32);
            rows.append(Rows { x: centred.collect(), labels: origin.rows.labels.clone(), weights: origin.rows.weights.clone() });
            let positive = origin.rows.labels.iter().filter(|&&label| label).count() as f64 + 0.5;
            start.extend(vec![(positive / (origin.rows.labels.len() as f64 + 1.0 - positive)).ln(); origin.rows.labels.len()]);
        }
        let means = if centring { means(&now.rows) } else { vec![0.0; WIDTH] };
        let tails = (0..WIDTH).into_par_iter().map(|feature| tails(&rows.x, feature)).collect::<Vec<_>>();
        let centre = |(mean, &(least, most)): (f64, &(f64, f64))| Centre { mean, least, most };
        let centres: Vec<Centre> = means.into_iter().zip(&tails).map(centre).collect();
        rows.x.iter_mut().zip(tails.iter().cycle()).for_each(|(x, &(least, most))| *x = x.clamp(least as f32, most as f32));
        let logistic = self.regression(&rows, if centring { origins } else { &[] })?;
        let anchored = now.anchored && origins.iter().any(|origin| origin.anchored);
        let boosted = self.without != Some(Part::Boosting) && rows.labels.len() >= FEWEST_FOR_BOOSTING;
        let boosting = boosted.then(|| Scorer::Boosted(self.boosting.fit(&signs(), &rows, start)));
        let share = |weight: f64, scorer: &Scorer| Share { weight, scorer: scorer.clone() };
        let mut scorers = Vec::new();
        let learned: Vec<Share> =
            std::iter::once(share(1.0, &logistic)).chain(boosting.as_ref().map(|trees| share(TREES_SHARE, trees))).collect();
        let with_anchor = learned.iter().cloned().chain([share(ANCHOR_SHARE, &Scorer::Anchor)]).collect();
        if boosting.is_some() {
            scorers.push(("mean", Scorer::Mean(learned)));
        }
        if anchored {
            scorers.push(("mean_with_bg_nbd", Scorer::Mean(with_anchor)));
        }
        scorers.extend(boosting.map(|boosting| ("boosting", boosting)));
        scorers.push(("logistic", logistic));
        if anchored {
            scorers.push(("bg_nbd", Scorer::Anchor));
        }
        let target = self.target(now, origins, pace);
        let levelled = |(method, scorer): (&'static str, Scorer)| {
            let level = shift(&log_odds(&scorer, &centres, &now.rows), target);
            (method, scorer, level)
        };
        let candidates = scorers.into_iter().map(levelled).collect();
        Ok(Learned { centres, candidates })
    }

    /// The regression over the features, fitted with an intercept for each origin.
    fn regression(&self, rows: &Rows, origins: &[&Origin]) -> Result<Scorer, LogisticError> {
        let own = origins.len().saturating_sub(1);
        let width = WIDTH + own;
        let mut x = Vec::with_capacity(rows.labels.len() * width);
        let origin_of = origins.iter().enumerate().flat_map(|(at, origin)| vec![at; origin.rows.labels.len()]);
        for (features, origin) in rows.x.chunks_exact(WIDTH).zip(origin_of.chain(std::iter::repeat(0))) {
            x.extend_from_slice(features);
            x.extend((1..=own).map(|at| f32::from(u8::from(at == origin))));
        }
        let names: Vec<&str> = FEATURES.into_iter().chain(std::iter::repeat_n("origin", own)).collect();
        let wide = Rows { x, labels: rows.labels.clone(), weights: rows.weights.clone() };
        let signs: Vec<i8> = signs().into_iter().chain(std::iter::repeat_n(0, own)).collect();
        let mut logistic = LogisticParams { ridge: self.ridge }.fit_signed(&names, &wide, &signs)?;
        logistic.weights.truncate(WIDTH);
        Ok(Scorer::Logistic(logistic))
    }

    /// The share of the customers of `now` that is expected to leave: what the anchor says, moved by half of what it was off by at the newest
    /// origin. Where the history tells how the pace of the shop changed a year ago, by half of what it was off by at the newest origins of either
    /// horizon, less the change of the pace since: the log-odds of no purchase fall by about as much as the logarithm of the pace rises. Without an
    /// anchor, the share at the newest origin, less half of that change.
    fn target(&self, now: &Origin, origins: &[&Origin], pace: &Pace) -> f64 {
        let change = |origin: &Origin| {
            let then = origin.day..origin.day + origin.horizon_days as Day;
            pace.change(now.day, self.horizon_days as Day, then).filter(|_| self.without != Some(Part::Season))
        };
        if !now.anchored {
            let of = |newest: &&Origin| sigmoid(log_odds_of(rate(&newest.rows.labels)) - HELD * change(newest).unwrap_or(0.0));
            return origins.first().map_or(0.5, of);
        }
        let large = |origin: &&&Origin| origin.rows.labels.len() >= FEWEST_TO_COMPARE;
        let newest = |horizon_days: u32| {
            let newest = origins.iter().find(|origin| origin.horizon_days == horizon_days && origin.anchored).filter(large)?;
            Some((shift(&anchors(&newest.rows), rate(&newest.rows.labels)), change(newest)))
        };
        let newest: Vec<(f64, Option<f64>)> = [newest(self.horizon_days), newest(self.horizon_days / 2)].into_iter().flatten().collect();
        let in_season: Vec<f64> = newest.iter().filter_map(|(off, change)| Some(off - (*change)?)).collect();
        let off = if in_season.is_empty() {
            newest.first().map_or(0.0, |(off, _)| *off)
        } else {
            in_season.iter().sum::<f64>() / in_season.len() as f64
        };
        let moved = if self.without == Some(Part::Recalibration) { 0.0 } else { HELD * off };
        let anchors = anchors(&now.rows);
        anchors.iter().map(|z| sigmoid(z + moved)).sum::<f64>() / anchors.len().max(1) as f64
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
        model.probability(&params.inputs(anchor, buyer))
    };
    tempos.par_iter().map(one).collect()
}

/// Which way each feature may move the probability: 1 up, -1 down, 0 either way.
fn signs() -> [i8; WIDTH] {
    FEATURES.map(with_silence)
}

/// Mean of every feature.
fn means(rows: &Rows) -> Vec<f64> {
    let mut sums = vec![0.0; WIDTH];
    rows.x.chunks_exact(WIDTH).for_each(|x| sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += f64::from(*x)));
    sums.iter().map(|sum| sum / rows.labels.len().max(1) as f64).collect()
}

/// What all but the tails of a feature lie between.
pub(crate) fn tails(x: &[f32], feature: usize) -> (f64, f64) {
    let mut values: Vec<f32> = x.iter().skip(feature).step_by(WIDTH).copied().collect();
    values.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| values.get((share * values.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(0.0).into();
    (at(TAIL), at(1.0 - TAIL))
}

fn log_odds(scorer: &Scorer, centres: &[Centre], rows: &Rows) -> Vec<f64> {
    let score = |x: &[f32]| scorer.log_odds(&std::array::from_fn(|j| centres[j].of(x[j].into())), x[WIDTH - 1].into());
    rows.x.par_chunks(WIDTH).map(score).collect()
}

/// The anchor's log-odds of each row.
fn anchors(rows: &Rows) -> Vec<f64> {
    rows.x.iter().skip(WIDTH - 1).step_by(WIDTH).map(|&z| z.into()).collect()
}

/// The share that left, a little short of none and of all.
fn rate(gone: &[bool]) -> f64 {
    (gone.iter().filter(|&&gone| gone).count() as f64 + 0.5) / (gone.len() as f64 + 1.0)
}

/// What to add to the log-odds for their mean probability to be `rate`.
fn shift(log_odds: &[f64], rate: f64) -> f64 {
    let n = log_odds.len() as f64;
    let (mut low, mut high) = (-20.0, 20.0);
    for _ in 0..50 {
        let shift = 0.5 * (low + high);
        let mean = log_odds.iter().map(|z| sigmoid(z + shift)).sum::<f64>() / n;
        *if mean < rate { &mut low } else { &mut high } = shift;
    }
    0.5 * (low + high)
}

/// How each candidate does on rows it has not seen, and the best: the first, unless another's squared error, each at the right level, is
/// smaller by more than a standard error of the difference.
fn compare(learned: &Learned, rows: &Rows) -> (Vec<Candidate>, Option<&'static str>) {
    let outcome = |label: bool| f64::from(u8::from(label));
    let (mut candidates, mut errors) = (Vec::new(), Vec::new());
    for (method, scorer, level) in &learned.candidates {
        let log_odds = log_odds(scorer, &learned.centres, rows);
        let probabilities: Vec<f64> = log_odds.iter().map(|&z| sigmoid(z + level)).collect();
        let shift = shift(&log_odds, rate(&rows.labels));
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
    let best = learned.candidates.get(best).map(|(method, ..)| *method);
    (candidates, best)
}

/// Whether a customer has no order from `origin` on for `horizon_days`.
pub fn churned(log: &PurchaseLog, customer: usize, origin: Day, horizon_days: u32) -> bool {
    let days = &log.order_day[log.orders_of(customer)];
    let next = days.partition_point(|&day| day < origin);
    days.get(next).is_none_or(|&day| day >= origin + horizon_days as Day)
}

/// What a customer pays in the horizon from `origin` on; what they send back later is not taken off.
pub fn spent(log: &PurchaseLog, customer: usize, origin: Day, horizon_days: u32) -> f64 {
    let orders = log.orders_of(customer).filter(|&order| (origin..origin + horizon_days as Day).contains(&log.order_day[order]));
    orders.flat_map(|order| log.lines_of(order)).map(|line| log.line_amount[line]).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::simulated;

    #[test]
    fn probabilities_are_true_on_a_simulated_shop_and_rise_with_silence() {
        let log = simulated::log(3000);
        let cut = log.as_of_day - 56;
        let past = log.before(cut);
        let known = tempos(&past);
        let anchor = anchor(&known);
        let model = ChurnParams::new(56).fit(&past);
        let p = probabilities(&model, anchor, &known);
        let (mut predicted, mut gone) = (Vec::new(), Vec::new());
        for (customer, p) in p.iter().enumerate().filter_map(|(customer, p)| Some((customer, (*p)?))) {
            assert!((0.0..=1.0).contains(&p), "{p}");
            predicted.push(p);
            gone.push(churned(&log, customer, cut, 56));
        }
        assert!(calibration_error(&reliability(&predicted, &gone)) < 0.04);
        assert!(auc(&predicted, &gone) > 0.8);
        // the same history, every day of it longer ago
        let regular = known.iter().find(|tempo| tempo.purchase_days > 8 && tempo.days_since_last < 10).unwrap();
        let after = |silence: u32| {
            let tempo = Tempo {
                age_days: regular.age_days + silence,
                days_since_last: regular.days_since_last + silence,
                gaps_as_long: if silence > 0 { 0 } else { regular.gaps_as_long },
                days_in_last: crate::tempo::DAY_WINDOWS.map(|window| if silence > window { 0 } else { regular.days_in_last[0].min(1) }),
                spend_in_last: [0.0; 2],
                ..*regular
            };
            model.probability(&ChurnParams::new(56).inputs(anchor, &tempo)).unwrap()
        };
        let risks = [0, 30, 60, 120, 240].map(after);
        assert!(risks.windows(2).all(|pair| pair[0] <= pair[1] + 0.01) && risks[4] > risks[0] + 0.3, "{risks:?}");
    }

    /// Copies of some customers, each with every order so many days earlier.
    fn earlier(log: &PurchaseLog, of: &[usize], by: &[Day]) -> PurchaseLog {
        let mut copies = PurchaseLog {
            customer_ids: arrow::array::StringArray::from_iter_values((0..of.len() * by.len()).map(|at| format!("{at:06}"))),
            order_offsets: vec![0],
            order_time: Vec::new(),
            order_day: Vec::new(),
            order_channel: Vec::new(),
            line_offsets: vec![0],
            line_item: Vec::new(),
            line_quantity: Vec::new(),
            line_amount: Vec::new(),
            ..log.clone()
        };
        for (&customer, &by) in of.iter().flat_map(|customer| by.iter().map(move |by| (customer, by))) {
            for order in log.orders_of(customer) {
                copies.order_time.push(log.order_time[order] - i64::from(by) * 86_400);
                copies.order_day.push(log.order_day[order] - by);
                copies.order_channel.push(log.order_channel[order]);
                copies.line_item.extend(&log.line_item[log.lines_of(order)]);
                copies.line_quantity.extend(&log.line_quantity[log.lines_of(order)]);
                copies.line_amount.extend(&log.line_amount[log.lines_of(order)]);
                copies.line_offsets.push(copies.line_item.len() as u32);
            }
            copies.order_offsets.push(copies.order_day.len() as u32);
        }
        copies
    }

    #[test]
    fn the_same_history_longer_ago_is_never_safer_whatever_the_method() {
        let log = simulated::log(3000);
        let past = log.before(log.as_of_day);
        let silences: Vec<Day> = (0..30).chain((30..400).step_by(7)).collect();
        let buyers: Vec<usize> = (0..log.customers()).filter(|&customer| !log.orders_of(customer).is_empty()).step_by(25).collect();
        let copies = earlier(&log, &buyers, &silences);
        let known = tempos(&copies.before(copies.as_of_day));
        let anchor = anchor(&tempos(&past));
        let params = ChurnParams::new(56);
        let lessons = params.lessons(&past, anchor);
        let ChurnModel::Fitted { centres, .. } = params.fit_on(&lessons) else { panic!("fitted") };
        let origins: Vec<&Origin> = lessons.past.iter().collect();
        let learned = params.learn(&lessons.now, &origins, &lessons.pace).unwrap();
        assert_eq!(learned.candidates.len(), 5, "every method is looked at");
        // another season a year ago is another history
        let features = |tempo: &Tempo| ChurnInputs { days_year_ago: 0, ..params.inputs(anchor, tempo) }.features();
        for silent in known.chunks_exact(silences.len()) {
            for (shorter, longer) in silent.iter().map(features).zip(silent.iter().skip(1).map(features)) {
                for (j, feature) in FEATURES.into_iter().enumerate() {
                    let (by, sign) = (longer[j] - shorter[j], with_silence(feature));
                    assert!(if sign == 0 { by == 0.0 } else { by * f64::from(sign) >= -1e-9 }, "{feature} moves by {by}");
                }
            }
        }
        for (method, scorer, level) in &learned.candidates {
            let of = |tempo: &Tempo| {
                let x = features(tempo);
                sigmoid(scorer.log_odds(&std::array::from_fn(|j| centres[j].of(x[j])), x[WIDTH - 1]) + level)
            };
            let mut risen = 0.0;
            for (customer, silent) in buyers.iter().zip(known.chunks_exact(silences.len())) {
                let risks: Vec<f64> = silent.iter().map(of).collect();
                let falls = risks.windows(2).position(|pair| pair[1] < pair[0] - 1e-9);
                assert_eq!(falls, None, "{method}, customer {customer}: {risks:?}");
                risen += risks[risks.len() - 1] - risks[0];
            }
            assert!(risen / buyers.len() as f64 > 0.1, "{method}");
        }
    }

    #[test]
    fn too_little_history_is_said_and_drivers_are_few() {
        let log = simulated::log(300);
        let early = log.before(log.days().unwrap().0 + 40);
        assert!(matches!(ChurnParams::new(91).fit(&early), ChurnModel::InsufficientData { .. }));
        let past = log.before(log.as_of_day);
        let known = tempos(&past);
        let model = ChurnParams::new(91).fit(&past);
        let gone = known.iter().filter(|tempo| tempo.orders > 0).max_by_key(|tempo| tempo.days_since_last).unwrap();
        let inputs = ChurnParams::new(91).inputs(anchor(&known), gone);
        let (p, drivers) = model.explained(&inputs).unwrap();
        assert!((p - model.probability(&inputs).unwrap()).abs() < 1e-12);
        assert!(drivers[0].is_some_and(|driver| driver.raises), "{drivers:?}");
    }
}
