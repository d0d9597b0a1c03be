//! Salesforce as a source: objects are tables, filters become SOQL.
//!
//! Owns: everything that is Salesforce's alone. Does not own: SQL, transport, decoding.
//! Rooms, lowest first: `query`, `metadata`, `api`; a room imports only those before it.
//! Start at [`Salesforce`]; what may be pushed is in the table of [`SalesforceDialect`].

mod api;
mod config;
mod metadata;
mod query;
mod source;

pub use config::Config;
pub use query::dialect::SalesforceDialect;
pub use query::literal::long_id;
pub use source::Salesforce;

/// Views over sources of this kind: name and query, in which the schema `salesforce` stands for each of them.
pub const VIEWS: [(&str, &str); 1] = [(
    "open_opportunities",
    include_str!("../views/open_opportunities.sql"),
)];
