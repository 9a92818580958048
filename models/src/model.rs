//! A whole fitted model: loaded from its folder, checked, ready to answer.

use std::path::Path;

use rayon::prelude::*;

use crate::affinity::Affinity;
use crate::attributes::Attributes;
use crate::buy_till_you_die::BuyTillYouDie;
use crate::churn::ChurnModel;
use crate::co_purchase::CoPurchase;
use crate::customers::Customers;
use crate::error::ModelError;
use crate::factors::Factors;
use crate::groups::Standing;
use crate::histories::Histories;
use crate::ids::{CustomerIx, IdIndex};
use crate::insights::{INSIGHTS, Insights};
use crate::items::Items;
use crate::loyalty::Loyalty;
use crate::manifest::{FORMAT_VERSION, FileEntry, Manifest, OLDEST_READABLE};
use crate::recommender::{Parts, Ranker, Recommender};
use crate::rules::Rules;
use crate::segments::Segments;
use crate::shortlists::Shortlists;
use crate::table::{self, Mapped};
use crate::value::SpendModel;

/// The file of items that share orders.
pub const TOGETHER_FILE: &str = "together.arrow";
/// The file of items that share customers.
pub const ALIKE_FILE: &str = "alike.arrow";

/// The file of what the linear item model expects of each customer.
pub const AFFINITY_FILE: &str = "affinity.arrow";
/// The file of what customers like each customer bought lately.
pub const LATELY_FILE: &str = "lately.arrow";
/// The file of the factors of the customers.
pub const CUSTOMER_FACTORS_FILE: &str = "customer_factors.arrow";
/// The file of the factors of the items.
pub const ITEM_FACTORS_FILE: &str = "item_factors.arrow";

/// Everything one training run fitted. Cheap to share, never changes.
#[derive(Debug)]
pub struct Model {
    /// The version's name, which is also its folder's.
    pub version: String,
    /// What it is and what it was made from.
    pub manifest: Manifest,
    /// One row a customer.
    pub customers: Customers,
    by_id: IdIndex,
    /// What else the shop says of each customer.
    pub attributes: Attributes,
    /// Loyalty tier and points of each customer.
    pub loyalty: Loyalty,
    /// One row a segment.
    pub segments: Segments,
    /// When customers buy and what they spend.
    pub buy_till_you_die: BuyTillYouDie,
    /// How the churn probabilities were made.
    pub churn: ChurnModel,
    /// How the expected spend was made; none where there was too little history.
    pub spend: Option<SpendModel>,
    /// What stands in an order that holds something else.
    pub rules: Rules,
    /// What the purchases tell the shop.
    pub insights: Insights,
    /// Recommendations, and the items and histories behind them.
    pub recommender: Recommender,
}

impl Model {
    /// Loads a version folder. Never panics, for any bytes: the folder's name is the checksum of the manifest, the manifest holds
    /// the checksum of every other file, and labels, shapes, row numbers and finite values are checked after that.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let version = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manifest = read_manifest(folder, &version)?;
        let files: Vec<(&String, &FileEntry)> = manifest.files.iter().collect();
        let files: Result<Vec<(&str, Mapped)>, ModelError> =
            files.into_par_iter().map(|(name, entry)| Ok((name.as_str(), checked(folder, name, entry)?))).collect();
        let files = files?;
        let model = Self::from_files(version, manifest.clone(), &files)?;
        // every byte was read to check it; most are never asked for
        files.iter().for_each(|(_, mapped)| mapped.release());
        Ok(model)
    }

    /// Loads who is in which segment of a version folder, without the rest. Never panics, for any bytes.
    pub fn load_segments(folder: &Path) -> Result<(Manifest, Segments, Customers), ModelError> {
        let version = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manifest = read_manifest(folder, &version)?;
        let read = |name: &str| {
            let entry = manifest.files.get(name);
            let entry =
                entry.ok_or_else(|| ModelError::corrupt(Manifest::FILE, format!("no entry for {name}"), "an entry for every table"))?;
            table::read(name, &checked(folder, name, entry)?.bytes)
        };
        let segments = Segments::from_batch(&read(Segments::FILE)?)?;
        segments.check(usize::MAX)?;
        let customers = Customers::from_batch(&read(Customers::FILE)?)?;
        customers.check(segments.len())?;
        Ok((manifest, segments, customers))
    }

    fn from_files(version: String, manifest: Manifest, files: &[(&str, Mapped)]) -> Result<Self, ModelError> {
        let buffer = |name: &str| {
            let found = files.iter().find(|(file, _)| *file == name).map(|(_, mapped)| &mapped.bytes);
            found.ok_or_else(|| ModelError::corrupt(Manifest::FILE, format!("no entry for {name}"), "an entry for every table"))
        };
        let read = |name: &str| table::read(name, buffer(name)?);
        let items = Items::from_batch(&read(Items::FILE)?)?;
        items.check()?;
        let segments = Segments::from_batch(&read(Segments::FILE)?)?;
        segments.check(items.len())?;
        let customers = Customers::from_batch(&read(Customers::FILE)?)?;
        customers.check(segments.len())?;
        let attributes = Attributes::from_batch(read(Attributes::FILE)?, customers.len())?;
        let loyalty = Loyalty::from_batch(&read(Loyalty::FILE)?)?;
        loyalty.check(customers.len(), &manifest.rules.loyalty)?;
        let churn: ChurnModel = json(ChurnModel::FILE, buffer(ChurnModel::FILE)?)?;
        churn.check()?;
        let buy_till_you_die: BuyTillYouDie = json(BuyTillYouDie::FILE, buffer(BuyTillYouDie::FILE)?)?;
        buy_till_you_die.check()?;
        let spend: Option<SpendModel> = json(SpendModel::FILE, buffer(SpendModel::FILE)?)?;
        spend.as_ref().map_or(Ok(()), SpendModel::check)?;
        let ranker: Ranker = json(Ranker::FILE, buffer(Ranker::FILE)?)?;
        ranker.check()?;
        let rules = Rules::from_batch(&read(Rules::FILE)?)?;
        rules.check(&manifest.association_rules)?;
        let insights = Insights::new(INSIGHTS.iter().map(|insight| read(&insight.file())).collect::<Result<_, _>>()?)?;
        let favourites = segments.favourites(items.len())?;
        let parts = Parts {
            histories: Histories::from_batch(&read(Histories::FILE)?, customers.len(), items.len())?,
            orders: customers.orders.clone(),
            days_since_last: customers.days_since_last.clone(),
            gap_days: customers.gap_days.0.clone(),
            together: CoPurchase::from_batch(TOGETHER_FILE, &read(TOGETHER_FILE)?, items.len())?,
            alike: CoPurchase::from_batch(ALIKE_FILE, &read(ALIKE_FILE)?, items.len())?,
            affinity: Affinity::from_batch(AFFINITY_FILE, &read(AFFINITY_FILE)?, customers.len(), items.len())?,
            lately: Affinity::from_batch(LATELY_FILE, &read(LATELY_FILE)?, customers.len(), items.len())?,
            customer_factors: Factors::from_batch(CUSTOMER_FACTORS_FILE, &read(CUSTOMER_FACTORS_FILE)?, customers.len())?,
            item_factors: Factors::from_batch(ITEM_FACTORS_FILE, &read(ITEM_FACTORS_FILE)?, items.len())?,
            segments: Some((customers.segment.clone(), favourites)),
            // versions of before have none
            shortlists: match buffer(Shortlists::FILE) {
                Ok(bytes) => Some(Shortlists::from_batch(&table::read(Shortlists::FILE, bytes)?, customers.len(), items.len())?),
                Err(_) => None,
            },
            items,
            ranker,
        };
        let recommender = Recommender::new(parts);
        Ok(Self {
            version,
            manifest,
            by_id: IdIndex::new(&customers.customer_id),
            customers,
            attributes,
            loyalty,
            segments,
            buy_till_you_die,
            churn,
            spend,
            rules,
            insights,
            recommender,
        })
    }

    /// The customer with this id.
    pub fn customer(&self, id: &str) -> Option<CustomerIx> {
        self.by_id.find(&self.customers.customer_id, id).map(CustomerIx)
    }

    /// The items.
    pub fn items(&self) -> &Items {
        &self.recommender.parts().items
    }
}

