//! `sum` and `avg` with PostgreSQL's result types: neither wraps, neither rounds early.
//!
//! | argument | `sum` | `avg` |
//! |---|---|---|
//! | `smallint`, `integer` | `bigint` | numeric |
//! | `bigint` | numeric(38,0) | numeric |
//! | numeric(p,s) | numeric(38,s) | numeric |
//! | `real` | `real` | `double precision` |
//! | `double precision` | `double precision` | `double precision` |
//! | `interval` | `interval` | `interval` |
//!
//! Owns: `sum`, and what it shares with `avg` and `stddev`: values in the type of the sum, sums of groups. Does not own: the quotient of
//! `avg`, see `average`; moving frames, see `moving_frame`. Invariant: a sum that leaves its type's range is an error, never another number.
//! Start at [`Sum`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowNativeTypeOp, ArrowPrimitiveType, DataType, Decimal128Type, Field, FieldRef, Float32Type,
    Float64Type, Int64Type,
};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::datetime::aggregates::{Gathered, Gathering};
use super::moving_frame::{Recomputed, no_argument};
use crate::types::{decimal_shape, fault, unsupported};

/// The type in which values are added up, which is that of the sum.
fn sum_type(argument: &DataType) -> Result<DataType> {
    Ok(match argument {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::Float32 | DataType::Float64 | DataType::Interval(_) => argument.clone(),
        other => match decimal_shape(other) {
            Some((_, scale)) => DataType::Decimal128(38, scale),
            None => return Err(unsupported(format!("sum of {other} is not supported"))),
        },
    })
}

/// `sum`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sum {
    signature: Signature,
}

impl Sum {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.first().map_or_else(|| Err(no_argument()), sum_type)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.return_field.data_type().clone();
        if matches!(ty, DataType::Interval(_)) {
            return Gathered::boxed(Gathering::Sum, args.is_distinct);
        }
        if args.is_distinct {
            return Ok(Box::new(Widened {
                inner: sum_udaf().accumulator(args)?,
                ty,
            }));
        }
        Ok(Box::new(Running::try_new(ty)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let ty = args.return_type().clone();
        if args.is_distinct {
            let name = format_state_name(args.name, "sum distinct");
            let list = Field::new_list(name, Field::new_list_field(ty, true), false);
            return Ok(vec![Arc::new(list)]);
        }
        Ok(vec![Arc::new(Field::new(
            format_state_name(args.name, "sum"),
            ty,
            true,
        ))])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct && !matches!(args.return_field.data_type(), DataType::Interval(_))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        groups(args.return_field.data_type())
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.return_field.data_type().clone();
        if matches!(ty, DataType::Interval(_)) {
            return Recomputed::boxed(&args, || Gathered::boxed(Gathering::Sum, false));
        }
        let fresh = move || Ok(Box::new(Running::try_new(ty.clone())?) as Box<dyn Accumulator>);
        Recomputed::boxed(&args, fresh)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// An accumulator whose input is first cast to the type of its sum.
#[derive(Debug)]
struct Widened {
    inner: Box<dyn Accumulator>,
    ty: DataType,
}

pub(crate) fn widened(values: &[ArrayRef], ty: &DataType) -> Result<Vec<ArrayRef>> {
    values
        .iter()
        .map(|array| {
            Ok(if array.data_type() == ty {
                Arc::clone(array)
            } else {
                cast(array, ty)?
            })
        })
        .collect()
}

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&widened(values, &self.ty)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}

/// The sum of one group; NULL while there was no value.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) sum: ScalarValue,
    pub(crate) ty: DataType,
}

impl Running {
    pub(crate) fn try_new(ty: DataType) -> Result<Self> {
        Ok(Self {
            sum: ScalarValue::try_from(&ty)?,
            ty,
        })
    }

