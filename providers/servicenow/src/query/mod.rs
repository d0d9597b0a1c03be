//! From predicates to encoded queries: what may be asked, how faithfully, and how it is written.
//!
//! Does not own: calls and descriptions. Imports no other room. Start at [`dialect`].

pub(crate) mod aggregate;
pub(crate) mod choice_label;
pub(crate) mod column_use;
pub(crate) mod dialect;
pub(crate) mod encoded_query;
pub(crate) mod pattern;
pub(crate) mod position;
pub(crate) mod request;
pub(crate) mod semantics;
pub(crate) mod verdict;
pub(crate) mod wire;
