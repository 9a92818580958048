//! The demo shop's files: customers are simulated in blocks, in parallel, and written block after block.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use rand::Rng;
use rayon::prelude::*;

use super::campaigns::{CAMPAIGNS, Sent};
use super::catalogue::{DemoCatalogue, DemoItem, digits};
use super::household::Nature;
use super::random::{Stream, rng};
use super::shelves::SHELVES;
use super::visits::{Life, Shop, SoldLine};
use super::{DemoError, DemoFiles, DemoShop};

/// The shop's last day, 2026-09-30, in days since 1970-01-01.
const LAST_DAY: i32 = 20_726;
/// Customers simulated at a time.
const BLOCK: u32 = 256;
/// Blocks in memory at a time, for each file.
const BLOCKS_AHEAD: usize = 16;
/// Rows of a row group.
const ROW_GROUP: usize = 1 << 16;
/// Order ids: the customer's number times this, plus the order's number.
const ORDERS_PER_CUSTOMER: i64 = 100_000;
/// One prospect for so many customers.
const CUSTOMERS_PER_PROSPECT: u32 = 25;

const DAY_MS: i64 = 86_400_000;

/// A block of customers, simulated.
struct Block {
    purchases: RecordBatch,
    truths: Vec<Truth>,
    orders: u64,
    returns: u64,
}

/// What drove a customer.
struct Truth {
    household: &'static str,
    orders_per_day: f64,
    leave_probability: f64,
    favourites: Vec<u32>,
    first_ms: i64,
    left_ms: Option<i64>,
    sent: Vec<Sent>,
}

/// Writes every file of the shop.
pub(super) fn write(settings: &DemoShop, folder: &Path) -> Result<DemoFiles, DemoError> {
    let first_day = LAST_DAY + 1 - settings.days as i32;
    let shop = Shop::new(DemoCatalogue::new(settings.items, settings.seed), first_day, settings.days);
    let writer = ShopWriter { settings, shop, opened_ms: i64::from(first_day) * DAY_MS };
    let paths = purchase_paths(settings.files, folder);
    for parent in paths.iter().filter_map(|path| path.parent()) {
        fs::create_dir_all(parent).map_err(|source| DemoError::Write { path: parent.to_owned(), source })?;
    }
    let parts: Vec<Part> = paths.par_iter().enumerate().map(|(part, path)| writer.write_purchases(path, part)).collect::<Result<_, _>>()?;
    let truths: Vec<&Truth> = parts.iter().flat_map(|part| &part.truths).collect();
    let path = |name: &str| folder.join(name);
    let (items, customers) = (path("items.parquet"), path("customers.parquet"));
    let (truth, truth_pairs) = (path("truth.parquet"), path("truth_pairs.parquet"));
    write_table(&items, &items_table(&writer.shop.catalogue))?;
    write_table(&customers, &writer.customers_table(&truths))?;
    write_table(&truth, &writer.truth_table(&truths))?;
    write_table(&truth_pairs, &pairs_table(&writer.shop.catalogue))?;
    let (campaigns, truth_campaigns) = (path("campaigns.parquet"), path("truth_campaigns.parquet"));
    write_table(&campaigns, &writer.campaigns_table(&truths))?;
    write_table(&truth_campaigns, &campaign_truths(&truths))?;
    let sum = |count: fn(&Part) -> u64| parts.iter().map(count).sum();
    Ok(DemoFiles {
        purchases: paths,
        items,
        customers,
        truth,
        truth_pairs,
        campaigns,
        truth_campaigns,
        lines: sum(|part| part.lines),
        orders: sum(|part| part.orders),
        returns: sum(|part| part.returns),
    })
}

fn purchase_paths(files: u32, folder: &Path) -> Vec<PathBuf> {
    match files {
        1 => vec![folder.join("purchases.parquet")],
        _ => (0..files).map(|part| folder.join("purchases").join(format!("part-{part:05}.parquet"))).collect(),
    }
}

