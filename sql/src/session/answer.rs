//! What a statement answers: a command tag, or a stream of rows that watches cancel and deadline.

use std::sync::Arc;

use causeway_core::QueryContext;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::query_log::{QueryRecord, QueryState};

/// What ends a statement before its time.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) cancel: CancellationToken,
    pub(crate) deadline: Option<Instant>,
}

impl Limits {
    /// Runs `work`, or ends it with 57014.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let deadline = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::cancelled("user request")),
            () = deadline => Err(Error::cancelled("statement timeout")),
            done = work => Ok(done),
        }
    }
}

/// Marks a query as cancelled when its stream is dropped before its end.
struct Finisher(Arc<QueryRecord>);

impl Drop for Finisher {
    fn drop(&mut self) {
        self.0.finish(QueryState::Cancelled);
    }
}

/// The batch under the names that the client sees.
pub(super) fn relabelled(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        batch.columns().to_vec(),
        &rows,
    )?)
}

/// What a statement answers.
pub struct Answer {
    tag: String,
    schema: Option<SchemaRef>,
    context: Arc<QueryContext>,
    rows: Option<BoxStream<'static, Result<RecordBatch, Error>>>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("tag", &self.tag)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// An answer without rows, such as that of SET.
    pub(crate) fn command(tag: &str, context: Arc<QueryContext>, record: &QueryRecord) -> Self {
        record.finish(QueryState::Done);
        Self {
            tag: tag.to_owned(),
            schema: None,
            context,
            rows: None,
        }
    }

    /// The answer of a statement that goes on: a cursor's record ends with the cursor.
    pub(crate) fn opened(tag: &str, context: Arc<QueryContext>) -> Self {
        Self {
            tag: tag.to_owned(),
            schema: None,
            context,
            rows: None,
        }
    }

    /// An answer with rows that are there already.
    pub(crate) fn batch(
        tag: &str,
        batch: RecordBatch,
        context: Arc<QueryContext>,
        record: &QueryRecord,
    ) -> Self {
        record.add_rows(batch.num_rows());
        record.finish(QueryState::Done);
        let schema = Some(batch.schema());
        Self {
            tag: tag.to_owned(),
            schema,
            context,
            rows: Some(stream::iter([Ok(batch)]).boxed()),
        }
    }

    /// An answer with rows that come from a plan, shown under `schema`.
    pub(crate) fn stream_of(
        schema: SchemaRef,
        rows: SendableRecordBatchStream,
        context: Arc<QueryContext>,
        record: Arc<QueryRecord>,
        limits: Limits,
    ) -> Self {
        let shown = Arc::clone(&schema);
        let opened = Some((rows, limits, Finisher(record), shown));
        let guarded = stream::unfold(opened, |state| async move {
            let (mut rows, limits, finisher, shown) = state?;
            let record = &finisher.0;
            match limits.guard(rows.next()).await {
                Ok(Some(Ok(batch))) => {
                    record.add_rows(batch.num_rows());
                    Some((relabelled(&batch, &shown), Some((rows, limits, finisher, shown))))
                }
                Ok(Some(Err(error))) => {
                    record.finish(QueryState::Failed);
                    Some((Err(Error::from(error)), None))
                }
                Ok(None) => {
                    record.finish(QueryState::Done);
                    None
                }
                Err(cancelled) => {
                    record.finish(QueryState::Cancelled);
                    Some((Err(cancelled), None))
                }
            }
        });
        Self {
            tag: "SELECT".to_owned(),
            schema: Some(schema),
            context,
            rows: Some(guarded.boxed()),
        }
    }

    /// The columns; `None` for statements that return no rows.
    #[must_use]
    pub fn schema(&self) -> Option<SchemaRef> {
        self.schema.as_ref().map(Arc::clone)
    }

    /// Command tag without a row count, for example `SELECT`.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// What the statement has spent, and its notices.
    #[must_use]
    pub fn context(&self) -> &Arc<QueryContext> {
        &self.context
    }

    /// The rows; empty for statements that return none.
    ///
    /// Errors: the stream ends with the first error; 57014 on cancel and timeout.
    /// Cancel: dropping the stream stops the remote work.
    ///
    /// # Errors
    /// None today; the signature leaves room for plans that start eagerly.
    #[allow(clippy::unused_async, reason = "the documented signature of the embedded API")]
    pub async fn stream(self) -> Result<BoxStream<'static, Result<RecordBatch, Error>>, Error> {
        Ok(self.rows.unwrap_or_else(|| stream::empty().boxed()))
    }
}
