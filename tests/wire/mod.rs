//! The wire protocol, as clients use it and as they break it.

mod copy;
mod encryption;
mod fuzz;
mod robustness;
mod sign_in;
mod statements;
mod stopping;
mod values;
