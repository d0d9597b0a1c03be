//! The engine against PostgreSQL over the same rows: random statements and the golden suite.
//!
//! PostgreSQL is the judge: every expectation comes from a real server. Where none is installed, the tests that need it say
//! SKIPPED; `CAUSEWAY_REQUIRE_POSTGRES=1` makes that a failure.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a failed test panics")]
#![allow(
    clippy::explicit_auto_deref,
    reason = "without it the type of a choice is not inferred"
)]

mod answer;
mod golden;
mod orgs;
mod postgres;
mod random;
mod readings;
mod reference;
