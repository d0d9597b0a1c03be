//! From predicates to SOQL: what may be asked, how faithfully, and how it is written.
//!
//! Does not own: calls, descriptions. Imports no other room. Start at the table of [`dialect`].

pub(crate) mod condition;
pub(crate) mod dialect;
pub(crate) mod literal;
pub(crate) mod pattern;
pub(crate) mod point;
pub(crate) mod semi_join;
pub(crate) mod soql;
pub(crate) mod text;
pub(crate) mod verdict;
