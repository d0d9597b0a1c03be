//! The first rows of a join, whichever they are, from the first rows of the table that is read first.
//!
//! A limit above a join ends the join early, but by then one side was read whole. Most joins have enough rows for a small limit among
//! those of one page. Invariant: rows of the attempt are rows of the join; when they are too few and there may be more, all are read.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::policy::query_of;
use crate::scan::exec::RemoteScanExec;

/// Answers with the rows of the attempt when they are enough, else with those of the whole.
#[derive(Debug)]
pub(crate) struct FirstRowsExec {
    /// Rows that are wanted.
    wanted: usize,
    /// The plan over the first rows of the scan that it reads first.
    attempt: Arc<dyn ExecutionPlan>,
    whole: Arc<dyn ExecutionPlan>,
    calls: EstimateCalls,
}

/// Calls that a plan will probably take.
pub(crate) type EstimateCalls = fn(&Arc<dyn ExecutionPlan>) -> usize;

impl FirstRowsExec {
    /// `attempt` was made of the whole plan by replacing some of its operators.
    pub(crate) fn try_new(
        wanted: usize,
        attempt: Arc<dyn ExecutionPlan>,
        whole: Arc<dyn ExecutionPlan>,
        calls: EstimateCalls,
    ) -> Result<Self> {
        // A join that was copied shares the rows of its build side with the other, unless it is reset.
        let attempt = reset_plan_states(attempt)?;
        Ok(Self {
            wanted,
            attempt,
            whole,
            calls,
        })
    }
}

impl FirstRowsExec {
    /// Whether the statement's budget allows for an attempt that fails, or for nothing but an attempt.
    fn spares_an_attempt(&self, context: &TaskContext) -> bool {
        let query = query_of(context.session_config());
        let Some(left) = query.and_then(|query| query.calls_left()) else {
            return true;
        };
        let (attempt, whole) = ((self.calls)(&self.attempt), (self.calls)(&self.whole));
        let left = left as usize;
        whole > left || attempt.saturating_add(whole) <= left
    }
}

/// The scan that a plan of joins reads first.
pub(crate) fn first_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&RemoteScanExec> {
    match plan.downcast_ref::<RemoteScanExec>() {
        Some(scan) => Some(scan),
        None => first_scan(plan.children().into_iter().next()?),
    }
}

/// Whether the scan that was cut brought all rows that there are.
fn brought_all(attempt: &Arc<dyn ExecutionPlan>) -> bool {
    let scan = first_scan(attempt);
    let brought = scan.and_then(|scan| scan.metrics()?.output_rows());
    let cut = scan.and_then(|scan| scan.spec().fetch);
    brought.zip(cut).is_some_and(|(brought, cut)| brought < cut)
}

impl DisplayAs for FirstRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scan = first_scan(&self.attempt).map(RemoteScanExec::spec);
        let cut = scan.and_then(|spec| spec.fetch).unwrap_or_default();
        let table = scan.map_or("", |spec| &spec.query.table.name.name);
        write!(
            f,
            "FirstRowsExec: {} rows, of {cut} rows of {table} if they are enough, else of all",
            self.wanted
        )
    }
}

impl ExecutionPlan for FirstRowsExec {
    fn name(&self) -> &'static str {
        "FirstRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.whole.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.attempt, &self.whole]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; 2]
    }

    fn fetch(&self) -> Option<usize> {
        Some(self.wanted)
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 2]>::try_from(children) {
            Ok([attempt, whole]) => Ok(Arc::new(Self {
                wanted: self.wanted,
                attempt,
                whole,
                calls: self.calls,
            })),
            Err(_) => Err(DataFusionError::Internal(
                "an attempt and the whole are two plans".to_owned(),
            )),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (attempt, whole, wanted) = (Arc::clone(&self.attempt), Arc::clone(&self.whole), self.wanted);
        let spares = self.spares_an_attempt(&context);
        let rows = stream::once(async move {
            if !spares {
                return Ok(whole.execute(partition, context)?.boxed());
            }
            let mut found: Vec<RecordBatch> = Vec::new();
            let mut missing = wanted;
            let mut rows = attempt.execute(partition, Arc::clone(&context))?;
            while missing > 0
                && let Some(batch) = rows.try_next().await?
            {
                let batch = batch.slice(0, batch.num_rows().min(missing));
                missing -= batch.num_rows();
                found.push(batch);
            }
            // Its calls under way are of no use any more.
            drop(rows);
            if missing == 0 || brought_all(&attempt) {
                return Ok(stream::iter(found.into_iter().map(Ok)).boxed());
            }
            Ok::<_, DataFusionError>(whole.execute(partition, context)?.boxed())
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            rows.try_flatten(),
        )))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::Skip, ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let whole = inputs.get(1).map(Arc::clone);
        whole.ok_or_else(|| DataFusionError::Internal("an attempt and the whole are two plans".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int32Array;
    use datafusion::common::{JoinType, NullEquality};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
    use datafusion::physical_plan::{collect, replace_children_if_necessary};

    use super::*;

    fn numbers(numbers: &[i32]) -> Arc<dyn ExecutionPlan> {
        let batch = RecordBatch::try_from_iter([(
            "n",
            Arc::new(Int32Array::from(numbers.to_vec())) as Arc<dyn datafusion::arrow::array::Array>,
        )]);
        let batch = batch.expect("a batch");
        let schema = batch.schema();
        MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None).expect("a table")
    }

    fn joined(left: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        let right = numbers(&[7, 8, 9]);
        let on = vec![(
            col("n", &left.schema()).expect("a column"),
            col("n", &right.schema()).expect("a column"),
        )];
        let join = HashJoinExec::try_new(
            left,
            right,
            on,
            None,
            &JoinType::Inner,
            None,
            PartitionMode::CollectLeft,
            NullEquality::NullEqualsNothing,
            false,
        );
        Arc::new(join.expect("a join"))
    }

    async fn rows(attempt: &[i32]) -> usize {
        let whole = joined(numbers(&[1, 2, 7, 8]));
        let children = vec![numbers(attempt), Arc::clone(whole.children()[1])];
        let attempt = replace_children_if_necessary(Arc::clone(&whole), children).expect("a plan");
        let either = FirstRowsExec::try_new(2, attempt, whole, |_| 1).expect("a plan");
        let batches = collect(Arc::new(either), Arc::default()).await.expect("rows");
        batches.iter().map(RecordBatch::num_rows).sum()
    }

    #[tokio::test]
    async fn an_attempt_without_enough_rows_leaves_nothing_to_the_whole() {
        assert_eq!(rows(&[1, 2]).await, 2);
        assert_eq!(rows(&[7]).await, 2);
        assert_eq!(rows(&[7, 8, 9]).await, 2);
    }
}
