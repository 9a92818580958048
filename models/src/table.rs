//! Arrow IPC files as typed columns: written from memory, mapped on reading, never copied.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, ListArray, RecordBatch, StringArray, StructArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};

use crate::ModelError;

/// A file's bytes, mapped into memory for as long as anything refers to them.
#[derive(Debug)]
pub struct Mapped {
    /// The bytes.
    pub bytes: Buffer,
    pages: Arc<memmap2::Mmap>,
}

impl Mapped {
    /// Lets go of the pages that were read so far. Whoever reads them next finds them in the system's cache of files, so this costs little, and what
    /// is never read again takes no memory from the process.
    pub fn release(&self) {
        // SAFETY: the mapping is of a file and read-only, so that its pages come back as they were
        #[cfg(unix)]
        let _ = unsafe { self.pages.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

/// The owner of mapped bytes.
struct Pages(Arc<memmap2::Mmap>);

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Maps a file.
pub fn map(path: &Path) -> Result<Mapped, ModelError> {
    let file = File::open(path).map_err(|source| ModelError::io(path, source))?;
    // SAFETY: version folders are immutable by contract: they are written aside, renamed into place and never rewritten.
    let mapped = unsafe { memmap2::Mmap::map(&file) }.map_err(|source| ModelError::io(path, source))?;
    let pages = Arc::new(mapped);
    Ok(Mapped { bytes: Buffer::from(bytes::Bytes::from_owner(Pages(pages.clone()))), pages })
}

/// Writes one table as an uncompressed Arrow IPC file with 64-byte alignment, durable when this returns.
pub fn write(path: &Path, batch: &RecordBatch) -> Result<(), ModelError> {
    let io = |source| ModelError::io(path, source);
    let arrow = |error: arrow::error::ArrowError| io(std::io::Error::other(error));
    let file = File::create(path).map_err(io)?;
    let options = IpcWriteOptions::try_new(64, false, arrow::ipc::MetadataVersion::V5).map_err(arrow)?;
    let mut writer = FileWriter::try_new_with_options(std::io::BufWriter::new(file), &batch.schema(), options).map_err(arrow)?;
    writer.write(batch).map_err(arrow)?;
    writer.finish().map_err(arrow)?;
    let file = writer.into_inner().map_err(arrow)?.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)
}

/// Reads the one batch of an Arrow IPC file without copying it. Never panics, for any bytes.
pub fn read(file: &str, buffer: &Buffer) -> Result<RecordBatch, ModelError> {
    let bad = |found: String| ModelError::corrupt(file, found, "an Arrow IPC file with one record batch");
    let trailer = buffer.len().checked_sub(10).ok_or_else(|| bad(format!("{} bytes", buffer.len())))?;
    let tail: [u8; 10] = buffer[trailer..].try_into().map_err(|_| bad("no footer".into()))?;
    let footer_len = read_footer_length(tail).map_err(|error| bad(error.to_string()))?;
    let start = trailer.checked_sub(footer_len).ok_or_else(|| bad("a footer longer than the file".into()))?;
    let footer = root_as_footer(&buffer[start..trailer]).map_err(|error| bad(error.to_string()))?;
    let schema = fb_to_schema(footer.schema().ok_or_else(|| bad("no schema".into()))?);
    let decoder = FileDecoder::new(Arc::new(schema), footer.version()).with_require_alignment(true);
    let blocks = footer.recordBatches().filter(|blocks| blocks.len() == 1).ok_or_else(|| bad("not one record batch".into()))?;
    let block = blocks.get(0);
    let (offset, meta, body) =
        (usize::try_from(block.offset()), usize::try_from(block.metaDataLength()), usize::try_from(block.bodyLength()));
    let (Ok(offset), Ok(meta), Ok(body)) = (offset, meta, body) else { return Err(bad("a negative length".into())) };
    let end = offset.checked_add(meta).and_then(|end| end.checked_add(body)).filter(|&end| end <= buffer.len());
    let length = end.ok_or_else(|| bad("a record batch beyond the end of the file".into()))? - offset;
    let batch = decoder.read_record_batch(block, &buffer.slice_with_length(offset, length)).map_err(|error| bad(error.to_string()))?;
    batch.ok_or_else(|| bad("an empty record batch".into()))
}

/// A column type that a table may have.
pub trait Column: Sized {
    /// The typed column, if the array is of that type and its values are allowed.
    fn from_array(array: &ArrayRef) -> Option<Self>;
    /// The column as Arrow sees it.
    fn to_array(&self) -> ArrayRef;
    /// Whether rows may be null.
    const NULLABLE: bool = false;
}

macro_rules! plain_column {
    ($($array:ty),* : $allowed:expr) => {$(
        impl Column for $array {
            fn from_array(array: &ArrayRef) -> Option<Self> {
                let typed = array.as_any().downcast_ref::<$array>().filter(|typed| typed.null_count() == 0)?;
                #[allow(clippy::redundant_closure_call)]
                ($allowed)(typed).then(|| typed.clone())
            }
            fn to_array(&self) -> ArrayRef {
                Arc::new(self.clone())
            }
        }
    )*};
}
plain_column!(StringArray, BooleanArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array, Int32Array, ListArray: |_| true);
plain_column!(Float32Array: |values: &Float32Array| values.values().iter().all(|value| value.is_finite()));
plain_column!(Float64Array: |values: &Float64Array| values.values().iter().all(|value| value.is_finite()));

/// A column whose rows may be null.
#[derive(Clone, Debug)]
pub struct Nullable<A>(pub A);

macro_rules! nullable_column {
    ($($array:ty => $value:ty),*) => {$(
        impl Column for Nullable<$array> {
            fn from_array(array: &ArrayRef) -> Option<Self> {
                array.as_any().downcast_ref::<$array>().cloned().map(Self)
            }
            fn to_array(&self) -> ArrayRef {
                Arc::new(self.0.clone())
            }
            const NULLABLE: bool = true;
        }

        impl Nullable<$array> {
            /// The row's value, if it has one.
            pub fn get(&self, row: usize) -> Option<$value> {
                self.0.is_valid(row).then(|| self.0.value(row))
            }
        }
    )*};
}
nullable_column!(UInt8Array => u8, UInt32Array => u32, Int32Array => i32, BooleanArray => bool);

impl Column for Nullable<StringArray> {
    fn from_array(array: &ArrayRef) -> Option<Self> {
        array.as_any().downcast_ref::<StringArray>().cloned().map(Self)
    }
    fn to_array(&self) -> ArrayRef {
        Arc::new(self.0.clone())
    }
    const NULLABLE: bool = true;
}

impl Column for Nullable<Float64Array> {
    fn from_array(array: &ArrayRef) -> Option<Self> {
        let typed = array.as_any().downcast_ref::<Float64Array>()?;
        typed.iter().flatten().all(f64::is_finite).then(|| Self(typed.clone()))
    }
    fn to_array(&self) -> ArrayRef {
        Arc::new(self.0.clone())
    }
    const NULLABLE: bool = true;
}

impl Column for Nullable<UInt16Array> {
    fn from_array(array: &ArrayRef) -> Option<Self> {
        array.as_any().downcast_ref::<UInt16Array>().cloned().map(Self)
    }
    fn to_array(&self) -> ArrayRef {
        Arc::new(self.0.clone())
    }
    const NULLABLE: bool = true;
}

impl Nullable<UInt16Array> {
    /// The row's number, if it has one.
    pub fn get(&self, row: usize) -> Option<u16> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

impl Nullable<StringArray> {
    /// The row's text, if it has one.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

impl Nullable<Float64Array> {
    /// The row's number, if it has one.
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

/// The typed column `name` of a table.
pub fn column<C: Column>(file: &str, batch: &RecordBatch, name: &str) -> Result<C, ModelError> {
    let array =
        batch.column_by_name(name).ok_or_else(|| ModelError::corrupt(file, format!("no column {name}"), "the columns of this format"))?;
    C::from_array(array).ok_or_else(|| {
        ModelError::corrupt(
            file,
            format!("column {name} of {} with {} nulls", array.data_type(), array.null_count()),
            format!("{} with finite values", std::any::type_name::<C>()),
        )
    })
}

/// A table of named columns of equal length.
pub fn batch(columns: Vec<(&str, bool, ArrayRef)>) -> RecordBatch {
    let rows = columns.first().map_or(0, |(_, _, array)| array.len());
    assert!(columns.iter().all(|(_, _, array)| array.len() == rows), "the columns of a table have one length");
    let fields: Vec<Field> =
        columns.iter().map(|(name, nullable, array)| Field::new(*name, array.data_type().clone(), *nullable)).collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap_or_else(|error| unreachable!("equal lengths and own types: {error}"))
}

/// A list column whose entries have several fields: one list a row, `offsets.len() - 1` rows.
pub fn list_of_structs(offsets: OffsetBuffer<i32>, fields: Vec<(&str, ArrayRef)>) -> ListArray {
    let types: Fields = fields.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), false)).collect();
    let arrays: Vec<ArrayRef> = fields.into_iter().map(|(_, array)| array).collect();
    let entries = StructArray::new(types.clone(), arrays, None);
    ListArray::new(Arc::new(Field::new("entry", DataType::Struct(types), false)), offsets, Arc::new(entries), None)
}

/// The parts of a list column made by [`list_of_structs`].
pub fn list_parts(file: &str, list: &ListArray) -> Result<(OffsetBuffer<i32>, RecordBatch), ModelError> {
    let entries = list.values().as_any().downcast_ref::<StructArray>().filter(|entries| entries.null_count() == 0);
    let entries = entries.ok_or_else(|| ModelError::corrupt(file, list.data_type().to_string(), "a list of structs"))?;
    Ok((list.offsets().clone(), RecordBatch::from(entries)))
}

/// The entries of one row.
pub fn row_range(offsets: &OffsetBuffer<i32>, row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

/// Offsets of lists with the given lengths.
pub fn offsets(lengths: impl IntoIterator<Item = usize>) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths(lengths)
}

/// Refuses a column of row numbers that point outside a table of `rows` rows.
pub fn check_bounds(file: &str, name: &str, values: &UInt32Array, rows: usize) -> Result<(), ModelError> {
    match values.values().iter().find(|&&value| value as usize >= rows) {
        Some(value) => Err(ModelError::corrupt(file, format!("{name} {value}"), format!("row numbers below {rows}"))),
        None => Ok(()),
    }
}

/// Declares a table: a struct of typed columns, the file it lives in, and the two conversions.
macro_rules! table {
    ($(#[$meta:meta])* pub struct $name:ident in $file:literal { $( $(#[$field_meta:meta])* pub $field:ident: $column:ty, )* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name { $( $(#[$field_meta])* pub $field: $column, )* }

        impl $name {
            /// The file's name in a version folder.
            pub const FILE: &'static str = $file;

            /// The columns of a table that was read.
            pub fn from_batch(batch: &arrow::array::RecordBatch) -> Result<Self, $crate::ModelError> {
                Ok(Self { $( $field: $crate::table::column($file, batch, stringify!($field))?, )* })
            }

            /// The table to write.
            pub fn to_batch(&self) -> arrow::array::RecordBatch {
                use $crate::table::Column;
                $crate::table::batch(vec![$( (stringify!($field), <$column>::NULLABLE, self.$field.to_array()), )*])
            }
        }
    };
}
pub(crate) use table;
