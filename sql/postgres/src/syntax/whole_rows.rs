//! `count(t.*)`, which counts the rows in which there is a row of `t`.
//!
//! DataFusion counts all rows (docs/upstream.md, whole-row-count).
//!
//! Owns: a column that tells whether an outer join found a row. Does not own: whole rows elsewhere.
//! Invariant: a row of NULLs is a row. Start at [`counted`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Select, SelectItem,
    SetExpr, Statement, TableAlias, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::column_names::folded;
use super::duplicate_names::marked;
use super::parser::statements;
use super::step::{Step, refuse};

/// Puts a column that is true in every row of `t` in the place of `t.*`.
///
/// # Errors
/// 0A000 beside a wildcard, which would show that column.
pub(crate) fn counted(select: &mut Select) -> Step {
    let mut counts = Counts {
        relations: Vec::new(),
        depth: 0,
    };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            VisitMut::visit(expr, &mut counts)?;
        }
    }
    if let Some(having) = &mut select.having {
        VisitMut::visit(having, &mut counts)?;
    }
    if counts.relations.is_empty() {
        return ControlFlow::Continue(());
    }
    let is_wildcard =
        |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    if select.projection.iter().any(is_wildcard) {
        return refuse("count(t.*) beside a wildcard is not supported; list the columns");
    }
    for item in &mut select.from {
        mark(item, &counts.relations);
    }
    ControlFlow::Continue(())
}

fn marker() -> Ident {
    Ident::with_quote('"', marked("row", 0))
}

/// The calls of `count`, and the relations whose rows they count.
struct Counts {
    relations: Vec<String>,
    depth: usize,
}

impl VisitorMut for Counts {
    type Break = Box<crate::error::Error>;

    fn pre_visit_query(&mut self, _: &mut Query) -> Step {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> Step {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Step {
        let Expr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        let FunctionArguments::List(list) = &mut function.args else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 || !function.name.to_string().eq_ignore_ascii_case("count") {
            return ControlFlow::Continue(());
        }
        for arg in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = arg {
                let Some(relation) = last(name) else { continue };
                let column = Expr::CompoundIdentifier(vec![relation.clone(), marker()]);
                self.relations.push(folded(&relation));
                *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr(column));
            }
        }
        ControlFlow::Continue(())
    }
}

fn last(name: &ObjectName) -> Option<Ident> {
    name.0.last()?.as_ident().cloned()
}

/// Adds the column to the relations of these names.
fn mark(item: &mut TableWithJoins, relations: &[String]) {
    mark_factor(&mut item.relation, relations);
    for join in &mut item.joins {
        mark_factor(&mut join.relation, relations);
    }
}

/// The relation with the column behind its own.
fn with_marker(relation: TableWithJoins) -> Option<Query> {
    let Ok([Statement::Query(query)]) = <[Statement; 1]>::try_from(statements("SELECT *, true").ok()?) else {
        return None;
    };
    let mut query = *query;
    if let SetExpr::Select(select) = query.body.as_mut() {
        if let Some(item @ SelectItem::UnnamedExpr(_)) = select.projection.last_mut() {
            let SelectItem::UnnamedExpr(expr) = item.clone() else {
                return None;
            };
            *item = SelectItem::ExprWithAlias {
                expr,
                alias: marker(),
            };
        }
        select.from = vec![relation];
    }
    Some(query)
}

fn mark_factor(factor: &mut TableFactor, relations: &[String]) {
    let name = match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => return mark(table_with_joins, relations),
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(alias.name.clone()),
        TableFactor::Table { name, .. } => last(name),
        _ => None,
    };
    let Some(name) = name.filter(|name| relations.contains(&folded(name))) else {
        return;
    };
    let lateral = matches!(factor, TableFactor::Derived { lateral: true, .. });
    let inner = TableWithJoins {
        relation: factor.clone(),
        joins: Vec::new(),
    };
    let Some(marked) = with_marker(inner) else {
        return;
    };
    *factor = TableFactor::Derived {
        lateral,
        subquery: Box::new(marked),
        alias: Some(TableAlias {
            explicit: true,
            name,
            columns: Vec::new(),
            at: None,
        }),
        sample: None,
    };
}
