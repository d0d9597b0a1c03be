//! Streams of batches inside a scan: which rows are kept, and how many.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// A stream of batches inside the scan.
pub(crate) type Rows = futures::stream::BoxStream<'static, Result<RecordBatch>>;

/// The rows that pass the checks, which are applied in order.
pub(crate) fn kept_by(checks: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<RecordBatch> {
    let mut batch = batch.clone();
    for check in checks {
        if batch.num_rows() == 0 {
            break;
        }
        let kept = check.evaluate(&batch)?.into_array(batch.num_rows())?;
        let kept = kept
            .as_boolean_opt()
            .ok_or_else(|| DataFusionError::Internal("a filter is not boolean".to_owned()))?;
        if kept.true_count() < batch.num_rows() {
            batch = filter_record_batch(&batch, kept)?;
        }
    }
    Ok(batch)
}

/// Cuts the stream to `fetch` rows and stops reading as soon as they are there. DataFusion has removed its own limit and believes
/// the scan.
pub(crate) fn first(rows: Rows, fetch: Option<usize>) -> Rows {
    let Some(fetch) = fetch else { return rows };
    stream::try_unfold((rows, fetch), |(mut rows, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        while let Some(batch) = rows.try_next().await? {
            if batch.num_rows() > 0 {
                let batch = batch.slice(0, batch.num_rows().min(left));
                let left = left - batch.num_rows();
                return Ok(Some((batch, (rows, left))));
            }
        }
        Ok(None)
    })
    .boxed()
}
