//! What a command can fail with, and the exit code that says so.

use shopkeeper_models::ModelError;

use crate::config::ConfigError;
use crate::encode::EncodeError;
use crate::server::ServeError;
use crate::state::ExportError;

/// Why a command failed. Each says the next step.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings could not be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A model could not be read, written or switched.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A list could not be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The events could not be exported.
    #[error(transparent)]
    Events(#[from] ExportError),
    /// No model came out of a training run.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] shopkeeper_training::pipeline::TrainError),
    /// A version was trained and saved, but a baseline beats it or purchases seem to be missing.
    #[error(
        "{version} is saved but not current. Against it speaks: {}. Look at {report}; \
         make it current all the same: shopkeeper models activate {version} --store {store}",
        objections.join("; ")
    )]
    HeldBack {
        /// The version.
        version: String,
        /// What speaks against it.
        objections: Vec<String>,
        /// Its report.
        report: String,
        /// Where it lies.
        store: String,
    },
    /// The demo shop could not be made.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Demo(#[from] shopkeeper_training::demo_shop::DemoError),
    /// The server did not start, or stopped.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Results could not be written to stdout.
    #[error("stdout: {0}. Check where the output goes")]
    Stdout(std::io::Error),
    /// The flags do not make sense together.
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    /// 2 for a command that cannot be meant, as for an unknown flag; 3 for a version that was trained but held back; 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::HeldBack { .. } => 3,
            _ => 1,
        }
    }
}
