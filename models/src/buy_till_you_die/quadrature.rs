//! Gauss-Legendre quadrature on 0..1.

use std::sync::LazyLock;

/// (node, weight).
type Node = (f64, f64);

static RULES: LazyLock<[Vec<Node>; 3]> = LazyLock::new(|| [rule(10), rule(20), rule(40)]);

/// Nodes enough for an integrand that falls by a factor of e^`fall` from end to end.
pub(super) fn gauss_legendre(fall: f64) -> &'static [Node] {
    &RULES[if fall < 3.0 {
        0
    } else if fall < 12.0 {
        1
    } else {
        2
    }]
}

/// The zeros of the Legendre polynomial of degree `n` by Newton's method (Abramowitz & Stegun 25.4.29, 22.16.6), moved from -1..1 to 0..1.
fn rule(n: usize) -> Vec<Node> {
    let zero = |i: usize| {
        let mut z = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..20 {
            let (mut p, mut before) = (1.0, 0.0);
            for k in 1..=n {
                let k = k as f64;
                (p, before) = (((2.0 * k - 1.0) * z * p - (k - 1.0) * before) / k, p);
            }
            slope = n as f64 * (z * p - before) / (z * z - 1.0);
            z -= p / slope;
        }
        (0.5 * (1.0 - z), 1.0 / ((1.0 - z * z) * slope * slope))
    };
    (0..n).map(zero).collect()
}
