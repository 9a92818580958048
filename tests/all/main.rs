//! One integration binary over the real binary, its files and real HTTP.
#![allow(clippy::unwrap_used, missing_docs)]

mod answers;
mod audience;
mod cli;
mod edges;
mod evaluation;
mod events;
mod experiments;
mod fixture;
mod http;
mod items;
mod lists;
mod messages;
mod problems;
mod server;
mod shop;
mod store;
mod storefront;
mod training;
