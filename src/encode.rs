//! Encoding: a list as bytes, batch by batch, in the formats that people and programs open.
//!
//! JSON, NDJSON and Parquet hold every value exactly. CSV is what people open in a spreadsheet, which runs a cell that begins with
//! `=`, `+`, `-` or `@` as a formula. So in CSV alone a text that begins with one of these, a tab or a carriage return gets an
//! apostrophe in front, unless it is `+` or `-` and a plain number. Programs that need such ids exactly read another format.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::lists::List;

/// Rows of one Parquet row group: what is held in memory before it is written.
const ROW_GROUP_ROWS: usize = 65_536;

/// A way to write a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line, UTF-8.
    Csv,
    /// Apache Parquet, zstd.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Json, Self::Ndjson, Self::Csv, Self::Parquet];

    /// The name, which is also the file extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The format of a file by its extension (`.jsonl` is NDJSON).
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        if extension == "jsonl" { Some(Self::Ndjson) } else { Self::ALL.into_iter().find(|format| format.name() == extension) }
    }

    /// The format that an HTTP `Accept` header likes best: the highest q, then the first named, and JSON where anything goes.
    /// `None` when it accepts none of them.
    pub fn of_accept(accept: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let any = matches!(media.as_str(), "*/*" | "application/*");
            let format = if any { Some(Self::Json) } else { Self::ALL.into_iter().find(|format| format.accepts(&media)) };
            if let Some(format) = format.filter(|_| q > 0.0 && best.is_none_or(|(found, _)| q > found)) {
                best = Some((q, format));
            }
        }
        best.map(|(_, format)| format)
    }

    fn accepts(self, media: &str) -> bool {
        let also: &[&str] = match self {
            Self::Json => &[],
            Self::Ndjson => &["application/ndjson", "application/jsonl"],
            Self::Csv => &["text/*"],
            Self::Parquet => &["application/x-parquet"],
        };
        media == self.media_type() || also.contains(&media)
    }
}

/// Why a list could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The file's extension names no format.
    #[error("{path}: no format by that extension; expected .parquet, .csv, .ndjson or .json")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{path}: {source}. Nothing was left behind; check the folder and the free space, and try again")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The columnar libraries refused.
    #[error("encoding failed: {0}")]
    Encoding(String),
}

/// Turns batches into bytes that can be taken out at any time.
pub struct Encoder {
    sink: Sink,
    writer: Writer,
}

enum Writer {
    Json(arrow::json::Writer<Sink, JsonArray>),
    Ndjson(arrow::json::Writer<Sink, LineDelimited>),
    Csv(Box<arrow::csv::Writer<Sink>>),
    Parquet(Box<ArrowWriter<Sink>>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Encoder {
    /// An encoder of batches with this schema.
    pub fn new(format: Format, schema: &SchemaRef) -> Result<Self, EncodeError> {
        let schema = &if matches!(format, Format::Csv | Format::Parquet) { flat_schema(schema) } else { Arc::clone(schema) };
        let sink = Sink::default();
        let json = || WriterBuilder::new().with_explicit_nulls(true);
        let mut writer = match format {
            Format::Json => Writer::Json(json().build(sink.clone())),
            Format::Ndjson => Writer::Ndjson(json().build(sink.clone())),
            Format::Csv => Writer::Csv(Box::new(arrow::csv::Writer::new(sink.clone()))),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                    .build();
                let writer = ArrowWriter::try_new(sink.clone(), Arc::clone(schema), Some(properties)).map_err(failed)?;
                Writer::Parquet(Box::new(writer))
            }
        };
        if let Writer::Csv(csv) = &mut writer {
            csv.write(&joined(&RecordBatch::new_empty(Arc::clone(schema)))).map_err(failed)?;
        }
        Ok(Self { sink, writer })
    }

    /// Encodes a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), EncodeError> {
        match &mut self.writer {
            Writer::Json(json) => json.write(batch).map_err(failed),
            Writer::Ndjson(json) => json.write(batch).map_err(failed),
            Writer::Csv(csv) => csv.write(&without_formulas(&joined(&flat(batch)))).map_err(failed),
            Writer::Parquet(parquet) => parquet.write(&flat(batch)).map_err(failed),
        }
    }

    /// Takes what has been encoded so far; empty while a Parquet row group is being filled.
    pub fn take(&mut self) -> Vec<u8> {
        self.sink.take()
    }

    /// Ends the file and takes the rest of it.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        match self.writer {
            Writer::Json(mut json) => json.finish().map_err(failed)?,
            Writer::Ndjson(mut json) => json.finish().map_err(failed)?,
            Writer::Csv(_) => {}
            Writer::Parquet(parquet) => drop(parquet.close().map_err(failed)?),
        }
        Ok(self.sink.take())
    }
}

