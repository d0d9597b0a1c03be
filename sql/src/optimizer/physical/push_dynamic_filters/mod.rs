//! A physical rule: hands the key filters of hash joins to the scans below their probe sides, and dynamic filters of other conditions:
//! those of joins on anything but equality (see [`crate::operators::dynamic_filter`]) and those with values of subqueries.
//!
//! DataFusion's own pass finds the columns of such a filter again by name, and behind a join both sides may have a column of that name
//! (docs/upstream.md, filters-by-name: the keys of `b.id` filtered `a.id`). This rule follows positions instead. A filter goes as far as dropping rows
//! that fail it can't change any other row of the join's probe side.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{JoinType, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{conjunction_opt, split_conjunction};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::buffer::BufferExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, WindowExpr, replace_children_if_necessary};

use crate::operators::dynamic_filter::ConditionFilter;
use crate::policy::PolicyExec;
use crate::scan::exec::RemoteScanExec;

/// Hands dynamic filters to the scans that wait for them.
pub(crate) fn push_dynamic_filters(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    pushed(plan, &[])
}

/// A filter on its way down.
#[derive(Clone)]
struct Arriving {
    filter: Arc<dyn PhysicalExpr>,
    /// What it is over, a join's keys or columns, as expressions over the columns of the operator that it has reached.
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// Whether it is a condition of any form instead of a list of keys.
    is_condition: bool,
}

/// What a column of an operator is in the rows of its child; `None` where a filter on it must not pass.
type Origins = Vec<Option<Arc<dyn PhysicalExpr>>>;

fn pushed(node: Arc<dyn ExecutionPlan>, arriving: &[Arriving]) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
        if arriving.is_empty() {
            return Ok(node);
        }
        let (conditions, keys): (Vec<Arriving>, Vec<Arriving>) =
            arriving.iter().cloned().partition(|keys| keys.is_condition);
        let scan = scan.with_dynamic_filters(named(&keys, &node)?, named(&conditions, &node)?)?;
        return Ok(Arc::new(scan));
    }
    let children: Vec<Arc<dyn ExecutionPlan>> = node.children().into_iter().map(Arc::clone).collect();
    let mut inputs = Vec::with_capacity(children.len());
    for (at, child) in children.into_iter().enumerate() {
        let mut passing = Vec::new();
        if !arriving.is_empty() {
            for origins in origins(&node, at) {
                passing.extend(arriving.iter().filter_map(|keys| pass(keys, &origins)));
            }
        }
        let mut produced = None;
        if at == 1 {
            passing.extend(node.downcast_ref::<HashJoinExec>().and_then(own_keys));
            if let Some((keys, filled_by)) = node.downcast_ref::<NestedLoopJoinExec>().and_then(own_condition)
            {
                passing.push(keys);
                produced = Some(filled_by);
            }
        }
        passing.extend(node.downcast_ref::<FilterExec>().and_then(with_subqueries));
        let child = pushed(child, &passing)?;
        if let (Some(produced), true, Some(left)) = (produced, waits(&child), inputs.first_mut()) {
            *left = Arc::new(produced.over(Arc::clone(left)));
        }
        inputs.push(child);
    }
    replace_children_if_necessary(node, inputs)
}

/// The filters over the scan's columns, by the scan's names.
fn named(arriving: &[Arriving], scan: &Arc<dyn ExecutionPlan>) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    let schema = scan.schema();
    let columns: Origins = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| Some(Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>))
        .collect();
    arriving
        .iter()
        .filter_map(|keys| pass(keys, &columns))
        .map(|Arriving { filter, keys, .. }| filter.with_new_children(keys))
        .collect()
}

/// The filter that a join fills with the keys of its build side, for its probe side.
fn own_keys(join: &HashJoinExec) -> Option<Arriving> {
    let filter = join.dynamic_expressions_produced().into_iter().next()?;
    let keys = join.on().iter().map(|(_, probe)| Arc::clone(probe)).collect();
    Some(Arriving {
        filter,
        keys,
        is_condition: false,
    })
}

/// The filter that the rows of the left side fill for the right side, where the join keeps no row of the right side for its own sake.
fn own_condition(join: &NestedLoopJoinExec) -> Option<(Arriving, ConditionFilter)> {
    let (_, narrows_right) = join.join_type().on_lr_is_preserved();
    let condition = join
        .filter()
        .filter(|condition| narrows_right && !is_volatile(condition.expression()))?;
    let produced = ConditionFilter::new(condition, &join.right().schema())?;
    let arriving = Arriving {
        filter: produced.filter(),
        keys: produced.columns(),
        is_condition: true,
    };
    Some((arriving, produced))
}

