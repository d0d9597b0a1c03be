//! An outer join whose columns nobody reads, and that can't repeat a row, is not made: its calls would be wasted.
//!
//! DataFusion knows that of groups. This rule knows it of remote tables, by their record ids, and of groups that the remote system makes.
//! Declaring the ids as keys to DataFusion would also change what GROUP BY accepts.

use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Join, LogicalPlan};

use super::plain_scan::{RemoteRelation, column_of};
use crate::scan::grouped_table::GroupedTable;

/// Replaces such a join by its left side.
pub(crate) fn drop_unused_join(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let reads = matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_));
    let [LogicalPlan::Join(join)] = plan.inputs()[..] else {
        return Ok(None);
    };
    if !reads || !is_unused(plan, join) {
        return Ok(None);
    }
    let left = join.left.as_ref().clone();
    plan.with_new_exprs(plan.expressions(), vec![left]).map(Some)
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
