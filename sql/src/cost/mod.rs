//! What a plan costs in API calls, rows and bytes.
//!
//! Owns: the walk over a physical plan. Does not own: the estimate of one scan; see `scan`. Invariant: a cost makes no call, except
//! the counting of tables that a budget asks for.

pub(crate) mod plan;
