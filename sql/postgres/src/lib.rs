//! PostgreSQL's meaning of statements and expressions, where DataFusion's differs.
//!
//! Owns: syntax that DataFusion lacks (`syntax`), the types of expressions (`typing`), correlated subqueries (`subqueries`), and
//! functions that compute what PostgreSQL computes (`functions`). Does not own: which rows there are. Invariant: comparisons of columns
//! stay plain comparisons, so that they can be pushed down; only arithmetic and casts that can fail or round become functions.
//! Start at [`state`], then at `typing`: it runs before DataFusion's own type coercion and leaves it nothing to decide.
#![doc = include_str!("../README.md")]

mod error;
mod functions;
mod json;
mod null_equal_keys;
mod subqueries;
mod subselect_order;
mod syntax;
mod text;
mod type_names;
mod types;
mod typing;
#[cfg(test)]
mod upstream;

use std::sync::Arc;

use datafusion::config::Dialect;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::optimizer::OptimizerRule;

pub use error::{Error, sqlstate, syntax_error, unplannable};
pub use functions::datetime::zone::Zone;
pub use functions::known::{is_known, is_known_aggregate};
pub use functions::unknown::register as register_unknown_functions;
pub use syntax::array_parameters::{array_parameters, listed};
pub use syntax::duplicate_names::{distinguish_outputs, unmarked};
pub use syntax::fetch::moves;
pub use syntax::literals::call;
pub use syntax::moments::interval_zone;
pub use syntax::parser::{parser, statements};
pub use syntax::quantified::{list_items, quantified};
pub use syntax::relations::Relations;
pub use syntax::set_returning::returns_set;
pub use syntax::step::Step;
pub use syntax::{adapted, column_names};
pub use text::input::{carried as read_carried, moment as read_moment};
pub use text::output as text_form;
pub use types::{Carried, carried_type, carrying};
pub use typing::casts::text_of;

/// Makes a state that plans statements as PostgreSQL would: its syntax, its types, its operators, and none but its functions.
///
/// Tables, catalogs and all other settings stay those of `base`.
#[must_use]
pub fn state(base: &SessionState) -> SessionState {
    let mut rules = base.analyzer().rules.clone();
    // After grouping functions are resolved and before DataFusion coerces types.
    rules.insert(1.min(rules.len()), Arc::new(typing::Typing));
    rules.insert(2.min(rules.len()), Arc::new(subselect_order::SubselectOrder));
    rules.insert(3.min(rules.len()), Arc::new(subqueries::Decorrelate));
    let mut logical: Vec<Arc<dyn OptimizerRule + Send + Sync>> =
        vec![Arc::new(null_equal_keys::NullEqualKeys)];
    logical.extend(base.optimizers().iter().map(Arc::clone));
    // A new default catalog would take the place of the one that there is.
    let mut config = base
        .config()
        .clone()
        .with_create_default_catalog_and_schema(false);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    // Who reads the rows of a sub-select may depend on its order.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options.execution.time_zone = Some(Zone::utc().name().to_owned());
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(typing::planner::Operators)];
    planners.extend(base.expr_planners().iter().map(Arc::clone));
    SessionStateBuilder::new_from_existing(base.clone())
        .with_expr_planners(planners)
        .with_config(config)
        .with_analyzer_rules(rules)
        .with_optimizer_rules(logical)
        .with_type_planner(Arc::new(type_names::PostgresTypes))
        .with_scalar_functions(functions::scalar(base))
        .with_aggregate_functions(functions::aggregate(base))
        .with_window_functions(functions::window(base))
        .build()
}
