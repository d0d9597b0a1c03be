//! Values in PostgreSQL's text and binary forms.
//!
//! Our own where pgwire's differ from PostgreSQL 15. The text forms are the engine's, which casts to text with them too.
//! Source: `numeric_send` of PostgreSQL 15, checked against a running server.

use std::fmt::Write as _;

use arrow::datatypes::IntervalMonthDayNano;
use bytes::{BufMut as _, BytesMut};
use causeway_sql::{Zone, text_form};

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps begin.
pub(super) const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
/// Days from 1970-01-01 to 2000-01-01.
pub(super) const EPOCH_DAYS: i32 = 10_957;

/// `int8out`.
pub(super) fn integer(out: &mut BytesMut, value: i64) {
    written(write!(out, "{value}"));
}

/// `float8out`.
pub(super) fn float8(out: &mut BytesMut, value: f64) {
    written(text_form::float8(out, value));
}

/// `float4out`.
pub(super) fn float4(out: &mut BytesMut, value: f32) {
    written(text_form::float4(out, value));
}

/// `date_out` for days since 1970; false when the calendar does not reach so far.
pub(super) fn date(out: &mut BytesMut, days: i32) -> bool {
    text_form::date(out, days).unwrap_or_default()
}

/// `time_out` for microseconds since midnight.
pub(super) fn time(out: &mut BytesMut, microseconds: i64) {
    written(text_form::time(out, microseconds));
}

/// `timestamp_out` or, with a zone, `timestamptz_out`; false when the calendar does not reach so far.
pub(super) fn timestamp(out: &mut BytesMut, microseconds: i64, zone: Option<&Zone>) -> bool {
    text_form::timestamp(out, microseconds, zone).unwrap_or_default()
}

/// `interval_out`.
pub(super) fn interval(out: &mut BytesMut, value: IntervalMonthDayNano) {
    written(text_form::interval(out, value));
}

/// `uuid_out`.
pub(super) fn uuid(out: &mut BytesMut, bytes: &[u8]) {
    written(text_form::uuid(out, bytes));
}

/// `numeric_out` of `unscaled` / 10^`scale`.
pub(super) fn numeric(out: &mut BytesMut, unscaled: i128, scale: i8) {
    written(text_form::numeric(out, unscaled, scale));
}

/// Writing to memory can't fail; the trait of the standard library says otherwise.
fn written(_: std::fmt::Result) {}

/// `numeric_send` of `unscaled` / 10^`scale`.
pub(super) fn numeric_binary(out: &mut BytesMut, unscaled: i128, scale: i8) {
    let (whole, fraction) = text_form::decimal_digits(unscaled, scale);
    // Groups of four digits on both sides of the point.
    let padded = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let tail = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
    let group = |chunk: &[u8]| {
        chunk
            .iter()
            .fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'))
    };
    let mut groups: Vec<i16> = padded
        .as_bytes()
        .chunks(4)
        .chain(tail.as_bytes().chunks(4))
        .map(group)
        .collect();
    let mut weight = i16::try_from(padded.len() / 4).unwrap_or(i16::MAX) - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= i16::try_from(leading).unwrap_or_default();
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    out.put_i16(i16::try_from(groups.len()).unwrap_or(i16::MAX));
    out.put_i16(weight);
    out.put_u16(if unscaled < 0 { 0x4000 } else { 0 });
    out.put_i16(i16::try_from(fraction.len()).unwrap_or(i16::MAX));
    groups.into_iter().for_each(|group| out.put_i16(group));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).expect("text")
    }

    #[test]
    fn floats_print_as_postgresql_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(|out| float8(out, value)), expected);
        }
        for (value, expected) in [
            (0.1_f32, "0.1"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (16_777_216.0, "1.6777216e+07"),
        ] {
            assert_eq!(text(|out| float4(out, value)), expected);
        }
    }

    #[test]
    fn dates_and_times_print_as_postgresql_prints_them() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (2_932_897, "10000-01-01"),
            (-719_163, "0001-12-31 BC"),
            (-719_162, "0001-01-01"),
        ] {
            assert_eq!(text(|out| assert!(date(out, days))), expected);
        }
        assert!(!date(&mut BytesMut::new(), i32::MAX));
        for (microseconds, expected) in [
            (1_704_164_645_000_000, "2024-01-02 03:04:05+00"),
            (1_704_164_645_120_000, "2024-01-02 03:04:05.12+00"),
            (-1, "1969-12-31 23:59:59.999999+00"),
            (253_402_300_800_000_000, "10000-01-01 00:00:00+00"),
            (-62_135_596_800_000_001, "0001-12-31 23:59:59.999999+00 BC"),
        ] {
            assert_eq!(
                text(|out| assert!(timestamp(out, microseconds, Some(&Zone::utc())))),
                expected
            );
        }
        assert!(!timestamp(&mut BytesMut::new(), i64::MIN, None));
        assert_eq!(text(|out| time(out, 86_399_999_999)), "23:59:59.999999");
        assert_eq!(text(|out| time(out, 0)), "00:00:00");
    }

    #[test]
    fn numerics_print_and_travel_as_in_postgresql() {
        for (unscaled, scale, expected, binary) in [
            (0, 0, "0", vec![0, 0, 0, 0]),
            (0, 2, "0.00", vec![0, 0, 0, 2]),
            (12_345, 2, "123.45", vec![2, 0, 0, 2, 123, 4500]),
            (-5, 3, "-0.005", vec![1, -1, 0x4000, 3, 50]),
            (100_000_000, 0, "100000000", vec![1, 2, 0, 0, 1]),
            (7, -3, "7000", vec![1, 0, 0, 0, 7000]),
        ] {
            assert_eq!(text(|out| numeric(out, unscaled, scale)), expected);
            let mut out = BytesMut::new();
            numeric_binary(&mut out, unscaled, scale);
            let words: Vec<i16> = out
                .chunks(2)
                .map(|word| i16::from_be_bytes([word[0], word[1]]))
                .collect();
            assert_eq!(words, binary, "{expected}");
        }
        let widest = text(|out| numeric(out, i128::MAX, 38));
        assert_eq!(widest, "1.70141183460469231731687303715884105727");
    }
}
