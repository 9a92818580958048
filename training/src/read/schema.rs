//! Which columns: every table's names and types, checked against every file before a row is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use shopkeeper_models::manifest::EventsSeen;

use super::ReadError;
use super::clock::Clock;
use super::files;
use super::values;

/// The longest name of an attribute, bytes.
const MAX_NAME: usize = 64;
/// Rows decoded at a time.
const BATCH_ROWS: usize = 16_384;

/// A table of ours.
pub(super) struct Table {
    /// The flag that names its files.
    pub(super) option: &'static str,
    /// What stands before its column names in a mapping.
    prefix: &'static str,
    columns: &'static [Column],
    /// Whether every other column is read too, under its own name or a mapped one.
    open: bool,
}

/// A column of ours.
struct Column {
    name: &'static str,
    kind: Kind,
    need: Need,
    /// What names of such a column often hold, for a proposal when it is missing.
    hints: &'static [&'static str],
}

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An id: text or whole number.
    Id,
    /// A text, or a whole number taken as one.
    Text,
    /// A number.
    Number,
    /// A time or a date.
    Time,
    /// Yes or no.
    Flag,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
    /// Part of the table, but nothing is made of it yet: may be mapped, is not decoded.
    Unread,
}

const fn column(name: &'static str, kind: Kind, need: Need, hints: &'static [&'static str]) -> Column {
    Column { name, kind, need, hints }
}

const CUSTOMER: Column =
    column("customer_id", Kind::Id, Need::Required, &["customer", "household", "user", "client", "member", "shopper", "buyer", "account"]);
const ITEM: Column = column("item_id", Kind::Id, Need::Required, &["item", "product", "sku", "article", "stock", "upc", "ean", "asin"]);

/// Order lines.
pub(super) const PURCHASES: Table = Table {
    option: "--purchases",
    prefix: "",
    open: false,
    columns: &[
        CUSTOMER,
        ITEM,
        column("timestamp", Kind::Time, Need::Required, &["timestamp", "datetime", "time", "date", "day", "created"]),
        column("order_id", Kind::Id, Need::Optional, &["order", "basket", "invoice", "transaction", "receipt"]),
        column("quantity", Kind::Number, Need::Optional, &["quantity", "qty", "units", "count"]),
        column("amount", Kind::Number, Need::Optional, &["amount", "sales", "total", "value", "revenue"]),
        column("unit_price", Kind::Number, Need::Optional, &["price"]),
        column("discount", Kind::Number, Need::Optional, &["disc"]),
        column("channel", Kind::Text, Need::Optional, &["channel", "source"]),
        column("store_id", Kind::Id, Need::Unread, &["store", "shop"]),
    ],
};

/// The catalogue.
pub(super) const ITEMS: Table = Table {
    option: "--items",
    prefix: "items.",
    open: false,
    columns: &[
        ITEM,
        column("title", Kind::Text, Need::Optional, &["title", "name", "description"]),
        column("category", Kind::Text, Need::Optional, &["category", "department", "group"]),
        column("brand", Kind::Text, Need::Optional, &["brand", "manufacturer"]),
        column("price", Kind::Number, Need::Optional, &["price"]),
        column("available", Kind::Flag, Need::Optional, &["available", "active", "stock"]),
        column("image_url", Kind::Text, Need::Unread, &["image", "picture"]),
    ],
};

/// When somebody became known to the shop.
pub(super) const SIGNED_UP_AT: &str = "signed_up_at";
/// When somebody was born.
pub(super) const BIRTHDAY: &str = "birthday";

/// The people known to the shop.
pub(super) const CUSTOMERS: Table = Table {
    option: "--customers",
    prefix: "customers.",
    open: true,
    columns: &[
        CUSTOMER,
        column(SIGNED_UP_AT, Kind::Time, Need::Optional, &["signed", "created", "registered"]),
        column(BIRTHDAY, Kind::Time, Need::Optional, &["birth"]),
        column("email_opt_in", Kind::Flag, Need::Optional, &["opt", "consent"]),
        column("region", Kind::Text, Need::Optional, &["region", "state", "county"]),
    ],
};

const CAMPAIGN: Column = column("campaign_id", Kind::Id, Need::Required, &["campaign", "mailing", "promo"]);

/// Whom each campaign was for.
pub(super) const CAMPAIGNS: Table = Table {
    option: "--campaigns",
    prefix: "campaigns.",
    open: false,
    columns: &[
        CUSTOMER,
        CAMPAIGN,
        column("group", Kind::Text, Need::Optional, &["group", "arm", "control"]),
        column("sent_at", Kind::Time, Need::Optional, &["sent", "start", "date"]),
        column("reached_at", Kind::Time, Need::Optional, &["reached", "open", "deliver"]),
        column("redeemed_at", Kind::Time, Need::Optional, &["redeem", "used"]),
        column("channel", Kind::Text, Need::Optional, &["channel", "medium"]),
    ],
};

/// When each campaign ran.
pub(super) const CAMPAIGN_LIST: Table = Table {
    option: "--campaign-list",
    prefix: "campaign_list.",
    open: false,
    columns: &[
        CAMPAIGN,
        column("kind", Kind::Text, Need::Optional, &["type", "kind"]),
        column("starts_at", Kind::Time, Need::Optional, &["start", "from", "begin"]),
        column("ends_at", Kind::Time, Need::Optional, &["end", "until"]),
    ],
};

/// Who redeemed something of which campaign.
pub(super) const REDEMPTIONS: Table = Table {
    option: "--redemptions",
    prefix: "redemptions.",
    open: false,
    columns: &[CUSTOMER, CAMPAIGN, column("redeemed_at", Kind::Time, Need::Required, &["redemption", "redeem", "date", "time"])],
};

/// What customers said.
pub(super) const FEEDBACK: Table = Table {
    option: "--feedback",
    prefix: "feedback.",
    open: false,
    columns: &[
        CUSTOMER,
        column("timestamp", Kind::Time, Need::Required, &["timestamp", "time", "date", "created"]),
        column("score", Kind::Number, Need::Optional, &["score", "nps", "rating"]),
        column("kind", Kind::Text, Need::Optional, &["kind", "type", "topic"]),
        column("text", Kind::Text, Need::Optional, &["text", "comment", "review"]),
        column("channel", Kind::Text, Need::Optional, &["channel", "source"]),
    ],
};

/// What customers wanted help with.
pub(super) const TICKETS: Table = Table {
    option: "--tickets",
    prefix: "tickets.",
    open: false,
    columns: &[
        CUSTOMER,
        column("opened_at", Kind::Time, Need::Required, &["open", "created", "timestamp", "date"]),
        column("first_reply_at", Kind::Time, Need::Optional, &["reply", "response", "answer"]),
        column("closed_at", Kind::Time, Need::Optional, &["close", "resolve", "solved"]),
        column("channel", Kind::Text, Need::Optional, &["channel", "source"]),
        column("kind", Kind::Text, Need::Optional, &["kind", "type", "topic"]),
    ],
};

/// Who brought whom.
pub(super) const REFERRALS: Table = Table {
    option: "--referrals",
    prefix: "referrals.",
    open: false,
    columns: &[
        column("referrer_id", Kind::Id, Need::Required, &["referrer", "inviter", "advocate"]),
        column("referred_id", Kind::Id, Need::Required, &["referred", "invitee", "friend"]),
        column("timestamp", Kind::Time, Need::Optional, &["timestamp", "time", "date", "created"]),
    ],
};

impl Table {
    /// The names that a mapping may give.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| self.full(column))
    }

    /// Our name of a column as a mapping gives it.
    fn full(&self, column: &Column) -> String {
        format!("{}{}", self.prefix, column.name)
    }

    /// Opens every file that `sources` name and checks its columns, without reading a row.
    pub(super) fn open(&self, sources: &[String], mapping: &BTreeMap<String, String>) -> Result<Vec<Source>, ReadError> {
        let files = files::find(self.option, sources)?;
        let mut opened = Vec::with_capacity(files.len());
        let mut refused = None;
        for path in files {
            match self.open_file(path, mapping) {
                Ok(source) => opened.push(source),
                Err(error @ ReadError::MissingColumns { .. }) => drop(refused.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(match (refused, opened.first()) {
            (None, _) => return Ok(opened),
            // files of this table lie beside those of others
            (Some(ReadError::MissingColumns { file, missing, .. }), Some(whole)) => {
                ReadError::AnotherTable { file, missing, whole: whole.name.clone(), option: self.option }
            }
            (Some(error), _) => error,
        })
    }

    /// Whether a mapping may give this name: one of ours, or any attribute.
    pub(super) fn knows(&self, name: &str) -> bool {
        let attribute = name.strip_prefix(self.prefix).is_some_and(is_attribute_name);
        (self.open && attribute) || self.names().any(|known| known == name)
    }

    /// The columns of a file that are none of ours, with the kind that their type makes them; `None` where it makes none.
    fn others(&self, file: &FileColumns<'_>, mapping: &BTreeMap<String, String>) -> Result<Vec<Other>, ReadError> {
        let ours = |name: &str| self.columns.iter().find(|column| column.name == name);
        let mut taken: Vec<&str> = Vec::new();
        let mut others = Vec::new();
        for column in self.columns {
            taken.push(mapping.get(&self.full(column)).map_or(column.name, String::as_str));
        }
        for (full, theirs) in mapping {
            let Some(name) = full.strip_prefix(self.prefix).filter(|name| ours(name).is_none()) else { continue };
            let Some((root, field)) = file.schema.column_with_name(theirs) else {
                let (ours, found) = (full.clone(), file.list());
                let help = format!("Map it: --column {full}=<their name>");
                return Err(ReadError::MappedColumn { file: file.name.into(), ours, theirs: theirs.clone(), found, help });
            };
            taken.push(theirs);
            others.push(Other { name: name.into(), root, kind: values::kind_of(field.data_type()), found: field.data_type().to_string() });
        }
        for (root, field) in file.schema.fields().iter().enumerate().filter(|(_, field)| !taken.contains(&field.name().as_str())) {
            let kind = values::kind_of(field.data_type()).filter(|_| is_attribute_name(field.name()) && ours(field.name()).is_none());
            if !others.iter().any(|other| other.name == *field.name()) {
                others.push(Other { name: field.name().clone(), root, kind, found: field.data_type().to_string() });
            }
        }
        Ok(others)
    }

    fn open_file(&self, path: PathBuf, mapping: &BTreeMap<String, String>) -> Result<Source, ReadError> {
        let name = path.display().to_string();
        let metadata = read_footer(&path, &name)?;
        let partitions = files::partitions(&path);
        let file = FileColumns { name: &name, schema: metadata.schema(), partitions: &partitions };
        let mut missing = Vec::new();
        let mut cells = BTreeMap::new();
        for column in self.columns {
            let ours = self.full(column);
            let mapped = mapping.get(&ours);
            match file.find(column, &ours, mapped.map_or(column.name, String::as_str))? {
                Some(cell) if column.need != Need::Unread => drop(cells.insert(column.name.to_owned(), cell)),
                Some(_) => {}
                None => match mapped {
                    Some(theirs) => {
                        let help = file.propose(column, &ours);
                        return Err(ReadError::MappedColumn { file: name.clone(), ours, theirs: theirs.clone(), found: file.list(), help });
                    }
                    None if column.need == Need::Required => missing.push(column),
                    None => {}
                },
            }
        }
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|column| format!("\"{}\"", column.name)).collect();
            let mut help: Vec<_> = missing.iter().map(|column| file.mapping(column, &self.full(column))).collect();
            let unsaid = |column: &&Column| {
                column.need == Need::Optional && !cells.contains_key(column.name) && !mapping.contains_key(&self.full(column))
            };
            let also: Vec<_> = self.columns.iter().filter(unsaid).filter_map(|column| file.likely(column, &self.full(column))).collect();
            if !also.is_empty() {
                help.push(format!("These may be meant, too: {}", also.join(" ")));
            }
            return Err(ReadError::MissingColumns {
                missing: names.join(" and no column "),
                many: missing.len() > 1,
                found: file.list(),
                help: help.join(" "),
                file: name,
            });
        }
        let mut others = if self.open { self.others(&file, mapping)? } else { Vec::new() };
        others.retain(|other| other.found != DataType::Null.to_string());
        for Other { name, root, kind, .. } in &others {
            if let Some(kind) = kind {
                cells.insert(name.clone(), Cell::Column(*root, *kind));
            }
        }
        let unread = others.into_iter().filter(|other| other.kind.is_none()).map(|other| (other.name, other.found)).collect();
        Ok(Source { path, name, metadata, cells, unread })
    }
}

/// A column that is none of ours.
struct Other {
    name: String,
    root: usize,
    kind: Option<Kind>,
    found: String,
}

/// Whether an attribute may have this name: short, and such that `name=value` can be split.
fn is_attribute_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(['=', '&', ','])
}

