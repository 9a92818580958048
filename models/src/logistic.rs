//! A logistic regression that has been fitted: named features, standardised, with a weight each.

use serde::{Deserialize, Serialize};

/// One input of a [`Logistic`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// The feature's name.
    pub feature: String,
    /// Its mean in the training rows.
    pub mean: f64,
    /// Its standard deviation there, 1 when it did not vary.
    pub scale: f64,
    /// Change of the log-odds per standard deviation.
    pub weight: f64,
}

/// P(y = 1 | x) = 1 / (1 + exp(-(intercept + sum_j weight_j (x_j - mean_j) / scale_j))).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Log-odds at the mean of every feature.
    pub intercept: f64,
    /// One entry a feature, in the order of the inputs.
    pub weights: Vec<Weight>,
}

impl Logistic {
    /// Log-odds of y = 1. `x` has one value a feature.
    pub fn log_odds(&self, x: &[f64]) -> f64 {
        debug_assert_eq!(x.len(), self.weights.len());
        self.intercept + self.weights.iter().zip(x).map(|(w, x)| w.weight * (x - w.mean) / w.scale).sum::<f64>()
    }

    /// P(y = 1), 0 to 1.
    pub fn probability(&self, x: &[f64]) -> f64 {
        sigmoid(self.log_odds(x))
    }

    /// The same function without the standardisation: `(intercept, slopes)` on the raw features.
    pub fn raw(&self) -> (f64, Vec<f64>) {
        let slopes: Vec<f64> = self.weights.iter().map(|w| w.weight / w.scale).collect();
        let intercept = self.intercept - self.weights.iter().zip(&slopes).map(|(w, slope)| w.mean * slope).sum::<f64>();
        (intercept, slopes)
    }

    /// Whether every number is finite and the features are exactly these.
    pub fn is_sound(&self, features: &[&str]) -> bool {
        self.is_finite() && self.weights.iter().map(|w| w.feature.as_str()).eq(features.iter().copied())
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        let finite = |w: &Weight| w.mean.is_finite() && w.scale.is_finite() && w.scale > 0.0 && w.weight.is_finite();
        self.intercept.is_finite() && self.weights.iter().all(finite)
    }
}

/// 1 / (1 + exp(-z)).
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
