//! Planning of a statement with five joins and twenty predicates, beside DataFusion's own planning of the same statement. Wanted:
//! at most 1 ms more, in the median.
//!
//! The second reference is the engine with `causeway.pushdown = off`: the difference is what deciding about pushdown takes.
//!
//! Run with `cargo bench -p causeway-sql --bench planning`. The reference knows the same tables with the same columns, takes over
//! the same filters without looking at them, and has DataFusion's rules alone. Neither side makes a call: tables are described
//! before, and rows are asked for only when somebody reads them.

#![allow(
    missing_docs,
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "criterion's macros and the tests' fixture"
)]

#[path = "../tests/main/fixture.rs"]
mod fixture;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causeway_sql::Session as CausewaySession;
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemorySchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::{SessionConfig, SessionContext};
use fixture::{World, world};
use tokio::runtime::Runtime;

const STATEMENT: &str = "
    SELECT a.name, o.name AS opportunity, o.amount, b.industry, c.lastname, u.name AS owner, s.number
    FROM servicenow.customer_account a
    JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id
    JOIN salesforce.account b ON b.id = o.accountid
    JOIN salesforce.contact c ON c.accountid = b.id
    JOIN salesforce.user u ON u.id = o.ownerid
    JOIN servicenow.sn_customerservice_case s ON s.account = a.sys_id
    WHERE a.name LIKE 'B%' AND a.customer AND a.city IN ('Madrid', 'Austin', 'Osaka')
      AND NOT o.isclosed AND o.amount BETWEEN 1000 AND 250000 AND o.closedate >= DATE '2024-01-01'
      AND o.closedate < DATE '2026-01-01' AND o.stagename <> 'Prospecting' AND o.probability > 10
      AND b.industry = 'Energy' AND b.numberofemployees > 50 AND b.createddate > TIMESTAMPTZ '2020-01-01 00:00:00+00'
      AND (c.email IS NOT NULL OR c.phone IS NOT NULL) AND c.lastname ILIKE '%s%' AND NOT c.hasoptedoutofemail
      AND u.isactive AND u.department IS NOT NULL
      AND s.active AND s.priority IN (1, 2, 3) AND s.opened_at >= TIMESTAMPTZ '2023-01-01 00:00:00+00'";

const TABLES: &[(&str, &str)] = &[
    ("salesforce", "opportunity"),
    ("salesforce", "account"),
    ("salesforce", "contact"),
    ("salesforce", "user"),
    ("servicenow", "customer_account"),
    ("servicenow", "sn_customerservice_case"),
];

/// A table of nothing but its columns.
#[derive(Debug)]
struct Bare(SchemaRef);

#[async_trait]
impl TableProvider for Bare {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.0.project(columns)?),
            None => Arc::clone(&self.0),
        };
        Ok(Arc::new(EmptyExec::new(schema)))
    }
}

/// DataFusion over tables with the columns of the practice orgs', with the options that the engine plans with.
async fn reference(world: &World) -> SessionContext {
    let partitions = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema("causeway", "public")
        .with_repartition_joins(false)
        .with_target_partitions(partitions);
    let options = config.options_mut();
    options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.optimizer.enable_round_robin_repartition = false;
    let context = SessionContext::new_with_config(config);
    let catalog = context.catalog("causeway").expect("the default catalog");
    let asking = world.engine.query_context("admin").expect("a known user");
    for (name, table) in TABLES {
        let sources = world.engine.sources();
        let source = sources.iter().find(|source| source.name().as_ref() == *name);
        let described = source.expect(name).table(&asking, table).await.expect(table);
        if catalog.schema(name).is_none() {
            catalog
                .register_schema(name, Arc::new(MemorySchemaProvider::new()))
                .expect("a new schema");
        }
        let schema = catalog.schema(name).expect("the schema");
        let bare = Arc::new(Bare(described.schema()));
        schema
            .register_table((*table).to_owned(), bare)
            .expect("a new table");
    }
    context
}

async fn plan_ours(session: &CausewaySession, statement: &causeway_sql::Statement) {
    let answer = session.run(statement, Vec::new()).await;
    answer.expect("a plan");
}

async fn plan_reference(context: &SessionContext) {
    let state = context.state();
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(STATEMENT, &dialect).expect("SQL");
    let plan = state.statement_to_plan(statement).await.expect("a logical plan");
    state.create_physical_plan(&plan).await.expect("a physical plan");
}

fn planning(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let world = runtime.block_on(world());
    let context = runtime.block_on(reference(&world));
    let mut group = criterion.benchmark_group("planning, 5 joins and 20 predicates");
    group.sample_size(100).measurement_time(Duration::from_secs(10));
    for (name, user, pushdown) in [
        ("engine", "admin", "on"),
        ("engine, nothing is pushed (reference)", "admin", "off"),
        ("engine, a policy and domains", "ana", "on"),
    ] {
        let session = runtime.block_on(world.session(user));
        session.set("causeway.pushdown", pushdown).expect("a setting");
        let parse = || session.parse(STATEMENT).expect("SQL").remove(0);
        // Describes tables and reads the domains.
        runtime.block_on(plan_ours(&session, &parse()));
        world.forget_requests();
        group.bench_function(name, |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| async { plan_ours(&session, &parse()).await });
        });
        assert_eq!(world.calls(), (0, 0), "planning makes no call");
    }
    group.bench_function("DataFusion alone (reference)", |bencher| {
        bencher.to_async(&runtime).iter(|| plan_reference(&context));
    });
    group.finish();
}

criterion_group!(benches, planning);
criterion_main!(benches);
