//! Functions over columns, written as functions over one row's values or whole arrays.
//!
//! Owns: going through rows, NULLs, constants. Does not own: any function.
//! Invariant: constants alone give a constant. Start at [`over_arrays`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::types::carrying;

/// Computes with arrays; constants alone give a constant.
pub(crate) fn over_arrays(
    args: &ScalarFunctionArgs,
    compute: impl FnOnce(&[ArrayRef]) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let is_constant = args
        .args
        .iter()
        .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let arrays = if is_constant {
        args.args
            .iter()
            .map(|arg| arg.to_array(1))
            .collect::<Result<Vec<_>>>()?
    } else {
        args.args
            .iter()
            .map(|arg| arg.to_array(args.number_rows))
            .collect::<Result<Vec<_>>>()?
    };
    let result = compute(&arrays)?;
    if is_constant {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
    }
    Ok(ColumnarValue::Array(result))
}

/// The argument at `at`.
pub(crate) fn argument(arrays: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    arrays
        .get(at)
        .ok_or_else(|| DataFusionError::Internal(format!("argument {at} is missing")))
}

/// Text, whatever its layout.
pub(crate) fn texts(array: &ArrayRef) -> Result<StringArray> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Ok(texts.clone());
    }
    if let Some(texts) = carrying(array) {
        return Ok(texts.as_string::<i32>().clone());
    }
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Values of one primitive type.
pub(crate) fn primitives<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    array.as_primitive_opt::<T>().ok_or_else(|| {
        DataFusionError::Internal(format!(
            "{} was expected, got {}",
            T::DATA_TYPE,
            array.data_type()
        ))
    })
}

/// A function of one value; NULL stays NULL.
pub(crate) fn unary<A: ArrowPrimitiveType, R: ArrowPrimitiveType>(
    array: &ArrayRef,
    compute: impl Fn(A::Native) -> Result<R::Native>,
) -> Result<PrimitiveArray<R>> {
    primitives::<A>(array)?.try_unary::<_, R, DataFusionError>(compute)
}

/// A function of two values; NULL stays NULL.
pub(crate) fn binary<A: ArrowPrimitiveType, B: ArrowPrimitiveType, R: ArrowPrimitiveType>(
    left: &ArrayRef,
    right: &ArrayRef,
    compute: impl Fn(A::Native, B::Native) -> Result<R::Native>,
) -> Result<PrimitiveArray<R>> {
    let (left, right) = (primitives::<A>(left)?, primitives::<B>(right)?);
    let pairs = left.iter().zip(right.iter());
    pairs
        .map(|(left, right)| {
            left.zip(right)
                .map(|(left, right)| compute(left, right))
                .transpose()
        })
        .collect()
}

/// Text from each value of `array` that is not NULL.
pub(crate) fn write_texts(
    array: &ArrayRef,
    write: impl Fn(usize, &mut String) -> Result<()>,
) -> Result<ArrayRef> {
    let mut builder = datafusion::arrow::array::StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut text = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        text.clear();
        write(row, &mut text)?;
        builder.append_value(&text);
    }
    Ok(Arc::new(builder.finish()))
}
