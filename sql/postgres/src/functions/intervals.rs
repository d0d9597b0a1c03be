//! Intervals: reading them, and months, days and microseconds as one span.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::Result;

use crate::types::{fault, unsupported};

pub(crate) const DAY: i64 = 86_400_000_000;

/// Months, days and microseconds, as PostgreSQL keeps an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Span {
    pub(crate) months: i64,
    pub(crate) days: i64,
    pub(crate) micros: i64,
}

impl Span {
    pub(crate) fn of(value: IntervalMonthDayNano) -> Self {
        Self {
            months: i64::from(value.months),
            days: i64::from(value.days),
            micros: value.nanoseconds.div_euclid(1000),
        }
    }

    pub(crate) fn interval(self) -> Result<IntervalMonthDayNano> {
        let beyond = || fault("22008", "interval out of range");
        Ok(IntervalMonthDayNano {
            months: i32::try_from(self.months).map_err(|_| beyond())?,
            days: i32::try_from(self.days).map_err(|_| beyond())?,
            nanoseconds: self.micros.checked_mul(1000).ok_or_else(beyond)?,
        })
    }

    /// The length by which PostgreSQL compares intervals: a month counts 30 days, a day 24 hours.
    pub(crate) fn length(self) -> i128 {
        i128::from(self.months * 30 + self.days) * i128::from(DAY) + i128::from(self.micros)
    }

    pub(crate) fn negated(self) -> Self {
        Self {
            months: -self.months,
            days: -self.days,
            micros: -self.micros,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            months: self.months + other.months,
            days: self.days + other.days,
            micros: self.micros.saturating_add(other.micros),
        }
    }

    /// `interval_mul`: what is less than a month becomes days, what is less than a day becomes time.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "as PostgreSQL computes it"
    )]
    pub(crate) fn times(self, factor: f64) -> Result<Self> {
        let (months, days) = (self.months as f64 * factor, self.days as f64 * factor);
        let micros = self.micros as f64 * factor;
        let is_in_range = months.abs() < 2e9 && days.abs() < 2e9 && micros.abs() < 9e18;
        if !is_in_range {
            return Err(fault("22008", "interval out of range"));
        }
        let rest_days = round_micro((months - months.trunc()) * 30.0);
        let mut rest_seconds = round_micro((days - days.trunc() + rest_days - rest_days.trunc()) * 86_400.0);
        let mut whole_days = days.trunc() as i64;
        if rest_seconds.abs() >= 86_400.0 {
            whole_days += (rest_seconds / 86_400.0).trunc() as i64;
            rest_seconds -= (rest_seconds / 86_400.0).trunc() * 86_400.0;
        }
        Ok(Self {
            months: months.trunc() as i64,
            days: whole_days + rest_days.trunc() as i64,
            micros: (micros + rest_seconds * 1e6).round_ties_even() as i64,
        })
    }
}

fn round_micro(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

/// `interval_in` for amounts with units and a time: `1 year 2 days 03:04:05`.
pub(crate) fn parse(text: &str) -> Result<IntervalMonthDayNano> {
    let bad = || {
        fault(
            "22007",
            format!("invalid input syntax for type interval: \"{text}\""),
        )
    };
    let lower = text.trim().to_lowercase();
    if lower.starts_with('p') {
        return Err(unsupported(format!(
            "this way to write an interval is not supported: \"{text}\""
        )));
    }
    let spaced = spaced(lower.strip_prefix('@').unwrap_or(&lower));
    let mut words = spaced.split_whitespace().peekable();
    let mut span = Span::default();
    if words.peek().is_none() {
        return Err(bad());
    }
    while let Some(word) = words.next() {
        if word == "ago" {
            if words.next().is_some() {
                return Err(bad());
            }
            return span.negated().interval();
        }
        if word.contains(':') {
            span = span.plus(clock(word).ok_or_else(bad)?);
            continue;
        }
        let amount: f64 = word.parse().map_err(|_| {
            if word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('-') {
                unsupported(format!(
                    "this way to write an interval is not supported: \"{text}\""
                ))
            } else {
                bad()
            }
        })?;
        let unit = words.next_if(|next| next.starts_with(char::is_alphabetic) && *next != "ago");
        span = span.plus(amount_of(amount, unit.unwrap_or("second")).ok_or_else(bad)??);
    }
    span.interval()
}

/// Puts a space between an amount and its unit.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut last = ' ';
    for c in text.chars() {
        if last.is_ascii_digit() && c.is_alphabetic() {
            out.push(' ');
        }
        out.push(c);
        last = c;
    }
    out
}

/// `03:04:05.6`, perhaps with a sign.
fn clock(word: &str) -> Option<Span> {
    let (sign, unsigned) = match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let mut parts = unsigned.split(':');
    let whole = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse::<i64>().ok())?
    };
    let hours = whole(parts.next()?)?;
    let minutes = whole(parts.next()?)?;
    let (seconds, micros) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let six: String = fraction.chars().chain("000000".chars()).take(6).collect();
            (whole(seconds)?, whole(&six)?)
        }
    };
    let is_valid = parts.next().is_none() && minutes < 60 && seconds < 60;
    let micros = (hours * 3600 + minutes * 60 + seconds)
        .checked_mul(1_000_000)?
        .checked_add(micros)?;
    is_valid.then_some(Span {
        micros: sign * micros,
        ..Span::default()
    })
}

fn amount_of(amount: f64, unit: &str) -> Option<Result<Span>> {
    let one = |months, days, micros| Span { months, days, micros };
    let single = unit
        .strip_suffix('s')
        .filter(|single| single.len() > 1)
        .unwrap_or(unit);
    let span = match single {
        "year" | "yr" | "y" => one(12, 0, 0),
        "decade" | "dec" => one(120, 0, 0),
        "century" | "centurie" | "cent" | "c" => one(1200, 0, 0),
        "month" | "mon" => one(1, 0, 0),
        "week" | "w" => one(0, 7, 0),
        "day" | "d" => one(0, 1, 0),
        "hour" | "hr" | "h" => one(0, 0, 3_600_000_000),
        "minute" | "min" | "m" => one(0, 0, 60_000_000),
        "second" | "sec" | "s" => one(0, 0, 1_000_000),
        "millisecond" | "msec" | "ms" => one(0, 0, 1000),
        "microsecond" | "usec" | "us" => one(0, 0, 1),
        _ => return None,
    };
    if span.months >= 12 && amount.fract() != 0.0 {
        return Some(Err(unsupported(
            "fractions of a year are not supported in intervals",
        )));
    }
    Some(span.times(amount))
}
