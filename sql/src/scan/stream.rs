//! The rows of one scan: keys, requests, re-filtering, fetch.

use std::sync::Arc;

use causeway_core::{KeySet, Kind, QueryContext, RemoteQuery, keys, scan};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::join_keys::{self, Computed, Keys, of_own_keys};
use super::redact::without_keys;
use super::rows::{Rows, first};
use super::spec::{ScanSpec, passing};
use super::top_k::{self, First};
use super::{dynamic_filter, estimate};
use crate::error::source_error;

/// What one execution of a scan brings along.
pub(crate) struct Run {
    pub(crate) query: RemoteQuery,
    pub(crate) context: Arc<QueryContext>,
    /// Order of the fetched columns, when the scan is sorted.
    pub(crate) ordering: Option<LexOrdering>,
    pub(crate) memory: Arc<dyn MemoryPool>,
}

/// Reads the scan. The stream is cold: nothing is asked before its first poll.
pub(crate) fn rows(spec: ScanSpec, run: Run, metrics: BaselineMetrics) -> Rows {
    let fetch = spec.fetch;
    let spec = Arc::new(spec);
    let opened = open(Arc::clone(&spec), run);
    let checked = stream::once(opened)
        .try_flatten()
        .map(move |batch| check(&spec, &batch?))
        .boxed();
    let counted = first(checked, fetch).inspect_ok(move |batch| {
        metrics.record_output(batch.num_rows());
    });
    counted.boxed()
}

/// Waits for keys, then starts the requests.
async fn open(spec: Arc<ScanSpec>, run: Run) -> Result<Rows> {
    let Run {
        mut query,
        context,
        ordering,
        memory,
    } = run;
    let mut computed = None;
    match join_keys::arrived(&spec, &query).await? {
        Keys::None => {}
        Keys::NoRowCanMatch => return Ok(stream::empty().boxed()),
        Keys::Set(keys, of) => {
            query.keys = Some(keys);
            computed = of.map(Arc::new);
        }
    }
    dynamic_filter::narrow(&spec, &mut query).await?;
    if query.has_keys() {
        query.limit = None;
    }
    if query.is_empty() {
        return Ok(stream::empty().boxed());
    }
    if let Some(hit) = spec.reuse.find(&context, &query) {
        return spec.reuse.rows(spec.source.as_ref(), &context, &hit, &query);
    }
    if let Some(top) = spec.worthwhile_top().filter(|_| !query.has_keys()) {
        match top_k::first(&spec, &context, &query, top).await? {
            First::Rows(rows) => return Ok(stream::iter([Ok(rows)]).boxed()),
            First::Bounded(bound) => query.filters.push(bound),
            First::Unknown => {}
        }
    }
    read(&spec, &context, query, ordering, &memory, computed).await
}

/// Starts the requests, and keeps their rows for others where those may have them.
async fn read(
    spec: &Arc<ScanSpec>,
    context: &Arc<QueryContext>,
    query: RemoteQuery,
    ordering: Option<LexOrdering>,
    memory: &Arc<dyn MemoryPool>,
    computed: Option<Arc<Computed>>,
) -> Result<Rows> {
    let asked = query.clone();
    let queries = split(spec, context, query).await?;
    let several = queries.len() > 1;
    // What is not proven whole is no answer to anybody else.
    // Of several requests with keys of an expression, rows are kept that it has a key for, not all that the patterns match.
    let is_whole = context.strict && (computed.is_none() || !several);
    let reuse = Some(spec.reuse.clone()).filter(|reuse| is_whole && reuse.keeps());
    let reuse = reuse.map(|reuse| {
        let has_keys = queries.iter().any(|query| query.keys.is_some());
        let keys = asked.keys.clone().filter(|_| has_keys);
        (reuse, RemoteQuery { keys, ..asked })
    });
    let scans_at_once = spec.source.limits().concurrent_scans.max(1);
    let reader = (Arc::clone(spec), Arc::clone(context));
    let of_one = move |query: RemoteQuery| {
        let own_keys = query.keys.clone().filter(|_| several);
        let computed = computed.clone();
        pages_of(&reader.0, &reader.1, query.clone())
            .map(move |batch| of_own_keys(&query, own_keys.as_ref(), computed.as_deref(), batch?))
            .boxed()
    };
    let rows = match ordering.filter(|_| several) {
        None => stream::iter(queries)
            .map(of_one)
            .flatten_unordered(scans_at_once)
            .boxed(),
        Some(ordering) => merged(
            queries.into_iter().map(of_one),
            query_schema(spec),
            &ordering,
            memory,
        )?,
    };
    Ok(match reuse {
        Some((reuse, asked)) => reuse.keeping(context, rows, asked),
        None => rows,
    })
}

