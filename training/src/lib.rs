//! How a shopkeeper model is made: Parquet, purchase log, fits, evaluation, saved version.

pub mod affinity;
pub mod boosting;
pub mod buy_till_you_die;
pub mod churn;
pub mod co_purchase;
pub mod customers;
pub mod demo_shop;
pub mod evaluation;
pub mod histories;
pub mod items;
pub mod log;
pub mod logistic;
pub mod outlook;
pub mod pipeline;
pub mod progress;
pub mod read;
pub mod recommender;
pub mod report;
pub mod segments;
pub mod tempo;
pub mod value;
