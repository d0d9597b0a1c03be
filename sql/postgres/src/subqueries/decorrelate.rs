//! Correlated scalar subqueries that compare with the outer query by anything: `(SELECT count(*) FROM b WHERE b.day < a.day)`.
//!
//! DataFusion makes joins of equalities only (55.2). Here the outer rows are numbered and joined with the rows below the aggregate, which
//! is then computed for each number. A row without a match is told by a mark, since an aggregate of no rows has a value too.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, lit,
};

use super::lateral_limit::{self, Rows, keys};
use crate::types::unsupported;

/// A projection or filter without such subqueries; as it was when it has none.
pub(crate) fn computed(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let input = match &node {
        LogicalPlan::Projection(projection) => &projection.input,
        LogicalPlan::Filter(filter) => &filter.input,
        _ => return Ok(Transformed::no(node)),
    };
    let mut found = Vec::new();
    node.apply_expressions(|expr| {
        expr.apply(|part| {
            if let Expr::ScalarSubquery(subquery) = part
                && !found.contains(subquery)
                && PerRow::of(subquery)?.is_some()
            {
                found.push(subquery.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    if found.is_empty() {
        return Ok(Transformed::no(node));
    }
    let outputs: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut below = input.as_ref().clone();
    let mut values = Vec::new();
    for (at, subquery) in found.iter().enumerate() {
        if let Some(per_row) = PerRow::of(subquery)? {
            let (plan, value) = per_row.over(below, at)?;
            below = plan;
            values.push(value);
        }
    }
    let replace = |expr: Expr| {
        let replaced = expr.transform(|part| {
            let at = match &part {
                Expr::ScalarSubquery(subquery) => found.iter().position(|one| one == subquery),
                _ => None,
            };
            Ok(match at.and_then(|at| values.get(at)) {
                Some(value) => Transformed::yes(value.clone()),
                None => Transformed::no(part),
            })
        });
        replaced.data()
    };
    let names = NamePreserver::new(&node);
    let computed = match node {
        LogicalPlan::Filter(filter) => {
            let kept = LogicalPlan::Filter(Filter::try_new(replace(filter.predicate)?, Arc::new(below))?);
            LogicalPlanBuilder::from(kept).project(outputs)?.build()?
        }
        LogicalPlan::Projection(projection) => {
            let exprs = projection.expr.into_iter().map(|expr| {
                let name = names.save(&expr);
                Ok(name.restore(replace(expr)?))
            });
            let exprs = exprs.collect::<Result<Vec<_>>>()?;
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(below))?)
        }
        other => other,
    };
    Ok(Transformed::yes(computed))
}

/// An ungrouped aggregate over rows that are compared with the outer query, not by `=` alone.
struct PerRow {
    rows: Rows,
    /// Said over the rows.
    aggregates: Vec<Expr>,
    /// The subquery's value, said over the aggregates' names.
    value: Expr,
}

impl PerRow {
    fn of(subquery: &Subquery) -> Result<Option<Self>> {
        if subquery.outer_ref_columns.is_empty() {
            return Ok(None);
        }
        let Some((value, aggregate)) = aggregated(&subquery.subquery) else {
            return Ok(None);
        };
        let Some(rows) = Rows::of(&aggregate.input)? else {
            return Ok(None);
        };
        if keys(&rows.correlated).is_some() || value.contains_outer() {
            return Ok(None);
        }
        let aggregates = aggregate.aggr_expr.iter();
        let aggregates = aggregates.map(|expr| rows.below(expr.clone(), aggregate.input.schema()));
        Ok(Some(Self {
            aggregates: aggregates.collect::<Result<_>>()?,
            value,
            rows,
        }))
    }

    /// The outer rows with what the subquery's value is made of, and the value. `at` tells subqueries of one node apart.
    fn over(self, outer: LogicalPlan, at: usize) -> Result<(LogicalPlan, Expr)> {
        let (number, mark) = (format!("causeway_row{at}"), format!("causeway_mark{at}"));
        let columns: Vec<Expr> = outer.schema().columns().into_iter().map(Expr::Column).collect();
        let (numbered, numbers) = lateral_limit::number(Vec::new(), Vec::new())?;
        let mut with_number = columns.clone();
        with_number.push(numbers.alias(&number));
        let outer = LogicalPlanBuilder::from(outer)
            .window(vec![numbered])?
            .project(with_number)?;

        // The inner columns under names that no outer column has.
        let inner_columns = self.rows.input.schema().columns();
        let renamed = |column: &Column| {
            let position = inner_columns.iter().position(|one| one == column)?;
            Some(Expr::Column(Column::from_name(format!(
                "causeway_inner{at}_{position}"
            ))))
        };
        let mut inner = LogicalPlanBuilder::from(self.rows.input.clone());
        if let Some(own) = conjunction(self.rows.own.clone()) {
            inner = inner.filter(own)?;
        }
        let mut outputs: Vec<Expr> = inner_columns
            .iter()
            .enumerate()
            .map(|(position, column)| {
                Expr::Column(column.clone()).alias(format!("causeway_inner{at}_{position}"))
            })
            .collect();
        outputs.push(lit(true).alias(&mark));
        let inner = inner.project(outputs)?.build()?;

        let moved = |expr: Expr| {
            let moved = expr.transform(|part| {
                Ok(match &part {
                    Expr::Column(column) => match renamed(column) {
                        Some(column) => Transformed::yes(column),
                        None => Transformed::no(part),
                    },
                    Expr::OuterReferenceColumn(_, column) => {
                        Transformed::new(Expr::Column(column.clone()), true, TreeNodeRecursion::Jump)
                    }
                    _ => Transformed::no(part),
                })
            });
            moved.data()
        };
        let compared = self.rows.correlated.iter().cloned().map(moved);
        let compared = compared.collect::<Result<Vec<_>>>()?;
        let joined = outer.join_on(inner, JoinType::Left, compared)?;

        let matched = Expr::Column(Column::from_name(&mark)).is_not_null();
        let mut aggregates = Vec::new();
        let mut value = self.value;
        for (position, aggregate) in self.aggregates.into_iter().enumerate() {
            let name = format!("causeway_value{at}_{position}");
            aggregates.push(only_where(moved(aggregate)?, &matched)?.alias(&name));
            value = named(value, &placeholder(position), &name)?;
        }
        let mut groups = columns;
        groups.push(Expr::Column(Column::from_name(&number)));
        Ok((joined.aggregate(groups, aggregates)?.build()?, value))
    }
}

/// The aggregate over the rows for which `condition` holds too.
fn only_where(aggregate: Expr, condition: &Expr) -> Result<Expr> {
    match aggregate.unalias_nested().data {
        Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
            let both = match params.filter.take() {
                Some(own) => own.and(condition.clone()),
                None => condition.clone(),
            };
            params.filter = Some(Box::new(both));
            Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
        }
        other => Err(unsupported(format!(
            "{other} can't stand in a correlated subquery that compares by anything but ="
        ))),
    }
}

/// The value with an aggregate under its new name.
fn named(value: Expr, placeholder: &str, name: &str) -> Result<Expr> {
    let renamed = value.transform(|part| {
        Ok(match &part {
            Expr::Column(column) if column.name == placeholder => {
                Transformed::yes(Expr::Column(Column::from_name(name)))
            }
            _ => Transformed::no(part),
        })
    });
    renamed.data()
}

fn placeholder(position: usize) -> String {
    format!("causeway_aggregate_{position}")
}

/// The ungrouped aggregate that makes the subquery's one row, and its first column over the aggregates by placeholder.
fn aggregated(plan: &LogicalPlan) -> Option<(Expr, &Aggregate)> {
    match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
            Some((Expr::Column(Column::from_name(placeholder(0))), aggregate))
        }
        LogicalPlan::Projection(projection) => {
            let LogicalPlan::Aggregate(aggregate) = projection.input.as_ref() else {
                return None;
            };
            let is_ungrouped = aggregate.group_expr.is_empty();
            let columns = aggregate.schema.columns();
            let first = projection.expr.first().filter(|_| is_ungrouped)?;
            let over_placeholders = first.clone().unalias().transform(|part| {
                let position = match &part {
                    Expr::Column(column) => columns.iter().position(|one| one == column),
                    _ => None,
                };
                Ok(match position {
                    Some(position) => {
                        Transformed::yes(Expr::Column(Column::from_name(placeholder(position))))
                    }
                    None => Transformed::no(part),
                })
            });
            Some((over_placeholders.data().ok()?, aggregate))
        }
        LogicalPlan::SubqueryAlias(alias) => aggregated(&alias.input),
        _ => None,
    }
}
