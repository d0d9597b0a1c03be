//! The rows of one scan: keys, requests, re-filtering, fetch.

use std::sync::Arc;
use std::time::Duration;

use causeway_core::{
    Condition, Error, KeySet, Kind, Literal, Op, QueryContext, RemoteQuery, Verdict, keys, scan,
};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, InListExpr, Literal as Constant,
};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::source_error;
use crate::leaf::{Rows, ScanSpec};
use crate::leaf_top::{self, First};
use crate::{lower, price};

/// Longest wait for the keys of a join. The join's other side has its own limits; this only ends a wait that nothing will end.
const LONGEST_WAIT_FOR_KEYS: Duration = Duration::from_secs(600);

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
    match join_keys(&spec, &query).await? {
        Keys::None => {}
        Keys::NoRowCanMatch => return Ok(stream::empty().boxed()),
        Keys::Set(keys) => query.keys = Some(keys),
    }
    if query.keys.is_some() {
        query.limit = None;
    }
    if query.is_empty() {
        return Ok(stream::empty().boxed());
    }
    let reuse = spec.reuse.as_ref();
    if let Some((reuse, hit)) = reuse.and_then(|reuse| Some((reuse, reuse.find(&query)?))) {
        return reuse.rows(spec.source.as_ref(), &context, &hit, &query);
    }
    if let Some(top) = spec.worthwhile_top().filter(|_| query.keys.is_none()) {
        match leaf_top::first(&spec, &context, &query, top).await? {
            First::Rows(rows) => return Ok(stream::iter([Ok(rows)]).boxed()),
            First::Bounded(bound) => query.filters.push(bound),
            First::Unknown => {}
        }
    }
    let (asked_keys, query_of_all) = (
        query.keys.clone(),
        RemoteQuery {
            keys: None,
            ..query.clone()
        },
    );
    let mut queries = match keys::split(spec.source.as_ref(), &query) {
        // Not even one key fits beside the columns: the whole table is asked for, and the join picks its rows.
        Err(error) if error.kind == Kind::Malformed && query.keys.take().is_some() => vec![query.clone()],
        queries => queries.map_err(source_error)?,
    };
    if let Some(keys) = &query.keys
        && is_cheaper_whole(&spec, &context, keys, queries.len()).await
    {
        query.keys = None;
        queries = vec![query];
    }
    // What is not proven whole is no answer to anybody else.
    let reuse = spec.reuse.clone().filter(|_| context.strict).map(|reuse| {
        let keys = queries.iter().any(|query| query.keys.is_some());
        let asked = RemoteQuery {
            keys: asked_keys.filter(|_| keys),
            ..query_of_all
        };
        (reuse, asked)
    });
    let scans_at_once = spec.source.limits().concurrent_scans.max(1);
    let several = queries.len() > 1;
    let fetched = query_schema(&spec);
    let read = move |query: RemoteQuery| {
        let own_keys = query.keys.clone().filter(|_| several);
        let pages = scan(Arc::clone(&spec.source), Arc::clone(&context), query.clone());
        let hides_keys = spec.hides_keys && query.keys.is_some();
        let errors = Arc::clone(&spec);
        let pages = pages.map_err(move |error| match hides_keys {
            true => source_error(without_keys(error)),
            false => errors.source_error(error),
        });
        pages
            .map(move |batch| of_own_keys(&query, own_keys.as_ref(), batch?))
            .boxed()
    };
    let rows = match ordering.filter(|_| several) {
        None => stream::iter(queries)
            .map(read)
            .flatten_unordered(scans_at_once)
            .boxed(),
        Some(ordering) => merged(queries.into_iter().map(read), fetched, &ordering, &memory)?,
    };
    Ok(match reuse {
        Some((reuse, asked)) => reuse.keeping(rows, asked),
        None => rows,
    })
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

/// Keeps the rows whose key was asked for by this very request.
///
/// A remote system that compares text without case, or ignores the condition, answers a row to several requests; it counts once.
fn of_own_keys(query: &RemoteQuery, keys: Option<&KeySet>, batch: RecordBatch) -> Result<RecordBatch> {
    let Some(keys) = keys else { return Ok(batch) };
    let fetched = query
        .grouping
        .as_ref()
        .map_or(&query.columns, |grouping| &grouping.keys);
    let position = fetched.iter().position(|column| *column == keys.column);
    let Some(position) = position else {
        return Err(DataFusionError::Internal(
            "a key column was not fetched".to_owned(),
        ));
    };
    let schema = batch.schema();
    let column = Arc::new(Column::new(schema.field(position).name(), position));
    let values = ScalarValue::iter_to_array(keys.values.iter().map(lower::scalar))?;
    let own = InListExpr::try_new_from_array(column, values, false, &schema)?;
    let kept = own.evaluate(&batch)?.into_array(batch.num_rows())?;
    Ok(filter_record_batch(&batch, kept.as_boolean())?)
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
        count = price::count_rows(spec.source.as_ref(), table, context).await;
    }
    let Some(count) = count else {
        return false;
    };
    let whole = usize::try_from(count.rows).unwrap_or(usize::MAX);
    let rows = price::rows_with_keys(spec, keys.column, keys.values.len());
    let whole_calls = whole.div_ceil(spec.source.page_rows().max(1)).max(1);
    price::calls_with_keys(spec, requests, rows) > whole_calls
}

/// A value that doesn't parse may belong to a record that the person must not see.
pub(crate) fn without_record(error: Error) -> Error {
    if error.kind != Kind::BadValue {
        return error;
    }
    tracing::warn!(source = %error.origin, message = error.message, "a remote value does not parse");
    let message = "a remote value does not parse; it is not shown because row policies restrict this table";
    Error {
        message: message.to_owned(),
        ..error
    }
}

