//! Whole quotients, divisors, scales and buckets of numerics.
//!
//! Invariant: every result is exact. Start at [`div`].

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type};
use datafusion::common::{DataFusionError, Result};

use super::integers::{divisor, multiple};
use crate::functions::decimals;
use crate::functions::overload::Call;
use crate::types::{OPEN_SCALE, fault};

/// The digits after the point of an argument's type.
fn scale_of(call: &Call, at: usize) -> Result<i8> {
    match call.array(at)?.data_type() {
        DataType::Decimal128(_, scale) => Ok(*scale),
        other => Err(DataFusionError::Internal(format!("{other} is no numeric"))),
    }
}

/// Two numerics as whole numbers of the same unit.
fn aligned(call: &Call, row: usize) -> Result<(i128, i128)> {
    let (left, right) = (
        call.values::<Decimal128Type>(0)?,
        call.values::<Decimal128Type>(1)?,
    );
    let (left_scale, right_scale) = (scale_of(call, 0)?, scale_of(call, 1)?);
    let scale = left_scale.max(right_scale);
    Ok((
        decimals::rescaled(left.value(row), left_scale, 38, scale)?,
        decimals::rescaled(right.value(row), right_scale, 38, scale)?,
    ))
}

pub(super) fn div(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| {
        let (left, right) = aligned(call, row)?;
        match right {
            0 => Err(fault("22012", "division by zero")),
            right => Ok(left.checked_div(right)),
        }
    })
}

pub(super) fn gcd(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| {
        let (left, right) = aligned(call, row)?;
        Ok(i128::try_from(divisor(left.unsigned_abs(), right.unsigned_abs())).ok())
    })
}

pub(super) fn lcm(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| {
        let (left, right) = aligned(call, row)?;
        let found = multiple(left.unsigned_abs(), right.unsigned_abs());
        let found = found.and_then(|found| i128::try_from(found).ok());
        found
            .filter(|found| *found < 10_i128.pow(38))
            .map(Some)
            .ok_or_else(decimals::too_long)
    })
}

/// Digits after the point that are no zeros at the end.
fn least_scale(value: i128, scale: i8) -> i32 {
    let (mut value, mut scale) = (value, i32::from(scale));
    if value == 0 {
        return 0;
    }
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    scale.max(0)
}

/// That of its type; a numeric of the open scale has as many digits as it needs.
pub(super) fn scale(call: &Call) -> Result<ArrayRef> {
    let (values, scale) = (call.values::<Decimal128Type>(0)?, scale_of(call, 0)?);
    call.primitives_of::<Int32Type>(|row| {
        Ok(Some(match scale >= OPEN_SCALE {
            true => least_scale(values.value(row), scale),
            false => i32::from(scale).max(0),
        }))
    })
}

pub(super) fn min_scale(call: &Call) -> Result<ArrayRef> {
    let (values, scale) = (call.values::<Decimal128Type>(0)?, scale_of(call, 0)?);
    call.primitives_of::<Int32Type>(|row| Ok(Some(least_scale(values.value(row), scale))))
}

/// The same number with the open scale, which prints no zeros at the end.
pub(super) fn trim_scale(call: &Call) -> Result<ArrayRef> {
    let (values, scale) = (call.values::<Decimal128Type>(0)?, scale_of(call, 0)?);
    call.primitives_of::<Decimal128Type>(|row| decimals::opened(values.value(row), scale).map(Some))
}

/// The number of buckets, which must be positive.
fn count(call: &Call, row: usize) -> Result<i32> {
    match call.values::<Int32Type>(3)?.value(row) {
        count if count > 0 => Ok(count),
        _ => Err(fault("2201G", "count must be greater than zero")),
    }
}

fn beyond(count: i32) -> Result<Option<i32>> {
    let last = count
        .checked_add(1)
        .ok_or_else(|| fault("22003", "integer out of range"));
    last.map(Some)
}

pub(super) fn bucket_of_double(call: &Call) -> Result<ArrayRef> {
    let argument = |at: usize| call.values::<Float64Type>(at);
    let (values, lows, highs) = (argument(0)?, argument(1)?, argument(2)?);
    call.primitives_of::<Int32Type>(|row| {
        let (value, low, high) = (values.value(row), lows.value(row), highs.value(row));
        let count = count(call, row)?;
        if value.is_nan() || low.is_nan() || high.is_nan() {
            return Err(fault(
                "2201G",
                "operand, lower bound, and upper bound cannot be NaN",
            ));
        }
        if low.is_infinite() || high.is_infinite() {
            return Err(fault("2201G", "lower and upper bounds must be finite"));
        }
        if low == high {
            return Err(fault("2201G", "lower bound cannot equal upper bound"));
        }
        let is_rising = low < high;
        if (is_rising && value < low) || (!is_rising && value > low) {
            return Ok(Some(0));
        }
        if (is_rising && value >= high) || (!is_rising && value <= high) {
            return beyond(count);
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most the count")]
        let at = (f64::from(count) * ((value - low) / (high - low))) as i32;
        Ok(Some(at.min(count - 1) + 1))
    })
}

pub(super) fn bucket_of_numeric(call: &Call) -> Result<ArrayRef> {
    let scales = [scale_of(call, 0)?, scale_of(call, 1)?, scale_of(call, 2)?];
    let scale = scales.into_iter().max().unwrap_or(0);
    let at_scale = |at: usize, row: usize, from: i8| {
        decimals::rescaled(call.values::<Decimal128Type>(at)?.value(row), from, 38, scale)
    };
    call.primitives_of::<Int32Type>(|row| {
        let [value_scale, low_scale, high_scale] = scales;
        let value = at_scale(0, row, value_scale)?;
        let (low, high) = (at_scale(1, row, low_scale)?, at_scale(2, row, high_scale)?);
        let count = count(call, row)?;
        if low == high {
            return Err(fault("2201G", "lower bound cannot equal upper bound"));
        }
        let (distance, width) = match low < high {
            true => (value - low, high - low),
            false => (low - value, low - high),
        };
        if distance < 0 {
            return Ok(Some(0));
        }
        if distance >= width {
            return beyond(count);
        }
        let at = distance
            .checked_mul(i128::from(count))
            .map(|product| product / width + 1);
        at.and_then(|at| i32::try_from(at).ok())
            .map(Some)
            .ok_or_else(decimals::too_long)
    })
}
