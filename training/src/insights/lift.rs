//! What something changed: those it was done to beside those it was not done to, each held against their own past.
//!
//! Outcomes are adjusted by the own past (analysis of covariance; "CUPED", Deng, Xu, Kohavi & Walker 2013, equation 4): z = y - theta x with theta the
//! slope of y on x within arm and stratum. The lift is the difference of the means of z in each stratum, weighted by its treated (equation 17.2 of
//! Imbens & Rubin 2015, "Causal Inference"), with the variance of a difference of means.

use shopkeeper_models::logistic::Logistic;
use statrs::function::erf::erfc;

use super::Z;
use crate::logistic::{LogisticParams, Rows};

/// Strata of people alike.
const STRATA: usize = 10;
/// Standard deviations from a true lift to the edge of the interval that leave a chance of 80 % to find it.
const POWER: f64 = 0.841_621_233_572_914_3;

/// Somebody, as they are compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Person {
    pub(super) treated: bool,
    /// People of one stratum are compared with one another.
    pub(super) stratum: usize,
    /// What happened.
    pub(super) outcome: f64,
    /// The same over the days before.
    pub(super) past: f64,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Lift {
    pub(super) treated: u64,
    pub(super) compared: u64,
    /// Mean outcome of the treated, and what it would have been.
    pub(super) mean: f64,
    pub(super) expected: f64,
    pub(super) lift: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// Two-sided; none where nothing varies.
    pub(super) p_value: Option<f64>,
    /// The smallest true lift that would be found four times of five.
    pub(super) detectable: f64,
}

#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    y: f64,
    x: f64,
    yy: f64,
    xx: f64,
    xy: f64,
}

