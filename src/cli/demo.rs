//! `shopkeeper demo`: a whole shop on one machine in one command.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use clap::Args;
use shopkeeper_models::lifecycle::LifecycleStage;
use shopkeeper_models::store::ModelStore;
use shopkeeper_models::{CustomerIx, ItemIx, Model};
use shopkeeper_training::demo_shop::{DemoFiles, DemoShop};
use shopkeeper_training::pipeline::{TrainSettings, train};
use shopkeeper_training::read::ReadSettings;

use super::serve::serve;
use super::train::{progress, summary};
use super::{CliError, Global, say};
use crate::server::{ServeError, ServeSettings};

const EXAMPLES: &str = "Examples:
  shopkeeper demo
  shopkeeper demo --bind 127.0.0.1:9000
  shopkeeper demo --dir demo-shop --seed 7 --no-serve";

/// Make a sample shop, train on it and serve the model
///
/// The shop is synthetic and needs no network. Its files, among them the truth behind each customer, stay in the folder to look at.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DemoCommand {
    /// Where to put the shop's files and its model store
    #[arg(long, default_value = "demo-shop", value_name = "DIR")]
    dir: PathBuf,
    /// Address and port to listen on; 127.0.0.1 is this machine only
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR", env = "SHOPKEEPER_BIND")]
    bind: String,
    /// Seed of the shop: another one is another shop
    #[arg(long, default_value_t = DemoShop::default().seed, value_name = "N")]
    seed: u64,
    /// Make and train only
    #[arg(long)]
    no_serve: bool,
}

impl DemoCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let address = if self.no_serve { None } else { Some(free_address(&self.bind)?) };
        let files = DemoShop { seed: self.seed, ..DemoShop::default() }.write(&self.dir)?;
        if !global.quiet {
            say(&made(&files))?;
        }
        let store = ModelStore::new(self.dir.join("model-store"));
        let trained = train(&settings(&files), &store, &progress(global))?;
        if !global.quiet {
            say(&summary(&trained, &store))?;
        }
        let Some(address) = address else {
            return say(&format!("\nServe it: shopkeeper serve --store {}\n", store.folder().display()));
        };
        say(&invitation(address, &store.load(&trained.version)?))?;
        serve(ServeSettings { store: store.folder().to_owned(), bind: address.to_string(), ..ServeSettings::default() })
    }
}

/// The address, if it can be listened on; port 0 finds a free one. Asked before any work, so that a taken port costs nobody a minute.
fn free_address(bind: &str) -> Result<SocketAddr, CliError> {
    let listener = TcpListener::bind(bind).and_then(|listener| listener.local_addr());
    listener.map_err(|source| CliError::Serve(ServeError::Bind { bind: bind.to_owned(), source }))
}

fn made(files: &DemoFiles) -> String {
    let folder = files.items.parent().map_or_else(String::new, |folder| folder.display().to_string());
    let DemoFiles { lines, orders, returns, .. } = files;
    format!("Made a shop in {folder}: {lines} purchase lines in {orders} orders, {returns} of them returns\n\n")
}

fn settings(files: &DemoFiles) -> TrainSettings {
    let text = |path: &PathBuf| path.display().to_string();
    let read = ReadSettings {
        purchases: files.purchases.iter().map(text).collect(),
        items: Some(text(&files.items)),
        customers: Some(text(&files.customers)),
        campaigns: Some(text(&files.campaigns)),
        ..ReadSettings::default()
    };
    TrainSettings { read, ..TrainSettings::default() }
}

/// Three questions that the server is about to answer.
fn invitation(address: SocketAddr, model: &Model) -> String {
    let host = if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
    let (customer, item) = (model.customers.id(a_regular(model)), a_companion(model));
    let title = model.items().title.get(item.row()).unwrap_or("this item");
    let item = model.items().id(item);
    format!(
        "
Serving on http://{host}, documentation at http://{host}/docs/, Ctrl-C to stop. Ask it:

  What will customer {customer} want next?
  curl -s 'http://{host}/v1/customers/{customer}/recommendations?n=5'

  What goes with {title}?
  curl -s -H 'content-type: application/json' -d '{{\"basket\":[\"{item}\"],\"n\":5}}' 'http://{host}/v1/baskets/complete'

  Who is about to leave, the most money at risk first?
  curl -s 'http://{host}/v1/churn?sort=expected_loss&limit=5'

"
    )
}

/// The customer who bought on most days and still does.
fn a_regular(model: &Model) -> CustomerIx {
    let customers = (0..model.customers.len() as u32).map(CustomerIx);
    let stays =
        |customer: &CustomerIx| matches!(model.customers.lifecycle_stage(*customer), LifecycleStage::Loyal | LifecycleStage::Active);
    customers.max_by_key(|customer| (stays(customer), model.customers.purchase_days.value(customer.row()))).unwrap_or(CustomerIx(0))
}

/// The item that goes most strongly with another one.
fn a_companion(model: &Model) -> ItemIx {
    let strongest = |item: &ItemIx| model.recommender.parts().together.of(*item).next().map_or(0.0, |neighbour| neighbour.score);
    let items = (0..model.items().len() as u32).map(ItemIx);
    items.max_by(|a, b| strongest(a).total_cmp(&strongest(b))).unwrap_or(ItemIx(0))
}
