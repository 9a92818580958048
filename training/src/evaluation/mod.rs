//! Evaluation: a fit that saw only the past, held against what happened then, through the scoring path that is served.

pub mod churn;
pub mod metrics;
pub mod recommendations;
