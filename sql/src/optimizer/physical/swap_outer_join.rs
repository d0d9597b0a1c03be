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
