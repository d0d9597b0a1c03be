//! `= ANY (…)`, `<> ALL (…)` and their kin.
//!
//! Owns: ANY and ALL over lists. Does not own: those over subqueries (`subqueries::quantified`) and over parameters (`array_parameters`).
//! Invariant: an empty list makes ANY false and ALL true. Start at [`quantified`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, DataType, Expr, Value};

use super::literals::{cast, text};
use super::step::{Step, refuse};
use crate::error::Error;

/// `x op ANY (…)` and `x op ALL (…)` over lists, as comparisons with each item; over subqueries, as IN where it is that.
///
/// Errors: breaks with 0A000 for an operator that has no such form, 22P02 for a list that is none.
pub fn quantified(expr: &mut Expr) -> Step {
    let (left, op, right, is_any) = match &*expr {
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => (left, compare_op, right, true),
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => (left, compare_op, right, false),
        _ => return ControlFlow::Continue(()),
    };
    if let Expr::Subquery(query) = right.as_ref() {
        let negated = match (op, is_any) {
            (BinaryOperator::Eq, true) => false,
            (BinaryOperator::NotEq, false) => true,
            _ => return ControlFlow::Continue(()),
        };
        *expr = Expr::InSubquery {
            expr: left.clone(),
            subquery: query.clone(),
            negated,
        };
        return ControlFlow::Continue(());
    }
    let items = match list_items(right) {
        // An array that is not known yet: DataFusion has a function for `= ANY`, which becomes a list with the parameters' values.
        Ok(None) if matches!((op, is_any), (BinaryOperator::NotEq, false)) => {
            *expr = Expr::Nested(Box::new(Expr::UnaryOp {
                op: ast::UnaryOperator::Not,
                expr: Box::new(Expr::AnyOp {
                    left: left.clone(),
                    compare_op: BinaryOperator::Eq,
                    right: right.clone(),
                    is_some: false,
                }),
            }));
            return ControlFlow::Continue(());
        }
        Ok(Some(items)) => items,
        Ok(None) => return ControlFlow::Continue(()),
        Err(error) => return ControlFlow::Break(Box::new(error)),
    };
    if items.is_empty() {
        *expr = Expr::Value(Value::Boolean(!is_any).with_empty_span());
        return ControlFlow::Continue(());
    }
    *expr = with_each(left, op, is_any, items);
    ControlFlow::Continue(())
}

/// The comparison with each of the items, of which there is one at least.
fn with_each(left: &Expr, op: &BinaryOperator, is_any: bool, items: Vec<Expr>) -> Expr {
    let negated = match (op, is_any) {
        (BinaryOperator::Eq, true) => Some(false),
        (BinaryOperator::NotEq, false) => Some(true),
        _ => None,
    };
    if let Some(negated) = negated {
        return Expr::InList {
            expr: Box::new(left.clone()),
            list: items,
            negated,
        };
    }
    let link = if is_any {
        BinaryOperator::Or
    } else {
        BinaryOperator::And
    };
    let tests = items
        .into_iter()
        .map(|item| Expr::Nested(Box::new(binary(left.clone(), op.clone(), item))));
    let joined = tests.reduce(|all, test| binary(all, link.clone(), test));
    Expr::Nested(Box::new(
        joined.unwrap_or_else(|| Expr::Value(Value::Null.with_empty_span())),
    ))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

/// `x LIKE ANY (array)` and `x LIKE ALL (array)`, item by item.
///
/// # Errors
/// 0A000 for an array that is not written out.
pub(crate) fn like(expr: &mut Expr) -> Step {
    let (Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. }) = &mut *expr else {
        return ControlFlow::Continue(());
    };
    let quantifier = match pattern.as_ref() {
        Expr::Function(function) => match function.name.to_string().to_lowercase().as_str() {
            "all" => Some(BinaryOperator::And),
            "any" | "some" => Some(BinaryOperator::Or),
            _ => None,
        },
        _ if *any => Some(BinaryOperator::Or),
        _ => None,
    };
    let Some(op) = quantifier else {
        return ControlFlow::Continue(());
    };
    let array = match pattern.as_ref() {
        Expr::Function(function) => match &function.args {
            ast::FunctionArguments::List(list) => match list.args.as_slice() {
                [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(array))] => Some(array.clone()),
                _ => None,
            },
            _ => None,
        },
        other => Some(other.clone()),
    };
    let items = match array.as_ref().map(list_items) {
        Some(Ok(Some(items))) => items,
        Some(Err(error)) => return ControlFlow::Break(Box::new(error)),
        _ => return refuse("LIKE ANY or ALL over an array that is not written out is not supported"),
    };
    let tests = items.into_iter().map(|item| {
        let mut test = expr.clone();
        if let Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. } = &mut test {
            *any = false;
            **pattern = item;
        }
        Expr::Nested(Box::new(test))
    });
    let is_all = op == BinaryOperator::And;
    let joined = tests.reduce(|left, right| binary(left, op.clone(), right));
    let empty = Expr::Value(Value::Boolean(is_all).with_empty_span());
    *expr = Expr::Nested(Box::new(joined.unwrap_or(empty)));
    ControlFlow::Continue(())
}

