//! What every source must pass: the rows that it keeps for a predicate are the rows that SQL keeps.
//!
//! Owns: an evaluator of SQL's reading that shares no code with any dialect, the choice of predicates, the comparison, and the table
//! of a README that is printed from the dialect. Does not own: the practice system that is asked; a source crate starts it.
//! Invariant: an expectation never comes from the code under test. Start at [`Suite`].

mod literals;
mod lost;
mod random;
mod readme;
mod rows;
mod sql;
mod suite;

pub use lost::Lost;
pub use readme::{Representative, check_section, pushdown_table};
pub use sql::keeps;
pub use suite::{Naive, Report, Suite};