/// What one file of purchases holds.
#[derive(Default)]
struct Part {
    truths: Vec<Truth>,
    lines: u64,
    orders: u64,
    returns: u64,
}

struct ShopWriter<'a> {
    settings: &'a DemoShop,
    shop: Shop,
    opened_ms: i64,
}

impl ShopWriter<'_> {
    /// Writes the purchases of the `part`-th share of the customers.
    fn write_purchases(&self, path: &Path, part: usize) -> Result<Part, DemoError> {
        let share = |part: usize| (u64::from(self.settings.customers) * part as u64 / u64::from(self.settings.files)) as u32;
        let (start, end) = (share(part), share(part + 1));
        let blocks: Vec<(u32, u32)> = (start..end).step_by(BLOCK as usize).map(|from| (from, (from + BLOCK).min(end))).collect();
        let mut file = TableFile::create(path, &self.block(start, start).purchases)?;
        let mut written = Part::default();
        for blocks in blocks.chunks(BLOCKS_AHEAD) {
            let blocks: Vec<Block> = blocks.par_iter().map(|&(from, to)| self.block(from, to)).collect();
            for block in blocks {
                file.write(&block.purchases)?;
                written.lines += block.purchases.num_rows() as u64;
                written.orders += block.orders;
                written.returns += block.returns;
                written.truths.extend(block.truths);
            }
        }
        file.finish()?;
        Ok(written)
    }

    /// Simulates the customers `from..to`.
    fn block(&self, from: u32, to: u32) -> Block {
        let mut lines = Vec::new();
        let mut block_truths = Vec::new();
        let (mut orders, mut returns) = (0, 0);
        for customer in from..to {
            let mut rng = rng(self.settings.seed, Stream::Customer, customer.into());
            let mut nature = Nature::draw(&self.shop.catalogue, f64::from(self.shop.days), &mut rng);
            let Nature { household, orders_per_day, leave_probability, .. } = nature;
            let mut life = self.shop.live(&mut nature, &mut rng);
            let sent = self.shop.send(&mut nature, &mut life, &mut self::rng(self.settings.seed, Stream::Campaign, customer.into()));
            let Life { lines: bought, orders: ordered, returns: returned, extra, first_ms, left_ms, favourites } = life;
            lines.extend(bought.into_iter().map(|line| (customer, line)));
            orders += u64::from(ordered + extra);
            returns += u64::from(returned);
            block_truths.push(Truth { household: household.name, orders_per_day, leave_probability, favourites, first_ms, left_ms, sent });
        }
        Block { purchases: self.purchases_table(&lines), truths: block_truths, orders, returns }
    }

    fn customer_id(&self, customer: u32) -> String {
        let digits = digits(self.settings.customers + self.prospects()).max(5);
        format!("c{:0digits$}", customer + 1)
    }

    fn prospects(&self) -> u32 {
        self.settings.customers / CUSTOMERS_PER_PROSPECT
    }

    fn purchases_table(&self, lines: &[(u32, SoldLine)]) -> RecordBatch {
        let mut customer_id = StringBuilder::with_capacity(lines.len(), lines.len() * 8);
        for of_customer in lines.chunk_by(|a, b| a.0 == b.0) {
            let id = self.customer_id(of_customer[0].0);
            of_customer.iter().for_each(|_| customer_id.append_value(&id));
        }
        let items = &self.shop.catalogue.items;
        let order_id = |&(customer, line): &(u32, SoldLine)| i64::from(customer + 1) * ORDERS_PER_CUSTOMER + i64::from(line.order);
        let channel = |line: &SoldLine| if line.web { "web" } else { "store" };
        table(vec![
            ("customer_id", Arc::new(customer_id.finish())),
            ("order_id", Arc::new(lines.iter().map(order_id).collect::<Int64Array>())),
            ("item_id", Arc::new(StringArray::from_iter_values(lines.iter().map(|(_, line)| &items[line.item as usize].id)))),
            ("timestamp", self.times(lines.iter().map(|(_, line)| Some(line.at_ms)))),
            ("quantity", Arc::new(lines.iter().map(|(_, line)| line.quantity).collect::<Int32Array>())),
            ("amount", Arc::new(lines.iter().map(|(_, line)| line.amount).collect::<Float64Array>())),
            ("channel", Arc::new(StringArray::from_iter_values(lines.iter().map(|(_, line)| channel(line))))),
        ])
    }

    /// Times given in milliseconds since the shop opened.
    fn times(&self, times: impl Iterator<Item = Option<i64>>) -> ArrayRef {
        let times: TimestampMillisecondArray = times.map(|time| time.map(|time| time + self.opened_ms)).collect();
        Arc::new(times.with_timezone("UTC"))
    }

    /// Customers sign up up to two days before their first order; prospects some time in the last half of the time.
    fn customers_table(&self, truths: &[&Truth]) -> RecordBatch {
        let bought = truths.len() as u32;
        let all = || 0..bought + self.prospects();
        let mut signed_up = Vec::new();
        let mut opted_in = Vec::new();
        for customer in all() {
            let mut rng = rng(self.settings.seed, Stream::Prospect, customer.into());
            let days_ms = i64::from(self.settings.days) * DAY_MS;
            let first = truths.get(customer as usize).map(|truth| truth.first_ms - rng.gen_range(0..2 * DAY_MS));
            signed_up.push(Some(first.unwrap_or_else(|| rng.gen_range(days_ms / 2..days_ms))));
            opted_in.push(rng.gen_bool(0.62));
        }
        table(vec![
            ("customer_id", Arc::new(StringArray::from_iter_values(all().map(|customer| self.customer_id(customer))))),
            ("signed_up_at", self.times(signed_up.into_iter())),
            ("email_opt_in", Arc::new(BooleanArray::from(opted_in))),
        ])
    }

    fn campaigns_table(&self, truths: &[&Truth]) -> RecordBatch {
        let rows = || truths.iter().enumerate().flat_map(|(customer, truth)| truth.sent.iter().map(move |sent| (customer as u32, sent)));
        let strings =
            |of: &dyn Fn(&Sent) -> &'static str| Arc::new(StringArray::from(rows().map(|(_, sent)| of(sent)).collect::<Vec<_>>()));
        table(vec![
            ("campaign_id", strings(&|sent| CAMPAIGNS[sent.campaign].id)),
            ("customer_id", Arc::new(StringArray::from(rows().map(|(customer, _)| self.customer_id(customer)).collect::<Vec<_>>()))),
            ("group", strings(&|sent| if sent.is_control { "control" } else { "treated" })),
            ("sent_at", self.times(rows().map(|(_, sent)| Some(sent.sent_ms)))),
            ("reached_at", self.times(rows().map(|(_, sent)| sent.reached_ms))),
            ("redeemed_at", self.times(rows().map(|(_, sent)| sent.redeemed_ms))),
            ("channel", strings(&|sent| CAMPAIGNS[sent.campaign].channel)),
        ])
    }

    fn truth_table(&self, truths: &[&Truth]) -> RecordBatch {
        let mut favourites = ListBuilder::new(StringBuilder::new());
        for truth in truths {
            let ids = truth.favourites.iter().map(|&item| Some(&self.shop.catalogue.items[item as usize].id));
            favourites.append_value(ids);
        }
        let numbers = |of: fn(&Truth) -> f64| Arc::new(truths.iter().map(|truth| of(truth)).collect::<Float64Array>());
        table(vec![
            ("customer_id", Arc::new(StringArray::from_iter_values((0..truths.len() as u32).map(|row| self.customer_id(row))))),
            ("left_at", self.times(truths.iter().map(|truth| truth.left_ms))),
            ("orders_per_day", numbers(|truth| truth.orders_per_day)),
            ("leave_probability", numbers(|truth| truth.leave_probability)),
            ("household", Arc::new(StringArray::from_iter_values(truths.iter().map(|truth| truth.household)))),
            ("favourite_item_ids", Arc::new(favourites.finish())),
        ])
    }
}

