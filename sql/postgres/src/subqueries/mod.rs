//! Subqueries, which DataFusion decorrelates where they compare with the outer query by `=` alone, and not always rightly
//! (docs/upstream.md, decorrelation).
//!
//! One analyzer rule makes joins of all subqueries that refer to an outer query, of IN, ANY and ALL whose NULLs matter, of LATERAL and of
//! DISTINCT ON. What is left to DataFusion: subqueries that stand for themselves. Of those, EXISTS needs one row, and a column that
//! equals a subquery's value is joined with it, so that only rows with that value are asked for.
//!
//! Owns: where a subquery may stand. Does not own: how it becomes a join (`outer`, `lateral`), or independent of the outer rows (`unnest`).
//! Invariant: after the rule, nothing in a statement's plan refers to an outer query. Start at [`Decorrelate`].

mod dependent;
mod distinct_on;
mod lateral;
mod level;
mod outer;
mod quantified;
mod sides;
mod single_row;
#[cfg(test)]
mod tests;
mod unnest;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator, Sort, Subquery,
};
use datafusion::optimizer::AnalyzerRule;

use crate::types::unsupported;
use dependent::{own_name, projected, resolved};
use level::Names;
use outer::Outer;
use quantified::Wanted;
use single_row::{only, value_of};

/// The analyzer rule.
#[derive(Debug)]
pub(crate) struct Decorrelate;

impl AnalyzerRule for Decorrelate {
    fn name(&self) -> &'static str {
        "decorrelate_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let (names, refers) = (Names::default(), refers_out(&plan)?);
        plan.transform_up_with_subqueries(|node| match unwrapped(node, refers)? {
            LogicalPlan::Join(join) if refers && lateral::is_lateral(&join)? => {
                lateral::joined_laterally(&join, &names).map(Transformed::yes)
            }
            node => decorrelated(node, &names),
        })
        .data()
    }
}

/// The node without LATERAL around its inputs: whether one refers to the other side of a join is seen at the join.
fn unwrapped(node: LogicalPlan, refers: bool) -> Result<LogicalPlan> {
    if !refers {
        return Ok(node);
    }
    node.map_children(|input| {
        Ok(match input {
            LogicalPlan::Subquery(lateral) => Transformed::yes(lateral.subquery.as_ref().clone()),
            input => Transformed::no(input),
        })
    })
    .data()
}

fn decorrelated(node: LogicalPlan, names: &Names) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Distinct(Distinct::On(distinct)) => {
            let plan = distinct_on::distinct_on(distinct)?;
            with_answers(plan, names).map(|plan| Transformed::yes(plan.data))
        }
        LogicalPlan::Join(join) if join.filter.as_ref().is_some_and(asks) => {
            conditioned(join, names).map(Transformed::yes)
        }
        LogicalPlan::Filter(filter) if asks(&filter.predicate) => {
            filtered(filter.predicate, filter.input.as_ref().clone(), names).map(Transformed::yes)
        }
        LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().any(is_of_outer_query) => {
            Err(unsupported(
                "an aggregate inside a subquery that takes columns of the outer query alone is one of the outer query; compute it there and use its name",
            ))
        }
        LogicalPlan::Sort(sort) if sort.expr.iter().any(|key| asks(&key.expr)) => {
            sorted(sort, names).map(Transformed::yes)
        }
        node => with_answers(node, names),
    }
}

/// Rows in the order of a subquery's answers. It may refer to rows below the outputs, which are not outputs themselves.
fn sorted(sort: Sort, names: &Names) -> Result<LogicalPlan> {
    let LogicalPlan::Projection(outputs) = sort.input.as_ref() else {
        return with_answers(LogicalPlan::Sort(sort), names).data();
    };
    let alias = names.next();
    let values: Vec<Expr> = outputs
        .expr
        .iter()
        .map(|output| output.clone().unalias())
        .collect();
    let values: Vec<&Expr> = values.iter().collect();
    let (mut exprs, mut order) = (outputs.expr.clone(), Vec::new());
    for mut key in sort.expr {
        if asks(&key.expr) {
            let name = own_name(&alias, order.len());
            let below = resolved(key.expr, &outputs.schema, &values)?;
            exprs.push(below.alias_qualified(Some(alias.clone()), &name));
            key.expr = Expr::Column(Column::new(Some(alias.clone()), name));
        }
        order.push(key);
    }
    let columns: Vec<Expr> = outputs.schema.columns().into_iter().map(Expr::Column).collect();
    let below = projected(&outputs.input, exprs)?;
    let below = with_answers(below, names).data()?;
    let plan = LogicalPlanBuilder::from(below)
        .sort_with_limit(order, sort.fetch)?
        .build()?;
    with_columns(plan, columns)
}

