//! Quoted literals in VALUES, which take the type of their column (PostgreSQL, "UNION, CASE, and Related Constructs").
//!
//! DataFusion types a column of VALUES before PostgreSQL's rules are asked. Owns: columns in which a cast names the type. Does not own:
//! columns of numbers of several types; see `typing::set_operations`. Invariant: expressions that have a type keep it. Start at [`in_body`].

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, SetExpr, Value, Values};

/// Types every VALUES that is the body of a query, or a part of it.
pub(crate) fn in_body(body: &mut SetExpr) {
    match body {
        SetExpr::Values(values) => typed(values),
        SetExpr::SetOperation { left, right, .. } => {
            in_body(left);
            in_body(right);
        }
        _ => {}
    }
}

/// Casts the quoted literals and NULLs of each column to the type that a cast in it names.
fn typed(values: &mut Values) {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in 0..width {
        let column = values.rows.iter().filter_map(|row| row.content.get(at));
        let Some(ty) = column.clone().find_map(named_type) else {
            continue;
        };
        if column.count() < 2 {
            continue;
        }
        for row in &mut values.rows {
            if let Some(expr) = row.content.get_mut(at).filter(|expr| is_unknown(expr)) {
                let literal = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(literal),
                    data_type: ty.clone(),
                    array: false,
                    format: None,
                };
            }
        }
    }
}

/// The type that an expression names; a length or a precision is the value's alone.
fn named_type(expr: &Expr) -> Option<DataType> {
    let ty = match expr {
        Expr::Nested(inner) => return named_type(inner),
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            data_type,
            ..
        } => data_type,
        Expr::TypedString(typed) => &typed.data_type,
        Expr::Interval(_) => {
            return Some(DataType::Interval {
                fields: None,
                precision: None,
            });
        }
        _ => return None,
    };
    Some(match ty {
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => DataType::Text,
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => {
            DataType::Numeric(datafusion::sql::sqlparser::ast::ExactNumberInfo::None)
        }
        DataType::Timestamp(_, zone) => DataType::Timestamp(None, *zone),
        DataType::Time(_, zone) => DataType::Time(None, *zone),
        other => other.clone(),
    })
}

fn is_unknown(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_) | Value::Null | Value::EscapedStringLiteral(_)))
}
