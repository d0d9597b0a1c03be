//! The seam between the engine and a remote system.
//!
//! Owns: the [`Source`] trait and the plain data that crosses it. Does not own: any remote system; a third one implements this trait
//! and [`Dialect`]. Invariant: every call that reaches a network carries a [`QueryContext`], so it has an identity and a budget.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;

use crate::{Answered, Dialect, DomainTree, Error, Exchange, Kind, RemoteQuery, RowCount, Table, TableName};

/// Who asks: the person whose rows these are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// Name that the person signed in with.
    pub user: String,
    /// Roles, for policies.
    pub roles: Vec<String>,
    /// Own row scope, such as a domain by key, name or path; `None` sees only what everyone sees of tables that have a scope.
    pub domain: Option<String>,
    /// Further scopes, a domain with its descendants.
    pub visible_domains: Vec<String>,
    /// Sees the rows of every scope.
    pub all_domains: bool,
    /// Remote user to act as, by source name.
    pub subjects: BTreeMap<String, String>,
}

/// What one query may do and what it has done so far. Shared by all scans of the query.
#[derive(Debug, Default)]
pub struct QueryContext {
    /// Number of the query, as in `causeway.queries`.
    pub query_id: u64,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// Most API calls that the query may make; 0 is no limit.
    pub max_api_calls: u32,
    /// Whether what can't be proven complete is an error (on) or a notice (off).
    pub strict: bool,
    calls: AtomicU32,
    /// Calls among them that no budget pays for.
    uncharged: AtomicU32,
    retries: AtomicU32,
    rows: AtomicU64,
    bytes: AtomicU64,
    notices: Mutex<Vec<String>>,
}

impl QueryContext {
    /// Retries that all scans of a query may spend together.
    const MAX_RETRIES: u32 = 12;

    /// Makes a context with a fresh budget.
    #[must_use]
    pub fn new(query_id: u64, principal: Arc<Principal>, max_api_calls: u32, strict: bool) -> Self {
        Self {
            query_id,
            principal,
            max_api_calls,
            strict,
            ..Self::default()
        }
    }

    /// Takes one API call from the budget.
    ///
    /// # Errors
    /// Returns [`Kind::Budget`] when it is spent.
    pub fn spend_call(&self, source: &Arc<str>) -> Result<(), Error> {
        let spent = self.calls.fetch_add(1, Ordering::Relaxed);
        let charged = spent.saturating_sub(self.uncharged.load(Ordering::Relaxed));
        if self.max_api_calls > 0 && charged >= self.max_api_calls {
            self.calls.fetch_sub(1, Ordering::Relaxed);
            let message = format!(
                "the query has made its {} allowed api calls; raise causeway.max_api_calls or narrow the query",
                self.max_api_calls
            );
            return Err(Error::new(source, Kind::Budget, message));
        }
        Ok(())
    }

    /// A context for calls of the same query that are not charged to its budget; [`QueryContext::add_uncharged`] counts them afterwards.
    #[must_use]
    pub fn without_budget(&self) -> Self {
        Self::new(self.query_id, Arc::clone(&self.principal), 0, self.strict)
    }

    /// Counts calls that were made without a charge.
    pub fn add_uncharged(&self, calls: u32) {
        self.uncharged.fetch_add(calls, Ordering::Relaxed);
        self.calls.fetch_add(calls, Ordering::Relaxed);
    }

    /// API calls that the budget still allows; `None` when there is no budget.
    #[must_use]
    pub fn calls_left(&self) -> Option<u32> {
        let charged = self
            .calls()
            .saturating_sub(self.uncharged.load(Ordering::Relaxed));
        (self.max_api_calls > 0).then(|| self.max_api_calls.saturating_sub(charged))
    }

    /// Takes one retry from the budget; false when none is left.
    #[must_use]
    pub fn spend_retry(&self) -> bool {
        self.retries.fetch_add(1, Ordering::Relaxed) < Self::MAX_RETRIES
    }

