//! The ledger: one record per HTTP call, and one per read that was answered without a call.
//!
//! Owns: what `causeway.requests` shows. Does not own: the calls. The oldest records go first, by number, size and age.
//! Invariant: no record holds a secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::recent::Recent;

/// Who answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The remote system, by a call that was made for this read.
    Remote,
    /// The remote system, by a call that an identical read was making.
    Shared,
    /// The result cache.
    Cache,
}

impl Answered {
    /// The word in `causeway.requests`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Shared => "shared",
            Self::Cache => "cache",
        }
    }
}

/// The fixed part of a record.
#[derive(Debug, Clone)]
pub struct ExchangeRecord {
    /// Number of the query that caused the call.
    pub query_id: u64,
    /// Person who ran the query.
    pub user: String,
    /// Configured name of the source.
    pub source: Arc<str>,
    /// HTTP method.
    pub method: &'static str,
    /// What was asked for: a table, `describe opportunity`, `sign-in`.
    pub resource: String,
    /// Remote query text, where there is one.
    pub remote_query: Option<QueryText>,
    /// When the call, or the wait for it, began.
    pub started: DateTime<Utc>,
    /// Who answers it.
    pub answered: Answered,
}

/// The text of a remote query.
///
/// The keys of a join are values of rows, and not everyone who may see the query may see those rows: a row policy of its own may join
/// rows that it then hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryText {
    whole: String,
    /// The text without the keys of a join; `None` when it has none.
    keyless: Option<String>,
}

impl QueryText {
    /// Makes the text of a query that carries keys of a join, of which `keyless` is all but the keys.
    pub fn with_keys(whole: impl Into<String>, keyless: impl AsRef<str>) -> Self {
        Self {
            whole: whole.into(),
            keyless: Some(format!("{} (and keys of a join)", keyless.as_ref())),
        }
    }

    fn bytes(&self) -> usize {
        self.whole.len() + self.keyless.as_ref().map_or(0, String::len)
    }

    /// The text for a reader: without the keys of a join for those from whom rows may be hidden.
    #[must_use]
    pub fn seen(&self, with_keys: bool) -> &str {
        let keyless = self.keyless.as_deref().filter(|_| !with_keys);
        keyless.unwrap_or(&self.whole)
    }
}

impl<T: Into<String>> From<T> for QueryText {
    fn from(text: T) -> Self {
        Self {
            whole: text.into(),
            keyless: None,
        }
    }
}

/// One read; counters are filled in as the call goes on.
#[derive(Debug)]
pub struct Exchange {
    /// What was known when the call began.
    pub record: ExchangeRecord,
    status: AtomicU32,
    rows: AtomicU64,
    bytes: AtomicU64,
    microseconds: AtomicU64,
    retries: AtomicU32,
}

impl Exchange {
    /// HTTP status; 0 while none has arrived.
    #[must_use]
    pub fn status(&self) -> u32 {
        self.status.load(Ordering::Relaxed)
    }

    /// Records in the answer.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes of the answer's body, after decompression; 0 when it was not transferred for this read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Time from request to the end of the body, or of the wait for another's, in milliseconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "microseconds of one call fit a double")]
    pub fn milliseconds(&self) -> f64 {
        self.microseconds.load(Ordering::Relaxed) as f64 / 1000.0
    }

    /// Which attempt this was, from 0.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Sets the number of records in the answer.
    pub fn set_rows(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// Sets which attempt this was, from 0.
    pub fn set_retries(&self, retries: u32) {
        self.retries.store(retries, Ordering::Relaxed);
    }

    /// Fills in what the end of the call tells.
    pub fn finish(&self, status: u16, bytes: u64, elapsed: Duration) {
        self.status.store(u32::from(status), Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.microseconds.store(
            u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }
}

/// The most recent calls. Clones share them.
#[derive(Debug, Clone)]
pub struct Ledger {
    exchanges: Arc<Recent<Arc<Exchange>>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(10_000)
    }
}

impl Ledger {
    /// Bytes that the texts of all queries may have; one may have 100,000.
    const MOST_BYTES: usize = 64 << 20;

    /// Makes a ledger that keeps the last `capacity` calls, fewer when their texts are very long.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            exchanges: Arc::new(Recent::new(capacity, Self::MOST_BYTES)),
        }
    }

    /// Forgets calls from now on when they are older than this; a zero keeps calls of any age.
    pub fn keep_for(&self, age: Duration) {
        self.exchanges.keep_for(age);
    }

    /// How long calls are kept; zero for any age.
    #[must_use]
    pub fn kept_for(&self) -> Duration {
        self.exchanges.kept_for()
    }

    /// Opens the record of a call that is about to be made.
    #[must_use]
    pub fn begin(&self, record: ExchangeRecord) -> Arc<Exchange> {
        let exchange = Arc::new(Exchange {
            record,
            status: AtomicU32::new(0),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            microseconds: AtomicU64::new(0),
            retries: AtomicU32::new(0),
        });
        let text = exchange.record.remote_query.as_ref().map_or(0, QueryText::bytes);
        self.exchanges
            .push(Arc::clone(&exchange), text + exchange.record.resource.len());
        exchange
    }

    /// The calls that are still kept, oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Arc<Exchange>> {
        self.exchanges.all()
    }
}
