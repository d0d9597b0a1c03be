//! Drives a scan from its first page to a verdict on its completeness.
//!
//! Owns: prefetching page N+1 while page N is decoded, fetching damaged pages again, the row count.
//! Does not own: what a page holds; see [`Source`]. Invariant: rows of a failed page are never emitted. Start at [`scan`].

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use tokio::task::JoinSet;

use crate::{Cursor, Error, Kind, Next, QueryContext, RawPage, RemoteQuery, Source};

/// One page of rows, or why the scan ends.
pub type RecordBatchResult = Result<RecordBatch, Error>;

type Fetched = (Option<Cursor>, Result<RawPage, Error>);

struct Scan {
    source: Arc<dyn Source>,
    context: Arc<QueryContext>,
    query: Arc<RemoteQuery>,
    /// At most one request; dropping the set aborts it.
    under_way: JoinSet<Fetched>,
    /// The next page of a reader that will probably stop soon: requested only when it asks for more.
    held_back: Option<Cursor>,
    rows: u64,
    total: Option<u64>,
    refetches: u32,
}

/// Reads every page of `query`, in order.
///
/// Shape: a batch per page with the query's output columns; pages without rows are skipped.
/// Errors: the first failure ends the stream; a scan that isn't provably whole fails with [`Kind::Incomplete`], or leaves
/// a notice in the context when it isn't strict.
/// Cancel: dropping the stream stops the request under way.
pub fn scan(
    source: Arc<dyn Source>,
    context: Arc<QueryContext>,
    query: RemoteQuery,
) -> BoxStream<'static, RecordBatchResult> {
    if query.is_empty() {
        return stream::empty().boxed();
    }
    let query = Arc::new(query);
    let mut scan = Scan {
        source,
        context,
        query,
        under_way: JoinSet::new(),
        held_back: None,
        rows: 0,
        total: None,
        refetches: 0,
    };
    scan.request(None);
    stream::try_unfold(scan, |mut scan| async move {
        Ok(scan.next_batch().await?.map(|batch| (batch, scan)))
    })
    .boxed()
}

/// The page of rows that come first in the order of `query.order`, as far as the source honours it, and whether there are no others.
/// A damaged page is fetched again.
///
/// Errors: as [`scan`]. `None` when the source can't be asked so.
pub async fn first_in_order(
    source: &dyn Source,
    context: &QueryContext,
    query: &RemoteQuery,
) -> Result<Option<(RecordBatch, bool)>, Error> {
    let table = &query.table.name.name;
    let mut refetches = 0;
    loop {
        let page = source.first_in_order(context, query).await;
        let Some(page) = page.map_err(|error| error.with_table(table))? else {
            return Ok(None);
        };
        match source.decode(context, query, None, &page) {
            Err(error)
                if error.kind.is_transient() && refetches < Scan::MAX_REFETCHES && context.spend_retry() =>
            {
                refetches += 1;
                tracing::warn!(source = %source.name(), %error, "fetching a damaged page again");
                tokio::time::sleep(error.retry_after.unwrap_or(Duration::from_millis(200))).await;
            }
            decoded => {
                let decoded = decoded.map_err(|error| error.with_table(table))?;
                let rows = decoded.batch.num_rows() as u64;
                page.exchange.set_rows(rows);
                context.record_page(rows, page.transferred_bytes());
                let is_whole = match page.next {
                    Next::Done => true,
                    Next::At(_) => false,
                    // The last page of what LIMIT lets through: fewer rows than that are all.
                    Next::AfterDecode => {
                        decoded.next.is_none() && query.limit.is_some_and(|limit| rows < limit)
                    }
                };
                return Ok(Some((decoded.batch, is_whole)));
            }
        }
    }
}

impl Scan {
    /// Pages that a scan may fetch again because they arrived damaged.
    const MAX_REFETCHES: u32 = 3;

    fn request(&mut self, cursor: Option<Cursor>) {
        let (source, context, query) = (
            Arc::clone(&self.source),
            Arc::clone(&self.context),
            Arc::clone(&self.query),
        );
        self.under_way.spawn(async move {
            let page = source.fetch(&context, &query, cursor.as_ref()).await;
            (cursor, page)
        });
    }

    /// Requests the page at `cursor` now, or later when the reader will probably stop before it.
    fn request_ahead(&mut self, cursor: Cursor) {
        if self.query.page_rows.is_some() || self.query.limit.is_some() {
            self.held_back = Some(cursor);
        } else {
            self.request(Some(cursor));
        }
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if let Some(cursor) = self.held_back.take() {
                self.request(Some(cursor));
            }
            let Some(joined) = self.under_way.join_next().await else {
                return Ok(None);
            };
            let (cursor, page) = joined.map_err(|error| {
                Error::new(
                    self.source.name(),
                    Kind::Internal,
                    "a page request ended abnormally",
                )
                .with_cause(error)
            })?;
            let page = match page {
                Ok(page) => page,
                // Nothing was emitted yet, so starting over can't repeat a row.
                Err(error) if error.kind == Kind::CursorLost && self.rows == 0 && self.may_refetch() => {
                    self.request(None);
                    continue;
                }
                Err(error) => return Err(error.with_table(&self.query.table.name.name)),
            };
            if let Next::At(next) = &page.next {
                self.request_ahead(next.clone());
            }
            let decoded = self
                .source
                .decode(&self.context, &self.query, cursor.as_ref(), &page);
            let decoded = match decoded {
                Err(error) if error.kind.is_transient() && self.may_refetch() => {
                    tracing::warn!(source = %self.source.name(), %error, "fetching a damaged page again");
                    self.under_way.abort_all();
                    self.under_way = JoinSet::new();
                    self.held_back = None;
                    tokio::time::sleep(error.retry_after.unwrap_or(Duration::from_millis(200))).await;
                    self.request(cursor);
                    continue;
                }
                decoded => decoded.map_err(|error| error.with_table(&self.query.table.name.name))?,
            };
            let rows = decoded.batch.num_rows() as u64;
            page.exchange.set_rows(rows);
            self.context.record_page(rows, page.transferred_bytes());
            self.rows += rows;
            self.total = self.total.max(page.total);
            if page.next == Next::AfterDecode
                && let Some(next) = decoded.next
            {
                self.request_ahead(next);
            }
            if self.under_way.is_empty() && self.held_back.is_none() {
                self.conclude()?;
            }
            if rows > 0 {
                return Ok(Some(decoded.batch));
            }
        }
    }

    fn may_refetch(&mut self) -> bool {
        self.refetches += 1;
        self.refetches <= Self::MAX_REFETCHES && self.context.spend_retry()
    }

    fn conclude(&self) -> Result<(), Error> {
        let ungrouped = self
            .query
            .grouping
            .as_ref()
            .is_some_and(|grouping| grouping.keys.is_empty());
        if ungrouped && self.rows != 1 {
            let message = format!(
                "an aggregate over all records has one row, but {} came",
                self.rows
            );
            let error = Error::new(self.source.name(), Kind::Incomplete, message);
            return Err(error.with_table(&self.query.table.name.name));
        }
        match self.source.verdict(&self.query, self.rows, self.total) {
            Ok(()) => Ok(()),
            Err(reason) => self
                .context
                .doubt(self.source.name(), &self.query.table.name.name, reason),
        }
    }
}
