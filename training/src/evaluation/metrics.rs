//! Metrics of rankings and of probabilities, each by its formula.

/// Sum over hits of 1/log2(rank + 1), over the same sum for min(k, truth) hits at the top; 0 to 1.
/// Example: hits at ranks 1 and 3 with 2 truth items: (1 + 0.5) / (1 + 0.631) = 0.920.
pub fn ndcg(hit_ranks: impl Iterator<Item = usize>, truth: usize, k: usize) -> f64 {
    let gain = |rank: usize| 1.0 / ((rank + 1) as f64).log2();
    let ideal: f64 = (1..=truth.min(k)).map(gain).sum();
    if ideal > 0.0 { hit_ranks.map(gain).fold(0.0, |sum, gain| sum + gain) / ideal } else { 0.0 }
}

/// Average precision of a ranking: sum over hits, given by their ascending ranks, of the precision down to there, over min(k, truth); 0 to 1.
/// Example: hits at ranks 1 and 3 with 2 truth items: (1/1 + 2/3) / 2 = 0.833.
pub fn average_precision_at(hit_ranks: &[usize], truth: usize, k: usize) -> f64 {
    let precisions = (1..).zip(hit_ranks).map(|(hits, &rank): (usize, _)| hits as f64 / rank as f64);
    precisions.sum::<f64>() / truth.min(k).max(1) as f64
}

/// Area under the ROC curve: P(a positive scores above a negative), ties count half. NaN-free input; 0.5 when a class is missing.
/// Example: scores 0.1 (negative), 0.4 (positive), 0.4 (negative): (1 + 0.5) / 2 = 0.75.
pub fn auc(scores: &[f64], positive: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut negatives_below, mut wins) = (0.0, 0.0);
    for ties in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let positives = ties.iter().filter(|&&at| positive[at]).count() as f64;
        let negatives = ties.len() as f64 - positives;
        wins += positives * (negatives_below + 0.5 * negatives);
        negatives_below += negatives;
    }
    let pairs = negatives_below * (scores.len() as f64 - negatives_below);
    if pairs > 0.0 { wins / pairs } else { 0.5 }
}

/// Average precision: sum over thresholds of (recall step) x (precision there), tied scores as one threshold.
/// Example: scores 0.9 (positive), 0.8 (negative), 0.7 (positive): 0.5 x 1 + 0.5 x 2/3 = 0.833.
pub fn average_precision(scores: &[f64], positive: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let all = positive.iter().filter(|&&positive| positive).count() as f64;
    let (mut seen, mut hits, mut sum) = (0.0, 0.0, 0.0);
    for ties in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let found = ties.iter().filter(|&&at| positive[at]).count() as f64;
        seen += ties.len() as f64;
        hits += found;
        sum += found * hits / seen;
    }
    if all > 0.0 { sum / all } else { 0.0 }
}

/// Mean squared error of probabilities; 0 is perfect.
pub fn brier(probabilities: &[f64], positive: &[bool]) -> f64 {
    let error = |(p, &y): (&f64, &bool)| (p - f64::from(u8::from(y))).powi(2);
    probabilities.iter().zip(positive).map(error).sum::<f64>() / probabilities.len().max(1) as f64
}

/// Ten bins of (nearly) equally many probabilities, ascending: (mean probability, share positive, size). Fewer where there are fewer values.
pub fn reliability(probabilities: &[f64], positive: &[bool]) -> Vec<(f64, f64, usize)> {
    let n = probabilities.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let bins = 10;
    let (size, longer) = (n / bins, n % bins);
    let mut start = 0;
    let mut bin = |ix: usize| {
        let members = &order[start..start + size + usize::from(ix < longer)];
        start += members.len();
        let share = |sum: f64| sum / members.len().max(1) as f64;
        let predicted = share(members.iter().map(|&at| probabilities[at]).sum());
        (predicted, share(members.iter().filter(|&&at| positive[at]).count() as f64), members.len())
    };
    (0..bins).map(&mut bin).filter(|&(.., size)| size > 0).collect()
}

/// Expected calibration error: mean over the bins of |mean probability - share positive|, weighted by size.
pub fn calibration_error(bins: &[(f64, f64, usize)]) -> f64 {
    let n: usize = bins.iter().map(|bin| bin.2).sum();
    bins.iter().map(|&(predicted, actual, size)| size as f64 * (predicted - actual).abs()).sum::<f64>() / n.max(1) as f64
}

/// Share of all positives among the highest-scored share of rows, in `steps` equal steps; the last is 1.
pub fn gains(scores: &[f64], positive: &[bool], steps: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let all = positive.iter().filter(|&&positive| positive).count().max(1) as f64;
    let among = |step: usize| order[..order.len() * step / steps].iter().filter(|&&at| positive[at]).count() as f64 / all;
    (1..=steps).map(among).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples_hold() {
        assert!((ndcg([1, 3].into_iter(), 2, 10) - 1.5 / (1.0 + 1.0 / 3_f64.log2())).abs() < 1e-12);
        assert!((average_precision_at(&[1, 3], 2, 10) - 5.0 / 6.0).abs() < 1e-12);
        assert_eq!(average_precision_at(&[2], 30, 10), 0.05);
        assert_eq!(auc(&[0.1, 0.4, 0.4], &[false, true, false]), 0.75);
        assert!((average_precision(&[0.9, 0.8, 0.7], &[true, false, true]) - 5.0 / 6.0).abs() < 1e-12);
        assert!((brier(&[0.0, 0.5], &[false, true]) - 0.125).abs() < 1e-12);
        assert_eq!(gains(&[0.9, 0.1, 0.5, 0.2], &[true, false, false, true], 4), [0.5, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn perfect_and_useless_orders() {
        assert_eq!(auc(&[0.1, 0.2, 0.8, 0.9], &[false, false, true, true]), 1.0);
        assert_eq!(auc(&[0.5; 4], &[false, true, false, true]), 0.5);
        assert_eq!(ndcg(1..=10, 49, 10), 1.0);
        let bins = reliability(&[0.25; 8], &[true, false, false, false, true, false, false, false]);
        assert_eq!(bins.len(), 8);
        assert_eq!(bins.iter().map(|bin| bin.2).sum::<usize>(), 8);
    }
}
