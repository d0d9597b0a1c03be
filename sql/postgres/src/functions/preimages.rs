//! Where the arguments of a function lie, given its value: `extract(year FROM d) = 2024` is a range of `d`.
//!
//! With it the optimiser turns comparisons of such functions into comparisons of columns, which can be pushed down and, as they
//! cannot fail, evaluated below a row policy.
//!
//! Owns: the ranges, of years and of floors. Does not own: the functions that have them. Invariant: an argument lies in the range exactly
//! when the function has the value; where that is not certain there is no range. Start at [`of_year`].

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;

use super::datetime::calendar::DAY;

fn range(expr: &Expr, bounds: Option<(ScalarValue, ScalarValue)>) -> Result<PreimageResult> {
    let Some((low, high)) = bounds else {
        return Ok(PreimageResult::None);
    };
    Ok(PreimageResult::Range {
        expr: expr.clone(),
        interval: Box::new(Interval::try_new(low, high)?),
    })
}

/// The moments of type `ty` at which `extract(year FROM moment)` is `value`.
pub(crate) fn of_year(moment: &Expr, ty: &DataType, value: &Expr) -> Result<PreimageResult> {
    let bounds = value.as_literal().and_then(year).and_then(|year| {
        let start = |year: i32| midnight(NaiveDate::from_ymd_opt(year, 1, 1)?, ty);
        start(year).zip(start(year + 1))
    });
    range(moment, bounds)
}

/// The year that a constant names, among those of four digits.
#[allow(clippy::cast_possible_truncation, reason = "what is lost makes it no year")]
fn year(value: &ScalarValue) -> Option<i32> {
    let year = match value {
        ScalarValue::Decimal128(Some(value), _, scale) => {
            let unit = 10_i128.checked_pow(u32::try_from(*scale).ok()?)?;
            (value % unit == 0).then_some(value / unit)?
        }
        ScalarValue::Float64(Some(value)) => (value.fract() == 0.0).then_some(*value as i128)?,
        _ => return None,
    };
    i32::try_from(year).ok().filter(|year| (1..=9998).contains(year))
}

fn midnight(date: NaiveDate, ty: &DataType) -> Option<ScalarValue> {
    let days = date.to_epoch_days();
    match ty {
        DataType::Date32 => Some(ScalarValue::Date32(Some(days))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => Some(ScalarValue::TimestampMicrosecond(
            Some(i64::from(days) * DAY),
            zone.clone(),
        )),
        _ => None,
    }
}

/// The doubles whose `floor` is `value`.
pub(crate) fn of_floor(number: &Expr, value: &Expr) -> Result<PreimageResult> {
    // Above it, not every whole number is a double.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let bounds = match value.as_literal() {
        Some(ScalarValue::Float64(Some(value))) if value.fract() == 0.0 && value.abs() < LIMIT => {
            let bound = |value| ScalarValue::Float64(Some(value));
            Some((bound(*value), bound(value + 1.0)))
        }
        _ => None,
    };
    range(number, bounds)
}
