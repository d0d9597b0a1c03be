//! The practice Salesforce org.
//!
//! Owns: sign-in, describe, SOQL and paging of the REST API, with data, doubtful semantics and faults to switch.
//! Does not own: names and keys that both orgs share; see [`crate::world`].
//! Invariant: rows are computed, never stored. Start at [`Org::start`]; requests are routed in `routes`.

mod auth;
mod composite;
pub mod credentials;
mod cursors;
mod data;
mod describe;
mod error;
mod faults;
mod query;
mod reply;
mod routes;
mod schema;
mod server;
mod soql;
mod state;
mod switches;
mod transcript;
mod value;
mod visible;

#[cfg(test)]
mod tests;

pub use faults::Faults;
pub use server::Org;
pub use switches::{Flag, HiddenField, HiddenRows, LyingFlag, Semantics, Switches};
