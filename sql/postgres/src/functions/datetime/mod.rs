//! Dates, times and intervals (PostgreSQL, "Date/Time Functions and Operators").
//!
//! Owns: the functions of the chapter, the calendar and the zones behind them. Does not own: text forms, see `text`; patterns, see
//! `formatting`. Invariant: moments are microseconds since 1970 in UTC; only what asks for local time shifts them. Start at [`functions`].

mod age;
pub(crate) mod aggregates;
pub(crate) mod arithmetic;
pub(crate) mod calendar;
pub(crate) mod extract;
pub(crate) mod intervals;
mod make;
mod precision;
mod truncate;
pub(crate) mod units;
pub(crate) mod zone;
pub(crate) mod zoned;

use super::overload::Overload;

/// The functions of the chapter.
pub(crate) fn functions() -> impl Iterator<Item = &'static Overload> {
    let tables = [
        age::FUNCTIONS,
        make::FUNCTIONS,
        precision::FUNCTIONS,
        truncate::FUNCTIONS,
        zoned::FUNCTIONS,
    ];
    tables.into_iter().flatten()
}
