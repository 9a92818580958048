//! The shop that a bench is about: the files it is given, else a demo shop.

use shopkeeper::config::TrainOptions;
use shopkeeper_training::demo_shop::DemoShop;
use shopkeeper_training::log::PurchaseLog;
use shopkeeper_training::progress::Silent;
use shopkeeper_training::read::{ReadSettings, read};

/// Reads the purchases of the options, or those of the demo shop where they name none.
pub(crate) fn log(options: &TrainOptions, demo: DemoShop) -> PurchaseLog {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = if options.purchases.is_empty() {
        let files = demo.write(folder.path()).expect("space on the disk");
        ReadSettings {
            purchases: files.purchases.iter().map(|path| path.display().to_string()).collect(),
            items: Some(files.items.display().to_string()),
            ..ReadSettings::default()
        }
    } else {
        ReadSettings {
            purchases: options.purchases.clone(),
            items: options.items.clone(),
            columns: options.columns.clone().into_iter().chain(options.column.clone()).collect(),
            as_of: options.as_of.as_deref().map(|as_of| as_of.parse().expect("a date")),
            ..ReadSettings::default()
        }
    };
    read(&settings, &Silent).expect("purchases").log
}
