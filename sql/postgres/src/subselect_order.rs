//! The order of sub-selects, which PostgreSQL keeps for what stands around them: `SELECT * FROM (SELECT … ORDER BY a) s LIMIT 2`.
//!
//! SQL leaves it open; the tools that wrap every statement so count on it.
//!
//! Owns: carrying an ORDER BY out of a sub-select, to a LIMIT, to aggregates and windows that depend on an order, and to the answer.
//! Does not own: sorting; it is DataFusion's. Invariant: a plan's columns stay what they are. Start at [`SubselectOrder`].

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::find_window_exprs;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, Limit, LogicalPlan, Projection, Sort, SortExpr, SubqueryAlias, Window,
    WindowFrameBound,
};
use datafusion::optimizer::AnalyzerRule;

use crate::syntax::duplicate_names::marked;

/// Aggregates whose result depends on the order of their rows.
const ORDERED_AGGREGATES: &[&str] = &["array_agg", "string_agg", "first_value", "last_value"];
/// Window functions that take rows with equal keys for one: without an ORDER BY of their own all rows are.
const PEER_FUNCTIONS: &[&str] = &["rank", "dense_rank", "percent_rank", "cume_dist"];

/// The analyzer rule.
#[derive(Debug)]
pub(crate) struct SubselectOrder;

impl AnalyzerRule for SubselectOrder {
    fn name(&self) -> &str {
        "subselect_order"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(consumed)?.data;
        match carried(&plan)? {
            Some(order) => sorted_like(&plan, order),
            None => Ok(plan),
        }
    }
}

/// A plan whose rows had an order in a sub-select, the order left out: its columns, and behind them those that it is sorted by.
struct Carried {
    plan: LogicalPlan,
    keys: Vec<SortExpr>,
}

/// Gives a node that depends on the order of its rows the order of the sub-select that they come from.
fn consumed(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let with_order = match &plan {
        LogicalPlan::Limit(limit) => carried(&limit.input)?
            .map(|order| limited(limit, order))
            .transpose()?,
        LogicalPlan::Aggregate(aggregate) if depends_on_order(&aggregate.aggr_expr) => {
            carried(&aggregate.input)?
                .map(|order| aggregated(aggregate, order))
                .transpose()?
        }
        LogicalPlan::Window(window) if depends_on_order(&window.window_expr) => carried(&window.input)?
            .map(|order| windowed(window, order))
            .transpose()?,
        _ => None,
    };
    Ok(match with_order {
        Some(plan) => Transformed::yes(plan),
        None => Transformed::no(plan),
    })
}

/// The order in which a plan's rows come out of a sub-select.
fn carried(plan: &LogicalPlan) -> Result<Option<Carried>> {
    let crosses = |plan: &LogicalPlan| matches!(plan, LogicalPlan::SubqueryAlias(_));
    let mut node = plan;
    while !crosses(node) {
        match node {
            LogicalPlan::Projection(Projection { input, .. })
            | LogicalPlan::Filter(Filter { input, .. })
            | LogicalPlan::Limit(Limit { input, .. }) => node = input,
            _ => return Ok(None),
        }
    }
    lifted(plan, false)
}

/// The plan without its ORDER BY; `is_cut` when a LIMIT above needs it where it is.
fn lifted(plan: &LogicalPlan, is_cut: bool) -> Result<Option<Carried>> {
    Ok(match plan {
        LogicalPlan::Sort(sort) => {
            let stays = is_cut || sort.fetch.is_some();
            let plan = if stays { plan } else { sort.input.as_ref() };
            Some(Carried {
                plan: plan.clone(),
                keys: sort.expr.clone(),
            })
        }
        LogicalPlan::Limit(limit) => lifted(&limit.input, true)?.map(|Carried { plan, keys }| {
            let input = Arc::new(plan);
            let plan = LogicalPlan::Limit(Limit {
                input,
                ..limit.clone()
            });
            Carried { plan, keys }
        }),
        LogicalPlan::Filter(filter) => match lifted(&filter.input, is_cut)? {
            Some(Carried { plan, keys }) => {
                let plan = Filter::try_new(filter.predicate.clone(), Arc::new(plan))?;
                let plan = LogicalPlan::Filter(plan);
                Some(Carried { plan, keys })
            }
            None => None,
        },
        LogicalPlan::Projection(projection) => match lifted(&projection.input, is_cut)? {
            Some(order) => Some(projected(projection, order)?),
            None => None,
        },
        LogicalPlan::SubqueryAlias(alias) => match lifted(&alias.input, is_cut)? {
            Some(order) => Some(aliased(alias, order)?),
            None => None,
        },
        _ => None,
    })
}

/// The order in terms of a projection's columns; a key that is none of them becomes one.
fn projected(projection: &Projection, order: Carried) -> Result<Carried> {
    let mut exprs = projection.expr.clone();
    let shown = projection.schema.columns();
    let mut keys = Vec::with_capacity(order.keys.len());
    for key in order.keys {
        let place = projection
            .expr
            .iter()
            .position(|expr| expr.clone().unalias() == key.expr);
        let column = match place.and_then(|place| shown.get(place)) {
            Some(column) => column.clone(),
            None => {
                let name = marked("order", exprs.len());
                exprs.push(key.expr.clone().alias(&name));
                Column::new_unqualified(name)
            }
        };
        keys.push(key.with_expr(Expr::Column(column)));
    }
    let plan = Projection::try_new(exprs, Arc::new(order.plan))?;
    Ok(Carried {
        plan: LogicalPlan::Projection(plan),
        keys,
    })
}

