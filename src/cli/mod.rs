//! The command line.
//!
//! Owns: arguments, exit codes, what is printed. Exit codes: 0 done, 1 a query, configuration or check failed, 2 wrong usage.

mod check;
mod demo;
mod output;
mod progress;
mod query;
mod sandbox;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Query Salesforce and ServiceNow, live, as one PostgreSQL database.
///
/// Nothing is copied: each table is a remote object, read through its API while the query runs.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  causeway demo                                  see it work, without any configuration
  causeway check --config causeway.toml          is the configuration right, do the sources let us in?
  causeway serve --config causeway.toml          let psql and BI tools connect
  causeway query --config causeway.toml \"SELECT name FROM salesforce.account LIMIT 5\"

RUST_LOG=debug shows what happens inside, on stderr.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start two practice orgs and the server, run a join over both, and keep serving
    ///
    /// Needs no configuration and no account anywhere. Prints the rows of the join, the API calls that it made, and a psql command.
    Demo {
        /// Address to serve on; another port is taken if this one is busy
        #[arg(long, default_value = "127.0.0.1:5433")]
        listen: SocketAddr,
        /// End after the queries instead of serving
        #[arg(long)]
        once: bool,
        /// Multiply the rows of the practice orgs (1 is 500 accounts and 3,000 opportunities)
        #[arg(long, default_value_t = 1)]
        scale: usize,
    },
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
    /// Run the two practice orgs alone, until Ctrl-C
    ///
    /// A Salesforce org and a ServiceNow instance on loopback, with made-up data, for trying out configurations and clients.
    Sandbox {
        /// Address of the practice Salesforce org
        #[arg(long, default_value = "127.0.0.1:8801")]
        salesforce_listen: SocketAddr,
        /// Address of the practice ServiceNow instance
        #[arg(long, default_value = "127.0.0.1:8802")]
        servicenow_listen: SocketAddr,
        /// Multiply the rows
        #[arg(long, default_value_t = 1)]
        scale: usize,
        /// Seed of the data; the same seed gives the same rows
        #[arg(long, default_value_t = 42)]
        seed: u64,
        /// Serve HTTPS with self-signed certificates
        #[arg(long)]
        tls: bool,
        /// Milliseconds to add to every data call, to imitate distant servers
        #[arg(long, default_value_t = 0)]
        latency_ms: u64,
        /// Write causeway.toml and its key into this folder
        #[arg(long, value_name = "FOLDER")]
        write: Option<PathBuf>,
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
        Command::Demo { listen, once, scale } => demo::run(listen, once, scale).await,
        Command::Serve { config } => serve::run(&config).await,
        Command::Query {
            config,
            format,
            user,
            sql,
        } => query::run(&config, format, user.as_deref(), &sql).await,
        Command::Check { config } => check::run(&config).await,
        Command::Sandbox {
            salesforce_listen,
            servicenow_listen,
            scale,
            seed,
            tls,
            latency_ms,
            write,
        } => {
            let options = crate::practice::Options {
                salesforce_listen,
                servicenow_listen,
                scale,
                seed,
                tls,
                latency: std::time::Duration::from_millis(latency_ms),
            };
            sandbox::run(&options, write.as_deref()).await
        }
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
    causeway_sandbox::StartError,
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
