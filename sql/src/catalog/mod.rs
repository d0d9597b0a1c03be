//! The catalog that one statement of one person is planned over.
//!
//! Owns: schemas and the look-up of tables and views. Does not own: descriptions, which each source caches per identity.
//! Invariant: opening a session costs no remote call; a named table costs its own description and nothing else.

mod person;
pub(crate) mod pg_catalog;
pub(crate) mod system;
pub(crate) mod views;

use std::sync::Arc;

use async_trait::async_trait;
use causeway_core::{Kind, QueryContext, Source, Table, nearest};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::common::DataFusionError;
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::execution::SessionState;

use crate::error::{into_datafusion, source_error};
use crate::policy::{PolicyCatalog, PolicyPath, RestrictedTable};
pub(crate) use person::{Deployment, Person};
use system::SystemSchema;
use views::plan::{Planner, Seen};
use views::{Definition, SESSION_SCHEMA, SessionViews, SharedViews, VIEWS_SCHEMA};

/// Name of the database.
pub(crate) const DATABASE: &str = "causeway";
/// Schema where unqualified names are looked up: a view over the search path.
pub(crate) const SEARCH_SCHEMA: &str = "public";
/// Schema of the system tables.
pub(crate) const SYSTEM_SCHEMA: &str = "causeway";

/// Everything a statement's catalog is made of.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) person: Arc<Person>,
    context: Arc<QueryContext>,
    /// Whether an application plans its own statements over it.
    pub(crate) is_embedded: bool,
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
            is_embedded: false,
            path: PolicyPath::default(),
            only_described: false,
            planner: Arc::clone(planner),
            inside: Vec::new(),
            seen: Arc::default(),
        }
    }

    /// What an application can name, in statements that it plans itself.
    pub(crate) fn of_application(
        person: &Arc<Person>,
        planner: &Arc<Planner>,
        context: &Arc<QueryContext>,
    ) -> Self {
        Self {
            is_embedded: true,
            ..Self::of_statement(person, planner, context)
        }
    }

    /// The catalog that an application registers.
    pub(crate) fn of_schemas(&self) -> Result<Arc<dyn CatalogProvider>> {
        Ok(Arc::new(PersonCatalog(self.schemas()?)))
    }

    /// What pays for a description: the statement, and nobody where the catalog outlives statements.
    fn describing(&self) -> Arc<QueryContext> {
        match self.is_embedded {
            true => Arc::new(self.context.without_budget()),
            false => Arc::clone(&self.context),
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
        let catalog = self.schemas()?;
        catalog.register_schema(SEARCH_SCHEMA, Arc::new(SearchSchema { scope: self.clone() }))?;
        Ok(catalog)
    }

    fn schemas(&self) -> Result<MemoryCatalogProvider> {
        let catalog = MemoryCatalogProvider::new();
        for source in &self.person.deployment.sources {
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
        if !self.person.deployment.views.is_empty() {
            catalog.register_schema(VIEWS_SCHEMA, Arc::new(SharedViews::new(self.clone())))?;
        }
        if !self.session_views.is_empty() {
            catalog.register_schema(SESSION_SCHEMA, Arc::new(SessionViews::new(self.clone())))?;
        }
        Ok(catalog)
    }
}

/// The schemas that an application registers. Nothing can be put among them.
#[derive(Debug)]
struct PersonCatalog(MemoryCatalogProvider);

impl CatalogProvider for PersonCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.0.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.0.schema(name)
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
        let table = self.source.table(&self.scope.describing(), name).await?;
        Ok(self.provider(table))
    }

    /// The table as this person sees it: open, or under their policies.
    fn provider(&self, table: Arc<Table>) -> Arc<dyn TableProvider> {
        let access = self.scope.person.access(&table);
        let unstamped = self.scope.person.unstamped(&self.source, table);
        let path = self.scope.path.clone();
        RestrictedTable::or_open(unstamped, Arc::new(access), path, || Arc::new(self.scope.clone()))
    }

    /// Suggests a table for one that doesn't exist. Learns the names when they aren't known: a mistyped name is worth the call.
    async fn with_suggestion(&self, name: &str, mut error: causeway_core::Error) -> causeway_core::Error {
        let known = self.source.known_tables(&self.scope.person.principal);
        if error.kind != Kind::UnknownTable || known.is_some() {
            return error;
        }
        let Ok(names) = self.source.tables(&self.scope.describing()).await else {
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
        self.scope.person.known_tables(self.source.name())
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if self.scope.only_described {
            let described = self.source.described_tables(&self.scope.person.principal);
            let table = described.into_iter().find(|table| table.name.name == name);
            return Ok(table.map(|table| self.provider(table)));
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
        let sources = self.scope.person.deployment.sources.iter();
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
            let Some(source) = self.scope.person.deployment.source(&place) else {
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

impl PolicyCatalog for Scope {
    fn planner(&self) -> &SessionState {
        &self.planner.0
    }

    fn policy_catalog(&self, path: PolicyPath) -> Result<MemoryCatalogProvider> {
        let mut scope = Self::of_statement(&self.person, &self.planner, &self.context);
        // A policy means the same tables whatever the person's session looks like.
        scope.search_path.clone_from(&self.person.deployment.search_path);
        scope.session_views = Arc::default();
        scope.path = path;
        scope.is_embedded = self.is_embedded;
        scope.catalog()
    }
}
