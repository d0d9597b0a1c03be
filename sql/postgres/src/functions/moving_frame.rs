//! Aggregates over a moving frame, computed anew for each frame.
//!
//! Owns: the rows of the frame. Does not own: what is computed of them. Invariant: nothing is ever subtracted, so no rounding errors
//! gather. Start at [`Recomputed`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, new_empty_array};
use datafusion::arrow::compute::concat;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::AccumulatorArgs;

use crate::types::unsupported;

pub(crate) fn no_argument() -> DataFusionError {
    DataFusionError::Internal("an aggregate without an argument".to_owned())
}

/// An aggregate over a moving frame, computed anew for each frame: subtracting what leaves would gather rounding errors.
pub(crate) struct Recomputed {
    frame: ArrayRef,
    fresh: Box<dyn Fn() -> Result<Box<dyn Accumulator>> + Send + Sync>,
}

impl std::fmt::Debug for Recomputed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recomputed")
            .field("rows", &self.frame.len())
            .finish_non_exhaustive()
    }
}

impl Recomputed {
    pub(crate) fn boxed(
        args: &AccumulatorArgs,
        fresh: impl Fn() -> Result<Box<dyn Accumulator>> + Send + Sync + 'static,
    ) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(unsupported("DISTINCT is not supported in window functions"));
        }
        let argument = args.expr_fields.first().ok_or_else(no_argument)?.data_type();
        Ok(Box::new(Self {
            frame: new_empty_array(argument),
            fresh: Box::new(fresh),
        }))
    }
}

impl Accumulator for Recomputed {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let entering = values.first().ok_or_else(no_argument)?;
        self.frame = concat(&[self.frame.as_ref(), entering.as_ref()])?;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let leaving = values
            .first()
            .ok_or_else(no_argument)?
            .len()
            .min(self.frame.len());
        self.frame = self.frame.slice(leaving, self.frame.len() - leaving);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut accumulator = (self.fresh)()?;
        accumulator.update_batch(&[Arc::clone(&self.frame)])?;
        accumulator.evaluate()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.frame.get_array_memory_size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(DataFusionError::Internal(
            "a frame has no partial state".to_owned(),
        ))
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        Err(DataFusionError::Internal(
            "a frame has no partial state".to_owned(),
        ))
    }
}