/// The conditions of a filter that compare with the value of a subquery.
fn with_subqueries(filter: &FilterExec) -> Option<Arriving> {
    let conjuncts = split_conjunction(filter.predicate()).into_iter();
    let compared = conjuncts.filter(|conjunct| has_subquery(conjunct) && !is_volatile(conjunct));
    let condition = conjunction_opt(compared.map(Arc::clone))?;
    let columns: Vec<Arc<dyn PhysicalExpr>> = collect_columns(&condition)
        .into_iter()
        .map(|column| Arc::new(column) as _)
        .collect();
    let dynamic = DynamicFilterPhysicalExpr::new(columns.clone(), condition);
    // The subqueries have run before the first row is asked for.
    dynamic.mark_complete();
    Some(Arriving {
        filter: Arc::new(dynamic),
        keys: columns,
        is_condition: true,
    })
}

fn has_subquery(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.is::<ScalarSubqueryExpr>() || expr.children().into_iter().any(has_subquery)
}

/// Whether a scan below waits for a filter that is filled by rows.
fn waits(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.downcast_ref::<RemoteScanExec>() {
        Some(scan) => !scan.spec().dynamic_filters.is_empty(),
        None => plan.children().into_iter().any(waits),
    }
}

/// The filter one operator further down, if all its columns are there.
fn pass(arriving: &Arriving, origins: &Origins) -> Option<Arriving> {
    let below = |key: &Arc<dyn PhysicalExpr>| {
        let known = collect_columns(key)
            .iter()
            .all(|column| matches!(origins.get(column.index()), Some(Some(_))));
        let replaced = Arc::clone(key).transform_down(|part| {
            // What replaces a column is over other rows and must not be visited again.
            match part
                .downcast_ref::<Column>()
                .and_then(|column| origins.get(column.index()))
            {
                Some(Some(origin)) => Ok(Transformed::new(
                    Arc::clone(origin),
                    true,
                    TreeNodeRecursion::Jump,
                )),
                _ => Ok(Transformed::no(part)),
            }
        });
        known.then(|| replaced.data().ok()).flatten()
    };
    Some(Arriving {
        filter: Arc::clone(&arriving.filter),
        is_condition: arriving.is_condition,
        keys: arriving.keys.iter().map(below).collect::<Option<_>>()?,
    })
}

/// How filters over the operator's output may be read over its child at that place: none, one or (behind equal keys) two ways.
fn origins(node: &Arc<dyn ExecutionPlan>, at: usize) -> Vec<Origins> {
    // Behind a limit other rows would move up.
    if node.fetch().is_some() {
        return Vec::new();
    }
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        let exprs = projection.expr().iter();
        return vec![exprs.map(|named| steady(&named.expr)).collect()];
    }
    if let Some(filter) = node.downcast_ref::<FilterExec>() {
        let all = columns(filter.input(), 0..filter.input().schema().fields().len());
        return vec![match filter.projection() {
            Some(kept) => kept.iter().map(|at| all.get(*at).cloned().flatten()).collect(),
            None => all,
        }];
    }
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        return behind_join(join, at);
    }
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return behind_grouping(aggregate).into_iter().collect();
    }
    if let Some(windows) = windows_of(node) {
        return vec![behind_windows(node, windows)];
    }
    let same_rows = node.downcast_ref::<CoalescePartitionsExec>().is_some()
        || node.downcast_ref::<RepartitionExec>().is_some()
        || node.downcast_ref::<CooperativeExec>().is_some()
        || node.downcast_ref::<BufferExec>().is_some()
        || node.downcast_ref::<SortExec>().is_some()
        || node.downcast_ref::<SortPreservingMergeExec>().is_some()
        || node.downcast_ref::<UnionExec>().is_some()
        || node.downcast_ref::<InterleaveExec>().is_some()
        || node.downcast_ref::<PolicyExec>().is_some();
    match node.children().get(at) {
        Some(child) if same_rows => vec![columns(child, 0..child.schema().fields().len())],
        _ => Vec::new(),
    }
}

/// An expression that gives the same value whenever it is computed.
fn steady(expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
    (!is_volatile(expr)).then(|| Arc::clone(expr))
}

