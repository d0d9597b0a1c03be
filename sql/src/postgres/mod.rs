//! PostgreSQL's meaning of expressions, where DataFusion's differs.
//!
//! Owns: syntax that DataFusion lacks ([`syntax`]), the types of expressions ([`typing`]), and the functions that compute what
//! PostgreSQL computes. Does not own: which rows there are. Invariant: comparisons of columns stay plain comparisons, so that they can
//! be pushed down; only arithmetic and casts that can fail or round become functions.
//! Start at [`typing`]: it runs before DataFusion's own type coercion and leaves it nothing to decide.

pub(crate) mod functions;
mod subqueries;
pub(crate) mod syntax;
pub(crate) mod text;
mod types;
mod typing;

use std::sync::Arc;

use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::ExprPlanner;

/// A state that plans statements over data as PostgreSQL would: its types, its operators, and none but its functions.
pub(crate) fn state(base: &SessionState) -> SessionState {
    let mut rules = base.analyzer().rules.clone();
    // After grouping functions are resolved and before DataFusion coerces types.
    rules.insert(1.min(rules.len()), Arc::new(typing::Typing));
    rules.insert(2.min(rules.len()), Arc::new(subqueries::Correlated));
    let mut config = base.config().clone();
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(typing::planner::Operators)];
    planners.extend(base.expr_planners().iter().map(Arc::clone));
    SessionStateBuilder::new_from_existing(base.clone())
        .with_expr_planners(planners)
        .with_config(config)
        .with_analyzer_rules(rules)
        .with_type_planner(Arc::new(types::PostgresTypes))
        .with_scalar_functions(functions::scalar(base))
        .with_aggregate_functions(functions::aggregate(base))
        .with_window_functions(functions::window(base))
        .build()
}
