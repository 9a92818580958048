//! What can go wrong with the state file. Each says the next step.

use std::path::{Path, PathBuf};

use sqlx::migrate::MigrateError;

/// Why the state cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be made or opened.
    #[error("{}: {source}. The folder must exist and be writable; name another file with --state", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another server writes to it.
    #[error("{}: another server uses it. Stop that one, or give this one its own file with --state", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file, and none is to be made.
    #[error("{}: no such file. The server makes it: name the one that `shopkeeper serve` uses with --state", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is not what this program wrote.
    #[error("{}: {found}; expected a state file of shopkeeper. Restore it from a backup, or move it away to start an empty one", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A newer build wrote it.
    #[error("{}: schema {found}; this build knows up to {newest}. Use the build that wrote it, or a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema known.
        newest: i64,
    },
    /// The database said no.
    #[error("{}: {source}. Check the space on the disk and the rights of the file", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: sqlx::Error,
    },
    /// More is waiting to be written than is let in.
    #[error("more is waiting to be written than is let in. Try again in a moment")]
    Full,
    /// The server is stopping.
    #[error("the state is closed: the server is stopping")]
    Closed,
}

impl StateError {
    /// An error of the database, told apart by what to do about it.
    pub(super) fn database(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        match source.as_database_error().and_then(|error| error.code()).as_deref() {
            // SQLITE_NOTADB, SQLITE_CORRUPT
            Some("26" | "11") => Self::Corrupt { path, found: "not a sound SQLite file".into() },
            // a table that should be there is not
            Some("1") => Self::Corrupt { path, found: source.to_string() },
            // SQLITE_CANTOPEN, SQLITE_READONLY
            Some("14" | "8") => Self::Io { path, source: std::io::Error::other(source.to_string()) },
            _ => Self::Database { path, source },
        }
    }

    pub(super) fn migration(path: &Path, newest: i64, source: MigrateError) -> Self {
        match source {
            MigrateError::VersionMissing(found) => Self::Newer { path: path.to_owned(), found, newest },
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => Self::database(path, source),
            source => Self::Corrupt { path: path.to_owned(), found: source.to_string() },
        }
    }
}