/// The columns of one file, those that its folders spell included.
struct FileColumns<'a> {
    name: &'a str,
    schema: &'a Schema,
    partitions: &'a [(String, Option<String>)],
}

impl FileColumns<'_> {
    /// Where `theirs` stands, if it is there: in the file, else in its folders. Fails if its type cannot be read.
    fn find(&self, column: &Column, ours: &str, theirs: &str) -> Result<Option<Cell>, ReadError> {
        if let Some((root, field)) = self.schema.column_with_name(theirs) {
            if column.need != Need::Unread && !column.accepts(field.data_type()) {
                return Err(ReadError::WrongType {
                    file: self.name.into(),
                    column: theirs.into(),
                    found: field.data_type().to_string(),
                    ours: ours.into(),
                    expected: values::expected_of(column.kind, field.data_type(), theirs).into(),
                });
            }
            return Ok(Some(Cell::Column(root, column.kind)));
        }
        if column.kind == Kind::Number && theirs.contains(PLUS) {
            return self.find_sum(column, ours, theirs);
        }
        let Some((key, value)) = self.partitions.iter().rfind(|(key, _)| key == theirs) else { return Ok(None) };
        match values::constant(column.kind, value.as_deref()) {
            Some(array) => Ok(Some(Cell::Folder(array))),
            None => Err(ReadError::WrongPartition {
                file: self.name.into(),
                key: key.clone(),
                value: value.clone().unwrap_or_default(),
                ours: ours.into(),
                expected: values::expected(column.kind),
            }),
        }
    }

    /// Where the columns stand that `theirs` names with a plus between them, if all of them are there.
    fn find_sum(&self, column: &Column, ours: &str, theirs: &str) -> Result<Option<Cell>, ReadError> {
        let mut roots = Vec::new();
        for part in theirs.split(PLUS).map(str::trim) {
            match self.find(column, ours, part)? {
                Some(Cell::Column(root, _)) => roots.push(root),
                _ => return Ok(None),
            }
        }
        Ok(Some(Cell::Sum(roots)))
    }

    /// The names of all columns.
    fn list(&self) -> String {
        let names: Vec<_> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .chain(self.partitions.iter().map(|(key, _)| key.as_str()))
            .collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    }

    /// The flag that would map the likeliest column of a readable type.
    fn propose(&self, column: &Column, ours: &str) -> String {
        let named = self.schema.column_with_name(column.name);
        if named.is_some_and(|(_, field)| column.accepts(field.data_type())) {
            return format!("Leave that mapping out: the file has a column \"{}\"", column.name);
        }
        format!("Map it: {}", self.mapping(column, ours))
    }

    fn mapping(&self, column: &Column, ours: &str) -> String {
        self.likely(column, ours).unwrap_or_else(|| format!("--column {ours}=<their name>"))
    }

    /// The flag that would map the column of a readable type whose name looks most like ours; `None` where none does.
    fn likely(&self, column: &Column, ours: &str) -> Option<String> {
        let readable = self.schema.fields().iter().filter(|field| column.accepts(field.data_type()));
        if column.name == "discount" {
            // what is taken off is often told apart by who pays for it
            let parts: Vec<&str> = readable.map(|field| field.name().as_str()).filter(|name| likeness(column, name) > 0).collect();
            return (!parts.is_empty()).then(|| format!("--column {ours}={}", parts.join("+")));
        }
        let theirs = readable.max_by_key(|field| (likeness(column, field.name()), std::cmp::Reverse(field.name().clone())));
        let name = theirs.map(|field| field.name()).filter(|name| likeness(column, name) > 0)?;
        Some(if name.contains(char::is_whitespace) { format!("--column \"{ours}={name}\"") } else { format!("--column {ours}={name}") })
    }
}