fn items_table(catalogue: &DemoCatalogue) -> RecordBatch {
    let items = &catalogue.items;
    let strings = |of: fn(&DemoItem) -> &str| Arc::new(StringArray::from_iter_values(items.iter().map(of)));
    table(vec![
        ("item_id", strings(|item| &item.id)),
        ("title", strings(|item| &item.title)),
        ("category", strings(|item| SHELVES[item.shelf].category)),
        ("brand", strings(|item| item.brand)),
        ("price", Arc::new(items.iter().map(|item| item.price).collect::<Float64Array>())),
        ("available", Arc::new(items.iter().map(|item| Some(item.available)).collect::<BooleanArray>())),
    ])
}

/// What each campaign brought: orders made for it by the customers it was sent to.
fn campaign_truths(truths: &[&Truth]) -> RecordBatch {
    let sent =
        |campaign: usize| truths.iter().flat_map(|truth| &truth.sent).filter(move |sent| sent.campaign == campaign && !sent.is_control);
    let treated: Vec<i64> = (0..CAMPAIGNS.len()).map(|campaign| sent(campaign).count() as i64).collect();
    let orders: Vec<i64> =
        (0..CAMPAIGNS.len()).map(|campaign| sent(campaign).filter(|sent| sent.redeemed_ms.is_some()).count() as i64).collect();
    let lift = treated.iter().zip(&orders).map(|(&treated, &orders)| orders as f64 / treated.max(1) as f64);
    table(vec![
        ("campaign_id", Arc::new(StringArray::from_iter_values(CAMPAIGNS.iter().map(|campaign| campaign.id)))),
        ("true_lift", Arc::new(lift.collect::<Float64Array>())),
        ("treated", Arc::new(Int64Array::from(treated))),
        ("orders", Arc::new(Int64Array::from(orders))),
    ])
}

