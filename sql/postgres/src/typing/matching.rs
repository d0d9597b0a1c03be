//! The operators that match patterns: LIKE, SIMILAR TO, `~` and their kin.
//!
//! Owns: their operands. Does not own: what a pattern may say; see `functions::patterns`.
//! Invariant: a pattern that is a constant is checked while the statement is planned. Start at [`like`].

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

use crate::error::sqlstate;
use crate::functions::patterns::{escaped_by_backslash, regex, similar_to_regex};
use crate::functions::strings::{checked_pattern, matched_by};
use crate::types::{Kind, Typed, fault, unsupported};

/// The text of a constant pattern; the inner `None` is NULL.
fn constant(expr: &Expr) -> Option<Option<String>> {
    match expr {
        Expr::Literal(value, _) if value.is_null() => Some(None),
        Expr::Literal(value, _) => value.try_as_str().map(|text| text.map(str::to_owned)),
        _ => None,
    }
}

fn text_operand(operand: Typed, name: &str) -> Result<Expr> {
    match operand.kind() {
        Kind::Text => Ok(operand.expr),
        Kind::Unknown => operand.to(&DataType::Utf8),
        other => {
            let message = format!("operator does not exist: {} {name} unknown", other.name());
            Err(fault(sqlstate::UNDEFINED_FUNCTION, message))
        }
    }
}

/// `expr [NOT] LIKE pattern [ESCAPE c]`, with the escape character brought back to the backslash.
pub(crate) fn like(
    negated: bool,
    case_insensitive: bool,
    expr: Typed,
    pattern: Typed,
    escape: Option<char>,
) -> Result<Expr> {
    let symbol = if case_insensitive { "~~*" } else { "~~" };
    let expr = text_operand(expr, symbol)?;
    let pattern = text_operand(pattern, symbol)?;
    let pattern = match constant(&pattern) {
        Some(None) => pattern,
        Some(Some(text)) => lit(escaped_by_backslash(&text, escape.unwrap_or('\\'))?),
        None if escape.is_some_and(|escape| escape != '\\') => {
            return Err(unsupported("ESCAPE is supported with constant patterns only"));
        }
        None => checked_pattern(pattern),
    };
    Ok(Expr::Like(Like::new(
        negated,
        Box::new(expr),
        Box::new(pattern),
        None,
        case_insensitive,
    )))
}

/// `~`, `~*`, `!~` and `!~*`.
pub(crate) fn matches(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    let name = op.to_string();
    let text = text_operand(left, &name)?;
    let pattern = text_operand(right, &name)?;
    let pattern = match constant(&pattern) {
        Some(None) => return Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
        Some(Some(pattern)) => lit(regex(&pattern)?),
        None => return Ok(matches_each(text, op, pattern)),
    };
    Ok(Expr::BinaryExpr(BinaryExpr::new(
        Box::new(text),
        op,
        Box::new(pattern),
    )))
}

/// A pattern that may be another one in each row.
fn matches_each(text: Expr, op: Operator, pattern: Expr) -> Expr {
    let folds = matches!(op, Operator::RegexIMatch | Operator::RegexNotIMatch);
    let matched = matched_by(text, pattern, folds);
    match op {
        Operator::RegexNotMatch | Operator::RegexNotIMatch => Expr::Not(Box::new(matched)),
        _ => matched,
    }
}

/// `expr SIMILAR TO pattern`, as a regular expression over the whole text.
pub(crate) fn similar(negated: bool, expr: Typed, pattern: Typed, escape: Option<char>) -> Result<Expr> {
    let text = text_operand(expr, "SIMILAR TO")?;
    let pattern = text_operand(pattern, "SIMILAR TO")?;
    let pattern = match constant(&pattern) {
        Some(None) => return Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
        Some(Some(pattern)) => lit(regex(&similar_to_regex(&pattern, escape.unwrap_or('\\'))?)?),
        None => return Err(unsupported("SIMILAR TO is supported with constant patterns only")),
    };
    let op = if negated {
        Operator::RegexNotMatch
    } else {
        Operator::RegexMatch
    };
    Ok(Expr::BinaryExpr(BinaryExpr::new(
        Box::new(text),
        op,
        Box::new(pattern),
    )))
}
