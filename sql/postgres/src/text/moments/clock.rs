//! Times with colons and offsets with signs.
//!
//! Owns: `10:20:30.5`, `+01:30`. Does not own: times without colons; see `reader`. Invariant: fractions are rounded to microseconds, halves
//! to even. Start at [`clock`].

use super::{Bad, Step};
use crate::functions::datetime::calendar::{DAY, SECOND};
use crate::functions::datetime::zone::Zone;

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a part of a day"
)]
pub(super) fn of_day(part: f64) -> i64 {
    (part * DAY as f64).round_ties_even() as i64
}

pub(super) fn whole(digits: &str) -> Step<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Format);
    }
    let value = digits.parse::<i32>();
    value.map(i64::from).map_err(|_| Bad::Range)
}

/// Digits after the point of a second, as microseconds.
pub(crate) fn rounded_fraction(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: f64 = format!("0.{digits}0").parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "at most a second")]
    let micros = (part * 1e6).round_ties_even() as i64;
    Some(micros)
}

pub(super) fn fraction_micros(digits: &str) -> Step<i64> {
    rounded_fraction(digits).ok_or(Bad::Format)
}

/// `10:20`, `10:20:30.5`, and `20:30.5` for minutes and seconds.
pub(super) fn clock(text: &str) -> Step<i64> {
    let (whole_text, fraction) = match text.split_once('.') {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    };
    let micros = fraction.map_or(Ok(0), fraction_micros)?;
    let numbers = whole_text.split(':').map(whole);
    let numbers = numbers.collect::<Step<Vec<_>>>()?;
    match numbers.as_slice() {
        [minute, second] if fraction.is_some() => of_clock(0, *minute, *second, micros),
        [hour, minute] => of_clock(*hour, *minute, 0, 0),
        [hour, minute, second] => of_clock(*hour, *minute, *second, micros),
        _ => Err(Bad::Format),
    }
}

pub(super) fn of_clock(hour: i64, minute: i64, second: i64, micros: i64) -> Step<i64> {
    let total = (hour * 3600 + minute * 60 + second) * SECOND + micros;
    if hour > 24 || minute > 59 || second > 60 || total > DAY {
        return Err(Bad::Range);
    }
    Ok(total)
}

/// The zone of an offset with its sign; `None` when it is none, an error when it is out of range.
pub(crate) fn offset_zone(text: &str) -> Option<std::result::Result<Zone, ()>> {
    match offset(text) {
        Ok(zone) => Some(Ok(zone)),
        Err(Bad::Offset | Bad::Range) => Some(Err(())),
        Err(Bad::Format | Bad::Other(_)) => None,
    }
}

/// `+01`, `-0330`, `+05:30:15`.
pub(super) fn offset(text: &str) -> Step<Zone> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').ok_or(Bad::Format)?),
    };
    let parts = rest.split(':').map(whole).collect::<Step<Vec<_>>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [packed] if rest.len() > 2 => (packed / 100, packed % 100, 0),
        [hours] => (*hours, 0, 0),
        [hours, minutes] => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return Err(Bad::Format),
    };
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Err(Bad::Offset);
    }
    let east = i32::try_from(sign * (hours * 3600 + minutes * 60 + seconds)).map_err(|_| Bad::Offset)?;
    Ok(Zone::east(east))
}
