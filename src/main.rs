//! The counter.
fn main() {}
