//! Intervals in every way that PostgreSQL reads them: with units, by SQL's rules, and as ISO 8601 writes them.
//!
//! Owns: the grammar with units. Does not own: ISO 8601's, see `iso`; what a type keeps of an interval, see `shape`; arithmetic.
//! Invariant: units are told from right to left, each at most once. Start at [`parse`].

mod iso;
pub(crate) mod shape;

use datafusion::common::Result;

use self::shape::{ALL_FIELDS, DAYS, HOURS, MINUTES, MONTHS, SECONDS, YEARS};
pub(crate) use self::shape::{Shape, rounded};
use super::moments::fields::{Field, Sort, fields};
use super::moments::rounded_fraction;
use crate::functions::datetime::calendar::{DAY, HOUR, MINUTE, SECOND};
use crate::functions::datetime::intervals::Span;
use crate::types::fault;

/// Why a text is no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Format,
    Range,
}

type Step<T> = std::result::Result<T, Bad>;

/// `interval_in`.
///
/// # Errors
/// 22007 for what is no interval, 22015 and 22008 for one that is too long.
pub(crate) fn parse(text: &str, shape: Shape) -> Result<Span> {
    let with_units = fields(text).ok_or(Bad::Format);
    let with_units = with_units.and_then(|fields| of_fields(&fields, shape.fields));
    let read = match with_units {
        Err(Bad::Format) => iso::read(text),
        read => read,
    };
    match read {
        Ok(span) if span.is_storable() => Ok(shape.kept(span)),
        Ok(_) => Err(fault("22008", "interval out of range")),
        Err(Bad::Format) => {
            let message = format!("invalid input syntax for type interval: \"{text}\"");
            Err(fault("22007", message))
        }
        Err(Bad::Range) => {
            let message = format!("interval field value out of range: \"{text}\"");
            Err(fault("22015", message))
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
}

enum Word {
    Unit(Unit),
    Ago,
}

fn word(text: &str) -> Option<Word> {
    let unit = match text.get(..10).unwrap_or(text) {
        "ago" => return Some(Word::Ago),
        "us" | "usec" | "usecs" | "useconds" | "microsecon" => Unit::Microsecond,
        "ms" | "msec" | "msecs" | "mseconds" | "millisecon" => Unit::Millisecond,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        "dec" | "decs" | "decade" | "decades" => Unit::Decade,
        "c" | "cent" | "century" | "centuries" => Unit::Century,
        "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
        _ => return None,
    };
    Some(Word::Unit(unit))
}

impl Unit {
    /// What the rightmost number counts when no unit is written.
    fn of_last(fields: i32) -> Self {
        let last = [SECONDS, MINUTES, HOURS, DAYS, MONTHS, YEARS];
        let units = [
            Self::Second,
            Self::Minute,
            Self::Hour,
            Self::Day,
            Self::Month,
            Self::Year,
        ];
        if fields == ALL_FIELDS {
            return Self::Second;
        }
        let mut named = last.iter().zip(units).filter(|(bit, _)| fields & **bit != 0);
        named.next().map_or(Self::Second, |(_, unit)| unit)
    }
}

fn of_fields(fields: &[Field], range: i32) -> Step<Span> {
    let mut total = Total::default();
    let mut unit = None;
    let mut is_ago = false;
    for field in fields.iter().rev() {
        let text = field.text.as_str();
        match field.sort {
            Sort::Time => {
                total.time(text, false, range)?;
                unit = Some(Unit::Day);
            }
            Sort::Signed if text.contains(':') && total.try_time(text, range)? => unit = Some(Unit::Day),
            Sort::Signed | Sort::Number | Sort::Date => {
                let counted = unit.unwrap_or_else(|| Unit::of_last(range));
                let is_hour = counted == Unit::Hour;
                let is_months = total.number(text, counted)?;
                unit = Some(match (is_hour, is_months) {
                    (_, true) => Unit::Month,
                    (true, false) => Unit::Day,
                    (false, false) => counted,
                });
            }
            Sort::Word | Sort::SignedWord => match word(text).ok_or(Bad::Format)? {
                Word::Unit(found) => unit = Some(found),
                Word::Ago => {
                    is_ago = true;
                    unit = None;
                }
            },
        }
    }
    if total.seen == 0 {
        return Err(Bad::Format);
    }
    if is_ago {
        return Ok(total.span.negated());
    }
    Ok(total.span)
}

/// The sum of the fields so far.
#[derive(Default)]
struct Total {
    span: Span,
    /// Units that have been told.
    seen: u32,
}

impl Total {
    fn mark(&mut self, units: &[Unit]) -> Step<()> {
        let bits = units.iter().fold(0, |bits, unit| bits | 1_u32 << (*unit as u32));
        if self.seen & bits != 0 {
            return Err(Bad::Format);
        }
        self.seen |= bits;
        Ok(())
    }

    /// `10:20:30`, which fills hours, minutes and seconds.
    fn time(&mut self, text: &str, is_negative: bool, range: i32) -> Step<()> {
        self.mark(&[Unit::Hour, Unit::Minute, Unit::Second])?;
        let micros = clock(text, range)?;
        let micros = if is_negative { -micros } else { micros };
        self.span.micros = self.span.micros.checked_add(micros).ok_or(Bad::Range)?;
        Ok(())
    }

    /// A time with a sign; false when it is none.
    fn try_time(&mut self, text: &str, range: i32) -> Step<bool> {
        let unsigned = text.get(1..).unwrap_or_default();
        match clock(unsigned, range) {
            Ok(_) => self.time(unsigned, text.starts_with('-'), range).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// A number of units, or years and months; says whether it was those.
    fn number(&mut self, text: &str, unit: Unit) -> Step<bool> {
        let is_negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if let Some((years, months)) = unsigned.split_once('-') {
            self.mark(&[Unit::Month])?;
            let (years, months) = (whole(years)?, whole(months)?);
            if months >= 12 {
                return Err(Bad::Range);
            }
            let total = years
                .checked_mul(12)
                .and_then(|sum| sum.checked_add(months))
                .ok_or(Bad::Range)?;
            self.span.months += if is_negative { -total } else { total };
            return Ok(true);
        }
        let (digits, fraction) = match unsigned.split_once('.') {
            None => (unsigned, None),
            Some((digits, fraction)) => (digits, Some(fraction)),
        };
        let value = if digits.is_empty() && fraction.is_some() {
            0
        } else {
            whole(digits)?
        };
        let part = fraction.map_or(Ok(0.0), fraction_of)?;
        match unit {
            Unit::Second if part != 0.0 => {
                self.mark(&[Unit::Second, Unit::Millisecond, Unit::Microsecond])?
            }
            unit => self.mark(&[unit])?,
        }
        let signed = if is_negative {
            (-value, -part)
        } else {
            (value, part)
        };
        self.add(signed.0, signed.1, unit)?;
        Ok(false)
    }

    fn add(&mut self, value: i64, part: f64, unit: Unit) -> Step<()> {
        match unit {
            Unit::Microsecond => self.add_micros(value, part, 1),
            Unit::Millisecond => self.add_micros(value, part, 1000),
            Unit::Second => self.add_micros(value, part, SECOND),
            Unit::Minute => self.add_micros(value, part, MINUTE),
            Unit::Hour => self.add_micros(value, part, HOUR),
            Unit::Day => {
                self.add_days(value)?;
                self.add_micros(0, part, DAY)
            }
            Unit::Week => {
                self.add_days(value.checked_mul(7).ok_or(Bad::Range)?)?;
                self.add_part_days(part * 7.0)
            }
            Unit::Month => {
                self.add_months(value)?;
                self.add_part_days(part * 30.0)
            }
            Unit::Year => self.add_years(value, part, 1),
            Unit::Decade => self.add_years(value, part, 10),
            Unit::Century => self.add_years(value, part, 100),
            Unit::Millennium => self.add_years(value, part, 1000),
        }
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "as PostgreSQL rounds it: halves are dropped"
    )]
    fn add_micros(&mut self, value: i64, part: f64, unit: i64) -> Step<()> {
        let part = part * unit as f64;
        let rest = part - part.trunc();
        let part = part.trunc() as i64 + i64::from(rest > 0.5) - i64::from(rest < -0.5);
        let micros = value
            .checked_mul(unit)
            .and_then(|micros| micros.checked_add(part));
        let sum = micros.and_then(|micros| self.span.micros.checked_add(micros));
        self.span.micros = sum.ok_or(Bad::Range)?;
        Ok(())
    }

    fn add_days(&mut self, days: i64) -> Step<()> {
        let sum = self
            .span
            .days
            .checked_add(days)
            .filter(|days| i32::try_from(*days).is_ok());
        self.span.days = sum.ok_or(Bad::Range)?;
        Ok(())
    }

    #[allow(clippy::cast_possible_truncation, reason = "less than a month")]
    fn add_part_days(&mut self, days: f64) -> Step<()> {
        self.add_days(days.trunc() as i64)?;
        self.add_micros(0, days - days.trunc(), DAY)
    }

    fn add_months(&mut self, months: i64) -> Step<()> {
        i32::try_from(months).map_err(|_| Bad::Range)?;
        self.span.months += months;
        Ok(())
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a part of a millennium"
    )]
    fn add_years(&mut self, value: i64, part: f64, years: i64) -> Step<()> {
        let months = (part * years as f64 * 12.0).round_ties_even() as i64;
        let years = value
            .checked_mul(years)
            .and_then(|years| i32::try_from(years).ok());
        // Whether all months together are too many is found out at the end.
        self.span.months += i64::from(years.ok_or(Bad::Range)?) * 12 + months;
        Ok(())
    }
}

fn whole(digits: &str) -> Step<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Format);
    }
    digits.parse().map_err(|_| Bad::Range)
}

fn fraction_of(digits: &str) -> Step<f64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Format);
    }
    format!("0.{digits}0").parse().map_err(|_| Bad::Format)
}

/// Microseconds of `10:20:30.5`; two parts with a fraction are minutes and seconds.
fn clock(text: &str, range: i32) -> Step<i64> {
    let (before, fraction) = match text.split_once('.') {
        Some((before, after)) => (before, Some(rounded_fraction(after).ok_or(Bad::Format)?)),
        None => (text, None),
    };
    let numbers = before.split(':').map(whole).collect::<Step<Vec<_>>>()?;
    let (hours, minutes, seconds) = match numbers.as_slice() {
        [minutes, seconds] if fraction.is_some() || range == MINUTES | SECONDS => (0, *minutes, *seconds),
        [hours, minutes] => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return Err(Bad::Format),
    };
    if minutes > 59 || seconds > 60 {
        return Err(Bad::Range);
    }
    let micros = hours
        .checked_mul(HOUR)
        .and_then(|sum| sum.checked_add(minutes * MINUTE + seconds * SECOND));
    let micros = micros.and_then(|sum| sum.checked_add(fraction.unwrap_or_default()));
    micros.ok_or(Bad::Range)
}
