//! The proleptic Gregorian calendar over days since 1970-01-01, as far as PostgreSQL's dates reach.
//!
//! Owns: days and civil dates, ISO weeks, Julian days, the ranges of dates and timestamps. Does not own: how they are written; see `text`.
//! Invariant: years are astronomical here, 1 BC is 0. Start at [`Civil`].

use datafusion::common::Result;

use crate::types::{fault, unsupported};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Julian day of 1970-01-01.
pub(crate) const UNIX_JULIAN: i64 = 2_440_588;
/// 5874898-01-01, the first day beyond PostgreSQL's dates.
const DATE_END: i64 = 2_145_042_906;
/// Julian day 0, 4714-11-24 BC.
const FIRST_DAY: i64 = -UNIX_JULIAN;
/// 294277-01-01, the first day beyond PostgreSQL's timestamps.
const TIMESTAMP_END_DAY: i64 = 106_762_940;

/// A year, a month and a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Civil {
    /// The date of a day since 1970. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub(crate) fn of(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
        }
    }

    /// Days since 1970. The day of the month may be any number; the month is one of twelve.
    pub(crate) fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// Days since 1970, if there is such a date.
    pub(crate) fn checked_days(self) -> Option<i64> {
        let exists =
            (1..=12).contains(&self.month) && (1..=month_days(self.year, self.month)).contains(&self.day);
        exists.then(|| self.days())
    }
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day of the week, Sunday is 0.
pub(crate) fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// Day of the year, from 1.
pub(crate) fn day_of_year(days: i64) -> i64 {
    let year = Civil::of(days).year;
    days - first_of(year, 1) + 1
}

pub(crate) fn first_of(year: i64, month: i64) -> i64 {
    Civil { year, month, day: 1 }.days()
}

/// The Monday of a day's week.
pub(crate) fn monday(days: i64) -> i64 {
    days - (days + 3).rem_euclid(7)
}

/// The Monday of the first week of an ISO year.
pub(crate) fn iso_year_start(year: i64) -> i64 {
    monday(first_of(year, 1) + 3)
}

/// ISO year and week of a day.
pub(crate) fn iso_week(days: i64) -> (i64, i64) {
    // The Thursday of a week says which year the week is of.
    let year = Civil::of(monday(days) + 3).year;
    (year, (monday(days) - iso_year_start(year)) / 7 + 1)
}

/// A date within PostgreSQL's range.
///
/// # Errors
/// 22008, worded for `date`.
pub(crate) fn checked_date(days: i64) -> Result<i32> {
    let found = i32::try_from(days).ok().filter(|_| is_date(days));
    found.ok_or_else(|| fault("22008", "date out of range"))
}

pub(crate) fn is_date(days: i64) -> bool {
    (FIRST_DAY..DATE_END).contains(&days)
}

/// Microseconds since 1970 of a day and a time within PostgreSQL's range of timestamps.
///
/// # Errors
/// 22008 beyond the range; 0A000 for its last 30 years, which are more microseconds since 1970 than there are numbers.
pub(crate) fn checked_timestamp(days: i64, micros: i64) -> Result<i64> {
    let total = i128::from(days) * i128::from(DAY) + i128::from(micros);
    checked_micros(total)
}

/// A timestamp within PostgreSQL's range.
///
/// # Errors
/// As [`checked_timestamp`].
pub(crate) fn checked_micros(micros: i128) -> Result<i64> {
    let day = micros.div_euclid(i128::from(DAY));
    if !(i128::from(FIRST_DAY)..i128::from(TIMESTAMP_END_DAY)).contains(&day) {
        return Err(beyond());
    }
    i64::try_from(micros).map_err(|_| unsupported("timestamps after the year 294246 are not supported"))
}

pub(crate) fn beyond() -> datafusion::common::DataFusionError {
    fault("22008", "timestamp out of range")
}

/// Day and microsecond of the day.
pub(crate) fn split(micros: i64) -> (i64, i64) {
    (micros.div_euclid(DAY), micros.rem_euclid(DAY))
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike as _, NaiveDate};

    use super::*;

    #[test]
    fn the_calendar_agrees_with_chrono() {
        for days in (-1_000_000..1_000_000).step_by(17) {
            let date = NaiveDate::from_epoch_days(days).expect("a date");
            let days = i64::from(days);
            let civil = Civil::of(days);
            let wanted = (
                i64::from(date.year()),
                i64::from(date.month()),
                i64::from(date.day()),
            );
            assert_eq!((civil.year, civil.month, civil.day), wanted);
            assert_eq!(civil.checked_days(), Some(days));
            assert_eq!(weekday(days), i64::from(date.weekday().num_days_from_sunday()));
            assert_eq!(day_of_year(days), i64::from(date.ordinal()));
            let week = date.iso_week();
            assert_eq!(iso_week(days), (i64::from(week.year()), i64::from(week.week())));
        }
    }

    #[test]
    fn the_ranges_are_postgresqls() {
        let day = |year, month, day| Civil { year, month, day }.days();
        assert_eq!(day(5_874_898, 1, 1), DATE_END);
        assert_eq!(day(-4713, 11, 24), FIRST_DAY);
        assert_eq!(day(294_277, 1, 1), TIMESTAMP_END_DAY);
    }
}
