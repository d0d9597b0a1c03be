//! What an org says of its objects: described, kept, and where each column is in a record.
//!
//! Does not own: the calls. May import `query`. Start at [`describe`].

pub(crate) mod cache;
pub(crate) mod describe;
pub(crate) mod layout;
