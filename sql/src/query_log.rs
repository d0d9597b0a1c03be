//! The record of recent queries: what `causeway.queries` shows.
//!
//! Owns: states, times and rows of each query, and how many are kept. Does not own: who may see them; see `catalog::system`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use causeway_core::{QueryContext, Recent};
use chrono::{DateTime, Utc};

/// Queries that are kept.
const KEPT_QUERIES: usize = 1000;
/// Bytes that their texts may have together.
const KEPT_QUERY_BYTES: usize = 64 << 20;

/// The recent queries of an engine.
#[derive(Debug)]
pub(crate) struct QueryLog(Recent<Arc<QueryRecord>>);

impl QueryLog {
    /// A log that forgets queries after `age`.
    pub(crate) fn new(age: Duration) -> Self {
        let queries = Recent::new(KEPT_QUERIES, KEPT_QUERY_BYTES);
        queries.keep_for(age);
        Self(queries)
    }

    /// The queries, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<QueryRecord>> {
        self.0.all()
    }

    /// Begins a record.
    pub(crate) fn record(&self, text: &str, context: &Arc<QueryContext>) -> Arc<QueryRecord> {
        let record = Arc::new(QueryRecord {
            text: text.to_owned(),
            context: Arc::clone(context),
            started: Utc::now(),
            clock: Instant::now(),
            end: RwLock::new((QueryState::Running, None)),
            rows: AtomicU64::new(0),
        });
        self.0.push(Arc::clone(&record), text.len());
        record
    }
}

/// How far a query has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryState {
    /// Being planned or run.
    Running,
    /// All rows were delivered.
    Done,
    /// It failed.
    Failed,
    /// It was cancelled, timed out, or its client went away.
    Cancelled,
}

impl QueryState {
    /// As `causeway.queries` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One row of `causeway.queries`.
#[derive(Debug)]
pub struct QueryRecord {
    /// Text of the statement.
    pub text: String,
    /// Identity, calls and bytes.
    pub context: Arc<QueryContext>,
    /// When it began.
    pub started: DateTime<Utc>,
    clock: Instant,
    end: RwLock<(QueryState, Option<Duration>)>,
    rows: AtomicU64,
}

impl QueryRecord {
    /// How far it has come.
    #[must_use]
    pub fn state(&self) -> QueryState {
        self.end.read().unwrap_or_else(PoisonError::into_inner).0
    }

    /// How long it took, or has taken so far.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .unwrap_or_else(|| self.clock.elapsed())
    }

    /// Rows delivered to the client.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Ends the record; the first end counts.
    pub(crate) fn finish(&self, state: QueryState) {
        let mut end = self.end.write().unwrap_or_else(PoisonError::into_inner);
        if end.0 == QueryState::Running {
            *end = (state, Some(self.clock.elapsed()));
        }
    }
}
