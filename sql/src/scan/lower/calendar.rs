//! The proleptic Gregorian calendar over days since 1970-01-01, for any day.

/// A unit that `date_trunc` cuts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A fixed number of microseconds, counted from 1970.
    Fixed(i128),
    Week,
    /// A number of months that divides a year, or the year itself.
    Months(i128),
}

impl Unit {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microsecond" => Self::Fixed(1),
            "millisecond" => Self::Fixed(1000),
            "second" => Self::Fixed(1_000_000),
            "minute" => Self::Fixed(60_000_000),
            "hour" => Self::Fixed(3_600_000_000),
            "day" => Self::Fixed(86_400_000_000),
            "week" => Self::Week,
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return None,
        })
    }

    /// The start of the unit that holds this day, in days; for units of a day or more.
    pub(super) fn start(self, day: i128) -> i128 {
        match self {
            Self::Fixed(_) => day,
            // 1970-01-01 was a Thursday, three days after its Monday.
            Self::Week => (day + 3).div_euclid(7) * 7 - 3,
            Self::Months(months) => {
                let (year, month) = year_and_month(day);
                first_of(year, (month - 1).div_euclid(months) * months + 1)
            }
        }
    }
}

const DAYS_IN_ERA: i128 = 146_097;
/// Days from 0000-03-01 to 1970-01-01; years that start in March put the leap day last.
const MARCH_ZERO: i128 = 719_468;

/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(super) fn year_and_month(day: i128) -> (i128, i128) {
    let shifted = day + MARCH_ZERO;
    let era = shifted.div_euclid(DAYS_IN_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_IN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year_of_era + era * 400 + i128::from(month <= 2), month)
}

/// The first day of a month.
fn first_of(year: i128, month: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_IN_ERA + day_of_era - MARCH_ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike as _, NaiveDate};

    #[test]
    fn the_calendar_agrees_with_chrono_for_every_day_of_a_thousand_years() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date");
        let days = |date: NaiveDate| i128::from((date - epoch).num_days());
        for day in -200_000..200_000_i64 {
            let date = epoch + chrono::Duration::days(day);
            let first = |month| NaiveDate::from_ymd_opt(date.year(), month, 1).expect("a date");
            let day = i128::from(day);
            assert_eq!(
                year_and_month(day),
                (i128::from(date.year()), i128::from(date.month()))
            );
            assert_eq!(Unit::Months(1).start(day), days(first(date.month())), "{date}");
            assert_eq!(
                Unit::Months(3).start(day),
                days(first((date.month() - 1) / 3 * 3 + 1))
            );
            assert_eq!(Unit::Months(12).start(day), days(first(1)), "{date}");
            let monday = date.week(chrono::Weekday::Mon).first_day();
            assert_eq!(Unit::Week.start(day), days(monday), "{date}");
        }
    }
}
