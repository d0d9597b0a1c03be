//! Where aggregates, window functions and functions that return sets may stand, and with which clauses they may be called.
//!
//! Source: PostgreSQL 15, `check_agglevels_and_constraints`, `transformWindowFuncCall`, `check_srf_call_placement`, `ParseFuncOrColumn`.
//!
//! Owns: the refusals, in PostgreSQL's words. Does not own: what the calls mean. Invariant: a call in a subquery is that query's own.
//! Start at [`of_select`] and [`of_call`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, GroupByExpr, JoinConstraint, JoinOperator, ObjectName, Query, Select, Visit, Visitor,
    WindowType,
};

use super::set_returning::{function_name, returns_set};
use super::step::{Step, fail, refuse};

const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

const ORDERED_SET: &[&str] = &["mode", "percentile_cont", "percentile_disc"];

/// Window functions that are aggregates of a hypothetical row where WITHIN GROUP follows.
const HYPOTHETICAL: &[&str] = &["cume_dist", "dense_rank", "percent_rank", "rank"];

const WINDOWS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Aggregate,
    Window,
    Set,
    Plain,
}

/// Whether the call is of an aggregate, not over a window.
pub(crate) fn is_aggregate(function: &Function) -> bool {
    kind_of(function) == Call::Aggregate
}

fn kind_of(function: &Function) -> Call {
    let name = function_name(&function.name);
    let name = name.as_str();
    if function.over.is_some() {
        Call::Window
    } else if AGGREGATES.contains(&name)
        || ORDERED_SET.contains(&name)
        || (HYPOTHETICAL.contains(&name) && !function.within_group.is_empty())
    {
        Call::Aggregate
    } else if returns_set(name) {
        Call::Set
    } else {
        Call::Plain
    }
}

