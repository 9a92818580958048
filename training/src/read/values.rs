//! Which types: every type a column may have becomes the one that the rest reads.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::clock::Clock;
use super::schema::Kind;

/// What a column of this kind may be, in words.
pub(super) fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Text => "text or whole numbers (a string or integer type)",
        Kind::Number => "numbers (an integer, float or decimal type)",
        Kind::Time => "times (a timestamp or date type)",
        Kind::Flag => "yes or no (a boolean or integer type)",
    }
}

/// Whether a column of this type can be read as this kind.
pub(super) fn accepts(kind: Kind, found: &DataType) -> bool {
    match (kind, found) {
        (Kind::Time, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) => true,
        (Kind::Time, _) => false,
        (_, DataType::Dictionary(_, values)) => accepts(kind, values),
        (Kind::Id | Kind::Text, DataType::Decimal128(_, 0)) => true,
        (Kind::Id | Kind::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => true,
        // text as older writers of Hive and Impala leave it
        (Kind::Id | Kind::Text, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) => true,
        (Kind::Number, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)) => true,
        (Kind::Number, found) => found.is_numeric(),
        (Kind::Flag, DataType::Boolean) => true,
        (_, found) => found.is_integer(),
    }
}

/// What an attribute of this type is read as, if it can be.
pub(super) fn kind_of(found: &DataType) -> Option<Kind> {
    let found = if let DataType::Dictionary(_, values) = found { values } else { found };
    match found {
        DataType::Boolean => Some(Kind::Flag),
        found => [Kind::Time, Kind::Number, Kind::Text].into_iter().find(|&kind| accepts(kind, found)),
    }
}

/// What a column of this kind may be, and how to make that of a column of another type, where it is known.
pub(super) fn expected_of(kind: Kind, found: &DataType, column: &str) -> String {
    let pandas =
        |how: &str| format!("{}. Convert it first, in pandas df[\"{column}\"] = pd.to_datetime(df[\"{column}\"], {how}", expected(kind));
    match (kind, found) {
        (Kind::Time, found) if found.is_integer() => pandas("unit=\"s\"), with the unit that it counts in"),
        (Kind::Time, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => pandas("format=\"ISO8601\")"),
        _ => expected(kind).to_owned(),
    }
}

/// The same values in the one type that this kind is read as. A value that it cannot hold becomes null.
pub(super) fn canonical(kind: Kind, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let found = match array.data_type() {
        DataType::Dictionary(_, values) => values,
        found => found,
    };
    match kind {
        Kind::Id if *found == DataType::UInt64 => cast(array, &DataType::UInt64),
        Kind::Id if found.is_integer() => cast(array, &DataType::Int64),
        Kind::Id | Kind::Text => match array.data_type() {
            DataType::Binary | DataType::LargeBinary => cast(&cast(array, &DataType::BinaryView)?, &DataType::Utf8View),
            _ => cast(array, &DataType::Utf8View),
        },
        Kind::Number => cast(array, &DataType::Float64),
        Kind::Flag => cast(array, &DataType::Boolean),
        Kind::Time => Ok(array.clone()),
    }
}

/// A value spelled by a folder name, as an array of one. `None` if it cannot be read as this kind.
pub(super) fn constant(kind: Kind, value: Option<&str>) -> Option<ArrayRef> {
    let Some(value) = value else { return Some(Arc::new(StringViewArray::new_null(1))) };
    Some(match kind {
        Kind::Id | Kind::Text => Arc::new(StringViewArray::from(vec![value])),
        Kind::Number => Arc::new(Float64Array::from(vec![value.parse::<f64>().ok()?])),
        Kind::Flag => Arc::new(BooleanArray::from(vec![value.parse::<bool>().ok()?])),
        Kind::Time => time_in_words(value)?,
    })
}

/// Reads a date, a wall-clock time or an RFC 3339 time.
fn time_in_words(text: &str) -> Option<ArrayRef> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Arc::new(Date32Array::from(vec![day.to_epoch_days()])));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(Arc::new(TimestampMicrosecondArray::from(vec![time.timestamp_micros()]).with_timezone("UTC")));
    }
    let local = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"].iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(Arc::new(TimestampMicrosecondArray::from(vec![local.and_utc().timestamp_micros()])))
}

