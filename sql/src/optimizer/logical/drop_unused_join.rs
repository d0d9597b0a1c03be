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
                let key = &remote.table.key;
                let mut key = key.iter().map(|&at| remote.unmasked_column(at));
                return !remote.table.key.is_empty()
                    && key.all(|column| column.is_some_and(|column| named(&column.name)));
            }
            let grouped = provider.downcast_ref::<GroupedTable>();
            grouped.is_some_and(|grouped| grouped.keys().all(named))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::optimizer::before_after::Setting;
    use crate::optimizer::fake_source::Abilities;

    #[tokio::test]
    async fn a_parent_that_nobody_reads_is_not_joined() {
        let setting = Setting::default();
        let sql = "SELECT o.amount FROM crm.opportunity o LEFT JOIN crm.account a ON a.id = \
         o.accountid";
        setting.logical("drop_unused_join", sql).await.is(r"
            before
            Projection: o.amount
              Left Join: o.accountid = a.id
                SubqueryAlias: o
                  TableScan: crm.opportunity projection=[accountid, amount]
                SubqueryAlias: a
                  TableScan: crm.account projection=[id]
            after
            Projection: o.amount
              SubqueryAlias: o
                TableScan: crm.opportunity projection=[accountid, amount]
        ");
    }

    #[tokio::test]
    async fn groups_that_nobody_reads_are_not_made() {
        let setting = Setting::with(Abilities {
            groups: true,
            sums_nothing_to_null: true,
            ..Abilities::default()
        });
        let sql = "SELECT t.id FROM desk.ticket t LEFT JOIN (SELECT accountid AS key, count(*) AS n \
         FROM crm.opportunity GROUP BY accountid) g ON g.key = t.account";
        setting.logical("drop_unused_join", sql).await.is(r"
            before
            Projection: t.id
              Left Join: t.account = g.key
                SubqueryAlias: t
                  TableScan: desk.ticket projection=[id, account]
                SubqueryAlias: g
                  Projection: opportunity #.accountid AS key
                    TableScan: opportunity # projection=[accountid]
            after
            Projection: t.id
              SubqueryAlias: t
                TableScan: desk.ticket projection=[id, account]
        ");
    }

    #[tokio::test]
    async fn a_column_that_is_read_keeps_the_join() {
        let setting = Setting::default();
        let sql = "SELECT o.amount, a.name FROM crm.opportunity o LEFT JOIN crm.account a ON a.id = \
         o.accountid";
        setting.logical("drop_unused_join", sql).await.is(r"
            unchanged
            Projection: o.amount, a.name
              Left Join: o.accountid = a.id
                SubqueryAlias: o
                  TableScan: crm.opportunity projection=[accountid, amount]
                SubqueryAlias: a
                  TableScan: crm.account projection=[id, name]
        ");
    }

    #[tokio::test]
    async fn a_key_that_repeats_rows_keeps_the_join() {
        let setting = Setting::default();
        let sql = "SELECT a.name FROM crm.account a LEFT JOIN crm.opportunity o ON o.accountid = \
         a.id";
        setting.logical("drop_unused_join", sql).await.is(r"
            unchanged
            Projection: a.name
              Left Join: a.id = o.accountid
                SubqueryAlias: a
                  TableScan: crm.account projection=[id, name]
                SubqueryAlias: o
                  TableScan: crm.opportunity projection=[accountid]
        ");
    }

    #[tokio::test]
    async fn an_inner_join_drops_rows() {
        let setting = Setting::default();
        let sql = "SELECT o.amount FROM crm.opportunity o JOIN crm.account a ON a.id = o.accountid";
        setting.logical("drop_unused_join", sql).await.is(r"
            unchanged
            Projection: o.amount
              Inner Join: o.accountid = a.id
                SubqueryAlias: o
                  TableScan: crm.opportunity projection=[accountid, amount]
                SubqueryAlias: a
                  TableScan: crm.account projection=[id]
        ");
    }

    #[tokio::test]
    async fn a_masked_key_may_repeat() {
        let setting = Setting::default().mask("crm.account", "id");
        let sql = "SELECT o.amount FROM crm.opportunity o LEFT JOIN crm.account a ON a.id = \
         o.accountid";
        setting.logical("drop_unused_join", sql).await.is(r"
            unchanged
            Projection: o.amount
              Left Join: o.accountid = a.id
                SubqueryAlias: o
                  TableScan: crm.opportunity projection=[accountid, amount]
                SubqueryAlias: a
                  TableScan: crm.account projection=[id]
        ");
    }

    #[tokio::test]
    async fn a_policy_on_the_other_side_makes_no_row_repeat() {
        let setting = Setting::default().policy("crm.account", "employees > 0");
        let sql = "SELECT o.amount FROM crm.opportunity o LEFT JOIN crm.account a ON a.id = \
         o.accountid";
        setting.logical("drop_unused_join", sql).await.is(r"
            before
            Projection: o.amount
              Left Join: o.accountid = a.id
                SubqueryAlias: o
                  TableScan: crm.opportunity projection=[accountid, amount]
                SubqueryAlias: a
                  TableScan: crm.account projection=[id]
            after
            Projection: o.amount
              SubqueryAlias: o
                TableScan: crm.opportunity projection=[accountid, amount]
        ");
    }
}