/// How much a name looks like that of `column`: 0 = not at all.
fn likeness(column: &Column, name: &str) -> usize {
    let name = name.to_lowercase();
    let Some(hint) = column.hints.iter().position(|hint| name.contains(hint)) else { return 0 };
    let says_id = ["id", "code", "number"].iter().any(|end| name.ends_with(end));
    let fits = column.kind != Kind::Id || says_id;
    column.hints.len() - hint + if fits { column.hints.len() } else { 0 }
}

impl Column {
    /// Whether values of this type can be read. A column that is null throughout has no type; it may stand for what may be left out.
    fn accepts(&self, found: &DataType) -> bool {
        values::accepts(self.kind, found) || (self.need == Need::Optional && *found == DataType::Null)
    }
}

/// What stands between the columns of a file that are added up to one of ours, such as `discount=retail_disc+coupon_disc`.
const PLUS: char = '+';

/// Where the values of a column come from.
enum Cell {
    /// A column of the file.
    Column(usize, Kind),
    /// Several columns of the file, numbers that are added up; one that is null counts nothing beside others.
    Sum(Vec<usize>),
    /// The name of a folder: one value for the whole file.
    Folder(ArrayRef),
}

/// One checked file.
pub(super) struct Source {
    path: PathBuf,
    /// The path as errors and the rejects name it.
    pub(super) name: String,
    metadata: ArrowReaderMetadata,
    cells: BTreeMap<String, Cell>,
    /// Columns that could not be read as attributes, and their types.
    pub(super) unread: Vec<(String, String)>,
}

