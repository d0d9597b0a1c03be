//! What every remote source shares: predicate algebra, traits, HTTP and decoding.
//!
//! Owns: the value that pushdown grows ([`RemoteQuery`]), the seam to a remote system ([`Source`], [`Dialect`]),
//! transport (sign-in, limits, retries, ledger) and pages to Arrow. Does not own: SQL, DataFusion, any vendor.
//! Invariant: everything that a source does not claim, it cannot do. Start at [`Source`].

mod condition;
#[cfg(feature = "conformance")]
pub mod conformance;
mod decimal;
pub mod decode;
mod dialect;
mod domains;
mod error;
#[cfg(any(test, feature = "conformance"))]
pub mod fuzz;
pub mod http;
pub mod keys;
mod ledger;
mod pattern;
mod predicate;
mod query;
mod recent;
mod refusals;
mod row_counts;
mod scan;
mod schema;
mod source;
pub mod time;
mod translate;

pub use condition::{Atom, Condition, Constant, Fidelity, Operand, Pushed, RemoteOp, Selection};
pub use decimal::Decimal;
pub use dialect::{Dialect, Verdict};
pub use domains::{Domain, DomainTree};
pub use error::{Error, Kind};
pub use ledger::{Answered, Exchange, ExchangeRecord, Ledger, QueryText};
pub use pattern::matches_pattern;
pub use predicate::{Comparison, Literal, Op, Predicate};
pub use query::{Aggregate, AggregateFunction, Grouping, Having, KeySet, KeyTest, Order, RemoteQuery};
pub use recent::Recent;
pub use refusals::Refusals;
pub use row_counts::{RowCount, RowCounts};
pub use scan::{RecordBatchResult, first_in_order, scan};
pub use schema::{
    Column, ColumnType, OperatorClass, Origin, Table, TableName, Verification, make_names_unique, nearest,
};
pub use source::{
    Cursor, Finding, Latency, Load, Next, Page, Principal, QueryContext, RawPage, RequestLimits, Source,
    SourceState,
};
pub use translate::translate;
