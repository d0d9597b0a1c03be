//! Operators of ours beside the scan.
//!
//! Owns: the barrier of a policy, the filling of dynamic filters, the attempt with first rows. Does not own: where they stand in a
//! plan; see `optimizer`. Invariant: an operator passes on each row once, or fails.

pub(crate) mod dynamic_filter;
pub(crate) mod first_rows;