impl Source {
    /// Rows of each row group, as the footer has it. Negative only in a damaged file, which then counts 0.
    pub(super) fn row_groups(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.metadata.metadata().row_groups().iter().map(|group| group.num_rows().max(0) as u64)
    }

    /// The events of a server's state that the file says it holds.
    pub(super) fn events(&self) -> Option<EventsSeen> {
        let said = self.metadata.metadata().file_metadata().key_value_metadata()?;
        let value = said.iter().find(|said| said.key == EventsSeen::KEY)?.value.as_ref()?;
        serde_json::from_str(value).ok()
    }

    /// Whether a column of ours is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.cells.contains_key(name)
    }

    /// The columns to read, with their kinds, ascending by name.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.cells.iter().filter_map(|(name, cell)| if let Cell::Column(_, kind) = cell { Some((name.as_str(), *kind)) } else { None })
    }

    /// The columns to read by our names, with their types in the file; those that its folders spell are text.
    pub(super) fn types(&self) -> impl Iterator<Item = (&str, String)> {
        let of = |root: &usize| self.metadata.schema().field(*root).data_type().to_string();
        self.cells.iter().map(move |(name, cell)| {
            let found = match cell {
                Cell::Column(root, _) => of(root),
                Cell::Sum(roots) => roots.iter().map(of).collect::<Vec<_>>().join(" + "),
                Cell::Folder(_) => "folder".to_owned(),
            };
            (name.as_str(), found)
        })
    }

    /// Decodes the columns needed of one row group, batch by batch, until `each` fails. Never panics, whatever the file holds.
    pub(super) fn decode(&self, group: usize, mut each: impl FnMut(Batch<'_>) -> Result<(), ReadError>) -> Result<(), ReadError> {
        let damaged = |found| ReadError::Damaged { file: self.name.clone(), place: format!("row group {group}"), found };
        let file = File::open(&self.path).map_err(|source| ReadError::Io { file: self.name.clone(), source })?;
        let mut reader = contained(|| {
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), self.roots());
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
        })
        .map_err(damaged)?;
        let (mut rows, expected) = (0, self.row_groups().nth(group).unwrap_or(0));
        while let Some(batch) = contained(|| reader.next().transpose()).map_err(damaged)? {
            rows += batch.num_rows() as u64;
            if rows > expected {
                break;
            }
            each(Batch { source: self, group, batch })?;
        }
        if rows == expected { Ok(()) } else { Err(damaged(format!("{rows} rows; the footer says {expected}"))) }
    }

    /// The columns to decode, ascending.
    fn roots(&self) -> Vec<usize> {
        let of = |cell: &Cell| match cell {
            Cell::Column(root, _) => vec![*root],
            Cell::Sum(roots) => roots.clone(),
            Cell::Folder(_) => Vec::new(),
        };
        let mut roots: Vec<usize> = self.cells.values().flat_map(of).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }
}

