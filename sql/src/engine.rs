//! The engine: sources, people, policies and the record of queries, shared by all sessions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use causeway_core::{Ledger, Principal, QueryContext, Recent, Source};
use chrono::{DateTime, Utc};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;

use crate::catalog::views::{self, Definition, View};
use crate::error::sqlstate;
use crate::policy::{CheckedPolicy, Policy};
use crate::scan::result_cache::ResultCache;
use crate::session::States;
use crate::settings::Settings;
use crate::{Error, Session};

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineConfig {
    /// Remote systems; each is a schema.
    pub sources: Vec<Arc<dyn Source>>,
    /// People who may open a session.
    pub users: Vec<Arc<Principal>>,
    /// Row and column policies.
    pub policies: Vec<Policy>,
    /// Views of the schema `views`, besides those that ship.
    pub views: Vec<View>,
    /// Ledger that the sources write to.
    pub ledger: Ledger,
    /// Settings that sessions start with.
    pub defaults: Settings,
    /// The most API calls that a query of people with a role may make, by role. Of several roles the strictest holds.
    pub ceilings: BTreeMap<String, u32>,
    /// How old cached rows may be, by name of the source; the others are always asked.
    pub cache_ages: BTreeMap<String, Duration>,
    /// Bytes that cached rows may have.
    pub cache_bytes: usize,
    /// Bytes that sorts, joins and groupings of all queries may hold.
    pub memory_bytes: usize,
}

impl EngineConfig {
    /// A configuration without sources, people and policies.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self {
            sources: Vec::new(),
            users: Vec::new(),
            policies: Vec::new(),
            views: Vec::new(),
            ledger,
            defaults: Settings::default(),
            ceilings: BTreeMap::new(),
            cache_ages: BTreeMap::new(),
            cache_bytes: 256 << 20,
            memory_bytes: 2 << 30,
        }
    }
}

/// Answers SQL over its sources. Clones share everything.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) shared: Arc<EngineShared>,
}

#[derive(Debug)]
pub(crate) struct EngineShared {
    pub(crate) sources: Vec<Arc<dyn Source>>,
    pub(crate) policies: Vec<Arc<CheckedPolicy>>,
    pub(crate) views: BTreeMap<String, Arc<Definition>>,
    pub(crate) ledger: Ledger,
    pub(crate) defaults: Settings,
    ceilings: BTreeMap<String, u32>,
    cache_ages: BTreeMap<String, Duration>,
    pub(crate) cache: Arc<ResultCache>,
    pub(crate) states: States,
    users: Vec<Arc<Principal>>,
    queries: Recent<Arc<QueryRecord>>,
    next_query: AtomicU64,
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    /// 42601 for a policy or view whose SQL does not parse, what else is wrong with a view, F0000 for other faults of the configuration.
    pub fn try_new(config: EngineConfig) -> Result<Self, Error> {
        let policies = config
            .policies
            .into_iter()
            .map(|policy| CheckedPolicy::try_new(policy).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let views = views::shared(&config.sources, &config.views)?;
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(config.memory_bytes));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
        let states = States::try_new(&runtime)?;
        let queries = Recent::new(EngineShared::KEPT_QUERIES, EngineShared::KEPT_QUERY_BYTES);
        queries.keep_for(config.ledger.kept_for());
        let shared = EngineShared {
            sources: config.sources,
            policies,
            views,
            ledger: config.ledger,
            defaults: config.defaults,
            ceilings: config.ceilings,
            cache_ages: config.cache_ages,
            cache: Arc::new(ResultCache::new(config.cache_bytes)),
            states,
            users: config.users,
            queries,
            next_query: AtomicU64::new(1),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Opens a session for a configured user. Makes no remote call.
    ///
    /// # Errors
    /// 28000 when there is no such user.
    #[allow(
        clippy::unused_async,
        reason = "identity providers that answer over a network will come"
    )]
    pub async fn session(&self, user: &str) -> Result<Session, Error> {
        let principal = self.principal(user)?;
        Session::try_new(Arc::clone(&self.shared), principal)
    }

    fn principal(&self, user: &str) -> Result<Arc<Principal>, Error> {
        let found = self.shared.users.iter().find(|principal| principal.user == user);
        found
            .map(Arc::clone)
            .ok_or_else(|| Error::new(sqlstate::BAD_IDENTITY, format!("user \"{user}\" does not exist")))
    }

    /// The sources, in the order of the configuration.
    #[must_use]
    pub fn sources(&self) -> &[Arc<dyn Source>] {
        &self.shared.sources
    }

    /// The ledger of API calls.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// A context for calls outside any statement, such as those of `causeway check`.
    ///
    /// # Errors
    /// 28000 when there is no such user.
    pub fn query_context(&self, user: &str) -> Result<Arc<QueryContext>, Error> {
        let principal = self.principal(user)?;
        let settings = self.shared.defaults_of(&principal);
        Ok(self.shared.context(&principal, &settings))
    }

    /// The recent queries, oldest first.
    #[must_use]
    pub fn queries(&self) -> Vec<Arc<QueryRecord>> {
        self.shared.queries()
    }
}

impl EngineShared {
    /// Queries that `causeway.queries` keeps.
    const KEPT_QUERIES: usize = 1000;
    /// Bytes that their texts may have together.
    const KEPT_QUERY_BYTES: usize = 64 << 20;

    /// Settings that a person's sessions start with.
    pub(crate) fn defaults_of(&self, principal: &Principal) -> Settings {
        let ceilings = principal.roles.iter().filter_map(|role| self.ceilings.get(role));
        let mut settings = self.defaults.clone();
        settings.call_ceiling = ceilings.min().copied();
        if let Some(ceiling) = settings.call_ceiling
            && (settings.max_api_calls == 0 || settings.max_api_calls > ceiling)
        {
            settings.max_api_calls = ceiling;
        }
        settings
    }

    /// How old cached rows of a source may be unless a session says otherwise.
    pub(crate) fn cache_age(&self, source: &str) -> Duration {
        self.cache_ages.get(source).copied().unwrap_or_default()
    }

    /// The source with this name.
    pub(crate) fn source(&self, name: &str) -> Option<&Arc<dyn Source>> {
        self.sources.iter().find(|source| source.name().as_ref() == name)
    }

    pub(crate) fn context(&self, principal: &Arc<Principal>, settings: &Settings) -> Arc<QueryContext> {
        let id = self.next_query.fetch_add(1, Ordering::Relaxed);
        Arc::new(QueryContext::new(
            id,
            Arc::clone(principal),
            settings.max_api_calls,
            settings.strict,
        ))
    }

    pub(crate) fn queries(&self) -> Vec<Arc<QueryRecord>> {
        self.queries.all()
    }

    pub(crate) fn record(&self, text: &str, context: &Arc<QueryContext>) -> Arc<QueryRecord> {
        let record = Arc::new(QueryRecord {
            text: text.to_owned(),
            context: Arc::clone(context),
            started: Utc::now(),
            clock: Instant::now(),
            end: RwLock::new((QueryState::Running, None)),
            rows: AtomicU64::new(0),
        });
        self.queries.push(Arc::clone(&record), text.len());
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
