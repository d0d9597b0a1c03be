//! Calls to an instance: what they look like on the wire, and what its answers hold.
//!
//! Does not own: sign-in, retries and limits, which are the transport's. May import `query`. Start at [`client`].

pub(crate) mod batch;
pub(crate) mod classify;
pub(crate) mod client;
pub(crate) mod groups;
pub(crate) mod page;
pub(crate) mod peek;
pub(crate) mod records;
