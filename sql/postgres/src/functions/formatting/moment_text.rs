//! `to_char` of moments and intervals.
//!
//! Owns: what each field prints. Does not own: patterns; see `moment_template`. Invariant: intervals, which are tied to no date, have no
//! fields of the calendar. Start at [`write()`].

use std::fmt::Write as _;

use datafusion::common::Result;

use super::moment_template::{Field, Key, Letters, Ordinal, Part};
use crate::functions::datetime::calendar::{
    self, Civil, HOUR, MINUTE, SECOND, UNIX_JULIAN, iso_week, iso_year_start, split,
};
use crate::functions::datetime::intervals::Span;
use crate::functions::datetime::zone::Zone;
use crate::types::{fault, unsupported};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(super) const ROMANS: [&str; 12] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII",
];

/// The fields of a value.
pub(super) struct Moment {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Days since 1970; for intervals about how many they are long.
    days: i64,
    is_span: bool,
    /// Seconds east of UTC and the zone's name, where the value has a zone.
    zone: Option<(i64, String)>,
}

impl Moment {
    pub(super) fn of_local(micros: i64) -> Self {
        let (days, time) = split(micros);
        let date = Civil::of(days);
        Self {
            year: date.year,
            month: date.month,
            day: date.day,
            hour: time / HOUR,
            minute: time / MINUTE % 60,
            second: time / SECOND % 60,
            micros: time % SECOND,
            days,
            is_span: false,
            zone: None,
        }
    }

    pub(super) fn in_zone(micros: i64, zone: &Zone) -> Result<Self> {
        let offset = i64::from(zone.offset_at(micros));
        Ok(Self {
            zone: Some((offset, zone.abbreviation_at(micros))),
            ..Self::of_local(zone.local(micros)?)
        })
    }

    pub(super) fn of_span(span: Span) -> Self {
        Self {
            year: span.months / 12,
            month: span.months % 12,
            day: span.days,
            hour: span.micros / HOUR,
            minute: span.micros / MINUTE % 60,
            second: span.micros / SECOND % 60,
            micros: span.micros % SECOND,
            days: span.months * 30 + span.days,
            is_span: true,
            zone: None,
        }
    }

    fn day_of_year(&self) -> i64 {
        if self.is_span {
            self.days
        } else {
            calendar::day_of_year(self.days)
        }
    }

    /// The year without an era.
    fn shown(&self, year: i64) -> i64 {
        if !self.is_span && year <= 0 {
            1 - year
        } else {
            year
        }
    }
}

/// Prints a value by a pattern.
///
/// # Errors
/// 22007 for fields that an interval has not.
pub(super) fn write(moment: &Moment, template: &[Part], out: &mut String) -> Result<()> {
    for part in template {
        match part {
            Part::Letter(letter) | Part::Space(letter) | Part::Separator(letter) => out.push(*letter),
            Part::Field(field) => {
                let start = out.len();
                write_field(moment, field, out)?;
                if let (Some(ordinal), true) = (field.ordinal, takes_ordinal(field.key)) {
                    let number = out.get(start..).unwrap_or_default().to_owned();
                    out.push_str(ordinal_of(&number, ordinal));
                }
            }
        }
    }
    Ok(())
}

fn takes_ordinal(key: Key) -> bool {
    (key.is_digit() && !matches!(key, Key::OffsetMinute)) || matches!(key, Key::Fraction(_))
}

/// `st`, `nd`, `rd` or `th` of a number.
pub(super) fn ordinal_of(number: &str, ordinal: Ordinal) -> &'static str {
    let mut digits = number.chars().rev();
    let (last, tens) = (digits.next(), digits.next());
    let at = match (last, tens) {
        (_, Some('1')) => 3,
        (Some('1'), _) => 0,
        (Some('2'), _) => 1,
        (Some('3'), _) => 2,
        _ => 3,
    };
    let endings = match ordinal {
        Ordinal::Upper => ["ST", "ND", "RD", "TH"],
        Ordinal::Lower => ["st", "nd", "rd", "th"],
    };
    endings.get(at).copied().unwrap_or_default()
}

