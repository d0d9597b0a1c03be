//! A view's name becomes the plan of its query.
//!
//! Invariant: the plan goes into the statement's plan before anything is typed or optimised, so a view costs what its query would cost in
//! its place.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use causeway_postgres::{Relations, column_names};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::sql::parser::Statement as PlannedStatement;
use datafusion::sql::sqlparser::ast::{self, SetExpr};

use futures::future::BoxFuture;

use super::definition::Definition;
use super::{SESSION_SCHEMA, VIEWS_SCHEMA, is_missing, recursive};
use crate::Error;
use crate::catalog::Scope;
use crate::error::sqlstate;

/// Views inside views.
const MOST_NESTED: usize = 16;
/// Operators that a statement may have once its views stand in it, as for a statement without views.
const MOST_OPERATORS: usize = 3000;

/// What plans views: a session's state for statements over data, before any statement.
#[derive(Debug)]
pub(crate) struct Planner(pub(crate) SessionState);

/// What was found out about views while one statement, or one view of a session, was planned.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    any: AtomicBool,
    of_session: Mutex<BTreeSet<String>>,
}

impl Seen {
    pub(crate) fn note_session_view(&self, name: &str) {
        self.of_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned());
    }

    pub(crate) fn session_views(&self) -> BTreeSet<String> {
        self.of_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Refuses a plan that views have made too large to be planned in reasonable time. Planning can't be interrupted.
    pub(crate) fn check(&self, plan: &LogicalPlan) -> Result<(), Error> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        check_size(plan)
    }
}

/// The table that a view is for this person.
///
/// # Errors
/// 42P17 for a view that reads itself, 54001 for views that are nested or grow too far, any error of planning its query.
pub(crate) async fn table(scope: &Scope, definition: &Definition) -> Result<Arc<dyn TableProvider>, Error> {
    let mut plan = planned(scope, definition).await?;
    if scope.is_embedded && scope.inside.is_empty() && scope.path.is_root() {
        // The application's own rules would give it types of another meaning.
        let state = &scope.planner.0;
        plan = state
            .analyzer()
            .execute_and_check(plan, state.config_options(), |_, _| {})?;
    }
    Ok(Arc::new(ViewTable::new(plan, Some(definition.text()))))
}

/// The plan of a view's query, under the view's column names.
///
/// # Errors
/// As [`table`].
pub(crate) async fn planned(scope: &Scope, definition: &Definition) -> Result<LogicalPlan, Error> {
    scope.seen.any.store(true, Ordering::Relaxed);
    let schema = match definition.session {
        Some(_) => SESSION_SCHEMA,
        None => VIEWS_SCHEMA,
    };
    let qualified_name = format!("{schema}.{}", definition.name);
    if scope.inside.contains(&qualified_name) {
        return Err(recursive(&definition.name));
    }
    if scope.inside.len() >= MOST_NESTED {
        let message = format!("views are nested more than {MOST_NESTED} deep");
        return Err(Error::new("54001", message));
    }
    let inner = inner_scope(scope, definition, qualified_name);
    let state = SessionStateBuilder::new_from_existing(scope.planner.0.clone())
        .with_catalog_list(inner.catalogs()?)
        .build();
    let whole = plan_query(&state, definition, &definition.query).await;
    match whole {
        Err(error) if definition.in_parts && is_missing(&error) => {
            let mut query = definition.query.clone();
            match keep_existing(&state, definition, &mut query.body).await? {
                true => plan_query(&state, definition, &query).await,
                false => Err(error),
            }
        }
        whole => whole,
    }
}

/// Takes out of a query the parts of its UNION ALLs whose tables or columns don't exist; false when nothing is left.
fn keep_existing<'a>(
    state: &'a SessionState,
    definition: &'a Definition,
    body: &'a mut SetExpr,
) -> BoxFuture<'a, Result<bool, Error>> {
    Box::pin(async move {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                let has_left = keep_existing(state, definition, left).await?;
                let has_right = keep_existing(state, definition, right).await?;
                match (has_left, has_right) {
                    (true, true) => {}
                    (true, false) => *body = left.as_ref().clone(),
                    (false, true) => *body = right.as_ref().clone(),
                    (false, false) => return Ok(false),
                }
                Ok(true)
            }
            SetExpr::Select(select) => {
                for inner in derived_tables(select) {
                    if !keep_existing(state, definition, &mut inner.body).await? {
                        return Ok(false);
                    }
                }
                let alone = ast::Query {
                    body: Box::new(SetExpr::Select(select.clone())),
                    ..definition.query.clone()
                };
                match plan_query(state, definition, &alone).await {
                    Ok(_) => Ok(true),
                    Err(error) if is_missing(&error) => Ok(false),
                    Err(error) => Err(error),
                }
            }
            _ => Ok(true),
        }
    })
}

