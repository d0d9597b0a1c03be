//! Functions of numbers, which check their domains and their ranges.
//!
//! Owns: functions of doubles, and rounding of every kind of number. Does not own: operators; see `arithmetic`.
//! Invariant: an argument outside a function's domain is an error, never NaN. Start at [`FloatFunction`].

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::row_wise::{self, argument};
use super::{decimals, floats, preimages};
use crate::types::{Kind, decimal_shape, fault, unsupported};

type Unary = fn(f64) -> f64;

/// A function of one or two doubles that checks its domain and its range.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FloatFunction {
    name: &'static str,
    signature: Signature,
}

impl FloatFunction {
    pub(crate) const ALL: &'static [(&'static str, Option<Unary>)] = &[
        ("degrees", Some(f64::to_degrees)),
        ("radians", Some(f64::to_radians)),
        ("sin", Some(f64::sin)),
        ("cos", Some(f64::cos)),
        ("tan", Some(f64::tan)),
        ("asin", Some(f64::asin)),
        ("acos", Some(f64::acos)),
        ("atan", Some(f64::atan)),
        ("sinh", Some(f64::sinh)),
        ("cosh", Some(f64::cosh)),
        ("tanh", Some(f64::tanh)),
        ("atan2", None),
    ];

    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }

    fn one(&self, value: f64, compute: Unary) -> Result<f64> {
        match self.name {
            "asin" | "acos" if value.abs() > 1.0 => return Err(fault("22003", "input is out of range")),
            "sin" | "cos" | "tan" if value.is_infinite() => {
                return Err(fault("22003", "input is out of range"));
            }
            _ => {}
        }
        in_range(compute(value), value.is_finite())
    }
}

fn in_range(result: f64, is_finite: bool) -> Result<f64> {
    if result.is_infinite() && is_finite {
        return Err(fault("22003", "value out of range: overflow"));
    }
    Ok(floats::canonical(result))
}

impl ScalarUDFImpl for FloatFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unary = Self::ALL
            .iter()
            .find(|(name, _)| *name == self.name)
            .and_then(|(_, compute)| *compute);
        row_wise::over_arrays(&args, |arrays| {
            let first = argument(arrays, 0)?;
            Ok(match unary {
                Some(compute) => Arc::new(row_wise::unary::<Float64Type, Float64Type>(first, |value| {
                    self.one(value, compute)
                })?) as ArrayRef,
                None => {
                    let second = argument(arrays, 1)?;
                    Arc::new(row_wise::binary::<Float64Type, Float64Type, Float64Type>(
                        first,
                        second,
                        |left, right| Ok(floats::canonical(left.atan2(right))),
                    )?)
                }
            })
        })
    }
}

/// `abs`, `ceil`, `floor`, `round`, `sign` and `trunc` of any number.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rounding {
    name: &'static str,
    signature: Signature,
}

impl Rounding {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }

    fn double(&self, value: f64) -> f64 {
        floats::canonical(match self.name {
            "abs" => value.abs(),
            "ceil" => value.ceil(),
            "floor" => value.floor(),
            "round" => value.round_ties_even(),
            "trunc" => value.trunc(),
            _ if value > 0.0 => 1.0,
            _ if value < 0.0 => -1.0,
            _ => value,
        })
    }

    /// A numeric of scale `from` at `places` digits, as a whole number of 10^-`to`.
    fn numeric(&self, value: i128, from: i8, places: i32, to: i8) -> Result<i128> {
        let moved = |value: i128| decimals::rescaled(value, from, 38, to);
        match self.name {
            "abs" => return moved(value.abs()),
            "sign" => return decimals::rescaled(value.signum(), 0, 38, to),
            _ => {}
        }
        let surplus = u32::try_from(i32::from(from) - places).unwrap_or_default();
        let Some(unit) = 10_i128.checked_pow(surplus) else {
            return Ok(0);
        };
        let rest = value.rem_euclid(unit);
        let floor = value - rest;
        let rounded = match self.name {
            "ceil" if rest > 0 => floor + unit,
            "trunc" if value < 0 && rest > 0 => floor + unit,
            "round" if rest * 2 > unit || (rest * 2 == unit && value > 0 && rest > 0) => floor + unit,
            _ => floor,
        };
        moved(rounded)
    }
}

