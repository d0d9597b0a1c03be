//! Fields of moments: `extract`, `date_part` and `date_trunc`.

use std::sync::Arc;

use chrono::{Datelike as _, Days, NaiveDate};
use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Time64MicrosecondType};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::datetime::{Interval, Stamp, beyond, moment_of};
use super::intervals::{DAY, Span};
use super::preimages;
use super::row_wise::{self, argument};
use crate::types::{Kind, fault, unsupported};

/// `extract(field FROM moment)` as numeric and `date_part(field, moment)` as double precision.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extract {
    as_double: bool,
    signature: Signature,
}

impl Extract {
    pub(crate) fn new(as_double: bool) -> Self {
        Self {
            as_double,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &str {
        if self.as_double { "date_part" } else { "extract" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the field decides".to_owned()))
    }

    fn return_field_from_args(
        &self,
        args: ReturnFieldArgs,
    ) -> Result<datafusion::arrow::datatypes::FieldRef> {
        let field = args.scalar_arguments.first().copied().flatten();
        let field = field.and_then(|value| value.try_as_str().flatten());
        let Some(field) = field else {
            return Err(unsupported(
                "the field of extract and date_part must be a constant",
            ));
        };
        let kind = args
            .arg_fields
            .get(1)
            .map_or(Kind::Other, |field| Kind::of(field.data_type()));
        let scale = field_scale(&field.to_lowercase(), kind);
        let ty = if self.as_double {
            DataType::Float64
        } else {
            DataType::Decimal128(20, scale)
        };
        Ok(Arc::new(datafusion::arrow::datatypes::Field::new(
            self.name(),
            ty,
            true,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = args.return_type().clone();
        row_wise::over_arrays(&args, |arrays| {
            let fields = row_wise::texts(argument(arrays, 0)?)?;
            let moments = argument(arrays, 1)?;
            let kind = Kind::of(moments.data_type());
            let scale = |field: &str| field_scale(field, kind);
            let mut values = Vec::with_capacity(moments.len());
            for row in 0..moments.len() {
                if moments.is_null(row) || fields.is_null(row) {
                    values.push(None);
                    continue;
                }
                let field = fields.value(row).to_lowercase();
                let micros = part(&field, moments, row)?;
                values.push(Some((micros, scale(&field))));
            }
            if self.as_double {
                let doubles = values.into_iter().map(|value| {
                    value.map(|(value, scale)| super::decimals::to_float(i128::from(value), scale))
                });
                return Ok(Arc::new(doubles.collect::<datafusion::arrow::array::Float64Array>()) as ArrayRef);
            }
            let numerics = values
                .into_iter()
                .map(|value| value.map(|(value, _)| i128::from(value)));
            let numerics: datafusion::arrow::array::PrimitiveArray<Decimal128Type> = numerics.collect();
            Ok(Arc::new(numerics.with_data_type(result.clone())) as ArrayRef)
        })
    }

    fn preimage(&self, args: &[Expr], value: &Expr, context: &SimplifyContext) -> Result<PreimageResult> {
        let [field, moment] = args else {
            return Ok(PreimageResult::None);
        };
        let field = field.as_literal().and_then(|field| field.try_as_str().flatten());
        match field.map(str::to_lowercase).as_deref() {
            Some("year" | "years" | "y" | "yr" | "yrs") => {
                preimages::of_year(moment, &context.get_data_type(moment)?, value)
            }
            _ => Ok(PreimageResult::None),
        }
    }
}

/// Digits after the point that a field has.
fn field_scale(field: &str, kind: Kind) -> i8 {
    match field {
        "second" | "seconds" | "sec" | "secs" => 6,
        "epoch" if kind != Kind::Date => 6,
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => 3,
        _ => 0,
    }
}

/// A field's value as a whole number of 10^-[`field_scale`].
fn part(field: &str, array: &ArrayRef, row: usize) -> Result<i64> {
    let kind = Kind::of(array.data_type());
    let found = match kind {
        Kind::Date => date_field(field, row_wise::primitives::<Date32Type>(array)?.value(row)),
        Kind::Timestamp | Kind::TimestampTz => {
            stamp_field(field, row_wise::primitives::<Stamp>(array)?.value(row))?
        }
        Kind::Time => time_field(
            field,
            row_wise::primitives::<Time64MicrosecondType>(array)?.value(row),
        ),
        Kind::Interval => interval_field(
            field,
            Span::of(row_wise::primitives::<Interval>(array)?.value(row)),
        ),
        _ => None,
    };
    found.ok_or_else(|| {
        let known = stamp_field(field, 0).is_ok_and(|value| value.is_some())
            || matches!(field, "julian" | "timezone" | "timezone_hour" | "timezone_minute");
        if known {
            unsupported(format!("unit \"{field}\" not supported for type {}", kind.name()))
        } else {
            fault(
                "22023",
                format!("unit \"{field}\" not recognized for type {}", kind.name()),
            )
        }
    })
}

fn calendar_field(field: &str, date: NaiveDate) -> Option<i64> {
    let year = i64::from(date.year());
    // There is no year 0.
    let shown = if year <= 0 { year - 1 } else { year };
    Some(match field {
        "year" | "years" | "y" | "yr" | "yrs" => shown,
        "month" | "months" | "mon" | "mons" => i64::from(date.month()),
        "day" | "days" | "d" => i64::from(date.day()),
        "dow" => i64::from(date.weekday().num_days_from_sunday()),
        "isodow" => i64::from(date.weekday().number_from_monday()),
        "doy" => i64::from(date.ordinal()),
        "week" | "weeks" | "w" => i64::from(date.iso_week().week()),
        "isoyear" => i64::from(date.iso_week().year()),
        "quarter" | "qtr" => i64::from(date.month0() / 3 + 1),
        "decade" | "decades" | "dec" => year.div_euclid(10),
        "century" | "centuries" | "c" => (year + 99).div_euclid(100) - i64::from(year <= 0),
        "millennium" | "millennia" | "mil" => (year + 999).div_euclid(1000) - i64::from(year <= 0),
        _ => return None,
    })
}

fn clock_field(field: &str, time: i64) -> Option<i64> {
    Some(match field {
        "hour" | "hours" | "h" | "hr" => time / 3_600_000_000,
        "minute" | "minutes" | "m" | "min" | "mins" => time / 60_000_000 % 60,
        "second" | "seconds" | "s" | "sec" | "secs" => time % 60_000_000,
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => time % 60_000_000,
        "microsecond" | "microseconds" | "usec" | "us" => time % 60_000_000,
        _ => return None,
    })
}

fn date_field(field: &str, days: i32) -> Option<i64> {
    if field == "epoch" {
        return Some(i64::from(days) * 86_400);
    }
    calendar_field(field, NaiveDate::from_epoch_days(days)?)
}

fn stamp_field(field: &str, micros: i64) -> Result<Option<i64>> {
    if field == "epoch" {
        return Ok(Some(micros));
    }
    let found = clock_field(field, micros.rem_euclid(DAY));
    Ok(match found {
        Some(found) => Some(found),
        None => calendar_field(field, moment_of(micros)?.date()),
    })
}

fn time_field(field: &str, micros: i64) -> Option<i64> {
    if field == "epoch" {
        Some(micros)
    } else {
        clock_field(field, micros)
    }
}

fn interval_field(field: &str, span: Span) -> Option<i64> {
    Some(match field {
        "epoch" => {
            // A year counts 365.25 days here, a month 30.
            let days = span.months / 12 * 1461 * DAY / 4 + (span.months % 12 * 30 + span.days) * DAY;
            days + span.micros
        }
        "year" | "years" => span.months / 12,
        "month" | "months" => span.months % 12,
        "quarter" => span.months % 12 / 3 + 1,
        "decade" | "decades" => span.months / 120,
        "century" | "centuries" => span.months / 1200,
        "millennium" | "millennia" => span.months / 12_000,
        "day" | "days" => span.days,
        _ => return clock_field(field, span.micros),
    })
}

/// `date_trunc(unit, timestamp)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DateTrunc {
    signature: Signature,
}

impl DateTrunc {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types
            .get(1)
            .cloned()
            .ok_or_else(|| DataFusionError::Internal("an argument is missing".to_owned()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = args.return_type().clone();
        row_wise::over_arrays(&args, |arrays| {
            let units = row_wise::texts(argument(arrays, 0)?)?;
            let moments = row_wise::primitives::<Stamp>(argument(arrays, 1)?)?;
            let pairs = units.iter().zip(moments.iter());
            let kind = Kind::of(&result);
            let truncated = pairs.map(|(unit, moment)| {
                unit.zip(moment)
                    .map(|(unit, moment)| truncated(unit, moment, kind))
                    .transpose()
            });
            let truncated: datafusion::arrow::array::PrimitiveArray<Stamp> =
                truncated.collect::<Result<_>>()?;
            Ok(Arc::new(truncated.with_data_type(result.clone())) as ArrayRef)
        })
    }
}

fn truncated(unit: &str, micros: i64, kind: Kind) -> Result<i64> {
    let floor = |step: i64| Ok(micros - micros.rem_euclid(step));
    let unit = unit.to_lowercase();
    let date = match unit.as_str() {
        "microsecond" | "microseconds" | "usec" | "us" => return Ok(micros),
        "millisecond" | "milliseconds" | "msec" | "ms" => return floor(1000),
        "second" | "seconds" | "sec" | "s" => return floor(1_000_000),
        "minute" | "minutes" | "min" | "m" => return floor(60_000_000),
        "hour" | "hours" | "h" => return floor(3_600_000_000),
        "day" | "days" | "d" => return floor(DAY),
        _ => moment_of(micros)?.date(),
    };
    let year = date.year();
    let start = match unit.as_str() {
        "week" | "weeks" | "w" => {
            date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))
        }
        "month" | "months" | "mon" => date.with_day(1),
        "quarter" | "qtr" => NaiveDate::from_ymd_opt(year, date.month0() / 3 * 3 + 1, 1),
        "year" | "years" | "y" => NaiveDate::from_ymd_opt(year, 1, 1),
        "decade" | "decades" => NaiveDate::from_ymd_opt(year.div_euclid(10) * 10, 1, 1),
        "century" | "centuries" if year > 0 => NaiveDate::from_ymd_opt((year - 1) / 100 * 100 + 1, 1, 1),
        "millennium" | "millennia" if year > 0 => NaiveDate::from_ymd_opt((year - 1) / 1000 * 1000 + 1, 1, 1),
        "century" | "centuries" | "millennium" | "millennia" => {
            return Err(unsupported("centuries before Christ are not supported"));
        }
        _ => {
            return Err(fault(
                "22023",
                format!("unit \"{unit}\" not recognized for type {}", kind.name()),
            ));
        }
    };
    start
        .and_then(|date| i64::from(date.to_epoch_days()).checked_mul(DAY))
        .ok_or_else(beyond)
}
