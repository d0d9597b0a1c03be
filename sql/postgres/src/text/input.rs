//! Text to values, as PostgreSQL's input functions read it.
//!
//! Ways to write dates that PostgreSQL would understand and this does not, such as `January 2, 2024`, are refused with 0A000.
//!
//! Owns: the grammar of each type's text and the errors for what does not fit it. Does not own: which cast reads text; see
//! `typing::casts`. Invariant: a text is read as PostgreSQL reads it, or is an error. Start at [`scalar`].

use chrono::NaiveDate;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue};

use crate::functions::{decimals, floats, intervals};
use crate::types::{Kind, OPEN_SCALE, fault, invalid_text, is_space, timestamptz, unsupported};

const DAY: i64 = 86_400_000_000;

/// Reads `text` as a value of `ty`.
pub(crate) fn scalar(text: &str, ty: &DataType) -> Result<ScalarValue> {
    let kind = Kind::of(ty);
    Ok(match kind {
        Kind::Boolean => ScalarValue::Boolean(Some(boolean(text)?)),
        Kind::Int2 => ScalarValue::Int16(i16::try_from(integer(text, kind)?).ok()),
        Kind::Int4 => ScalarValue::Int32(i32::try_from(integer(text, kind)?).ok()),
        Kind::Int8 => ScalarValue::Int64(Some(integer(text, kind)?)),
        Kind::Float4 => ScalarValue::Float32(Some(float4(text)?)),
        Kind::Float8 => ScalarValue::Float64(Some(float8(text)?)),
        Kind::Numeric => numeric_scalar(text, ty)?,
        Kind::Date => ScalarValue::Date32(Some(date(text)?)),
        Kind::Timestamp => ScalarValue::TimestampMicrosecond(Some(timestamp(text, false)?), None),
        Kind::TimestampTz => {
            ScalarValue::TimestampMicrosecond(Some(timestamp(text, true)?), Some("UTC".into()))
                .cast_to(&timestamptz())?
        }
        Kind::Time => ScalarValue::Time64Microsecond(Some(time(text)?)),
        Kind::Interval => ScalarValue::IntervalMonthDayNano(Some(intervals::parse(text)?)),
        Kind::Text | Kind::Unknown => ScalarValue::Utf8(Some(text.to_owned())),
        Kind::Other | Kind::Any => {
            return Err(unsupported(format!("a cast of text to {ty} is not supported")));
        }
    })
}

fn beyond(kind: Kind, text: &str) -> datafusion::common::DataFusionError {
    fault(
        "22003",
        format!("value \"{text}\" is out of range for type {}", kind.name()),
    )
}

/// `boolin`: any beginning of a word that is no beginning of another.
pub(crate) fn boolean(text: &str) -> Result<bool> {
    let word = text.trim_matches(is_space).to_ascii_lowercase();
    let begins = |whole: &str| !word.is_empty() && whole.starts_with(&word);
    if begins("true") || begins("yes") || word == "on" || word == "1" {
        Ok(true)
    } else if begins("false") || begins("no") || word == "of" || word == "off" || word == "0" {
        Ok(false)
    } else {
        Err(invalid_text(Kind::Boolean, text))
    }
}

/// `int2in`, `int4in`, `int8in`.
pub(crate) fn integer(text: &str, kind: Kind) -> Result<i64> {
    let trimmed = text.trim_matches(is_space);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid_text(kind, text));
    }
    let value: i64 = trimmed.parse().map_err(|_| beyond(kind, text))?;
    let fits = match kind {
        Kind::Int2 => i16::try_from(value).is_ok(),
        Kind::Int4 => i32::try_from(value).is_ok(),
        _ => true,
    };
    if fits { Ok(value) } else { Err(beyond(kind, text)) }
}

/// `float8in`.
pub(crate) fn float8(text: &str) -> Result<f64> {
    let trimmed = text.trim_matches(is_space);
    let value: f64 = trimmed.parse().map_err(|_| invalid_text(Kind::Float8, text))?;
    let (is_infinite, is_zero) = (value.is_infinite(), value == 0.0);
    check_range(trimmed, is_infinite, is_zero, Kind::Float8)?;
    Ok(floats::canonical(value))
}

