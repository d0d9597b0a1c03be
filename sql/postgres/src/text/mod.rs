//! Text forms of values, as PostgreSQL reads and writes them.
//!
//! Owns: reading (`input`) and printing (`output`). Does not own: casts; see `typing::casts`.
//! Invariant: what `output` prints, `input` reads back. Start at [`input`].

pub(crate) mod input;
pub(crate) mod intervals;
pub(crate) mod moments;
pub mod output;
