//! Plans a statement again when a remote system refused what its plan asked for.
//!
//! The source remembers what it refused, so each new plan asks for less. Invariant: it happens only before the first row.

use std::sync::Arc;

use causeway_core::{Kind, QueryContext};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::cost::plan;
use crate::error::{Error, source_kind};
use crate::policy::query_of;

/// Plans of one statement: groups, parents, order and filters of each table may be refused one after the other.
const MOST_PLANS: usize = 20;

/// Plans `plan` for a cost that can be relied on: again, when rows of its tables had to be counted first.
pub(crate) async fn counted(
    state: &SessionState,
    plan: &LogicalPlan,
    context: &QueryContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    let physical = state.create_physical_plan(plan).await?;
    if plan::count_tables(&physical, context).await {
        return state.create_physical_plan(plan).await;
    }
    Ok(physical)
}

/// Plans a statement that will be run, unless it would surely take more calls than it may make.
async fn affordable(state: &SessionState, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
    let context = query_of(state.config());
    let Some(context) = context.filter(|context| context.max_api_calls > 0) else {
        return state.create_physical_plan(plan).await;
    };
    let physical = counted(state, plan, &context).await?;
    plan::within_budget(&physical, &context)?;
    Ok(physical)
}

/// Plans and runs `plan`. The stream is cold.
///
/// Errors: 53400 when it would take more calls than `causeway.max_api_calls` allows.
pub(crate) async fn run(state: SessionState, plan: LogicalPlan) -> Result<SendableRecordBatchStream> {
    let physical = affordable(&state, &plan).await?;
    let schema = physical.schema();
    let rows = execute_stream(physical, state.task_ctx())?;
    let attempts = stream::once(async move { first_accepted(&state, &plan, rows).await }).try_flatten();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, attempts)))
}

/// The rows of the first plan that no source refuses.
async fn first_accepted(
    state: &SessionState,
    plan: &LogicalPlan,
    mut rows: SendableRecordBatchStream,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let mut plans = 1;
    loop {
        match rows.next().await {
            // A batch without rows shows nothing yet.
            Some(Ok(batch)) if batch.num_rows() == 0 => {}
            Some(Err(error)) if plans < MOST_PLANS && is_refusal(&error) => {
                tracing::warn!(%error, "planning again without what was refused");
                plans += 1;
                // Ends the calls of the old plan.
                drop(rows);
                let physical = state.create_physical_plan(plan).await?;
                rows = execute_stream(physical, state.task_ctx())?;
            }
            first => return Ok(stream::iter(first).chain(rows).boxed()),
        }
    }
}

/// Runs `plan` to its end, for EXPLAIN ANALYZE: the plan that was accepted, and its number of rows.
pub(crate) async fn run_to_end(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<(Arc<dyn ExecutionPlan>, usize)> {
    let mut plans = 1;
    loop {
        let physical = affordable(state, plan).await?;
        let rows = execute_stream(Arc::clone(&physical), state.task_ctx())?;
        let counted = rows.try_fold(0, async |sum, batch: RecordBatch| Ok(sum + batch.num_rows()));
        match counted.await {
            Err(error) if plans < MOST_PLANS && is_refusal(&error) => plans += 1,
            counted => return Ok((physical, counted?)),
        }
    }
}

/// Whether the error is, at its root, a refusal that the source has learnt from.
fn is_refusal(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => is_refusal(inner),
        DataFusionError::Shared(inner) => is_refusal(inner),
        DataFusionError::Collection(errors) => errors.first().is_some_and(is_refusal),
        DataFusionError::External(inner) => {
            if let Some(error) = inner.downcast_ref::<Error>() {
                return source_kind(error) == Some(Kind::Refused);
            }
            if let Some(error) = inner.downcast_ref::<DataFusionError>() {
                return is_refusal(error);
            }
            let shared = inner.downcast_ref::<Arc<DataFusionError>>();
            shared.is_some_and(|error| is_refusal(error))
        }
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            datafusion::arrow::error::ArrowError::ExternalError(inner) => {
                inner.downcast_ref::<DataFusionError>().is_some_and(is_refusal)
            }
            _ => false,
        },
        _ => false,
    }
}
