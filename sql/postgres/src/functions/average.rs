//! `avg`, which divides once. Its types are beside those of `sum`.
//!
//! Owns: avg over numerics, doubles and intervals. Does not own: running sums; see `aggregates`.
//! Invariant: rounding happens once, at the division. Start at [`Average`].

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, ReversedUDAF, Signature, Volatility};

use super::aggregates::{Running, widened};
use super::datetime::aggregates::{Gathered, Gathering};
use super::division;
use super::moving_frame::{Recomputed, no_argument};
use crate::types::{QUOTIENT_SCALE, decimal_shape, unsupported};

const AVERAGE: DataType = DataType::Decimal128(38, QUOTIENT_SCALE);

/// `avg`: an exact sum and a count, divided once.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Average {
    signature: Signature,
}

impl Average {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }

    fn sum_type(argument: &DataType) -> Result<DataType> {
        match argument {
            DataType::Float32 | DataType::Float64 => Ok(DataType::Float64),
            DataType::Interval(_) => Ok(argument.clone()),
            other => match decimal_shape(other) {
                Some((_, scale)) => Ok(DataType::Decimal128(38, scale)),
                None => Err(unsupported(format!("avg of {other} is not supported"))),
            },
        }
    }
}

impl AggregateUDFImpl for Average {
    fn name(&self) -> &str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let argument = types.first().ok_or_else(no_argument)?;
        Ok(match Self::sum_type(argument)? {
            ty @ (DataType::Float64 | DataType::Interval(_)) => ty,
            _ => AVERAGE,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let argument = args.expr_fields.first().ok_or_else(no_argument)?.data_type();
        let ty = Self::sum_type(argument)?;
        if matches!(ty, DataType::Interval(_)) {
            return Gathered::boxed(Gathering::Average, args.is_distinct);
        }
        let sum = Running::try_new(ty)?;
        let distinct = args.is_distinct.then(HashSet::new);
        Ok(Box::new(Averaging {
            sum,
            count: 0,
            distinct,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let argument = args.input_fields.first().ok_or_else(no_argument)?.data_type();
        let ty = Self::sum_type(argument)?;
        if args.is_distinct {
            let name = format_state_name(args.name, "values");
            return Ok(vec![Arc::new(Field::new_list(
                name,
                Field::new_list_field(ty, true),
                true,
            ))]);
        }
        Ok(vec![
            Arc::new(Field::new(format_state_name(args.name, "sum"), ty, true)),
            Arc::new(Field::new(
                format_state_name(args.name, "count"),
                DataType::Int64,
                true,
            )),
        ])
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = Self::sum_type(args.expr_fields.first().ok_or_else(no_argument)?.data_type())?;
        if matches!(ty, DataType::Interval(_)) {
            return Recomputed::boxed(&args, || Gathered::boxed(Gathering::Average, false));
        }
        let fresh = move || {
            let sum = Running::try_new(ty.clone())?;
            Ok(Box::new(Averaging {
                sum,
                count: 0,
                distinct: None,
            }) as Box<dyn Accumulator>)
        };
        Recomputed::boxed(&args, fresh)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// The average of one group.
#[derive(Debug)]
struct Averaging {
    sum: Running,
    count: i64,
    /// The different values, for `avg(DISTINCT …)`.
    distinct: Option<HashSet<ScalarValue>>,
}

impl Averaging {
    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        let values = widened(std::slice::from_ref(values), &self.sum.ty)?;
        let values = values.first().ok_or_else(no_argument)?;
        if let Some(distinct) = &mut self.distinct {
            for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
                distinct.insert(ScalarValue::try_from_array(values, row)?);
            }
            return Ok(());
        }
        self.count += i64::try_from(values.len() - values.null_count()).unwrap_or(i64::MAX);
        self.sum.add(values)
    }
}

impl Accumulator for Averaging {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values.first().ok_or_else(no_argument)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if let Some(distinct) = self.distinct.take() {
            if !distinct.is_empty() {
                let values = ScalarValue::iter_to_array(distinct.iter().cloned())?;
                self.add(&values)?;
            }
            self.distinct = None;
        }
        let sum = self.sum.sum.clone();
        let count = self.count;
        Ok(match sum {
            ScalarValue::Decimal128(Some(sum), _, scale) if count > 0 => {
                let average = division::quotient((sum, scale), (i128::from(count), 0), QUOTIENT_SCALE);
                ScalarValue::Decimal128(
                    Some(average.ok_or_else(super::decimals::too_long)?),
                    38,
                    QUOTIENT_SCALE,
                )
            }
            #[allow(clippy::cast_precision_loss, reason = "as PostgreSQL divides")]
            ScalarValue::Float64(Some(sum)) if count > 0 => {
                ScalarValue::Float64(Some(super::floats::canonical(sum / count as f64)))
            }
            ScalarValue::Float64(_) => ScalarValue::Float64(None),
            _ => ScalarValue::try_from(&AVERAGE)?,
        })
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.sum.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if let Some(distinct) = &self.distinct {
            let values: Vec<ScalarValue> = distinct.iter().cloned().collect();
            return Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(
                &values,
                &self.sum.ty,
            ))]);
        }
        Ok(vec![self.sum.sum.clone(), ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let first = states.first().ok_or_else(no_argument)?;
        if self.distinct.is_some() {
            for list in first.as_list::<i32>().iter().flatten() {
                self.add(&list)?;
            }
            return Ok(());
        }
        self.sum.add(first)?;
        let counts: &PrimitiveArray<Int64Type> = states.get(1).ok_or_else(no_argument)?.as_primitive();
        self.count += counts.iter().flatten().sum::<i64>();
        Ok(())
    }
}