/// The requests that the keys take, or the one for the whole table where that is cheaper.
async fn split(spec: &ScanSpec, context: &QueryContext, mut query: RemoteQuery) -> Result<Vec<RemoteQuery>> {
    let queries = match keys::split(spec.source.as_ref(), &query) {
        // Not even one key fits beside the columns: the whole table is asked for, and the join picks its rows.
        Err(error) if error.kind == Kind::Malformed && query.keys.take().is_some() => return Ok(vec![query]),
        queries => queries.map_err(source_error)?,
    };
    if let Some(keys) = &query.keys
        && is_cheaper_whole(spec, context, keys, queries.len()).await
    {
        query.keys = None;
        return Ok(vec![query]);
    }
    Ok(queries)
}

/// The rows of one request; an error tells no keys that the person may not see.
fn pages_of(spec: &Arc<ScanSpec>, context: &Arc<QueryContext>, query: RemoteQuery) -> Rows {
    let hides_keys = !spec.stamp.tells_keys() && query.has_keys();
    let pages = scan(Arc::clone(&spec.source), Arc::clone(context), query);
    let errors = Arc::clone(spec);
    let pages = pages.map_err(move |error| match hides_keys {
        true => source_error(without_keys(error)),
        false => errors.source_error(error),
    });
    pages.boxed()
}

fn query_schema(spec: &ScanSpec) -> SchemaRef {
    spec.query.output_schema()
}

/// Merges sorted streams into one: the keys of a join were split over several requests.
fn merged(
    streams: impl Iterator<Item = Rows>,
    schema: SchemaRef,
    ordering: &LexOrdering,
    memory: &Arc<dyn MemoryPool>,
) -> Result<Rows> {
    let adapted = streams
        .map(|rows| Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), rows)) as _)
        .collect();
    let merged = StreamingMergeBuilder::new()
        .with_streams(adapted)
        .with_schema(Arc::clone(&schema))
        .with_expressions(ordering)
        .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
        .with_batch_size(8192)
        .with_reservation(MemoryConsumer::new("merge of key requests").register(memory))
        .build()?;
    Ok(merged.boxed())
}

/// Whether reading the whole table takes fewer calls than asking for the keys.
async fn is_cheaper_whole(spec: &ScanSpec, context: &QueryContext, keys: &KeySet, requests: usize) -> bool {
    /// So many requests are worth one more that tells how large the table is.
    const WORTH_COUNTING: usize = 4;
    // Few systems answer all groups of a large table at once, and some tables are not read whole at all.
    if spec.query.grouping.is_some() || spec.query.table.required_filter.is_some() {
        return false;
    }
    let table = &spec.query.table;
    let mut count = spec.source.known_rows(&table.name.name);
    if count.is_none() && requests >= WORTH_COUNTING {
        count = estimate::count_rows(spec.source.as_ref(), table, context).await;
    }
    let Some(count) = count else {
        return false;
    };
    let whole = usize::try_from(count.rows).unwrap_or(usize::MAX);
    let rows = estimate::rows_with_keys(spec, keys.column, keys.values.len());
    let whole_calls = whole.div_ceil(spec.source.page_rows().max(1)).max(1);
    estimate::calls_with_keys(spec, requests, rows) > whole_calls
}

/// Applies the checks and projects to the output columns.
fn check(spec: &ScanSpec, batch: &RecordBatch) -> Result<RecordBatch> {
    Ok(passing(spec, batch)?.project(&spec.output)?)
}
