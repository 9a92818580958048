//! Demand: the next weeks of categories and items from their past ones, held against the seasonal naive forecast at origins of the past.
//!
//! On the square root of a week's sales, so that ups and downs of large and small weeks are alike, runs a local level: l = l + alpha (z - l), the
//! innovations state-space model ETS(A,N,N) of Hyndman, Koehler, Ord & Snyder (2008), "Forecasting with Exponential Smoothing", chapter 2, whose
//! forecast h weeks ahead has variance sigma^2 (1 + (h - 1) alpha^2). With a year behind it, the root of the forecast is the mean of two that know the season:
//! the own weeks a year ago times the growth since, and the level times the shop's own course from now to then a year ago.

use rayon::prelude::*;

/// Weeks that are forecast.
pub(super) const WEEKS: usize = 13;
/// Weeks looked back over at most: three years.
pub(super) const HISTORY: usize = 156;
/// Weeks of a year.
const YEAR: usize = 52;
/// Weeks that growth since a year ago is seen over at least, and at most.
const GROWTH_WEEKS: (usize, usize) = (4, 13);
/// Growth since a year ago counts up to this factor, and down to one over it.
const MOST_GROWTH: f64 = 2.0;
/// Weeks that a level begins with.
const START: usize = 8;
/// The smoothing that is chosen among, one for all series of a kind.
const ALPHAS: [f64; 5] = [0.05, 0.1, 0.2, 0.3, 0.5];
/// Origins of the past that forecasts are tried at: how many, weeks apart, weeks that must lie before.
const ORIGINS: (usize, usize, usize) = (8, 2, 16);
/// Share of weeks that the interval is to hold.
const COVERED: f64 = 0.8;
/// The same share's quantile of the normal distribution, where there is too little past to try.
const NORMAL: f64 = 1.281_551_565_544_6;

/// A week to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Week {
    pub(super) forecast: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) naive: f64,
}

/// How good forecasts were at the origins of the past.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Accuracy {
    pub(super) origins: u64,
    /// Mean absolute error, and that of the seasonal naive forecast of the same weeks.
    pub(super) error: f64,
    pub(super) naive_error: f64,
    /// Share of the weeks within the interval.
    pub(super) coverage: f64,
}

impl Accuracy {
    /// Below 1 where the forecast beats the naive one.
    pub(super) fn mase(&self) -> Option<f64> {
        (self.naive_error > 0.0).then(|| self.error / self.naive_error)
    }
}

/// What is forecast of one series, and how good that was; no accuracy where the past is too short to try.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) weeks: Vec<Week>,
    pub(super) accuracy: Option<Accuracy>,
}

/// Forecasts series of one kind, each with as many weeks as `shop`, the sum of all there is. None where there are fewer than [`START`] weeks.
pub(super) fn forecast(series: &[Vec<f64>], shop: &[f64]) -> Option<Vec<Outcome>> {
    let weeks = shop.len();
    if weeks < START {
        return None;
    }
    let origins: Vec<usize> =
        (0..ORIGINS.0).filter_map(|back| weeks.checked_sub(WEEKS + ORIGINS.1 * back)).filter(|&origin| origin >= ORIGINS.2).collect();
    // what was known at the first origin chooses for all of them
    let alpha_then = origins.last().map_or(ALPHAS[1], |&first| smoothing(series, first));
    let trials: Vec<Vec<Vec<Trial>>> =
        series.par_iter().map(|series| origins.iter().map(|&origin| trial(series, shop, origin, alpha_then)).collect()).collect();
    let spread = |left_out: Option<usize>| {
        let of = |origins: &Vec<Vec<Trial>>| {
            let kept = origins.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
            kept.flat_map(|(_, weeks)| weeks.iter().filter_map(Trial::distance)).collect::<Vec<_>>()
        };
        quantile(trials.iter().flat_map(of).collect()).unwrap_or(NORMAL)
    };
    let spreads: Vec<f64> = (0..origins.len()).map(|origin| spread(Some(origin))).collect();
    let (alpha, spread) = (smoothing(series, weeks), spread(None));
    let outcome = |(series, trials): (&Vec<f64>, &Vec<Vec<Trial>>)| {
        let next = ahead(series, shop, alpha);
        let naive = naive(series);
        let weeks = next.iter().zip(naive).map(|(next, naive)| {
            let [low, high] = next.interval(spread);
            Week { forecast: next.forecast, low, high, naive }
        });
        Outcome { weeks: weeks.collect(), accuracy: accuracy(trials, &spreads) }
    };
    Some(series.par_iter().zip(&trials).map(outcome).collect())
}

