//! `stddev` and its kin over doubles, digit for digit.
//!
//! Source: `float8_accum` and `float8_combine` of PostgreSQL 15, the Youngs-Cramer algorithm.
//!
//! Owns: the algorithm and its partial states. Does not own: aggregates of numerics, which PostgreSQL computes in another way.
//! Invariant: the same values in the same order give PostgreSQL's bits. Start at [`Variance`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::row_wise;
use crate::types::{fault, unsupported};

/// One of the aggregates.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variance {
    name: &'static str,
    signature: Signature,
}

impl Variance {
    pub(crate) const NAMES: [&'static str; 4] = ["stddev", "stddev_pop", "var_pop", "var_samp"];

    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for Variance {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(unsupported(format!("{}(DISTINCT …) is not supported", self.name)));
        }
        Ok(Box::new(Spread {
            name: self.name,
            ..Spread::default()
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let fields = ["count", "sum", "squares"];
        Ok(fields
            .map(|part| {
                Arc::new(Field::new(
                    format_state_name(args.name, part),
                    DataType::Float64,
                    true,
                ))
            })
            .to_vec())
    }
}

/// Count, sum, and sum of the squared distances from the mean.
#[derive(Debug, Default)]
struct Spread {
    name: &'static str,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) -> Result<()> {
        let before = (self.count, self.sum);
        self.count += 1.0;
        self.sum += value;
        if before.0 == 0.0 {
            if !value.is_finite() {
                self.squares = f64::NAN;
            }
            return Ok(());
        }
        let distance = value * self.count - self.sum;
        self.squares += distance * distance / (self.count * before.0);
        if self.sum.is_infinite() || self.squares.is_infinite() {
            if before.1.is_finite() && value.is_finite() {
                return Err(fault("22003", "value out of range: overflow"));
            }
            self.squares = f64::NAN;
        }
        Ok(())
    }

    fn merge(&mut self, count: f64, sum: f64, squares: f64) {
        if count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            (self.count, self.sum, self.squares) = (count, sum, squares);
            return;
        }
        let total = self.count + count;
        let distance = self.sum / self.count - sum / count;
        self.squares += squares + self.count * count * distance * distance / total;
        self.sum += sum;
        self.count = total;
    }
}

impl Accumulator for Spread {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = row_wise::primitives::<Float64Type>(row_wise::argument(values, 0)?)?;
        values.iter().flatten().try_for_each(|value| self.add(value))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let is_sample = matches!(self.name, "stddev" | "var_samp");
        let divisor = if is_sample { self.count - 1.0 } else { self.count };
        if divisor <= 0.0 {
            return Ok(ScalarValue::Float64(None));
        }
        let variance = self.squares / divisor;
        let value = if self.name.starts_with("stddev") {
            variance.sqrt()
        } else {
            variance
        };
        Ok(ScalarValue::Float64(Some(super::floats::canonical(value))))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok([self.count, self.sum, self.squares]
            .map(|part| ScalarValue::Float64(Some(part)))
            .to_vec())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [counts, sums, squares] = states else {
            return Err(DataFusionError::Internal("a variance has three parts".to_owned()));
        };
        let parts = (
            row_wise::primitives::<Float64Type>(counts)?,
            row_wise::primitives::<Float64Type>(sums)?,
            row_wise::primitives::<Float64Type>(squares)?,
        );
        for row in 0..counts.len() {
            self.merge(parts.0.value(row), parts.1.value(row), parts.2.value(row));
        }
        Ok(())
    }
}