/// `float4in`.
pub(crate) fn float4(text: &str) -> Result<f32> {
    let trimmed = text.trim_matches(is_space);
    let value: f32 = trimmed.parse().map_err(|_| invalid_text(Kind::Float4, text))?;
    let (is_infinite, is_zero) = (value.is_infinite(), value == 0.0);
    check_range(trimmed, is_infinite, is_zero, Kind::Float4)?;
    Ok(floats::canonical4(value))
}

/// Only `infinity` is infinite and only zeros are zero.
fn check_range(text: &str, is_infinite: bool, is_zero: bool, kind: Kind) -> Result<()> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let names_infinity = text.contains(['n', 'N']);
    let has_digit = mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if (is_infinite && !names_infinity) || (is_zero && has_digit) {
        return Err(fault(
            "22003",
            format!("\"{text}\" is out of range for type {}", kind.name()),
        ));
    }
    Ok(())
}

/// A numeric literal: with its own digits when the type is open, else with those of the type.
fn numeric_scalar(text: &str, ty: &DataType) -> Result<ScalarValue> {
    let (value, scale) = decimals::parsed(text)?;
    match ty {
        DataType::Decimal128(precision, to) if (*precision, *to) != (38, OPEN_SCALE) => {
            let value = decimals::rescaled(value, scale, *precision, *to)?;
            Ok(ScalarValue::Decimal128(Some(value), *precision, *to))
        }
        _ => {
            let digits = if value == 0 {
                1
            } else {
                value.unsigned_abs().ilog10() + 1
            };
            let precision = u8::try_from(digits)
                .unwrap_or(38)
                .max(scale.unsigned_abs())
                .max(1);
            Ok(ScalarValue::Decimal128(Some(value), precision, scale))
        }
    }
}

/// `date_in` for `YYYY-MM-DD`, with or without a time after it: days since 1970.
pub(crate) fn date(text: &str) -> Result<i32> {
    let mut reader = Reader::new(text, Kind::Date);
    let day = reader.date()?;
    if reader.time_follows() {
        reader.time()?;
        reader.zone()?;
    }
    reader.end()?;
    Ok(day)
}

/// `timestamp_in` and `timestamptz_in`: microseconds since 1970. Without a zone, UTC is meant.
pub(crate) fn timestamp(text: &str, with_zone: bool) -> Result<i64> {
    if text.trim_matches(is_space).eq_ignore_ascii_case("epoch") {
        return Ok(0);
    }
    let kind = if with_zone {
        Kind::TimestampTz
    } else {
        Kind::Timestamp
    };
    let mut reader = Reader::new(text, kind);
    let day = reader.date()?;
    let mut micros = 0;
    let mut offset = 0;
    if reader.time_follows() {
        micros = reader.time()?;
        offset = reader.zone()?;
    }
    reader.end()?;
    let shift = if with_zone { offset * 1_000_000 } else { 0 };
    i64::from(day)
        .checked_mul(DAY)
        .and_then(|start| start.checked_add(micros - shift))
        .ok_or_else(|| fault("22008", format!("timestamp out of range: \"{text}\"")))
}

/// `time_in`: microseconds since midnight.
pub(crate) fn time(text: &str) -> Result<i64> {
    let mut reader = Reader::new(text, Kind::Time);
    let micros = reader.time()?;
    reader.end()?;
    Ok(micros)
}

