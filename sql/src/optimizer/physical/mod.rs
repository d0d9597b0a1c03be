//! Rules over physical plans: they prepare the scans for joins, and joins for the scans.
//!
//! Invariant: a rule never changes which rows a plan gives.

pub(crate) mod ensure_cooperative;
pub(crate) mod push_dynamic_filters;
pub(crate) mod push_top_k;
pub(crate) mod share_scans;
pub(crate) mod swap_outer_join;
pub(crate) mod try_first_rows;
