//! The likelihood that BG/NBD and MBG/NBD share. They differ in the chances to leave: after x purchases, or after x + 1.

use statrs::function::gamma::{digamma, ln_gamma};

use super::likelihood::{Likelihood, Maximum, Slope, add_up, maximise, plus, times};
use super::statistics::{Group, Statistics};
use super::{ROUGH, by_x};

/// The log-likelihood of r, alpha, a, b.
struct BetaGeometric<'a> {
    statistics: &'a Statistics,
    customers: f64,
    /// Customers of each x.
    of_x: Vec<(u32, f64)>,
    /// Chances to leave before the first repeat purchase: 0 in BG/NBD, 1 in MBG/NBD.
    first_chances: f64,
}

impl<'a> BetaGeometric<'a> {
    fn new(statistics: &'a Statistics, first_chances: f64) -> Self {
        Self { statistics, customers: statistics.customers(), of_x: by_x(statistics), first_chances }
    }
}

impl Likelihood<4> for BetaGeometric<'_> {
    fn customers(&self) -> f64 {
        self.customers
    }

    /// Fader, Hardie & Lee (2005), equation 6, and the derivatives: with k chances to leave and survived,
    /// L = Gamma(r + x) alpha^r / Gamma(r) B(a, b + k)/B(a, b) { (alpha + T)^-(r + x) + [k > 0] a/(b + k - 1) (alpha + t_x)^-(r + x) }.
    fn at(&self, &[r, alpha, a, b]: &[f64; 4]) -> Slope<4> {
        let of_x = |&(x, customers): &(u32, f64)| {
            let x = f64::from(x);
            let k = x + self.first_chances;
            let value =
                ln_gamma(r + x) - ln_gamma(r) + r * alpha.ln() + ln_gamma(a + b) + ln_gamma(b + k) - ln_gamma(b) - ln_gamma(a + b + k);
            let leaves = digamma(a + b) - digamma(a + b + k);
            let slopes = [digamma(r + x) - digamma(r) + alpha.ln(), r / alpha, leaves, leaves + digamma(b + k) - digamma(b)];
            times(customers, (value, slopes))
        };
        let of_group = |group: &Group| {
            let timing = &group.timing;
            let x = f64::from(timing.x);
            let (shape, k) = (r + x, x + self.first_chances);
            let stays = -shape * (alpha + timing.T).ln();
            if k == 0.0 {
                return times(group.customers, (stays, [stays / shape, -shape / (alpha + timing.T), 0.0, 0.0]));
            }
            let left = (a / (b + k - 1.0)).ln() - shape * (alpha + timing.t_x).ln();
            let alive = 1.0 / (1.0 + (left - stays).exp());
            let dead = 1.0 - alive;
            let value = if stays > left { stays + (left - stays).exp().ln_1p() } else { left + (stays - left).exp().ln_1p() };
            let slopes = [
                -alive * (alpha + timing.T).ln() - dead * (alpha + timing.t_x).ln(),
                -shape * (alive / (alpha + timing.T) + dead / (alpha + timing.t_x)),
                dead / a,
                -dead / (b + k - 1.0),
            ];
            times(group.customers, (value, slopes))
        };
        plus(add_up(&self.of_x, of_x), add_up(&self.statistics.groups, of_group))
    }
}

/// r, alpha, a, b in the unit of the statistics; the starts hold for a mean T of 1.
pub(super) fn fit(statistics: &Statistics, first_chances: f64) -> Option<Maximum<4>> {
    let pace = statistics.repeat_purchases() / statistics.customers();
    let start = |(r, a, b): (f64, f64, f64)| [r, r / pace.max(1e-6), a, b];
    let starts = [(0.5, 0.5, 2.0), (1.0, 1.0, 1.0), (2.0, 0.3, 10.0)].map(start);
    let rough = ROUGH.map(|most| statistics.thinned(most));
    let rough: Vec<_> = rough.iter().map(|rough| BetaGeometric::new(rough, first_chances)).collect();
    maximise(&rough, &BetaGeometric::new(statistics, first_chances), &starts)
}

#[cfg(test)]
pub(super) fn check_slopes(statistics: &Statistics) {
    for first_chances in [0.0, 1.0] {
        super::likelihood::check(&BetaGeometric::new(statistics, first_chances), [0.4, 0.2, 0.7, 2.5]);
    }
}
