//! The last physical rule: tells each leaf which dynamic filters come from joins, so that it waits for those and no others.
//!
//! A top-N's filter completes only when the scan ends; waiting for it would never end.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use crate::leaf::RemoteScanExec;

/// Marks the key filters that a leaf must wait for.
#[derive(Debug)]
pub(crate) struct AwaitKeys;

impl PhysicalOptimizerRule for AwaitKeys {
    fn name(&self) -> &'static str {
        "await_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut from_joins = BTreeSet::new();
        plan.apply(|node| {
            if node.downcast_ref::<HashJoinExec>().is_some() {
                from_joins.extend(
                    node.dynamic_expressions_produced()
                        .iter()
                        .filter_map(|filter| filter.expression_id()),
                );
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        plan.transform_up(|node| {
            let Some(scan) = node.downcast_ref::<RemoteScanExec>() else {
                return Ok(Transformed::no(node));
            };
            let scan = scan.with_spec(|spec| {
                for keys in &mut spec.key_filters {
                    keys.awaited = keys
                        .filter
                        .expression_id()
                        .is_some_and(|id| from_joins.contains(&id));
                }
            })?;
            Ok(Transformed::yes(Arc::new(scan)))
        })
        .data()
    }
}
