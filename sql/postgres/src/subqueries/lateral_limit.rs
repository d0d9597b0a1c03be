//! The first rows of each group. Correlated subqueries that keep the first rows: `… WHERE o.accountid = a.id ORDER BY o.amount DESC LIMIT 2`.
//!
//! DataFusion makes joins of correlated subqueries, and a LIMIT would then cut the rows of all outer rows together. Here the rows are
//! numbered for each value that they are compared with, and those with the first numbers are kept; what is compared moves above that.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, DistinctOn, Expr, ExprFunctionExt as _, FetchType, Limit, LogicalPlan, LogicalPlanBuilder,
    Operator, SkipType, Subquery, WindowFrame, WindowFrameBound, WindowFrameUnits, lit,
};

use crate::types::unsupported;

/// The subquery without a LIMIT above what refers to the outer query; as it was when it has none there.
pub(crate) fn numbered(subquery: Subquery) -> Result<Subquery> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(subquery);
    }
    match numbered_plan(subquery.subquery.as_ref())? {
        Some(plan) => Ok(Subquery {
            subquery: Arc::new(plan),
            ..subquery
        }),
        None => Ok(subquery),
    }
}

/// Follows operators that handle each row for itself down to a LIMIT, and rewrites what is below it.
fn numbered_plan(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Limit(limit) => limited(limit),
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            let inputs = plan.inputs();
            let Some(input) = inputs.first() else {
                return Ok(None);
            };
            let Some(inner) = numbered_plan(input)? else {
                return Ok(None);
            };
            plan.with_new_exprs(plan.expressions(), vec![inner]).map(Some)
        }
        _ => Ok(None),
    }
}

fn limited(limit: &Limit) -> Result<Option<LogicalPlan>> {
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
        (limit.get_skip_type()?, limit.get_fetch_type()?)
    else {
        return Ok(None);
    };
    let Some(rows) = Rows::of(&limit.input)? else {
        return Ok(None);
    };
    let Some((keys, compared)) = keys(&rows.correlated) else {
        return Err(unsupported(
            "a correlated subquery with LIMIT may compare with the outer query by = only; number the rows in a subquery instead",
        ));
    };
    let (number, numbers) = number(keys, rows.order)?;
    let after = |rows: usize| lit(ScalarValue::UInt64(u64::try_from(rows).ok()));
    let mut kept = compared;
    kept.extend(fetch.map(|fetch| numbers.clone().lt_eq(after(skip.saturating_add(fetch)))));
    kept.extend((skip > 0).then(|| numbers.gt(after(skip))));
    let mut builder = LogicalPlanBuilder::from(rows.input);
    if let Some(own) = conjunction(rows.own) {
        builder = builder.filter(own)?;
    }
    builder = builder.window(vec![number])?;
    if let Some(kept) = conjunction(kept) {
        builder = builder.filter(kept)?;
    }
    builder.project(rows.outputs)?.build().map(Some)
}

/// The numbers of rows that have the same keys, in this order; and the column that holds them.
pub(crate) fn number(keys: Vec<Expr>, order: Vec<SortKey>) -> Result<(Expr, Expr)> {
    // Without an order any rows are the first, and DataFusion wants a frame that needs none.
    let frame = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::CurrentRow,
    );
    let numbers = row_number().partition_by(keys).order_by(order);
    let number = numbers.window_frame(frame).build()?;
    let column = Column::from_name(number.schema_name().to_string());
    Ok((number, Expr::Column(column)))
}

/// `SELECT DISTINCT ON`: the first row of each group, by number. DataFusion would make aggregates of all columns, through which no key of a
/// join passes.
pub(crate) fn distinct_on(distinct: DistinctOn) -> Result<LogicalPlan> {
    let DistinctOn {
        on_expr,
        select_expr,
        sort_expr,
        input,
        schema,
    } = distinct;
    let order = sort_expr.unwrap_or_default();
    let (number, numbers) = number(on_expr, order.clone())?;
    let mut first = LogicalPlanBuilder::from(input.as_ref().clone())
        .window(vec![number])?
        .filter(numbers.eq(lit(ScalarValue::UInt64(Some(1)))))?;
    if !order.is_empty() {
        first = first.sort(order)?;
    }
    let outputs = select_expr.into_iter().enumerate().map(|(at, expr)| {
        let (relation, field) = schema.qualified_field(at);
        let is_named = expr.qualified_name() == (relation.cloned(), field.name().clone());
        if is_named {
            expr
        } else {
            expr.alias_qualified(relation.cloned(), field.name().clone())
        }
    });
    first.project(outputs.collect::<Vec<_>>())?.build()
}

