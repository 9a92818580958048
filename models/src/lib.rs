//! What a fitted shopkeeper model is: the types, the scoring and the file format.
//!
//! A [`Model`] is everything one training run fitted. It is saved as one immutable folder, a *model version*,
//! in a [`store::ModelStore`]; every table in it is an Arrow IPC file that is mapped and never parsed.
//! This crate knows neither how a model is trained nor HTTP.

pub mod affinity;
pub mod attributes;
pub mod boosting;
pub mod buy_till_you_die;
pub mod calendar;
pub mod catalogue;
mod chunks;
pub mod churn;
pub mod co_purchase;
pub mod customers;
pub mod drivers;
pub mod error;
pub mod evaluation;
pub mod factors;
pub mod groups;
pub mod histories;
pub mod ids;
pub mod insights;
pub mod items;
pub mod lifecycle;
pub mod logistic;
pub mod loyalty;
pub mod manifest;
pub mod migration;
pub mod model;
pub mod recommender;
pub mod rfm;
pub mod rules;
pub mod segments;
pub mod shortlists;
pub mod store;
pub mod table;
pub mod value;

pub use error::ModelError;
pub use ids::{CustomerIx, ItemIx};
pub use manifest::Manifest;
pub use model::Model;
