//! What all sessions of an engine have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_core::{Principal, QueryContext};
use datafusion::execution::SessionState;

use crate::catalog::Deployment;
use crate::settings::Settings;

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct EngineShared {
    /// What catalogs are made of.
    pub(crate) catalog: Arc<Deployment>,
    /// The planner that sessions start from.
    pub(crate) planner: SessionState,
    /// Settings that sessions start with, before the ceilings of roles.
    pub(crate) defaults: Settings,
    /// The most API calls that a query of people with a role may make, by role.
    pub(crate) ceilings: BTreeMap<String, u32>,
    pub(crate) users: Vec<Arc<Principal>>,
    pub(crate) next_query: AtomicU64,
}

impl EngineShared {
    /// The configured user of this name.
    pub(crate) fn user(&self, name: &str) -> Option<Arc<Principal>> {
        let mut users = self.users.iter();
        users.find(|principal| principal.user == name).map(Arc::clone)
    }

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

    /// Identity and budget of one statement.
    pub(crate) fn context(&self, principal: &Arc<Principal>, settings: &Settings) -> Arc<QueryContext> {
        let id = self.next_query.fetch_add(1, Ordering::Relaxed);
        Arc::new(QueryContext::new(
            id,
            Arc::clone(principal),
            settings.max_api_calls,
            settings.strict,
        ))
    }
}
