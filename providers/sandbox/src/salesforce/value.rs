//! Cell values, record ids and their JSON spelling.
//!
//! Owns: [`Value`], [`Id`], the numbers and dates as Salesforce writes them.
//! Invariant: a value is written straight into the page buffer; no tree is built.

use std::borrow::Cow;
use std::cmp::Ordering;

/// An 18-character record id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(pub(super) [u8; 18]);

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const POD: &[u8; 5] = b"5e000";

impl Id {
    /// Makes the id of row `index` of the object with this key prefix.
    pub(super) fn new(prefix: &str, index: usize) -> Self {
        let mut id = [b'0'; 18];
        for (at, byte) in id
            .iter_mut()
            .zip(prefix.bytes().take(3).chain(POD.iter().copied()))
        {
            *at = byte;
        }
        let mut rest = index;
        for at in id.iter_mut().take(15).skip(8).rev() {
            *at = DIGITS.get(rest % 62).copied().unwrap_or(b'0');
            rest /= 62;
        }
        Self(with_check(id))
    }

    /// Reads an id of 15 or 18 characters; `None` when it is malformed or its check characters are wrong.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_alphanumeric) || !matches!(bytes.len(), 15 | 18) {
            return None;
        }
        let mut id = [b'0'; 18];
        for (at, byte) in id.iter_mut().zip(bytes.iter().take(15)) {
            *at = *byte;
        }
        let id = with_check(id);
        (bytes.len() == 15 || id == bytes).then_some(Self(id))
    }

    /// Returns the id as text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the key prefix of the object.
    pub(super) fn prefix(&self) -> &str {
        self.as_str().get(..3).unwrap_or_default()
    }

    /// Returns the row number, if the id has the shape of this org's ids.
    pub(super) fn row(&self) -> Option<usize> {
        if self.0.get(3..8) != Some(POD.as_slice()) {
            return None;
        }
        self.0.get(8..15)?.iter().try_fold(0, |row: usize, byte| {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'A'..=b'Z' => byte - b'A' + 10,
                _ => byte - b'a' + 36,
            };
            row.checked_mul(62)?.checked_add(usize::from(digit))
        })
    }
}

fn with_check(mut id: [u8; 18]) -> [u8; 18] {
    let mut check = [0_u8; 3];
    for (byte, chunk) in check.iter_mut().zip(id.chunks(5)) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (at, byte)| {
            bits | usize::from(byte.is_ascii_uppercase()) << at
        });
        *byte = CHECK.get(bits).copied().unwrap_or(b'A');
    }
    for (at, byte) in id.iter_mut().skip(15).zip(check) {
        *at = byte;
    }
    id
}

/// The value of one field of one record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// No value.
    Null,
    /// A checkbox.
    Bool(bool),
    /// A number that is written without a fraction.
    Int(i64),
    /// A number that is written as Java writes a double: `300.0`, `1.0E10`.
    Number(f64),
    /// A number with more digits than a double holds, written as it stands.
    Digits(&'static str),
    /// Text of any kind.
    Text(Cow<'static, str>),
    /// A record id.
    Id(Id),
    /// Days since 1970-01-01.
    Date(i64),
    /// Seconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Milliseconds since midnight.
    Time(u32),
    /// An object such as an address.
    Compound(Vec<(&'static str, Value)>),
}

impl Value {
    /// Wraps text; empty text is stored as null, as Salesforce does.
    pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(text)
        }
    }

    /// Returns the number that the value is compared by.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "generated integers stay below 2^53")]
            Self::Int(value) | Self::Date(value) | Self::DateTime(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Digits(text) => text.parse().ok(),
            Self::Time(value) => Some(f64::from(*value)),
            _ => None,
        }
    }

    /// Compares two values of one field, text excepted, which needs the locale.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Id(left), Self::Id(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => match (self.number(), other.number()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => Ordering::Equal,
            },
        }
    }

    /// Writes the value as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Int(value) => write_int(*value, out),
            Self::Number(value) => write_double(*value, out),
            Self::Digits(text) => out.extend_from_slice(text.as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::Id(id) => {
                out.push(b'"');
                out.extend_from_slice(&id.0);
                out.push(b'"');
            }
            Self::Date(days) => {
                out.push(b'"');
                write_date(*days, out);
                out.push(b'"');
            }
            Self::DateTime(seconds) => {
                out.push(b'"');
                write_date(seconds.div_euclid(86_400), out);
                out.push(b'T');
                write_clock(seconds.rem_euclid(86_400), out);
                out.extend_from_slice(b".000+0000\"");
            }
            Self::Time(milliseconds) => {
                out.push(b'"');
                write_clock(i64::from(*milliseconds / 1000), out);
                out.push(b'.');
                write_padded(i64::from(*milliseconds % 1000), 3, out);
                out.extend_from_slice(b"Z\"");
            }
            Self::Compound(parts) => {
                out.push(b'{');
                for (at, (name, value)) in parts.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Writes a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f => b"\\u00",
            _ => continue,
        };
        out.extend_from_slice(bytes.get(clean..at).unwrap_or_default());
        out.extend_from_slice(escape);
        if escape.len() == 4 {
            out.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        clean = at + 1;
    }
    out.extend_from_slice(bytes.get(clean..).unwrap_or_default());
    out.push(b'"');
}

