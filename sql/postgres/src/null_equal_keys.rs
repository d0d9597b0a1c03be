//! A logical rule: `IS NOT DISTINCT FROM` as a condition of a join, until no `=` can be added to it.
//!
//! DataFusion makes keys of it by telling the join that NULLs are equal. Its rules then add `=` to the keys, as if NULLs were equal for that,
//! too (docs/upstream.md, null-equal-keys). Owns: taking such keys back before each pass; the pass makes keys of them again where no `=` is left.
//! Does not own: which conditions are keys. Invariant: the join has the same rows. Start at [`NullEqualKeys`].

use datafusion::common::tree_node::Transformed;
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Join, LogicalPlan, Operator, binary_expr};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

#[derive(Debug)]
pub(crate) struct NullEqualKeys;

impl OptimizerRule for NullEqualKeys {
    fn name(&self) -> &'static str {
        "null_equal_keys"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Join(join)
                if join.null_equality == NullEquality::NullEqualsNull && !join.on.is_empty() =>
            {
                let keys = join.on.into_iter();
                let keys = keys.map(|(left, right)| binary_expr(left, Operator::IsNotDistinctFrom, right));
                let condition = conjunction(keys.chain(join.filter));
                let join = Join::try_new(
                    join.left,
                    join.right,
                    Vec::new(),
                    condition,
                    join.join_type,
                    join.join_constraint,
                    NullEquality::NullEqualsNothing,
                    join.null_aware,
                )?;
                Ok(Transformed::yes(LogicalPlan::Join(join)))
            }
            plan => Ok(Transformed::no(plan)),
        }
    }
}
