//! Views: queries that have a name.
//!
//! Owns: what views there are (shipped, configured, of one session), and how a name becomes the plan of a query. Does not own: what the
//! tables show. Invariant: a view is planned over the catalog of the person who asks, so it shows what its query would show them.
//! Start at [`plan::planned`].

mod definition;
pub(crate) mod listing;
pub(crate) mod plan;
mod schema;
mod session;
mod shared;

pub(crate) use definition::Definition;
pub use definition::View;
pub(crate) use schema::{SessionViews, SharedViews};
pub(crate) use session::{Kept, Views, created, dropped};
pub use shared::faults as view_faults;
pub(crate) use shared::shared;

use crate::Error;

/// Schema of the views that everyone has.
pub(crate) const VIEWS_SCHEMA: &str = "views";
/// Schema of the views of a session.
pub(crate) const SESSION_SCHEMA: &str = "pg_temp";

/// `invalid_object_definition`
fn recursive(name: &str) -> Error {
    Error::new(
        "42P17",
        format!("infinite recursion detected in the definition of view \"{name}\""),
    )
}

/// Whether an error says that a table or column does not exist.
fn is_missing(error: &Error) -> bool {
    use crate::error::sqlstate::{UNDEFINED_COLUMN, UNDEFINED_TABLE};
    error.sqlstate == UNDEFINED_TABLE || error.sqlstate == UNDEFINED_COLUMN
}
