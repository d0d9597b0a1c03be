//! SQL over both practice orgs, without the wire.
//!
//! One binary, because linking DataFusion takes longer than running the tests.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a failed test panics")]

mod attacks;
mod budgets;
mod by_hand;
mod cache;
mod catalog;
mod fixture;
mod hidden_keys;
mod instance;
mod joins;
mod labels;
mod ledger;
mod long_texts;
mod modes;
mod policies;
mod postgres;
mod price;
mod remote_work;
mod rooms;
mod session_views;
mod sessions;
mod sharing;
mod statements;
mod time_zones;
mod tops;
mod views;
