//! Published tables, known truths, and shops that tell nothing.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma};
use rand_xoshiro::Xoshiro256Plus;
use shopkeeper_models::buy_till_you_die::{BgNbd, ParetoNbd};

use super::*;
use crate::log::PurchaseLog;
use crate::progress::Silent;
use crate::read::{ReadSettings, read};
use crate::tempo::tempos;

/// The 1/10 CDNOW cohort of the papers, or `None` with a line that says so.
fn cdnow() -> Option<PurchaseLog> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("SHOPKEEPER_DATA").map_or_else(beside, PathBuf::from).join("cdnow-sample/cdnow_sample.parquet");
    if !path.exists() {
        println!("skipped: no cdnow-sample/cdnow_sample.parquet; set SHOPKEEPER_DATA to the folder that holds it");
        return None;
    }
    let columns = [("amount".to_owned(), "sales_value".to_owned())].into();
    let settings = ReadSettings { purchases: vec![path.display().to_string()], columns, ..ReadSettings::default() };
    Some(read(&settings, &Silent).unwrap().log)
}

/// 1997-10-01: 39 weeks are seen, 39 are held out.
const CUT: i32 = 10_135;

fn assert_digits(what: &str, found: f64, published: f64, digits: i32) {
    assert!((found - published).abs() <= 0.5 * 10_f64.powi(-digits), "{what}: found {found}, published {published}");
}

#[test]
fn the_published_tables_of_cdnow() {
    let Some(log) = cdnow() else { return };
    let tempos = tempos(&log.before(CUT));
    assert_eq!(tempos.len(), 2357);
    let statistics = Statistics::new(tempos.iter().map(Tempo::timing));
    // the papers count weeks, which multiplies the likelihood by 7 for each of the repeat purchases
    let weeks = statistics.repeat_purchases() * 7_f64.ln();

    let Fit { model: PurchaseModel::BgNbd(bg), log_likelihood, converged, .. } = bg_nbd::fit(&statistics).unwrap() else { panic!() };
    println!("BG/NBD {bg:?} alpha {} {}", bg.alpha / 7.0, log_likelihood + weeks);
    assert!(converged);
    for (what, found, published) in [("r", bg.r, 0.243), ("alpha", bg.alpha / 7.0, 4.414), ("a", bg.a, 0.793), ("b", bg.b, 2.426)] {
        assert_digits(what, found, published, 3);
    }
    assert_digits("log-likelihood", log_likelihood + weeks, -9582.4, 1);
    let history = Timing { x: 2, t_x: 30.43 * 7.0, T: 38.86 * 7.0 };
    assert_digits("E[Y(39 weeks)]", PurchaseModel::BgNbd(bg).expected_purchases(273.0, &history), 1.226, 3);

    let Fit { model: PurchaseModel::ParetoNbd(pareto), log_likelihood, converged, .. } = pareto_nbd::fit(&statistics).unwrap() else {
        panic!()
    };
    println!("Pareto/NBD {pareto:?} alpha {} beta {} {}", pareto.alpha / 7.0, pareto.beta / 7.0, log_likelihood + weeks);
    assert!(converged);
    for (what, found, published) in
        [("r", pareto.r, 0.553), ("alpha", pareto.alpha / 7.0, 10.578), ("s", pareto.s, 0.606), ("beta", pareto.beta / 7.0, 11.669)]
    {
        assert_digits(what, found, published, 3);
    }
    assert_digits("log-likelihood", log_likelihood + weeks, -9595.0, 1);

    let Fit { model: PurchaseModel::MbgNbd(mbg), log_likelihood, converged, .. } = mbg_nbd::fit(&statistics).unwrap() else { panic!() };
    println!("MBG/NBD {mbg:?} alpha {} {}", mbg.alpha / 7.0, log_likelihood + weeks);
    assert!(converged);
    for (what, found, known) in [("r", mbg.r, 0.5248), ("alpha", mbg.alpha / 7.0, 6.1831), ("a", mbg.a, 0.8914), ("b", mbg.b, 1.6140)] {
        assert_digits(what, found, known, 3);
    }
    assert_digits("log-likelihood", log_likelihood + weeks, -9582.136, 2);

    let repeat = tempos.iter().filter(|tempo| tempo.frequency() > 0);
    let spends = repeat.map(|tempo| Spend { x: tempo.frequency(), m_x: tempo.repeat_spend / f64::from(tempo.frequency()) });
    let Fit { model: GammaGamma { p, q, gamma }, log_likelihood, converged, customers, .. } = gamma_gamma::fit(spends).unwrap();
    println!("Gamma-Gamma {p} {q} {gamma} {log_likelihood} {customers}");
    assert!(converged && customers == 946);
    for (what, found, known) in [("p", p, 6.2496), ("q", q, 3.7442), ("gamma", gamma, 15.4435)] {
        assert_digits(what, found, known, 2);
    }
    assert_digits("log-likelihood", log_likelihood, -4055.918, 2);
}

