//! The schemas that views are in.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;

use super::definition::Definition;
use super::listing::ListedView;
use super::{VIEWS_SCHEMA, is_missing, plan};
use crate::Error;
use crate::catalog::Scope;
use crate::error::{into_datafusion, sqlstate};

/// The schema `views`.
#[derive(Debug)]
pub(crate) struct SharedViews {
    scope: Scope,
}

impl SharedViews {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope }
    }

    fn definition(&self, name: &str) -> Option<&Arc<Definition>> {
        self.scope.person.deployment.views.get(name)
    }

    /// The view, where this person has the tables and columns that it needs.
    ///
    /// # Errors
    /// What keeps it from being planned, apart from tables and columns that aren't there.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, Error> {
        let Some(definition) = self.definition(name) else {
            return Ok(None);
        };
        match plan::table(&self.scope, definition).await {
            Ok(table) => Ok(Some(table)),
            Err(error) if is_missing(&error) => {
                tracing::debug!(view = name, reason = error.message, "a view lacks what it reads");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Why the view isn't there. What it needs is told to those alone who see everybody's queries: it may be denied to others.
    async fn absence(&self, name: &str) -> Option<Error> {
        let definition = self.definition(name)?;
        let reason = plan::table(&self.scope, definition).await.err()?;
        let message = format!("view \"{VIEWS_SCHEMA}.{name}\" does not exist");
        let error = Error::new(sqlstate::UNDEFINED_TABLE, message);
        Some(match self.scope.person.is_admin() {
            true => error.with_hint(format!("it needs what is not there: {}", reason.message)),
            false => error,
        })
    }
}

#[async_trait]
impl SchemaProvider for SharedViews {
    fn table_names(&self) -> Vec<String> {
        self.scope.person.listed_views.names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if self.scope.lists_only() {
            let listed = self.scope.person.listed_views.get(name);
            return Ok(listed.map(|view| Arc::new(view) as Arc<dyn TableProvider>));
        }
        match self.find(name).await.map_err(into_datafusion)? {
            Some(table) => Ok(Some(table)),
            None => match self.absence(name).await {
                Some(error) => Err(into_datafusion(error)),
                None => Ok(None),
            },
        }
    }

    async fn table_type(&self, _name: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.definition(name).is_some()
    }
}

/// The views of one session, as far as a statement sees them.
#[derive(Debug)]
pub(crate) struct SessionViews {
    scope: Scope,
}

impl SessionViews {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope }
    }

    fn definition(&self, name: &str) -> Option<&Arc<Definition>> {
        self.scope.session_views.iter().find(|view| view.name == name)
    }
}

#[async_trait]
impl SchemaProvider for SessionViews {
    fn table_names(&self) -> Vec<String> {
        self.scope
            .session_views
            .iter()
            .map(|view| view.name.clone())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(definition) = self.definition(name) else {
            return Ok(None);
        };
        if self.scope.lists_only() {
            let listed = definition.session.as_ref();
            let view = listed.map(|session| ListedView::new(Arc::clone(&session.schema), definition.text()));
            return Ok(view.map(|view| Arc::new(view) as Arc<dyn TableProvider>));
        }
        if self.scope.inside.len() <= 1 {
            self.scope.seen.note_session_view(name);
        }
        let table = plan::table(&self.scope, definition)
            .await
            .map_err(into_datafusion)?;
        Ok(Some(table))
    }

    async fn table_type(&self, _name: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.definition(name).is_some()
    }
}
