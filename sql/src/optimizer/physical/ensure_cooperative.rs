//! A physical rule: lets joins give way, so that a cancel ends them.
//!
//! A join that works on rows it holds needs no input for a long time; without giving way it would not see that its query is over
//! (docs/upstream.md, cooperative-joins).

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};

/// Makes the output of every join cooperative.
pub(crate) fn ensure_cooperative(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let is_join = node.downcast_ref::<NestedLoopJoinExec>().is_some()
            || node.downcast_ref::<CrossJoinExec>().is_some()
            || node.downcast_ref::<HashJoinExec>().is_some()
            || node.downcast_ref::<SortMergeJoinExec>().is_some();
        if is_join {
            Ok(Transformed::yes(Arc::new(CooperativeExec::new(node))))
        } else {
            Ok(Transformed::no(node))
        }
    })
    .data()
}

#[cfg(test)]
mod tests {
    use crate::optimizer::before_after::Setting;

    #[tokio::test]
    async fn a_hash_join_gives_way() {
        let setting = Setting::default();
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity";
        setting.physical("ensure_cooperative", sql).await.is(r"
            before
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
              CooperativeExec
                FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
              CooperativeExec
                FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity  keys=from the join
            after
            CooperativeExec
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
                CooperativeExec
                  FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
                CooperativeExec
                  FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity  keys=from the join
        ");
    }

    #[tokio::test]
    async fn every_kind_of_join_gives_way() {
        let setting = Setting::default();
        let sql = "SELECT t.id FROM desk.ticket t JOIN crm.opportunity o ON o.amount > t.priority \
         CROSS JOIN crm.account";
        setting.physical("ensure_cooperative", sql).await.is(r"
            before
            CrossJoinExec
              ProjectionExec: expr=[id@0 as id]
                NestedLoopJoinExec: join_type=Inner, filter=amount@0 > join_proj_push_down_1@1, projection=[id@0, priority@1, amount@3]
                  DynamicFilterExec: condition=amount > join_proj_push_down_1
                    ProjectionExec: expr=[id@0 as id, priority@1 as priority, CAST(priority@1 AS Float64) as join_proj_push_down_1]
                      CooperativeExec
                        FakeScan: ticket  calls≈10  q=SELECT id, priority FROM ticket
                  CooperativeExec
                    FakeScan: opportunity  calls≈3  q=SELECT amount FROM opportunity  narrowed=by other rows of the statement
              CooperativeExec
                FakeScan: account  calls≈10  q=SELECT  FROM account
            after
            CooperativeExec
              CrossJoinExec
                ProjectionExec: expr=[id@0 as id]
                  CooperativeExec
                    NestedLoopJoinExec: join_type=Inner, filter=amount@0 > join_proj_push_down_1@1, projection=[id@0, priority@1, amount@3]
                      DynamicFilterExec: condition=amount > join_proj_push_down_1
                        ProjectionExec: expr=[id@0 as id, priority@1 as priority, CAST(priority@1 AS Float64) as join_proj_push_down_1]
                          CooperativeExec
                            FakeScan: ticket  calls≈10  q=SELECT id, priority FROM ticket
                      CooperativeExec
                        FakeScan: opportunity  calls≈3  q=SELECT amount FROM opportunity  narrowed=by other rows of the statement
                CooperativeExec
                  FakeScan: account  calls≈10  q=SELECT  FROM account
        ");
    }

    #[tokio::test]
    async fn a_plan_without_joins_stays() {
        let setting = Setting::default();
        let sql = "SELECT id FROM crm.account";
        setting.physical("ensure_cooperative", sql).await.is(r"
            unchanged
            CooperativeExec
              FakeScan: account  calls≈10  q=SELECT id FROM account
        ");
    }
}
