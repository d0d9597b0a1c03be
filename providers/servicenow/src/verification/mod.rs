//! Which conditions an instance honours, found out by asking.
//!
//! Does not own: what is sent because of it; see `query`. May import `api` and `query`. Start at [`honored`].

pub(crate) mod behaviour;
pub(crate) mod honored;
pub(crate) mod probe;
