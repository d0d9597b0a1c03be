//! An outer join whose columns nobody reads, and that can't repeat a row, is not made: its calls would be wasted.
//!
//! DataFusion knows that of groups. This rule knows it of remote tables, by their record ids, and of groups that the remote system makes.
//! Declaring the ids as keys to DataFusion would also change what GROUP BY accepts.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Join, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::plain_scan::{RemoteRelation, column_of};
use crate::scan::grouped_table::GroupedTable;

/// Replaces such a join by its left side.
#[derive(Debug)]
pub(crate) struct DropUnusedJoin;

impl OptimizerRule for DropUnusedJoin {
    fn name(&self) -> &'static str {
        "drop_unused_join"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let reads = matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_));
        let [LogicalPlan::Join(join)] = plan.inputs()[..] else {
            return Ok(Transformed::no(plan));
        };
        if !reads || !is_unused(&plan, join) {
            return Ok(Transformed::no(plan));
        }
        let left = join.left.as_ref().clone();
        let without = plan.with_new_exprs(plan.expressions(), vec![left])?;
        Ok(Transformed::yes(without))
    }
}

/// Whether `plan` reads the left side alone, and each of its rows once.
fn is_unused(plan: &LogicalPlan, join: &Join) -> bool {
    if join.join_type != JoinType::Left || join.null_equality != NullEquality::NullEqualsNothing {
        return false;
    }
    let lefts = join.left.schema().fields().len();
    let is_left = |column: &Column| {
        join.schema
            .maybe_index_of_column(column)
            .is_some_and(|at| at < lefts)
    };
    let reads_left = plan
        .expressions()
        .iter()
        .all(|expr| !expr.contains_outer() && expr.column_refs().into_iter().all(is_left));
    let keys: Vec<Column> = join
        .on
        .iter()
        .filter_map(|(_, right)| column_of(right).cloned())
        .collect();
    reads_left && is_unique(&join.right, &keys)
}

/// Whether no two rows of `plan` agree in all of these columns.
fn is_unique(plan: &LogicalPlan, columns: &[Column]) -> bool {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let inner = alias.input.schema();
            let below = |column: &Column| {
                let at = alias.schema.maybe_index_of_column(column)?;
                Some(Column::from(inner.qualified_field(at)))
            };
            is_unique(
                &alias.input,
                &columns.iter().filter_map(below).collect::<Vec<_>>(),
            )
        }
        LogicalPlan::Projection(projection) => {
            let below = |column: &Column| {
                let at = projection.schema.maybe_index_of_column(column)?;
                projection.expr.get(at).and_then(column_of).cloned()
            };
            is_unique(
                &projection.input,
                &columns.iter().filter_map(below).collect::<Vec<_>>(),
            )
        }
        LogicalPlan::Filter(filter) => is_unique(&filter.input, columns),
        LogicalPlan::TableScan(scan) => {
            let Ok(provider) = source_as_provider(&scan.source) else {
                return false;
            };
            let named = |name: &str| columns.iter().any(|column| column.name == name);
            if let Some(remote) = RemoteRelation::of(provider.as_ref()) {
                // A mask may give many records one value.
                let key = remote.unmasked_column(remote.table.key);
                return key.is_some_and(|key| named(&key.name));
            }
            let grouped = provider.downcast_ref::<GroupedTable>();
            grouped.is_some_and(|grouped| grouped.keys().all(named))
        }
        _ => false,
    }
}