fn failed(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::Encoding(error.to_string())
}

/// Bytes on their way from a writer to whoever takes them.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The schema with a column `outer.inner` for each field of a struct: spreadsheets have no columns within columns.
fn flat_schema(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = Vec::new();
    for field in schema.fields() {
        match field.data_type() {
            DataType::Struct(inner) => {
                let name = |of: &Field| format!("{}.{}", field.name(), of.name());
                fields.extend(inner.iter().map(|of| Arc::new(of.as_ref().clone().with_name(name(of)))));
            }
            _ => fields.push(Arc::clone(field)),
        }
    }
    Arc::new(Schema::new(fields))
}

/// The same rows with the columns of [`flat_schema`].
fn flat(batch: &RecordBatch) -> Cow<'_, RecordBatch> {
    let is_struct = |column: &ArrayRef| matches!(column.data_type(), DataType::Struct(_));
    if !batch.columns().iter().any(is_struct) {
        return Cow::Borrowed(batch);
    }
    let columns = batch.columns().iter().flat_map(|column| match column.as_struct_opt() {
        Some(of) => of.columns().to_vec(),
        None => vec![Arc::clone(column)],
    });
    let flat = RecordBatch::try_new(flat_schema(&batch.schema()), columns.collect());
    Cow::Owned(flat.unwrap_or_else(|error| unreachable!("the same columns: {error}")))
}

/// What stands between the texts of a list in CSV.
const LIST_SEPARATOR: &str = " + ";

/// The batch with each list of texts as one text: spreadsheets have no lists.
fn joined(batch: &RecordBatch) -> Cow<'_, RecordBatch> {
    let is_list = |column: &ArrayRef| matches!(column.data_type(), DataType::List(_));
    if !batch.columns().iter().any(is_list) {
        return Cow::Borrowed(batch);
    }
    let text = |texts: ArrayRef| texts.as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(LIST_SEPARATOR);
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .map(|column| match column.as_list_opt::<i32>() {
            Some(lists) => Arc::new(lists.iter().map(|texts| texts.map(text)).collect::<StringArray>()) as ArrayRef,
            None => Arc::clone(column),
        })
        .collect();
    let schema = batch.schema();
    let fields =
        schema.fields().iter().zip(&columns).map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Cow::Owned(RecordBatch::try_new(schema, columns).unwrap_or_else(|error| unreachable!("the same rows: {error}")))
}

/// The batch with an apostrophe before every text that a spreadsheet would run.
fn without_formulas(batch: &RecordBatch) -> Cow<'_, RecordBatch> {
    let texts = || batch.columns().iter().filter(|column| column.data_type() == &DataType::Utf8);
    if !texts().any(|column| column.as_string::<i32>().iter().flatten().any(is_formula)) {
        return Cow::Borrowed(batch);
    }
    let guard = |text: &str| if is_formula(text) { format!("'{text}") } else { text.to_owned() };
    let columns = batch.columns().iter().map(|column| match column.as_string_opt::<i32>() {
        Some(texts) => Arc::new(texts.iter().map(|text| text.map(guard)).collect::<StringArray>()) as ArrayRef,
        None => Arc::clone(column),
    });
    let guarded = RecordBatch::try_new(batch.schema(), columns.collect());
    Cow::Owned(guarded.unwrap_or_else(|error| unreachable!("the same columns: {error}")))
}

fn is_formula(text: &str) -> bool {
    let plain_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.as_bytes().first() {
        Some(b'=' | b'@' | b'\t' | b'\r') => true,
        Some(b'+' | b'-') => !plain_number(&text[1..]),
        _ => false,
    }
}

/// Writes a list to a file in the format of its extension: aside, synced and renamed, so that the file is whole or not there.
/// Returns the number of rows.
pub fn export_to_file(path: &Path, list: List) -> Result<u64, EncodeError> {
    let format = Format::of_path(path).ok_or_else(|| EncodeError::UnknownFormat { path: path.to_owned() })?;
    let io = |source| EncodeError::Io { path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = write_list(&aside, format, list, io).and_then(|rows| {
        fs::rename(&aside, path).map_err(io)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(rows)
    });
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}

fn write_list(path: &Path, format: Format, list: List, io: impl Fn(io::Error) -> EncodeError) -> Result<u64, EncodeError> {
    let mut file = File::create(path).map_err(&io)?;
    let mut encoder = Encoder::new(format, &list.schema)?;
    let mut rows = 0;
    for batch in list.batches {
        encoder.write(&batch)?;
        rows += batch.num_rows() as u64;
        file.write_all(&encoder.take()).map_err(&io)?;
    }
    file.write_all(&encoder.finish()?).map_err(&io)?;
    file.sync_all().map_err(io)?;
    Ok(rows)
}
