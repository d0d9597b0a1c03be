//! Functions of doubles, with PostgreSQL's checks of domains and ranges.
//!
//! Owns: the table of functions by name. Invariant: a finite argument never gives NaN. Start at [`named`].

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::common::{DataFusionError, Result};

use crate::functions::overload::Call;
use crate::functions::{floats, row_wise};
use crate::types::fault;

/// A function of one double, found by its name.
pub(super) fn named(call: &Call) -> Result<ArrayRef> {
    let compute: fn(f64) -> f64 = match call.name() {
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log" | "log10" => f64::log10,
        "cbrt" => f64::cbrt,
        "cot" => |value| 1.0 / value.tan(),
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "sind" => |value| degrees(value, f64::sin, &SINES),
        "cosd" => |value| degrees(value, f64::cos, &COSINES),
        "tand" => |value| degrees(value, f64::tan, &TANGENTS),
        other => {
            return Err(DataFusionError::Internal(format!(
                "{other} is no function of a double"
            )));
        }
    };
    let name = call.name();
    let values = call.values::<Float64Type>(0)?;
    let results = values.try_unary::<_, Float64Type, DataFusionError>(|value| one(name, value, compute))?;
    Ok(Arc::new(results))
}

/// Angles in degrees, and the exact results for them.
type Exact = [(f64, f64); 8];

#[rustfmt::skip]
const SINES: Exact = [(0.0, 0.0), (30.0, 0.5), (90.0, 1.0), (150.0, 0.5), (180.0, 0.0), (210.0, -0.5), (270.0, -1.0), (330.0, -0.5)];
#[rustfmt::skip]
const COSINES: Exact = [(0.0, 1.0), (60.0, 0.5), (90.0, 0.0), (120.0, -0.5), (180.0, -1.0), (240.0, -0.5), (270.0, 0.0), (300.0, 0.5)];
#[rustfmt::skip]
const TANGENTS: Exact = [
    (0.0, 0.0), (45.0, 1.0), (90.0, f64::INFINITY), (135.0, -1.0), (180.0, 0.0), (225.0, 1.0), (270.0, f64::NEG_INFINITY), (315.0, -1.0),
];

/// A function of degrees, exact where the result is.
fn degrees(value: f64, compute: fn(f64) -> f64, exact: &Exact) -> f64 {
    let turned = value.rem_euclid(360.0);
    let known = exact.iter().find(|(angle, _)| *angle == turned);
    known.map_or_else(|| compute(turned.to_radians()), |(_, result)| *result)
}

fn one(name: &str, value: f64, compute: fn(f64) -> f64) -> Result<f64> {
    match name {
        "sqrt" if value < 0.0 => return Err(fault("2201F", "cannot take square root of a negative number")),
        "ln" | "log" | "log10" if value == 0.0 => {
            return Err(fault("2201E", "cannot take logarithm of zero"));
        }
        "ln" | "log" | "log10" if value < 0.0 => {
            return Err(fault("2201E", "cannot take logarithm of a negative number"));
        }
        "acosh" if value < 1.0 => return Err(fault("22003", "input is out of range")),
        "atanh" if value.abs() > 1.0 => return Err(fault("22003", "input is out of range")),
        "cot" | "sind" | "cosd" | "tand" if value.is_infinite() => {
            return Err(fault("22003", "input is out of range"));
        }
        _ => {}
    }
    let result = compute(value);
    let may_be_infinite = matches!(name, "cot" | "tand" | "atanh");
    if result.is_infinite() && value.is_finite() && !may_be_infinite {
        return Err(fault("22003", "value out of range: overflow"));
    }
    if name == "exp" && result == 0.0 && value.is_finite() {
        return Err(fault("22003", "value out of range: underflow"));
    }
    Ok(floats::canonical(result))
}

pub(super) fn power(call: &Call) -> Result<ArrayRef> {
    let results = row_wise::binary::<Float64Type, Float64Type, Float64Type>(
        call.array(0)?,
        call.array(1)?,
        |base, exponent| {
            if base == 0.0 && exponent < 0.0 {
                return Err(fault("2201F", "zero raised to a negative power is undefined"));
            }
            if base < 0.0 && exponent.fract() != 0.0 && exponent.is_finite() {
                return Err(complex());
            }
            let result = base.powf(exponent);
            if result.is_infinite() && base.is_finite() && exponent.is_finite() {
                return Err(fault("22003", "value out of range: overflow"));
            }
            if result == 0.0 && base != 0.0 && base.is_finite() && exponent.is_finite() {
                return Err(fault("22003", "value out of range: underflow"));
            }
            Ok(floats::canonical(result))
        },
    )?;
    Ok(Arc::new(results))
}

/// 2201F for a root of a negative number.
pub(super) fn complex() -> DataFusionError {
    fault(
        "2201F",
        "a negative number raised to a non-integer power yields a complex result",
    )
}
