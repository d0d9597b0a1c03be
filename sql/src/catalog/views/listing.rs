//! Which views the catalog shows, and their columns, without calls that listing tables doesn't make.
//!
//! A view is listed when this person has its tables and columns, as far as that is known: the tables by name, the columns of those that
//! have been described. Its own columns are known once its tables have been described; a question that names the view describes them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use causeway_core::QueryContext;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{self, SetExpr};

use super::definition::{Definition, relations};
use super::plan::{self, Planner};
use super::{VIEWS_SCHEMA, is_missing};
use crate::Error;
use crate::catalog::{Person, SYSTEM_SCHEMA, Scope};

/// The views of the schema `views` that are shown to a person.
#[derive(Debug, Default)]
pub(crate) struct Listed(RwLock<BTreeMap<String, ListedView>>);

impl Listed {
    pub(crate) fn names(&self) -> Vec<String> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        views.keys().cloned().collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<ListedView> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        views.get(name).cloned()
    }
}

/// A view as the catalog shows it.
#[derive(Debug, Clone)]
pub(crate) struct ListedView {
    schema: SchemaRef,
    definition: String,
}

impl ListedView {
    pub(crate) fn new(schema: SchemaRef, definition: String) -> Self {
        Self { schema, definition }
    }
}

#[async_trait]
impl TableProvider for ListedView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        Err(DataFusionError::Internal(
            "a view that is only listed was read".to_owned(),
        ))
    }
}

/// Finds out which views there are. Those in `named` may cost the descriptions of their tables; nothing else costs a call.
///
/// # Errors
/// None that a view's own tables cause: such a view is not listed.
pub(crate) async fn refresh(
    person: &Arc<Person>,
    planner: &Arc<Planner>,
    context: &Arc<QueryContext>,
    named: &[String],
) -> Result<(), Error> {
    let mut found = BTreeMap::new();
    for (name, definition) in &person.deployment.views {
        let mut scope = Scope::of_statement(person, planner, context);
        scope.only_described = !named.contains(name);
        let schema = match plan::planned(&scope, definition).await {
            Ok(plan) => plan::typed_schema(&planner.0, plan)?,
            Err(error) if !named.contains(name) && is_missing(&error) && may_exist(person, definition) => {
                Arc::new(Schema::empty())
            }
            Err(error) => {
                tracing::debug!(view = name, %error, "left out of the catalog");
                continue;
            }
        };
        found.insert(name.clone(), ListedView::new(schema, definition.text()));
    }
    *person
        .listed_views
        .0
        .write()
        .unwrap_or_else(PoisonError::into_inner) = found;
    Ok(())
}

/// Whether a view that can't be planned over what has been described is likely to be there: a table that it needs is known by name alone,
/// the others are as they should be.
fn may_exist(person: &Person, definition: &Definition) -> bool {
    let parts = match definition.in_parts {
        true => innermost(&definition.query),
        false => vec![definition.query.clone()],
    };
    parts.iter().any(|part| has_all_names(person, part))
}

/// The SELECTs that a query unites, those inside FROM in place of the ones that read them.
fn innermost(query: &ast::Query) -> Vec<ast::Query> {
    let mut found = Vec::new();
    let mut next = vec![query.body.as_ref().clone()];
    while let Some(body) = next.pop() {
        match body {
            SetExpr::SetOperation { left, right, .. } => next.extend([*left, *right]),
            SetExpr::Select(mut select) => {
                let unions: Vec<SetExpr> = plan::derived_tables(&mut select)
                    .map(|inner| inner.body.as_ref().clone())
                    .filter(|body| matches!(body, SetExpr::SetOperation { .. }))
                    .collect();
                match unions.is_empty() {
                    true => found.push(ast::Query {
                        body: Box::new(SetExpr::Select(select)),
                        ..query.clone()
                    }),
                    false => next.extend(unions),
                }
            }
            _ => {}
        }
    }
    found
}

fn has_all_names(person: &Person, query: &ast::Query) -> bool {
    let text = query.to_string();
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut undescribed = false;
    let there = relations(query).into_iter().all(|(schema, table)| {
        let Some(schema) = schema else {
            // A WITH query, or a table on the search path: only use will tell.
            return true;
        };
        if schema == SYSTEM_SCHEMA {
            return true;
        }
        if schema == VIEWS_SCHEMA {
            undescribed = true;
            return person.deployment.views.contains_key(&table);
        }
        let described = person.deployment.source(&schema).is_some_and(|source| {
            let known = source.described_tables(&person.principal);
            known.iter().any(|known| known.name.name == table)
        });
        undescribed |= !described;
        let policies = &person.deployment.policies;
        let uses_denied = words().any(|word| policies.denies(&person.principal, &schema, &table, word));
        person.known_tables(&schema).contains(&table) && !uses_denied
    });
    there && undescribed
}