fn accuracy(trials: &[Vec<Trial>], spreads: &[f64]) -> Option<Accuracy> {
    let count = trials.iter().map(Vec::len).sum::<usize>() as f64;
    if trials.is_empty() {
        return None;
    }
    let mut accuracy = Accuracy { origins: trials.len() as u64, ..Accuracy::default() };
    for (trial, &spread) in trials.iter().zip(spreads).flat_map(|(weeks, spread)| weeks.iter().map(move |week| (week, spread))) {
        let [low, high] = trial.next.interval(spread);
        accuracy.error += (trial.sold - trial.next.forecast).abs() / count;
        accuracy.naive_error += (trial.sold - trial.naive).abs() / count;
        accuracy.coverage += f64::from(u8::from((low - 1e-9..=high + 1e-9).contains(&trial.sold))) / count;
    }
    Some(accuracy)
}

/// A forecast of one week.
#[derive(Clone, Copy, Debug)]
struct Next {
    forecast: f64,
    /// Standard deviation of its root.
    sigma: f64,
}

impl Next {
    fn interval(&self, spread: f64) -> [f64; 2] {
        let root = self.forecast.sqrt();
        [-1.0, 1.0].map(|side| (root + side * spread * self.sigma).max(0.0).powi(2))
    }
}

/// A forecast of a week that is over.
#[derive(Clone, Copy, Debug)]
struct Trial {
    next: Next,
    naive: f64,
    sold: f64,
}

impl Trial {
    /// How many standard deviations the truth was away.
    fn distance(&self) -> Option<f64> {
        (self.next.sigma > 0.0).then(|| (self.sold.sqrt() - self.next.forecast.sqrt()).abs() / self.next.sigma)
    }
}

fn trial(series: &[f64], shop: &[f64], origin: usize, alpha: f64) -> Vec<Trial> {
    let next = ahead(&series[..origin], &shop[..origin], alpha);
    let naive = naive(&series[..origin]);
    let weeks = next.into_iter().zip(naive).zip(&series[origin..]);
    weeks.map(|((next, naive), &sold)| Trial { next, naive, sold }).collect()
}

/// The seasonal naive forecast: the same weeks a year ago; in the first year the last week.
fn naive(series: &[f64]) -> Vec<f64> {
    let last = series.last().copied().unwrap_or(0.0);
    (0..WEEKS).map(|week| series.len().checked_sub(YEAR).map_or(last, |start| series[start + week])).collect()
}

/// The last level of the roots and the standard deviation of what was not expected.
fn level(series: &[f64], alpha: f64) -> (f64, f64) {
    let start = series.len().min(START);
    let mut level = series[..start].iter().map(|sold| sold.sqrt()).sum::<f64>() / start.max(1) as f64;
    let (mut squares, mut count) = (0.0, 0_u32);
    for (at, sold) in series.iter().enumerate() {
        let surprise = sold.sqrt() - level;
        level += alpha * surprise;
        if at >= start / 2 {
            squares += surprise * surprise;
            count += 1;
        }
    }
    (level, (squares / f64::from(count.max(1))).sqrt())
}

/// The smoothing with the least squared surprise over the first `weeks` of all series, each beside its own variance.
fn smoothing(series: &[Vec<f64>], weeks: usize) -> f64 {
    let surprise = |alpha: f64| {
        let of = |series: &Vec<f64>| {
            let (_, usual) = level(&series[..weeks], 0.0);
            let (_, sigma) = level(&series[..weeks], alpha);
            if usual > 0.0 { (sigma / usual).powi(2) } else { 0.0 }
        };
        series.par_iter().map(of).collect::<Vec<_>>().into_iter().sum::<f64>()
    };
    let surprises = ALPHAS.map(surprise);
    let best = (0..ALPHAS.len()).min_by(|&a, &b| surprises[a].total_cmp(&surprises[b])).unwrap_or(1);
    ALPHAS[best]
}

/// The weeks a year before those to come times the growth since then; each of `weeks` beside its neighbours if `smooth`.
fn year_ago(series: &[f64], smooth: bool) -> Option<Vec<f64>> {
    let weeks = series.len();
    let start = weeks.checked_sub(YEAR)?;
    let of = |week: usize| {
        let around = if smooth { week.saturating_sub(1)..(week + 2).min(weeks) } else { week..week + 1 };
        let count = around.len() as f64;
        series[around].iter().sum::<f64>() / count
    };
    let seen = start.min(GROWTH_WEEKS.1);
    let sum = |from: usize| series[from..from + seen].iter().sum::<f64>();
    let (now, then) = (sum(weeks - seen), sum(start - seen));
    let growth = if seen >= GROWTH_WEEKS.0 && then > 0.0 { (now / then).clamp(1.0 / MOST_GROWTH, MOST_GROWTH) } else { 1.0 };
    Some((0..WEEKS).map(|week| growth * of(start + week)).collect())
}

