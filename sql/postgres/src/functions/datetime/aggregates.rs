//! Sums, averages and extremes of intervals.
//!
//! Owns: how intervals are gathered. Does not own: `sum` and `avg` themselves; see `functions::aggregates`. Invariant: of two intervals that
//! are equally long, such as a day and 24 hours, the first stays. Start at [`Gathered`].

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray as _};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::arithmetic::Interval;
use super::intervals::Span;
use crate::functions::moving_frame::{Recomputed, no_argument};
use crate::functions::row_wise;
use crate::types::{Kind, unsupported};

/// What is made of the intervals of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Gathering {
    Sum,
    Average,
    Min,
    Max,
}

/// The intervals of one group.
#[derive(Debug)]
pub(crate) struct Gathered {
    gathering: Gathering,
    value: Option<Span>,
    count: i64,
}

impl Gathered {
    /// Gathers for an aggregate, over a moving frame too.
    ///
    /// # Errors
    /// 0A000 for DISTINCT, as equal intervals may look different.
    pub(crate) fn boxed(gathering: Gathering, is_distinct: bool) -> Result<Box<dyn Accumulator>> {
        if is_distinct && matches!(gathering, Gathering::Sum | Gathering::Average) {
            return Err(unsupported("DISTINCT intervals are not supported in aggregates"));
        }
        Ok(Box::new(Self {
            gathering,
            value: None,
            count: 0,
        }))
    }

    fn add(&mut self, span: Span) -> Result<()> {
        let wins = |order: Ordering| match self.gathering {
            Gathering::Min => order.is_lt(),
            _ => order.is_gt(),
        };
        self.value = Some(match (self.value, self.gathering) {
            (None, _) => span,
            (Some(sum), Gathering::Sum | Gathering::Average) => sum.plus(span)?,
            (Some(best), _) if wins(span.length().cmp(&best.length())) => span,
            (Some(best), _) => best,
        });
        Ok(())
    }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let intervals = row_wise::primitives::<Interval>(values.first().ok_or_else(no_argument)?)?;
        for interval in intervals.iter().flatten() {
            self.count += 1;
            self.add(Span::of(interval))?;
        }
        Ok(())
    }

    #[allow(clippy::cast_precision_loss, reason = "as PostgreSQL divides")]
    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = match (self.value, self.gathering) {
            (Some(sum), Gathering::Average) => Some(sum.divided(self.count as f64)?),
            (value, _) => value,
        };
        Ok(ScalarValue::IntervalMonthDayNano(
            value.map(Span::interval).transpose()?,
        ))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let value = ScalarValue::IntervalMonthDayNano(self.value.map(Span::interval).transpose()?);
        Ok(match self.gathering {
            Gathering::Average => vec![value, ScalarValue::Int64(Some(self.count))],
            _ => vec![value],
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let intervals = row_wise::primitives::<Interval>(states.first().ok_or_else(no_argument)?)?;
        for interval in intervals.iter().flatten() {
            self.add(Span::of(interval))?;
        }
        if let Some(counts) = states.get(1) {
            self.count += counts.as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        }
        Ok(())
    }
}

/// `min` or `max` of intervals, which are compared by their length.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extreme {
    gathering: Gathering,
    signature: Signature,
}

impl Extreme {
    /// The aggregate of this name over intervals, where it is another than over other values.
    pub(crate) fn of(name: &str) -> Option<Arc<AggregateUDF>> {
        let gathering = match name {
            "min" => Gathering::Min,
            "max" => Gathering::Max,
            _ => return None,
        };
        let signature = Signature::any(1, Volatility::Immutable);
        Some(Arc::new(AggregateUDF::from(Self { gathering, signature })))
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        if self.gathering == Gathering::Min {
            "min"
        } else {
            "max"
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(Kind::Interval.arrow())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Gathered::boxed(self.gathering, args.is_distinct)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let gathering = self.gathering;
        Recomputed::boxed(&args, move || Gathered::boxed(gathering, false))
    }
}
