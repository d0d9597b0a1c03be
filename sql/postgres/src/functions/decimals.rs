//! Numerics: rounding to a scale, and doubles made numeric.

use datafusion::arrow::datatypes::i256;
use datafusion::common::{DataFusionError, Result};

use super::division::half_away;
use crate::types::{OPEN_SCALE, fault, unsupported};

/// 10 to the power of `places`.
pub(crate) fn power(places: i8) -> i256 {
    i256::from_i128(10).wrapping_pow(u32::from(places.unsigned_abs()))
}

/// `value` / 10^`from` as a whole number of 10^-`to`, halves away from zero.
///
/// # Errors
/// 22003 when it has more digits than `precision` allows; 0A000 when digits of an open numeric would be lost.
pub(crate) fn rescaled(value: i128, from: i8, precision: u8, to: i8) -> Result<i128> {
    let wide = i256::from_i128(value);
    let moved = if to >= from {
        wide.checked_mul(power(to - from)).and_then(i256::to_i128)
    } else {
        half_away(wide, power(from - to))
    };
    let limit = 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX);
    match moved.filter(|moved| moved.unsigned_abs() < limit) {
        Some(moved) => Ok(moved),
        None if (precision, to) == (38, OPEN_SCALE) => Err(too_long()),
        None => Err(fault("22003", "numeric field overflow")),
    }
}

/// `value` / 10^`from` as an open numeric, exactly.
pub(crate) fn opened(value: i128, from: i8) -> Result<i128> {
    if from > OPEN_SCALE && i256::from_i128(value).checked_rem(power(from - OPEN_SCALE)) != Some(i256::ZERO) {
        return Err(too_long());
    }
    rescaled(value, from, 38, OPEN_SCALE)
}

pub(crate) fn too_long() -> datafusion::common::DataFusionError {
    DataFusionError::from(
        crate::Error::new(
            crate::sqlstate::NOT_SUPPORTED,
            "this numeric has more digits than are supported",
        )
        .with_hint("round it, or cast it to double precision"),
    )
}

/// `float8_numeric`: fifteen significant digits, `float4_numeric`: six.
pub(crate) fn of_float(value: f64, digits: usize) -> Result<(i128, i8)> {
    if !value.is_finite() {
        return Err(unsupported("numeric NaN and infinity are not supported"));
    }
    crate::text::input::numeric(&format!("{value:.*e}", digits - 1))
        .map(|(value, scale)| trimmed(value, scale))
}

/// The same number without zeros at its end.
fn trimmed(mut value: i128, mut scale: i8) -> (i128, i8) {
    while scale > 0 && value % 10 == 0 {
        value /= 10;
        scale -= 1;
    }
    (value, scale)
}

/// The nearest double.
pub(crate) fn to_float(value: i128, scale: i8) -> f64 {
    // Read from its digits: dividing two doubles would round twice.
    format!("{value}e{}", -i16::from(scale))
        .parse()
        .unwrap_or(f64::NAN)
}

/// A row count such as `1.5`, rounded.
pub(crate) fn whole_count(digits: &str) -> Option<i64> {
    let (value, scale) = crate::text::input::numeric(digits).ok()?;
    i64::try_from(rescaled(value, scale, 38, 0).ok()?).ok()
}