/// Some rows of one file.
pub(super) struct Batch<'a> {
    source: &'a Source,
    group: usize,
    batch: RecordBatch,
}

impl Batch<'_> {
    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// The values of a column of ours in the one type that its kind is read as; `None` if the file has no such column.
    pub(super) fn column(&self, name: &str) -> Result<Option<ArrayRef>, ReadError> {
        let array = match self.source.cells.get(name) {
            None => return Ok(None),
            Some(Cell::Column(root, kind)) => {
                let at = self.source.roots().binary_search(root).unwrap_or(0);
                contained(|| values::canonical(*kind, self.batch.column(at)))
            }
            Some(Cell::Sum(roots)) => {
                let all = self.source.roots();
                let part = |root: &usize| values::canonical(Kind::Number, self.batch.column(all.binary_search(root).unwrap_or(0)));
                contained(|| roots.iter().map(part).collect::<Result<Vec<_>, _>>().map(|parts| values::sum(parts, self.rows())))
            }
            Some(Cell::Folder(value)) => contained(|| take(value, &UInt32Array::from_value(0, self.rows()), None)),
        };
        array.map(Some).map_err(|found| self.damaged(name, found))
    }

    /// Unix seconds of a column of ours, see [`values::times`].
    pub(super) fn times(&self, name: &str, clock: &Clock) -> Result<Vec<Option<i64>>, ReadError> {
        let array = self.column(name)?;
        contained(|| values::times(array, self.rows(), clock)).map_err(|found| self.damaged(name, found))
    }

    fn damaged(&self, column: &str, found: String) -> ReadError {
        ReadError::Damaged { file: self.source.name.clone(), place: format!("column {column} of row group {}", self.group), found }
    }
}

