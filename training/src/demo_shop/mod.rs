//! The demo shop: a synthetic grocer with known truth, written as Parquet.
//!
//! Customers order at their own tempo and leave one day (BG/NBD, Fader, Hardie & Lee 2005, with the parameters [`TRUE_TEMPO`]); they
//! have their own taste and buy their favourites whenever those are used up, until others take their place. Some items come with a partner, some shelves have a season,
//! some lines come back, and campaigns bring orders that would not have come. What really drove each customer stands in `truth.parquet`, so that a fit can be held against it.

mod campaigns;
mod catalogue;
mod files;
mod household;
mod random;
mod season;
mod shelves;
#[cfg(test)]
mod tests;
mod visits;

use std::path::{Path, PathBuf};

/// The tempo of the demo customers, in the names of the BG/NBD paper.
pub const TRUE_TEMPO: TrueTempo = TrueTempo { r: 1.6, alpha: 19.0, a: 0.9, b: 22.0 };

/// What the demo customers' tempo is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrueTempo {
    /// Shape of the Gamma distribution of orders a day.
    pub r: f64,
    /// Rate of that distribution, in days; the mean is `r / alpha` orders a day.
    pub alpha: f64,
    /// First shape of the Beta distribution of the probability of leaving after an order.
    pub a: f64,
    /// Second shape of that distribution; its mean is `a / (a + b)`.
    pub b: f64,
}

/// How big a shop to make. The same settings always give the same bytes, on any number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoShop {
    /// Customers with at least one order; one prospect for every 25 of them comes on top. About 95 lines each in 420 days. Default 2,000.
    pub customers: u32,
    /// Items in the catalogue, at least one for each of the 51 categories. Default 600.
    pub items: u32,
    /// Days the shop was open, 28 to 3,650; the last is always 2026-09-30. Default 420.
    pub days: u32,
    /// What chance is drawn from. Default 42.
    pub seed: u64,
    /// Files for the purchases: 1 = `purchases.parquet`, more = `purchases/part-00000.parquet` and so on. Default 1.
    pub files: u32,
}

impl Default for DemoShop {
    fn default() -> Self {
        Self { customers: 2_000, items: 600, days: 420, seed: 42, files: 1 }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoFiles {
    /// customer_id, order_id, item_id, timestamp, quantity, amount, channel.
    pub purchases: Vec<PathBuf>,
    /// item_id, title, category, brand, price, available.
    pub items: PathBuf,
    /// customer_id, signed_up_at, email_opt_in; prospects included.
    pub customers: PathBuf,
    /// customer_id, left_at (null = still there), orders_per_day, leave_probability, household, favourite_item_ids (at the end).
    pub truth: PathBuf,
    /// item_id, with_item_id, probability that it comes along.
    pub truth_pairs: PathBuf,
    /// campaign_id, customer_id, group, sent_at, reached_at, redeemed_at, channel; who is in the control group was drawn by lot.
    pub campaigns: PathBuf,
    /// campaign_id, true_lift (orders that it brought for each customer it was sent to), treated, orders.
    pub truth_campaigns: PathBuf,
    /// Purchase lines written, returns included.
    pub lines: u64,
    /// Orders written, returns not counted.
    pub orders: u64,
    /// Lines with negative quantity.
    pub returns: u64,
}

/// Why a demo shop could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A setting is out of range.
    #[error("{setting} {found}; expected {expected}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// The value given.
        found: u64,
        /// The range.
        expected: String,
    },
    /// A file could not be written.
    #[error("{}: {source}. Choose a folder that can be written to and has space", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DemoShop {
    /// Writes the shop's files into a folder, which is made if need be; files of the same names are replaced.
    pub fn write(&self, folder: &Path) -> Result<DemoFiles, DemoError> {
        self.check()?;
        files::write(self, folder)
    }

    fn check(&self) -> Result<(), DemoError> {
        let within = |setting, found: u64, low: u64, high: u64| {
            let error = DemoError::Setting { setting, found, expected: format!("{low} to {high}") };
            (low..=high).contains(&found).then_some(()).ok_or(error)
        };
        within("customers", self.customers.into(), 1, 100_000_000)?;
        within("items", self.items.into(), catalogue::DemoCatalogue::MIN_ITEMS.into(), 10_000_000)?;
        within("days", self.days.into(), 28, 3_650)?;
        within("files", self.files.into(), 1, 10_000)
    }
}
