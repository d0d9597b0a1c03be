//! `causeway serve`

use std::path::Path;

use super::{Failure, stop_signal};
use crate::config;
use crate::identity::Users;
use crate::server::Server;

pub(super) async fn run(path: &Path) -> Result<(), Failure> {
    let config = config::load(path)?;
    let encryption = if config.server.tls.is_some() {
        "tls only"
    } else {
        "no tls"
    };
    let engine = causeway_sql::Engine::try_new(config.engine)?;
    let server = Server::bind(config.server, engine, Users::new(config.credentials)).await?;
    tracing::info!(address = %server.address(), encryption, "listening");
    server.serve(stop_signal()).await;
    tracing::info!("stopped");
    Ok(())
}