/// The function that an array constructor is.
pub(crate) const MAKE_ARRAY: &str = "make_array";

/// The items of an array constructor that has become a call.
fn made(function: &ast::Function) -> Option<Vec<Expr>> {
    if function.name.to_string() != MAKE_ARRAY {
        return None;
    }
    let ast::FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let items = list.args.iter().map(|arg| match arg {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(item)) => Some(item.clone()),
        _ => None,
    });
    items.collect()
}

/// The items of `ARRAY[…]`, `'{…}'` or a cast of either; `None` for other arrays.
///
/// # Errors
/// 22P02 for a malformed literal.
pub fn list_items(array: &Expr) -> Result<Option<Vec<Expr>>, Error> {
    match array {
        Expr::Nested(inner) => list_items(inner),
        Expr::Array(array) if !array.elem.is_empty() => Ok(Some(array.elem.clone())),
        Expr::Function(function) => Ok(made(function)),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => literal_items(text).map(Some),
            _ => Ok(None),
        },
        Expr::Cast {
            expr,
            data_type: DataType::Array(ast::ArrayElemTypeDef::SquareBracket(item, _)),
            ..
        } => {
            let items = match expr.as_ref() {
                Expr::Array(array) => Some(array.elem.clone()),
                Expr::Function(function) => made(function),
                other => list_items(other)?,
            };
            Ok(items.map(|items| {
                items
                    .into_iter()
                    .map(|inner| cast(inner, item.as_ref().clone()))
                    .collect()
            }))
        }
        _ => Ok(None),
    }
}

/// The items of an array literal, as expressions.
fn literal_items(literal: &str) -> Result<Vec<Expr>, Error> {
    let items = literal_texts(literal)?.into_iter();
    Ok(items
        .map(|item| match item {
            Some(item) => text(&item),
            None => Expr::Value(Value::Null.with_empty_span()),
        })
        .collect())
}

/// The items of an array literal of one dimension, `{a,"b c",NULL}`.
///
/// # Errors
/// 22P02 when it is none.
pub(crate) fn literal_texts(literal: &str) -> Result<Vec<Option<String>>, Error> {
    let malformed = || Error::new("22P02", format!("malformed array literal: \"{literal}\""));
    let trimmed = literal.trim();
    let content = trimmed
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(malformed)?;
    if content.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    let mut rest = content.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let is_quoted = rest.next_if_eq(&'"').is_some();
        let mut item = String::new();
        loop {
            match rest.next() {
                Some('"') if is_quoted => break,
                Some('\\') => item.push(rest.next().ok_or_else(malformed)?),
                Some('{' | '}' | '"') if !is_quoted => return Err(malformed()),
                Some(c) => item.push(c),
                None => return Err(malformed()),
            }
            if !is_quoted && matches!(rest.peek(), None | Some(',')) {
                break;
            }
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let bare = item.trim_end();
        items.push(match is_quoted {
            true => Some(item),
            false if bare.eq_ignore_ascii_case("null") => None,
            false => Some(bare.to_owned()),
        });
        match rest.next() {
            Some(',') => {}
            None => return Ok(items),
            Some(_) => return Err(malformed()),
        }
    }
}