/// Reads and checks what a version says of its customers' groups, and nothing else of it.
pub fn read_standing(folder: &Path, version: &str) -> Result<Standing, ModelError> {
    let manifest = read_manifest(folder, version)?;
    let read = |name: &str| {
        let entry = manifest.files.get(name);
        let entry = entry.ok_or_else(|| ModelError::corrupt(Manifest::FILE, format!("no entry for {name}"), "an entry for every table"))?;
        table::read(name, &checked(folder, name, entry)?.bytes)
    };
    let segments = Segments::from_batch(&read(Segments::FILE)?)?;
    let customers = Customers::from_batch(&read(Customers::FILE)?)?;
    customers.check(segments.len())?;
    let loyalty = Loyalty::from_batch(&read(Loyalty::FILE)?)?;
    loyalty.check(customers.len(), &manifest.rules.loyalty)?;
    Ok(Standing { version: version.to_owned(), as_of: manifest.as_of, rules: manifest.rules, customers, segments, loyalty })
}

/// The bytes of a file, if they are as long as the manifest says and have its checksum.
fn checked(folder: &Path, name: &str, entry: &FileEntry) -> Result<Mapped, ModelError> {
    let mapped = table::map(&folder.join(name))?;
    if mapped.bytes.len() as u64 != entry.bytes {
        return Err(ModelError::corrupt(name, format!("{} bytes", mapped.bytes.len()), format!("{} bytes", entry.bytes)));
    }
    let found = blake3::Hasher::new().update(&mapped.bytes).finalize().to_hex();
    if found.as_str() != entry.blake3 {
        return Err(ModelError::corrupt(name, format!("checksum {found}"), entry.blake3.clone()));
    }
    Ok(mapped)
}

/// Reads and checks a version's manifest alone.
pub fn read_manifest(folder: &Path, version: &str) -> Result<Manifest, ModelError> {
    let path = folder.join(Manifest::FILE);
    let bytes = std::fs::read(&path).map_err(|source| ModelError::io(&path, source))?;
    let file = path.display().to_string();
    #[derive(serde::Deserialize)]
    struct Label {
        format: u32,
    }
    let label: Label = serde_json::from_slice(&bytes).map_err(|error| ModelError::corrupt(&file, error.to_string(), "a model manifest"))?;
    if !(OLDEST_READABLE..=FORMAT_VERSION).contains(&label.format) {
        return Err(ModelError::Format { file, found: label.format, oldest: OLDEST_READABLE, newest: FORMAT_VERSION });
    }
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::corrupt(&file, error.to_string(), format!("a manifest of format {}", label.format)))?;
    let expected = manifest.version(&bytes);
    if expected != version {
        return Err(ModelError::corrupt(file, format!("contents of version {expected}"), format!("those of {version}, the folder's name")));
    }
    if let Some(name) = manifest.files.keys().find(|name| name.contains(['/', '\\']) || name.starts_with('.')) {
        return Err(ModelError::corrupt(file, format!("a file named {name:?}"), "plain file names"));
    }
    Ok(manifest)
}

fn json<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ModelError> {
    serde_json::from_slice(bytes).map_err(|error| ModelError::corrupt(name, error.to_string(), "the fields of this format"))
}