/// Reads what the end of a Parquet file says of its columns and row groups.
fn read_footer(path: &Path, name: &str) -> Result<ArrowReaderMetadata, ReadError> {
    let io = |source| ReadError::Io { file: name.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut ends = [0; 8];
    if file.metadata().map_err(io)?.len() >= 12 {
        file.read_exact(&mut ends[..4]).map_err(io)?;
        file.seek(SeekFrom::End(-4)).map_err(io)?;
        file.read_exact(&mut ends[4..]).map_err(io)?;
    }
    let found = match (&ends[..4], &ends[4..]) {
        (b"PAR1", b"PAR1") => None,
        (b"PAR1", _) => Some("begins as Parquet but its end is missing: it was cut short"),
        (b"PARE", _) | (_, b"PARE") => Some("is encrypted"),
        _ => Some("is not a Parquet file"),
    };
    if let Some(found) = found {
        return Err(ReadError::NotParquet { file: name.into(), found });
    }
    contained(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())).map_err(|found| ReadError::Damaged {
        file: name.into(),
        place: "the footer".into(),
        found,
    })
}

/// Runs the decoder on bytes that nobody vouches for: an error or a panic in it becomes a text of one line.
fn contained<T, E: std::fmt::Display>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string().lines().next().unwrap_or_default().into()),
        Err(_) => Err("the decoder gave up".into()),
    }
}
