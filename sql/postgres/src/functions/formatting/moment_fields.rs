//! The moment that fields of a date and of a time make.
//!
//! Owns: centuries, weeks, days of the year, the clock of 12 hours. Does not own: how fields are read; see `moment_values`.
//! Invariant: a date or a time that does not exist is an error. Start at [`Values::moment`].

use datafusion::common::{DataFusionError, Result};

use crate::functions::datetime::calendar::{
    Civil, HOUR, MINUTE, SECOND, UNIX_JULIAN, first_of, is_leap, iso_year_start, month_days,
};
use crate::types::fault;

/// A moment in no zone, or in one that the text names.
pub(super) struct Read {
    /// Days since 1970.
    pub(super) day: i64,
    pub(super) micros: i64,
    /// Seconds east of UTC.
    pub(super) east: Option<i64>,
}

/// Values of the fields; 0 is a field that was not there, as in PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) second_of_day: i64,
    pub(super) weekday: i64,
    pub(super) day: i64,
    pub(super) day_of_year: i64,
    pub(super) month: i64,
    pub(super) millis: i64,
    pub(super) micros: i64,
    pub(super) year: i64,
    pub(super) year_digits: u8,
    pub(super) is_before_christ: i64,
    pub(super) week: i64,
    pub(super) week_of_month: i64,
    pub(super) century: i64,
    pub(super) julian: i64,
    pub(super) is_afternoon: i64,
    pub(super) has_short_clock: bool,
    pub(super) is_iso: Option<bool>,
    pub(super) offset_sign: i64,
    pub(super) offset_hours: i64,
    pub(super) offset_minutes: i64,
}

impl Values {
    /// The moment that the fields make.
    ///
    /// # Errors
    /// 22008 for what is out of range, 22007 for fields that don't go together.
    pub(super) fn moment(&self, text: &str) -> Result<Read> {
        let beyond = || fault("22008", format!("date/time field value out of range: \"{text}\""));
        let day = self.day(&beyond)?;
        let micros = self.time(&beyond)?;
        let east = match self.offset_sign {
            0 => None,
            sign => {
                if !(0..=15).contains(&self.offset_hours) || !(0..60).contains(&self.offset_minutes) {
                    return Err(beyond());
                }
                Some(sign * (self.offset_hours * 3600 + self.offset_minutes * 60))
            }
        };
        Ok(Read { day, micros, east })
    }

    fn time(&self, beyond: &impl Fn() -> DataFusionError) -> Result<i64> {
        let or = |value: i64, other: i64| if value == 0 { other } else { value };
        let mut hour = or(self.hour, self.second_of_day / 3600);
        let minute = or(self.minute, self.second_of_day % 3600 / 60);
        let second = or(self.second, self.second_of_day % 60);
        if self.has_short_clock {
            if !(1..=12).contains(&hour) {
                let message = format!("hour \"{hour}\" is invalid for the 12-hour clock");
                return Err(fault("22007", message));
            }
            hour = hour % 12 + if self.is_afternoon != 0 { 12 } else { 0 };
        }
        let micros = self.millis * 1000 + self.micros;
        let is_time = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..SECOND).contains(&micros);
        if !is_time {
            return Err(beyond());
        }
        Ok(hour * HOUR + minute * MINUTE + second * SECOND + micros)
    }

    /// The year, if the text names it or its century.
    fn year(&self) -> Option<i64> {
        let century = if self.is_before_christ != 0 {
            -self.century
        } else {
            self.century
        };
        if self.year != 0 && self.century != 0 && self.year_digits <= 2 {
            let year = self.year % 100;
            return Some(match (year, century >= 0) {
                (0, true) => century * 100,
                (0, false) => century * 100 + 1,
                (year, true) => year + (century - 1) * 100,
                (year, false) => (century + 1) * 100 - year + 1,
            });
        }
        if self.year != 0 {
            let year = if self.is_before_christ != 0 {
                -self.year
            } else {
                self.year
            };
            return Some(if year < 0 { year + 1 } else { year });
        }
        (self.century != 0).then(|| {
            if century >= 0 {
                (century - 1) * 100 + 1
            } else {
                century * 100 + 1
            }
        })
    }

    fn day(&self, beyond: &impl Fn() -> DataFusionError) -> Result<i64> {
        let is_iso = self.is_iso == Some(true);
        let mut year = self.year().unwrap_or_default();
        let (mut month, mut day) = (1, 1);
        if self.julian != 0 {
            let date = Civil::of(self.julian - UNIX_JULIAN);
            (year, month, day) = (date.year, date.month, date.day);
        }
        let mut day_of_year = self.day_of_year;
        if self.week != 0 && is_iso {
            let weekday = if self.weekday == 0 {
                0
            } else {
                (self.weekday + 5) % 7
            };
            let date = Civil::of(iso_year_start(year) + (self.week - 1) * 7 + weekday);
            (year, month, day) = (date.year, date.month, date.day);
        } else if self.week != 0 {
            day_of_year = (self.week - 1) * 7 + 1;
        }
        if self.week_of_month != 0 {
            day = (self.week_of_month - 1) * 7 + 1;
        }
        if self.day != 0 {
            day = self.day;
        }
        if self.month != 0 {
            month = self.month;
        }
        if day_of_year != 0 && (month <= 1 || day <= 1) {
            if year == 0 && self.is_before_christ == 0 {
                let message = "cannot calculate day of year without year information";
                return Err(fault("22007", message));
            }
            if is_iso {
                let date = Civil::of(iso_year_start(year) + day_of_year - 1);
                (year, month, day) = (date.year, date.month, date.day);
            } else {
                let length = if is_leap(year) { 366 } else { 365 };
                if !(1..=length).contains(&day_of_year) {
                    return Err(beyond());
                }
                let date = Civil::of(first_of(year, 1) + day_of_year - 1);
                if month <= 1 {
                    month = date.month;
                }
                if day <= 1 {
                    day = date.day;
                }
            }
        }
        if !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
            return Err(beyond());
        }
        Ok(Civil { year, month, day }.days())
    }
}
