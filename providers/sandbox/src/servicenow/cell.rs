//! One stored value, and how it reads as text.
//!
//! Owns: [`Cell`], [`SysId`], raw and display text of numbers, dates and durations. Does not own: JSON; see `render`.
//! Invariant: `Null` and `Text("")` both read as `""`, but they stay different values.

use std::borrow::Cow;
use std::io::Write as _;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};

/// A 32-digit hexadecimal key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SysId(pub(super) u128);

impl SysId {
    /// Reads 32 hexadecimal digits of either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 32];
        for (at, digit) in text.iter_mut().enumerate() {
            let nibble = usize::try_from(self.0 >> (124 - 4 * at) & 15).unwrap_or_default();
            *digit = DIGITS.get(nibble).copied().unwrap_or(b'0');
        }
        out.extend_from_slice(&text);
    }
}

impl std::fmt::Display for SysId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

/// One stored value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Int(i64),
    /// Unscaled digits and the number of digits after the point.
    Scaled(i64, u8),
    Bool(bool),
    /// Seconds since 1970: instants, local date-times, times of day, durations.
    Seconds(i64),
    /// Days since 1970.
    Days(i32),
    Id(SysId),
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// The same value, borrowed from this one.
    pub(super) fn borrow(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text(Cow::Borrowed(text)),
            Self::Int(value) => Cell::Int(*value),
            Self::Scaled(value, scale) => Cell::Scaled(*value, *scale),
            Self::Bool(value) => Cell::Bool(*value),
            Self::Seconds(value) => Cell::Seconds(*value),
            Self::Days(value) => Cell::Days(*value),
            Self::Id(value) => Cell::Id(*value),
        }
    }

    /// True for NULL and `''`.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// Appends the raw text, as `sysparm_display_value=false` shows it.
    pub(super) fn write_raw(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Int(value) => write_int(out, *value),
            Self::Scaled(value, scale) => write_scaled(out, *value, *scale),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Seconds(seconds) => write_date_time(out, *seconds),
            Self::Days(days) => write_date(out, i64::from(*days) * 86_400),
            Self::Id(id) => id.write(out),
        }
    }

    /// The raw text.
    pub(super) fn raw(&self) -> String {
        let mut out = Vec::new();
        self.write_raw(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

fn write_int(out: &mut Vec<u8>, value: i64) {
    write!(out, "{value}").expect("writing to a Vec cannot fail");
}

/// Trailing zeros of the fraction are left out, as the instance does.
fn write_scaled(out: &mut Vec<u8>, value: i64, scale: u8) {
    let unit = 10_u64.pow(u32::from(scale));
    if value < 0 {
        out.push(b'-');
    }
    let digits = value.unsigned_abs();
    write!(out, "{}", digits / unit).expect("writing to a Vec cannot fail");
    if !digits.is_multiple_of(unit) {
        let fraction = format!("{:0width$}", digits % unit, width = usize::from(scale));
        out.push(b'.');
        out.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
    }
}

fn two(out: &mut Vec<u8>, value: u32) {
    let digit = |digit: u32| u8::try_from(digit % 10).unwrap_or_default() + b'0';
    out.push(digit(value / 10));
    out.push(digit(value));
}

fn write_date(out: &mut Vec<u8>, seconds: i64) {
    let date = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let year = date.year().unsigned_abs();
    two(out, year / 100);
    two(out, year % 100);
    out.push(b'-');
    two(out, date.month());
    out.push(b'-');
    two(out, date.day());
}

pub(super) fn write_date_time(out: &mut Vec<u8>, seconds: i64) {
    write_date(out, seconds);
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    out.push(b' ');
    two(out, time.hour());
    out.push(b':');
    two(out, time.minute());
    out.push(b':');
    two(out, time.second());
}

/// Reads `yyyy-MM-dd HH:mm:ss`, or `yyyy-MM-dd` as its midnight. Anything else is not a literal.
pub(super) fn parse_date_time(text: &str) -> Option<i64> {
    if text.len() == 10 {
        return parse_date(text).map(|days| i64::from(days) * 86_400);
    }
    if text.len() != 19 {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(time.and_utc().timestamp())
}

/// Reads `yyyy-MM-dd` as days since 1970.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// A decimal number that compares exactly: twelve decimals, and whether more followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Number(i128);

const DECIMALS: usize = 12;

impl Number {
    pub(super) fn scaled(value: i64, scale: u8) -> Self {
        let power = u32::try_from(DECIMALS).unwrap_or_default() - u32::from(scale);
        Self(i128::from(value) * 10_i128.pow(power) * 2)
    }

    /// Rounds to this many decimals, halves away from zero.
    pub(super) fn rounded(self, scale: u8) -> Self {
        let power = u32::try_from(DECIMALS).unwrap_or_default() - u32::from(scale);
        let unit = 2 * 10_i128.pow(power);
        let half = if self.0 < 0 { -unit / 2 } else { unit / 2 };
        Self((self.0 + half) / unit * unit)
    }

    /// Reads a plain decimal literal; an exponent is not a number here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole)
            || !numeric(fraction)
            || (whole.is_empty() && fraction.is_empty())
            || whole.len() > 22
        {
            return None;
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(DECIMALS));
        let value: i128 = format!("{whole}{kept:0<DECIMALS$}").parse().ok()?;
        let inexact = rest.bytes().any(|byte| byte != b'0');
        let doubled = value * 2 + i128::from(inexact);
        Some(Self(if negative { -doubled } else { doubled }))
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(raw: &str) -> String {
    let (sign, digits) = raw.strip_prefix('-').map_or(("", raw), |rest| ("-", rest));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `137` as `2 Minutes 17 Seconds`.
pub(super) fn spelled_duration(seconds: i64) -> String {
    let units = [(86_400, "Day"), (3_600, "Hour"), (60, "Minute"), (1, "Second")];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (length, name) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() {
        "0 Seconds".to_owned()
    } else {
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_numbers_drop_trailing_zeros() {
        assert_eq!(Cell::Scaled(-1_250, 2).raw(), "-12.5");
        assert_eq!(Cell::Scaled(0, 4).raw(), "0");
        assert_eq!(Cell::Scaled(-5, 2).raw(), "-0.05");
    }

    #[test]
    fn number_literals_compare_exactly() {
        let stored = Number::scaled(1_250, 2);
        assert_eq!(Number::parse("12.50"), Some(stored));
        assert!(Number::parse("12.5000000000001") > Some(stored));
        let tight = Number::parse("12.504").map(|number| number.rounded(2));
        assert_eq!(tight, Some(stored));
        let half = Number::parse("-0.005").map(|number| number.rounded(2));
        assert_eq!(half, Some(Number::scaled(-1, 2)));
        assert_eq!(Number::parse("1e3"), None);
        assert_eq!(Number::parse("="), None);
    }

    #[test]
    fn date_times_read_back() {
        let text = "2023-12-31 23:59:59";
        let seconds = parse_date_time(text).expect("a literal");
        assert_eq!(Cell::Seconds(seconds).raw(), text);
        assert_eq!(
            Cell::Days(parse_date("2024-02-29").expect("a literal")).raw(),
            "2024-02-29"
        );
        assert_eq!(parse_date_time("2023-12-31 23:59:59.5"), None);
    }

    #[test]
    fn durations_are_spelled_out() {
        assert_eq!(spelled_duration(137), "2 Minutes 17 Seconds");
        assert_eq!(spelled_duration(86_400), "1 Day");
    }
}