/// The queries in FROM.
pub(crate) fn derived_tables(select: &mut ast::Select) -> impl Iterator<Item = &mut ast::Query> {
    let factors = select.from.iter_mut().flat_map(|from| {
        let joined = from.joins.iter_mut().map(|join| &mut join.relation);
        std::iter::once(&mut from.relation).chain(joined)
    });
    factors.filter_map(|factor| match factor {
        ast::TableFactor::Derived { subquery, .. } => Some(subquery.as_mut()),
        _ => None,
    })
}

/// Where the names of the view's query are looked up.
fn inner_scope(scope: &Scope, definition: &Definition, qualified_name: String) -> Scope {
    let mut inner = scope.clone();
    inner.inside.push(qualified_name);
    match &definition.session {
        Some(session) => {
            inner.search_path.clone_from(&session.search_path);
            let seen = |view: &Arc<Definition>| session.sees.contains(&view.name);
            inner.session_views = Arc::new(
                scope
                    .session_views
                    .iter()
                    .filter(|view| seen(view))
                    .cloned()
                    .collect(),
            );
        }
        // It means the same whatever the person's session looks like.
        None => {
            inner.search_path.clone_from(&scope.person.deployment.search_path);
            inner.session_views = Arc::default();
        }
    }
    inner
}

async fn plan_query(
    state: &SessionState,
    definition: &Definition,
    query: &ast::Query,
) -> Result<LogicalPlan, Error> {
    let statement = ast::Statement::Query(Box::new(query.clone()));
    let adapted =
        causeway_postgres::adapted(statement.clone(), &[], &Relations::of(state, &statement).await?)?;
    let plan = state
        .statement_to_plan(PlannedStatement::Statement(Box::new(adapted)))
        .await?;
    let only_reads = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    only_reads
        .verify_plan(&plan)
        .map_err(|_| Error::new(sqlstate::NOT_SUPPORTED, "only a query can be a view"))?;
    check_size(&plan)?;
    let outputs = column_names::renamed(&statement, &Arc::new(plan.schema().as_arrow().clone()));
    named(plan, definition, &outputs)
}

/// The plan under the names that PostgreSQL gives to a view's columns.
fn named(plan: LogicalPlan, definition: &Definition, outputs: &SchemaRef) -> Result<LogicalPlan, Error> {
    if definition.columns.len() > outputs.fields().len() {
        let message = "CREATE VIEW specifies more column names than columns";
        return Err(Error::new(sqlstate::SYNTAX, message));
    }
    let mut names = HashSet::new();
    let mut exprs = Vec::with_capacity(outputs.fields().len());
    for (at, (output, (qualifier, field))) in outputs.fields().iter().zip(plan.schema().iter()).enumerate() {
        let name = definition.columns.get(at).unwrap_or(output.name());
        if !names.insert(name.clone()) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new("42701", message));
        }
        let column = Expr::Column(Column::from((qualifier, field)));
        // As PostgreSQL does with a constant of no type.
        let column = match field.data_type() {
            DataType::Null => cast(column, DataType::Utf8),
            _ => column,
        };
        exprs.push(column.alias(name));
    }
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

/// The columns of a view's plan, with the types that they have once it runs.
pub(crate) fn typed_schema(state: &SessionState, plan: LogicalPlan) -> Result<SchemaRef, Error> {
    let plan = state
        .analyzer()
        .execute_and_check(plan, state.config_options(), |_, _| {})?;
    Ok(Arc::new(plan.schema().as_arrow().clone()))
}

fn check_size(plan: &LogicalPlan) -> Result<(), Error> {
    let mut operators = 0;
    plan.apply_with_subqueries(|node| {
        operators += 1;
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                operators += usize::from(matches!(
                    part,
                    Expr::BinaryExpr(_)
                        | Expr::Not(_)
                        | Expr::Cast(_)
                        | Expr::Case(_)
                        | Expr::ScalarFunction(_)
                ));
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(match operators > MOST_OPERATORS {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    if operators > MOST_OPERATORS {
        let message =
            format!("the statement has more than {MOST_OPERATORS} operators once its views stand in it");
        return Err(Error::new("54001", message));
    }
    Ok(())
}