/// What a remote system says of a request may repeat the keys that it was asked for.
fn without_keys(error: Error) -> Error {
    if matches!(error.kind, Kind::Budget | Kind::Unreachable | Kind::Internal) {
        return error;
    }
    tracing::warn!(source = %error.origin, message = error.message, "a request with keys of a join failed");
    let message =
        "a request with the keys of a join failed; why is not shown because row policies hide rows from you";
    Error {
        message: message.to_owned(),
        ..error
    }
}

enum Keys {
    None,
    NoRowCanMatch,
    Set(KeySet),
}

/// The keys that the joins above hand down: those of the column that will bring the fewest rows.
async fn join_keys(spec: &ScanSpec, query: &RemoteQuery) -> Result<Keys> {
    let mut best: Option<KeySet> = None;
    for filter in &spec.key_filters {
        let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() else {
            continue;
        };
        tokio::time::timeout(LONGEST_WAIT_FOR_KEYS, dynamic.wait_complete())
            .await
            .map_err(|_| {
                DataFusionError::Execution("the keys of a join did not arrive within ten minutes".to_owned())
            })?;
        let mut found = Vec::new();
        if !collect(&dynamic.current()?, &mut found) {
            return Ok(Keys::NoRowCanMatch);
        }
        for (output, values) in found {
            let Some(keys) = key_set(spec, query, output, values) else {
                continue;
            };
            if keys.values.is_empty() {
                return Ok(Keys::NoRowCanMatch);
            }
            let rows = |keys: &KeySet| price::rows_with_keys(spec, keys.column, keys.values.len());
            if best.as_ref().is_none_or(|best| rows(&keys) < rows(best)) {
                best = Some(keys);
            }
        }
    }
    Ok(best.map_or(Keys::None, Keys::Set))
}

/// Gathers `column IN (…)` from the conjuncts; false when the filter is constant false: the other side has no row.
///
/// The ranges that come along are in Arrow's order and add nothing to the list; an opaque hash lookup gives nothing.
fn collect(filter: &Arc<dyn PhysicalExpr>, found: &mut Vec<(usize, Vec<ScalarValue>)>) -> bool {
    if let Some(constant) = filter.downcast_ref::<Constant>() {
        return *constant.value() != ScalarValue::Boolean(Some(false));
    }
    if let Some(binary) = filter.downcast_ref::<BinaryExpr>()
        && *binary.op() == Operator::And
    {
        return collect(binary.left(), found) && collect(binary.right(), found);
    }
    if let Some(list) = filter.downcast_ref::<InListExpr>()
        && !list.negated()
    {
        let values: Option<Vec<_>> = list
            .list()
            .iter()
            .map(|item| Some(item.downcast_ref::<Constant>()?.value().clone()))
            .collect();
        match (list.expr().downcast_ref::<Column>(), values) {
            (Some(column), Some(values)) => found.push((column.index(), values)),
            (None, Some(values)) => collect_struct(list.expr(), &values, found),
            _ => {}
        }
    }
    true
}

/// A join on several columns hands down `struct(a, b) IN (…)`: each column's values are a set of their own.
fn collect_struct(
    expr: &Arc<dyn PhysicalExpr>,
    values: &[ScalarValue],
    found: &mut Vec<(usize, Vec<ScalarValue>)>,
) {
    for (position, child) in expr.children().into_iter().enumerate() {
        let Some(column) = child.downcast_ref::<Column>() else {
            continue;
        };
        let field = |value: &ScalarValue| match value {
            ScalarValue::Struct(row) => ScalarValue::try_from_array(row.columns().get(position)?, 0).ok(),
            _ => None,
        };
        if let Some(values) = values.iter().map(field).collect() {
            found.push((column.index(), values));
        }
    }
}

/// The distinct values as literals that the dialect can send, or `None` when it can't.
fn key_set(spec: &ScanSpec, query: &RemoteQuery, output: usize, values: Vec<ScalarValue>) -> Option<KeySet> {
    let position = spec.key_column(output)?;
    let column = query.table.columns.get(position)?;
    column.remote_field()?;
    let mut distinct = std::collections::HashSet::new();
    let mut literals: Vec<Literal> = Vec::new();
    for value in values.into_iter().filter(|value| !value.is_null()) {
        let literal = lower::literal(column.ty, &value)?;
        if distinct.insert(value) {
            literals.push(literal);
        }
    }
    if literals.is_empty() {
        return Some(KeySet {
            column: position,
            values: literals,
        });
    }
    let mut alone = RemoteQuery::new(Arc::clone(&query.table), Vec::new());
    alone.keys = Some(KeySet {
        column: position,
        values: Vec::new(),
    });
    if spec.source.has_refused(&alone) {
        return None;
    }
    match spec.source.dialect().atom(column, Op::In, &literals) {
        Verdict::Never(_) => None,
        // No record has any of these keys.
        Verdict::Exact(Condition::Never) => Some(KeySet {
            column: position,
            values: Vec::new(),
        }),
        Verdict::Exact(_) | Verdict::Superset(..) => Some(KeySet {
            column: position,
            values: literals,
        }),
    }
}

/// Applies the checks and projects to the output columns.
fn check(spec: &ScanSpec, batch: &RecordBatch) -> Result<RecordBatch> {
    Ok(passing(spec, batch)?.project(&spec.output)?)
}

/// The rows that pass the scan's checks.
pub(crate) fn passing(spec: &ScanSpec, batch: &RecordBatch) -> Result<RecordBatch> {
    kept_by(&spec.checks, batch)
}

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
/// the leaf.
fn first(rows: Rows, fetch: Option<usize>) -> Rows {
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