fn columns(child: &Arc<dyn ExecutionPlan>, range: std::ops::Range<usize>) -> Origins {
    let schema = child.schema();
    range
        .map(|at| {
            let field = schema.fields().get(at)?;
            Some(Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>)
        })
        .collect()
}

/// Groups that fail the filter vanish whole when it is over group keys alone. Groupings that answer over no rows are never filtered.
fn behind_grouping(aggregate: &AggregateExec) -> Option<Origins> {
    let by = aggregate.group_expr();
    let empty_set = |nulls: &Vec<bool>| nulls.iter().all(|is_null| *is_null);
    if by.is_true_no_grouping() || by.groups().iter().any(empty_set) || aggregate.limit_options().is_some() {
        return None;
    }
    let in_every_set = |at: usize| by.groups().iter().all(|nulls| nulls.get(at) == Some(&false));
    let origins = by.expr().iter().enumerate();
    Some(
        origins
            .map(|(at, (expr, _))| in_every_set(at).then(|| steady(expr)).flatten())
            .collect(),
    )
}

fn windows_of(node: &Arc<dyn ExecutionPlan>) -> Option<&[Arc<dyn WindowExpr>]> {
    let bounded = node.downcast_ref::<BoundedWindowAggExec>();
    let any = || {
        node.downcast_ref::<WindowAggExec>()
            .map(WindowAggExec::window_expr)
    };
    bounded.map(BoundedWindowAggExec::window_expr).or_else(any)
}

/// Partitions that fail the filter vanish whole when it is over columns that every window is partitioned by.
fn behind_windows(node: &Arc<dyn ExecutionPlan>, windows: &[Arc<dyn WindowExpr>]) -> Origins {
    let Some(child) = node.children().first().map(|child| child.schema()) else {
        return Vec::new();
    };
    let parts_all = |at: usize| {
        windows.iter().all(|window| {
            let mut parts = window.partition_by().iter();
            parts.any(|part| {
                part.downcast_ref::<Column>()
                    .is_some_and(|part| part.index() == at)
            })
        })
    };
    let input = child.fields().iter().enumerate().map(|(at, field)| {
        let column = Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>;
        parts_all(at).then_some(column)
    });
    let outputs = node.schema().fields().len();
    input.chain(std::iter::repeat(None)).take(outputs).collect()
}

/// Filters pass to a side whose unmatched rows the join keeps or drops as they are; over keys that are equal on both sides, to either.
fn behind_join(join: &HashJoinExec, at: usize) -> Vec<Origins> {
    use JoinType::{Inner, Left, LeftAnti, LeftMark, LeftSemi, Right, RightAnti, RightMark, RightSemi};
    let lefts = join.left().schema().fields().len();
    let rights = join.right().schema().fields().len();
    let is_left = at == 0;
    // The join's own columns before its projection: those of the left side, then those of the right side.
    let (left, right) = match join.join_type() {
        Inner | Left | Right | JoinType::Full => (0..lefts, lefts..lefts + rights),
        LeftSemi | LeftAnti | LeftMark => (0..lefts, 0..0),
        RightSemi | RightAnti | RightMark => (0..0, 0..rights),
    };
    let kept = match join.join_type() {
        Inner => true,
        Left | LeftSemi | LeftAnti | LeftMark => is_left,
        Right | RightSemi | RightAnti | RightMark => !is_left,
        JoinType::Full => false,
    };
    let (own, child) = if is_left {
        (&left, join.left())
    } else {
        (&right, join.right())
    };
    let output = |origin: &dyn Fn(usize) -> Option<Arc<dyn PhysicalExpr>>| -> Origins {
        match &join.projection {
            Some(kept) => kept.iter().map(|at| origin(*at)).collect(),
            None => (0..join.schema().fields().len()).map(origin).collect(),
        }
    };
    let all = columns(child, 0..child.schema().fields().len());
    let mut ways = Vec::new();
    if kept {
        ways.push(output(&|at| {
            own.contains(&at)
                .then(|| all.get(at - own.start).cloned().flatten())?
        }));
    }
    // The join hands its own keys to the right side; the left side would get none.
    if is_left && matches!(join.join_type(), Inner | RightSemi) {
        ways.push(output(&|at| {
            let right = right.contains(&at).then(|| at - right.start)?;
            join.on().iter().find_map(|(left_key, right_key)| {
                let same = right_key
                    .downcast_ref::<Column>()
                    .is_some_and(|key| key.index() == right);
                same.then(|| steady(left_key)).flatten()
            })
        }));
    }
    ways
}
