//! Rows as values, `(a, b)`, and subqueries that they are compared with.
//!
//! Owns: how a row, and a subquery of several columns beside it, is written for DataFusion's planner, which knows neither. Does not own:
//! what a comparison of rows means (`functions::rows`). Invariant: a subquery beside one value keeps its one column. Start at [`row`].

use datafusion::sql::sqlparser::ast::{Expr, FunctionArguments, Query, SelectItem, SetExpr, TableFactor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use std::ops::ControlFlow;

use super::literals::call;
use super::step::{Step, fail};
use crate::error::sqlstate;
use crate::functions::rows::NAME;

/// Makes a call of a row: `(a, b)`.
pub(crate) fn row(expr: &mut Expr) {
    if let Expr::Tuple(columns) = expr
        && columns.len() > 1
    {
        *expr = call(NAME, std::mem::take(columns));
    }
}

/// Makes one column, a row, of a subquery that is compared with a row.
///
/// Errors: breaks with 42601 when the subquery has another number of columns.
pub(crate) fn row_subquery(expr: &mut Expr) -> Step {
    let (left, query) = match expr {
        Expr::InSubquery {
            expr: left, subquery, ..
        } => (left, subquery),
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
            if let Expr::Nested(inner) = right.as_mut()
                && matches!(inner.as_ref(), Expr::Subquery(_))
            {
                *right = inner.clone();
            }
            match right.as_mut() {
                Expr::Subquery(query) => (left, query),
                _ => return ControlFlow::Continue(()),
            }
        }
        _ => return ControlFlow::Continue(()),
    };
    let columns = columns_of(left);
    if let Some(width) = width(query)
        && width != columns
    {
        let amount = if width < columns { "few" } else { "many" };
        return fail(sqlstate::SYNTAX, format!("subquery has too {amount} columns"));
    }
    if columns > 1 {
        match as_rows(query, columns) {
            Some(rows) => **query = rows,
            None => return fail(sqlstate::INTERNAL, "a subquery can't be compared with a row"),
        }
    }
    ControlFlow::Continue(())
}

/// How many columns a value has: a row of two or more, or one.
fn columns_of(expr: &Expr) -> usize {
    match expr {
        Expr::Nested(inner) => columns_of(inner),
        Expr::Function(function) if function.name.to_string() == NAME => match &function.args {
            FunctionArguments::List(list) => list.args.len(),
            _ => 1,
        },
        _ => 1,
    }
}

/// The subquery's rows, each as one value.
fn as_rows(query: &Query, columns: usize) -> Option<Query> {
    let names: Vec<String> = (1..=columns).map(|at| format!("causeway_column{at}")).collect();
    let names = names.join(", ");
    let text = format!("SELECT {NAME}({names}) FROM (SELECT 1) AS causeway_rows ({names})");
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).ok()?;
    let mut rows = parser.parse_query().ok()?;
    if let SetExpr::Select(select) = rows.body.as_mut() {
        for from in &mut select.from {
            if let TableFactor::Derived { subquery, .. } = &mut from.relation {
                **subquery = query.clone();
            }
        }
    }
    Some(*rows)
}

/// How many columns the subquery has, where it lists them.
fn width(subquery: &Query) -> Option<usize> {
    let SetExpr::Select(select) = subquery.body.as_ref() else {
        return None;
    };
    let is_one = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
        )
    };
    select
        .projection
        .iter()
        .all(is_one)
        .then_some(select.projection.len())
}