/// Whether the expression asks a subquery.
fn asks(expr: &Expr) -> bool {
    expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
        ))
    })
    .unwrap_or(true)
}

/// Whether PostgreSQL takes the aggregate for one of the outer query, since it has none of the subquery's own columns.
fn is_of_outer_query(aggregate: &Expr) -> bool {
    aggregate.contains_outer() && !aggregate.any_column_refs()
}

/// The rows for which the predicate is true.
fn filtered(predicate: Expr, input: LogicalPlan, names: &Names) -> Result<LogicalPlan> {
    let (asking, plain): (Vec<_>, Vec<_>) = split_conjunction_owned(predicate).into_iter().partition(asks);
    let input = match conjunction(plain) {
        Some(plain) => LogicalPlan::Filter(Filter::try_new(plain, Arc::new(input))?),
        None => input,
    };
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut outer = Outer::filter(input, names);
    let mut kept = Vec::new();
    for conjunct in asking {
        // What refers further out may become a condition of a join, where no subquery can stand.
        outer.takes_all = conjunct.contains_outer();
        match by_value(conjunct) {
            Ok((column, subquery)) if !outer.takes_all => kept.push(among(column, subquery)?),
            Ok((column, subquery)) => {
                kept.extend(outer.restrict(column.eq(Expr::ScalarSubquery(subquery)))?);
            }
            Err(conjunct) => kept.extend(outer.restrict(conjunct)?),
        }
    }
    let mut plan = outer.plan;
    if let Some(kept) = conjunction(kept) {
        plan = LogicalPlan::Filter(Filter::try_new(kept, Arc::new(plan))?);
    }
    with_columns(plan, columns)
}

