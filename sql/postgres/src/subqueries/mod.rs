//! Subqueries that DataFusion takes apart wrongly (55.2), and one that it reads to its end in vain.
//!
//! A correlated subquery becomes a join. On the way its columns lose their tables' names, so that two columns of one name become one; what
//! was computed for one outer row (an aggregate over no rows, a window, LIMIT, the NULLs of an outer join, NOT IN) is computed over all.
//! Such subqueries are said in other words where that is known ([`numbered`], [`of_one_row`]) and refused otherwise. EXISTS that is not
//! correlated needs one row; a column that equals a subquery's value is joined with it, so that only rows with that value are asked for.

pub(crate) mod decorrelate;
pub(crate) mod lateral_limit;
pub(crate) mod single_row;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result, TableReference};
use datafusion::functions_aggregate::count::count_all;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, FetchType, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit,
};
use datafusion::optimizer::AnalyzerRule;

use super::types::unsupported;
use lateral_limit::{distinct_on, numbered};
use single_row::{only, value_of};

/// The analyzer rule.
#[derive(Debug)]
pub(crate) struct Correlated;

impl AnalyzerRule for Correlated {
    fn name(&self) -> &'static str {
        "correlated_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|node| {
            let node = match node {
                LogicalPlan::Subquery(lateral) => {
                    let lateral = numbered(lateral)?;
                    refuse_same_names(&lateral)?;
                    refuse_forgotten(&lateral, Kind::Value)?;
                    LogicalPlan::Subquery(lateral)
                }
                LogicalPlan::Distinct(Distinct::On(distinct)) => distinct_on(distinct)?,
                node => node,
            };
            let place = match node {
                LogicalPlan::Filter(_) | LogicalPlan::Join(_) => Place::Condition,
                _ => Place::Value,
            };
            let names = NamePreserver::new(&node);
            let node = match place {
                Place::Condition => node,
                Place::Value => {
                    let counted = node.map_expressions(|expr| {
                        let name = names.save(&expr);
                        let counted = expr.transform_up(is_counted)?;
                        Ok(counted.update_data(|expr| name.restore(expr)))
                    })?;
                    counted.data
                }
            };
            let node = decorrelate::computed(node)?.data;
            let judged = node.map_expressions(|expr| {
                let name = names.save(&expr);
                let judged = expr.transform_up(|expr| judged(expr, place))?;
                Ok(judged.update_data(|expr| name.restore(expr)))
            })?;
            judged.transform_data(joined_by_value)
        })?;
        Ok(plan.data)
    }
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In WHERE, HAVING or ON, where DataFusion makes joins of subqueries.
    Condition,
    /// Anywhere else, where it knows scalar subqueries only.
    Value,
}

fn judged(expr: Expr, place: Place) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Exists(exists) if exists.subquery.outer_ref_columns.is_empty() => {
            // Whether there is a row is known from the first.
            let first =
                LogicalPlanBuilder::from(exists.subquery.subquery.as_ref().clone()).limit(0, Some(1))?;
            let plan = match place {
                Place::Condition => first.build()?,
                Place::Value => counted(first, exists.negated)?,
            };
            let subquery = Subquery {
                subquery: Arc::new(plan),
                ..exists.subquery
            };
            Ok(Transformed::yes(match place {
                Place::Condition => Expr::Exists(Exists { subquery, ..exists }),
                Place::Value => Expr::ScalarSubquery(subquery),
            }))
        }
        Expr::InSubquery(_) if place == Place::Value => Err(unsupported(
            "IN (SELECT …) is supported in WHERE, HAVING, ON and the SELECT list; use a LEFT JOIN",
        )),
        Expr::Exists(exists) => {
            let subquery = without_outputs(exists.subquery)?;
            refuse_same_names(&subquery)?;
            refuse_forgotten(&subquery, Kind::Exists)?;
            Ok(Transformed::yes(Expr::Exists(Exists { subquery, ..exists })))
        }
        Expr::InSubquery(found) => {
            if !found.subquery.outer_ref_columns.is_empty() {
                if found.negated {
                    return Err(unsupported(
                        "a correlated subquery can't stand behind NOT IN; use NOT EXISTS",
                    ));
                }
                refuse_same_names(&found.subquery)?;
                refuse_forgotten(&found.subquery, Kind::In)?;
            }
            Ok(Transformed::no(Expr::InSubquery(found)))
        }
        Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
            let subquery = numbered(subquery)?;
            let is_one_row = is_aggregated(&subquery.subquery);
            let subquery = if is_one_row {
                subquery
            } else {
                of_one_row(subquery)?
            };
            refuse_same_names(&subquery)?;
            refuse_forgotten(&subquery, Kind::Value)?;
            let value = Expr::ScalarSubquery(subquery);
            Ok(Transformed::yes(if is_one_row { value } else { value_of(value) }))
        }
        other => Ok(Transformed::no(other)),
    }
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

/// A filter whose conjuncts compare columns with values of subqueries joins with those subqueries. Only conjuncts: elsewhere it matters
/// whether a comparison is false or NULL.
fn joined_by_value(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = node else {
        return Ok(Transformed::no(node));
    };
    let mut changed = false;
    let mut conjuncts = Vec::new();
    for conjunct in split_conjunction_owned(filter.predicate.clone()) {
        conjuncts.push(match by_value(conjunct) {
            Ok((column, subquery)) => {
                changed = true;
                among(column, subquery)?
            }
            Err(other) => other,
        });
    }
    match conjunction(conjuncts).filter(|_| changed) {
        None => Ok(Transformed::no(LogicalPlan::Filter(filter))),
        Some(predicate) => Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(
            predicate,
            filter.input,
        )?))),
    }
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
            if value.outer_ref_columns.is_empty() =>
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

