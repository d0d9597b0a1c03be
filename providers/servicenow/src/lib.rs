//! ServiceNow as a [`causeway_core::Source`].
//!
//! Owns: the Table API, the dictionary, encoded queries. Does not own: SQL, and transport, which the core has.
//! Invariant: what the instance filters is believed only where it was seen to; the rest is checked again, and a scan ends only where a
//! count says so.
//! Start at [`ServiceNowDialect`] for what is pushed and at the README for why.

mod batch;
mod cache;
mod classify;
mod client;
mod config;
mod dialect;
mod dictionary;
mod discovery;
mod encoded;
mod labels;
mod meaning;
mod page;
mod pattern;
mod plan;
mod probe;
mod reading;
mod source;
mod stats;
mod trust;
mod types;
mod usage;

pub use config::Config;
pub use dialect::ServiceNowDialect;
pub use source::ServiceNow;
