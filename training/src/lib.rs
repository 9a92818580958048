//! How a shopkeeper model is made: Parquet, purchase log, fits, evaluation, saved version.

pub mod log;
pub mod progress;
pub mod read;
