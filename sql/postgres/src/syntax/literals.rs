//! Literals and casts of a statement, written so that DataFusion reads them as PostgreSQL does.
//!
//! Owns: types of numbers, typed texts, `varchar(n)`. Does not own: reading values; see `text::input`.
//! Invariant: no digit is lost between the statement and the plan. Start at [`number`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, DataType, Expr, Ident, ObjectName, SetExpr, Value};

use super::step::{Step, fail};
use crate::error::sqlstate;
use crate::functions::decimals;

/// Integer literals are `integer` when they fit, then `bigint`, then numeric.
pub(crate) fn number(expr: &mut Expr) {
    let Expr::Value(value) = expr else {
        return;
    };
    let Value::Number(digits, long) = &mut value.value else {
        return;
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    if digits.parse::<i32>().is_ok() {
        let inner = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
        *expr = cast(inner, DataType::Integer(None));
    } else if digits.parse::<i64>().is_err() {
        // With a point it is read as a numeric.
        digits.push('.');
        *long = false;
    }
}

/// A number that DataFusion cannot read; what it means is decided beside its neighbour.
pub(crate) fn long_numeric(digits: &str) -> Expr {
    cast(text(digits), DataType::Numeric(ast::ExactNumberInfo::None))
}

/// `-2147483648` and `-9223372036854775808`, whose digits alone are of a wider type, and numbers that are read as text.
pub(crate) fn negated_number(size: &Expr) -> Option<Expr> {
    if let Expr::Cast { expr, .. } = size
        && let Expr::Value(value) = expr.as_ref()
        && let Value::SingleQuotedString(digits) = &value.value
        && *size == long_numeric(digits)
        && decimals::is_long_numeric(digits)
    {
        return Some(match digits.strip_prefix('-') {
            Some(size) => long_numeric(size),
            None => long_numeric(&format!("-{digits}")),
        });
    }
    let Expr::Value(value) = size else {
        return None;
    };
    match &value.value {
        Value::Number(digits, _) if digits == "2147483648" => {
            Some(cast(text("-2147483648"), DataType::Integer(None)))
        }
        Value::Number(digits, _) if digits == "9223372036854775808." => {
            Some(cast(text("-9223372036854775808"), DataType::BigInt(None)))
        }
        _ => None,
    }
}

/// In a column of VALUES that has doubles, numbers are doubles: DataFusion would make the doubles numerics.
pub(crate) fn double_columns(body: &mut SetExpr) {
    let SetExpr::Values(values) = body else {
        return;
    };
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in 0..width {
        let double = values
            .rows
            .iter()
            .find_map(|row| row.content.get(at).and_then(double_of));
        let Some(double) = double else {
            continue;
        };
        for expr in values.rows.iter_mut().filter_map(|row| row.content.get_mut(at)) {
            if double_of(expr).is_none() {
                let value = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
                *expr = cast(value, double.clone());
            }
        }
    }
}

/// The type of doubles that an expression is cast to.
fn double_of(expr: &Expr) -> Option<DataType> {
    match expr {
        Expr::Cast { data_type, .. } => is_double(data_type).then(|| data_type.clone()),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => double_of(expr),
        _ => None,
    }
}

fn is_double(ty: &DataType) -> bool {
    use DataType as T;
    matches!(
        ty,
        T::Real | T::Float4 | T::Float(_) | T::Float8 | T::Double(_) | T::DoublePrecision
    )
}

pub(crate) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

pub(crate) fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).with_empty_span())
}

/// Makes a call of a function with positional arguments.
#[must_use]
pub fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args
        .into_iter()
        .map(|arg| ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg)))
        .collect();
    Expr::Function(ast::Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `varchar(n)` cuts.
pub(crate) fn limited_text(expr: &mut Expr) -> Step {
    let Expr::Cast {
        kind,
        expr: inner,
        data_type,
        ..
    } = expr
    else {
        return ControlFlow::Continue(());
    };
    if matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast) {
        return fail(sqlstate::SYNTAX, "syntax error: use CAST");
    }
    let length = match data_type {
        DataType::Varchar(Some(length))
        | DataType::CharacterVarying(Some(length))
        | DataType::CharVarying(Some(length)) => *length,
        _ => return ControlFlow::Continue(()),
    };
    let ast::CharacterLength::IntegerLength { length, .. } = length else {
        return ControlFlow::Continue(());
    };
    if length == 0 {
        return fail("22023", "length for type varchar must be at least 1");
    }
    let Ok(length) = i32::try_from(length) else {
        return fail("22023", "length for type varchar cannot exceed 10485760");
    };
    let inner = std::mem::replace(inner.as_mut(), Expr::Value(Value::Null.with_empty_span()));
    let length = Expr::Value(Value::Number(length.to_string(), false).with_empty_span());
    *expr = call(
        "left",
        vec![cast(inner, DataType::Text), cast(length, DataType::Integer(None))],
    );
    ControlFlow::Continue(())
}