#[test]
fn the_second_half_of_cdnow_is_foreseen() {
    let Some(log) = cdnow() else { return };
    let tempos = tempos(&log.before(CUT));
    let fitted = fit(&tempos);
    let bought = |customer: usize| {
        let mut days: Vec<i32> = log.order_day[log.orders_of(customer)].iter().copied().filter(|&day| day >= CUT).collect();
        days.dedup();
        days.len() as f64
    };
    let actual: Vec<f64> = (0..tempos.len()).map(bought).collect();
    for (name, published) in [("bg_nbd", 0.626), ("pareto_nbd", 0.630)] {
        let model = fitted.purchases.iter().find(|fit| fit.model.name() == name).unwrap().model;
        let expected: Vec<f64> = tempos.iter().map(|tempo| model.expected_purchases(273.0, &tempo.timing())).collect();
        assert_digits(name, correlation(&expected, &actual), published, 3);
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |of: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| of(a - mean_a, b - mean_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// Customers of BG/NBD, seen for 100 to 500 days.
fn bg_customers(BgNbd { r, alpha, a, b }: BgNbd, n: usize) -> Vec<Timing> {
    let mut random = Xoshiro256Plus::seed_from_u64(7);
    let (rates, leaves) = (Gamma::new(r, 1.0 / alpha).unwrap(), Beta::new(a, b).unwrap());
    let one = |_| {
        let (lambda, p, age) = (rates.sample(&mut random).max(1e-9), leaves.sample(&mut random), random.gen_range(100..500));
        let gaps = Exp::new(lambda).unwrap();
        let mut timing = Timing { x: 0, t_x: 0.0, T: f64::from(age) };
        loop {
            let next = timing.t_x + gaps.sample(&mut random);
            if next > timing.T {
                return timing;
            }
            timing = Timing { x: timing.x + 1, t_x: next, ..timing };
            if random.r#gen::<f64>() < p {
                return timing;
            }
        }
    };
    (0..n).map(one).collect()
}

#[test]
fn known_parameters_are_found_again() {
    let truth = BgNbd { r: 0.6, alpha: 20.0, a: 0.8, b: 3.0 };
    let Fit { model: PurchaseModel::BgNbd(found), converged, .. } = bg_nbd::fit(&Statistics::new(bg_customers(truth, 30_000))).unwrap()
    else {
        panic!()
    };
    println!("{found:?}");
    assert!(converged);
    for (found, truth) in [(found.r, truth.r), (found.alpha, truth.alpha), (found.a, truth.a), (found.b, truth.b)] {
        assert!((found / truth).ln().abs() < 0.12, "{found} for {truth}");
    }
}

#[test]
fn the_unit_of_time_is_only_a_scale_and_threads_do_not_matter() {
    let timings = bg_customers(BgNbd { r: 0.6, alpha: 20.0, a: 0.8, b: 3.0 }, 3000);
    let statistics = Statistics::new(timings);
    let weeks = statistics.in_units_of(7.0);
    for fit in [bg_nbd::fit, mbg_nbd::fit, pareto_nbd::fit] {
        let (by_day, by_week) = (fit(&statistics).unwrap(), fit(&weeks).unwrap());
        let (alpha, alpha_weeks) = match (by_day.model, by_week.model) {
            (PurchaseModel::BgNbd(day), PurchaseModel::BgNbd(week)) => (day.alpha, week.alpha),
            (PurchaseModel::MbgNbd(day), PurchaseModel::MbgNbd(week)) => (day.alpha, week.alpha),
            (PurchaseModel::ParetoNbd(day), PurchaseModel::ParetoNbd(week)) => (day.alpha, week.alpha),
            _ => unreachable!(),
        };
        assert!((alpha / alpha_weeks / 7.0 - 1.0).abs() < 1e-4, "{by_day:?} {by_week:?}");
        let likelihood = by_week.log_likelihood - statistics.repeat_purchases() * 7_f64.ln();
        assert!((by_day.log_likelihood - likelihood).abs() < 1e-3, "{by_day:?} {by_week:?}");
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| fit(&statistics).unwrap());
        let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap().install(|| fit(&statistics).unwrap());
        assert_eq!(alone, three);
    }
}

#[test]
fn the_slopes_are_those_of_the_likelihoods() {
    let statistics = Statistics::new(bg_customers(BgNbd { r: 0.6, alpha: 20.0, a: 0.8, b: 3.0 }, 200)).in_units_of(300.0);
    let spends: Vec<Spend> = (1..40).map(|x| Spend { x, m_x: 1.0 + 0.3 * f64::from(x).sin() }).collect();
    super::beta_geometric::check_slopes(&statistics);
    super::pareto_nbd::check_slopes(&statistics);
    super::gamma_gamma::check_slopes(&spends);
}

#[test]
fn shops_that_tell_nothing_say_so_or_stay_finite() {
    let once = (0..500).map(|day| Timing { x: 0, t_x: 0.0, T: f64::from(day % 90) });
    let few = "0 customers who came back: at least 20 are needed";
    assert_eq!(bg_nbd::fit(&Statistics::new(once)).unwrap_err().to_string(), few);
    assert_eq!(bg_nbd::fit(&Statistics::default()).unwrap_err().to_string(), few);
    let one = [Timing { x: 3, t_x: 50.0, T: 60.0 }];
    assert_eq!(pareto_nbd::fit(&Statistics::new(one)).unwrap_err().to_string(), "1 customers who came back: at least 20 are needed");
    // all alike; nobody ever leaves; ten years between two purchases; twenty regulars among the strangers of one day
    let alike: Vec<Timing> = (0..60).map(|_| Timing { x: 5, t_x: 80.0, T: 100.0 }).collect();
    let loyal: Vec<Timing> = (0..300).map(|i| Timing { x: 100, t_x: 700.0 - f64::from(i % 7), T: 700.0 }).collect();
    let decades: Vec<Timing> = (0..60).map(|i| Timing { x: 1, t_x: 3650.0 + f64::from(i), T: 3900.0 }).collect();
    let today: Vec<Timing> = (0..900).map(|i| if i < 20 { Timing { x: 1, t_x: 1.0, T: 1.0 } } else { Timing::default() }).collect();
    for timings in [alike, loyal, decades, today] {
        for fit in [bg_nbd::fit, mbg_nbd::fit, pareto_nbd::fit] {
            let fit = fit(&Statistics::new(timings.iter().copied())).unwrap();
            println!("{fit:?}");
            assert!(fit.log_likelihood.is_finite());
            for timing in &timings {
                let none = fit.model.p_no_purchase(91.0, timing);
                let expected = fit.model.expected_purchases(91.0, timing);
                assert!((0.0..=1.0).contains(&none) && expected.is_finite() && expected >= 0.0, "{timing:?} {none} {expected}");
            }
        }
    }
    let equal = gamma_gamma::fit((0..50).map(|_| Spend { x: 2, m_x: 9.99 })).unwrap();
    println!("{equal:?}");
    assert!((equal.model.expected_spend(2, 9.99) - 9.99).abs() < 0.1, "{equal:?}");
    let nothing = gamma_gamma::fit((0..50).map(|_| Spend { x: 2, m_x: 0.0 }));
    assert_eq!(nothing.unwrap_err().to_string(), "0 customers who spent something: at least 20 are needed");
}

/// A million customers: `cargo test --release -p shopkeeper-training -- --ignored --nocapture a_million`
#[test]
#[ignore = "a measurement"]
fn a_million_customers() {
    let truth = ParetoNbd { r: 0.6, alpha: 20.0, s: 0.6, beta: 60.0 };
    let timings = bg_customers(BgNbd { r: truth.r, alpha: truth.alpha, a: 0.8, b: 3.0 }, 1_000_000);
    let whole_days = timings.iter().map(|timing| Timing {
        t_x: timing.t_x.ceil().max(f64::from(timing.x)),
        T: timing.T.max(timing.x.into()),
        ..*timing
    });
    let time = |name: &str, start: std::time::Instant| println!("{name}: {:.2} s", start.elapsed().as_secs_f64());
    let start = std::time::Instant::now();
    let statistics = Statistics::new(whole_days);
    time(&format!("{} groups", statistics.groups.len()), start);
    for (name, fit) in [("bg_nbd", bg_nbd::fit as fn(&_) -> _), ("mbg_nbd", mbg_nbd::fit), ("pareto_nbd", pareto_nbd::fit)] {
        let start = std::time::Instant::now();
        let fit: Result<Fit<PurchaseModel>, FitError> = fit(&statistics);
        time(&format!("{name} {fit:?}"), start);
        let (start, model) = (std::time::Instant::now(), fit.unwrap().model);
        let sum: f64 = timings.iter().map(|timing| model.discounted_purchases(365.0, 0.1, timing)).sum();
        time(&format!("{name} CLV of all, one thread: {sum:.0}"), start);
    }
    let mut random = Xoshiro256Plus::seed_from_u64(8);
    let spends: Vec<Spend> = timings.iter().map(|timing| Spend { x: timing.x + 1, m_x: 20.0 * random.gen_range(0.2..3.0_f64) }).collect();
    let start = std::time::Instant::now();
    let fit = gamma_gamma::fit(spends);
    time(&format!("gamma_gamma {fit:?}"), start);
}
