//! A scan that is answered from rows that another scan has read, or whose rows are kept for the next.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_core::{Answered, ExchangeRecord, Ledger, QueryContext, QueryText, RemoteQuery, Source};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use futures::{StreamExt as _, stream};

use super::result_cache::{Hit, ResultCache};
use super::rows::{Rows, kept_by};

/// How a scan may use rows that another scan brought.
#[derive(Debug, Clone)]
pub(crate) struct Reuse {
    pub(crate) cache: Arc<ResultCache>,
    /// What the other scans of the same statement bring, when one of them may ask for the same rows.
    pub(crate) within: Option<Arc<ResultCache>>,
    pub(crate) user: String,
    /// How old rows of other statements may be; zero asks the remote system.
    pub(crate) max_age: Duration,
    /// Where answers are recorded, as calls are.
    pub(crate) ledger: Ledger,
    /// The query's filters as expressions over the table's columns; `None` where it has none.
    pub(crate) filters: Vec<Option<Expr>>,
}

impl Reuse {
    /// Whether the scan's rows are kept for others.
    pub(crate) fn keeps(&self) -> bool {
        !self.max_age.is_zero() || self.within.is_some()
    }

    /// An earlier statement's scan that answers the query.
    pub(crate) fn cached(&self, query: &RemoteQuery) -> Option<Hit> {
        (!self.max_age.is_zero()).then(|| self.found(&self.cache, &self.user, self.max_age, query))?
    }

    /// An earlier scan that answers the query: of the same statement, or of another.
    pub(crate) fn find(&self, context: &QueryContext, query: &RemoteQuery) -> Option<Hit> {
        let within = self.within.as_ref();
        let own = || self.found(within?, &statement(context), Duration::MAX, query);
        self.cached(query).or_else(own)
    }

    fn found(&self, cache: &ResultCache, owner: &str, max_age: Duration, query: &RemoteQuery) -> Option<Hit> {
        let needs = |at: usize| {
            let filter = self.filters.get(at)?.as_ref()?;
            let columns = filter.column_refs().into_iter();
            columns
                .map(|column| Some(query.table.column(&column.name)?.0))
                .collect::<Option<BTreeSet<usize>>>()
        };
        cache.find(owner, query, max_age, &needs)
    }

    /// Records an answer beside the calls.
    fn record(&self, source: &dyn Source, context: &QueryContext, hit: &Hit, query: &RemoteQuery) {
        let written = |query: &RemoteQuery| source.dialect().render(query).unwrap_or_default();
        let text = match query.has_keys() {
            false => QueryText::from(written(query)),
            true => QueryText::with_keys(written(query), written(&query.without_keys())),
        };
        let exchange = self.ledger.begin(ExchangeRecord {
            query_id: context.query_id,
            user: self.user.clone(),
            source: Arc::clone(source.name()),
            method: "CACHE",
            resource: query.table.name.name.clone(),
            remote_query: Some(text),
            started: chrono::Utc::now(),
            answered: Answered::Cache,
        });
        exchange.set_rows(hit.held_rows());
    }

    /// The rows of an earlier scan, with the query's columns.
    pub(crate) fn rows(
        &self,
        source: &dyn Source,
        context: &QueryContext,
        hit: &Hit,
        query: &RemoteQuery,
    ) -> Result<Rows> {
        self.record(source, context, hit, query);
        let table = &query.table;
        let mut checks = Vec::new();
        let schema = table.schema_of(&hit.table_columns);
        let named = DFSchema::try_from(Arc::clone(&schema))?;
        for &at in &hit.unchecked {
            if let Some(Some(filter)) = self.filters.get(at) {
                checks.push(create_physical_expr(
                    filter,
                    &named,
                    &ExecutionProps::new(),
                    &PhysicalPlanningContext::default(),
                )?);
            }
        }
        let wanted: Vec<usize> = (0..query.columns.len()).collect();
        let is_grouped = query.grouping.is_some();
        let batches = hit.batches()?.into_iter().map(move |batch| {
            if is_grouped {
                return Ok(batch);
            }
            Ok(kept_by(&checks, &batch)?.project(&wanted)?)
        });
        Ok(stream::iter(batches.collect::<Vec<Result<RecordBatch>>>()).boxed())
    }

    /// Keeps the rows that pass by, once all have.
    pub(crate) fn keeping(self, context: &QueryContext, rows: Rows, query: RemoteQuery) -> Rows {
        let (cache, owner) = match &self.within {
            Some(within) if self.max_age.is_zero() => (within, statement(context)),
            _ => (&self.cache, self.user.clone()),
        };
        let collected = Collected {
            cache: Arc::clone(cache),
            bytes: 0,
            batches: Some(Vec::new()),
            began: Instant::now(),
        };
        let state = (rows, collected, Some((owner, query)));
        stream::unfold(state, |(mut rows, mut collected, mut keeper)| async move {
            match rows.next().await {
                Some(batch) => {
                    if let (Ok(batch), true) = (&batch, keeper.is_some()) {
                        collected.add(batch);
                    } else {
                        keeper = None;
                    }
                    Some((batch, (rows, collected, keeper)))
                }
                None => {
                    if let (Some((owner, query)), Some(batches)) = (keeper, collected.batches.take()) {
                        collected.cache.keep(&owner, query, batches, collected.began);
                    }
                    None
                }
            }
        })
        .boxed()
    }
}

/// Whom rows are kept for that only one statement may use: a plan may be run more than once.
fn statement(context: &QueryContext) -> String {
    format!("statement {}", context.query_id)
}

/// Rows on their way to the cache; given up when they are too many.
struct Collected {
    cache: Arc<ResultCache>,
    bytes: usize,
    batches: Option<Vec<RecordBatch>>,
    began: Instant,
}

impl Collected {
    fn add(&mut self, batch: &RecordBatch) {
        let Some(batches) = &mut self.batches else {
            return;
        };
        let bytes = batch.get_array_memory_size();
        if self.bytes + bytes <= self.cache.largest() && self.cache.take_room(bytes) {
            self.bytes += bytes;
            batches.push(batch.clone());
        } else {
            self.batches = None;
        }
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        self.cache.give_room(self.bytes);
    }
}
