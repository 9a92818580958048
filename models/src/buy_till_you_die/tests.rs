//! Published and independently computed answers, and what must hold for every customer.

use super::*;

/// The CDNOW parameters of the papers, weeks as days.
const BG: BgNbd = BgNbd { r: 0.243, alpha: 4.414 * 7.0, a: 0.793, b: 2.426 };
const PARETO: ParetoNbd = ParetoNbd { r: 0.5533, alpha: 10.578 * 7.0, s: 0.6061, beta: 11.669 * 7.0 };

#[allow(non_snake_case)]
fn timing(x: u32, t_x: f64, T: f64) -> Timing {
    Timing { x, t_x, T }
}

fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "found {found}, expected {expected}");
}

#[test]
fn the_papers_conditional_expectation() {
    let weeks = BgNbd { r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 };
    assert_near(PurchaseModel::BgNbd(weeks).expected_purchases(39.0, &timing(2, 30.43, 38.86)), 1.226, 4e-4);
}

#[test]
fn bg_nbd_agrees_with_scipys_hypergeometric_function() {
    for (history, days, expected) in [
        (timing(2, 213.0, 272.0), 273.0, 1.2261158061493334),
        (timing(0, 0.0, 10.0), 365.0, 1.2048307040482067),
        (timing(50, 250.0, 272.0), 91.0, 8.095991373599347),
        (timing(1, 1.0, 500.0), 3650.0, 0.37579981956783864),
    ] {
        assert_near(PurchaseModel::BgNbd(BG).expected_purchases(days, &history), expected, 1e-9);
    }
}

#[test]
fn both_series_are_the_same_function() {
    // c - shape = 50 is where one takes over from the other
    let near = |b: f64| beta_geometric::purchases_if_alive(1.5, 40.0, 3.0, b, 100.0);
    assert_near(near(49.5 - 1e-9), near(49.5 + 1e-9), 1e-8);
    let one = |a: f64| beta_geometric::purchases_if_alive(1.5, 40.0, a, 5.0, 100.0);
    assert_near(one(1.0), 0.5 * (one(1.0 - 1e-5) + one(1.0 + 1e-5)), 1e-8);
}

#[test]
fn pareto_nbd_agrees_with_adaptive_quadrature() {
    for (history, days, alive, expected, none) in [
        (timing(2, 213.0, 272.0), 273.0, 0.8691627567961662, 1.4553147670049904, 0.40803600189783845),
        (timing(0, 0.0, 10.0), 365.0, 0.9301161637486755, 1.2574017824447692, 0.6119583274614091),
        (timing(50, 250.0, 272.0), 91.0, 0.7565910564966821, 9.366623295925283, 0.2521896550940528),
        (timing(1, 1.0, 500.0), 3650.0, 0.04695998524279048, 0.22238020247117962, 0.9665923880984894),
    ] {
        assert_near(PARETO.p_alive(&history), alive, 1e-8);
        assert_near(PurchaseModel::ParetoNbd(PARETO).expected_purchases(days, &history), expected, 1e-8);
        assert_near(PARETO.p_no_purchase(days, &history), none, 1e-8);
    }
}

/// Very different shops: nobody alike, all alike, fast, slow, a = 1, s = 1, b so small that a + b < 1.
fn shops() -> Vec<PurchaseModel> {
    let mut shops = Vec::new();
    for (r, alpha) in [(0.05, 0.5), (0.24, 31.0), (1.0, 3.0), (8.0, 4000.0), (800.0, 9000.0)] {
        for (a, b) in [(0.1, 0.3), (0.8, 2.4), (1.0, 1.0), (6.0, 40.0), (900.0, 9000.0)] {
            shops.push(PurchaseModel::BgNbd(BgNbd { r, alpha, a, b }));
            shops.push(PurchaseModel::MbgNbd(MbgNbd { r, alpha, a, b }));
            shops.push(PurchaseModel::ParetoNbd(ParetoNbd { r, alpha, s: a, beta: b * 10.0 }));
        }
    }
    shops
}

#[test]
fn every_answer_is_finite_in_range_and_falls_with_silence() {
    for model in shops() {
        for (x, t_x) in [(0, 0.0), (1, 1.0), (1, 700.0), (12, 365.0), (400, 3000.0)] {
            let (mut alive, mut bought) = (1.0, f64::INFINITY);
            let mut none = 0.0;
            for silence in [0.0, 1.0, 14.0, 90.0, 400.0, 3650.0] {
                let history = timing(x, t_x, t_x + silence);
                let now = (model.p_alive(&history), model.expected_purchases(91.0, &history), model.p_no_purchase(91.0, &history));
                let context = format!("{model:?} {history:?}: {now:?} after {alive} {bought} {none}");
                assert!((0.0..=1.0).contains(&now.0) && now.1.is_finite() && now.1 >= 0.0 && (0.0..=1.0).contains(&now.2), "{context}");
                assert!(now.0 <= alive + 1e-9 && now.1 <= bought * (1.0 + 1e-6) + 1e-12 && now.2 >= none - 1e-9, "{context}");
                // who buys at least once buys at least once
                assert!(now.1 >= (1.0 - now.2) * (1.0 - 1e-6) - 1e-9, "{context}");
                (alive, bought, none) = now;
                let (near, far) = (model.expected_purchases(30.0, &history), model.expected_purchases(3650.0, &history));
                assert!(near <= now.1 * (1.0 + 1e-9) && now.1 <= far * (1.0 + 1e-9), "{context}: {near} {far}");
                assert_eq!(model.p_no_purchase(0.0, &history), 1.0, "{context}");
            }
        }
    }
}

#[test]
fn discounting_takes_off_what_it_should() {
    let model = PurchaseModel::BgNbd(BG);
    let history = timing(2, 213.0, 272.0);
    assert_near(model.discounted_purchases(365.0, 0.0, &history), model.expected_purchases(365.0, &history), 1e-12);
    let discounted = model.discounted_purchases(365.25, 0.1, &history) / model.expected_purchases(365.25, &history);
    assert!((1.0 / 1.1..1.0).contains(&discounted), "{discounted}");
    assert_eq!(model.discounted_purchases(0.0, 0.1, &history), 0.0);
}

#[test]
fn expected_spend_lies_between_ones_own_mean_and_everyones() {
    let model = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };
    assert_near(model.expected_spend(0, 0.0), model.mean(), 1e-12);
    let seen = [1, 5, 100].map(|x| model.expected_spend(x, 100.0));
    assert!(model.mean() < seen[0] && seen[0] < seen[1] && seen[1] < seen[2] && seen[2] < 100.0, "{seen:?}");
}
