//! The engine: sources, people, policies and the record of queries, shared by all sessions.
//!
//! Owns: the configuration and what sessions have in common. Does not own: statements; see `session`.
//! Start at [`Engine::session`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use causeway_core::{Ledger, Principal, QueryContext, Source};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;

use crate::Error;
use crate::catalog::Deployment;
use crate::catalog::views::{self, View};
use crate::error::sqlstate;
use crate::policy::{Policies, Policy};
use crate::query_log::{QueryLog, QueryRecord};
use crate::scan::result_cache::ResultCache;
use crate::session::{EngineShared, Session, planner};
use crate::settings::Settings;

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineConfig {
    /// Remote systems; each is a schema.
    pub sources: Vec<Arc<dyn Source>>,
    /// People who may open a session.
    pub users: Vec<Arc<Principal>>,
    /// Row and column policies.
    pub policies: Vec<Policy>,
    /// Views that come with kinds of sources, for the schema `views`: in their text a schema stands for every source of that kind, and each
    /// is there where its sources are.
    pub shipped_views: Vec<View>,
    /// Views of the schema `views` over the sources by name. One takes the place of a shipped one of that name.
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
            shipped_views: Vec::new(),
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

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    /// 42601 for a policy or view whose SQL does not parse, what else is wrong with a view, F0000 for other faults of the configuration.
    pub fn try_new(config: EngineConfig) -> Result<Self, Error> {
        let views = views::shared(&config.sources, &config.shipped_views, &config.views)?;
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(config.memory_bytes));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
        let catalog = Deployment {
            policies: Policies::try_new(config.policies)?,
            views,
            queries: QueryLog::new(config.ledger.kept_for()),
            ledger: config.ledger,
            search_path: config.defaults.search_path.clone(),
            cache: Arc::new(ResultCache::new(config.cache_bytes)),
            cache_ages: config.cache_ages,
            sources: config.sources,
        };
        let shared = EngineShared {
            catalog: Arc::new(catalog),
            planner: planner(&runtime)?,
            defaults: config.defaults,
            ceilings: config.ceilings,
            users: config.users,
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
        let found = self.shared.user(user);
        found.ok_or_else(|| Error::new(sqlstate::BAD_IDENTITY, format!("user \"{user}\" does not exist")))
    }

    /// The sources, in the order of the configuration.
    #[must_use]
    pub fn sources(&self) -> &[Arc<dyn Source>] {
        &self.shared.catalog.sources
    }

    /// The ledger of API calls.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.shared.catalog.ledger
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
        self.shared.catalog.queries.all()
    }
}