/// Reads dates and times from left to right.
struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    kind: Kind,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, kind: Kind) -> Self {
        let rest = text.trim_matches(is_space);
        Self { text, rest, kind }
    }

    /// What is not even close to a date is an error; what PostgreSQL might understand is refused.
    fn unreadable(&self) -> datafusion::common::DataFusionError {
        let words = ["infinity", "now", "today", "tomorrow", "yesterday", "epoch"];
        let trimmed = self
            .text
            .trim_matches(is_space)
            .trim_start_matches(['-', '+'])
            .to_ascii_lowercase();
        let has_digit = trimmed.bytes().any(|byte| byte.is_ascii_digit());
        let is_word = words.contains(&trimmed.as_str());
        if has_digit || is_word {
            let message = format!(
                "this way to write a {} is not supported: \"{}\"",
                self.kind.name(),
                self.text
            );
            return DataFusionError::from(
                crate::error::Error::new(crate::error::sqlstate::NOT_SUPPORTED, message)
                    .with_hint("write it as 2024-01-31 or 2024-01-31 12:34:56+00"),
            );
        }
        fault(
            "22007",
            format!(
                "invalid input syntax for type {}: \"{}\"",
                self.kind.name(),
                self.text
            ),
        )
    }

    fn beyond(&self) -> datafusion::common::DataFusionError {
        fault(
            "22008",
            format!("date/time field value out of range: \"{}\"", self.text),
        )
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if count < least || count > most {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        digits.parse().ok()
    }

    fn take(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn date(&mut self) -> Result<i32> {
        let separated = |reader: &mut Self| {
            let year = reader.digits(4, 6)?;
            let month = reader.take('-').then(|| reader.digits(1, 2))??;
            let day = reader.take('-').then(|| reader.digits(1, 2))??;
            Some((year, month, day))
        };
        let start = self.rest;
        let parts = separated(self).or_else(|| {
            self.rest = start;
            let packed = self.digits(8, 8)?;
            Some((packed / 10_000, packed / 100 % 100, packed % 100))
        });
        let (year, month, day) = parts.ok_or_else(|| self.unreadable())?;
        if year == 0 {
            return Err(self.beyond());
        }
        let of = |part: i64| u32::try_from(part).unwrap_or_default();
        let year = i32::try_from(year).unwrap_or(i32::MAX);
        let date = NaiveDate::from_ymd_opt(year, of(month), of(day)).ok_or_else(|| self.beyond())?;
        Ok(date.to_epoch_days())
    }

    /// Whether a time comes after the date; skips what stands between.
    fn time_follows(&mut self) -> bool {
        if self.rest.is_empty() {
            return false;
        }
        let after = self.rest.trim_start_matches(is_space);
        let after = after.strip_prefix(['T', 't']).unwrap_or(after);
        let has_time = after.starts_with(|c: char| c.is_ascii_digit()) && after.len() < self.rest.len();
        if has_time {
            self.rest = after;
        }
        has_time
    }

    fn time(&mut self) -> Result<i64> {
        let hour = self.digits(1, 2).ok_or_else(|| self.unreadable())?;
        let minute = self.take(':').then(|| self.digits(1, 2)).flatten();
        let minute = minute.ok_or_else(|| self.unreadable())?;
        let (mut second, mut micros) = (0, 0);
        if self.take(':') {
            second = self.digits(1, 2).ok_or_else(|| self.unreadable())?;
            if self.take('.') {
                micros = self.fraction();
            }
        }
        let total = (hour * 3600 + minute * 60 + second) * 1_000_000 + micros;
        if hour > 24 || minute > 59 || second > 60 || total > DAY {
            return Err(self.beyond());
        }
        Ok(total)
    }

    /// Digits after the point, rounded to microseconds.
    fn fraction(&mut self) -> i64 {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let seven: String = digits.chars().chain("0000000".chars()).take(7).collect();
        let tenths: i64 = seven.parse().unwrap_or_default();
        (tenths + 5) / 10
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Result<i64> {
        self.rest = self.rest.trim_start_matches(is_space);
        for name in ["utc", "gmt", "z"] {
            if self.rest.eq_ignore_ascii_case(name) {
                self.rest = "";
            }
        }
        if self.rest.is_empty() {
            return Ok(0);
        }
        let sign = if self.take('-') {
            -1
        } else if self.take('+') {
            1
        } else {
            return Err(self.unreadable());
        };
        let offset = match self.digits(4, 4) {
            Some(packed) => packed / 100 * 3600 + packed % 100 * 60,
            None => {
                let hours = self.digits(1, 2).ok_or_else(|| self.unreadable())?;
                let minutes = if self.take(':') {
                    self.digits(2, 2)
                } else {
                    Some(0)
                };
                hours * 3600 + minutes.ok_or_else(|| self.unreadable())? * 60
            }
        };
        if offset >= 16 * 3600 {
            return Err(fault(
                "22009",
                format!("time zone displacement out of range: \"{}\"", self.text),
            ));
        }
        Ok(sign * offset)
    }

    fn end(&self) -> Result<()> {
        if self.rest.trim_matches(is_space).is_empty() {
            return Ok(());
        }
        Err(self.unreadable())
    }
}
