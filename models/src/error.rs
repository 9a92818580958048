//! Why a saved model could not be read, written or switched.

use std::path::Path;

/// What went wrong with a model file or the model store. Each names the file, what was found and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file system refused.
    #[error("{file}: {source}. {help}")]
    Io {
        /// The file or folder.
        file: String,
        /// What the system said.
        source: std::io::Error,
        /// The next step.
        help: &'static str,
    },
    /// The bytes are not what the manifest or the format says.
    #[error("{file}: {found}; expected {expected}. Activate another version (`shopkeeper models list`) or train again")]
    Corrupt {
        /// The file in the version folder.
        file: String,
        /// What was found.
        found: String,
        /// What should have been there.
        expected: String,
    },
    /// Written by a version of shopkeeper that this one does not read.
    #[error(
        "{file}: model format {found}; this shopkeeper reads {oldest} to {newest}. Train again with this version of shopkeeper, or serve it with the one that wrote it"
    )]
    Format {
        /// The manifest.
        file: String,
        /// The format number found.
        found: u32,
        /// The oldest one readable.
        oldest: u32,
        /// The newest one readable.
        newest: u32,
    },
    /// The store has no such version.
    #[error("{store}: no model version {version:?}; found {found}. Choose one of them, or run `shopkeeper train`")]
    NoVersion {
        /// The store's folder.
        store: String,
        /// The version that was asked for.
        version: String,
        /// The versions there.
        found: String,
    },
    /// The store has no current version yet.
    #[error(
        "{store}: no trained model here. Run `shopkeeper train --purchases FILE --store {store}`, or `shopkeeper demo` for a sample shop"
    )]
    Empty {
        /// The store's folder.
        store: String,
    },
    /// There is nothing to roll back to.
    #[error(
        "{store}: {version} is the first activated version, so there is none to roll back to. Activate one by name: `shopkeeper models list`"
    )]
    NoPrevious {
        /// The store's folder.
        store: String,
        /// The current version.
        version: String,
    },
}

impl ModelError {
    /// A file that does not hold what it should.
    pub fn corrupt(file: impl Into<String>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Corrupt { file: file.into(), found: found.into(), expected: expected.into() }
    }

    /// A refusal of the file system at `path`.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        let help = match source.kind() {
            std::io::ErrorKind::NotFound => "Restore the file, activate another version, or train again",
            std::io::ErrorKind::PermissionDenied => "Give the process access to it",
            std::io::ErrorKind::StorageFull => "Free space on that disk and try again; nothing stored was changed",
            _ => "Check the disk and try again",
        };
        Self::Io { file: path.display().to_string(), source, help }
    }
}
