//! Quotients of numerics, with as many digits as PostgreSQL gives them.
//!
//! Source: `select_div_scale` of PostgreSQL 15's numeric.c.
//!
//! Owns: the digits and the rounding. Does not own: which expression divides; see `arithmetic` and `average`.
//! Invariant: one rounding, half away from zero, of the exact quotient. Start at [`quotient`].

use datafusion::arrow::datatypes::i256;

/// Significant digits that a quotient has at least.
const SIGNIFICANT: i32 = 16;

/// `dividend / divisor` as a whole number of 10^-`scale`, rounded where PostgreSQL rounds.
///
/// The divisor is not zero. `None` when the quotient does not fit.
pub(crate) fn quotient(dividend: (i128, i8), divisor: (i128, i8), scale: i8) -> Option<i128> {
    if dividend.0 == 0 {
        return Some(0);
    }
    let places = quotient_scale(dividend, divisor).min(i32::from(scale));
    let rounded = rounded_quotient(dividend, divisor, places)?;
    let missing = u32::try_from(i32::from(scale) - places).ok()?;
    rounded.checked_mul(10_i128.checked_pow(missing)?)
}

fn rounded_quotient(dividend: (i128, i8), divisor: (i128, i8), places: i32) -> Option<i128> {
    let shift = places + i32::from(divisor.1) - i32::from(dividend.1);
    let (mut above, mut below) = (i256::from_i128(dividend.0), i256::from_i128(divisor.0));
    let power = i256::from_i128(10).checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        above = above.checked_mul(power)?;
    } else {
        below = below.checked_mul(power)?;
    }
    half_away(above, below)
}

/// `above / below`, halves away from zero.
pub(crate) fn half_away(above: i256, below: i256) -> Option<i128> {
    let whole = above.checked_div(below)?;
    let rest = above.checked_rem(below)?;
    let twice = rest.wrapping_abs().checked_mul(i256::from_i128(2))?;
    let is_negative = (above < i256::ZERO) != (below < i256::ZERO);
    let step = match (twice >= below.wrapping_abs(), is_negative) {
        (false, _) => i256::ZERO,
        (true, true) => i256::MINUS_ONE,
        (true, false) => i256::ONE,
    };
    whole.checked_add(step)?.to_i128()
}

/// Digits after the point of a quotient.
fn quotient_scale(dividend: (i128, i8), divisor: (i128, i8)) -> i32 {
    let (weight1, first1) = leading(dividend);
    let (weight2, first2) = leading(divisor);
    let weight = weight1 - weight2 - i32::from(first1 <= first2);
    (SIGNIFICANT - weight * 4)
        .max(shown(dividend))
        .max(shown(divisor))
}

/// Digits after the point that PostgreSQL would show; those of the open scale are not all meant.
fn shown((unscaled, scale): (i128, i8)) -> i32 {
    if scale < crate::types::OPEN_SCALE {
        return i32::from(scale);
    }
    let (mut rest, mut places) = (unscaled, i32::from(scale));
    while places > 0 && rest % 10 == 0 {
        rest /= 10;
        places -= 1;
    }
    places
}

/// Weight and value of the first digit in base 10,000, PostgreSQL's digits of a numeric.
fn leading((unscaled, scale): (i128, i8)) -> (i32, u128) {
    let mut value = unscaled.unsigned_abs();
    if value == 0 {
        return (0, 0);
    }
    let digits = i32::try_from(value.ilog10()).unwrap_or_default();
    // The power of ten of the first decimal digit, and of the group of four that it belongs to.
    let power = digits - i32::from(scale);
    let weight = power.div_euclid(4);
    let places = digits - power.rem_euclid(4);
    match u32::try_from(places) {
        Ok(places) => value /= 10_u128.pow(places),
        Err(_) => value *= 10_u128.pow(places.unsigned_abs()),
    }
    (weight, value)
}

#[cfg(test)]
mod tests {
    use super::quotient;
    use crate::text::output::numeric;

    fn divided(dividend: (i128, i8), divisor: (i128, i8), scale: i8) -> String {
        let mut text = String::new();
        let quotient = quotient(dividend, divisor, scale).expect("it fits");
        numeric(&mut text, quotient, scale).expect("text");
        text
    }

    #[test]
    fn quotients_have_postgresqls_digits() {
        assert_eq!(divided((1, 0), (3, 0), 28), "0.33333333333333333333");
        assert_eq!(divided((5, 0), (3, 0), 28), "1.6666666666666667");
        assert_eq!(divided((-5, 0), (3, 0), 28), "-1.6666666666666667");
        assert_eq!(divided((3_000_002, 0), (3, 0), 20), "1000000.666666666667");
        assert_eq!(divided((10, 1), (30_000, 0), 28), "0.000033333333333333333333");
        assert_eq!(divided((75, 1), (2, 0), 28), "3.75");
    }
}
