//! Arithmetic of dates, timestamps, times and intervals. Everything is in UTC and microseconds.
//!
//! Owns: the one function behind `+ - * /` over moments. Does not own: parts of moments; see `extract`.
//! Invariant: a result outside PostgreSQL's range is an error. Start at [`MomentArithmetic`].

use std::sync::Arc;

use chrono::{DateTime, Days, Months, NaiveDateTime};
use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::intervals::{DAY, Span};
use super::row_wise::{self, argument, binary};
use crate::types::{Kind, fault};

pub(crate) type Stamp = TimestampMicrosecondType;
pub(crate) type Interval = IntervalMonthDayNanoType;

/// An operator over moments and intervals; [`result_kind`] says which there are.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MomentArithmetic {
    op: Operator,
    signature: Signature,
}

impl MomentArithmetic {
    pub(crate) fn new(op: Operator) -> Self {
        Self {
            op,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

/// The type of an operator's result; `None` when PostgreSQL has no such operator.
pub(crate) fn result_kind(op: Operator, left: Kind, right: Kind) -> Option<Kind> {
    use Kind::{Date, Float8, Int4, Interval, Time, Timestamp, TimestampTz};
    Some(match (op, left, right) {
        (Operator::Plus | Operator::Minus, Date, Int4) | (Operator::Plus, Int4, Date) => Date,
        (Operator::Minus, Date, Date) => Int4,
        (Operator::Plus | Operator::Minus, Date, Interval) | (Operator::Plus, Interval, Date) => Timestamp,
        (Operator::Plus, Date, Time) | (Operator::Plus, Time, Date) => Timestamp,
        (Operator::Plus | Operator::Minus, Timestamp | TimestampTz | Time | Interval, Interval) => left,
        (Operator::Plus, Interval, Timestamp | TimestampTz | Time) => right,
        (Operator::Minus, Timestamp, Timestamp)
        | (Operator::Minus, TimestampTz, TimestampTz)
        | (Operator::Minus, Time, Time)
        | (Operator::Multiply | Operator::Divide, Interval, Float8)
        | (Operator::Multiply, Float8, Interval) => Interval,
        _ => return None,
    })
}

impl ScalarUDFImpl for MomentArithmetic {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "moment_add",
            Operator::Minus => "moment_subtract",
            Operator::Multiply => "interval_multiply",
            _ => "interval_divide",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = types else {
            return Err(DataFusionError::Internal(
                "arithmetic takes two arguments".to_owned(),
            ));
        };
        result_kind(self.op, Kind::of(left), Kind::of(right))
            .map(Kind::arrow)
            .ok_or_else(|| DataFusionError::Internal(format!("no arithmetic over {left} and {right}")))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = args.return_type().clone();
        row_wise::over_arrays(&args, |arrays| {
            self.compute(argument(arrays, 0)?, argument(arrays, 1)?, &result)
        })
    }
}

impl MomentArithmetic {
    fn compute(&self, left: &ArrayRef, right: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
        match (Kind::of(left.data_type()), Kind::of(right.data_type())) {
            // The same with its sides exchanged.
            (Kind::Int4, Kind::Date)
            | (Kind::Interval, Kind::Date | Kind::Timestamp | Kind::TimestampTz | Kind::Time)
            | (Kind::Time, Kind::Date)
            | (Kind::Float8, Kind::Interval) => self.compute(right, left, result),
            (Kind::Date, other) => self.of_date(left, right, other),
            (Kind::Timestamp | Kind::TimestampTz, Kind::Interval) => {
                let moments = binary::<Stamp, Interval, Stamp>(left, right, |moment, interval| {
                    moved(moment, self.signed(interval))
                })?;
                Ok(Arc::new(moments.with_data_type(result.clone())))
            }
            (Kind::Timestamp | Kind::TimestampTz, _) => {
                Ok(Arc::new(binary::<Stamp, Stamp, Interval>(left, right, between)?))
            }
            (Kind::Time, other) => self.of_time(left, right, other),
            (Kind::Interval, Kind::Interval) => Ok(Arc::new(binary::<Interval, Interval, Interval>(
                left,
                right,
                |left, right| Span::of(left).plus(self.signed(right)).interval(),
            )?)),
            (Kind::Interval, Kind::Float8) => Ok(Arc::new(binary::<Interval, Float64Type, Interval>(
                left,
                right,
                |interval, factor| self.scaled(interval, factor),
            )?)),
            other => Err(no_arithmetic(other)),
        }
    }

    /// The right side, negated where it is subtracted.
    fn signed(&self, value: IntervalMonthDayNano) -> Span {
        let span = Span::of(value);
        if self.op == Operator::Minus {
            span.negated()
        } else {
            span
        }
    }

    fn of_date(&self, left: &ArrayRef, right: &ArrayRef, other: Kind) -> Result<ArrayRef> {
        let beyond = || fault("22008", "date out of range");
        let sign = if self.op == Operator::Minus { -1 } else { 1 };
        Ok(match other {
            Kind::Int4 => Arc::new(binary::<Date32Type, Int32Type, Date32Type>(
                left,
                right,
                |day, days| day.checked_add(sign * days).ok_or_else(beyond),
            )?),
            Kind::Date => Arc::new(binary::<Date32Type, Date32Type, Int32Type>(
                left,
                right,
                |left, right| left.checked_sub(right).ok_or_else(beyond),
            )?),
            Kind::Interval => Arc::new(binary::<Date32Type, Interval, Stamp>(
                left,
                right,
                |day, interval| moved(i64::from(day) * DAY, self.signed(interval)),
            )?),
            Kind::Time => Arc::new(binary::<Date32Type, Time64MicrosecondType, Stamp>(
                left,
                right,
                |day, time| Ok(i64::from(day) * DAY + time),
            )?),
            other => return Err(no_arithmetic((Kind::Date, other))),
        })
    }

    fn of_time(&self, left: &ArrayRef, right: &ArrayRef, other: Kind) -> Result<ArrayRef> {
        type Time = Time64MicrosecondType;
        Ok(match other {
            Kind::Time => Arc::new(binary::<Time, Time, Interval>(left, right, |left, right| {
                let micros = left - right;
                Span {
                    micros,
                    ..Span::default()
                }
                .interval()
            })?),
            Kind::Interval => Arc::new(binary::<Time, Interval, Time>(left, right, |time, interval| {
                Ok((time + self.signed(interval).micros).rem_euclid(DAY))
            })?),
            other => return Err(no_arithmetic((Kind::Time, other))),
        })
    }

    fn scaled(&self, interval: IntervalMonthDayNano, factor: f64) -> Result<IntervalMonthDayNano> {
        if self.op != Operator::Divide {
            return Span::of(interval).times(factor)?.interval();
        }
        if factor == 0.0 {
            return Err(super::arithmetic::division_by_zero());
        }
        Span::of(interval).times(1.0 / factor)?.interval()
    }
}

fn no_arithmetic(kinds: (Kind, Kind)) -> DataFusionError {
    DataFusionError::Internal(format!("no arithmetic over {kinds:?}"))
}

pub(crate) fn moment_of(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|moment| moment.naive_utc())
        .ok_or_else(beyond)
}

pub(crate) fn beyond() -> DataFusionError {
    fault("22008", "timestamp out of range")
}

/// `timestamp_pl_interval`: months first, clamped to the month's last day, then days, then time.
pub(crate) fn moved(micros: i64, span: Span) -> Result<i64> {
    let mut moment = moment_of(micros)?;
    let part = |amount: i64| u32::try_from(amount.unsigned_abs()).map_err(|_| beyond());
    let months = Months::new(part(span.months)?);
    let shifted = if span.months < 0 {
        moment.checked_sub_months(months)
    } else {
        moment.checked_add_months(months)
    };
    moment = shifted.ok_or_else(beyond)?;
    let days = Days::new(span.days.unsigned_abs());
    let shifted = if span.days < 0 {
        moment.checked_sub_days(days)
    } else {
        moment.checked_add_days(days)
    };
    moment = shifted.ok_or_else(beyond)?;
    moment
        .and_utc()
        .timestamp_micros()
        .checked_add(span.micros)
        .ok_or_else(beyond)
}

/// `timestamp_mi`: whole days, and the rest as time.
fn between(left: i64, right: i64) -> Result<IntervalMonthDayNano> {
    let micros = left
        .checked_sub(right)
        .ok_or_else(|| fault("22008", "interval out of range"))?;
    Span {
        months: 0,
        days: micros / DAY,
        micros: micros % DAY,
    }
    .interval()
}
