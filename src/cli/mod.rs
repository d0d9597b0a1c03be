//! The command line.
//!
//! Owns: arguments, exit codes, what is printed. Exit codes: 0 done, 1 a query, configuration or check failed, 2 wrong usage.

mod check;
mod output;
#[cfg(feature = "demo")]
mod practice;
mod progress;
mod query;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Query Salesforce and ServiceNow, live, as one PostgreSQL database.
///
/// Nothing is copied: each table is a remote object, read through its API while the query runs.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_help = examples())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn examples() -> String {
    let demo = if cfg!(feature = "demo") {
        "\n  causeway demo                                  see it work, without any configuration"
    } else {
        ""
    };
    format!(
        "Examples:{demo}
  causeway check --config causeway.toml          is the configuration right, do the sources let us in?
  causeway serve --config causeway.toml          let psql and BI tools connect
  causeway query --config causeway.toml \"SELECT name FROM salesforce.account LIMIT 5\"

RUST_LOG=debug shows what happens inside, on stderr."
    )
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "demo")]
    #[command(flatten)]
    Practice(practice::Command),
    /// Serve PostgreSQL clients until Ctrl-C
    Serve {
        /// Configuration file
        #[arg(long, env = "CAUSEWAY_CONFIG")]
        config: PathBuf,
    },
    /// Run one query and print its rows, without a server
    #[command(after_help = "Examples:
  causeway query --config causeway.toml \"SELECT count(*) FROM servicenow.incident\"
  causeway query --config causeway.toml --user ana --format csv \"SELECT * FROM salesforce.account\" > accounts.csv
  causeway query --config causeway.toml \"EXPLAIN SELECT * FROM salesforce.account WHERE name = 'Boxeo'\"")]
    Query {
        /// Configuration file
        #[arg(long, env = "CAUSEWAY_CONFIG")]
        config: PathBuf,
        /// How to print rows
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// Who asks; may be left out when the configuration has one user
        #[arg(long)]
        user: Option<String>,
        /// The SQL statement
        sql: String,
    },
    /// Check a configuration: read it, sign in to every source, list the tables
    ///
    /// Prints one line per finding. Exit code 1 if anything is wrong.
    Check {
        /// Configuration file
        #[arg(long, env = "CAUSEWAY_CONFIG")]
        config: PathBuf,
    },
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned columns, as psql prints them
    Table,
    /// Comma-separated, with a header; NULL is empty
    Csv,
    /// JSON Lines: one object per row, numbers as numbers
    Json,
}

/// Reads the arguments and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Planning recurses as deep as a statement's longest chain of operators.
        .thread_stack_size(64 << 20)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    // A client of a practice org may hold its connection open; that must not hold up the end.
    let outcome = runtime.block_on(run(arguments.command));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "demo")]
        Command::Practice(command) => practice::run(command).await,
        Command::Serve { config } => serve::run(&config).await,
        Command::Query {
            config,
            format,
            user,
            sql,
        } => query::run(&config, format, user.as_deref(), &sql).await,
        Command::Check { config } => check::run(&config).await,
    }
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,causeway=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// A query failed.
    Sql(causeway_sql::Error),
    /// Anything else, in words.
    Other(String),
    /// All that there is to say has been printed.
    Printed,
}

impl From<causeway_sql::Error> for Failure {
    fn from(error: causeway_sql::Error) -> Self {
        Self::Sql(error)
    }
}

/// Most failures only need their text.
macro_rules! from_display {
    ($($type:ty),*) => {
        $(impl From<$type> for Failure {
            fn from(error: $type) -> Self {
                Self::Other(error.to_string())
            }
        })*
    };
}
from_display!(
    crate::config::Problems,
    crate::server::StartError,
    std::io::Error,
    csv::Error
);

impl Failure {
    fn report(self) -> ExitCode {
        match self {
            Self::Printed => {}
            // Whoever read our output has read enough, as with `causeway query … | head`.
            Self::Other(message) if message.contains("Broken pipe") => {}
            Self::Other(message) => return fail(&message),
            Self::Sql(error) => {
                eprintln!("ERROR:  {}", error.message);
                for (label, text) in [("DETAIL", &error.detail), ("HINT", &error.hint)] {
                    if let Some(text) = text {
                        eprintln!("{label}:  {text}");
                    }
                }
                eprintln!("SQLSTATE:  {}", error.sqlstate);
            }
        }
        ExitCode::FAILURE
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("ERROR:  {message}");
    ExitCode::FAILURE
}

/// Resolves on Ctrl-C, and on SIGTERM where there is one.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler, the signal's own effect ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
