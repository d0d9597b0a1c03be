//! The value of a scalar subquery that may have several rows.
//!
//! DataFusion wants a scalar subquery to be an aggregate (docs/upstream.md, scalar-subquery). [`only`] keeps a row and counts them;
//! [`value_of`] takes the value, or fails as PostgreSQL does when there was another row. They are two because a correlated subquery is
//! computed for every value that occurs, and a second row matters only where the outer query has that value.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, UInt64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use crate::functions::row_wise;
use crate::types::fault;

/// A row's value of `expr`, and how many rows there are.
pub(crate) fn only(expr: Expr) -> Expr {
    AggregateUDF::from(Only(Signature::any(1, Volatility::Immutable))).call(vec![expr])
}

/// The value that [`only`] kept.
pub(crate) fn value_of(kept: Expr) -> Expr {
    ScalarUDF::from(ValueOf(Signature::any(1, Volatility::Immutable))).call(vec![kept])
}

/// Whether the expression is a value that [`only`] kept, of one column.
pub(crate) fn is_value_of(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(function) => {
            function.func.inner().is::<ValueOf>() && matches!(function.args.as_slice(), [Expr::Column(_)])
        }
        _ => false,
    }
}

fn kept_fields(value: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("value", value.clone(), true),
        Field::new("rows", DataType::UInt64, true),
    ])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Only(Signature);

impl AggregateUDFImpl for Only {
    fn name(&self) -> &'static str {
        "only_row"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        let value = args
            .first()
            .ok_or_else(|| DataFusionError::Internal("only_row has one argument".to_owned()))?;
        Ok(DataType::Struct(kept_fields(value)))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Seen {
            value: ScalarValue::try_from(value_type(args.return_field.data_type())?)?,
            rows: 0,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let value = value_type(args.return_field.data_type())?.clone();
        Ok(vec![
            Field::new(format_state_name(args.name, "value"), value, true).into(),
            Field::new(format_state_name(args.name, "rows"), DataType::UInt64, true).into(),
        ])
    }
}

/// The type of the value that was kept.
fn value_type(kept: &DataType) -> Result<&DataType> {
    match kept {
        DataType::Struct(fields) => fields.first().map(|field| field.data_type()),
        _ => None,
    }
    .ok_or_else(|| DataFusionError::Internal("only_row keeps a value and a count".to_owned()))
}

#[derive(Debug)]
struct Seen {
    value: ScalarValue,
    rows: u64,
}

impl Seen {
    fn add(&mut self, values: &ArrayRef, at: usize, rows: u64) -> Result<()> {
        if self.rows == 0 {
            self.value = ScalarValue::try_from_array(values, at)?;
        }
        self.rows += rows;
        Ok(())
    }
}

impl Accumulator for Seen {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = row_wise::argument(values, 0)?;
        match values.len() {
            0 => Ok(()),
            rows => self.add(values, 0, rows as u64),
        }
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.value.to_array()?;
        let rows = ScalarValue::UInt64(Some(self.rows)).to_array()?;
        let kept = StructArray::try_new(kept_fields(value.data_type()), vec![value, rows], None)?;
        Ok(ScalarValue::Struct(Arc::new(kept)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.value.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::UInt64(Some(self.rows))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (row_wise::argument(states, 0)?, row_wise::argument(states, 1)?);
        let counts = row_wise::primitives::<UInt64Type>(counts)?;
        for at in 0..values.len() {
            let rows = counts.value(at);
            if rows > 0 {
                self.add(values, at, rows)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ValueOf(Signature);

impl ScalarUDFImpl for ValueOf {
    fn name(&self) -> &'static str {
        "value_of_row"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match args.first() {
            Some(kept) => value_type(kept).cloned(),
            None => Err(DataFusionError::Internal(
                "value_of_row has one argument".to_owned(),
            )),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let kept = row_wise::argument(&arrays, 0)?;
        let parts = kept
            .as_struct_opt()
            .ok_or_else(|| DataFusionError::Internal("only_row keeps a struct".to_owned()))?;
        let (value, counts) = (
            row_wise::argument(parts.columns(), 0)?,
            row_wise::argument(parts.columns(), 1)?,
        );
        let counts = row_wise::primitives::<UInt64Type>(counts)?;
        let is_second = |at: usize| kept.is_valid(at) && counts.is_valid(at) && counts.value(at) > 1;
        if (0..kept.len()).any(is_second) {
            let message = "more than one row returned by a subquery used as an expression";
            return Err(fault("21000", message));
        }
        // Where nothing was kept, the value is NULL too.
        let nothing = datafusion::arrow::compute::is_null(kept)?;
        Ok(ColumnarValue::Array(datafusion::arrow::compute::nullif(
            value, &nothing,
        )?))
    }
}
