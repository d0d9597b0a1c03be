//! Text forms of values, as PostgreSQL reads and writes them.

pub(crate) mod input;
pub mod output;
