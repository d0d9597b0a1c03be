//! The SQL side of Causeway, and the only user of DataFusion.
//!
//! Owns: catalog, planning, the one leaf, row policies, settings, system tables, EXPLAIN. Does not own: remote semantics
//! ([`causeway_core::Dialect`]), the wire protocol. Invariant: no session without an identity, no scan without its policies.
//! Start at [`Engine`] and [`Session`].

mod answer;
mod cache;
mod catalog;
mod column_names;
mod engine;
mod error;
mod estimate;
mod explain;
mod first_rows;
mod grouped;
mod late;
mod leaf;
mod leaf_cache;
mod leaf_keys;
mod leaf_stream;
mod leaf_top;
mod lower;
mod parser;
mod pg_catalog;
mod policy;
mod postgres;
mod price;
mod replan;
mod rules;
mod scan_spec;
mod session;
mod settings;
mod statement;
mod system;
mod table;
mod tap;
mod views;

pub use answer::Answer;
pub use datafusion::common::ScalarValue;
pub use engine::{Engine, EngineConfig, QueryRecord, QueryState};
pub use error::{Error, sqlstate};
pub use policy::Policy;
pub use postgres::output as text_form;
pub use session::{Canceller, Description, Session};
pub use settings::{Pushdown, Settings, parse_duration};
pub use statement::Statement;
pub use views::{View, view_faults};
