//! Practice orgs: a Salesforce org and a ServiceNow instance as real HTTP servers on loopback.
//!
//! Owns: data, semantics, errors and paging of both APIs, written from the vendors' documentation.
//! Does not own, and must never use: any code of the providers it checks.
//! Invariant: the same [`Options`] give the same data and the same answers.
//! Start at [`salesforce::Org`] and [`servicenow::Instance`].

mod gate;
pub mod log;
pub mod salesforce;
pub mod servicenow;
pub mod world;

pub use gate::Gate;

/// What a practice org is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seed of all generated data.
    pub seed: u64,
    /// Multiplies the row counts; 1 is 500 accounts.
    pub scale: usize,
    /// Address to listen on; only loopback is accepted, port 0 picks a free one.
    pub listen: std::net::SocketAddr,
    /// Serves HTTPS with a self-signed certificate instead of HTTP.
    pub tls: bool,
    /// Time added to every data call, to imitate a distant server.
    pub latency: std::time::Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 42,
            scale: 1,
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: false,
            latency: std::time::Duration::ZERO,
        }
    }
}

/// Why a practice org can't start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);