fn pairs_table(catalogue: &DemoCatalogue) -> RecordBatch {
    let items = &catalogue.items;
    let pairs = || items.iter().filter_map(|item| item.complement.map(|(other, share)| (&item.id, &items[other as usize].id, share)));
    table(vec![
        ("item_id", Arc::new(StringArray::from_iter_values(pairs().map(|(item, _, _)| item)))),
        ("with_item_id", Arc::new(StringArray::from_iter_values(pairs().map(|(_, with, _)| with)))),
        ("probability", Arc::new(pairs().map(|(_, _, share)| share).collect::<Float64Array>())),
    ])
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap_or_else(|error| unreachable!("columns of one length: {error}"))
}

fn write_table(path: &Path, table: &RecordBatch) -> Result<(), DemoError> {
    let mut file = TableFile::create(path, table)?;
    file.write(table)?;
    file.finish()
}

/// A Parquet file being written.
struct TableFile {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl TableFile {
    /// With the columns of `like`.
    fn create(path: &Path, like: &RecordBatch) -> Result<Self, DemoError> {
        let failed = |source: std::io::Error| DemoError::Write { path: path.to_owned(), source };
        let properties =
            WriterProperties::builder().set_compression(Compression::SNAPPY).set_max_row_group_row_count(Some(ROW_GROUP)).build();
        let file = File::create(path).map_err(failed)?;
        let writer = ArrowWriter::try_new(file, like.schema(), Some(properties)).map_err(|error| failed(error.into()))?;
        Ok(Self { path: path.to_owned(), writer })
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<(), DemoError> {
        self.writer.write(rows).map_err(|error| DemoError::Write { path: self.path.clone(), source: error.into() })
    }

    fn finish(self) -> Result<(), DemoError> {
        let path = self.path;
        self.writer.close().map(|_| ()).map_err(|error| DemoError::Write { path, source: error.into() })
    }
}
