//! SQL over both practice orgs, without the wire.
//!
//! One binary, because linking DataFusion takes longer than running the tests.

mod attacks;
mod fixture;
mod joins;
mod modes;
mod policies;
mod statements;