/// Writes an integer.
pub(super) fn write_int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write_padded(value, 1, out);
}

fn write_padded(value: i64, width: usize, out: &mut Vec<u8>) {
    let mut rest = value.unsigned_abs();
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for at in digits.iter_mut().rev() {
        *at = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let from = digits.len() - used.max(width);
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

fn write_clock(seconds: i64, out: &mut Vec<u8>) {
    write_padded(seconds / 3600, 2, out);
    out.push(b':');
    write_padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    write_padded(seconds % 60, 2, out);
}

fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    write_padded(year, 4, out);
    out.push(b'-');
    write_padded(month, 2, out);
    out.push(b'-');
    write_padded(day, 2, out);
}

/// Splits days since 1970-01-01 into year, month and day of the Gregorian calendar.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Returns the days since 1970-01-01 of a date of the Gregorian calendar.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Writes a double as Java does: plain between 0.001 and 10,000,000, otherwise with an exponent.
fn write_double(value: f64, out: &mut Vec<u8>) {
    let size = value.abs();
    if size < 1e7 && value.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 10,000,000")]
        write_int(value as i64, out);
        out.extend_from_slice(b".0");
    } else if (1e-3..1e7).contains(&size) {
        out.extend_from_slice(value.to_string().as_bytes());
    } else {
        let text = format!("{value:E}");
        match text.split_once('E') {
            Some((mantissa, exponent)) if !mantissa.contains('.') => {
                out.extend_from_slice(format!("{mantissa}.0E{exponent}").as_bytes());
            }
            _ => out.extend_from_slice(text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &Value) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ids_agree_with_the_shared_world() {
        for index in [0, 1, 61, 62, 123_456_789] {
            let id = Id::new("001", index);
            assert_eq!(id.as_str(), crate::world::salesforce_id("001", index));
            assert_eq!(id.row(), Some(index));
            assert_eq!(Id::parse(&id.as_str()[..15]), Some(id));
        }
    }

    #[test]
    fn an_id_with_a_letter_in_the_wrong_case_is_malformed() {
        assert_eq!(Id::parse(&Id::new("001", 40).as_str().to_lowercase()), None);
        assert_eq!(Id::parse("abc"), None);
    }

    #[test]
    fn numbers_are_written_as_java_writes_doubles() {
        assert_eq!(json(&Value::Number(300.0)), "300.0");
        assert_eq!(json(&Value::Number(-0.25)), "-0.25");
        assert_eq!(json(&Value::Number(1e10)), "1.0E10");
        assert_eq!(json(&Value::Number(12_345_678.5)), "1.23456785E7");
        assert_eq!(json(&Value::Number(0.0001)), "1.0E-4");
        assert_eq!(json(&Value::Int(-40)), "-40");
    }

    #[test]
    fn dates_survive_the_calendar() {
        for (year, month, day) in [(1700, 1, 1), (1969, 12, 31), (2024, 2, 29), (4000, 12, 31)] {
            assert_eq!(civil(days(year, month, day)), (year, month, day));
        }
        let moment = Value::DateTime(days(2023, 12, 31) * 86_400 + 86_399);
        assert_eq!(json(&moment), "\"2023-12-31T23:59:59.000+0000\"");
        assert_eq!(json(&Value::Time(37_800_005)), "\"10:30:00.005Z\"");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(json(&Value::text("a\"\\\n\u{1}é")), "\"a\\\"\\\\\\n\\u0001é\"");
    }
}
