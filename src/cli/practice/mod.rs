//! `causeway demo` and `causeway sandbox`: the commands that need no org of one's own.
//!
//! Owns: everything of the command line that exists only with the feature `demo`. Does not own: the practice orgs and
//! the configuration that goes with them (`crate::practice`).

mod demo;
mod sandbox;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::{Failure, stop_signal};
use crate::practice::Options;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
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
    /// Run the two practice orgs alone, until Ctrl-C
    ///
    /// A Salesforce org and a ServiceNow instance on loopback, with made-up data, for trying out configurations and clients.
    #[command(display_order = 100)]
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

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo { listen, once, scale } => demo::run(listen, once, scale).await,
        Command::Sandbox {
            salesforce_listen,
            servicenow_listen,
            scale,
            seed,
            tls,
            latency_ms,
            write,
        } => {
            let options = Options {
                salesforce_listen,
                servicenow_listen,
                scale,
                seed,
                tls,
                latency: Duration::from_millis(latency_ms),
            };
            sandbox::run(&options, write.as_deref()).await
        }
    }
}

impl From<causeway_sandbox::StartError> for Failure {
    fn from(error: causeway_sandbox::StartError) -> Self {
        Self::Other(error.to_string())
    }
}
