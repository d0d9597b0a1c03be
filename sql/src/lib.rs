//! The SQL side of Causeway, and the only user of DataFusion.
//!
//! Owns: catalog, planning, the one scan, row policies, settings, system tables, EXPLAIN. Does not own: remote semantics
//! ([`causeway_core::Dialect`]), the wire protocol. Invariant: no session without an identity, no scan without its policies.
//! Start at [`Engine`] and [`Session`].

mod catalog;
mod copy;
mod cost;
mod engine;
mod error;
mod execute;
mod explain;
mod operators;
mod optimizer;
mod policy;
mod query_log;
mod scan;
mod session;
mod settings;
mod statement;

pub use catalog::views::{View, view_faults};
pub use causeway_postgres::text_of;
pub use causeway_postgres::{Carried, Zone, carried_type, carrying, read_carried, read_moment, text_form};
pub use copy::{Copy, CopyFormat, Delimited};
pub use datafusion::common::ScalarValue;
pub use engine::{Engine, EngineConfig};
pub use error::{Error, sqlstate};
pub use policy::Policy;
pub use query_log::{QueryRecord, QueryState};
pub use session::answer::Answer;
pub use session::{Canceller, Description, Session};
pub use settings::{Pushdown, Settings, parse_duration};
pub use statement::Statement;
