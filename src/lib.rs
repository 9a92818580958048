//! The counter of a shop that knows its regulars: serves and exports what a fitted model answers.

pub mod encode;
pub mod lists;
pub mod server;
