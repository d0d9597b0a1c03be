//! Plans the scan of a restricted table: the table below, its policies on top, then the barrier.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_core::{DomainTree, QueryContext};
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::Session as DataFusionSession;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::cast;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr as SqlExpr, SelectItem, SetExpr};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog::Overlay;
use crate::catalog::remote_table::RemoteTable;
use crate::catalog::views::plan::Planner;
use crate::error::{into_datafusion, source_error};
use crate::operators::policy_barrier::PolicyExec;

/// Plans the scan of a table whose rows or values are restricted for this person.
pub(crate) async fn scan_restricted(
    table: &RemoteTable,
    state: &dyn DataFusionSession,
    projection: &[usize],
    filters: &[Expr],
) -> Result<Arc<dyn ExecutionPlan>> {
    let state = state
        .as_any()
        .downcast_ref::<SessionState>()
        .ok_or_else(|| DataFusionError::Internal("planning needs a session state".to_owned()))?;
    let context = state
        .config()
        .get_extension::<QueryContext>()
        .ok_or_else(|| DataFusionError::Internal("a scan without an identity".to_owned()))?;
    let planner = state
        .config()
        .get_extension::<Planner>()
        .ok_or_else(|| DataFusionError::Internal("a scan without a planner".to_owned()))?;
    let qualified_name = format!("{}.{}", table.table.source, table.table.name.name);
    let path = table.path.enter(&qualified_name).map_err(into_datafusion)?;
    let raw = Arc::new(table.unrestricted());
    let overlay = Overlay::try_new(&table.person, &planner, &context, raw, path)?;
    let state = SessionStateBuilder::new_from_existing(state.clone())
        .with_catalog_list(overlay.catalogs())
        .build();

    let domains = visible_domains(table, &context).await?;
    let mut plan = shown(table, policied(table, &state, domains).await?)?;
    for filter in filters {
        plan = LogicalPlanBuilder::from(plan).filter(filter.clone())?.build()?;
    }
    let schema = table_schema(table, projection);
    let columns = schema.fields().iter().map(|field| ident(field.name()));
    plan = LogicalPlanBuilder::from(plan)
        .project(columns.collect::<Vec<_>>())?
        .build()?;

    // Physical rules run once, over the statement's whole plan.
    let unruled = SessionStateBuilder::new_from_existing(state.clone())
        .with_physical_optimizer_rules(Vec::new())
        .build();
    let optimized = state.optimize(&plan)?;
    let physical = unruled
        .query_planner()
        .create_physical_plan(&optimized, &unruled)
        .await?;
    Ok(Arc::new(PolicyExec::new(physical, Arc::new(schema))))
}

fn table_schema(table: &RemoteTable, projection: &[usize]) -> Schema {
    use datafusion::catalog::TableProvider as _;
    let schema = table.schema();
    let fields = projection
        .iter()
        .filter_map(|&at| schema.fields().get(at).cloned());
    Schema::new(fields.collect::<Vec<_>>())
}

/// `SELECT <visible columns, masks in place> FROM table WHERE <domains> AND <row policies>`, built as syntax, with the raw table in
/// place of the table.
async fn policied(
    table: &RemoteTable,
    state: &SessionState,
    domains: Option<SqlExpr>,
) -> Result<LogicalPlan> {
    // Only this skeleton is parsed from text; names and conditions are put in as syntax.
    let skeleton = format!("SELECT 1 FROM {}.{} AS t", Overlay::SCHEMA, Overlay::TABLE);
    let broken = || DataFusionError::Internal("the policy skeleton does not parse".to_owned());
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, &skeleton).map_err(|_| broken())?;
    let Some(ast::Statement::Query(query)) = statements.first_mut() else {
        return Err(broken());
    };
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(broken());
    };
    let visible = table
        .table
        .columns
        .iter()
        .filter(|column| table.access.shows(&table.table, column));
    select.projection = visible
        .map(|column| {
            let name = ast::Ident::with_quote('"', &column.name);
            match table.access.masks.get(&column.name) {
                None => SelectItem::UnnamedExpr(SqlExpr::Identifier(name)),
                Some(mask) => SelectItem::ExprWithAlias {
                    expr: mask.clone(),
                    alias: name,
                },
            }
        })
        .collect();
    select.selection = all_of(domains.into_iter().chain(table.access.rows.iter().cloned()));
    for from in &mut select.from {
        if let ast::TableFactor::Table {
            alias: Some(alias), ..
        } = &mut from.relation
        {
            alias.name = ast::Ident::with_quote('"', &table.table.name.name);
        }
    }
    let statement =
        causeway_postgres::adapted(ast::Statement::Query(query.clone()), &[]).map_err(into_datafusion)?;
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

/// `sys_domain IN (…)` with the person's domains, everything below them, and `global`; `None` when all rows are visible.
async fn visible_domains(table: &RemoteTable, context: &QueryContext) -> Result<Option<SqlExpr>> {
    let principal = &context.principal;
    let Some(column) = table.table.domain.and_then(|at| table.table.columns.get(at)) else {
        return Ok(None);
    };
    if principal.all_domains {
        return Ok(None);
    }
    let mut visible = BTreeSet::from([DomainTree::GLOBAL.to_owned()]);
    let wanted: Vec<&String> = principal
        .domain
        .iter()
        .chain(&principal.visible_domains)
        .collect();
    if !wanted.is_empty() {
        let tree = table
            .source
            .domains(context)
            .await
            .map_err(source_error)?
            .unwrap_or_default();
        for domain in wanted {
            let root = tree.find(domain).map_err(|reason| {
                let message = format!(
                    "{}: {reason}; check the user's domain in the configuration",
                    table.table.source
                );
                into_datafusion(crate::Error::new("F0000", message))
            })?;
            visible.extend(tree.subtree(root));
        }
    }
    let text = |domain| SqlExpr::Value(ast::Value::SingleQuotedString(domain).with_empty_span());
    Ok(Some(SqlExpr::InList {
        expr: Box::new(SqlExpr::Identifier(ast::Ident::with_quote('"', &column.name))),
        list: visible.into_iter().map(text).collect(),
        negated: false,
    }))
}

/// The plan's columns under the types of the table: a mask such as NULL has a type of its own.
fn shown(table: &RemoteTable, plan: LogicalPlan) -> Result<LogicalPlan> {
    if table.access.masks.is_empty() {
        return Ok(plan);
    }
    let visible = table
        .table
        .columns
        .iter()
        .filter(|column| table.access.shows(&table.table, column));
    let columns = visible.map(|column| match table.access.masks.get(&column.name) {
        None => ident(&column.name),
        Some(_) => cast(ident(&column.name), column.ty.arrow()).alias(&column.name),
    });
    LogicalPlanBuilder::from(plan)
        .project(columns.collect::<Vec<_>>())?
        .build()
}
