//! `+ - * / %` over numbers, which fail where PostgreSQL's fail.
//!
//! Owns: the checked operators. Does not own: digits of quotients; see `division`.
//! Invariant: a result that does not fit its type is 22003, never another number. Start at [`Arithmetic`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowNativeTypeOp, ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, i256,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{decimals, division, floats};
use crate::types::{Kind, QUOTIENT_SCALE, common_type, decimal_shape, fault, out_of_range};

/// An operator over two numbers of one type; numerics may differ in scale.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arithmetic {
    op: Operator,
    signature: Signature,
}

impl Arithmetic {
    pub(crate) fn new(op: Operator) -> Self {
        Self {
            op,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            Operator::Multiply => "checked_multiply",
            Operator::Divide => "checked_divide",
            _ => "checked_modulo",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)] => {
                let (precision, scale) = decimal_result(self.op, (*p1, *s1), (*p2, *s2));
                Ok(DataType::Decimal128(precision, scale))
            }
            [left, right] if left == right => Ok(left.clone()),
            // Numbers that will be cast to their common type.
            [left, right] if common_type([left, right]).is_some() => {
                Ok(common_type([left, right]).unwrap_or_else(|| left.clone()))
            }
            other => Err(DataFusionError::Internal(format!("no arithmetic over {other:?}"))),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(DataFusionError::Internal(
                "arithmetic takes two arguments".to_owned(),
            ));
        };
        let result_type = args.return_type().clone();
        if let (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) = (left, right) {
            let result = self.arrays(&left.to_array()?, &right.to_array()?, &result_type)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        let (left, right) = (
            left.to_array(args.number_rows)?,
            right.to_array(args.number_rows)?,
        );
        Ok(ColumnarValue::Array(self.arrays(&left, &right, &result_type)?))
    }
}

impl Arithmetic {
    fn arrays(&self, left: &ArrayRef, right: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
        match left.data_type() {
            DataType::Int16 => self.integers::<Int16Type>(left, right),
            DataType::Int32 => self.integers::<Int32Type>(left, right),
            DataType::Int64 => self.integers::<Int64Type>(left, right),
            DataType::Float32 => self.doubles::<Float32Type>(left, right),
            DataType::Float64 => self.doubles::<Float64Type>(left, right),
            _ => self.numerics(left, right, result),
        }
    }

    fn integers<T: ArrowPrimitiveType>(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        let compute = |left: T::Native, right: T::Native| match self.op {
            Operator::Plus => left.add_checked(right),
            Operator::Minus => left.sub_checked(right),
            Operator::Multiply => left.mul_checked(right),
            Operator::Divide => left.div_checked(right),
            // The remainder of the least number and -1 is 0, but computing it overflows.
            _ if right == T::Native::ZERO.sub_wrapping(T::Native::ONE) => Ok(T::Native::ZERO),
            _ => left.mod_checked(right),
        };
        each::<T>(left, right, |left, right| {
            compute(left, right).map_err(|error| match error {
                ArrowError::DivideByZero => division_by_zero(),
                _ => out_of_range(Kind::of(&T::DATA_TYPE)),
            })
        })
    }

