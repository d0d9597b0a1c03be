//! The planner state that sessions start from.

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::catalog::{DATABASE, SEARCH_SCHEMA, pg_catalog};
use crate::{Error, optimizer};

/// The planner that every session of an engine starts from: it plans statements as PostgreSQL does.
pub(crate) fn planner(runtime: &Arc<RuntimeEnv>) -> Result<SessionState, Error> {
    let builder = SessionStateBuilder::new()
        .with_config(session_config())
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features();
    pg_catalog::with_functions(causeway_postgres::state(&optimizer::install(builder)?.build()))
}

/// Options of our own sessions.
pub(crate) fn session_config() -> SessionConfig {
    let mut config = as_scans_expect(SessionConfig::new())
        .with_default_catalog_and_schema(DATABASE, SEARCH_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_batch_size(8192);
    let options = config.options_mut();
    options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".to_owned());
    options.explain.physical_plan_only = true;
    config
}

/// The config with the options that keys reach scans under, and nothing is read before it is needed.
pub(crate) fn as_scans_expect(mut config: SessionConfig) -> SessionConfig {
    let options = config.options_mut();
    // Join keys come from one complete build side; partitioned joins would hand out several filters.
    options.optimizer.repartition_joins = false;
    // Keys arrive as a list that a source can be asked for; above these bounds they would be an opaque hash lookup.
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = 100_000;
    options.optimizer.hash_join_inlist_pushdown_max_size = 16 << 20;
    options.optimizer.enable_dynamic_filter_pushdown = true;
    options.optimizer.prefer_hash_join = true;
    // A repartition reads ahead, and what it reads are API calls.
    options.optimizer.enable_round_robin_repartition = false;
    // Columns that a rule of ours takes from another table may be NULL to Arrow and never are; the check compares that too.
    options.execution.skip_physical_aggregate_schema_check = true;
    config
}