fn written(name: &str, letters: Letters) -> String {
    match letters {
        Letters::Upper => name.to_uppercase(),
        Letters::Lower => name.to_lowercase(),
        Letters::Capital => name.to_owned(),
    }
}

/// A number with zeros before it, one more place for its sign.
fn number(out: &mut String, value: i64, width: usize, field: &Field) {
    let width = if field.is_bare {
        0
    } else {
        width + usize::from(value < 0)
    };
    // Writing to memory can't fail.
    let _ = write!(out, "{value:0width$}");
}

fn padded(out: &mut String, name: &str, width: usize, field: &Field) {
    let width = if field.is_bare || field.is_local { 0 } else { width };
    let _ = write!(out, "{name:width$}");
}

fn not_of_spans() -> datafusion::common::DataFusionError {
    fault("22007", "invalid format specification for an interval value")
}

#[allow(clippy::too_many_lines, reason = "one table")]
fn write_field(moment: &Moment, field: &Field, out: &mut String) -> Result<()> {
    let is_of_calendar = matches!(
        field.key,
        Key::Era(..)
            | Key::MonthName(_)
            | Key::MonthShort(_)
            | Key::WeekdayName(_)
            | Key::WeekdayShort(_)
            | Key::Weekday
            | Key::IsoWeekday
            | Key::Offset
            | Key::OffsetHour
            | Key::OffsetMinute
            | Key::Zone(_)
    );
    if moment.is_span && is_of_calendar {
        return Err(not_of_spans());
    }
    if moment.is_span
        && matches!(
            field.key,
            Key::IsoYear(_) | Key::IsoWeek | Key::IsoDayOfYear | Key::Julian
        )
    {
        return Err(unsupported(format!(
            "\"{}\" of an interval is not supported",
            field.name
        )));
    }
    let name_of = |names: &[&'static str], at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| names.get(at).copied())
            .unwrap_or_default()
    };
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let offset = moment.zone.as_ref().map_or(0, |(offset, _)| *offset);
    let sign = if offset < 0 { '-' } else { '+' };
    match field.key {
        Key::Era(has_points, letters) => {
            let name = match (moment.year <= 0, has_points) {
                (true, true) => "B.C.",
                (true, false) => "BC",
                (false, true) => "A.D.",
                (false, false) => "AD",
            };
            out.push_str(&written(name, letters));
        }
        Key::Noon(has_points, letters) => {
            let name = match (moment.hour % 24 >= 12, has_points) {
                (true, true) => "P.M.",
                (true, false) => "PM",
                (false, true) => "A.M.",
                (false, false) => "AM",
            };
            out.push_str(&written(name, letters));
        }
        Key::Hour12 => {
            let hour = match moment.hour % 12 {
                0 => 12,
                hour => hour,
            };
            number_by(out, hour, 2, field, moment.hour < 0);
        }
        Key::Hour24 => number(out, moment.hour, 2, field),
        Key::Minute => number(out, moment.minute, 2, field),
        Key::Second => number(out, moment.second, 2, field),
        Key::Fraction(digits) => fraction(out, moment.micros, usize::from(digits)),
        Key::Millisecond => fraction(out, moment.micros, 3),
        Key::Microsecond => fraction(out, moment.micros, 6),
        Key::SecondOfDay => {
            let _ = write!(out, "{}", moment.hour * 3600 + moment.minute * 60 + moment.second);
        }
        Key::Zone(letters) => {
            if let Some((_, name)) = &moment.zone {
                match letters {
                    Letters::Lower => out.push_str(&name.to_lowercase()),
                    _ => out.push_str(name),
                }
            }
        }
        Key::OffsetHour => {
            let _ = write!(out, "{sign}{:02}", offset.abs() / 3600);
        }
        Key::OffsetMinute => {
            let _ = write!(out, "{:02}", offset.abs() % 3600 / 60);
        }
        Key::Offset => {
            let width = if field.is_bare { 0 } else { 2 };
            let _ = write!(out, "{sign}{:0width$}", offset.abs() / 3600);
            if offset % 3600 != 0 {
                let _ = write!(out, ":{:02}", offset.abs() % 3600 / 60);
            }
        }
        Key::MonthName(letters) => padded(
            out,
            &written(name_of(&MONTHS, moment.month - 1), letters),
            9,
            field,
        ),
        Key::MonthShort(letters) => {
            out.push_str(&written(short(name_of(&MONTHS, moment.month - 1)), letters))
        }
        Key::Month => number(out, moment.month, 2, field),
        Key::WeekdayName(letters) => {
            let name = name_of(&WEEKDAYS, calendar::weekday(moment.days));
            padded(out, &written(name, letters), 9, field);
        }
        Key::WeekdayShort(letters) => {
            let name = name_of(&WEEKDAYS, calendar::weekday(moment.days));
            out.push_str(&written(short(name), letters));
        }
        Key::DayOfYear => number_by(out, moment.day_of_year(), 3, field, false),
        Key::IsoDayOfYear => {
            let start = iso_year_start(iso_week(moment.days).0);
            number(out, moment.days - start + 1, 3, field);
        }
        Key::Day => number_by(out, moment.day, 2, field, false),
        Key::Weekday => number(out, calendar::weekday(moment.days) + 1, 1, field),
        Key::IsoWeekday => number(out, (calendar::weekday(moment.days) + 6) % 7 + 1, 1, field),
        Key::Week => number_by(out, (moment.day_of_year() - 1) / 7 + 1, 2, field, false),
        Key::IsoWeek => number(out, iso_week(moment.days).1, 2, field),
        Key::Quarter if moment.month == 0 => {}
        Key::Quarter => number(out, (moment.month - 1) / 3 + 1, 1, field),
        Key::Century => {
            let century = match moment.year {
                year if moment.is_span => year / 100,
                year if year > 0 => (year - 1) / 100 + 1,
                year => year / 100 - 1,
            };
            number(out, century, 2, field);
        }
        Key::YearWithComma => {
            let year = moment.shown(moment.year);
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
        }
        Key::Year(digits) => digits_of_year(out, moment.shown(moment.year), digits, field),
        Key::IsoYear(digits) => digits_of_year(out, moment.shown(iso_week(moment.days).0), digits, field),
        Key::Roman(_) if moment.month == 0 && moment.year == 0 => {}
        Key::Roman(letters) => {
            let at = match moment.month {
                // A whole number of years ends in December, or begins in January.
                0 if moment.year >= 0 => 11,
                0 => 0,
                ..0 => 12 + moment.month,
                month => month - 1,
            };
            padded(out, &written(name_of(&ROMANS, at), letters), 4, field);
        }
        Key::WeekOfMonth => number(out, (moment.day - 1) / 7 + 1, 1, field),
        Key::Julian => number(out, moment.days + UNIX_JULIAN, 1, field),
        Key::Exact => {}
    }
    Ok(())
}

fn number_by(out: &mut String, value: i64, width: usize, field: &Field, is_wider: bool) {
    let width = if field.is_bare {
        0
    } else {
        width + usize::from(is_wider)
    };
    let _ = write!(out, "{value:0width$}");
}

fn fraction(out: &mut String, micros: i64, digits: usize) {
    let unit = 10_i64.pow(u32::try_from(6 - digits).unwrap_or_default());
    let _ = write!(out, "{:0digits$}", micros / unit);
}

fn digits_of_year(out: &mut String, year: i64, digits: u8, field: &Field) {
    let value = match digits {
        4 => year,
        3 => year % 1000,
        2 => year % 100,
        _ => year % 10,
    };
    number_by(out, value, usize::from(digits), field, year < 0);
}
