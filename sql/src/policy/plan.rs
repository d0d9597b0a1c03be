//! Plans the scan of a restricted table: the table below, its policies on top, then the barrier.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use causeway_core::{QueryContext, Source, Table};
use datafusion::catalog::{
    CatalogProvider as _, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    SchemaProvider, Session as DataFusionSession, TableProvider,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::cast;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr as SqlExpr, SelectItem, SetExpr};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::barrier::PolicyExec;
use super::{Access, PolicyPath, asked_by, domains};
use crate::error::into_datafusion;

/// What the conditions of a policy are planned with and over: nothing that the state has to which a statement belongs, so that they mean
/// the same in a session of ours and in an application's own.
pub(crate) trait PolicyCatalog: fmt::Debug + Send + Sync {
    /// The planner of the person's session, before any statement.
    fn planner(&self) -> &SessionState;

    /// The person's own tables, under the person's own policies, whatever the session looks like.
    ///
    /// # Errors
    /// 42P17 when the path leads in a circle.
    fn policy_catalog(&self, path: PolicyPath) -> Result<MemoryCatalogProvider>;
}

/// A table whose rows or values are restricted for a person, and what is needed to plan a scan of it.
pub(super) struct Restricted<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) table: &'a Table,
    pub(super) access: &'a Access,
    /// Positions of the columns that the person may see.
    pub(super) visible: &'a [usize],
    /// The table below its policies, with every column.
    pub(super) raw: Arc<dyn TableProvider>,
    /// Plans its policies.
    pub(super) planner: &'a SessionState,
    /// Where its policies look for tables.
    pub(super) catalog: MemoryCatalogProvider,
}

/// Schema and name of the raw table in the catalog of its policies, which no statement can reach.
const SCHEMA: &str = "causeway_policy";
const TABLE: &str = "target";

/// Plans the scan. `projection` counts the visible columns.
pub(super) async fn scan(
    restricted: Restricted<'_>,
    state: &dyn DataFusionSession,
    projection: &[usize],
    filters: &[Expr],
) -> Result<Arc<dyn ExecutionPlan>> {
    let Restricted {
        source,
        table,
        access,
        visible,
        raw,
        planner,
        catalog,
    } = restricted;
    let asking = access.asking(state.config(), table);
    let context = asking.map_err(into_datafusion)?;
    catalog.register_schema(SCHEMA, Arc::new(TargetSchema { raw }))?;
    let state = policy_state(planner, catalog, &context, state);

    let domains = domains::condition(table, access, source, &context).await?;
    let plan = policied(table, access, visible, &state, domains).await?;
    let plan = typed(table, access, visible, plan)?;
    // The filters have been analysed by the statement's own rules, which need not be ours.
    let mut plan = state
        .analyzer()
        .execute_and_check(plan, state.config_options(), |_, _| {})?;
    for filter in filters {
        plan = LogicalPlanBuilder::from(plan).filter(filter.clone())?.build()?;
    }
    let columns: Vec<usize> = projection
        .iter()
        .filter_map(|&at| visible.get(at).copied())
        .collect();
    let schema = access.schema(table, &columns);
    let names = schema.fields().iter().map(|field| ident(field.name()));
    plan = LogicalPlanBuilder::from(plan)
        .project(names.collect::<Vec<_>>())?
        .build()?;

    // Physical rules run once, over the statement's whole plan.
    let unruled = SessionStateBuilder::new_from_existing(state.clone())
        .with_physical_optimizer_rules(Vec::new())
        .build();
    let optimized = state.optimizer().optimize(plan, &state, |_, _| {})?;
    let physical = unruled
        .query_planner()
        .create_physical_plan(&optimized, &unruled)
        .await?;
    Ok(Arc::new(PolicyExec::new(physical, schema)))
}

