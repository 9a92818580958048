//! Robust scaling: each feature on one scale, without letting a few extreme customers stretch it.

use shopkeeper_models::segments::Feature;

use super::points::Points;

/// One in so many customers at either end is taken for the next one inwards, and at least one from [`WINSORISED_FROM`] customers on.
const WINSORISED: usize = 100;
const WINSORISED_FROM: usize = 20;
/// A normal distribution's interquartile range in standard deviations.
const IQR_OF_NORMAL: f64 = 1.349;

/// How a column of values is scaled: winsorised, then with median 0 and interquartile range 1.349. Where the middle half of the customers are (nearly) equal,
/// half the standard deviation takes the place of the range, so that the others are not blown up. `None` where nobody differs.
pub(super) fn feature(name: &str, values: &[f64]) -> Option<Feature> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted.get(((sorted.len() - 1) as f64 * share).round() as usize).copied();
    if sorted.is_empty() {
        return None;
    }
    let outside = if sorted.len() < WINSORISED_FROM { 0 } else { (sorted.len() / WINSORISED).max(1) };
    let (low, high) = (sorted[outside], sorted[sorted.len() - 1 - outside]);
    let n = values.len() as f64;
    let clamped = || values.iter().map(|value| value.clamp(low, high));
    let mean = clamped().sum::<f64>() / n;
    let deviation = (clamped().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let spread = (at(0.75)? - at(0.25)?) / IQR_OF_NORMAL;
    let scale = spread.max(deviation / 2.0);
    (scale > 1e-9).then(|| Feature { name: name.to_owned(), low, high, centre: at(0.5).unwrap_or(mean), scale })
}

/// Columns on one scale, beside each other; columns in which nobody differs are left out.
pub(super) fn scaled(columns: &[(&str, Vec<f64>)]) -> (Vec<Feature>, Option<Points>) {
    let kept: Vec<(Feature, &Vec<f64>)> = columns.iter().filter_map(|(name, values)| Some((feature(name, values)?, values))).collect();
    if kept.is_empty() {
        return (Vec::new(), None);
    }
    let rows = kept[0].1.len();
    let values = (0..rows).flat_map(|row| kept.iter().map(move |(feature, values)| scale(feature, values[row]))).collect();
    let dims = kept.len();
    (kept.into_iter().map(|(feature, _)| feature).collect(), Some(Points::new(values, dims)))
}

/// A value on the feature's scale.
pub(super) fn scale(feature: &Feature, value: f64) -> f64 {
    (value.clamp(feature.low, feature.high) - feature.centre) / feature.scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_stretch_the_scale() {
        let mut values: Vec<f64> = (0..1000).map(f64::from).collect();
        let plain = feature("x", &values).expect("they differ");
        values[999] = 1e12;
        let with_outlier = feature("x", &values).expect("they differ");
        assert_eq!(plain, with_outlier);
        assert!(scale(&with_outlier, 1e12) < 2.0);
        assert_eq!(feature("x", &[4.0; 30]), None);
        assert_eq!(feature("x", &[]), None);
    }
}
