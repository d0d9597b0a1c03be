//! Roots, powers and logarithms of numerics, with at least 16 significant digits as PostgreSQL has them (`numeric.c`).
//!
//! Owns: the computation with more digits than are shown, and how many are shown. Does not own: the form of numerics, which have at most 20
//! digits after the point. Invariant: the digits that are shown are those of the exact result, rounded. Start at [`sqrt`].

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Signed as _, ToPrimitive as _, Zero as _};
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::{DataFusionError, Result};

use super::doubles::complex;
use crate::functions::decimals;
use crate::functions::overload::Call;
use crate::types::{OPEN_SCALE, fault};

/// Digits that results are computed with.
const DIGITS: u64 = 60;
/// Significant digits that PostgreSQL shows, at least.
const SIGNIFICANT: i64 = 16;

/// A numeric with the digits after the point that it was written with.
struct Operand {
    value: BigDecimal,
    scale: i64,
}

fn operand(call: &Call, at: usize, row: usize) -> Result<Operand> {
    let DataType::Decimal128(_, scale) = call.array(at)?.data_type() else {
        return Err(DataFusionError::Internal("a numeric was expected".to_owned()));
    };
    let unscaled = call.values::<Decimal128Type>(at)?.value(row);
    let value = BigDecimal::new(BigInt::from(unscaled), i64::from(*scale));
    // A numeric of the open scale has the digits that it needs.
    let scale = if *scale >= OPEN_SCALE {
        value.normalized().fractional_digit_count().max(0)
    } else {
        i64::from(*scale)
    };
    Ok(Operand { value, scale })
}

/// The result with so many digits after the point, as a numeric of the open scale.
///
/// # Errors
/// 0A000 when that is more than a numeric of ours has.
fn shown(value: &BigDecimal, digits: i64) -> Result<Option<i128>> {
    let scale = digits.clamp(0, i64::from(OPEN_SCALE));
    if digits > scale && !(value - value.with_scale(scale)).with_scale(digits).is_zero() {
        return Err(decimals::too_long());
    }
    let rounded = value.with_scale_round(scale, RoundingMode::HalfUp);
    let (unscaled, scale) = rounded.into_bigint_and_exponent();
    let unscaled = unscaled.to_i128().ok_or_else(decimals::too_long)?;
    let scale = i8::try_from(scale).map_err(|_| decimals::too_long())?;
    decimals::opened(unscaled, scale).map(Some)
}

fn to_double(value: &BigDecimal) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "logarithms are small; C truncates too"
)]
fn truncated(value: f64) -> i64 {
    value as i64
}

fn with_digits(value: &BigDecimal) -> BigDecimal {
    value.with_prec(DIGITS)
}

pub(super) fn sqrt(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| {
        let Operand { value, scale } = operand(call, 0, row)?;
        if value.is_negative() {
            return Err(fault("2201F", "cannot take square root of a negative number"));
        }
        if value.is_zero() {
            return Ok(Some(0));
        }
        let weight = weight(&value);
        let result_weight = (weight + 1) * 4 / 2 - 1;
        let root = with_digits(&value).sqrt().unwrap_or_default();
        shown(&root, (SIGNIFICANT - result_weight).max(scale))
    })
}

/// The place of the first group of four digits, as PostgreSQL counts it: 0 for 1 to 9999.
fn weight(value: &BigDecimal) -> i64 {
    let digits = i64::try_from(value.digits()).unwrap_or(i64::MAX);
    (digits - value.fractional_digit_count() - 1).div_euclid(4)
}

pub(super) fn exp(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| {
        let Operand { value, scale } = operand(call, 0, row)?;
        let logarithm = to_double(&value) * std::f64::consts::LOG10_E;
        if logarithm > 131_072.0 {
            return Err(fault("22003", "value overflows numeric format"));
        }
        if logarithm > 38.0 {
            return Err(decimals::too_long());
        }
        if logarithm < -100.0 {
            return Ok(Some(0));
        }
        shown(
            &exponential(&value),
            (SIGNIFICANT - truncated(logarithm)).max(scale),
        )
    })
}

/// e to the power of a number: the number is halved until the series is short, the result squared as often.
fn exponential(value: &BigDecimal) -> BigDecimal {
    let mut halvings = 0;
    let mut small = with_digits(value);
    let two = BigDecimal::from(2);
    while small.abs() > BigDecimal::new(1.into(), 2) {
        small = with_digits(&(small / &two));
        halvings += 1;
    }
    let (mut sum, mut term) = (BigDecimal::from(1), BigDecimal::from(1));
    for step in 1..60_i64 {
        term = with_digits(&(&term * &small / BigDecimal::from(step)));
        sum += &term;
        if term.is_zero() {
            break;
        }
    }
    for _ in 0..halvings {
        sum = with_digits(&(&sum * &sum));
    }
    sum
}