/// The state that plans a policy. Of the statement's own state it has the moment that now() means, names that no other part of the plan has,
/// and how many partitions there are.
fn policy_state(
    planner: &SessionState,
    catalog: MemoryCatalogProvider,
    context: &Arc<QueryContext>,
    statement: &dyn DataFusionSession,
) -> SessionState {
    let partitions = statement.config().target_partitions();
    let config = asked_by(planner.config().clone(), context).with_target_partitions(partitions);
    let mut props = ExecutionProps::new();
    props.mark_start_execution(Arc::clone(config.options()));
    let begun = statement.execution_props();
    if let Some(start) = begun.query_execution_start_time {
        props.query_execution_start_time = Some(start);
    }
    props.alias_generator = Arc::clone(&begun.alias_generator);
    let name = &planner.config_options().catalog.default_catalog;
    SessionStateBuilder::new_from_existing(planner.clone())
        .with_config(config)
        .with_execution_props(props)
        .with_catalog_list(only(name, catalog))
        .build()
}

fn only(name: &str, catalog: MemoryCatalogProvider) -> Arc<dyn CatalogProviderList> {
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(name.to_owned(), Arc::new(catalog));
    Arc::new(list)
}

/// `SELECT <visible columns, masks in place> FROM table WHERE <domains> AND <row policies>`, built as syntax, with the raw table in
/// place of the table.
async fn policied(
    table: &Table,
    access: &Access,
    visible: &[usize],
    state: &SessionState,
    domains: Option<SqlExpr>,
) -> Result<LogicalPlan> {
    // Only this skeleton is parsed from text; names and conditions are put in as syntax.
    let skeleton = format!("SELECT 1 FROM {SCHEMA}.{TABLE} AS t");
    let broken = || DataFusionError::Internal("the policy skeleton does not parse".to_owned());
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, &skeleton).map_err(|_| broken())?;
    let Some(ast::Statement::Query(query)) = statements.first_mut() else {
        return Err(broken());
    };
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(broken());
    };
    select.projection = columns_at(table, visible)
        .map(|column| {
            let name = ast::Ident::with_quote('"', &column.name);
            match access.mask_of(column) {
                None => SelectItem::UnnamedExpr(SqlExpr::Identifier(name)),
                Some(mask) => SelectItem::ExprWithAlias {
                    expr: mask.clone(),
                    alias: name,
                },
            }
        })
        .collect();
    select.selection = all_of(domains.into_iter().chain(access.rows().iter().cloned()));
    for from in &mut select.from {
        if let ast::TableFactor::Table {
            alias: Some(alias), ..
        } = &mut from.relation
        {
            alias.name = ast::Ident::with_quote('"', &table.name.name);
        }
    }
    let statement = causeway_postgres::adapted(
        ast::Statement::Query(query.clone()),
        &[],
        &causeway_postgres::Relations::default(),
    )
    .map_err(into_datafusion)?;
    state
        .statement_to_plan(Statement::Statement(Box::new(statement)))
        .await
}

fn all_of(conditions: impl Iterator<Item = SqlExpr>) -> Option<SqlExpr> {
    let nested = conditions.map(|condition| SqlExpr::Nested(Box::new(condition)));
    nested.reduce(|left, right| SqlExpr::BinaryOp {
        left: Box::new(left),
        op: ast::BinaryOperator::And,
        right: Box::new(right),
    })
}

fn columns_at<'a>(table: &'a Table, at: &'a [usize]) -> impl Iterator<Item = &'a causeway_core::Column> {
    at.iter().filter_map(|&at| table.columns.get(at))
}

/// The plan's columns under the types of the table: a mask such as NULL has a type of its own.
fn typed(table: &Table, access: &Access, visible: &[usize], plan: LogicalPlan) -> Result<LogicalPlan> {
    if !access.has_masks() {
        return Ok(plan);
    }
    let columns = columns_at(table, visible).map(|column| match access.mask_of(column) {
        None => ident(&column.name),
        Some(_) => cast(ident(&column.name), column.ty.arrow()).alias(&column.name),
    });
    LogicalPlanBuilder::from(plan)
        .project(columns.collect::<Vec<_>>())?
        .build()
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
        Ok((name == TABLE).then(|| Arc::clone(&self.raw)))
    }

    fn table_exist(&self, name: &str) -> bool {
        name == TABLE
    }
}
