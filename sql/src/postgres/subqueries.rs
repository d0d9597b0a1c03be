//! Subqueries that DataFusion takes apart wrongly (55.2), and one that it reads to its end in vain.
//!
//! A correlated subquery becomes a join. On the way its columns lose their tables' names, so that two columns of one name become one; an
//! aggregate, which answers a row even over no rows, and OFFSET are forgotten. Such subqueries are refused: there is another way to write
//! each of them. EXISTS that is not correlated needs one row.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};
use datafusion::optimizer::AnalyzerRule;

use super::types::unsupported;

/// The analyzer rule.
#[derive(Debug)]
pub(super) struct Correlated;

impl AnalyzerRule for Correlated {
    fn name(&self) -> &'static str {
        "correlated_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|node| {
            if let LogicalPlan::Subquery(lateral) = &node {
                refuse_same_names(lateral)?;
            }
            node.map_expressions(|expr| expr.transform_up(judged))
        })?;
        Ok(plan.data)
    }
}

fn judged(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Exists(exists) if exists.subquery.outer_ref_columns.is_empty() => {
            // Whether there is a row is known from the first.
            let plan =
                LogicalPlanBuilder::from(exists.subquery.subquery.as_ref().clone()).limit(0, Some(1))?;
            let subquery = Subquery {
                subquery: Arc::new(plan.build()?),
                ..exists.subquery
            };
            Ok(Transformed::yes(Expr::Exists(Exists { subquery, ..exists })))
        }
        Expr::Exists(exists) => {
            refuse_same_names(&exists.subquery)?;
            refuse_forgotten(&exists.subquery, false)?;
            Ok(Transformed::no(Expr::Exists(exists)))
        }
        Expr::InSubquery(found) => {
            if !found.subquery.outer_ref_columns.is_empty() {
                refuse_same_names(&found.subquery)?;
                refuse_forgotten(&found.subquery, true)?;
            }
            Ok(Transformed::no(Expr::InSubquery(found)))
        }
        Expr::ScalarSubquery(subquery) => {
            refuse_same_names(&subquery)?;
            Ok(Transformed::no(Expr::ScalarSubquery(subquery)))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The columns that correlate, and those that come out, must have names of their own.
fn refuse_same_names(subquery: &Subquery) -> Result<()> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    let mut tables: HashMap<String, Option<TableReference>> = HashMap::new();
    let mut add = |column: &Column| {
        let known = tables
            .entry(column.name.clone())
            .or_insert_with(|| column.relation.clone());
        if *known == column.relation {
            return Ok(());
        }
        Err(unsupported(format!(
            "a correlated subquery uses the column \"{0}\" of two tables beside columns of the outer query; rename one in a subquery of its own: FROM (SELECT {0} AS other_name, … FROM …) …",
            column.name
        )))
    };
    subquery.subquery.apply(|node| {
        let predicates: Vec<&Expr> = match node {
            LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate),
            LogicalPlan::Join(join) => join.filter.iter().flat_map(split_conjunction).collect(),
            _ => Vec::new(),
        };
        for predicate in predicates
            .into_iter()
            .filter(|predicate| predicate.contains_outer())
        {
            predicate.column_refs().into_iter().try_for_each(&mut add)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if let LogicalPlan::Projection(projection) = subquery.subquery.as_ref() {
        let outputs = projection.expr.iter().filter_map(|expr| match expr {
            Expr::Column(column) => Some(column),
            _ => None,
        });
        for output in outputs {
            add(output)?;
        }
    }
    Ok(())
}

/// An aggregate without groups, OFFSET, and for IN any limit.
fn refuse_forgotten(subquery: &Subquery, is_in: bool) -> Result<()> {
    subquery.subquery.apply(|node| {
        match node {
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                return Err(unsupported(
                    "a correlated subquery in EXISTS or IN can't be an aggregate without GROUP BY; compare with (SELECT …) instead",
                ));
            }
            LogicalPlan::Limit(limit) if is_in || limit.skip.is_some() => {
                return Err(unsupported(
                    "a correlated subquery in EXISTS or IN can't have OFFSET, and in IN no LIMIT",
                ));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
