//! Salesforce as a source: objects are tables, filters become SOQL.
//!
//! Owns: everything that is Salesforce's alone. Does not own: SQL, transport, decoding. Start at [`Salesforce`]; what may be pushed
//! is in the table of [`SalesforceDialect`].

mod catalog;
mod classify;
mod client;
mod config;
mod describe;
mod dialect;
mod layout;
mod pattern;
mod point;
mod semi_join;
mod soql;
mod source;
mod text;

use std::sync::Arc;

use causeway_core::{Error, Kind};

pub use config::Config;
pub use dialect::SalesforceDialect;
pub use soql::long_id;
pub use source::Salesforce;

/// An error that is our own fault.
fn internal(message: &str) -> Error {
    Error::new(&Arc::from("salesforce"), Kind::Internal, message)
}
