//! What a type keeps of an interval: `interval day to minute`, `interval(2)`.
//!
//! Owns: fields and digits of seconds, as PostgreSQL's type modifier has them. Does not own: how the type is written; see `syntax::moments`.
//! Invariant: what is cut off is dropped, digits of seconds are rounded. Start at [`Shape`].

use crate::functions::datetime::calendar::{HOUR, MINUTE};
use crate::functions::datetime::intervals::Span;

/// The fields that an interval is said to have, by the bits of PostgreSQL's type modifier, and digits of its seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) fields: i32,
    /// Digits of a second; six and more are all.
    pub(crate) precision: i32,
}

pub(crate) const MONTHS: i32 = 1 << 1;
pub(crate) const YEARS: i32 = 1 << 2;
pub(crate) const DAYS: i32 = 1 << 3;
pub(crate) const HOURS: i32 = 1 << 10;
pub(crate) const MINUTES: i32 = 1 << 11;
pub(crate) const SECONDS: i32 = 1 << 12;
pub(super) const ALL_FIELDS: i32 = 0x7FFF;

impl Shape {
    pub(crate) const ANY: Self = Self {
        fields: ALL_FIELDS,
        precision: 6,
    };

    /// The shape that a type modifier says.
    pub(crate) fn of_modifier(modifier: i32) -> Self {
        Self {
            fields: (modifier >> 16) & ALL_FIELDS,
            precision: modifier & 0xFFFF,
        }
    }

    pub(crate) fn modifier(self) -> i32 {
        (self.fields << 16) | (self.precision & 0xFFFF)
    }

    /// What is left of an interval in this shape.
    pub(crate) fn kept(self, mut span: Span) -> Span {
        let cut = |micros: i64, unit: i64| micros / unit * unit;
        if self.fields == ALL_FIELDS {
        } else if self.fields & (DAYS | HOURS | MINUTES | SECONDS) == 0 {
            if self.fields == YEARS {
                span.months = span.months / 12 * 12;
            }
            span.days = 0;
            span.micros = 0;
        } else if self.fields & SECONDS == 0 {
            span.micros = match self.fields & (HOURS | MINUTES) {
                0 => 0,
                HOURS => cut(span.micros, HOUR),
                _ => cut(span.micros, MINUTE),
            };
        }
        if let Ok(digits @ 0..6) = u32::try_from(self.precision) {
            span.micros = rounded(span.micros, digits);
        }
        span
    }
}

/// Microseconds rounded to so many digits of a second, halves away from zero.
pub(crate) fn rounded(micros: i64, digits: u32) -> i64 {
    let unit = 10_i64.pow(6_u32.saturating_sub(digits));
    let half = unit / 2;
    if micros >= 0 {
        micros.saturating_add(half) / unit * unit
    } else {
        micros.saturating_sub(half) / unit * unit
    }
}