    /// API calls made so far.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Adds what a page brought.
    pub fn record_page(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Rows fetched so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes fetched so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Reports a doubt about completeness: an error when strict, a notice for the client otherwise.
    ///
    /// # Errors
    /// Returns [`Kind::Incomplete`] when strict.
    pub fn doubt(&self, source: &Arc<str>, table: &str, message: String) -> Result<(), Error> {
        if self.strict {
            let advice = format!("{message}; SET causeway.strict = off makes this a warning");
            return Err(Error::new(source, Kind::Incomplete, advice).with_table(table));
        }
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let notice = format!("{source}.{table}: {message}");
        if !notices.contains(&notice) {
            notices.push(notice);
        }
        Ok(())
    }

    /// Takes the notices gathered so far.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where to read on; opaque to everyone but the source that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Whether a page is followed by another, as far as can be told before decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is the last.
    Done,
    /// The next page is at this cursor; it may be fetched while this page is decoded.
    At(Cursor),
    /// Only the decoded rows tell.
    AfterDecode,
}

/// A page as it came from the network.
#[derive(Debug)]
pub struct RawPage {
    /// The body.
    pub body: Bytes,
    /// What follows.
    pub next: Next,
    /// Matching rows in all pages, where the source says so.
    pub total: Option<u64>,
    /// The ledger's record of the call.
    pub exchange: Arc<Exchange>,
}

impl RawPage {
    /// Bytes that were transferred for it: none when another's call brought it.
    #[must_use]
    pub fn transferred_bytes(&self) -> u64 {
        match self.exchange.record.answered {
            Answered::Remote => self.body.len() as u64,
            Answered::Shared | Answered::Cache => 0,
        }
    }
}

/// A decoded page.
#[derive(Debug)]
pub struct Page {
    /// Its rows, with the query's output columns.
    pub batch: RecordBatch,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<Cursor>,
}

/// How much of a source one request and one query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Bytes that a request may have before keys must be split over several.
    pub request_bytes: usize,
    /// Scans of one query that run at the same time.
    pub concurrent_scans: usize,
}

/// How long a source took to answer its latest calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Half of the calls took no longer.
    pub p50: Duration,
    /// 95 of 100 calls took no longer.
    pub p95: Duration,
    /// 99 of 100 calls took no longer.
    pub p99: Duration,
}

/// How busy a source is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that run.
    pub running: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// Reads that wait for the answer to an identical one.
    pub sharing: usize,
    /// `None` before the first call.
    pub latency: Option<Latency>,
}

/// What `causeway.sources` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceState {
    /// `ok`, `unused` or `failing`.
    pub state: String,
    /// Calls counted by the remote system, where it says so.
    pub calls_used: Option<u64>,
    /// Calls left today, where the remote system says so.
    pub calls_left: Option<u64>,
    /// The last failure.
    pub last_error: Option<String>,
    /// What runs and waits, and how long calls took.
    pub load: Load,
}

/// Something that was found out about a remote system and decides what is pushed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table that it is about; `None` for the whole system.
    pub table: Option<String>,
    /// What was asked, for example `date-time literals`.
    pub name: String,
    /// What was seen, for example `utc`.
    pub value: String,
    /// What follows from it.
    pub meaning: String,
}

