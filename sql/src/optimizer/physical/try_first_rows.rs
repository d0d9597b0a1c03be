//! A physical rule: a limit above a join is first tried with some rows of the table that is read first.
//!
//! Runs before joins get their key filters, since the attempt and the whole plan need filters of their own.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{JoinType, Result};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use crate::cost::plan;
use crate::operators::first_rows::{FirstRowsExec, first_scan};
use crate::policy::PolicyExec;
use crate::scan::exec::RemoteScanExec;

/// Fewest rows that are tried with: a page has no fewer in either system.
const FEWEST: usize = 200;
/// Rows that are tried with for each row that is wanted.
const TRIED_PER_ROW: usize = 10;
/// How much larger the table must be for the attempt to be worth it.
const MUCH_LARGER: usize = 2;

/// Puts an attempt before joins that are limited.
pub(crate) fn try_first_rows(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_down(|node| match attempt(&node)? {
        Some((wanted, attempt)) => {
            let either: Arc<dyn ExecutionPlan> =
                Arc::new(FirstRowsExec::try_new(wanted, attempt, node, plan::calls_of)?);
            Ok(Transformed::new(either, true, TreeNodeRecursion::Jump))
        }
        None => Ok(Transformed::no(node)),
    })
    .data()
}

/// What the join becomes over the first rows of its first scan, where that is worth trying.
fn attempt(node: &Arc<dyn ExecutionPlan>) -> Result<Option<(usize, Arc<dyn ExecutionPlan>)>> {
    let Some(wanted) = node.downcast_ref::<HashJoinExec>().and_then(ExecutionPlan::fetch) else {
        return Ok(None);
    };
    let Some(first) = first_scan(node) else {
        return Ok(None);
    };
    let tried = wanted.saturating_mul(TRIED_PER_ROW).max(FEWEST);
    let spec = first.spec();
    let is_plain =
        spec.pushdown && spec.fetch.is_none() && spec.top.is_none() && spec.query.grouping.is_none();
    let is_one_page = tried <= spec.source.page_rows();
    let is_much_larger = first.estimated_rows() >= tried.saturating_mul(MUCH_LARGER);
    let is_single = node.properties().output_partitioning().partition_count() == 1;
    // Where rows come in an order, the first of them are not any.
    let is_unordered = node.properties().output_ordering().is_none();
    if !(is_plain && is_one_page && is_much_larger && is_single && is_unordered) {
        return Ok(None);
    }
    let mut share = 1.0;
    if !only_joins(node, spec.kept_share, &mut share) {
        return Ok(None);
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let is_enough = tried as f64 * share >= 2.0 * wanted as f64;
    if !is_enough {
        return Ok(None);
    }
    Ok(Some((wanted, cut(node, tried)?)))
}

/// Whether the plan is inner joins of remote scans and nothing else; with the share of rows that the scans keep, but for the first one's.
fn only_joins(node: &Arc<dyn ExecutionPlan>, first_share: f64, share: &mut f64) -> bool {
    fn visit(node: &Arc<dyn ExecutionPlan>, share: &mut f64) -> bool {
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            *share *= scan.spec().kept_share;
            return scan.spec().query.grouping.is_none() && scan.spec().fetch.is_none();
        }
        let passes = match node.downcast_ref::<HashJoinExec>() {
            Some(join) => {
                let takes_keys = join.on().iter().any(|(_, right)| right.is::<Column>());
                *join.join_type() == JoinType::Inner && join.filter().is_none() && takes_keys
            }
            None => {
                node.is::<ProjectionExec>() || node.is::<PolicyExec>() || node.is::<CoalescePartitionsExec>()
            }
        };
        passes && node.children().into_iter().all(|child| visit(child, share))
    }
    let all = visit(node, share);
    *share /= first_share.max(f64::MIN_POSITIVE);
    all
}

/// The plan over the first rows of its first scan.
fn cut(node: &Arc<dyn ExecutionPlan>, rows: usize) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
        return Ok(Arc::new(scan.with_spec(|spec| spec.fetch = Some(rows))?));
    }
    let mut children: Vec<Arc<dyn ExecutionPlan>> = node.children().into_iter().map(Arc::clone).collect();
    if let Some(first) = children.first_mut() {
        *first = cut(first, rows)?;
    }
    replace_children_if_necessary(Arc::clone(node), children)
}

#[cfg(test)]
mod tests {
    use crate::Pushdown;
    use crate::optimizer::before_after::Setting;
    use crate::optimizer::fake_source::Abilities;

    #[tokio::test]
    async fn a_small_limit_above_a_join_is_tried_with_one_page() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            before
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
              FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
              FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
            after
            FirstRowsExec: 5 rows, of 200 rows of ticket if they are enough, else of all
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
                FakeScan: ticket  calls≈1  q=SELECT id, opportunity FROM ticket LIMIT 200  fetch=200
                FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
                FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
                FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn rows_in_an_order_are_not_any_rows() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity ORDER BY o.amount LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            unchanged
            SortExec: TopK(fetch=5), expr=[amount@1 ASC NULLS LAST], preserve_partitioning=[false]
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
                FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
                FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn an_outer_join_is_not_tried() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t LEFT JOIN crm.opportunity o ON o.id = \
         t.opportunity LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            unchanged
            HashJoinExec: mode=CollectLeft, join_type=Left, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
              FakeScan: ticket  calls≈1  q=SELECT id, opportunity FROM ticket LIMIT 5  fetch=5
              FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_table_of_one_page_is_read_at_once() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 300), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            unchanged
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
              FakeScan: ticket  calls≈1  q=SELECT id, opportunity FROM ticket
              FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_limit_that_needs_more_than_a_page_is_not_tried() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity LIMIT 500";
        setting.physical("try_first_rows", sql).await.is(r"
            unchanged
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=500
              FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
              FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_condition_that_stays_above_the_join_may_drop_any_row() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity AND o.amount > t.priority LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            unchanged
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], filter=amount@1 > CAST(priority@0 AS Float64), projection=[id@0, amount@4], fetch=5
              FakeScan: ticket  calls≈5  q=SELECT id, opportunity, priority FROM ticket
              FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_scan_that_may_not_be_cut_is_not_tried() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        })
        .pushdown(Pushdown::Filters);
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            unchanged
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
              FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
              FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_policy_lets_the_attempt_through() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
            ..Abilities::default()
        })
        .policy("crm.opportunity", "amount > 0");
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity LIMIT 5";
        setting.physical("try_first_rows", sql).await.is(r"
            before
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
              FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
              RowPolicy: only rows that this user may see
                FakeScan: opportunity  calls≈15  q=SELECT id, amount FROM opportunity WHERE amount > 0  exact: amount > 0.0
            after
            FirstRowsExec: 5 rows, of 200 rows of ticket if they are enough, else of all
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
                FakeScan: ticket  calls≈1  q=SELECT id, opportunity FROM ticket LIMIT 200  fetch=200
                RowPolicy: only rows that this user may see
                  FakeScan: opportunity  calls≈15  q=SELECT id, amount FROM opportunity WHERE amount > 0  exact: amount > 0.0
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3], fetch=5
                FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
                RowPolicy: only rows that this user may see
                  FakeScan: opportunity  calls≈15  q=SELECT id, amount FROM opportunity WHERE amount > 0  exact: amount > 0.0
        ");
    }
}
