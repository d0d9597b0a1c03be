//! Rows as values: `(a, b)`, and whole rows of relations.
//!
//! Owns: the function that a row is in a plan, and comparisons of rows by their columns (PostgreSQL, "Row and Array Comparisons").
//! Does not own: comparisons of columns (`typing::operators`). Invariant: a comparison of rows leaves no row in the plan. Start at [`compared`].

use std::sync::Arc;

use datafusion::arrow::array::StructArray;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility, lit,
};

use crate::types::{Kind, Typed, fault, unsupported};

/// The name that the syntax gives to rows.
pub(crate) const NAME: &str = "causeway_row";

/// The function that makes a row.
pub(crate) fn row() -> ScalarUDF {
    ScalarUDF::from(Row(Signature::variadic_any(Volatility::Immutable)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Row(Signature);

impl ScalarUDFImpl for Row {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let fields = types
            .iter()
            .enumerate()
            .map(|(at, ty)| Field::new(format!("f{}", at + 1), ty.clone(), true));
        Ok(DataType::Struct(Fields::from_iter(fields)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        record(&args, &args.args)
    }
}

/// The columns as a value of the call's type.
fn record(args: &ScalarFunctionArgs, columns: &[ColumnarValue]) -> Result<ColumnarValue> {
    let DataType::Struct(fields) = args.return_field.data_type() else {
        return Err(DataFusionError::Internal("a row is a struct".to_owned()));
    };
    let arrays = columns.iter().map(|column| column.to_array(args.number_rows));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let rows = StructArray::try_new_with_length(fields.clone(), arrays, None, args.number_rows)?;
    Ok(ColumnarValue::Array(Arc::new(rows)))
}

/// The name that the syntax gives to whole rows: names of columns, each with its value.
pub(crate) const RECORD: &str = "causeway_record";

/// The function that makes a whole row.
pub(crate) fn whole() -> ScalarUDF {
    let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
    ScalarUDF::from(Record(Signature::one_of(any, Volatility::Immutable)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Record(Signature);

impl ScalarUDFImpl for Record {
    fn name(&self) -> &'static str {
        RECORD
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal(
            "a whole row needs its names".to_owned(),
        ))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let names = args.scalar_arguments.iter().step_by(2);
        let columns = args.arg_fields.iter().skip(1).step_by(2);
        let fields = names.zip(columns).map(|(name, column)| {
            let name = name
                .and_then(|name| name.try_as_str().flatten())
                .unwrap_or_default();
            Field::new(name, column.data_type().clone(), true)
        });
        let fields: Fields = fields.collect();
        Ok(Arc::new(Field::new(self.name(), DataType::Struct(fields), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns: Vec<ColumnarValue> = args.args.iter().skip(1).step_by(2).cloned().collect();
        record(&args, &columns)
    }
}

/// The columns of a row.
pub(crate) fn parts(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Alias(alias) => parts(&alias.expr),
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.inner().is::<Row>() => Some(args),
        _ => None,
    }
}

/// `IS NULL`, which is true of a row whose columns are all NULL, or `IS NOT NULL`, true of one in which none is.
///
/// # Errors
/// 0A000 for a row that is a column.
pub(crate) fn is_null(operand: Typed, is_negated: bool) -> Result<Expr> {
    let test = |expr: Expr| match is_negated {
        true => Expr::IsNotNull(Box::new(expr)),
        false => Expr::IsNull(Box::new(expr)),
    };
    let is_row = matches!(operand.ty, DataType::Struct(_)) && operand.kind() == Kind::Other;
    if !is_row {
        return Ok(test(operand.expr));
    }
    let columns: Vec<Expr> = match (parts(&operand.expr), &operand.expr) {
        (Some(parts), _) => parts.to_vec(),
        (None, Expr::ScalarFunction(function)) if function.func.inner().is::<Record>() => {
            function.args.iter().skip(1).step_by(2).cloned().collect()
        }
        _ => return Err(unsupported("IS NULL of a row that is a column is not supported")),
    };
    let tests = columns.into_iter().map(test);
    Ok(tests.reduce(Expr::and).unwrap_or_else(|| lit(true)))
}

fn typed_parts(row: &Typed) -> Option<Vec<Typed>> {
    let parts = parts(&row.expr)?;
    let DataType::Struct(fields) = &row.ty else {
        return None;
    };
    let typed = parts.iter().zip(fields).map(|(expr, field)| Typed {
        expr: expr.clone(),
        ty: field.data_type().clone(),
    });
    Some(typed.collect())
}

/// Two rows compared by their columns; `None` when neither is a row.
///
/// # Errors
/// 42601 when they have different numbers of columns; those of the comparison of two columns.
pub(crate) fn compared(
    left: &Typed,
    op: Operator,
    right: &Typed,
    columns: impl Fn(Typed, Operator, Typed) -> Result<Expr>,
) -> Option<Result<Expr>> {
    match (typed_parts(left), typed_parts(right)) {
        (None, None) => None,
        (Some(left), Some(right)) => Some(by_columns(&left, op, &right, columns)),
        _ => Some(Err(fault("42601", "a row can only be compared with a row"))),
    }
}

fn by_columns(
    left: &[Typed],
    op: Operator,
    right: &[Typed],
    columns: impl Fn(Typed, Operator, Typed) -> Result<Expr>,
) -> Result<Expr> {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    if left.len() != right.len() {
        return Err(fault("42601", "unequal number of entries in row expressions"));
    }
    let strict = match op {
        LtEq => Lt,
        GtEq => Gt,
        Eq | NotEq | Lt | Gt | IsDistinctFrom | IsNotDistinctFrom => op,
        _ => {
            let message = format!("operator {op} does not compare rows");
            return Err(fault("42883", message));
        }
    };
    let mut whole: Option<Expr> = None;
    for (left, right) in left.iter().zip(right).rev() {
        let one = |op| columns(left.clone(), op, right.clone());
        whole = Some(match (whole, op) {
            (None, _) => one(op)?,
            (Some(rest), Eq | IsNotDistinctFrom) => one(op)?.and(rest),
            (Some(rest), NotEq | IsDistinctFrom) => one(op)?.or(rest),
            // The first pair that differs decides.
            (Some(rest), _) => one(strict)?.or(one(Eq)?.and(rest)),
        });
    }
    whole.ok_or_else(|| fault("0A000", "a row without columns can't be compared"))
}