/// The rows below a LIMIT, said over the input of the filter that refers to the outer query.
pub(crate) struct Rows {
    pub(crate) input: LogicalPlan,
    /// Predicates that don't refer to the outer query.
    pub(crate) own: Vec<Expr>,
    pub(crate) correlated: Vec<Expr>,
    order: Vec<SortKey>,
    outputs: Vec<Expr>,
}

impl Rows {
    /// `None` when something else than projections and a sort stands above that filter.
    pub(crate) fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::Filter(filter) => {
                let parts = split_conjunction_owned(filter.predicate.clone()).into_iter();
                let (correlated, own): (Vec<_>, Vec<_>) = parts.partition(Expr::contains_outer);
                let outputs = filter.input.schema().columns().into_iter().map(Expr::Column);
                Ok((!correlated.is_empty()).then(|| Self {
                    input: filter.input.as_ref().clone(),
                    own,
                    correlated,
                    order: Vec::new(),
                    outputs: outputs.collect(),
                }))
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                let Some(mut rows) = Self::of(&sort.input)? else {
                    return Ok(None);
                };
                for key in &sort.expr {
                    let expr = rows.below(key.expr.clone(), sort.input.schema())?;
                    rows.order.push(SortKey { expr, ..key.clone() });
                }
                Ok(Some(rows))
            }
            LogicalPlan::Projection(projection) => {
                let Some(mut rows) = Self::of(&projection.input)? else {
                    return Ok(None);
                };
                let mut outputs = Vec::with_capacity(projection.expr.len());
                for (at, expr) in projection.expr.iter().enumerate() {
                    let (relation, field) = projection.schema.qualified_field(at);
                    let below = rows.below(expr.clone().unalias(), projection.input.schema())?;
                    outputs.push(below.alias_qualified(relation.cloned(), field.name().clone()));
                }
                rows.outputs = outputs;
                Ok(Some(rows))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Some(mut rows) = Self::of(&alias.input)? else {
                    return Ok(None);
                };
                let renamed = rows.outputs.into_iter().enumerate().map(|(at, expr)| {
                    let (relation, field) = alias.schema.qualified_field(at);
                    expr.unalias()
                        .alias_qualified(relation.cloned(), field.name().clone())
                });
                rows.outputs = renamed.collect();
                Ok(Some(rows))
            }
            _ => Ok(None),
        }
    }

    /// An expression over the outputs, said over the input of the filter.
    pub(crate) fn below(&self, expr: Expr, schema: &DFSchema) -> Result<Expr> {
        expr.transform(|part| match &part {
            Expr::Column(column) => {
                let output = self.outputs.get(schema.index_of_column(column)?);
                Ok(output.map_or_else(
                    || Transformed::no(part.clone()),
                    |output| {
                        Transformed::new(
                            output.clone().unalias(),
                            true,
                            datafusion::common::tree_node::TreeNodeRecursion::Jump,
                        )
                    },
                ))
            }
            _ => Ok(Transformed::no(part)),
        })
        .data()
    }
}

/// The inner sides of comparisons with the outer query, when each is an equality; and the comparisons.
pub(crate) fn keys(correlated: &[Expr]) -> Option<(Vec<Expr>, Vec<Expr>)> {
    let inner = correlated.iter().map(|part| {
        let Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) = part
        else {
            return None;
        };
        match (left.contains_outer(), right.contains_outer()) {
            (true, false) if left.column_refs().is_empty() => Some(right.as_ref().clone()),
            (false, true) if right.column_refs().is_empty() => Some(left.as_ref().clone()),
            _ => None,
        }
    });
    Some((inner.collect::<Option<Vec<_>>>()?, correlated.to_vec()))
}