/// One remote system under one configured name.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Configured name, which is the SQL schema.
    fn name(&self) -> &Arc<str>;

    /// Kind of system, as the configuration names it.
    fn kind(&self) -> &'static str;

    /// Address that calls go to, without credentials.
    fn url(&self) -> &str;

    /// State for `causeway.sources`; makes no call.
    fn state(&self) -> SourceState;

    /// Its semantics.
    fn dialect(&self) -> &dyn Dialect;

    /// Its limits.
    fn limits(&self) -> RequestLimits;

    /// Signs in, so that a wrong credential shows before the first query.
    ///
    /// # Errors
    /// [`Kind::SignIn`] or [`Kind::Unreachable`].
    async fn sign_in(&self, context: &QueryContext) -> Result<(), Error>;

    /// Names of all tables that this identity may see. Cached.
    ///
    /// # Errors
    /// Any failure of the call.
    async fn tables(&self, context: &QueryContext) -> Result<Arc<Vec<TableName>>, Error>;

    /// The names that [`Source::tables`] found earlier for this principal; makes no call.
    fn known_tables(&self, principal: &Principal) -> Option<Arc<Vec<TableName>>>;

    /// One table with its columns, by SQL name. Cached.
    ///
    /// # Errors
    /// [`Kind::UnknownTable`] with a suggestion, or any failure of the call.
    async fn table(&self, context: &QueryContext, name: &str) -> Result<Arc<Table>, Error>;

    /// Tables of this principal whose columns are already known; makes no call.
    fn described_tables(&self, principal: &Principal) -> Vec<Arc<Table>>;

    /// Describes every table in as few calls as the remote system allows, for catalog-wide questions. Cached.
    ///
    /// # Errors
    /// Any failure of the calls.
    async fn describe_all(&self, context: &QueryContext) -> Result<(), Error>;

    /// The domain tree, for systems that separate records by domain. Cached.
    ///
    /// # Errors
    /// Any failure of the call.
    async fn domains(&self, context: &QueryContext) -> Result<Option<Arc<DomainTree>>, Error> {
        let _ = context;
        Ok(None)
    }

    /// The values of the column at [`Table::domain`] by which the principal sees records of the table, unless they see every scope: a record
    /// with another value, or none, is hidden. Usually the domains that the principal was given; a source that tells records apart otherwise
    /// says here how.
    ///
    /// # Errors
    /// [`Kind::Config`] when the principal was given a scope that does not exist, or any failure of a call.
    async fn row_scope(&self, context: &QueryContext, table: &Table) -> Result<BTreeSet<String>, Error> {
        let _ = table;
        let principal = &context.principal;
        let tree = match principal.domain.is_none() && principal.visible_domains.is_empty() {
            true => None,
            false => self.domains(context).await?,
        };
        tree.unwrap_or_default().visible_to(principal).map_err(|reason| {
            let message = format!("{reason}; check the user's domain in the configuration");
            Error::new(self.name(), Kind::Config, message)
        })
    }

    /// Finds out what the system honours, for `causeway check`; queries find out by themselves what they need.
    ///
    /// # Errors
    /// Any failure of the calls.
    async fn probe(&self, context: &QueryContext) -> Result<(), Error> {
        let _ = context;
        Ok(())
    }

    /// What is known by now of what the system honours for this principal; makes no call.
    fn findings(&self, principal: &Principal) -> Vec<Finding> {
        let _ = principal;
        Vec::new()
    }

    /// About how many rows the table holds, from what earlier calls saw; makes no call.
    fn known_rows(&self, table: &str) -> Option<RowCount> {
        let _ = table;
        None
    }

    /// About how many rows the table holds, for estimates. Asks the remote system when nothing is known that is younger than a day.
    /// `None` when it can't tell.
    ///
    /// # Errors
    /// Any failure of the call.
    async fn count_rows(&self, context: &QueryContext, table: &Table) -> Result<Option<RowCount>, Error> {
        let _ = context;
        Ok(self.known_rows(&table.name.name))
    }

    /// Rows that one page holds when the reader wants them all; for estimates.
    fn page_rows(&self) -> usize {
        1000
    }

    /// Fetches the page at `cursor`; `None` starts over.
    ///
    /// Cancel: dropping the future leaves nothing running; the page may be asked for again.
    ///
    /// # Errors
    /// [`Kind::Transient`] and [`Kind::Throttled`] after the transport's own retries, or any other failure.
    async fn fetch(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        cursor: Option<&Cursor>,
    ) -> Result<RawPage, Error>;

    /// Fetches the page of rows that come first in the order of `query.order`, of one key that [`Dialect::sorts_values`] offers.
    ///
    /// Shape: the order is asked for and not promised, NULLs stand anywhere. `next` is [`Next::Done`] only when no other row matches,
    /// and [`Next::AfterDecode`] when the query's limit is what ends the page.
    /// `None` when the source can't be asked so.
    ///
    /// # Errors
    /// As [`Source::fetch`].
    async fn first_in_order(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
    ) -> Result<Option<RawPage>, Error> {
        let _ = (context, query);
        Ok(None)
    }

    /// Whether an order by this column is surely honoured for this identity. May find it out by a few calls, unless the query has a
    /// budget of calls, and remembers it.
    ///
    /// # Errors
    /// Any failure of the calls.
    async fn honours_order(
        &self,
        context: &QueryContext,
        table: &Table,
        column: usize,
    ) -> Result<bool, Error> {
        let _ = (context, table, column);
        Ok(false)
    }

    /// Takes note that rows asked for in the order of this column came in another.
    fn note_disorder(&self, context: &QueryContext, table: &Table, column: usize) {
        let _ = (context, table, column);
    }

    /// Decodes a page into the query's output columns.
    ///
    /// # Errors
    /// [`Kind::Transient`] when the page is damaged and should be fetched again, [`Kind::BadValue`] with record and column
    /// when a value does not parse.
    fn decode(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        cursor: Option<&Cursor>,
        page: &RawPage,
    ) -> Result<Page, Error>;

    /// Whether the source refused a part of this query before, so that asking again would waste a call.
    ///
    /// Shape: a query that holds only the parts in question.
    fn has_refused(&self, query: &RemoteQuery) -> bool {
        let _ = query;
        false
    }

    /// Judges a scan that reached its last page: `Ok` when it is provably whole, or why not.
    ///
    /// # Errors
    /// Returns the reason.
    fn verdict(&self, query: &RemoteQuery, rows: u64, total: Option<u64>) -> Result<(), String> {
        let _ = (query, rows, total);
        Ok(())
    }
}
