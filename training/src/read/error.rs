//! Why the files could not be turned into a purchase log.

use super::rejects::Rejects;

/// What stopped the reading. Each message is one line: the file or setting, what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A setting is out of its range.
    #[error("{name}: found {found}; expected {expected}")]
    Setting {
        /// The setting, as its command line flag.
        name: &'static str,
        /// What it was set to.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The time zone is not in the IANA list.
    #[error("--timezone: \"{found}\" is not an IANA time zone; expected a name such as UTC, Europe/Berlin or America/New_York")]
    Timezone {
        /// The name given.
        found: String,
    },
    /// The as-of is neither a date nor a time.
    #[error(
        "--as-of: \"{found}\" is not a time; expected a date such as 2017-11-06 (midnight in the shop's time zone) or an RFC 3339 time in whole seconds such as 2017-11-06T00:00:00Z"
    )]
    AsOf {
        /// The text given.
        found: String,
    },
    /// A mapping for a name that is not ours.
    #[error("--column {found}=...: no such name; expected one of {valid}")]
    UnknownName {
        /// The name given.
        found: String,
        /// Every name that can be mapped.
        valid: String,
    },
    /// A mapping for a table that is not given.
    #[error("--column {name}={theirs}: found no {table} table; expected --{table} FILE beside it, or no such --column")]
    NoTable {
        /// The name mapped.
        name: String,
        /// What it was mapped to.
        theirs: String,
        /// The table it is of.
        table: String,
    },
    /// A named file, folder or pattern is not there.
    #[error("{path}: no such file or folder. Check the path given with {option}")]
    NoSuchFile {
        /// The path given.
        path: String,
        /// The flag it came from.
        option: &'static str,
    },
    /// A pattern that matches nothing, or is none.
    #[error("{pattern}: {found}. Check the pattern given with {option}, and quote it so that the shell leaves it alone")]
    Pattern {
        /// The pattern given.
        pattern: String,
        /// What is wrong with it.
        found: String,
        /// The flag it came from.
        option: &'static str,
    },
    /// A folder without Parquet files.
    #[error("{folder}: no *.parquet file in it or below it. Point {option} at the folder that holds them, or name the files")]
    EmptyFolder {
        /// The folder given.
        folder: String,
        /// The flag it came from.
        option: &'static str,
    },
    /// The file system refused.
    #[error("{file}: {source}. Check that it exists and may be read")]
    Io {
        /// The file or folder.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a Parquet file, or only the beginning of one.
    #[error("{file}: {found}. Expected a Parquet file; write it again or leave it out")]
    NotParquet {
        /// The file.
        file: String,
        /// What its first and last bytes say.
        found: &'static str,
    },
    /// A Parquet file that cannot be decoded.
    #[error("{file}: {place} cannot be decoded ({found}): the file is damaged or was cut short. Write it again or leave it out")]
    Damaged {
        /// The file.
        file: String,
        /// The part of the file.
        place: String,
        /// What the decoder said.
        found: String,
    },
    /// Columns that every file needs are not there.
    #[error("{file}: no column {missing}; found {found}. Map {them}: {help}", them = if *.many { "them" } else { "it" })]
    MissingColumns {
        /// The file.
        file: String,
        /// Our names of what is missing, quoted.
        missing: String,
        /// Whether it is more than one.
        many: bool,
        /// The columns the file has.
        found: String,
        /// The flags to add.
        help: String,
    },
    /// A mapping to a column that the file lacks.
    #[error("{file}: no column \"{theirs}\" for {ours}; found {found}. {help}")]
    MappedColumn {
        /// The file.
        file: String,
        /// Our name.
        ours: String,
        /// The name it was mapped to.
        theirs: String,
        /// The columns the file has.
        found: String,
        /// The flag to set or to leave out, as a sentence.
        help: String,
    },
    /// A file without the columns that another file of the same table has.
    #[error(
        "{file}: no column {missing}; {whole} has all that it takes. If {file} is another table, name the files of this one alone: {option} {whole}"
    )]
    AnotherTable {
        /// The file.
        file: String,
        /// Our names of what is missing, quoted.
        missing: String,
        /// A file that has them.
        whole: String,
        /// The flag that named both.
        option: &'static str,
    },
    /// A column of a type that cannot be read as what it should be.
    #[error(
        "{file}: column \"{column}\" is {found}; {ours} must be {expected}. Write it as such, or map another column: --column {ours}=..."
    )]
    WrongType {
        /// The file.
        file: String,
        /// Its column.
        column: String,
        /// The type found.
        found: String,
        /// Our name.
        ours: String,
        /// What can be read, and how to make that of it where it is known.
        expected: Box<str>,
    },
    /// A folder name `key=value` whose value cannot be read as what it should be.
    #[error(
        "{file}: the folder {key}={value} stands for {ours}, which must be {expected}. Rename the folder or map a column: --column {ours}=..."
    )]
    WrongPartition {
        /// The file below that folder.
        file: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Our name.
        ours: String,
        /// What can be read.
        expected: &'static str,
    },
    /// More rows, or more different values, than a model can number.
    #[error("{what}: found {found}; at most {limit}. {help}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: u64,
        /// The limit.
        limit: u64,
        /// What to do.
        help: &'static str,
    },
    /// The files are fine but empty.
    #[error("{files}: no rows; expected at least one purchase. Check that --purchases names the right files")]
    NoRows {
        /// The first file, and how many more.
        files: String,
    },
    /// Not one row is usable.
    #[error("all {rows} rows were rejected: {reasons}. Check the column mapping (--column customer_id=...) and the data", reasons = .rejects.reasons())]
    AllRejected {
        /// Rows read.
        rows: u64,
        /// Why; write them to a file to look at them.
        rejects: Box<Rejects>,
    },
    /// More rejected rows than allowed.
    #[error(
        "{found} of {rows} rows were rejected ({share:.1} %), more than --max-reject-rate {max}: {reasons}. Correct the rows, or allow it: --max-reject-rate {allow}",
        share = 100.0 * *.found as f64 / *.rows as f64, reasons = .rejects.reasons(), allow = enough(*.found, *.rows)
    )]
    TooManyRejects {
        /// Rows rejected.
        found: u64,
        /// Rows read.
        rows: u64,
        /// The highest share allowed, 0 to 1.
        max: f64,
        /// Why; write them to a file to look at them.
        rejects: Box<Rejects>,
    },
    /// Nothing was bought before the as-of.
    #[error(
        "--as-of {as_of}: no purchase before it; the first one is at {first}. Give a later --as-of, or leave it out to read everything"
    )]
    NothingBefore {
        /// The as-of.
        as_of: String,
        /// Time of the first purchase.
        first: String,
    },
    /// Every accepted row is a return.
    #[error(
        "all {rows} accepted rows are returns (negative quantity); expected purchases. Check the column mapped to quantity: --column quantity=..."
    )]
    OnlyReturns {
        /// Rows accepted.
        rows: u64,
    },
    /// The rejected rows could not be written.
    #[error("{file}: the rejected rows could not be written ({found}). Check that the folder exists and has space")]
    WriteRejects {
        /// The file to be written.
        file: String,
        /// What the writer said.
        found: String,
    },
}

/// The smallest `--max-reject-rate` of two decimals that lets `found` of `rows` pass.
fn enough(found: u64, rows: u64) -> f64 {
    (100.0 * found as f64 / rows as f64).ceil() / 100.0
}
