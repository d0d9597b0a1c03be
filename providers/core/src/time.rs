//! Dates and times between text and the numbers that Arrow carries.
//!
//! Does not own: which text form a source writes. Invariant: a text that is no valid date or time is an error, never another date.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

/// Days since 1970-01-01 of a `YYYY-MM-DD` date.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let separated = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let date = if separated {
        date_of(text.as_bytes())?
    } else {
        return None;
    };
    Some(date.num_days_from_ce() - EPOCH_DAYS_FROM_CE)
}

/// The date in the first ten bytes, whose separators were checked.
fn date_of(bytes: &[u8]) -> Option<NaiveDate> {
    let year = i32::try_from(digits(bytes, 0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(bytes, 5, 7)?, digits(bytes, 8, 10)?)
}

fn digits(bytes: &[u8], from: usize, to: usize) -> Option<u32> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    bytes
        .get(from..to)?
        .iter()
        .try_fold(0_u32, |value, byte| Some(value * 10 + digit(byte)?))
}

/// Microseconds since 1970 in UTC of a date and time.
///
/// Accepts `2024-01-02T03:04:05.000+0000`, `…+00:00`, `…Z`, and `2024-01-02 03:04:05` read as UTC.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<i64> {
    if let Some(micros) = parse_utc_fast(text) {
        return Some(micros);
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"] {
        if let Ok(stamp) = DateTime::parse_from_str(text, format) {
            return Some(stamp.timestamp_micros());
        }
    }
    let naive = text.strip_suffix('Z').unwrap_or(text);
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(stamp) = NaiveDateTime::parse_from_str(naive, format) {
            return Some(stamp.and_utc().timestamp_micros());
        }
    }
    None
}

/// The two fixed layouts that the remote systems use, without the cost of a format interpreter.
fn parse_utc_fast(text: &str) -> Option<i64> {
    let (stamp, rest) = text.split_at_checked(19)?;
    if !matches!(rest, "" | ".000+0000" | ".000Z" | "Z") {
        return None;
    }
    let bytes = stamp.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !separators
        .iter()
        .all(|&(at, wanted)| bytes.get(at) == Some(&wanted))
        || !matches!(bytes.get(10), Some(b'T' | b' '))
    {
        return None;
    }
    let time = date_of(bytes)?.and_hms_opt(
        digits(bytes, 11, 13)?,
        digits(bytes, 14, 16)?,
        digits(bytes, 17, 19)?,
    )?;
    Some(time.and_utc().timestamp_micros())
}

/// Microseconds since midnight of a time of day; a trailing `Z` is disregarded.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    let time = NaiveTime::parse_from_str(text.strip_suffix('Z').unwrap_or(text), "%H:%M:%S%.f").ok()?;
    Some(i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1000))
}

/// The date as `YYYY-MM-DD`; `None` outside the years that can be written so.
#[must_use]
pub fn format_date(days: i32) -> Option<String> {
    let date = NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?)?;
    (0..=9999)
        .contains(&date.year())
        .then(|| date.format("%Y-%m-%d").to_string())
}

/// The moment in UTC with this `chrono` format; `None` outside the years 0 to 9999.
#[must_use]
pub fn format_timestamp(micros: i64, format: &str) -> Option<String> {
    let stamp = DateTime::<Utc>::from_timestamp_micros(micros)?;
    (0..=9999)
        .contains(&stamp.year())
        .then(|| stamp.format(format).to_string())
}

/// Days from the first day of year 1 to 1970-01-01.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wire_form_of_a_moment_is_the_same_number() {
        let wanted = Some(1_704_164_645_000_000);
        for text in [
            "2024-01-02T03:04:05.000+0000",
            "2024-01-02T03:04:05.000Z",
            "2024-01-02T03:04:05Z",
            "2024-01-02 03:04:05",
            "2024-01-02T05:04:05+02:00",
            "2024-01-02T05:04:05.000+0200",
        ] {
            assert_eq!(parse_timestamp(text), wanted, "{text}");
        }
        assert_eq!(
            parse_timestamp("2024-01-02T03:04:05.250+0000"),
            wanted.map(|micros| micros + 250_000)
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2024-13-02 03:04:05",
            "2024-01-02",
            "2024-01-02 03:04:0x",
            "hello",
            "2024-01-02 25:00:00",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn dates_survive_a_round_trip() {
        for text in [
            "1700-01-01",
            "1969-12-31",
            "1970-01-01",
            "2024-02-29",
            "4000-12-31",
        ] {
            assert_eq!(parse_date(text).and_then(format_date).as_deref(), Some(text));
        }
        assert_eq!(parse_date("1970-01-02"), Some(1));
        assert_eq!(parse_date("2023-02-29"), None);
    }

    #[test]
    fn a_time_of_day_ignores_its_zone() {
        assert_eq!(parse_time("10:30:00.000Z"), Some(37_800_000_000));
        assert_eq!(parse_time("24:00:00"), None);
    }
}