impl ScalarUDFImpl for Rounding {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the arguments decide".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let given = args
            .arg_fields
            .first()
            .map_or(DataType::Null, |field| field.data_type().clone());
        let ty = match (given, args.scalar_arguments.get(1).copied().flatten()) {
            (
                DataType::Decimal128(precision, scale),
                Some(datafusion::common::ScalarValue::Int32(Some(places))),
            ) => {
                let kept = i8::try_from((*places).clamp(0, 28)).unwrap_or_default();
                let whole = (i16::from(precision) - i16::from(scale) + 1).min(38 - i16::from(kept));
                DataType::Decimal128(u8::try_from(whole + i16::from(kept)).unwrap_or(38), kept)
            }
            (DataType::Decimal128(precision, scale), None)
                if args.arg_fields.len() == 1 && self.name != "abs" =>
            {
                let whole = (i16::from(precision) - i16::from(scale) + 1).clamp(1, 38);
                DataType::Decimal128(u8::try_from(whole).unwrap_or(38), 0)
            }
            (other, _) => other,
        };
        Ok(Arc::new(Field::new(self.name, ty, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = args.return_type().clone();
        row_wise::over_arrays(&args, |arrays| {
            let values = argument(arrays, 0)?;
            Ok(match values.data_type() {
                DataType::Float64 => Arc::new(row_wise::unary::<Float64Type, Float64Type>(values, |value| {
                    Ok(self.double(value))
                })?) as ArrayRef,
                DataType::Decimal128(..) => self.numerics(values, arrays.get(1), &result)?,
                other => absolute(values, other)?,
            })
        })
    }

    fn preimage(&self, args: &[Expr], value: &Expr, _: &SimplifyContext) -> Result<PreimageResult> {
        match args {
            [number] if self.name == "floor" => preimages::of_floor(number, value),
            _ => Ok(PreimageResult::None),
        }
    }
}

impl Rounding {
    fn numerics(&self, values: &ArrayRef, places: Option<&ArrayRef>, result: &DataType) -> Result<ArrayRef> {
        let (Some((_, from)), Some((_, to))) = (decimal_shape(values.data_type()), decimal_shape(result))
        else {
            return Err(DataFusionError::Internal("a numeric was expected".to_owned()));
        };
        let rounded = match places {
            None => row_wise::unary::<Decimal128Type, Decimal128Type>(values, |value| {
                self.numeric(value, from, 0, to)
            })?,
            Some(places) => row_wise::binary::<Decimal128Type, Int32Type, Decimal128Type>(
                values,
                places,
                |value, places| self.numeric(value, from, places.min(i32::from(from)), to),
            )?,
        };
        Ok(Arc::new(rounded.with_data_type(result.clone())))
    }
}

/// `abs` of integers and `real`.
fn absolute(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    let beyond = || crate::types::out_of_range(Kind::of(ty));
    Ok(match ty {
        DataType::Int16 => Arc::new(row_wise::unary::<Int16Type, Int16Type>(values, |v| {
            v.checked_abs().ok_or_else(beyond)
        })?),
        DataType::Int32 => Arc::new(row_wise::unary::<Int32Type, Int32Type>(values, |v| {
            v.checked_abs().ok_or_else(beyond)
        })?),
        DataType::Int64 => Arc::new(row_wise::unary::<Int64Type, Int64Type>(values, |v| {
            v.checked_abs().ok_or_else(beyond)
        })?),
        DataType::Float32 => Arc::new(row_wise::unary::<Float32Type, Float32Type>(values, |v| {
            Ok(v.abs())
        })?),
        other => return Err(unsupported(format!("this function of {other} is not supported"))),
    })
}
