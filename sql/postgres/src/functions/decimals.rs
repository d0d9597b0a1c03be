//! Numerics: reading them, rounding to a scale, and doubles made numeric.
//!
//! Owns: a numeric as a whole number and a scale. Does not own: how it is printed; see `text::output`.
//! Invariant: digits are never lost silently: rounding is asked for, or the numeric is refused. Start at [`parsed`].

use datafusion::arrow::datatypes::i256;
use datafusion::common::{DataFusionError, Result};

use super::division::half_away;
use crate::types::{Kind, OPEN_SCALE, fault, invalid_text, is_space, unsupported};

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

pub(crate) fn too_long() -> DataFusionError {
    DataFusionError::from(
        crate::error::Error::new(
            crate::error::sqlstate::NOT_SUPPORTED,
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
    parsed(&format!("{value:.*e}", digits - 1)).map(|(value, scale)| trimmed(value, scale))
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
    let (value, scale) = parsed(digits).ok()?;
    i64::try_from(rescaled(value, scale, 38, 0).ok()?).ok()
}

/// `numeric_in`: unscaled value and scale.
pub(crate) fn parsed(text: &str) -> Result<(i128, i8)> {
    let trimmed = text.trim_matches(is_space);
    let lower = trimmed.to_ascii_lowercase();
    let unsigned = lower.trim_start_matches(['-', '+']);
    if matches!(unsigned, "nan" | "inf" | "infinity") {
        return Err(unsupported(format!("numeric {text} is not supported")));
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent
                .parse::<i32>()
                .map_err(|_| invalid_text(Kind::Numeric, text))?,
        ),
        None => (lower.as_str(), 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid_text(Kind::Numeric, text));
    }
    let too_long = || unsupported("a numeric of more than 38 digits is not supported");
    let scale = i64::try_from(fraction.len()).map_err(|_| too_long())? - i64::from(exponent);
    let mut value: i128 = all.parse().map_err(|_| too_long())?;
    if scale < 0 {
        let zeros = u32::try_from(-scale).map_err(|_| too_long())?;
        let power = 10_i128.checked_pow(zeros).ok_or_else(too_long)?;
        value = value.checked_mul(power).ok_or_else(too_long)?;
    }
    let scale = i8::try_from(scale.max(0)).map_err(|_| too_long())?;
    if scale > 38 || value >= 10_i128.pow(38) {
        return Err(too_long());
    }
    Ok((sign * value, scale))
}

/// Whether `text` is a numeric with more digits than we compute with.
pub(crate) fn is_long_numeric(text: &str) -> bool {
    let is_finite = text.parse().is_ok_and(f64::is_finite);
    is_finite && parsed(text).is_err()
}
