//! A physical rule: an outer, anti or mark join reads the side first whose rows it keeps.
//!
//! DataFusion reads the smaller side first. But only the side that is kept whole has keys for the other: read second, it would be read
//! whole and so would the other. Reading it first takes no more calls where the tables were counted, since a scan with keys is read whole
//! where that is cheaper.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{JoinType, Result};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use crate::cost::plan;
use crate::scan::exec::RemoteScanExec;

/// Rows of the kept side beyond which it is not held in memory for the sake of its keys.
const MOST_ROWS: usize = 20_000;

/// Lets the kept side of a join be its build side.
pub(crate) fn swap_outer_join(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| match node.downcast_ref::<HashJoinExec>() {
        Some(join) if keys_are_lost(join) => join.swap_inputs(*join.partition_mode()).map(Transformed::yes),
        _ => Ok(Transformed::no(node)),
    })
    .data()
}

/// Whether the join keeps the rows of its probe side, and those could tell a remote scan on the other side what to read.
fn keys_are_lost(join: &HashJoinExec) -> bool {
    let keeps_probe = matches!(
        join.join_type(),
        JoinType::Right | JoinType::RightAnti | JoinType::RightMark
    );
    keeps_probe
        && reads_remotely(join.left())
        && plan::rows_of(join.right()) <= plan::rows_of(join.left()).max(MOST_ROWS)
}

fn reads_remotely(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.downcast_ref::<RemoteScanExec>() {
        Some(scan) => scan.spec().pushdown,
        None => plan.children().into_iter().any(reads_remotely),
    }
}

#[cfg(test)]
mod tests {
    use crate::Pushdown;
    use crate::optimizer::before_after::Setting;
    use crate::optimizer::fake_source::Abilities;

    #[tokio::test]
    async fn the_kept_side_is_read_first_though_it_is_larger() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 100)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t LEFT JOIN crm.opportunity o ON o.id = \
         t.opportunity";
        setting.physical("swap_outer_join", sql).await.is(r"
            before
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id, amount@3 as amount]
                ProjectionExec: expr=[id@2 as id, opportunity@3 as opportunity, id@0 as id, amount@1 as amount]
                  HashJoinExec: mode=CollectLeft, join_type=Right, on=[(id@0, opportunity@1)]
                    FakeScan: opportunity  calls≈1  q=SELECT id, amount FROM opportunity
                    FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
            after
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id, amount@3 as amount]
                ProjectionExec: expr=[id@2 as id, opportunity@3 as opportunity, id@0 as id, amount@1 as amount]
                  ProjectionExec: expr=[id@2 as id, amount@3 as amount, id@0 as id, opportunity@1 as opportunity]
                    HashJoinExec: mode=CollectLeft, join_type=Left, on=[(opportunity@1, id@0)]
                      FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
                      FakeScan: opportunity  calls≈1  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn an_anti_join_reads_the_kept_side_first_too() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 100)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id FROM desk.ticket t WHERE NOT EXISTS (SELECT 1 FROM crm.opportunity o \
         WHERE o.id = t.opportunity)";
        setting.physical("swap_outer_join", sql).await.is(r"
            before
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id]
                HashJoinExec: mode=CollectLeft, join_type=RightAnti, on=[(id@0, opportunity@1)]
                  FakeScan: opportunity  calls≈1  q=SELECT id FROM opportunity
                  FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
            after
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id]
                HashJoinExec: mode=CollectLeft, join_type=LeftAnti, on=[(opportunity@1, id@0)]
                  FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
                  FakeScan: opportunity  calls≈1  q=SELECT id FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_kept_side_that_is_much_too_large_stays_second() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 50_000), ("opportunity", 100)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t LEFT JOIN crm.opportunity o ON o.id = \
         t.opportunity";
        setting.physical("swap_outer_join", sql).await.is(r"
            unchanged
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id, amount@3 as amount]
                ProjectionExec: expr=[id@2 as id, opportunity@3 as opportunity, id@0 as id, amount@1 as amount]
                  HashJoinExec: mode=CollectLeft, join_type=Right, on=[(id@0, opportunity@1)]
                    FakeScan: opportunity  calls≈1  q=SELECT id, amount FROM opportunity
                    FakeScan: ticket  calls≈50  q=SELECT id, opportunity FROM ticket
        ");
    }

    #[tokio::test]
    async fn an_inner_join_keeps_no_side() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 100)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity";
        setting.physical("swap_outer_join", sql).await.is(r"
            unchanged
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id, amount@3 as amount]
                ProjectionExec: expr=[id@2 as id, opportunity@3 as opportunity, id@0 as id, amount@1 as amount]
                  HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, opportunity@1)]
                    FakeScan: opportunity  calls≈1  q=SELECT id, amount FROM opportunity
                    FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
        ");
    }

    #[tokio::test]
    async fn scans_that_take_no_keys_change_nothing() {
        let setting = Setting::with(Abilities {
            rows: [("ticket", 5_000), ("opportunity", 100)].into(),
            ..Abilities::default()
        })
        .pushdown(Pushdown::Filters);
        let sql = "SELECT t.id, o.amount FROM desk.ticket t LEFT JOIN crm.opportunity o ON o.id = \
         t.opportunity";
        setting.physical("swap_outer_join", sql).await.is(r"
            unchanged
            OutputRequirementExec: order_by=[], dist_by=Unspecified
              ProjectionExec: expr=[id@0 as id, amount@3 as amount]
                ProjectionExec: expr=[id@2 as id, opportunity@3 as opportunity, id@0 as id, amount@1 as amount]
                  HashJoinExec: mode=CollectLeft, join_type=Right, on=[(id@0, opportunity@1)]
                    FakeScan: opportunity  calls≈1  q=SELECT id, amount FROM opportunity
                    FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
        ");
    }
}
