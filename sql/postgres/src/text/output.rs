//! Values as PostgreSQL prints them: on the wire, in `::text`, and in concatenations.
//!
//! Source: `float8out`, `timestamp_out`, `numeric_out` and `interval_out` of PostgreSQL 15, checked against a running server.
//!
//! Owns: the text of every type that a column may have. Does not own: the wire's framing and binary forms.
//! Invariant: `input` reads back what is printed here. Start at [`float8`].

use std::fmt::{Result, Write};

use datafusion::arrow::datatypes::IntervalMonthDayNano;

use crate::functions::datetime::calendar::{Civil, is_date, split};
use crate::functions::datetime::zone::Zone;
use crate::types::OPEN_SCALE;

/// `float8out`: the shortest digits that give the same number back.
///
/// # Errors
/// Those of the writer.
pub fn float8(out: &mut impl Write, value: f64) -> Result {
    let scientific = format!("{:e}", value.abs());
    float(
        out,
        value.is_nan(),
        value.is_infinite(),
        value.is_sign_negative(),
        &scientific,
        15,
    )
}

/// `float4out`.
///
/// # Errors
/// Those of the writer.
pub fn float4(out: &mut impl Write, value: f32) -> Result {
    let scientific = format!("{:e}", value.abs());
    float(
        out,
        value.is_nan(),
        value.is_infinite(),
        value.is_sign_negative(),
        &scientific,
        6,
    )
}

/// Lays out `scientific`, the shortest form as Rust prints it, such as `1.25e-7`.
fn float(
    out: &mut impl Write,
    is_nan: bool,
    is_infinite: bool,
    is_negative: bool,
    scientific: &str,
    fixed_below: i32,
) -> Result {
    if is_nan {
        return out.write_str("NaN");
    }
    if is_negative {
        out.write_char('-')?;
    }
    if is_infinite {
        return out.write_str("Infinity");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..fixed_below).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
    }
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
            write!(out, "0.{}{digits}", "0".repeat(zeros))
        }
        Ok(exponent) if digits.len() <= exponent + 1 => {
            write!(out, "{digits}{}", "0".repeat(exponent + 1 - digits.len()))
        }
        Ok(exponent) => {
            let (whole, fraction) = digits.split_at(exponent + 1);
            write!(out, "{whole}.{fraction}")
        }
    }
}

/// `date_out` for days since 1970; false when the calendar does not reach so far.
///
/// # Errors
/// Those of the writer.
pub fn date(out: &mut impl Write, days: i32) -> std::result::Result<bool, std::fmt::Error> {
    if !is_date(i64::from(days)) {
        return Ok(false);
    }
    if day(out, i64::from(days))? {
        out.write_str(" BC")?;
    }
    Ok(true)
}

/// Writes year, month and day; true when ` BC` must follow what else there is.
fn day(out: &mut impl Write, days: i64) -> std::result::Result<bool, std::fmt::Error> {
    let date = Civil::of(days);
    let is_before_christ = date.year < 1;
    let year = if is_before_christ {
        1 - date.year
    } else {
        date.year
    };
    write!(out, "{year:04}-{:02}-{:02}", date.month, date.day)?;
    Ok(is_before_christ)
}

/// `time_out` for microseconds since midnight.
///
/// # Errors
/// Those of the writer.
pub fn time(out: &mut impl Write, microseconds: i64) -> Result {
    let seconds = microseconds / 1_000_000;
    write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )?;
    fraction(out, microseconds % 1_000_000)
}

/// A fraction of a second without trailing zeros.
fn fraction(out: &mut impl Write, microseconds: i64) -> Result {
    if microseconds == 0 {
        return Ok(());
    }
    let digits = format!("{microseconds:06}");
    write!(out, ".{}", digits.trim_end_matches('0'))
}