impl Moments {
    fn add(&mut self, Person { outcome: y, past: x, .. }: Person) {
        self.n += 1.0;
        self.y += y;
        self.x += x;
        self.yy += y * y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Sums of squared and of mixed differences from the means.
    fn spread(&self) -> (f64, f64, f64) {
        let n = self.n.max(1.0);
        ((self.xx - self.x * self.x / n).max(0.0), self.xy - self.x * self.y / n, (self.yy - self.y * self.y / n).max(0.0))
    }
}

/// The lift. None where no stratum has two of each.
pub(super) fn lift(people: &[Person]) -> Option<Lift> {
    let strata = people.iter().map(|person| person.stratum + 1).max()?;
    let mut arms = vec![[Moments::default(); 2]; strata];
    people.iter().for_each(|&person| arms[person.stratum][usize::from(person.treated)].add(person));
    arms.retain(|arms| arms.iter().all(|arm| arm.n >= 2.0));
    let (xx, xy) = arms.iter().flatten().map(Moments::spread).fold((0.0, 0.0), |sum, (xx, xy, _)| (sum.0 + xx, sum.1 + xy));
    let slope = if xx > 1e-12 { xy / xx } else { 0.0 };
    let treated: f64 = arms.iter().map(|arms| arms[1].n).sum();
    if treated < 2.0 {
        return None;
    }
    let mut found = Lift { treated: treated as u64, ..Lift::default() };
    let mut variance = 0.0;
    for arms in &arms {
        let weight = arms[1].n / treated;
        let [control, treated] = arms.map(|arm| (arm.y - slope * arm.x) / arm.n);
        found.compared += arms[0].n as u64;
        found.mean += weight * arms[1].y / arms[1].n;
        found.lift += weight * (treated - control);
        for arm in arms {
            let (xx, xy, yy) = arm.spread();
            variance += weight * weight * (yy - 2.0 * slope * xy + slope * slope * xx).max(0.0) / (arm.n - 1.0) / arm.n;
        }
    }
    let error = variance.sqrt();
    found.expected = found.mean - found.lift;
    (found.least, found.most) = (found.lift - Z * error, found.lift + Z * error);
    found.p_value = (error > 0.0).then(|| erfc(found.lift.abs() / error / std::f64::consts::SQRT_2).clamp(0.0, 1.0));
    found.detectable = (Z + POWER) * error;
    Some(found)
}

/// The stratum of each of some people: tenths of the treated by the chance, as far as `features` tell, of being one of them (Rosenbaum & Rubin 1984).
/// All in one where the features do not tell.
pub(super) fn strata<const N: usize>(names: [&str; N], features: &[[f64; N]], treated: &[bool]) -> Vec<usize> {
    let mut rows = Rows::default();
    for (features, &treated) in features.iter().zip(treated) {
        rows.push(&features.map(|feature| feature as f32), treated, 1.0);
    }
    let Ok(fitted) = LogisticParams { ridge: 1.0 }.fit(&names, &rows) else { return vec![0; features.len()] };
    let odds: Vec<f64> = features.iter().map(|features| Logistic::log_odds(&fitted, features)).collect();
    let mut of_treated: Vec<f64> = odds.iter().zip(treated).filter(|(_, treated)| **treated).map(|(odds, _)| *odds).collect();
    of_treated.sort_unstable_by(f64::total_cmp);
    let cuts: Vec<f64> = (1..STRATA).filter_map(|tenth| of_treated.get(of_treated.len() * tenth / STRATA).copied()).collect();
    odds.iter().map(|odds| cuts.partition_point(|cut| cut <= odds)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_holds() {
        let person = |treated: bool, outcome: f64, past: f64| Person { treated, stratum: 0, outcome, past };
        // no past: treated 3, 5, 7 and others 2, 2, 5: lift 5 - 3, variance 4 / 3 + 3 / 3
        let plain = [(true, 3.0), (true, 5.0), (true, 7.0), (false, 2.0), (false, 2.0), (false, 5.0)].map(|(t, y)| person(t, y, 1.0));
        let found = lift(&plain).expect("two of each");
        let error = (7.0_f64 / 3.0).sqrt();
        assert_eq!((found.treated, found.compared, found.mean, found.expected, found.lift), (3, 3, 5.0, 3.0, 2.0));
        assert!((found.most - (2.0 + Z * error)).abs() < 1e-12 && (found.detectable - 2.801_585_2 * error).abs() < 1e-6);
        // an outcome that is twice the past, and one more for the treated: the lift is 1, exactly, although the treated had the smaller past
        let exact: Vec<Person> =
            (0..20).map(|at| person(at % 2 == 0, 2.0 * f64::from(at * at) + f64::from((at + 1) % 2), f64::from(at * at))).collect();
        let found = lift(&exact).expect("ten of each");
        assert!((found.lift - 1.0).abs() < 1e-9 && found.most - found.least < 1e-4, "{found:?}");
        assert_eq!(lift(&plain[..4]), None);
    }

    #[test]
    fn people_alike_are_compared_where_chance_did_not_choose() {
        let mut state = 11_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as f64 / (1_u64 << 31) as f64
        };
        // whoever buys much is chosen more often; a campaign adds 2
        let (mut features, mut chosen, mut people) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..4_000 {
            let habit = 10.0 * uniform();
            let treated = uniform() < habit / 12.0;
            let past = habit + 4.0 * uniform();
            features.push([past]);
            chosen.push(treated);
            people.push(Person { treated, stratum: 0, outcome: habit + 4.0 * uniform() + if treated { 2.0 } else { 0.0 }, past });
        }
        let strata = strata(["past"], &features, &chosen);
        assert_eq!(strata.iter().max(), Some(&9));
        let naive = people.iter().map(|person| Person { past: 0.0, ..*person }).collect::<Vec<_>>();
        people.iter_mut().zip(strata).for_each(|(person, stratum)| person.stratum = stratum);
        let (naive, found) = (lift(&naive).expect("many"), lift(&people).expect("many"));
        assert!(naive.lift > 4.0 && (found.lift - 2.0).abs() < 0.6, "{naive:?} {found:?}");
    }
}
