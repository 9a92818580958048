//! What BG/NBD and MBG/NBD share: purchases at rate lambda ~ Gamma(r, alpha); after a purchase the customer leaves with probability
//! p ~ Beta(a, b). The two differ in which purchases count.

/// A series is cut off here; the horizon then is more than a thousand times the customer's age.
const MOST_TERMS: f64 = 20_000.0;

/// E[purchases in the next `days` | still a customer] where lambda ~ Gamma(`shape`, `rate`) and p ~ Beta(`a`, `b`):
/// c/(a - 1) (1 - y^shape 2F1(shape, b; c; 1 - y)), c = a + b - 1, y = rate/(rate + days) (Fader, Hardie & Lee 2005, equation 10).
pub(super) fn purchases_if_alive(shape: f64, rate: f64, a: f64, b: f64, days: f64) -> f64 {
    if days <= 0.0 {
        return 0.0;
    }
    let (z, ln_y) = (days / (rate + days), -(days / rate).ln_1p());
    let c = a + b - 1.0;
    // customers nearly alike: the series below would overflow or cancel, the published one does not
    if (c - shape).abs() > 50.0 {
        let a = if (a - 1.0).abs() < 1e-6 { 1.0 + 1e-6 } else { a };
        let c = a + b - 1.0;
        let series = 1.0 + sum(|n| (shape + n) * (b + n) * z / ((c + n) * (n + 1.0)), shape * b * z / c);
        let stays = series.signum() * (shape * ln_y + series.abs().ln()).exp();
        return (c / (a - 1.0) * (1.0 - stays)).clamp(0.0, shape * days / rate);
    }
    // Euler's transformation: y^shape 2F1(shape, b; c; z) = y^(a - 1) 2F1(c - shape, a - 1; c; z). The first term of that series is 1 and
    // all others have the factor a - 1, which cancels: nothing is singular at a = 1, and it converges fast
    let first = if (a - 1.0).abs() < 1e-9 { -ln_y } else { -((a - 1.0) * ln_y).exp_m1() / (a - 1.0) };
    let others = sum(|n| (c - shape + n) * (a + n - 1.0) * z / ((c + n) * (n + 1.0)), (c - shape) * z);
    (c * first - ((a - 1.0) * ln_y).exp() * others).max(0.0)
}

/// The sum of a series from its first term on; `ratio(n)` leads from term n to the next, n from 1.
fn sum(ratio: impl Fn(f64) -> f64, first: f64) -> f64 {
    let (mut term, mut sum, mut n) = (first, 0.0, 1.0);
    while n < MOST_TERMS {
        sum += term;
        let step = ratio(n);
        term *= step;
        n += 1.0;
        if step.abs() < 1.0 && term.abs() <= 1e-13 * sum.abs() {
            break;
        }
    }
    sum
}

/// 1 / (1 + exp(ln_odds)).
pub(super) fn p_alive(ln_odds_dead: f64) -> f64 {
    1.0 / (1.0 + ln_odds_dead.exp())
}

/// P(no purchase in the next `days`) of a customer whose rate is Gamma(`shape`, `rate`) while alive: 1 - P(alive) (1 - (rate/(rate + days))^shape).
pub(super) fn p_no_purchase(p_alive: f64, shape: f64, rate: f64, days: f64) -> f64 {
    let buys = -(-shape * (days.max(0.0) / rate).ln_1p()).exp_m1();
    (1.0 - p_alive * buys).clamp(0.0, 1.0)
}
