//! What DataFusion wants to know of a rule, said once: our rules are functions.
//!
//! Invariant: no rule of ours changes the schema of a plan; DataFusion checks it after each.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{AnalyzerRule, ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// A rule over a whole analysed plan.
#[derive(Debug)]
pub(super) struct Analysis {
    pub(super) name: &'static str,
    pub(super) rewrite: fn(LogicalPlan) -> Result<LogicalPlan>,
}

impl AnalyzerRule for Analysis {
    fn name(&self) -> &str {
        self.name
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        (self.rewrite)(plan)
    }
}

/// A rule over each node of a logical plan.
#[derive(Debug)]
pub(super) struct Logical {
    pub(super) name: &'static str,
    pub(super) order: ApplyOrder,
    /// What becomes of a node; `None` leaves it as it is.
    pub(super) rewrite: fn(&LogicalPlan) -> Result<Option<LogicalPlan>>,
}

impl OptimizerRule for Logical {
    fn name(&self) -> &str {
        self.name
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(self.order)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        Ok(match (self.rewrite)(&plan)? {
            Some(rewritten) => Transformed::yes(rewritten),
            None => Transformed::no(plan),
        })
    }
}

/// What a physical rule does with a whole plan.
type RewritesPlan = fn(Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>;

/// A rule over a whole physical plan.
#[derive(Debug)]
pub(super) struct Physical {
    pub(super) name: &'static str,
    pub(super) rewrite: RewritesPlan,
}

impl PhysicalOptimizerRule for Physical {
    fn name(&self) -> &str {
        self.name
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        (self.rewrite)(plan)
    }
}
