//! Arithmetic of dates, timestamps, times and intervals, in microseconds.
//!
//! Owns: the one function behind `+ - * /` over moments. Does not own: parts of moments; see `extract`.
//! Invariant: a result outside PostgreSQL's range is an error; days and months are added to the local time of the session's zone.
//! Start at [`MomentArithmetic`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::calendar::{Civil, DAY, checked_date, checked_micros, checked_timestamp, month_days, split};
use super::intervals::Span;
use super::zone::Zone;
use crate::functions::row_wise::{self, argument, binary};
use crate::types::{Kind, fault};

pub(crate) type Stamp = TimestampMicrosecondType;
pub(crate) type Interval = IntervalMonthDayNanoType;

/// An operator over moments and intervals; [`result_kind`] says which there are.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MomentArithmetic {
    op: Operator,
    /// Whether days and months are those of the session's zone.
    is_zoned: bool,
    signature: Signature,
}

impl MomentArithmetic {
    pub(crate) fn new(op: Operator) -> Self {
        Self {
            op,
            is_zoned: false,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }

    /// The operator over timestamps with time zone and intervals.
    pub(crate) fn zoned(op: Operator) -> Self {
        Self {
            op,
            is_zoned: true,
            signature: Signature::any(2, Volatility::Stable),
        }
    }

    /// The operator over operands of these types.
    pub(crate) fn of(op: Operator, left: Kind, right: Kind) -> Self {
        match (left, right) {
            (Kind::TimestampTz, Kind::Interval) | (Kind::Interval, Kind::TimestampTz) => Self::zoned(op),
            _ => Self::new(op),
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
            Operator::Plus if self.is_zoned => "zoned_add",
            Operator::Minus if self.is_zoned => "zoned_subtract",
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
        let zone = if self.is_zoned {
            Zone::of_session(&args.config_options)?
        } else {
            Zone::utc()
        };
        row_wise::over_arrays(&args, |arrays| {
            self.compute(argument(arrays, 0)?, argument(arrays, 1)?, &result, &zone)
        })
    }

    /// Where the zone makes no difference, the sum is one that can be pushed down.
    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let is_time_only = |arg: &Expr| match arg {
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) => {
                value.months == 0 && value.days == 0
            }
            _ => false,
        };
        let is_plain = args.iter().any(is_time_only) || Zone::of_session(context.config_options())?.is_utc();
        if self.is_zoned && is_plain {
            let plain = ScalarUDF::from(Self::new(self.op)).call(args);
            return Ok(ExprSimplifyResult::Simplified(plain));
        }
        Ok(ExprSimplifyResult::Original(args))
    }
}

impl MomentArithmetic {
    fn compute(&self, left: &ArrayRef, right: &ArrayRef, result: &DataType, zone: &Zone) -> Result<ArrayRef> {
        match (Kind::of(left.data_type()), Kind::of(right.data_type())) {
            // The same with its sides exchanged.
            (Kind::Int4, Kind::Date)
            | (Kind::Interval, Kind::Date | Kind::Timestamp | Kind::TimestampTz | Kind::Time)
            | (Kind::Time, Kind::Date)
            | (Kind::Float8, Kind::Interval) => self.compute(right, left, result, zone),
            (Kind::Date, other) => self.of_date(left, right, other),
            (Kind::Timestamp | Kind::TimestampTz, Kind::Interval) => {
                let moments = binary::<Stamp, Interval, Stamp>(left, right, |moment, interval| {
                    if zone.is_utc() {
                        moved(moment, self.signed(interval))
                    } else {
                        moved_in(moment, self.signed(interval), zone)
                    }
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
                |left, right| Span::of(left).plus(self.signed(right))?.interval(),
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
        let sign = if self.op == Operator::Minus { -1 } else { 1 };
        Ok(match other {
            Kind::Int4 => Arc::new(binary::<Date32Type, Int32Type, Date32Type>(
                left,
                right,
                |day, days| checked_date(i64::from(day) + sign * i64::from(days)),
            )?),
            Kind::Date => Arc::new(binary::<Date32Type, Date32Type, Int32Type>(
                left,
                right,
                |left, right| {
                    left.checked_sub(right)
                        .ok_or_else(|| fault("22008", "date out of range"))
                },
            )?),
            Kind::Interval => Arc::new(binary::<Date32Type, Interval, Stamp>(
                left,
                right,
                |day, interval| moved(checked_timestamp(i64::from(day), 0)?, self.signed(interval)),
            )?),
            Kind::Time => Arc::new(binary::<Date32Type, Time64MicrosecondType, Stamp>(
                left,
                right,
                |day, time| checked_timestamp(i64::from(day), time),
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
            return Err(crate::functions::arithmetic::division_by_zero());
        }
        Span::of(interval).divided(factor)?.interval()
    }
}

fn no_arithmetic(kinds: (Kind, Kind)) -> DataFusionError {
    DataFusionError::Internal(format!("no arithmetic over {kinds:?}"))
}

/// `timestamp_pl_interval`: months first, clamped to the month's last day, then days, then time.
pub(crate) fn moved(micros: i64, span: Span) -> Result<i64> {
    let dated = moved_days(micros, span)?;
    checked_micros(i128::from(dated) + i128::from(span.micros))
}

/// `timestamptz_pl_interval`: months and days move the local time, and the time that is left moves the moment.
pub(crate) fn moved_in(micros: i64, span: Span, zone: &Zone) -> Result<i64> {
    let mut moment = micros;
    let months = Span {
        months: span.months,
        ..Span::default()
    };
    let days = Span {
        days: span.days,
        ..Span::default()
    };
    for part in [months, days] {
        if part != Span::default() {
            moment = zone.moment(moved_days(zone.local(moment)?, part)?)?;
        }
    }
    checked_micros(i128::from(moment) + i128::from(span.micros))
}

/// Moved by months and days.
fn moved_days(micros: i64, span: Span) -> Result<i64> {
    let (mut day, time) = split(micros);
    if span.months != 0 {
        let date = Civil::of(day);
        let months = date.year * 12 + date.month - 1 + span.months;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let last = month_days(year, month);
        let moved = Civil {
            year,
            month,
            day: date.day.min(last),
        };
        day = moved.days();
    }
    checked_timestamp(day + span.days, time)
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
