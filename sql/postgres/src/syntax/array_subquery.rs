//! `ARRAY(SELECT …)`: the rows of a subquery as an array, in their order; without a row an empty one.
//!
//! Owns: saying so with an aggregate. Does not own: the order of the rows; see `subselect_order`.
//! Invariant: the array is never NULL. Start at [`collected`].

use datafusion::sql::sqlparser::ast::{Expr, FunctionArguments, Query, SetExpr, Statement, TableFactor};

use super::literals::call;
use super::parser::statements;

/// The function that makes an empty array of NULL.
pub(crate) const ARRAY_OR_EMPTY: &str = "array_or_empty";

/// Puts an aggregate of its rows in the place of an array of a subquery.
pub(crate) fn collected(expr: &mut Expr) {
    let Expr::Function(function) = &*expr else {
        return;
    };
    let FunctionArguments::Subquery(rows) = &function.args else {
        return;
    };
    if function.name.to_string().eq_ignore_ascii_case("array")
        && let Some(query) = aggregate(rows)
    {
        *expr = call(ARRAY_OR_EMPTY, vec![Expr::Subquery(Box::new(query))]);
    }
}

fn aggregate(rows: &Query) -> Option<Query> {
    let text = "SELECT array_agg(item) FROM (SELECT 1) AS items(item)";
    let Ok([Statement::Query(query)]) = <[Statement; 1]>::try_from(statements(text).ok()?) else {
        return None;
    };
    let mut query = *query;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    let TableFactor::Derived { subquery, .. } = &mut select.from.first_mut()?.relation else {
        return None;
    };
    **subquery = rows.clone();
    Some(query)
}
