//! Every integration test, in one binary.
#![allow(clippy::unwrap_used)]

mod fixture;
mod http;
mod lists;
