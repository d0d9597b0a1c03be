//! What SQL becomes: each form, and agreement with the engine's own evaluation.

mod agreement;
mod fixture;
mod forms;
mod model;
mod random;

pub(super) use model::{ignoring_case, pattern_parts};
