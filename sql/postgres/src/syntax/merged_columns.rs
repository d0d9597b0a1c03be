//! Joins that say by names what they join on, USING and NATURAL, as joins with ON; what `*` and the merged columns mean above them.
//!
//! DataFusion takes the left side's column for the merged one, which is NULL where only the right side has a row, and leaves it in its
//! place in `*` (docs/upstream.md, merged-columns).
//!
//! Owns: the FROM list's merged columns, and the places that name them. Does not own: which columns there are; see `relations`.
//! Invariant: a merged column has a value wherever one of the sides has (PostgreSQL, "Joined Tables"). Start at [`spelled_out`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, OrderBy, OrderByKind, Query,
    Select, SelectItem, SetExpr, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::column_names::{folded, of_output};
use super::relations::{Pair, Relations, Visible, WithQueries, constraint, pairs, visible};
use super::step::{Step, refuse};
use crate::error::Error;

/// Replaces USING and NATURAL in a query's FROM list, its wildcards, and the names of merged columns.
///
/// # Errors
/// 42703 and 42702 for a column that a side lacks or has twice; 0A000 where the columns of a side aren't known.
pub(crate) fn spelled_out(query: &mut Query, relations: &Relations, with: &WithQueries) -> Step {
    let order_by = &mut query.order_by;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return ControlFlow::Continue(());
    };
    let repeats = relations.repeats_names(select, with);
    if !repeats && !select.from.iter().any(merges) {
        return ControlFlow::Continue(());
    }
    let own = repeats.then(|| relations.qualified(select, with)).flatten();
    let mut columns = Some(Vec::new());
    let mut merged = Vec::new();
    for item in &mut select.from {
        let of_item = match visible(relations, item, with) {
            Ok(found) => found,
            Err(error) => return ControlFlow::Break(error),
        };
        match of_item {
            Some(of_item) if merges(item) => {
                join_on(relations, item, with, &mut merged)?;
                columns = columns.map(|columns: Vec<Visible>| [columns, of_item].concat());
            }
            None if merges(item) => refuse_unknown(item, select.projection.as_slice())?,
            Some(of_item) => columns = columns.map(|columns| [columns, of_item].concat()),
            None => columns = None,
        }
    }
    if merged.is_empty() && !repeats {
        return ControlFlow::Continue(());
    }
    expand_wildcards(select, columns, own.unwrap_or_default())?;
    let mut names = MergedNames { merged, depth: 0 };
    names.replace_in(select)?;
    if let Some(OrderBy {
        kind: OrderByKind::Expressions(keys),
        ..
    }) = order_by
    {
        for key in keys {
            let is_output = |item: &SelectItem| matches!(&key.expr, Expr::Identifier(name) if of_output(item) == Some(folded(name)));
            if !select.projection.iter().any(is_output) {
                VisitMut::visit(&mut key.expr, &mut names)?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn constraint_mut(join: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    use JoinOperator::{FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    match join {
        Join(constraint)
        | Inner(constraint)
        | Left(constraint)
        | LeftOuter(constraint)
        | Right(constraint)
        | RightOuter(constraint)
        | FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

fn merges(item: &TableWithJoins) -> bool {
    let nested = |factor: &TableFactor| matches!(factor, TableFactor::NestedJoin { table_with_joins, .. } if merges(table_with_joins));
    let by_name = |join: &JoinOperator| {
        matches!(
            constraint(join),
            Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
        )
    };
    nested(&item.relation)
        || item
            .joins
            .iter()
            .any(|join| by_name(&join.join_operator) || nested(&join.relation))
}

/// Gives every join of an item an ON, and notes what the merged columns are.
fn join_on(
    relations: &Relations,
    item: &mut TableWithJoins,
    with: &WithQueries,
    merged: &mut Vec<Visible>,
) -> Step {
    let mut left = TableWithJoins {
        relation: item.relation.clone(),
        joins: Vec::new(),
    };
    if let TableFactor::NestedJoin { table_with_joins, .. } = &mut item.relation {
        join_on(relations, table_with_joins, with, merged)?;
    }
    for join in &mut item.joins {
        let before = visible(relations, &left, with).ok().flatten().unwrap_or_default();
        left.joins.push(join.clone());
        let right = relations.columns(&join.relation, with).unwrap_or_default();
        if let TableFactor::NestedJoin { table_with_joins, .. } = &mut join.relation {
            join_on(relations, table_with_joins, with, merged)?;
        }
        let found = match pairs(&before, &right, &join.join_operator) {
            Ok(found) => found,
            Err(error) => return ControlFlow::Break(error),
        };
        let operator = join.join_operator.clone();
        let Some(on @ (JoinConstraint::Using(_) | JoinConstraint::Natural)) =
            constraint_mut(&mut join.join_operator)
        else {
            continue;
        };
        let equal = |pair: &Pair| Expr::BinaryOp {
            left: Box::new(pair.left.clone()),
            op: BinaryOperator::Eq,
            right: Box::new(pair.right.clone()),
        };
        let condition = found.iter().map(equal).reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::And,
            right: Box::new(right),
        });
        // NATURAL without a common column joins every row with every row.
        let always = || Expr::Value(Value::Boolean(true).with_empty_span());
        *on = JoinConstraint::On(condition.unwrap_or_else(always));
        for column in found.into_iter().map(|pair| pair.merged(&operator)) {
            merged.retain(|known: &Visible| known.name != column.name);
            merged.push(column);
        }
    }
    ControlFlow::Continue(())
}

/// Without the columns DataFusion's own reading is right for inner and left joins, but for `*`.
fn refuse_unknown(item: &TableWithJoins, items: &[SelectItem]) -> Step {
    use JoinOperator::{FullOuter, Right, RightOuter};
    let is_outer = |join: &JoinOperator| {
        let merges = matches!(
            constraint(join),
            Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
        );
        merges && matches!(join, Right(_) | RightOuter(_) | FullOuter(_))
    };
    if item.joins.iter().any(|join| is_outer(&join.join_operator)) {
        return refuse(
            "RIGHT and FULL JOIN with USING or NATURAL are not supported over this relation; join ON the columns and select coalesce(a.x, b.x)",
        );
    }
    if items.iter().any(|item| matches!(item, SelectItem::Wildcard(_))) {
        return refuse(
            "SELECT * over USING or NATURAL is not supported over this relation; list the columns",
        );
    }
    ControlFlow::Continue(())
}

/// Lists the columns that `*` means.
///
/// `own` are the columns of the qualified wildcards, in order, where they are to be listed too.
fn expand_wildcards(select: &mut Select, columns: Option<Vec<Visible>>, own: Vec<Vec<Visible>>) -> Step {
    let mut own = own.into_iter();
    if own.len() == 0
        && !select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_)))
    {
        return ControlFlow::Continue(());
    }
    let Some(columns) = columns else {
        return refuse(
            "SELECT * over USING or NATURAL is not supported beside this relation; list the columns",
        );
    };
    let items = std::mem::take(&mut select.projection).into_iter();
    select.projection = items
        .flat_map(|item| match item {
            SelectItem::Wildcard(_) => columns.iter().map(listed).collect(),
            SelectItem::QualifiedWildcard(..) => match own.next() {
                Some(columns) => columns.iter().map(listed).collect(),
                None => vec![item],
            },
            item => vec![item],
        })
        .collect();
    ControlFlow::Continue(())
}

fn listed(column: &Visible) -> SelectItem {
    SelectItem::ExprWithAlias {
        expr: column.expr.clone(),
        alias: Ident::with_quote('"', column.name.as_str()),
    }
}

/// The places that name a merged column without its table.
struct MergedNames {
    merged: Vec<Visible>,
    /// How many queries deep the walk is: an inner query has a FROM of its own.
    depth: usize,
}

impl MergedNames {
    fn replace_in(&mut self, select: &mut Select) -> Step {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(Expr::Identifier(name)) = item
                && let Some(column) = self.of(name)
            {
                *item = listed(&column.clone());
                continue;
            }
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                VisitMut::visit(expr, self)?;
            }
        }
        for condition in [&mut select.selection, &mut select.having].into_iter().flatten() {
            VisitMut::visit(condition, self)?;
        }
        if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
            for key in keys {
                VisitMut::visit(key, self)?;
            }
        }
        for join in select.from.iter_mut().flat_map(|item| &mut item.joins) {
            if let Some(JoinConstraint::On(condition)) = constraint_mut(&mut join.join_operator) {
                VisitMut::visit(condition, self)?;
            }
        }
        if let Some(distinct) = &mut select.distinct {
            VisitMut::visit(distinct, self)?;
        }
        ControlFlow::Continue(())
    }

    fn of(&self, name: &Ident) -> Option<&Visible> {
        let name = folded(name);
        self.merged.iter().find(|column| column.name == name)
    }
}

impl VisitorMut for MergedNames {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, _: &mut Query) -> Step {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> Step {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Step {
        if let Expr::Identifier(name) = expr
            && self.depth == 0
            && let Some(column) = self.of(name)
        {
            *expr = column.expr.clone();
        }
        ControlFlow::Continue(())
    }
}
