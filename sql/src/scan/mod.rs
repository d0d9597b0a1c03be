//! Reads one remote table: the only operator of a plan that talks to a network.
//!
//! Owns: what is asked ([`spec`]), how predicates become conditions ([`lower`]), join keys and dynamic filters, reuse of rows, estimates.
//! Does not own: remote semantics ([`causeway_core::Dialect`]), policies. Invariant: it emits only rows that satisfy everything it accepted.
//! Start at [`exec`].

pub(crate) mod dynamic_filter;
pub(crate) mod exec;
pub(crate) mod grouped_table;
pub(crate) mod join_keys;
pub(crate) mod lower;
pub(crate) mod remote_table;
pub(crate) mod result_cache;
pub(crate) mod reuse;
pub(crate) mod selectivity;
pub(crate) mod spec;
pub(crate) mod sql_text;
pub(crate) mod stream;
pub(crate) mod top_k;
