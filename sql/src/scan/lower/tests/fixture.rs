//! A table with a column of every type, and the filters that DataFusion would hand to it.

use std::sync::Arc;

use async_trait::async_trait;
use causeway_core::{Column, ColumnType, Table, TableName};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;

/// One column of each type, named for it, and the link to the record.
pub(super) fn table() -> Table {
    let columns = [
        ("id", ColumnType::Text),
        ("b", ColumnType::Boolean),
        ("i", ColumnType::Int64),
        ("f", ColumnType::Float64),
        ("s", ColumnType::Text),
        ("d", ColumnType::Date),
        ("ts", ColumnType::Timestamp),
        ("tm", ColumnType::Time),
    ];
    let mut columns: Vec<Column> = columns
        .into_iter()
        .map(|(name, ty)| Column::field(name, ty, "any"))
        .collect();
    columns.push(Column::record_url());
    Table {
        source: "source".into(),
        name: TableName {
            name: "t".to_owned(),
            remote: "T".to_owned(),
            label: "T".to_owned(),
        },
        columns,
        key: vec![0],
        domain: None,
        url_template: "https://org.example/r/{key}/view".to_owned(),
        required_filter: None,
    }
}

/// Accepts every filter, as a table that can ask for anything would.
#[derive(Debug)]
struct Eager {
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for Eager {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(DataFusionError::Internal(
            "the table is only planned over".to_owned(),
        ))
    }
}

pub(super) fn context() -> SessionContext {
    context_in("UTC")
}

/// Plans as a session of that zone does.
pub(super) fn context_in(zone: &str) -> SessionContext {
    let config = crate::session::states::session_config().with_create_default_catalog_and_schema(true);
    let base = SessionContext::new_with_config(config).state();
    let state = causeway_postgres::state(&base);
    let mut config = state.config().clone();
    config.options_mut().execution.time_zone = Some(zone.to_owned());
    let state = SessionStateBuilder::new_from_existing(state)
        .with_config(config)
        .build();
    let context = SessionContext::new_with_state(state);
    let table = Eager {
        schema: table().schema(),
    };
    context
        .register_table("t", Arc::new(table))
        .expect("no such table was registered");
    context
}

/// The conjuncts of `condition` as the optimiser leaves them at the scan.
pub(super) async fn optimised(context: &SessionContext, condition: &str) -> Result<Vec<Expr>> {
    let state = context.state();
    let sql = format!("SELECT 1 FROM t WHERE {condition}");
    let dialect = state.config_options().sql_parser.dialect;
    let Statement::Statement(statement) = state.sql_to_statement(&sql, &dialect)? else {
        return Err(DataFusionError::Internal(format!("{sql} is no query")));
    };
    let statement = causeway_postgres::adapted(*statement, &[], &Default::default())
        .map_err(crate::error::into_datafusion)?;
    let plan = state
        .statement_to_plan(Statement::Statement(Box::new(statement)))
        .await?;
    Ok(filters_of(&state.optimize(&plan)?))
}

fn filters_of(plan: &LogicalPlan) -> Vec<Expr> {
    match plan {
        LogicalPlan::TableScan(scan) => scan.filters.clone(),
        plan => plan.inputs().into_iter().flat_map(filters_of).collect(),
    }
}
