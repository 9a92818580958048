//! How a shopkeeper model is made: Parquet, purchase log, fits, evaluation, saved version.

pub mod demo_shop;
pub mod log;
pub mod progress;
pub mod report;
