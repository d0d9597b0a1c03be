//! Reads one remote table: the only operator of a plan that talks to a network.
//!
//! Owns: what is asked ([`spec`]), how predicates become conditions ([`lower`]), join keys and dynamic filters, reuse of rows, estimates.
//! Does not own: remote semantics ([`causeway_core::Dialect`]), policies. Invariant: it emits only rows that satisfy everything it accepted.
//! Start at [`exec`].

pub(crate) mod dynamic_filter;
pub(crate) mod estimate;
pub(crate) mod exec;
pub(crate) mod grouped_table;
mod join_keys;
pub(crate) mod lower;
mod redact;
pub(crate) mod remote_table;
pub(crate) mod result_cache;
pub(crate) mod reuse;
mod rows;
pub(crate) mod selectivity;
pub(crate) mod spec;
mod sql_text;
mod stream;
mod top_k;
