//! Causeway: Salesforce and ServiceNow, live, as one PostgreSQL database.
//!
//! The embedded API. An engine answers SQL for sessions; a session is one person, with the rows that this person may see.
//!
//! ```
//! use causeway::Engine;
//! use futures::TryStreamExt as _;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! # let orgs = causeway::practice::Orgs::start(&causeway::practice::Options::default()).await?;
//! # orgs.write_configuration(folder.path())?;
//! let engine = Engine::from_config_file("causeway.toml").await?;
//! let session = engine.session("ana").await?; // an identity, with its domain and roles
//! let sql = "SELECT name FROM servicenow.customer_account WHERE name = 'Boxeo'";
//! let batches = session.sql(sql).await?.stream().await?; // Arrow record batches
//! let batches: Vec<_> = batches.try_collect().await?;
//! assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! A DataFusion application registers a session's schemas in its own `SessionContext`: [`Session::catalog`], [`Session::extend`],
//! [`Session::for_query`].
//!
//! Owns: configuration, identities, the server and the command line. Does not own: SQL (`causeway-sql`), remote systems
//! (`providers/`). Start at [`Engine`] for embedding and at [`server::Server`] for the wire.

pub mod cli;
pub mod config;
pub mod identity;
#[cfg(feature = "demo")]
pub mod practice;
pub mod server;
mod sources;

use std::ops::Deref;
use std::path::Path;

pub use causeway_sql::{Answer, Error, Session, Settings, Statement};

/// Answers SQL over the sources of a configuration. Clones share everything.
#[derive(Debug, Clone)]
pub struct Engine(causeway_sql::Engine);

impl Engine {
    /// Makes the engine that a configuration file describes. Makes no remote call.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with its line and key.
    #[allow(
        clippy::unused_async,
        reason = "configuration that comes over a network will come"
    )]
    pub async fn from_config_file(path: impl AsRef<Path>) -> Result<Self, config::Problems> {
        let path = path.as_ref();
        let config = config::load(path)?;
        causeway_sql::Engine::try_new(config.engine)
            .map(Self)
            .map_err(|error| config::Problems::of_file(path, error.message))
    }
}

impl From<Engine> for causeway_sql::Engine {
    fn from(engine: Engine) -> Self {
        engine.0
    }
}

impl Deref for Engine {
    type Target = causeway_sql::Engine;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
