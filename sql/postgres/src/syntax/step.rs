//! One step of a rewrite of the parsed statement: it goes on, or ends with an error.
//!
//! Owns: the two ways to end. Does not own: what ends a rewrite. Invariant: an error ends the whole rewrite. Start at [`Step`].

use std::ops::ControlFlow;

use crate::error::{Error, sqlstate};

/// How a rewrite goes on.
pub type Step = ControlFlow<Box<Error>>;

/// Ends it with 0A000.
pub(crate) fn refuse(message: impl Into<String>) -> Step {
    ControlFlow::Break(Box::new(Error::new(sqlstate::NOT_SUPPORTED, message)))
}

/// Ends it with the error of this code.
pub(crate) fn fail(code: &'static str, message: impl Into<String>) -> Step {
    ControlFlow::Break(Box::new(Error::new(code, message)))
}
