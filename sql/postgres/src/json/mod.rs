//! JSON values: what `jsonb` keeps, and the parts of a text.
//!
//! A value of type `json` is its text; one of `jsonb` is the text that PostgreSQL prints of it, which has one form only, but for the
//! digits after the point of numbers. Owns: reading, printing and comparing values. Does not own: functions over them; see
//! `functions::json`. Invariant: a text that was checked is never an error again. Start at [`Json`], for parts of texts at [`parts`].

pub(crate) mod of_values;
pub(crate) mod order;
pub(crate) mod parts;

use recursive::recursive;

use datafusion::common::Result;

use crate::types::fault;
use parts::Shape;

/// A JSON value, as `jsonb` keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Boolean(bool),
    /// As `numeric` prints it.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// Keys by their length, then by their bytes; each once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text.
    ///
    /// # Errors
    /// 22P02 when it is no JSON, 22P05 when it holds the character zero, 22003 for numbers that are too large.
    pub(crate) fn read(text: &str) -> Result<Self> {
        Self::of_part(parts::checked(text)?)
    }

    /// Reads a part of a text that was checked.
    #[recursive]
    pub(crate) fn of_part(part: &str) -> Result<Self> {
        Ok(match parts::shape(part) {
            Shape::Null => Self::Null,
            Shape::Boolean => Self::Boolean(part.starts_with('t')),
            Shape::Number => Self::Number(number(part)?),
            Shape::Text => Self::Text(parts::string(part)?),
            Shape::Array => {
                let items = parts::elements(part)?;
                Self::Array(items.into_iter().map(Self::of_part).collect::<Result<_>>()?)
            }
            Shape::Object => {
                let members = parts::members(part)?.into_iter();
                let members = members.map(|(key, value)| Ok((key, Self::of_part(value)?)));
                Self::object(members.collect::<Result<_>>()?)
            }
        })
    }

    /// An object of these members. Of a key that comes more than once the last value counts.
    pub(crate) fn object(mut members: Vec<(String, Self)>) -> Self {
        members.sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
        let mut unique: Vec<(String, Self)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            match unique.last_mut() {
                Some((last, old)) if *last == key => *old = value,
                _ => unique.push((key, value)),
            }
        }
        Self::Object(unique)
    }

    /// Prints it as PostgreSQL prints `jsonb`.
    #[recursive]
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quoted(out, text),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    quoted(out, key);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// As [`Self::write`], on its own.
    pub(crate) fn printed(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }
}

/// A text in quotes, with what must be escaped (`escape_json`).
pub(crate) fn quoted(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number of JSON as `numeric` prints it: without an exponent, with the digits after the point that it was written with.
fn number(written: &str) -> Result<String> {
    /// Digits before and after the point of a numeric, at most.
    const MOST: (i64, i64) = (131_072, 16_383);
    let (sign, size) = match written.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", written),
    };
    let (mantissa, exponent) = match size.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().unwrap_or(i64::MAX)),
        None => (size, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let overflow = || fault("22003", "value overflows numeric format");
    let places = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    if exponent.saturating_add(places(whole)) > MOST.0 || places(fraction).saturating_sub(exponent) > MOST.1 {
        return Err(overflow());
    }
    let digits = format!("{whole}{fraction}");
    let point = places(whole) + exponent;
    let (whole, fraction) = match usize::try_from(point) {
        Err(_) => {
            let zeros = usize::try_from(-point).map_err(|_| overflow())?;
            (String::new(), format!("{}{digits}", "0".repeat(zeros)))
        }
        Ok(point) if point >= digits.len() => {
            let zeros = "0".repeat(point - digits.len());
            (format!("{digits}{zeros}"), String::new())
        }
        Ok(point) => {
            let (whole, fraction) = digits.split_at(point);
            (whole.to_owned(), fraction.to_owned())
        }
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let is_zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if is_zero { "" } else { sign };
    Ok(match fraction.is_empty() {
        true => format!("{sign}{whole}"),
        false => format!("{sign}{whole}.{fraction}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_printed_as_jsonb() {
        for (text, printed) in [
            (
                " {\"b\" : 1.50, \"a\":[1e2, -0, null,true ], \"aa\":{} }",
                "{\"a\": [100, 0, null, true], \"b\": 1.50, \"aa\": {}}",
            ),
            ("{\"a\":1,\"a\":2}", "{\"a\": 2}"),
            ("\"\\u0041\\n\\/\"", "\"A\\n/\""),
            ("1.5e-3", "0.0015"),
            ("-12.34E1", "-123.4"),
            ("0e5", "0"),
        ] {
            let json = Json::read(text).expect("JSON");
            assert_eq!(json.printed(), printed, "{text}");
            assert_eq!(Json::read(printed).expect("JSON"), json);
        }
        for text in ["", "{", "{a:1}", "[1,]", "01", "\"a", "tru", "1 2", "'a'"] {
            assert!(Json::read(text).is_err(), "{text}");
        }
    }
}
