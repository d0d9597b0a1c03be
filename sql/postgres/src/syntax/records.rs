//! Whole rows as values: `row_to_json(t)`, `json_agg(t)`, `SELECT t FROM t`, `f(t.*)`, `(t).a`.
//!
//! Owns: the name of a relation in the place of a value, and columns of such a value. Does not own: `count(t.*)`, see `whole_rows`; what a
//! record is, see `functions::rows`. Invariant: a name that is a column is that column. Start at [`of_select`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinOperator, ObjectName,
    OrderBy, OrderByKind, Query, Select, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::column_names::folded;
use super::literals::{call, text};
use super::relations::{Relations, Visible, WithQueries, qualifier};
use super::step::{Step, refuse};
use crate::functions::rows::RECORD;

/// A relation of FROM: its name, its columns, and whether an outer join may find no row of it.
struct Relation {
    name: String,
    columns: Vec<Visible>,
    is_nullable: bool,
}

/// Puts records in the places of relations, in the outputs and the clauses of a query.
///
/// # Errors
/// 0A000 for a relation of which an outer join may find no row: it would be NULL, not a row of NULLs.
pub(crate) fn of_query(query: &mut Query, relations: &Relations, with: &WithQueries) -> Step {
    let order_by = query.order_by.take();
    let outcome = match query.body.as_mut() {
        SetExpr::Select(select) => of_select(select, order_by, relations, with),
        _ => ControlFlow::Continue(order_by),
    };
    query.order_by = outcome.map_break(|error| error)?;
    ControlFlow::Continue(())
}

fn of_select(
    select: &mut Select,
    mut order_by: Option<OrderBy>,
    relations: &Relations,
    with: &WithQueries,
) -> ControlFlow<Box<crate::error::Error>, Option<OrderBy>> {
    let mut known = Vec::new();
    for item in &select.from {
        add(item, relations, with, &mut known);
    }
    if known.is_empty() {
        return ControlFlow::Continue(order_by);
    }
    let mut rewriter = Rewriter {
        relations: known,
        depth: 0,
    };
    for item in &mut select.projection {
        VisitMut::visit(item, &mut rewriter)?;
    }
    for clause in select.selection.iter_mut().chain(select.having.iter_mut()) {
        VisitMut::visit(clause, &mut rewriter)?;
    }
    VisitMut::visit(&mut select.group_by, &mut rewriter)?;
    if let Some(OrderBy {
        kind: OrderByKind::Expressions(keys),
        ..
    }) = &mut order_by
    {
        VisitMut::visit(keys, &mut rewriter)?;
    }
    ControlFlow::Continue(order_by)
}

/// The relations of one item of FROM.
fn add(item: &TableWithJoins, relations: &Relations, with: &WithQueries, known: &mut Vec<Relation>) {
    let add_one = |factor: &TableFactor, is_nullable: bool, known: &mut Vec<Relation>| {
        let name = qualifier(factor).and_then(|name| name.last().map(folded));
        if let (Some(name), Some(columns)) = (name, relations.columns(factor, with)) {
            known.push(Relation {
                name,
                columns,
                is_nullable,
            });
        }
    };
    let first = known.len();
    add_one(&item.relation, false, known);
    for join in &item.joins {
        let (keeps_left, keeps_right) = match &join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (true, false),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (false, true),
            JoinOperator::FullOuter(_) => (false, false),
            _ => (true, true),
        };
        if !keeps_left {
            known
                .iter_mut()
                .skip(first)
                .for_each(|relation| relation.is_nullable = true);
        }
        add_one(&join.relation, !keeps_right, known);
    }
}

struct Rewriter {
    relations: Vec<Relation>,
    depth: usize,
}

impl Rewriter {
    /// The relation that a name means, if no column has the name.
    fn relation(&self, name: &Ident) -> Option<&Relation> {
        let name = folded(name);
        let mut columns = self.relations.iter().flat_map(|relation| &relation.columns);
        if columns.any(|column| column.name == name) {
            return None;
        }
        self.relations.iter().find(|relation| relation.name == name)
    }

    fn record(relation: &Relation) -> ControlFlow<Box<crate::error::Error>, Expr> {
        if relation.is_nullable {
            let refused = refuse(format!(
                "the whole row of \"{}\", of which an outer join may find none, is not supported",
                relation.name
            ));
            refused.map_continue(|()| {
                Expr::Wildcard(
                    datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
                )
            })?;
        }
        let parts = relation
            .columns
            .iter()
            .flat_map(|column| [text(&column.name), column.expr.clone()]);
        ControlFlow::Continue(call(RECORD, parts.collect()))
    }

    /// The arguments of a function: `t.*` is the whole row.
    fn arguments(&self, args: &mut [FunctionArg]) -> Step {
        for arg in args {
            let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(ObjectName(parts))) = arg else {
                continue;
            };
            let name = parts.last().and_then(|part| part.as_ident()).map(folded);
            let relation = self
                .relations
                .iter()
                .find(|relation| Some(&relation.name) == name.as_ref());
            if let Some(relation) = relation {
                *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr(Self::record(relation)?));
            }
        }
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Rewriter {
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
        // Names inside a subquery are looked up there first.
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match expr {
            Expr::Identifier(name) => {
                if let Some(relation) = self.relation(name) {
                    *expr = Self::record(relation)?;
                }
            }
            Expr::Function(function) if !function.name.to_string().eq_ignore_ascii_case("count") => {
                if let FunctionArguments::List(list) = &mut function.args {
                    self.arguments(&mut list.args)?;
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                let mut inner = root.as_ref();
                while let Expr::Nested(nested) = inner {
                    inner = nested;
                }
                let field = match access_chain.as_slice() {
                    [AccessExpr::Dot(Expr::Identifier(field))] => Some(folded(field)),
                    _ => None,
                };
                let found = match inner {
                    Expr::Identifier(name) => self.relation(name).zip(field),
                    _ => None,
                };
                let column = found.and_then(|(relation, field)| {
                    let mut columns = relation.columns.iter();
                    columns
                        .find(|column| column.name == field)
                        .map(|column| column.expr.clone())
                });
                if let Some(column) = column {
                    *expr = column;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
