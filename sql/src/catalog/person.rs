//! Whom a catalog is for, and what it is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Ledger, Principal, Source, Table};
use datafusion::arrow::datatypes::SchemaRef;

use super::views::listing::Listed;
use super::views::{Definition, Kept};
use crate::policy::{Access, Audience, Policies, is_admin};
use crate::query_log::QueryLog;
use crate::scan::remote_table::{ScanSession, UnstampedTable};
use crate::scan::result_cache::ResultCache;
use crate::scan::reuse::Reuse;
use crate::settings::SharedSettings;

/// What an engine's catalogs are made of, whoever looks.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) sources: Vec<Arc<dyn Source>>,
    pub(crate) policies: Policies,
    pub(crate) views: BTreeMap<String, Arc<Definition>>,
    pub(crate) ledger: Ledger,
    pub(crate) queries: QueryLog,
    /// Where policies and shared views look unqualified names up.
    pub(crate) search_path: Vec<String>,
    pub(crate) cache: Arc<ResultCache>,
    /// How old cached rows of a source may be unless a session says otherwise; the others are always asked.
    pub(crate) cache_ages: BTreeMap<String, Duration>,
}

impl Deployment {
    /// The source with this name.
    pub(crate) fn source(&self, name: &str) -> Option<&Arc<dyn Source>> {
        self.sources.iter().find(|source| source.name().as_ref() == name)
    }
}

/// Who plans: a session's identity, settings and views.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) settings: SharedSettings,
    /// Views that this session made.
    pub(crate) session_views: Kept,
    /// Views of the schema `views` that the catalog shows.
    pub(crate) listed_views: Listed,
}

impl Person {
    /// Whether row counts of remote calls tell this person nothing new: nobody hides rows from them.
    pub(crate) fn may_see_counts(&self) -> bool {
        self.deployment.policies.audience(&self.principal) == Audience::SeesAllRows
    }

    /// How old cached rows of a source may be in this session.
    pub(crate) fn max_age(&self, source: &str) -> Duration {
        let set = self.settings.read().max_age;
        let configured = || self.deployment.cache_ages.get(source).copied();
        set.unwrap_or_else(|| configured().unwrap_or_default())
    }

    /// Whether this person sees everybody's queries and requests.
    pub(crate) fn is_admin(&self) -> bool {
        is_admin(&self.principal)
    }

    /// What this person may see of a table.
    pub(crate) fn access(&self, table: &Table) -> Access {
        self.deployment.policies.access(&self.principal, table)
    }

    /// The columns of a described table that this person sees.
    pub(crate) fn visible_schema(&self, table: &Table) -> SchemaRef {
        let access = self.access(table);
        access.schema(table, &access.visible(table))
    }

    /// The table with what this session says about scans of it.
    pub(super) fn unstamped(&self, source: &Arc<dyn Source>, table: Arc<Table>) -> UnstampedTable {
        UnstampedTable {
            session: ScanSession {
                pushdown: self.settings.read().pushdown,
                reuse: Reuse {
                    cache: Arc::clone(&self.deployment.cache),
                    within: None,
                    user: self.principal.user.clone(),
                    max_age: self.max_age(source.name()),
                    ledger: self.deployment.ledger.clone(),
                    filters: Vec::new(),
                },
                as_configured: !self.principal.subjects.contains_key(source.name().as_ref()),
            },
            source: Arc::clone(source),
            table,
        }
    }

    /// Names of a source's tables as far as they are known, without a call.
    pub(crate) fn known_tables(&self, schema: &str) -> Vec<String> {
        let Some(source) = self.deployment.source(schema) else {
            return Vec::new();
        };
        let known = source.known_tables(&self.principal).unwrap_or_default();
        let described = source.described_tables(&self.principal);
        let mut names: Vec<String> = known.iter().map(|table| table.name.clone()).collect();
        names.extend(described.iter().map(|table| table.name.name.clone()));
        names.sort_unstable();
        names.dedup();
        names
    }
}