/// Ids of some rows.
pub(super) enum Ids {
    /// There is no such column.
    None,
    /// Whole numbers.
    Signed(Int64Array),
    /// Whole numbers, some of them past the largest signed one.
    Unsigned(UInt64Array),
    /// Texts.
    Text(StringViewArray),
}

impl Ids {
    pub(super) fn new(array: Option<ArrayRef>) -> Self {
        let Some(array) = array else { return Self::None };
        let array = array.as_ref();
        if let Some(ids) = array.as_any().downcast_ref::<Int64Array>() {
            Self::Signed(ids.clone())
        } else if let Some(ids) = array.as_any().downcast_ref::<UInt64Array>() {
            Self::Unsigned(ids.clone())
        } else if let Some(ids) = array.as_any().downcast_ref::<StringViewArray>() {
            Self::Text(ids.clone())
        } else {
            Self::None
        }
    }
}

/// Numbers of some rows; `None` where there is none.
pub(super) struct Numbers(Option<Float64Array>);

impl Numbers {
    pub(super) fn new(array: Option<ArrayRef>) -> Self {
        Self(array.and_then(|array| array.as_any().downcast_ref().cloned()))
    }

    pub(super) fn get(&self, row: usize) -> Option<f64> {
        self.0.as_ref().filter(|values| values.is_valid(row)).map(|values| values.value(row))
    }
}

/// The sum of some numbers in each row; null where all of them are.
pub(super) fn sum(parts: Vec<ArrayRef>, rows: usize) -> ArrayRef {
    let parts: Vec<Numbers> = parts.into_iter().map(|part| Numbers::new(Some(part))).collect();
    let of = |row: usize| parts.iter().filter_map(|part| part.get(row)).reduce(|sum, number| sum + number);
    Arc::new((0..rows).map(of).collect::<Float64Array>())
}

/// Texts of some rows; `None` where there is none or it is empty.
pub(super) struct Texts(Option<StringViewArray>);

impl Texts {
    pub(super) fn new(array: Option<ArrayRef>) -> Self {
        Self(array.and_then(|array| array.as_any().downcast_ref().cloned()))
    }

    pub(super) fn get(&self, row: usize) -> Option<String> {
        let value = self.0.as_ref().filter(|values| values.is_valid(row))?.value(row);
        (!value.is_empty()).then(|| value.into())
    }
}

/// Answers of some rows; `None` where there is none.
pub(super) struct Flags(Option<BooleanArray>);

impl Flags {
    pub(super) fn new(array: Option<ArrayRef>) -> Self {
        Self(array.and_then(|array| array.as_any().downcast_ref().cloned()))
    }

    pub(super) fn get(&self, row: usize) -> Option<bool> {
        self.0.as_ref().filter(|values| values.is_valid(row)).map(|values| values.value(row))
    }
}

/// Unix seconds of some rows; `None` where there is none. Fractions of a second are dropped. A time without zone is what the wall clock of
/// the shop showed, as is the start of a date.
pub(super) fn times(array: Option<ArrayRef>, rows: usize, clock: &Clock) -> Result<Vec<Option<i64>>, ArrowError> {
    let Some(array) = array.filter(|array| array.data_type().is_temporal()) else { return Ok(vec![None; rows]) };
    let array = if *array.data_type() == DataType::Date32 { cast(&array, &DataType::Date64)? } else { array };
    let is_date = *array.data_type() == DataType::Date64;
    let (units_a_second, is_local) = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, zone) => (1, zone.is_none()),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => (1_000, zone.is_none()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => (1_000_000, zone.is_none()),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => (1_000_000_000, zone.is_none()),
        _ => (1_000, true),
    };
    let units = cast(&array, &DataType::Int64)?;
    let Some(units) = units.as_any().downcast_ref::<Int64Array>() else { return Ok(vec![None; rows]) };
    let second = |units: i64| {
        let seconds = units.div_euclid(units_a_second);
        let seconds = if is_date { seconds.div_euclid(86_400) * 86_400 } else { seconds };
        if is_local { clock.time(seconds) } else { seconds }
    };
    Ok(units.iter().map(|units| units.map(second)).collect())
}
