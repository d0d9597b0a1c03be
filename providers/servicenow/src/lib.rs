//! ServiceNow as a [`causeway_core::Source`].
//!
//! Owns: the Table API, the dictionary, encoded queries. Does not own: SQL, and transport, which the core has.
//! Invariant: what the instance filters is believed only where it was seen to filter; the rest is checked again. A scan ends only where
//! a count says so.
//! Rooms, lowest first: `query`, `api`, `verification`, `metadata`; a room imports only those before it. `types` and `cache` serve all.
//! Start at [`ServiceNowDialect`] for what is pushed, at `page_reader` for how it is read, and at the README for why.

mod api;
mod cache;
mod config;
mod metadata;
mod page_reader;
mod query;
mod source;
mod types;
mod verification;

pub use config::Config;
pub use query::dialect::ServiceNowDialect;
pub use source::ServiceNow;
