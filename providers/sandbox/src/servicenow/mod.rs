//! The practice ServiceNow instance: Table, Aggregate, Batch and Attachment APIs over made-up rows.
//!
//! Owns: [`Instance`], its start and stop. Written from the vendor's documentation and public measurements of real instances.
//! Does not own, and never uses: the code of the provider that it checks.
//! Start at [`Instance::start`]; what can be switched while it runs is in [`switches`].

mod access;
mod auth;
mod batch;
mod cell;
mod check;
mod collation;
mod comparison;
pub mod credentials;
mod data;
mod exchange;
mod extras;
mod faults;
mod filter;
mod pattern;
mod query;
mod render;
mod scan;
mod schema;
mod server;
mod stats;
pub mod switches;
mod table_api;
#[cfg(test)]
mod tests;
mod types;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinSet;

use crate::log::RequestLog;
use crate::world::World;
use crate::{Gate, Options, StartError};
use data::Data;
pub use faults::Faults;
use server::State;
pub use switches::{Access, ChoiceAccess, InvalidQuery, RateRule, Semantics, Switches};

/// A running practice instance; dropping it stops the server and closes its connections.
pub struct Instance {
    address: SocketAddr,
    state: Arc<State>,
    certificate_pem: Option<String>,
    handle: Handle<SocketAddr>,
    _server: JoinSet<()>,
}

impl Instance {
    /// Starts an instance on `options.listen`.
    ///
    /// Errors: the address is not loopback or is taken, or no certificate can be made.
    pub async fn start(options: Options, semantics: Semantics) -> Result<Self, StartError> {
        if !options.listen.ip().is_loopback() {
            return Err(StartError(format!(
                "listen address '{}' is not loopback",
                options.listen
            )));
        }
        let failed = |what: &str, error: &dyn std::fmt::Display| StartError(format!("{what}: {error}"));
        let listener = TcpListener::bind(options.listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| failed(&format!("can't listen on '{}'", options.listen), &error))?;
        let address = listener
            .local_addr()
            .map_err(|error| failed("can't read the address", &error))?;
        let data = Data::new(World::new(options.seed, options.scale));
        let tls = options.tls;
        let state = Arc::new(State::new(data, Switches::new(semantics), options));
        let app = axum::Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&state))
            .into_make_service();
        let handle = Handle::new();
        let mut server = JoinSet::new();
        let mut certificate_pem = None;
        if tls {
            let (config, certificate) = certificate().await?;
            certificate_pem = Some(certificate);
            let bound = axum_server::from_tcp_rustls(listener, config)
                .map_err(|error| failed("can't serve", &error))?;
            let serving = bound.handle(handle.clone()).serve(app);
            server.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "practice instance stopped");
                }
            });
        } else {
            let bound = axum_server::from_tcp(listener).map_err(|error| failed("can't serve", &error))?;
            let serving = bound.handle(handle.clone()).serve(app);
            server.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "practice instance stopped");
                }
            });
        }
        Ok(Self {
            address,
            state,
            certificate_pem,
            handle,
            _server: server,
        })
    }

    /// Base URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.state.options.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The requests that arrived.
    #[must_use]
    pub fn log(&self) -> RequestLog {
        self.state.log.clone()
    }

    /// The handle that changes semantics and injects faults while the instance runs.
    #[must_use]
    pub fn semantics(&self) -> &Switches {
        &self.state.switches
    }

    /// The gate that holds back answers to data calls; clones share it.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.state.gate.clone()
    }

    /// The self-signed certificate, when the instance serves HTTPS.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<String> {
        self.certificate_pem.clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Instance")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// Makes a self-signed certificate for loopback.
async fn certificate() -> Result<(RustlsConfig, String), StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError(format!("can't make a certificate: {error}"));
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    // A process has one default provider; another part may have installed it already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let certificate = made.cert.pem();
    let key = made.signing_key.serialize_pem();
    let config = RustlsConfig::from_pem(certificate.clone().into_bytes(), key.into_bytes())
        .await
        .map_err(|error| failed(&error))?;
    Ok((config, certificate))
}