    pub(crate) fn add(&mut self, values: &ArrayRef) -> Result<()> {
        let values = widened(std::slice::from_ref(values), &self.ty)?;
        let values = values.first().ok_or_else(no_argument)?;
        match &mut self.sum {
            ScalarValue::Int64(sum) => add_exact::<Int64Type>(sum, values).ok_or_else(|| overflow(&self.ty)),
            ScalarValue::Decimal128(sum, ..) => {
                add_exact::<Decimal128Type>(sum, values).ok_or_else(|| overflow(&self.ty))
            }
            ScalarValue::Float32(sum) => add_double::<Float32Type>(sum, values, f32::is_finite),
            ScalarValue::Float64(sum) => add_double::<Float64Type>(sum, values, f64::is_finite),
            other => Err(DataFusionError::Internal(format!("no sums of {other}"))),
        }
    }
}

fn add_exact<T: ArrowPrimitiveType>(sum: &mut Option<T::Native>, values: &ArrayRef) -> Option<()> {
    for value in values.as_primitive::<T>().iter().flatten() {
        *sum = Some(match *sum {
            None => value,
            Some(sum) => sum.add_checked(value).ok()?,
        });
    }
    Some(())
}

fn add_double<T: ArrowPrimitiveType>(
    sum: &mut Option<T::Native>,
    values: &ArrayRef,
    is_finite: fn(T::Native) -> bool,
) -> Result<()> {
    for value in values.as_primitive::<T>().iter().flatten() {
        let before = sum.unwrap_or_default();
        let after = before.add_wrapping(value);
        if !is_finite(after) && is_finite(before) && is_finite(value) {
            return Err(overflow(&T::DATA_TYPE));
        }
        *sum = Some(after);
    }
    Ok(())
}

fn overflow(ty: &DataType) -> DataFusionError {
    match ty {
        DataType::Int64 => fault("22003", "bigint out of range"),
        DataType::Decimal128(..) => super::decimals::too_long(),
        _ => fault("22003", "value out of range: overflow"),
    }
}

impl Accumulator for Running {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values.first().ok_or_else(no_argument)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.sum.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.sum.clone()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

fn groups(ty: &DataType) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(match ty {
        DataType::Int64 => exact_groups::<Int64Type>(ty),
        DataType::Decimal128(..) => exact_groups::<Decimal128Type>(ty),
        DataType::Float32 => double_groups::<Float32Type>(ty, f32::is_finite),
        DataType::Float64 => double_groups::<Float64Type>(ty, f64::is_finite),
        other => return Err(unsupported(format!("sum of {other} is not supported"))),
    })
}

fn exact_groups<T: ArrowPrimitiveType + Send>(ty: &DataType) -> Box<dyn GroupsAccumulator>
where
    T::Native: ArrowNativeTypeOp,
{
    let has_overflown = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&has_overflown);
    let add = move |sum: &mut T::Native, value: T::Native| match sum.add_checked(value) {
        Ok(total) => *sum = total,
        Err(_) => flag.store(true, Ordering::Relaxed),
    };
    let inner = PrimitiveGroupsAccumulator::<T, _>::new(ty, add);
    Box::new(Summing {
        inner: Box::new(inner),
        ty: ty.clone(),
        has_overflown,
    })
}

fn double_groups<T: ArrowPrimitiveType + Send>(
    ty: &DataType,
    is_finite: fn(T::Native) -> bool,
) -> Box<dyn GroupsAccumulator>
where
    T::Native: ArrowNativeTypeOp,
{
    let has_overflown = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&has_overflown);
    let add = move |sum: &mut T::Native, value: T::Native| {
        let total = sum.add_wrapping(value);
        if !is_finite(total) && is_finite(*sum) && is_finite(value) {
            flag.store(true, Ordering::Relaxed);
        }
        *sum = total;
    };
    let inner = PrimitiveGroupsAccumulator::<T, _>::new(ty, add);
    Box::new(Summing {
        inner: Box::new(inner),
        ty: ty.clone(),
        has_overflown,
    })
}

/// Sums of many groups, which fail when one leaves its type's range.
struct Summing {
    inner: Box<dyn GroupsAccumulator>,
    ty: DataType,
    has_overflown: Arc<AtomicBool>,
}

impl Summing {
    fn check(&self) -> Result<()> {
        if self.has_overflown.load(Ordering::Relaxed) {
            Err(overflow(&self.ty))
        } else {
            Ok(())
        }
    }
}

impl GroupsAccumulator for Summing {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = widened(values, &self.ty)?;
        self.inner
            .update_batch(&values, group_indices, opt_filter, total_num_groups)?;
        self.check()
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.inner.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner.merge_batch(values, group_indices, total_num_groups)?;
        self.check()
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner
            .convert_to_state(&widened(values, &self.ty)?, opt_filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
