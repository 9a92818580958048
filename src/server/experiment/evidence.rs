//! What the counts of two arms say, however often somebody looks at them.
//!
//! Shoppers are assigned by a coin that falls on b with probability `share`, before anything is shown. If the arms make no difference, whoever
//! succeeds would have succeeded in the other arm as well, so the arm of each successful shopper is that coin, whatever the rate, the season or the
//! delay between showing and buying. The evidence against that is the likelihood ratio of the successes under a mixture of other coins, Beta
//! around `share`, over the coin of the split. Its expectation is 1 however long one looks, so it ever reaches 1/0.05 in at most one of twenty
//! experiments without a difference (Ville's inequality): the mixture sequential probability ratio test of Robbins (1970) with the always-valid
//! p-values of Johari, Pekelis and Walsh (2017), for counts as in Lindon and Malek (2022, Anytime-Valid Inference for Multinomial Count Data).

/// Share of experiments without a difference in which a verdict may ever be given.
pub(in crate::server) const ALPHA: f64 = 0.05;
/// Weight of the mixture, in shoppers: as much as to expect differences of about a fifth.
const WEIGHT: f64 = 100.0;
/// Standard deviations of a two-sided interval of 95 %.
const Z: f64 = 1.959_963_985;

/// Successful shoppers of both arms, and the share of shoppers that b was to get.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Evidence {
    pub(in crate::server) a: u64,
    pub(in crate::server) b: u64,
    pub(in crate::server) share: f64,
}

impl Evidence {
    /// ln of the likelihood ratio against a coin that falls on b with probability `p`.
    fn ln_ratio(&self, p: f64) -> f64 {
        let (alpha, beta) = (WEIGHT * self.share, WEIGHT * (1.0 - self.share));
        let (a, b) = (self.a as f64, self.b as f64);
        ln_beta(alpha + b, beta + a) - ln_beta(alpha, beta) - b * p.ln() - a * (1.0 - p).ln()
    }

    /// The always-valid p-value, 0 to 1: below 0.05 at any time in at most one of twenty experiments without a difference.
    pub(in crate::server) fn p_value(&self) -> f64 {
        (-self.ln_ratio(self.share)).exp().min(1.0)
    }

    /// Successes of b over those of a, each for the share it was given: 1 = no difference. `None` before both have any.
    pub(in crate::server) fn ratio(&self) -> Option<f64> {
        (self.a > 0 && self.b > 0).then(|| self.of_coin(self.b as f64 / (self.a + self.b) as f64))
    }

    /// The interval that holds the true ratio at every time of looking, in 95 of 100 experiments; the most may be infinite.
    pub(in crate::server) fn ratio_interval(&self) -> (f64, f64) {
        let limit = -ALPHA.ln();
        let middle = (WEIGHT * self.share + self.b as f64) / (WEIGHT + (self.a + self.b) as f64);
        let edge = |mut out: f64, mut within: f64| {
            for _ in 0..60 {
                let half = 0.5 * (out + within);
                *(if self.ln_ratio(half) < limit { &mut within } else { &mut out }) = half;
            }
            0.5 * (out + within)
        };
        (self.of_coin(edge(0.0, middle)), self.of_coin(edge(1.0, middle)))
    }

    fn of_coin(&self, p: f64) -> f64 {
        p / (1.0 - p) * (1.0 - self.share) / self.share
    }

