//! The counter of a shop that knows its regulars: serves and exports what a fitted model answers.

pub mod cli;
pub mod config;
pub mod encode;
pub mod lists;
#[cfg(feature = "train")]
pub mod progress_bar;
pub mod server;
pub mod state;