/// What is refused somewhere, and with which error.
struct Refused {
    aggregate: Option<(&'static str, String)>,
    window: Option<(&'static str, String)>,
    set: Option<(&'static str, String)>,
    depth: usize,
}

impl Refused {
    /// None of the three may stand there.
    fn in_clause(clause: &str) -> Self {
        Self {
            aggregate: Some((
                "42803",
                format!("aggregate functions are not allowed in {clause}"),
            )),
            window: Some(("42P20", format!("window functions are not allowed in {clause}"))),
            set: Some((
                "0A000",
                format!("set-returning functions are not allowed in {clause}"),
            )),
            depth: 0,
        }
    }

    fn with_aggregates(mut self) -> Self {
        self.aggregate = None;
        self
    }

    fn with_sets(mut self) -> Self {
        self.set = None;
        self
    }

    fn only_sets(message: &str) -> Self {
        Self {
            aggregate: None,
            window: None,
            set: Some(("0A000", message.to_owned())),
            depth: 0,
        }
    }

    fn check(&mut self, part: &impl Visit) -> Step {
        Visit::visit(part, self)
    }
}

impl Visitor for Refused {
    type Break = Box<crate::error::Error>;

    fn pre_visit_query(&mut self, _: &Query) -> Step {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> Step {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        let Expr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let refused = match kind_of(function) {
            Call::Aggregate => &self.aggregate,
            Call::Window => &self.window,
            Call::Set => &self.set,
            Call::Plain => &None,
        };
        match refused {
            Some((code, message)) => fail(code, message.clone()),
            None => ControlFlow::Continue(()),
        }
    }
}

/// Checks the clauses of a SELECT.
///
/// # Errors
/// 42803 for aggregates, 42P20 for window functions, 0A000 for sets where they are not allowed.
pub(crate) fn of_select(select: &Select) -> Step {
    if let Some(condition) = &select.selection {
        Refused::in_clause("WHERE").check(condition)?;
    }
    for join in select.from.iter().flat_map(|from| &from.joins) {
        if let Some(condition) = condition(&join.join_operator) {
            Refused::in_clause("JOIN conditions").check(condition)?;
        }
    }
    if let GroupByExpr::Expressions(exprs, _) = &select.group_by {
        for expr in exprs {
            Refused::in_clause("GROUP BY").with_sets().check(expr)?;
        }
    }
    if let Some(condition) = &select.having {
        Refused::in_clause("HAVING").with_aggregates().check(condition)?;
    }
    ControlFlow::Continue(())
}

fn condition(operator: &JoinOperator) -> Option<&Expr> {
    use JoinOperator::{FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    match operator {
        Join(JoinConstraint::On(condition))
        | Inner(JoinConstraint::On(condition))
        | Left(JoinConstraint::On(condition))
        | LeftOuter(JoinConstraint::On(condition))
        | Right(JoinConstraint::On(condition))
        | RightOuter(JoinConstraint::On(condition))
        | FullOuter(JoinConstraint::On(condition)) => Some(condition),
        _ => None,
    }
}

/// Checks an expression of VALUES, or a count of rows.
pub(crate) fn of_clause(clause: &str, expr: &Expr) -> Step {
    Refused::in_clause(clause).check(expr)
}

/// Checks a function in FROM, and its arguments.
pub(crate) fn of_from(name: &ObjectName, args: &[FunctionArg]) -> Step {
    if AGGREGATES.contains(&function_name(name).as_str()) {
        return fail(
            "42803",
            "aggregate functions are not allowed in functions in FROM",
        );
    }
    for arg in args {
        Refused::in_clause("functions in FROM").with_sets().check(arg)?;
    }
    ControlFlow::Continue(())
}

/// Checks CASE and COALESCE, which would have to choose before there are rows.
pub(crate) fn of_choice(expr: &Expr) -> Step {
    match expr {
        Expr::Case { .. } => {
            Refused::only_sets("set-returning functions are not allowed in CASE").check(expr)
        }
        Expr::Function(function) if function_name(&function.name) == "coalesce" => {
            Refused::only_sets("set-returning functions are not allowed in COALESCE").check(&function.args)
        }
        _ => ControlFlow::Continue(()),
    }
}

/// Checks one call: its clauses, and what it contains.
///
/// # Errors
/// 42809 for clauses that its kind of function hasn't, 0A000 for those that PostgreSQL hasn't either, 42803 and 42P20 for nesting.
pub(crate) fn of_call(function: &Function) -> Step {
    let name = function_name(&function.name);
    let is_ordered_set = ORDERED_SET.contains(&name.as_str());
    let is_aggregate = AGGREGATES.contains(&name.as_str());
    let is_window = WINDOWS.contains(&name.as_str());
    let has_group = !function.within_group.is_empty();
    if function.over.is_some() {
        over(function, &name)?;
    } else if is_ordered_set || (has_group && HYPOTHETICAL.contains(&name.as_str())) {
        if !has_group {
            let message = format!("WITHIN GROUP is required for ordered-set aggregate {name}");
            return fail("42809", message);
        }
        if is_distinct(function) {
            return fail("42601", "cannot use DISTINCT with WITHIN GROUP");
        }
    } else if has_group && is_aggregate {
        let message = format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP");
        return fail("42809", message);
    } else if is_window {
        let message = format!("window function {name} requires an OVER clause");
        return fail("42809", message);
    } else if !is_aggregate {
        plain(function, &name)?;
    }
    if name == "count" && is_empty(function) {
        let message = "count(*) must be used to call a parameterless aggregate function";
        return fail("42809", message);
    }
    if is_aggregate && name != "count" && has_star(function) {
        return fail("42883", format!("function {name}() does not exist"));
    }
    contents(function)
}

fn over(function: &Function, name: &str) -> Step {
    if ORDERED_SET.contains(&name) || !function.within_group.is_empty() {
        let message = format!("OVER is not supported for ordered-set aggregate {name}");
        return refuse(message);
    }
    let is_aggregate = AGGREGATES.contains(&name);
    if !is_aggregate && !WINDOWS.contains(&name) {
        let message =
            format!("OVER specified, but {name} is not a window function nor an aggregate function");
        return fail("42809", message);
    }
    if is_distinct(function) {
        return refuse("DISTINCT is not implemented for window functions");
    }
    if is_ordered(function) {
        return refuse("aggregate ORDER BY is not implemented for window functions");
    }
    if function.filter.is_some() && !is_aggregate {
        return refuse("FILTER is not implemented for non-aggregate window functions");
    }
    ControlFlow::Continue(())
}

/// A function that is neither aggregate nor window function.
fn plain(function: &Function, name: &str) -> Step {
    let clause = if has_star(function) {
        format!("{name}(*)")
    } else if is_distinct(function) {
        "DISTINCT".to_owned()
    } else if !function.within_group.is_empty() {
        "WITHIN GROUP".to_owned()
    } else if is_ordered(function) {
        "ORDER BY".to_owned()
    } else if function.filter.is_some() {
        "FILTER".to_owned()
    } else {
        return ControlFlow::Continue(());
    };
    fail(
        "42809",
        format!("{clause} specified, but {name} is not an aggregate function"),
    )
}

fn contents(function: &Function) -> Step {
    match kind_of(function) {
        Call::Aggregate => {
            let mut nested = Refused {
                aggregate: Some(("42803", "aggregate function calls cannot be nested".to_owned())),
                window: Some((
                    "42803",
                    "aggregate function calls cannot contain window function calls".to_owned(),
                )),
                set: Some((
                    "0A000",
                    "aggregate function calls cannot contain set-returning function calls".to_owned(),
                )),
                depth: 0,
            };
            nested.check(&function.args)?;
            nested.check(&function.within_group)?;
        }
        Call::Window => {
            let mut nested = Refused {
                aggregate: None,
                window: Some(("42P20", "window function calls cannot be nested".to_owned())),
                set: Some((
                    "0A000",
                    "window function calls cannot contain set-returning function calls".to_owned(),
                )),
                depth: 0,
            };
            nested.check(&function.args)?;
            if let Some(WindowType::WindowSpec(spec)) = &function.over {
                let mut definition = Refused::in_clause("window definitions").with_aggregates();
                definition.check(&spec.partition_by)?;
                definition.check(&spec.order_by)?;
            }
        }
        Call::Set | Call::Plain => {}
    }
    match &function.filter {
        Some(filter) => Refused::in_clause("FILTER").check(filter.as_ref()),
        None => ControlFlow::Continue(()),
    }
}

fn is_distinct(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
}

fn is_ordered(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    let clauses = &list.clauses;
    clauses
        .iter()
        .any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)))
}

fn is_empty(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list) if list.args.is_empty())
}

fn has_star(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    let args = &list.args;
    args.iter()
        .any(|arg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)))
}
