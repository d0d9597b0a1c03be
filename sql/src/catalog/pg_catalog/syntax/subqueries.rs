//! Correlated scalar subqueries of catalog questions.
//!
//! DataFusion takes one apart when it is an aggregate over rows whose columns equal outer ones. Owns: saying a look-up so. Invariant: a
//! look-up by a key keeps its value; what is no look-up is NULL in the SELECT list, as nothing here has what clients ask for so
//! (defaults, identities, collations of their own), and stays as it is elsewhere.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query, SelectItem, SetExpr, TableFactor, Value, Visit, VisitMut,
    Visitor, VisitorMut,
};

use super::taken;
use causeway_postgres::call;

/// Adapts the subqueries in an output of SELECT.
pub(super) fn in_output(expr: &mut Expr) {
    let _ = VisitMut::visit(expr, &mut Adapter { is_output: true });
}

/// Adapts those in a condition.
pub(super) fn in_condition(expr: &mut Expr) {
    let _ = VisitMut::visit(expr, &mut Adapter { is_output: false });
}

struct Adapter {
    is_output: bool,
}

impl VisitorMut for Adapter {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Subquery(query) = expr else {
            return ControlFlow::Continue(());
        };
        let inner = tables(query);
        if !reaches_out(query.as_ref(), &inner) {
            return ControlFlow::Continue(());
        }
        match looked_up(query, &inner) {
            Some(value) if is_aggregate(value) => {}
            Some(value) => *value = call("max", vec![taken(value)]),
            None if self.is_output => *expr = Expr::Value(Value::Null.with_empty_span()),
            None => {}
        }
        ControlFlow::Continue(())
    }
}

/// Names by which a query's own tables are known, in it and in its subqueries.
fn tables(query: &Query) -> HashSet<String> {
    struct Names(HashSet<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let name = match factor {
                TableFactor::Table {
                    alias: Some(alias), ..
                }
                | TableFactor::Derived {
                    alias: Some(alias), ..
                }
                | TableFactor::Function {
                    alias: Some(alias), ..
                }
                | TableFactor::UNNEST {
                    alias: Some(alias), ..
                } => Some(alias.name.value.to_lowercase()),
                TableFactor::Table { name, .. } => name.0.last().map(|part| part.to_string().to_lowercase()),
                _ => None,
            };
            self.0.extend(name);
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(HashSet::new());
    let _ = Visit::visit(query, &mut names);
    names.0
}

/// Whether something names a table that is none of `inner`.
fn reaches_out(part: &impl Visit, inner: &HashSet<String>) -> bool {
    struct Outer<'a>(&'a HashSet<String>);
    impl Visitor for Outer<'_> {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::CompoundIdentifier(parts) => match parts.iter().rev().nth(1) {
                    Some(table) if !self.0.contains(&table.value.to_lowercase()) => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                },
                _ => ControlFlow::Continue(()),
            }
        }
    }
    part.visit(&mut Outer(inner)).is_break()
}

fn is_aggregate(value: &Expr) -> bool {
    let Expr::Function(function) = value else {
        return false;
    };
    let name = function.name.to_string().to_lowercase();
    matches!(
        name.trim_start_matches("pg_catalog."),
        "array_agg" | "bool_and" | "bool_or" | "count" | "max" | "min" | "string_agg" | "sum"
    )
}

/// The output of a query over the rows of one table whose columns equal outer ones.
fn looked_up<'a>(query: &'a mut Query, inner: &HashSet<String>) -> Option<&'a mut Expr> {
    if query.with.is_some() || query.limit_clause.is_some() || query.order_by.is_some() {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    let is_plain = select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty())
        && matches!(select.from.as_slice(), [only] if only.joins.is_empty() && matches!(only.relation, TableFactor::Table { args: None, .. }));
    let by_keys = select
        .selection
        .as_ref()
        .is_some_and(|filter| all_keys(filter, inner));
    if !is_plain || !by_keys {
        return None;
    }
    match select.projection.as_mut_slice() {
        [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] => {
            (!reaches_out(value, inner)).then_some(value)
        }
        _ => None,
    }
}

/// Whether each part of a condition that names outer columns is an equality with one.
fn all_keys(filter: &Expr, inner: &HashSet<String>) -> bool {
    match filter {
        Expr::Nested(filter) => all_keys(filter, inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => all_keys(left, inner) && all_keys(right, inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => {
            let is_outer =
                |side: &Expr| matches!(side, Expr::CompoundIdentifier(_)) && reaches_out(side, inner);
            let is_inner = |side: &Expr| !reaches_out(side, inner);
            !reaches_out(filter, inner)
                || is_outer(left) && is_inner(right)
                || is_inner(left) && is_outer(right)
        }
        other => !reaches_out(other, inner),
    }
}

#[cfg(test)]
mod tests {
    use causeway_postgres::statements;
    use datafusion::sql::sqlparser::ast;

    use super::*;

    fn adapted(sql: &str) -> String {
        let mut parsed = statements(sql).expect(sql);
        let Some(ast::Statement::Query(query)) = parsed.first_mut() else {
            panic!("no query");
        };
        let SetExpr::Select(select) = query.body.as_mut() else {
            panic!("no select");
        };
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item {
                in_output(expr);
            }
        }
        parsed[0].to_string()
    }

    #[test]
    fn a_look_up_by_a_key_is_an_aggregate() {
        assert_eq!(
            adapted(
                "SELECT (SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace) FROM pg_class c"
            ),
            "SELECT (SELECT max(n.nspname) FROM pg_namespace n WHERE n.oid = c.relnamespace) FROM pg_class c"
        );
    }

    #[test]
    fn what_reaches_out_otherwise_is_null_and_the_rest_stays() {
        assert_eq!(
            adapted("SELECT (SELECT x.a FROM x, y WHERE x.oid = c.oid AND y.oid = c.oid) FROM pg_class c"),
            "SELECT NULL FROM pg_class c"
        );
        for same in [
            "SELECT (SELECT oid FROM pg_namespace WHERE nspname = 'public')",
            "SELECT (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid) FROM pg_namespace n",
        ] {
            assert_eq!(adapted(same), same);
        }
    }
}