/// The weeks to come.
fn ahead(series: &[f64], shop: &[f64], alpha: f64) -> Vec<Next> {
    let (root, sigma) = level(series, alpha);
    let flat = root * root;
    let season = year_ago(series, false).zip(year_ago(shop, true)).map(|(own, course)| {
        let shop_now = level(shop, alpha).0.powi(2);
        let with_shop = |course: f64| if shop_now > 0.0 { flat * course / shop_now } else { flat };
        own.into_iter().zip(course).map(|(own, course)| ((own.sqrt() + with_shop(course).sqrt()) / 2.0).powi(2)).collect()
    });
    let forecasts: Vec<f64> = season.unwrap_or_else(|| vec![flat; WEEKS]);
    let next = |(week, forecast): (usize, f64)| Next { forecast, sigma: sigma * (1.0 + week as f64 * alpha * alpha).sqrt() };
    forecasts.into_iter().enumerate().map(next).collect()
}

/// The value that so many of the others do not exceed, a little more for few.
fn quantile(mut distances: Vec<f64>) -> Option<f64> {
    distances.sort_unstable_by(f64::total_cmp);
    let rank = ((distances.len() + 1) as f64 * COVERED).ceil() as usize;
    distances.get(rank.min(distances.len()).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_shop_goes_on_and_a_level_is_followed() {
        let steady = forecast(&[vec![9.0; 40]], &[9.0; 40]).expect("enough weeks");
        assert!(steady[0].weeks.iter().all(|week| (week.forecast - 9.0).abs() < 1e-9 && week.low == week.high && week.naive == 9.0));
        let accuracy = steady[0].accuracy.expect("tried");
        assert_eq!((accuracy.origins, accuracy.mase()), (6, None));
        assert!(accuracy.error < 1e-9 && accuracy.coverage > 0.999);
        assert_eq!(forecast(&[vec![9.0; 7]], &[9.0; 7]), None);
        assert!(
            forecast(&[vec![0.0; 20]], &[0.0; 20]).expect("enough")[0].weeks.iter().all(|week| week.forecast == 0.0 && week.high == 0.0)
        );
        // alpha 0.5: roots 2 (eight of them), then 4: level 2 + 0.5 (4 - 2) = 3
        let mut step = vec![4.0; START];
        step.push(16.0);
        assert_eq!(level(&step, 0.5).0, 3.0);
    }

    #[test]
    fn last_years_season_comes_again_at_this_years_height() {
        let season = |week: usize| if week % 52 < 6 { 300.0 } else { 100.0 };
        let series: Vec<f64> = (0..104).map(|week| season(week) * if week < 52 { 1.0 } else { 1.5 }).collect();
        let next = &forecast(std::slice::from_ref(&series), &series).expect("enough")[0].weeks;
        // the shop grows by half again
        assert!(next[1].forecast > 600.0 && next[12].forecast < 230.0, "{next:?}");
        assert_eq!((next[0].naive, next[12].naive), (450.0, 150.0));
        // the own weeks a year ago times a growth of 1.5
        let own = year_ago(&series, false).expect("a year");
        assert_eq!((own[0], own[12]), (450.0 * 1.5, 150.0 * 1.5));
    }

    #[test]
    fn intervals_hold_what_they_say_of_noise() {
        let mut state = 7_u64;
        let mut noise = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as f64 / (1_u64 << 31) as f64
        };
        let series: Vec<Vec<f64>> = (0..40).map(|_| (0..60).map(|_| 50.0 + 40.0 * noise()).collect()).collect();
        let shop: Vec<f64> = (0..60).map(|week| series.iter().map(|series| series[week]).sum()).collect();
        let outcomes = forecast(&series, &shop).expect("enough");
        let mean = |of: &dyn Fn(Accuracy) -> f64| outcomes.iter().filter_map(|outcome| outcome.accuracy).map(of).sum::<f64>() / 40.0;
        let (coverage, mase) = (mean(&|accuracy| accuracy.coverage), mean(&|accuracy| accuracy.mase().unwrap_or(1.0)));
        assert!((0.75..0.85).contains(&coverage) && mase < 0.85, "{coverage} {mase}");
    }
}