/// The natural logarithm of a positive number: Halley's steps from that of a double, each of which triples the digits.
fn logarithm(value: &BigDecimal) -> BigDecimal {
    let start = BigDecimal::try_from(to_double(value).ln()).unwrap_or_default();
    let two = BigDecimal::from(2);
    let mut found = start;
    for _ in 0..2 {
        let power = exponential(&found);
        found = with_digits(&(&found + &two * (value - &power) / (value + &power)));
    }
    found
}

fn positive(value: &BigDecimal) -> Result<()> {
    if value.is_zero() {
        return Err(fault("2201E", "cannot take logarithm of zero"));
    }
    if value.is_negative() {
        return Err(fault("2201E", "cannot take logarithm of a negative number"));
    }
    Ok(())
}

/// The decimal weight of a logarithm, estimated as PostgreSQL does (`estimate_ln_dweight`).
fn logarithm_weight(value: &BigDecimal) -> i64 {
    let double = to_double(value);
    if (0.9..=1.1).contains(&double) {
        let distance = value - BigDecimal::from(1);
        if distance.is_zero() {
            return 0;
        }
        return weight(&distance) * 4
            + truncated(to_double(&distance.abs()).log10() - 4.0 * f64_of(weight(&distance)));
    }
    truncated(double.ln().abs().log10())
}

#[allow(clippy::cast_precision_loss, reason = "a weight is small")]
fn f64_of(weight: i64) -> f64 {
    weight as f64
}

pub(super) fn ln(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| {
        let Operand { value, scale } = operand(call, 0, row)?;
        positive(&value)?;
        shown(
            &logarithm(&value),
            (SIGNIFICANT - logarithm_weight(&value)).max(scale),
        )
    })
}

fn logarithm_to(base: &Operand, value: &Operand) -> Result<Option<i128>> {
    positive(&base.value)?;
    positive(&value.value)?;
    let of_base = logarithm(&base.value);
    if of_base.with_scale_round(40, RoundingMode::HalfUp).is_zero() {
        return Err(fault("22012", "division by zero"));
    }
    let quotient = with_digits(&(logarithm(&value.value) / of_base));
    let digits = SIGNIFICANT - (logarithm_weight(&value.value) - logarithm_weight(&base.value));
    shown(&quotient, digits.max(base.scale).max(value.scale))
}

pub(super) fn log10(call: &Call) -> Result<ArrayRef> {
    let ten = Operand {
        value: BigDecimal::from(10),
        scale: 0,
    };
    call.primitives_of::<Decimal128Type>(|row| logarithm_to(&ten, &operand(call, 0, row)?))
}

pub(super) fn log(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| logarithm_to(&operand(call, 0, row)?, &operand(call, 1, row)?))
}

pub(super) fn power(call: &Call) -> Result<ArrayRef> {
    call.primitives_of::<Decimal128Type>(|row| raised(&operand(call, 0, row)?, &operand(call, 1, row)?))
}

fn raised(base: &Operand, exponent: &Operand) -> Result<Option<i128>> {
    let whole = exponent
        .value
        .is_integer()
        .then(|| exponent.value.to_i64())
        .flatten();
    if base.value.is_zero() {
        if exponent.value.is_negative() {
            return Err(fault("2201F", "zero raised to a negative power is undefined"));
        }
        let result = if exponent.value.is_zero() { 1 } else { 0 };
        return shown(&BigDecimal::from(result), SIGNIFICANT);
    }
    if base.value.is_negative() && !exponent.value.is_integer() {
        return Err(complex());
    }
    let size = to_double(&base.value.abs()).log10() * to_double(&exponent.value);
    if size > 131_072.0 {
        return Err(fault("22003", "value overflows numeric format"));
    }
    if size > 38.0 {
        return Err(decimals::too_long());
    }
    if size < -100.0 {
        return Ok(Some(0));
    }
    // Of a whole exponent the digits after the point are counted, else the significant ones.
    let (result, digits) = match whole {
        Some(whole) => (raised_to_whole(&base.value, whole), SIGNIFICANT),
        None => (
            exponential(&with_digits(&(logarithm(&base.value) * &exponent.value))),
            SIGNIFICANT - truncated(size),
        ),
    };
    shown(&result, digits.max(base.scale).max(exponent.scale))
}

fn raised_to_whole(base: &BigDecimal, exponent: i64) -> BigDecimal {
    let (mut result, mut square) = (BigDecimal::from(1), base.clone());
    let mut left = exponent.unsigned_abs();
    while left > 0 {
        if left & 1 == 1 {
            result = with_digits(&(&result * &square));
        }
        square = with_digits(&(&square * &square));
        left >>= 1;
    }
    match exponent < 0 {
        true => with_digits(&(BigDecimal::from(1) / result)),
        false => result,
    }
}
