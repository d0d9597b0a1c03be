//! The PostgreSQL server: connections, and everything of the wire protocol.
//!
//! Owns: pgwire's types, sockets, TLS, sign-in messages, cancel keys, shutdown. Does not own: SQL, identity, policy.
//! Invariant: a connection reads its socket while a statement runs, so a client that goes away ends its work at once.
//! Start at [`Server::bind`]; one connection is `connection`, its statements are `conversation`.

mod column;
mod connection;
mod conversation;
mod copy;
mod errors;
mod extended;
mod parameters;
mod prepared;
mod registry;
mod rows;
mod running;
mod startup;
mod tls;
mod types;
#[cfg(test)]
mod upstream;
mod value;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use causeway_sql::Engine;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::identity::Users;
use registry::Registry;
pub(crate) use rows::texts;
pub use tls::acceptor;

/// How a server listens.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Certificate and key; once set, nobody connects without TLS.
    pub tls: Option<TlsFiles>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Longest time from connecting to being signed in.
    pub startup_timeout: Duration,
    /// Time that connections have to end on shutdown.
    pub shutdown_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5433)),
            tls: None,
            max_connections: 100,
            startup_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(4),
        }
    }
}

/// Certificate and key of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM file with the certificate chain.
    pub cert_file: PathBuf,
    /// PEM file with the private key.
    pub key_file: PathBuf,
}

impl TlsFiles {
    /// Paths in order: certificate, key.
    #[must_use]
    pub fn paths(&self) -> [&Path; 2] {
        [&self.cert_file, &self.key_file]
    }
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

/// What all connections share.
struct Shared {
    engine: Engine,
    users: Users,
    tls: Option<tokio_rustls::TlsAcceptor>,
    registry: Registry,
    startup_timeout: Duration,
    max_connections: usize,
    shutdown: CancellationToken,
}

/// A server that listens and has not accepted anybody yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    shutdown_timeout: Duration,
}

impl Server {
    /// Connections beyond the limit that are told so; further ones are dropped without a word.
    const REFUSED_POLITELY: usize = 64;

    /// Binds the address and reads the certificate.
    ///
    /// # Errors
    /// The address is taken, or the certificate is unusable: there is no fallback to plain text.
    pub async fn bind(options: Options, engine: Engine, users: Users) -> Result<Self, StartError> {
        let tls = match &options.tls {
            Some(files) => Some(acceptor(&files.cert_file, &files.key_file).map_err(StartError)?),
            None => None,
        };
        let failed = |error| StartError(format!("cannot listen on {}: {error}", options.listen));
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!(%address, "listening on the network without tls; rows travel in plain text");
        }
        let shared = Shared {
            engine,
            users,
            tls,
            registry: Registry::default(),
            startup_timeout: options.startup_timeout,
            max_connections: options.max_connections,
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            address,
            shared: Arc::new(shared),
            shutdown_timeout: options.shutdown_timeout,
        })
    }

    /// Address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then ends all connections: running statements get 57014, idle clients 57P01.
    ///
    /// Cancel: dropping the future closes every connection and stops its work.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = connections.join_next() => log_end(ended),
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, peer)) => self.admit(&mut connections, socket, peer),
                    Err(error) => {
                        // Out of file descriptors, mostly: wait for connections to end rather than spin.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        tracing::info!(connections = connections.len(), "shutting down");
        self.shared.shutdown.cancel();
        let deadline = tokio::time::sleep(self.shutdown_timeout);
        tokio::pin!(deadline);
        // A statement that began just as the shutdown did is caught by a later round.
        let mut rounds = tokio::time::interval(Duration::from_millis(100));
        while !connections.is_empty() {
            tokio::select! {
                () = &mut deadline => break,
                _ = rounds.tick() => self.shared.registry.cancel_all(),
                Some(ended) = connections.join_next() => log_end(ended),
            }
        }
        connections.shutdown().await;
    }

    fn admit(&self, connections: &mut JoinSet<()>, socket: TcpStream, peer: SocketAddr) {
        if connections.len() >= self.shared.max_connections + Self::REFUSED_POLITELY {
            tracing::warn!(%peer, "too many connections; dropped one");
            return;
        }
        let is_full = connections.len() >= self.shared.max_connections;
        connections.spawn(connection::run(Arc::clone(&self.shared), socket, peer, is_full));
    }
}

fn log_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended by a bug");
    }
}
