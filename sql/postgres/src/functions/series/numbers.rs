//! `generate_series` over numbers and moments.
//!
//! Owns: the values of a series. Does not own: lists; see `series`. Invariant: a series ends at the last value that is not beyond its end,
//! and at the end of its type's range. Start at [`int4`].

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Int32Type, Int64Type, IntervalMonthDayNanoType, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result};

use super::Lengths;
use crate::functions::datetime::arithmetic::{moved, moved_in};
use crate::functions::datetime::intervals::Span;
use crate::functions::datetime::zone::Zone;
use crate::functions::overload::Call;
use crate::types::{decimal_shape, fault};

const NAME: &str = "generate_series";

fn no_step() -> DataFusionError {
    fault("22023", "step size cannot equal zero")
}

/// What a list's values are.
fn item(call: &Call) -> Result<DataType> {
    match call.result() {
        DataType::List(item) => Ok(item.data_type().clone()),
        other => Err(DataFusionError::Internal(format!("{other} is no list"))),
    }
}

/// Steps from a first to a last value.
fn stepped<T: ArrowPrimitiveType>(
    call: &Call,
    bounds: (&PrimitiveArray<T>, &PrimitiveArray<T>),
    mut is_rising: impl FnMut(usize) -> Result<bool>,
    next: impl Fn(T::Native, usize) -> Option<T::Native>,
) -> Result<ArrayRef>
where
    T::Native: PartialOrd,
{
    let mut values: Vec<T::Native> = Vec::new();
    let mut lengths = Lengths::new(call.rows(), NAME);
    for row in 0..call.rows() {
        if call.is_null(row) {
            lengths.end(false);
            continue;
        }
        let (mut at, last) = (bounds.0.value(row), bounds.1.value(row));
        let is_rising = is_rising(row)?;
        while if is_rising { at <= last } else { at >= last } {
            lengths.count()?;
            values.push(at);
            match next(at, row) {
                Some(following) => at = following,
                None => break,
            }
        }
        lengths.end(true);
    }
    let values = PrimitiveArray::<T>::from_iter_values(values).with_data_type(item(call)?);
    lengths.lists(call, Arc::new(values))
}

pub(super) fn int4(call: &Call) -> Result<ArrayRef> {
    integers::<Int32Type>(call, 1, i32::checked_add, 0)
}

pub(super) fn int8(call: &Call) -> Result<ArrayRef> {
    integers::<Int64Type>(call, 1, i64::checked_add, 0)
}

fn integers<T: ArrowPrimitiveType>(
    call: &Call,
    one: T::Native,
    add: fn(T::Native, T::Native) -> Option<T::Native>,
    zero: T::Native,
) -> Result<ArrayRef>
where
    T::Native: PartialOrd,
{
    let steps = if call.len() > 2 {
        Some(call.values::<T>(2)?)
    } else {
        None
    };
    let step = |row: usize| steps.map_or(one, |steps| steps.value(row));
    stepped::<T>(
        call,
        (call.values::<T>(0)?, call.values::<T>(1)?),
        |row| match step(row) {
            step if step == zero => Err(no_step()),
            step => Ok(step > zero),
        },
        |at, row| add(at, step(row)),
    )
}

pub(super) fn numeric(call: &Call) -> Result<ArrayRef> {
    let wanted = item(call)?;
    let scale = decimal_shape(&wanted).map_or(0, |(_, scale)| scale);
    let one = 10_i128.pow(u32::from(scale.unsigned_abs()));
    let mut columns = Vec::with_capacity(call.len());
    for at in 0..call.len() {
        columns.push(cast(call.array(at)?, &wanted)?);
    }
    let decimals: Vec<&PrimitiveArray<Decimal128Type>> = columns
        .iter()
        .map(crate::functions::row_wise::primitives::<Decimal128Type>)
        .collect::<Result<_>>()?;
    let (Some(first), Some(last)) = (decimals.first(), decimals.get(1)) else {
        return Err(DataFusionError::Internal("a series has two ends".to_owned()));
    };
    let step = |row: usize| decimals.get(2).map_or(one, |steps| steps.value(row));
    stepped::<Decimal128Type>(
        call,
        (*first, *last),
        |row| match step(row) {
            0 => Err(no_step()),
            step => Ok(step > 0),
        },
        |at, row| at.checked_add(step(row)),
    )
}

/// Timestamps, with and without a zone: in the session's zone a day may have 23 hours.
pub(super) fn moments(call: &Call) -> Result<ArrayRef> {
    let is_zoned = matches!(item(call)?, DataType::Timestamp(_, Some(_)));
    let zone = Zone::of_session(call.config)?;
    let next = |at: i64, span: Span| match is_zoned {
        true => moved_in(at, span, &zone),
        false => moved(at, span),
    };
    let steps = call.values::<IntervalMonthDayNanoType>(2)?;
    let bounds = (
        call.values::<TimestampMicrosecondType>(0)?,
        call.values::<TimestampMicrosecondType>(1)?,
    );
    stepped::<TimestampMicrosecondType>(
        call,
        bounds,
        |row| match Span::of(steps.value(row)).length() {
            0 => Err(no_step()),
            length => Ok(length > 0),
        },
        |at, row| next(at, Span::of(steps.value(row))).ok(),
    )
}
