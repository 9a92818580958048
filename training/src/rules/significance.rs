//! Fisher's exact test of a rule.

use shopkeeper_models::rules::Evidence;
use statrs::function::factorial::ln_binomial;

/// The chance of at least so many common orders if both sides fell into orders independently, 0 to 1: the upper tail of the hypergeometric
/// distribution. 0 below 1e-308.
pub fn fisher(Evidence { baskets, antecedent, consequent, orders }: Evidence) -> f64 {
    let [both, a, b, n] = [baskets, antecedent, consequent, orders].map(u64::from);
    let (least, most) = ((a + b).saturating_sub(n), a.min(b));
    let ln = |k: u64| ln_binomial(a, k) + ln_binomial(n - a, b - k) - ln_binomial(n, b);
    // P(k + 1) / P(k)
    let up = |k: u64| (a - k) as f64 * (b - k) as f64 / ((k + 1) as f64 * (n + k + 1 - a - b) as f64);
    // the tail that falls from its first term on is summed; the other one is what is left
    if both as f64 > a as f64 * b as f64 / n.max(1) as f64 {
        (ln(both).exp() * tail((both..most).map(up))).clamp(0.0, 1.0)
    } else if both <= least {
        1.0
    } else {
        let down = (least..both - 1).rev().map(|k| 1.0 / up(k));
        (1.0 - ln(both - 1).exp() * tail(down)).clamp(0.0, 1.0)
    }
}

/// 1 + r1 + r1 r2 + ..., until a term no longer matters.
fn tail(ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for ratio in ratios {
        term *= ratio;
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    sum
}
