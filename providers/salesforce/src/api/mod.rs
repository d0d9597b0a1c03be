//! Calls to an org: what they look like on the wire, and what its answers mean.
//!
//! Does not own: sign-in, retries and limits, which are the transport's. May import `metadata` and `query`. Start at [`client`].

pub(crate) mod classify;
pub(crate) mod client;