/// `timestamp_out` or, with a zone, `timestamptz_out`; false when the calendar does not reach so far.
///
/// # Errors
/// Those of the writer.
pub fn timestamp(
    out: &mut impl Write,
    microseconds: i64,
    zone: Option<&Zone>,
) -> std::result::Result<bool, std::fmt::Error> {
    let offset = zone.map(|zone| zone.offset_at(microseconds));
    let shift = i64::from(offset.unwrap_or_default()) * 1_000_000;
    let Some(local) = microseconds.checked_add(shift) else {
        return Ok(false);
    };
    let (days, micros) = split(local);
    if !is_date(days) {
        return Ok(false);
    }
    let is_before_christ = day(out, days)?;
    out.write_char(' ')?;
    time(out, micros)?;
    if let Some(offset) = offset {
        write_offset(out, offset)?;
    }
    if is_before_christ {
        out.write_str(" BC")?;
    }
    Ok(true)
}

/// An offset as `+01`, `-03:30` or `+00:53:28`.
fn write_offset(out: &mut impl Write, offset: i32) -> Result {
    let sign = if offset < 0 { '-' } else { '+' };
    let size = offset.unsigned_abs();
    write!(out, "{sign}{:02}", size / 3600)?;
    if !size.is_multiple_of(3600) {
        write!(out, ":{:02}", size / 60 % 60)?;
    }
    if !size.is_multiple_of(60) {
        write!(out, ":{:02}", size % 60)?;
    }
    Ok(())
}

/// `uuid_out` of 16 bytes.
///
/// # Errors
/// Those of the writer.
pub fn uuid(out: &mut impl Write, bytes: &[u8]) -> Result {
    for (at, byte) in bytes.iter().enumerate() {
        let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
        write!(out, "{hyphen}{byte:02x}")?;
    }
    Ok(())
}

/// `numeric_out` of `unscaled` / 10^`scale`. Numerics of the open scale lose their trailing zeros.
///
/// # Errors
/// Those of the writer.
pub fn numeric(out: &mut impl Write, unscaled: i128, scale: i8) -> Result {
    if unscaled < 0 {
        out.write_char('-')?;
    }
    let (whole, fraction) = decimal_digits(unscaled, scale);
    out.write_str(&whole)?;
    if !fraction.is_empty() {
        write!(out, ".{fraction}")?;
    }
    Ok(())
}

/// Digits before and after the point, without a sign.
#[must_use]
pub fn decimal_digits(unscaled: i128, scale: i8) -> (String, String) {
    let digits = unscaled.unsigned_abs().to_string();
    let Ok(places) = usize::try_from(scale) else {
        let zeros = if unscaled == 0 {
            0
        } else {
            usize::from(scale.unsigned_abs())
        };
        return (format!("{digits}{}", "0".repeat(zeros)), String::new());
    };
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = if scale >= OPEN_SCALE {
        fraction.trim_end_matches('0')
    } else {
        fraction
    };
    (whole.to_owned(), fraction.to_owned())
}

/// `interval_out` in the style `postgres`.
///
/// # Errors
/// Those of the writer.
pub fn interval(out: &mut impl Write, value: IntervalMonthDayNano) -> Result {
    let microseconds = value.nanoseconds / 1000;
    let mut is_first = true;
    let mut is_negative_before = false;
    for (amount, unit) in [
        (value.months / 12, "year"),
        (value.months % 12, "mon"),
        (value.days, "day"),
    ] {
        if amount == 0 {
            continue;
        }
        let space = if is_first { "" } else { " " };
        let sign = if is_negative_before && amount > 0 { "+" } else { "" };
        let plural = if amount == 1 { "" } else { "s" };
        write!(out, "{space}{sign}{amount} {unit}{plural}")?;
        is_negative_before = amount < 0;
        is_first = false;
    }
    if microseconds == 0 && !is_first {
        return Ok(());
    }
    let space = if is_first { "" } else { " " };
    let sign = match (microseconds < 0, is_negative_before) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let size = microseconds.unsigned_abs();
    let seconds = size / 1_000_000;
    write!(
        out,
        "{space}{sign}{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )?;
    fraction(out, i64::try_from(size % 1_000_000).unwrap_or_default())
}
