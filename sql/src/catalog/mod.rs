//! The catalog that one statement of one person is planned over.
//!
//! Owns: schemas and the look-up of tables and views. Does not own: descriptions, which each source caches per identity.
//! Invariant: opening a session costs no remote call; a named table costs its own description and nothing else.

pub(crate) mod grouped_table;
pub(crate) mod pg_catalog;
pub(crate) mod remote_table;
pub(crate) mod system;
pub(crate) mod views;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causeway_core::{Kind, Principal, QueryContext, Source, Table, nearest};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::common::DataFusionError;
use datafusion::common::Result;
use datafusion::datasource::TableType;

use self::remote_table::RemoteTable;
use self::system::SystemSchema;
use self::views::listing::Listed;
use self::views::plan::{Planner, Seen};
use self::views::{Definition, Kept, SESSION_SCHEMA, SessionViews, SharedViews, VIEWS_SCHEMA};
use crate::engine::EngineShared;
use crate::error::{into_datafusion, source_error};
use crate::policy::{Access, CheckedPolicy, PolicyPath};
use crate::settings::SharedSettings;

/// Name of the database.
pub(crate) const DATABASE: &str = "causeway";
/// Schema where unqualified names are looked up: a view over the search path.
pub(crate) const SEARCH_SCHEMA: &str = "public";
/// Schema of the system tables.
pub(crate) const SYSTEM_SCHEMA: &str = "causeway";

/// Role that sees everybody's queries and requests.
const ADMIN_ROLE: &str = "admin";

/// Who plans: a session's identity, settings and views.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) engine: Arc<EngineShared>,
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
        let principal = &self.principal;
        let hides_rows = |policy: &Arc<CheckedPolicy>| policy.hides_rows_from(principal);
        principal.roles.iter().any(|role| role == ADMIN_ROLE)
            || (principal.all_domains && !self.engine.policies.iter().any(hides_rows))
    }

    /// How old cached rows of a source may be in this session.
    pub(crate) fn max_age(&self, source: &str) -> Duration {
        let set = self.settings.read().max_age;
        set.unwrap_or_else(|| self.engine.cache_age(source))
    }

    /// Whether this person sees everybody's queries and requests.
    pub(crate) fn is_admin(&self) -> bool {
        self.principal.roles.iter().any(|role| role == ADMIN_ROLE)
    }

    /// What policies say to this person of a table that has not been described.
    pub(crate) fn access(&self, schema: &str, table: &str) -> Access {
        Access::of(&self.engine.policies, &self.principal, schema, table)
    }

    /// What this person may see of a table.
    pub(crate) fn access_to(&self, table: &Table) -> Access {
        let mut access = self.access(&table.source, &table.name.name);
        access.hide_labels(table, &self.engine.policies, &self.principal);
        access
    }
}

/// Everything a statement's catalog is made of.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) person: Arc<Person>,
    context: Arc<QueryContext>,
    path: PolicyPath,
    /// A question about the catalog itself: it shows columns of described tables and describes none.
    pub(crate) only_described: bool,
    /// Where unqualified names are looked up; empty stands for every source, then the views that everyone has.
    pub(crate) search_path: Vec<String>,
    pub(crate) planner: Arc<Planner>,
    /// Views of the session that can be named.
    pub(crate) session_views: Arc<Vec<Arc<Definition>>>,
    /// The views that are being planned right now, each inside the one before.
    pub(crate) inside: Vec<String>,
    pub(crate) seen: Arc<Seen>,
}

/// The catalog of one statement.
pub(crate) fn statement_catalogs(scope: &Scope) -> Result<Arc<dyn CatalogProviderList>> {
    let catalog = scope.catalog()?;
    pg_catalog::register(&catalog, &scope.person)?;
    Ok(listed(catalog))
}

fn listed(catalog: MemoryCatalogProvider) -> Arc<dyn CatalogProviderList> {
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(DATABASE.to_owned(), Arc::new(catalog));
    Arc::new(list)
}

impl Scope {
    /// What a statement of this person can name.
    pub(crate) fn of_statement(
        person: &Arc<Person>,
        planner: &Arc<Planner>,
        context: &Arc<QueryContext>,
    ) -> Self {
        Self {
            search_path: person.settings.read().search_path.clone(),
            session_views: person.session_views.now(),
            person: Arc::clone(person),
            context: Arc::clone(context),
            path: PolicyPath::default(),
            only_described: false,
            planner: Arc::clone(planner),
            inside: Vec::new(),
            seen: Arc::default(),
        }
    }

    /// Whether views are shown and not planned.
    pub(crate) fn lists_only(&self) -> bool {
        self.only_described && self.inside.is_empty()
    }

    /// The catalog of a view's query.
    pub(crate) fn catalogs(&self) -> Result<Arc<dyn CatalogProviderList>> {
        Ok(listed(self.catalog()?))
    }

    fn catalog(&self) -> Result<MemoryCatalogProvider> {
        let catalog = MemoryCatalogProvider::new();
        for source in &self.person.engine.sources {
            catalog.register_schema(
                source.name(),
                Arc::new(SourceSchema {
                    scope: self.clone(),
                    source: Arc::clone(source),
                }),
            )?;
        }
        catalog.register_schema(
            SYSTEM_SCHEMA,
            Arc::new(SystemSchema::new(Arc::clone(&self.person))),
        )?;
        if !self.person.engine.views.is_empty() {
            catalog.register_schema(VIEWS_SCHEMA, Arc::new(SharedViews::new(self.clone())))?;
        }
        if !self.session_views.is_empty() {
            catalog.register_schema(SESSION_SCHEMA, Arc::new(SessionViews::new(self.clone())))?;
        }
        catalog.register_schema(SEARCH_SCHEMA, Arc::new(SearchSchema { scope: self.clone() }))?;
        Ok(catalog)
    }
}

