//! Rules over logical plans: operators over a remote table become a scan that asks the remote system for the result.
//!
//! Invariant: a rule changes a plan only when the remote system computes exactly the same.

pub(crate) mod drop_unused_join;
pub(crate) mod normalize_keys;
pub(crate) mod plain_scan;
pub(crate) mod push_aggregate;
pub(crate) mod push_join;
