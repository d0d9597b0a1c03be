//! LIMIT, OFFSET and FETCH FIRST.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, Expr, LimitClause, Query, Value};

use super::{Step, fail, refuse};
use crate::sqlstate;

/// FETCH FIRST becomes LIMIT; row counts are whole numbers that are not negative.
pub(crate) fn row_counts(query: &mut Query) -> Step {
    if let Some(fetch) = query.fetch.take() {
        if fetch.with_ties || fetch.percent {
            return refuse("FETCH FIRST … WITH TIES and PERCENT are not supported");
        }
        let one = || Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
        let rows = fetch.quantity.unwrap_or_else(one);
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset {
                limit: limit @ None, ..
            }) => *limit = Some(rows),
            None => {
                query.limit_clause = Some(LimitClause::LimitOffset {
                    limit: Some(rows),
                    offset: None,
                    limit_by: Vec::new(),
                });
            }
            Some(_) => return fail(sqlstate::SYNTAX, "multiple LIMIT clauses not allowed"),
        }
    }
    let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause else {
        return ControlFlow::Continue(());
    };
    if let Some(limit) = limit {
        row_count(limit, "2201W", "LIMIT")?;
    }
    if let Some(offset) = offset {
        row_count(&mut offset.value, "2201X", "OFFSET")?;
    }
    ControlFlow::Continue(())
}

fn row_count(count: &mut Expr, negative: &'static str, clause: &str) -> Step {
    if let Expr::UnaryOp {
        op: ast::UnaryOperator::Minus,
        expr,
    } = &*count
        && let Expr::Value(value) = expr.as_ref()
        && let Value::Number(digits, _) = &value.value
        && digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
    {
        return fail(negative, format!("{clause} must not be negative"));
    }
    let Expr::Value(value) = count else {
        return ControlFlow::Continue(());
    };
    let (digits, is_quoted) = match &value.value {
        Value::Number(digits, _) => (digits.clone(), false),
        Value::SingleQuotedString(text) => (text.trim().to_owned(), true),
        _ => return ControlFlow::Continue(()),
    };
    let rows = match digits.parse::<i64>() {
        Ok(rows) if rows < 0 => return fail(negative, format!("{clause} must not be negative")),
        Ok(rows) => Some(rows),
        Err(_) if is_quoted => {
            return fail(
                "22P02",
                format!("invalid input syntax for type bigint: \"{digits}\""),
            );
        }
        Err(_) => crate::functions::decimals::whole_count(&digits),
    };
    let Some(rows) = rows else {
        return fail("22003", "bigint out of range");
    };
    value.value = Value::Number(rows.to_string(), false);
    ControlFlow::Continue(())
}