/// The tables of one source.
#[derive(Debug)]
struct SourceSchema {
    scope: Scope,
    source: Arc<dyn Source>,
}

impl SourceSchema {
    async fn remote_table(&self, name: &str) -> Result<Arc<dyn TableProvider>, causeway_core::Error> {
        let Scope {
            person,
            context,
            path,
            ..
        } = &self.scope;
        let table = self.source.table(context, name).await?;
        let access = person.access_to(&table);
        let table = RemoteTable::new(
            Arc::clone(&self.source),
            table,
            Arc::new(access),
            path.clone(),
            Arc::clone(person),
        );
        Ok(Arc::new(table))
    }
}

impl SourceSchema {
    /// Suggests a table for one that doesn't exist. Learns the names when they aren't known: a mistyped name is worth the call.
    async fn with_suggestion(&self, name: &str, mut error: causeway_core::Error) -> causeway_core::Error {
        let known = self.source.known_tables(&self.scope.person.principal);
        if error.kind != Kind::UnknownTable || known.is_some() {
            return error;
        }
        let Ok(names) = self.source.tables(&self.scope.context).await else {
            return error;
        };
        if let Some(near) = nearest(name, names.iter().map(|table| table.name.as_str())) {
            error.message = format!("{}; did you mean '{near}'?", error.message);
        }
        error
    }
}

#[async_trait]
impl SchemaProvider for SourceSchema {
    fn table_names(&self) -> Vec<String> {
        pg_catalog::known_names(&self.scope.person, self.source.name())
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if self.scope.only_described {
            let described = self.source.described_tables(&self.scope.person.principal);
            let table = described.into_iter().find(|table| table.name.name == name);
            let visible = table.and_then(|table| pg_catalog::visible_table(&self.scope.person, table));
            return Ok(visible.map(|table| Arc::new(table) as Arc<dyn TableProvider>));
        }
        match self.remote_table(name).await {
            Ok(table) => Ok(Some(table)),
            Err(error) => Err(source_error(self.with_suggestion(name, error).await)),
        }
    }

    async fn table_type(&self, _name: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        let known = self.source.known_tables(&self.scope.person.principal);
        known.is_none_or(|tables| tables.iter().any(|table| table.name == name))
    }
}

/// Looks an unqualified name up along the search path.
#[derive(Debug)]
struct SearchSchema {
    scope: Scope,
}

impl SearchSchema {
    /// Schemas on the path that exist, in its order.
    fn places(&self) -> Vec<String> {
        let path = &self.scope.search_path;
        let sources = self.scope.person.engine.sources.iter();
        let all = sources
            .map(|source| source.name().to_string())
            .chain([VIEWS_SCHEMA.to_owned()]);
        if path.is_empty() {
            return all.collect();
        }
        let all: Vec<String> = all.collect();
        path.iter().filter(|name| all.contains(name)).cloned().collect()
    }
}

#[async_trait]
impl SchemaProvider for SearchSchema {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(view) = SessionViews::new(self.scope.clone()).table(name).await? {
            return Ok(Some(view));
        }
        for place in self.places() {
            let Some(source) = self.scope.person.engine.source(&place) else {
                let views = SharedViews::new(self.scope.clone());
                if let Some(view) = views.find(name).await.map_err(into_datafusion)? {
                    return Ok(Some(view));
                }
                continue;
            };
            let schema = SourceSchema {
                scope: self.scope.clone(),
                source: Arc::clone(source),
            };
            match schema.remote_table(name).await {
                Ok(table) => return Ok(Some(table)),
                Err(error) if error.kind == Kind::UnknownTable => {}
                Err(error) => return Err(source_error(error)),
            }
        }
        Ok(None)
    }

    fn table_exist(&self, _name: &str) -> bool {
        true
    }
}

/// The catalog that a row policy is planned over: the person's own, one table deeper, with the raw table under a name that no
/// statement can reach.
pub(crate) struct Overlay {
    catalogs: Arc<dyn CatalogProviderList>,
}

impl Overlay {
    pub(crate) const SCHEMA: &'static str = "causeway_policy";
    pub(crate) const TABLE: &'static str = "target";

    pub(crate) fn try_new(
        person: &Arc<Person>,
        planner: &Arc<Planner>,
        context: &Arc<QueryContext>,
        raw: Arc<dyn TableProvider>,
        path: PolicyPath,
    ) -> Result<Self> {
        let mut scope = Scope::of_statement(person, planner, context);
        // A policy means the same tables whatever the person's session looks like.
        scope.search_path.clone_from(&person.engine.defaults.search_path);
        scope.session_views = Arc::default();
        scope.path = path;
        let catalog = scope.catalog()?;
        catalog.register_schema(Self::SCHEMA, Arc::new(TargetSchema { raw }))?;
        Ok(Self {
            catalogs: listed(catalog),
        })
    }

    pub(crate) fn catalogs(&self) -> Arc<dyn CatalogProviderList> {
        Arc::clone(&self.catalogs)
    }
}

/// Holds the raw table of one policy.
#[derive(Debug)]
struct TargetSchema {
    raw: Arc<dyn TableProvider>,
}

#[async_trait]
impl SchemaProvider for TargetSchema {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok((name == Overlay::TABLE).then(|| Arc::clone(&self.raw)))
    }

    fn table_exist(&self, name: &str) -> bool {
        name == Overlay::TABLE
    }
}
