//! What an instance says of its tables, and what was seen of their columns beside it.
//!
//! Does not own: how a type is read and compared; see `types`. May import `verification`, `api` and `query`. Start at [`discovery`].

pub(crate) mod choices;
pub(crate) mod dictionary;
pub(crate) mod discovery;
