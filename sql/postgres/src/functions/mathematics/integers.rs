//! Divisors, multiples and factorials.
//!
//! Invariant: a result that its type can't hold is an error. Start at [`gcd4`].

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Decimal128Type, Int32Type, Int64Type};
use datafusion::common::Result;

use crate::functions::overload::Call;
use crate::functions::{decimals, row_wise};
use crate::types::{Kind, fault, out_of_range};

/// The greatest common divisor of two sizes.
pub(super) fn divisor(mut left: u128, mut right: u128) -> u128 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// The least common multiple; `None` when it is too large.
pub(super) fn multiple(left: u128, right: u128) -> Option<u128> {
    if left == 0 || right == 0 {
        return Some(0);
    }
    (left / divisor(left, right)).checked_mul(right)
}

fn size(value: i64) -> u128 {
    u128::from(value.unsigned_abs())
}

pub(super) fn gcd4(call: &Call) -> Result<ArrayRef> {
    let results = row_wise::binary::<Int32Type, Int32Type, Int32Type>(
        call.array(0)?,
        call.array(1)?,
        |left, right| {
            let found = divisor(size(left.into()), size(right.into()));
            i32::try_from(found).map_err(|_| out_of_range(Kind::Int4))
        },
    )?;
    Ok(Arc::new(results))
}

pub(super) fn gcd8(call: &Call) -> Result<ArrayRef> {
    let results = row_wise::binary::<Int64Type, Int64Type, Int64Type>(
        call.array(0)?,
        call.array(1)?,
        |left, right| i64::try_from(divisor(size(left), size(right))).map_err(|_| out_of_range(Kind::Int8)),
    )?;
    Ok(Arc::new(results))
}

pub(super) fn lcm4(call: &Call) -> Result<ArrayRef> {
    let results = row_wise::binary::<Int32Type, Int32Type, Int32Type>(
        call.array(0)?,
        call.array(1)?,
        |left, right| {
            let found = multiple(size(left.into()), size(right.into()));
            found
                .and_then(|found| i32::try_from(found).ok())
                .ok_or_else(|| out_of_range(Kind::Int4))
        },
    )?;
    Ok(Arc::new(results))
}

pub(super) fn lcm8(call: &Call) -> Result<ArrayRef> {
    let results = row_wise::binary::<Int64Type, Int64Type, Int64Type>(
        call.array(0)?,
        call.array(1)?,
        |left, right| {
            let found = multiple(size(left), size(right));
            found
                .and_then(|found| i64::try_from(found).ok())
                .ok_or_else(|| out_of_range(Kind::Int8))
        },
    )?;
    Ok(Arc::new(results))
}

pub(super) fn factorial(call: &Call) -> Result<ArrayRef> {
    let values = call.values::<Int64Type>(0)?;
    call.primitives_of::<Decimal128Type>(|row| {
        let value = values.value(row);
        if value < 0 {
            return Err(fault("22003", "factorial of a negative number is undefined"));
        }
        if value > 32_177 {
            return Err(fault("22003", "value overflows numeric format"));
        }
        let product = (2..=i128::from(value)).try_fold(1_i128, |product, factor| {
            product
                .checked_mul(factor)
                .filter(|product| *product < 10_i128.pow(38))
        });
        product.map(Some).ok_or_else(decimals::too_long)
    })
}
