//! Intervals as months, days and microseconds.
//!
//! Owns: [`Span`] and its arithmetic, `justify_*`. Does not own: arithmetic with moments, see `arithmetic`; text forms, see `text`.
//! Invariant: an interval outside PostgreSQL's range is an error. Start at [`Span`].

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::{DataFusionError, Result};

use super::calendar::DAY;
use crate::types::{fault, unsupported};

/// Months, days and microseconds, as PostgreSQL keeps an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) months: i64,
    pub(crate) days: i64,
    pub(crate) micros: i64,
}

fn beyond() -> DataFusionError {
    fault("22008", "interval out of range")
}

impl Span {
    pub(crate) fn of(value: IntervalMonthDayNano) -> Self {
        Self {
            months: i64::from(value.months),
            days: i64::from(value.days),
            micros: value.nanoseconds.div_euclid(1000),
        }
    }

    /// Whether PostgreSQL can keep it.
    pub(crate) fn is_storable(self) -> bool {
        i32::try_from(self.months).is_ok() && i32::try_from(self.days).is_ok()
    }

    /// As the engine keeps it.
    ///
    /// # Errors
    /// 22008 for what PostgreSQL can't keep; 0A000 for times of more than 2,562,047 hours.
    pub(crate) fn interval(self) -> Result<IntervalMonthDayNano> {
        Ok(IntervalMonthDayNano {
            months: i32::try_from(self.months).map_err(|_| beyond())?,
            days: i32::try_from(self.days).map_err(|_| beyond())?,
            nanoseconds: self.micros.checked_mul(1000).ok_or_else(|| {
                unsupported("intervals with a time of more than 2562047 hours are not supported")
            })?,
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
            micros: self.micros.saturating_neg(),
        }
    }

    /// The sum of two.
    ///
    /// # Errors
    /// 22008 when the time gets too long.
    pub(crate) fn plus(self, other: Self) -> Result<Self> {
        Ok(Self {
            months: self.months + other.months,
            days: self.days + other.days,
            micros: self.micros.checked_add(other.micros).ok_or_else(beyond)?,
        })
    }

    /// `interval_mul`.
    ///
    /// # Errors
    /// 22008 when the result is too long.
    pub(crate) fn times(self, factor: f64) -> Result<Self> {
        self.scaled(|amount| amount * factor)
    }

    /// `interval_div`.
    ///
    /// # Errors
    /// 22008 when the result is too long.
    pub(crate) fn divided(self, divisor: f64) -> Result<Self> {
        self.scaled(|amount| amount / divisor)
    }

    /// What is less than a month becomes days, what is less than a day becomes time.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "as PostgreSQL computes it"
    )]
    fn scaled(self, scale: impl Fn(f64) -> f64) -> Result<Self> {
        let (months, days) = (scale(self.months as f64), scale(self.days as f64));
        let micros = scale(self.micros as f64);
        let fits = |amount: f64| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&amount);
        if !fits(months) || !fits(days) {
            return Err(beyond());
        }
        let rest_days = round_micro((months - months.trunc()) * 30.0);
        let mut rest_seconds = round_micro((days - days.trunc() + rest_days - rest_days.trunc()) * 86_400.0);
        let mut whole_days = days.trunc() as i64;
        if rest_seconds.abs() >= 86_400.0 {
            whole_days += (rest_seconds / 86_400.0).trunc() as i64;
            rest_seconds -= (rest_seconds / 86_400.0).trunc() * 86_400.0;
        }
        let micros = (micros + rest_seconds * 1e6).round_ties_even();
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if !(-LIMIT..LIMIT).contains(&micros) {
            return Err(beyond());
        }
        Ok(Self {
            months: months.trunc() as i64,
            days: whole_days + rest_days.trunc() as i64,
            micros: micros as i64,
        })
    }

    /// `justify_hours`: full days of the time become days, and both have one sign.
    pub(crate) fn with_full_days(self) -> Self {
        let mut span = Self {
            days: self.days + self.micros / DAY,
            micros: self.micros % DAY,
            ..self
        };
        if span.days > 0 && span.micros < 0 {
            span.micros += DAY;
            span.days -= 1;
        } else if span.days < 0 && span.micros > 0 {
            span.micros -= DAY;
            span.days += 1;
        }
        span
    }

    /// `justify_days`: 30 days become a month, and both have one sign.
    pub(crate) fn with_full_months(self) -> Self {
        let mut span = Self {
            months: self.months + self.days / 30,
            days: self.days % 30,
            ..self
        };
        if span.months > 0 && span.days < 0 {
            span.days += 30;
            span.months -= 1;
        } else if span.months < 0 && span.days > 0 {
            span.days -= 30;
            span.months += 1;
        }
        span
    }

    /// `justify_interval`: both, and all three have one sign.
    pub(crate) fn justified(self) -> Self {
        let mut span = self;
        // Days that would be carried back and forth are not.
        if (span.days > 0 && span.micros > 0) || (span.days < 0 && span.micros < 0) {
            span = span.with_months_only();
        }
        span = Self {
            days: span.days + span.micros / DAY,
            micros: span.micros % DAY,
            ..span
        };
        span = span.with_months_only();
        if span.months > 0 && (span.days < 0 || (span.days == 0 && span.micros < 0)) {
            span.days += 30;
            span.months -= 1;
        } else if span.months < 0 && (span.days > 0 || (span.days == 0 && span.micros > 0)) {
            span.days -= 30;
            span.months += 1;
        }
        if span.days > 0 && span.micros < 0 {
            span.micros += DAY;
            span.days -= 1;
        } else if span.days < 0 && span.micros > 0 {
            span.micros -= DAY;
            span.days += 1;
        }
        span
    }

    fn with_months_only(self) -> Self {
        Self {
            months: self.months + self.days / 30,
            days: self.days % 30,
            ..self
        }
    }
}

fn round_micro(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}
