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
