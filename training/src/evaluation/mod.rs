//! Evaluation: a fit that saw only the past, held against what happened then, through the scoring path that is served.

pub mod ablation;
mod bootstrap;
pub mod churn;
pub mod comparison;
mod methods;
pub mod metrics;
pub mod recommendations;
mod scores;
mod shoppers;
pub mod stability;
pub mod survival;

/// Length of the answers that are measured.
pub const K: usize = 10;

#[cfg(test)]
mod tests;