    fn doubles<T: ArrowPrimitiveType>(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef>
    where
        T::Native: Double,
    {
        each::<T>(left, right, |left, right| self.double(left, right))
    }

    /// `float8pl` and its kin: infinity and zero may come from themselves only.
    fn double<F: Double>(&self, left: F, right: F) -> Result<F> {
        let result = match self.op {
            Operator::Plus => left.add_wrapping(right),
            Operator::Minus => left.sub_wrapping(right),
            Operator::Multiply => left.mul_wrapping(right),
            _ if right.is_zero() && !left.is_nan() => return Err(division_by_zero()),
            _ => left.div_wrapping(right),
        };
        if result.is_infinite() && left.is_finite() && right.is_finite() {
            return Err(fault("22003", "value out of range: overflow"));
        }
        let lost = match self.op {
            Operator::Multiply => !left.is_zero() && !right.is_zero(),
            Operator::Divide => !left.is_zero() && !right.is_infinite(),
            _ => false,
        };
        if result.is_zero() && lost {
            return Err(fault("22003", "value out of range: underflow"));
        }
        Ok(result.canonical())
    }

    fn numerics(&self, left: &ArrayRef, right: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
        let (Some((_, s1)), Some((_, s2))) =
            (decimal_shape(left.data_type()), decimal_shape(right.data_type()))
        else {
            return Err(DataFusionError::Internal(
                "arithmetic over unlike types".to_owned(),
            ));
        };
        let DataType::Decimal128(precision, scale) = *result else {
            return Err(DataFusionError::Internal("numerics make numerics".to_owned()));
        };
        let compute = |left: i128, right: i128| -> Result<i128> {
            let (a, b) = (i256::from_i128(left), i256::from_i128(right));
            let scaled = |value: i256, from: i8| value.wrapping_mul(decimals::power(scale - from));
            let exact = match self.op {
                Operator::Plus => scaled(a, s1).checked_add(scaled(b, s2)),
                Operator::Minus => scaled(a, s1).checked_sub(scaled(b, s2)),
                Operator::Multiply => {
                    let product = a.wrapping_mul(b);
                    let surplus = decimals::power(s1 + s2 - scale);
                    product
                        .checked_rem(surplus)
                        .filter(|rest| *rest == i256::ZERO)
                        .and(product.checked_div(surplus))
                }
                _ if right == 0 => return Err(division_by_zero()),
                Operator::Divide => {
                    return division::quotient((left, s1), (right, s2), scale).ok_or_else(decimals::too_long);
                }
                _ => scaled(a, s1).checked_rem(scaled(b, s2)),
            };
            let limit = 10_u128.pow(38);
            exact
                .and_then(i256::to_i128)
                .filter(|value| value.unsigned_abs() < limit)
                .ok_or_else(decimals::too_long)
        };
        let values = each::<Decimal128Type>(left, right, compute)?;
        let values = values.as_primitive::<Decimal128Type>().clone();
        Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
    }
}

pub(crate) fn division_by_zero() -> DataFusionError {
    fault("22012", "division by zero")
}

/// Computes row by row where both sides are not NULL.
fn each<T: ArrowPrimitiveType>(
    left: &ArrayRef,
    right: &ArrayRef,
    compute: impl Fn(T::Native, T::Native) -> Result<T::Native>,
) -> Result<ArrayRef> {
    let (left, right) = (left.as_primitive::<T>(), right.as_primitive::<T>());
    if left.null_count() == 0 && right.null_count() == 0 {
        let pairs = left.values().iter().zip(right.values());
        let values = pairs
            .map(|(left, right)| compute(*left, *right))
            .collect::<Result<Vec<_>>>()?;
        return Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), None)));
    }
    let pairs = left.iter().zip(right.iter());
    let values: Result<PrimitiveArray<T>> = pairs
        .map(|(left, right)| {
            left.zip(right)
                .map(|(left, right)| compute(left, right))
                .transpose()
        })
        .collect();
    Ok(Arc::new(values?))
}

/// Precision and scale of a result. Sums and products are exact; quotients have room for PostgreSQL's digits.
fn decimal_result(op: Operator, (p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> (u8, i8) {
    let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
    let (whole1, whole2) = (whole(p1, s1), whole(p2, s2));
    let scale = s1.max(s2);
    let (digits, scale) = match op {
        Operator::Multiply => (whole1 + whole2, (s1 + s2).min(24.max(scale))),
        Operator::Divide => {
            let digits = whole1 + i16::from(s2);
            let room =
                i8::try_from((38 - digits).clamp(i16::from(QUOTIENT_SCALE), 28)).unwrap_or(QUOTIENT_SCALE);
            (digits, scale.max(room))
        }
        Operator::Modulo => (whole1.max(whole2), scale),
        _ => (whole1.max(whole2) + 1, scale),
    };
    let precision = (digits + i16::from(scale)).clamp(1, 38);
    (u8::try_from(precision).unwrap_or(38), scale)
}

/// What the checks need to know of a double.
trait Double: ArrowNativeTypeOp {
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_finite(self) -> bool;
    fn canonical(self) -> Self;
}

impl Double for f64 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn is_infinite(self) -> bool {
        self.is_infinite()
    }
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    fn canonical(self) -> Self {
        floats::canonical(self)
    }
}

impl Double for f32 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn is_infinite(self) -> bool {
        self.is_infinite()
    }
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    fn canonical(self) -> Self {
        floats::canonical4(self)
    }
}