/// The order under the names that an alias gives.
fn aliased(alias: &SubqueryAlias, order: Carried) -> Result<Carried> {
    let inner = order.plan.schema().columns();
    let plan = SubqueryAlias::try_new(Arc::new(order.plan), alias.alias.clone())?;
    let outer = plan.schema.columns();
    let renamed = |expr: Expr| {
        expr.transform_up(|part| {
            let Expr::Column(column) = &part else {
                return Ok(Transformed::no(part));
            };
            let place = inner.iter().position(|known| known == column);
            Ok(match place.and_then(|place| outer.get(place)) {
                Some(column) => Transformed::yes(Expr::Column(column.clone())),
                None => Transformed::no(part),
            })
        })
    };
    let mut keys = Vec::with_capacity(order.keys.len());
    for key in order.keys {
        let expr = renamed(key.expr.clone())?.data;
        keys.push(key.with_expr(expr));
    }
    Ok(Carried {
        plan: LogicalPlan::SubqueryAlias(plan),
        keys,
    })
}

fn sorted(order: Carried) -> LogicalPlan {
    LogicalPlan::Sort(Sort {
        expr: order.keys,
        input: Arc::new(order.plan),
        fetch: None,
    })
}

/// The sorted rows, with the columns of `plan` alone.
fn sorted_like(plan: &LogicalPlan, order: Carried) -> Result<LogicalPlan> {
    only_columns_of(plan, sorted(order))
}

fn only_columns_of(plan: &LogicalPlan, wider: LogicalPlan) -> Result<LogicalPlan> {
    if wider.schema().fields().len() == plan.schema().fields().len() {
        return Ok(wider);
    }
    let columns = plan.schema().columns().into_iter().map(Expr::Column);
    let plan = Projection::try_new(columns.collect(), Arc::new(wider))?;
    Ok(LogicalPlan::Projection(plan))
}

fn limited(limit: &Limit, order: Carried) -> Result<LogicalPlan> {
    let plan = LogicalPlan::Limit(Limit {
        input: Arc::new(sorted(order)),
        ..limit.clone()
    });
    only_columns_of(&limit.input, plan)
}

fn aggregated(aggregate: &Aggregate, order: Carried) -> Result<LogicalPlan> {
    let Carried { plan, keys } = order;
    let exprs = ordered(
        &LogicalPlan::Aggregate(aggregate.clone()),
        &aggregate.aggr_expr,
        &keys,
    )?;
    let plan = Aggregate::try_new(Arc::new(plan), aggregate.group_expr.clone(), exprs)?;
    Ok(LogicalPlan::Aggregate(plan))
}

fn windowed(window: &Window, order: Carried) -> Result<LogicalPlan> {
    let Carried { plan, keys } = order;
    let whole = LogicalPlan::Window(window.clone());
    let exprs = ordered(&whole, &window.window_expr, &keys)?;
    let plan = Window::try_new(exprs, Arc::new(plan))?;
    only_columns_of(&whole, LogicalPlan::Window(plan))
}

/// The aggregates or windows with the order of the sub-select, where they have none and depend on one.
fn ordered(plan: &LogicalPlan, exprs: &[Expr], keys: &[SortExpr]) -> Result<Vec<Expr>> {
    let names = NamePreserver::new(plan);
    let exprs = exprs.iter().map(|expr| {
        let name = names.save(expr);
        let ordered = expr.clone().transform_up(|part| {
            Ok(match part {
                Expr::AggregateFunction(mut function) if is_open_aggregate(&function) => {
                    function.params.order_by = keys.to_vec();
                    Transformed::yes(Expr::AggregateFunction(function))
                }
                Expr::WindowFunction(mut function) if is_open_window(&function) => {
                    function.params.order_by = keys.to_vec();
                    Transformed::yes(Expr::WindowFunction(function))
                }
                other => Transformed::no(other),
            })
        })?;
        Ok(name.restore(ordered.data))
    });
    exprs.collect()
}

fn depends_on_order(exprs: &[Expr]) -> bool {
    let windows = find_window_exprs(exprs);
    let is_open = |expr: &Expr| match expr {
        Expr::WindowFunction(function) => is_open_window(function),
        _ => false,
    };
    let aggregate = |expr: &Expr| {
        expr.exists(|part| {
            Ok(matches!(part, Expr::AggregateFunction(function) if is_open_aggregate(function)))
        })
    };
    windows.iter().any(is_open) || exprs.iter().any(|expr| aggregate(expr).unwrap_or(false))
}

fn is_open_aggregate(function: &AggregateFunction) -> bool {
    let params = &function.params;
    ORDERED_AGGREGATES.contains(&function.func.name()) && params.order_by.is_empty() && !params.distinct
}

fn is_open_window(function: &WindowFunction) -> bool {
    let frame = &function.params.window_frame;
    let is_whole = matches!(&frame.start_bound, WindowFrameBound::Preceding(rows) if rows.is_null())
        && matches!(&frame.end_bound, WindowFrameBound::Following(rows) if rows.is_null());
    let name = function.fun.name();
    let is_aggregate = matches!(
        function.fun,
        datafusion::logical_expr::expr::WindowFunctionDefinition::AggregateUDF(_)
    );
    let depends = if is_aggregate {
        !is_whole || ORDERED_AGGREGATES.contains(&name)
    } else {
        !PEER_FUNCTIONS.contains(&name)
    };
    depends && function.params.order_by.is_empty()
}
