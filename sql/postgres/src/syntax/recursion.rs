//! WITH RECURSIVE: the order of its queries, and what PostgreSQL refuses in them at once.
//!
//! DataFusion runs some of it without an end. Owns: the checks of `parse_cte.c`. Does not own: types of the columns; see `typing`.
//! Invariant: a query that names itself is a UNION whose right side alone does so, once, and where rows can't be made up. Start at [`checked`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Cte, Expr, JoinOperator, LimitClause, Query, Select, SetExpr, SetOperator, TableFactor,
    TableWithJoins, Visit, Visitor, With,
};

use super::column_names::folded;
use super::placement::is_aggregate;
use super::step::{Step, fail};
use crate::error::sqlstate;

/// Puts the queries behind those that they name, and checks those that name themselves.
///
/// # Errors
/// 42P19 and 0A000 as PostgreSQL.
pub(crate) fn checked(with: &mut With) -> Step {
    if !with.recursive {
        return ControlFlow::Continue(());
    }
    ordered(&mut with.cte_tables)?;
    for cte in &with.cte_tables {
        let name = folded(&cte.alias.name);
        if references(&*cte.query, &name) > 0 {
            query(&cte.query, &name)?;
        }
    }
    ControlFlow::Continue(())
}

/// How often a part of a statement names the query.
fn references(part: &impl Visit, name: &str) -> usize {
    struct Names<'a> {
        name: &'a str,
        count: usize,
    }
    impl Visitor for Names<'_> {
        type Break = ();

        fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
            if let [only] = relation.0.as_slice()
                && only.as_ident().is_some_and(|only| folded(only) == self.name)
            {
                self.count += 1;
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names { name, count: 0 };
    let _ = part.visit(&mut names);
    names.count
}

/// Each query behind those that it names.
fn ordered(queries: &mut Vec<Cte>) -> Step {
    let mut left = std::mem::take(queries);
    while !left.is_empty() {
        let names: Vec<String> = left.iter().map(|cte| folded(&cte.alias.name)).collect();
        let is_free = |at: &usize| {
            let (Some(cte), Some(own)) = (left.get(*at), names.get(*at)) else {
                return false;
            };
            names
                .iter()
                .all(|name| name == own || references(&*cte.query, name) == 0)
        };
        let Some(free) = (0..left.len()).find(is_free) else {
            return fail(
                sqlstate::NOT_SUPPORTED,
                "mutual recursion between WITH items is not implemented",
            );
        };
        queries.push(left.remove(free));
    }
    ControlFlow::Continue(())
}

fn wrong(message: String) -> Step {
    fail("42P19", message)
}

/// A query that names itself.
fn query(query: &Query, name: &str) -> Step {
    let SetExpr::SetOperation {
        op: SetOperator::Union,
        left,
        right,
        ..
    } = query.body.as_ref()
    else {
        return wrong(format!(
            "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
        ));
    };
    let (has_limit, has_offset) = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => (limit.is_some(), offset.is_some()),
        Some(LimitClause::OffsetCommaLimit { .. }) => (true, true),
        None => (query.fetch.is_some(), false),
    };
    let clauses = [
        ("ORDER BY", query.order_by.is_some()),
        ("OFFSET", has_offset),
        ("LIMIT", has_limit),
        ("FOR UPDATE/SHARE", !query.locks.is_empty()),
    ];
    if let Some((clause, _)) = clauses.iter().find(|(_, is_there)| *is_there) {
        let message = format!("{clause} in a recursive query is not implemented");
        return fail(sqlstate::NOT_SUPPORTED, message);
    }
    let reference = |place: &str| {
        wrong(format!(
            "recursive reference to query \"{name}\" must not appear {place}"
        ))
    };
    if query.with.as_ref().is_some_and(|with| references(with, name) > 0) {
        return reference("within a subquery");
    }
    if references(left.as_ref(), name) > 0 {
        return reference("within its non-recursive term");
    }
    match term(right, name) {
        Some(place) => reference(place),
        None if has_aggregate(right, name) => {
            wrong("aggregate functions are not allowed in a recursive query's recursive term".to_owned())
        }
        None if references(right.as_ref(), name) > 1 => reference("more than once"),
        None => ControlFlow::Continue(()),
    }
}

/// Where in a recursive term the query is named and must not be.
fn term(body: &SetExpr, name: &str) -> Option<&'static str> {
    match body {
        SetExpr::Select(select) => in_select(select, name),
        SetExpr::Query(query) => term(&query.body, name),
        SetExpr::SetOperation {
            op: SetOperator::Except,
            right,
            ..
        } if references(right.as_ref(), name) > 0 => Some("within EXCEPT"),
        SetExpr::SetOperation { left, right, .. } => term(left, name).or_else(|| term(right, name)),
        _ => None,
    }
}

fn in_select(select: &Select, name: &str) -> Option<&'static str> {
    if select.from.iter().any(|item| is_nullable(item, name)) {
        return Some("within an outer join");
    }
    // What is left once FROM is taken out: subqueries of the outputs and of the clauses.
    let rest = Select {
        from: Vec::new(),
        ..select.clone()
    };
    (references(&rest, name) > 0).then_some("within a subquery")
}

/// Whether an outer join may find no row of what names the query.
fn is_nullable(item: &TableWithJoins, name: &str) -> bool {
    let mut is_before = references(&item.relation, name) > 0;
    if let TableFactor::NestedJoin { table_with_joins, .. } = &item.relation
        && is_nullable(table_with_joins, name)
    {
        return true;
    }
    for join in &item.joins {
        let is_here = references(&join.relation, name) > 0;
        let is_wrong = match &join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => is_here,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => is_before,
            JoinOperator::FullOuter(_) => is_here || is_before,
            _ => false,
        };
        if is_wrong {
            return true;
        }
        is_before |= is_here;
    }
    false
}

/// Whether an aggregate is computed over what names the query.
fn has_aggregate(body: &SetExpr, name: &str) -> bool {
    match body {
        SetExpr::Select(select) => {
            let names_it = select.from.iter().any(|item| references(item, name) > 0);
            names_it && select.projection.iter().any(aggregates)
        }
        SetExpr::Query(query) => has_aggregate(&query.body, name),
        SetExpr::SetOperation { left, right, .. } => has_aggregate(left, name) || has_aggregate(right, name),
        _ => false,
    }
}

fn aggregates(item: &ast::SelectItem) -> bool {
    struct Found {
        depth: usize,
    }
    impl Visitor for Found {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if self.depth == 0 && is_aggregate(function) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    item.visit(&mut Found { depth: 0 }).is_break()
}
