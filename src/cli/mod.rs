//! The command line: one file a command, each a thin caller of the library.

#[cfg(feature = "train")]
mod compare;
#[cfg(feature = "train")]
mod demo;
mod error;
#[cfg(feature = "train")]
mod evaluate;
mod events;
mod export;
mod insights;
mod logging;
mod models;
mod serve;
#[cfg(feature = "train")]
mod train;

use std::io::Write;

use clap::{Args, Parser, Subcommand};

pub use error::CliError;
pub use logging::LogFormat;

const EXAMPLES: &str = "Examples:
  shopkeeper demo
  shopkeeper train --purchases purchases.parquet --items items.parquet
  shopkeeper serve
  shopkeeper export churn --out churn.csv
  shopkeeper insights customers
  shopkeeper models list";

/// Recommendations, churn and segments from a shop's purchases.
///
/// Parquet in, a model version out, answers over HTTP or as files. Settings come from defaults, a config file, the environment
/// (SHOPKEEPER_...) and flags, each over the one before.
#[derive(Debug, Parser)]
#[command(name = "shopkeeper", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// How much is said, on stderr.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct Global {
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// How logs and progress are written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", env = "SHOPKEEPER_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or directives such as info,shopkeeper=debug
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL", value_parser = logging::level, env = "SHOPKEEPER_LOG_LEVEL")]
    log_level: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "train")]
    Train(train::TrainCommand),
    Serve(serve::ServeCommand),
    Export(export::ExportCommand),
    Insights(insights::InsightsCommand),
    Models(models::ModelsCommand),
    Events(events::EventsCommand),
    #[cfg(feature = "train")]
    Evaluate(evaluate::EvaluateCommand),
    #[cfg(feature = "train")]
    Compare(compare::CompareCommand),
    #[cfg(feature = "train")]
    Demo(demo::DemoCommand),
}

impl Cli {
    /// Starts the log and runs the command.
    pub fn run(self) -> Result<(), CliError> {
        logging::start(&self.global);
        match self.command {
            #[cfg(feature = "train")]
            Command::Train(command) => command.run(&self.global),
            Command::Serve(command) => command.run(),
            Command::Export(command) => command.run(&self.global),
            Command::Insights(command) => command.run(&self.global),
            Command::Models(command) => command.run(),
            Command::Events(command) => command.run(&self.global),
            #[cfg(feature = "train")]
            Command::Evaluate(command) => command.run(&self.global),
            #[cfg(feature = "train")]
            Command::Compare(command) => command.run(&self.global),
            #[cfg(feature = "train")]
            Command::Demo(command) => command.run(&self.global),
        }
    }
}

/// Writes a result to stdout. A reader that has gone away, such as `head`, ends the program in peace.
fn say(text: &str) -> Result<(), CliError> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.map_err(CliError::Stdout),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_sound_and_every_one_has_examples() {
        let mut command = super::Cli::command();
        command.clone().debug_assert();
        command.build();
        let without: Vec<&str> = command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help" && sub.get_after_help().is_none())
            .map(|sub| sub.get_name())
            .collect();
        assert_eq!(without, Vec::<&str>::new());
    }
}