/// Whether there are rows (or none), as the one value of a query.
fn counted(rows: LogicalPlanBuilder, negated: bool) -> Result<LogicalPlan> {
    let none = lit(0_i64);
    let compared = match negated {
        true => count_all().eq(none),
        false => count_all().gt(none),
    };
    rows.aggregate(Vec::<Expr>::new(), vec![count_all()])?
        .project([compared.alias("exists")])?
        .build()
}

/// EXISTS as a value, when it refers to the outer query: whether the rows of each outer row are more than none.
fn is_counted(expr: Expr) -> Result<Transformed<Expr>> {
    let exists = match expr {
        Expr::Exists(exists) if !exists.subquery.outer_ref_columns.is_empty() => exists,
        other => return Ok(Transformed::no(other)),
    };
    let subquery = without_outputs(exists.subquery)?;
    // Whether there is a row does not depend on how many are kept of them, unless it is none.
    let rows = match subquery.subquery.as_ref() {
        LogicalPlan::Limit(limit)
            if limit.skip.is_none() && !matches!(limit.get_fetch_type()?, FetchType::Literal(Some(0))) =>
        {
            limit.input.as_ref().clone()
        }
        other => other.clone(),
    };
    let plan = LogicalPlanBuilder::from(rows)
        .aggregate(Vec::<Expr>::new(), vec![count_all()])?
        .project([count_all().alias("causeway_count")])?
        .build()?;
    let subquery = Subquery {
        subquery: Arc::new(plan),
        ..subquery
    };
    let count = Expr::ScalarSubquery(subquery);
    let none = lit(0_i64);
    Ok(Transformed::yes(match exists.negated {
        true => count.eq(none),
        false => count.gt(none),
    }))
}

/// The subquery of EXISTS without its outputs, which nobody reads.
fn without_outputs(subquery: Subquery) -> Result<Subquery> {
    let LogicalPlan::Projection(projection) = subquery.subquery.as_ref() else {
        return Ok(subquery);
    };
    let plan = LogicalPlanBuilder::from(projection.input.as_ref().clone())
        .project([lit(1_i32).alias("causeway_one")])?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    })
}

/// Columns that correlate must have names of their own, among each other and among the columns that go with them.
fn refuse_same_names(subquery: &Subquery) -> Result<()> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    let mut tables: HashMap<String, Option<TableReference>> = HashMap::new();
    let mut taken = None;
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
            for column in predicate.column_refs() {
                let known = tables
                    .entry(column.name.clone())
                    .or_insert_with(|| column.relation.clone());
                if *known != column.relation {
                    taken = Some(column.name.clone());
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    subquery.subquery.apply(|node| {
        let outputs = match node {
            LogicalPlan::Projection(projection) => projection.expr.as_slice(),
            LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.as_slice(),
            _ => &[],
        };
        for output in outputs {
            if let Expr::Column(column) = output
                && tables
                    .get(&column.name)
                    .is_some_and(|known| *known != column.relation)
            {
                taken = Some(column.name.clone());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match taken {
        None => Ok(()),
        Some(name) => Err(unsupported(format!(
            "a correlated subquery uses the column \"{name}\" of two tables beside columns of the outer query; rename one in a subquery of its own: FROM (SELECT {name} AS other_name, … FROM …) …"
        ))),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exists,
    In,
    /// A scalar subquery, or a row of LATERAL.
    Value,
}

/// Operators above a reference to the outer query that DataFusion would compute over the rows of all outer rows at once.
fn refuse_forgotten(subquery: &Subquery, kind: Kind) -> Result<()> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    let root = subquery.subquery.as_ref();
    root.apply(|node| {
        let refused = match node {
            LogicalPlan::Aggregate(aggregate) if kind != Kind::Value && aggregate.group_expr.is_empty() => {
                is_correlated(&aggregate.input)?.then_some("an aggregate without GROUP BY in EXISTS or IN")
            }
            LogicalPlan::Limit(limit) => {
                // EXISTS needs one row, however many there may be.
                let is_harmless = kind == Kind::Exists && limit.skip.is_none() && std::ptr::eq(node, root);
                (!is_harmless && is_correlated(&limit.input)?).then_some("LIMIT or OFFSET")
            }
            LogicalPlan::Window(window) => is_correlated(&window.input)?.then_some("a window function"),
            LogicalPlan::Join(join) => {
                let (left, right) = match join.join_type {
                    JoinType::Left => (false, true),
                    JoinType::Right => (true, false),
                    JoinType::Full => (true, true),
                    _ => (false, false),
                };
                let is_inside = left && is_correlated(&join.left)? || right && is_correlated(&join.right)?;
                is_inside.then_some("an outer join around the comparison")
            }
            _ => None,
        };
        match refused {
            Some(what) => Err(unsupported(format!(
                "a correlated subquery can't have {what}; join with a grouped or numbered subquery instead"
            ))),
            None => Ok(TreeNodeRecursion::Continue),
        }
    })?;
    Ok(())
}

/// Whether the plan refers to the outer query.
fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            found |= expr.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}