    /// Whether a verdict may be given, and if so whether b is ahead.
    pub(in crate::server) fn b_is_ahead(&self) -> Option<bool> {
        let all = (self.a + self.b) as f64;
        (self.p_value() < ALPHA).then_some(self.b as f64 > self.share * all)
    }
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// The interval of a rate that holds it in 95 of 100 cases, if it is looked at once (Wilson 1927). `None` of nobody.
pub(in crate::server) fn wilson(successes: u64, of: u64) -> Option<(f64, f64)> {
    let n = of as f64;
    let rate = successes.min(of) as f64 / n;
    let z2 = Z * Z / n;
    let half = Z * (rate * (1.0 - rate) / n + z2 / (4.0 * n)).sqrt();
    let edge = |sign: f64| ((rate + z2 / 2.0 + sign * half) / (1.0 + z2)).clamp(0.0, 1.0);
    (of > 0).then(|| (edge(-1.0), edge(1.0)))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// Shoppers who come again and again in any order and succeed at a rate of their own, on average `rates` by arm, some long after they were
    /// shown something. Looks after every success; returns the first verdict, and after how many successes it came.
    fn experiment(rates: [f64; 2], share: f64, shoppers: usize, random: &mut Xoshiro256PlusPlus) -> Option<(bool, u64)> {
        let mut waiting: Vec<usize> = Vec::new();
        let mut evidence = Evidence { a: 0, b: 0, share };
        for _ in 0..shoppers {
            let arm = usize::from(random.r#gen::<f64>() < share);
            // every other shopper is twice or not at all as easily won
            let rate = rates[arm] * if random.r#gen() { 1.8 } else { 0.2 };
            if random.r#gen::<f64>() < rate {
                waiting.push(arm);
            }
            while !waiting.is_empty() && random.r#gen::<f64>() < 0.5 {
                let arm = waiting.swap_remove(random.gen_range(0..waiting.len()));
                *(if arm == 1 { &mut evidence.b } else { &mut evidence.a }) += 1;
                if let Some(verdict) = evidence.b_is_ahead() {
                    return Some((verdict, evidence.a + evidence.b));
                }
            }
        }
        None
    }

    #[test]
    fn looking_all_the_time_gives_no_false_verdict_and_a_true_difference_is_found() {
        const EXPERIMENTS: usize = 1000;
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        for share in [0.5, 0.1] {
            let false_verdicts = (0..EXPERIMENTS).filter(|_| experiment([0.1; 2], share, 30_000, &mut random).is_some()).count();
            println!("share {share}: {false_verdicts} of {EXPERIMENTS} experiments without a difference came to a verdict");
            assert!(false_verdicts <= EXPERIMENTS / 20, "share {share}: {false_verdicts}");
        }
        let found: Vec<(bool, u64)> = (0..200).filter_map(|_| experiment([0.1, 0.12], 0.5, 30_000, &mut random)).collect();
        let right = found.iter().filter(|(b_is_ahead, _)| *b_is_ahead).count();
        let mut successes: Vec<u64> = found.iter().map(|(_, successes)| *successes).collect();
        successes.sort_unstable();
        println!("a fifth better: found in {right} of 200, half of them within {} successes", successes[successes.len() / 2]);
        assert!(right >= 195 && right == found.len(), "{right} of {}", found.len());
    }

    #[test]
    fn figures_are_finite_and_in_order() {
        for (a, b, share) in [(0, 0, 0.5), (1, 0, 0.5), (0, 3, 0.1), (50, 80, 0.5), (1_000_000, 999_000, 0.5), (10, 900, 0.99)] {
            let evidence = Evidence { a, b, share };
            let (least, most) = evidence.ratio_interval();
            assert!((0.0..=1.0).contains(&evidence.p_value()), "{evidence:?} {}", evidence.p_value());
            assert!(least <= most && least.is_finite() && !most.is_nan(), "{evidence:?}: {least} to {most}");
            if let Some(ratio) = evidence.ratio() {
                assert!((least..=most).contains(&ratio), "{evidence:?}: {ratio} in {least} to {most}");
                assert_eq!(evidence.b_is_ahead().is_some(), !(least..=most).contains(&1.0), "{evidence:?}");
            }
        }
        // Wilson (1927): 10 of 100
        let (least, most) = wilson(10, 100).expect("somebody");
        assert!((least - 0.0552).abs() < 1e-4 && (most - 0.1744).abs() < 1e-4, "{least} {most}");
        assert_eq!(wilson(0, 0), None);
    }
}