/// The plan with these columns only.
fn with_columns(plan: LogicalPlan, columns: Vec<Expr>) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == columns.len() {
        return Ok(plan);
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// An operator whose expressions are values, over rows that have the answers.
fn with_answers(node: LogicalPlan, names: &Names) -> Result<Transformed<LogicalPlan>> {
    let input = match &node {
        LogicalPlan::Projection(projection) => &projection.input,
        LogicalPlan::Aggregate(aggregate) => &aggregate.input,
        LogicalPlan::Window(window) => &window.input,
        LogicalPlan::Sort(sort) => &sort.input,
        _ => return Ok(Transformed::no(node)),
    };
    // The answers come by joins, which keep no order.
    let (input, order) = match input.as_ref() {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() && matches!(node, LogicalPlan::Projection(_)) => {
            (&sort.input, Some(sort.expr.clone()))
        }
        _ => (input, None),
    };
    let (mut is_asking, mut is_bound) = (false, false);
    node.apply_expressions(|expr| {
        is_asking |= asks(expr);
        is_bound |= expr.contains_outer();
        Ok(TreeNodeRecursion::Continue)
    })?;
    if !is_asking {
        return Ok(Transformed::no(node));
    }
    let outputs: Vec<Expr> = node.schema().columns().into_iter().map(Expr::Column).collect();
    let mut outer = Outer::new(input.as_ref().clone(), names);
    outer.takes_all = is_bound;
    let preserver = NamePreserver::new(&node);
    let exprs = node.expressions().into_iter().map(|expr| {
        let name = preserver.save(&expr);
        Ok(name.restore(outer.truth(expr, Wanted::Value, false)?))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    let input = match order {
        Some(order) => LogicalPlanBuilder::from(outer.plan).sort(order)?.build()?,
        None => outer.plan,
    };
    let plan = node.with_new_exprs(exprs, vec![input])?;
    // Only operators that pass their input on show the answers.
    let plan = match plan {
        LogicalPlan::Sort(_) | LogicalPlan::Window(_) => with_columns(plan, outputs)?,
        plan => plan,
    };
    Ok(Transformed::yes(plan))
}

/// A join on conditions with subqueries.
fn conditioned(mut join: Join, names: &Names) -> Result<LogicalPlan> {
    let (asking, plain): (Vec<_>, Vec<_>) = join
        .filter
        .take()
        .into_iter()
        .flat_map(split_conjunction_owned)
        .partition(asks);
    let columns: Vec<Expr> = join.schema.columns().into_iter().map(Expr::Column).collect();
    if join.join_type == JoinType::Inner {
        join.filter = conjunction(plain);
        return match conjunction(asking) {
            Some(asking) => filtered(asking, LogicalPlan::Join(join), names),
            None => Ok(LogicalPlan::Join(join)),
        };
    }
    let (mut left, mut right) = (
        Outer::new(join.left.as_ref().clone(), names),
        Outer::new(join.right.as_ref().clone(), names),
    );
    let mut conditions = plain;
    for condition in asking {
        let (on_left, on_right) = (
            lateral::concerns(&condition, &join.left)?,
            lateral::concerns(&condition, &join.right)?,
        );
        let side = match (on_left, on_right) {
            (true, true) => {
                return Err(unsupported(
                    "a subquery in the condition of an outer join can refer to one of its sides only; join with a subquery that has the value as a column instead",
                ));
            }
            (true, false) => &mut left,
            _ => &mut right,
        };
        side.takes_all = true;
        conditions.push(side.truth(condition, Wanted::True, false)?);
    }
    join.left = Arc::new(left.plan);
    join.right = Arc::new(right.plan);
    let joined = Join::try_new(
        join.left,
        join.right,
        join.on,
        conjunction(conditions),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    with_columns(LogicalPlan::Join(joined), columns)
}

/// Whether nothing in the subquery refers to an outer query.
fn is_free(subquery: &Subquery) -> bool {
    refers_out(&subquery.subquery).is_ok_and(|refers| !refers)
}

/// Whether anything in the plan, or in a subquery in it, refers to an outer query.
fn refers_out(plan: &LogicalPlan) -> Result<bool> {
    let mut refers = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            refers |= expr.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(refers)
}

/// The subquery's first row, if it has one.
fn first_row_of(subquery: &Subquery) -> Result<Subquery> {
    let any = outer::any_row(&subquery.subquery)?.clone();
    let first = LogicalPlanBuilder::from(any).limit(0, Some(1))?;
    Ok(Subquery {
        subquery: Arc::new(first.build()?),
        outer_ref_columns: Vec::new(),
        spans: subquery.spans.clone(),
    })
}

/// Whether an ungrouped aggregate makes one row of any number.
fn is_aggregated(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) => {
            plan.inputs().first().is_some_and(|input| is_aggregated(input))
        }
        _ => false,
    }
}

/// The subquery's only row, and how many there are, as the one row of an aggregate.
fn of_one_row(subquery: Subquery) -> Result<Subquery> {
    let columns = subquery.subquery.schema().columns();
    let Some(column) = columns.into_iter().next() else {
        return Err(unsupported("a subquery without columns has no value"));
    };
    let kept = only(Expr::Column(column));
    let named = Expr::Column(Column::from_name(kept.schema_name().to_string()));
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .aggregate(Vec::<Expr>::new(), vec![kept])?
        // A name of its own, or it could be taken for a column of the outer query.
        .project([named.alias("causeway_value")])?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    })
}

/// `column = (SELECT …)`, either way round, of a subquery that does not refer to the outer query; or the predicate as it was.
fn by_value(predicate: Expr) -> std::result::Result<(Expr, Subquery), Expr> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = predicate
    else {
        return Err(predicate);
    };
    match (*left, *right) {
        (column @ Expr::Column(_), Expr::ScalarSubquery(value))
        | (Expr::ScalarSubquery(value), column @ Expr::Column(_))
            if is_free(&value) =>
        {
            Ok((column, value))
        }
        (left, right) => Err(left.eq(right)),
    }
}

/// `column = (SELECT …)` as `column IN (…)`: a join, which asks for the rows with that value alone.
fn among(column: Expr, subquery: Subquery) -> Result<Expr> {
    let subquery = if is_aggregated(&subquery.subquery) {
        subquery
    } else {
        let kept = of_one_row(subquery)?;
        let columns = kept.subquery.schema().columns().into_iter();
        let values = columns.map(|column| {
            let name = column.name.clone();
            value_of(Expr::Column(column)).alias(name)
        });
        let plan = LogicalPlanBuilder::from(kept.subquery.as_ref().clone())
            .project(values.collect::<Vec<_>>())?
            .build()?;
        Subquery {
            subquery: Arc::new(plan),
            ..kept
        }
    };
    Ok(Expr::InSubquery(InSubquery::new(
        Box::new(column),
        subquery,
        false,
    )))
}
