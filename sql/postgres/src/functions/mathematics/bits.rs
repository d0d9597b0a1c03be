//! Operators on the bits of integers: `<<`, `>>`, `~`.
//!
//! Invariant: a distance counts modulo the bits of the type, as on the processors that PostgreSQL runs on. Start at [`left2`].

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Int16Type, Int32Type, Int64Type};
use datafusion::common::Result;

use crate::functions::overload::Call;
use crate::functions::row_wise;

/// A shift of a type of integers; those of two bytes are shifted as four.
macro_rules! shift {
    ($name:ident, $type:ty, $compute:expr) => {
        pub(super) fn $name(call: &Call) -> Result<ArrayRef> {
            let results = row_wise::binary::<$type, Int32Type, $type>(
                call.array(0)?,
                call.array(1)?,
                |value, distance| Ok($compute(value, distance.cast_unsigned())),
            )?;
            Ok(Arc::new(results))
        }
    };
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "bits beyond the type are lost, as in C"
)]
fn low_half(value: i32) -> i16 {
    value as i16
}

shift!(left2, Int16Type, |value: i16, distance| low_half(
    i32::from(value).wrapping_shl(distance)
));
shift!(left4, Int32Type, i32::wrapping_shl);
shift!(left8, Int64Type, i64::wrapping_shl);
shift!(right2, Int16Type, |value: i16, distance| low_half(
    i32::from(value).wrapping_shr(distance)
));
shift!(right4, Int32Type, i32::wrapping_shr);
shift!(right8, Int64Type, i64::wrapping_shr);

pub(super) fn not2(call: &Call) -> Result<ArrayRef> {
    Ok(Arc::new(row_wise::unary::<Int16Type, Int16Type>(
        call.array(0)?,
        |value| Ok(!value),
    )?))
}

pub(super) fn not4(call: &Call) -> Result<ArrayRef> {
    Ok(Arc::new(row_wise::unary::<Int32Type, Int32Type>(
        call.array(0)?,
        |value| Ok(!value),
    )?))
}

pub(super) fn not8(call: &Call) -> Result<ArrayRef> {
    Ok(Arc::new(row_wise::unary::<Int64Type, Int64Type>(
        call.array(0)?,
        |value| Ok(!value),
    )?))
}
