//! Text to values, as PostgreSQL's input functions read it.
//!
//! Owns: the grammar of each type's text and the errors for what does not fit it; that of dates and intervals is in rooms of its own.
//! Does not own: which cast reads text; see `typing::casts`. Invariant: a text is read as PostgreSQL reads it, or is an error. Start at [`scalar`].

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue};

use super::intervals::{self, Shape};
use super::moments::{self, Day};
use crate::functions::datetime::calendar;
use crate::functions::datetime::zone::Zone;
use crate::functions::{decimals, floats};
use crate::json::Json;
use crate::types::{
    Kind, OPEN_SCALE, carried_scalar, fault, invalid_text, is_space, timestamptz, unsupported,
};

/// Reads `text` as a value of `ty`, in a session of that zone.
pub(crate) fn scalar(text: &str, ty: &DataType, zone: &Zone) -> Result<ScalarValue> {
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
        Kind::Timestamp => ScalarValue::TimestampMicrosecond(Some(timestamp(text, None)?), None),
        Kind::TimestampTz => {
            ScalarValue::TimestampMicrosecond(Some(timestamp(text, Some(zone))?), Some("UTC".into()))
                .cast_to(&timestamptz())?
        }
        Kind::Time => ScalarValue::Time64Microsecond(Some(time(text)?)),
        Kind::Interval => {
            ScalarValue::IntervalMonthDayNano(Some(intervals::parse(text, Shape::ANY)?.interval()?))
        }
        Kind::Text | Kind::Unknown => ScalarValue::Utf8(Some(text.to_owned())),
        Kind::Uuid => ScalarValue::FixedSizeBinary(16, Some(uuid(text)?.to_vec())),
        Kind::Json => {
            crate::json::parts::checked(text)?;
            carried_scalar(ty, text.to_owned())?
        }
        Kind::Jsonb => carried_scalar(ty, Json::read(text)?.printed())?,
        Kind::Other | Kind::Any => {
            return Err(unsupported(format!("a cast of text to {ty} is not supported")));
        }
    })
}

/// Reads a value of a type that Arrow has not.
///
/// # Errors
/// 22P02 and its kin as PostgreSQL.
pub fn carried(text: &str, ty: &DataType) -> std::result::Result<ScalarValue, crate::Error> {
    Ok(scalar(text, ty, &Zone::utc())?)
}

/// Reads a date, a time, a timestamp or an interval as PostgreSQL does, in a session of that zone.
///
/// # Errors
/// 22007, 22008, 22009, 22015 and 22023 as PostgreSQL; 0A000 for other types and for what can't be kept.
pub fn moment(text: &str, ty: &DataType, zone: &Zone) -> std::result::Result<ScalarValue, crate::Error> {
    let kind = Kind::of(ty);
    if !kind.is_moment() && !matches!(kind, Kind::Time | Kind::Interval) {
        return Err(unsupported(format!("{} is no date or time", kind.name())).into());
    }
    if kind.is_moment()
        && let Some(present) = present_moment(text, kind, zone)?
    {
        return Ok(present);
    }
    Ok(scalar(text, ty, zone)?)
}

/// `now`, `today` and their kin, as of this moment; `None` for all else.
fn present_moment(text: &str, kind: Kind, zone: &Zone) -> Result<Option<ScalarValue>> {
    let written = moments::read(text, kind)?;
    let now = chrono::Utc::now().timestamp_micros();
    let today = calendar::split(zone.local(now)?).0;
    let (day, local) = match written.day {
        Day::Now => (today, zone.local(now)?),
        Day::Today(days) => (
            today + days,
            calendar::checked_timestamp(today + days, written.micros)?,
        ),
        Day::Fixed(_) | Day::Epoch => return Ok(None),
    };
    Ok(Some(match kind {
        Kind::Date => ScalarValue::Date32(Some(calendar::checked_date(day)?)),
        Kind::Timestamp => ScalarValue::TimestampMicrosecond(Some(local), None),
        _ => {
            let zone = written.zone.as_ref().unwrap_or(zone);
            let moment = if written.day == Day::Now {
                now
            } else {
                zone.moment(local)?
            };
            ScalarValue::TimestampMicrosecond(Some(moment), Some("UTC".into()))
        }
    }))
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

/// `uuid_in`: 32 digits, with a hyphen after any group of four, in braces or not.
fn uuid(text: &str) -> Result<[u8; 16]> {
    let invalid = || invalid_text(Kind::Uuid, text);
    let bare = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(invalid)?,
        None => text,
    };
    let mut bytes = [0; 16];
    let mut digits = 0_usize;
    let mut is_after_hyphen = true;
    for c in bare.chars() {
        if c == '-' {
            if is_after_hyphen || !digits.is_multiple_of(4) || digits == 32 {
                return Err(invalid());
            }
            is_after_hyphen = true;
            continue;
        }
        is_after_hyphen = false;
        let digit = c
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(invalid)?;
        let byte = bytes.get_mut(digits / 2).ok_or_else(invalid)?;
        *byte = (*byte << 4) | digit;
        digits += 1;
    }
    if digits == 32 { Ok(bytes) } else { Err(invalid()) }
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

/// A moment that depends on when it is read: `now`, `today`.
fn present(text: &str) -> DataFusionError {
    unsupported(format!(
        "\"{text}\" is supported in constants only; use now() or current_date"
    ))
}

/// `date_in`: days since 1970.
pub(crate) fn date(text: &str) -> Result<i32> {
    let written = moments::read(text, Kind::Date)?;
    match written.day {
        Day::Epoch => Ok(0),
        Day::Now | Day::Today(_) => Err(present(text)),
        Day::Fixed(day) if calendar::is_date(day) => {
            i32::try_from(day).map_err(|_| fault("22008", format!("date out of range: \"{text}\"")))
        }
        Day::Fixed(_) => Err(fault("22008", format!("date out of range: \"{text}\""))),
    }
}

/// `timestamp_in` and `timestamptz_in`: microseconds since 1970. Without a zone in the text, `zone` is meant, if there is one.
pub(crate) fn timestamp(text: &str, zone: Option<&Zone>) -> Result<i64> {
    let kind = if zone.is_some() {
        Kind::TimestampTz
    } else {
        Kind::Timestamp
    };
    let written = moments::read(text, kind)?;
    let day = match written.day {
        Day::Epoch => return Ok(0),
        Day::Now | Day::Today(_) => return Err(present(text)),
        Day::Fixed(day) => day,
    };
    let local = calendar::checked_timestamp(day, written.micros);
    let moment = match zone {
        None => local,
        Some(zone) => local.and_then(|local| written.zone.as_ref().unwrap_or(zone).moment(local)),
    };
    moment.map_err(|error| match crate::Error::from(error) {
        error if error.sqlstate == "22008" => fault("22008", format!("timestamp out of range: \"{text}\"")),
        error => error.into(),
    })
}

/// `time_in`: microseconds since midnight.
pub(crate) fn time(text: &str) -> Result<i64> {
    moments::time(text)
}
