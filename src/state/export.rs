//! The purchases of the state as a Parquet file that `train` reads as it is. Its footer says which events it holds, the manifest of a model
//! trained on it says so, too, and so a server knows what the model has seen.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use shopkeeper_models::manifest::EventsSeen;

use super::{PurchaseRow, StateError, read_purchases};

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// Purchases.
    pub rows: u64,
    /// Purchases by visitors without a customer id, which were left out: no model can be told of them.
    pub anonymous: u64,
    /// The events that the file holds.
    pub range: EventsSeen,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file cannot be written.
    #[error("{}: {source}. Choose a place that can be written to", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The name does not say Parquet.
    #[error("{}: expected a name that ends in .parquet, which is what `shopkeeper train` reads", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// Parquet could not be made of it.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: ParquetError,
    },
}

/// Writes the purchases after the event of this number (0 = all) to a file, whole or not at all. A server may be writing more meanwhile.
pub fn export_purchases(state: &Path, after: i64, out: &Path) -> Result<Exported, ExportError> {
    let io = |source| ExportError::Io { path: out.to_owned(), source };
    if out.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("parquet")) {
        return Err(ExportError::Name { path: out.to_owned() });
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let aside = out.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = write(state, after, &aside, out).and_then(|exported| {
        fs::rename(&aside, out).map_err(io)?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(exported)
    });
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}

fn write(state: &Path, after: i64, aside: &Path, out: &Path) -> Result<Exported, ExportError> {
    let failed = |source| ExportError::Parquet { path: out.to_owned(), source };
    let io = |source| ExportError::Io { path: out.to_owned(), source };
    if !state.exists() {
        return Err(StateError::Missing { path: state.to_owned() }.into());
    }
    let schema = schema();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let file = File::create(aside).map_err(io)?;
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(failed)?;
    let (mut rows, mut anonymous, mut error) = (0, 0, None);
    let (id, upto) = read_purchases(state, after, |page| {
        let known: Vec<PurchaseRow> = page.iter().filter(|row| row.customer_id.is_some()).cloned().collect();
        anonymous += (page.len() - known.len()) as u64;
        rows += known.len() as u64;
        error = batch(&schema, &known).and_then(|batch| writer.write(&batch)).err();
        error.is_none()
    })?;
    if let Some(error) = error {
        return Err(failed(error));
    }
    let range = EventsSeen { state: id, after, upto: upto.max(after) };
    let said = serde_json::to_string(&range).unwrap_or_else(|error| unreachable!("a string and two numbers: {error}"));
    writer.append_key_value_metadata(KeyValue::new(EventsSeen::KEY.to_owned(), said));
    let file = writer.into_inner().map_err(failed)?;
    file.sync_all().map_err(io)?;
    Ok(Exported { rows, anonymous, range })
}

fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let number = |name: &str, nullable| Field::new(name, DataType::Float64, nullable);
    Arc::new(Schema::new(vec![
        text("customer_id", false),
        text("item_id", false),
        Field::new("timestamp", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false),
        text("order_id", true),
        number("quantity", false),
        number("amount", true),
        text("channel", true),
    ]))
}

fn batch(schema: &SchemaRef, rows: &[PurchaseRow]) -> Result<RecordBatch, ParquetError> {
    let text = |of: fn(&PurchaseRow) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let times = rows.iter().map(|row| Some(row.at)).collect::<TimestampMillisecondArray>().with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        text(|row| row.customer_id.as_deref()),
        text(|row| Some(&row.item_id)),
        Arc::new(times),
        text(|row| row.order_id.as_deref()),
        Arc::new(rows.iter().map(|row| Some(row.quantity)).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.amount).collect::<Float64Array>()),
        text(|row| row.channel.as_deref()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
