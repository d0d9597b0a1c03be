//! Conditions that keep others from failing: `WHERE x <> 0 AND 10 / x > 2`.
//!
//! PostgreSQL evaluates AND from left to right; here a whole column is computed at once. What can fail gets its argument only from
//! rows that pass the simple conditions beside it, and NULL otherwise.
//!
//! Owns: which expression can fail, and which condition is cheap enough to stand guard. Does not own: errors themselves.
//! Invariant: rows that the conditions reject never reach what can fail, and the others get the same answer. Start at [`guarded`].

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};

use crate::functions::overload::Listed;

/// Functions of ours that can fail; all of them are NULL when an argument is.
const FALLIBLE: &[&str] = &[
    "checked_add",
    "checked_subtract",
    "checked_multiply",
    "checked_divide",
    "checked_modulo",
    "moment_add",
    "moment_subtract",
    "zoned_add",
    "zoned_subtract",
    "interval_multiply",
    "interval_divide",
    "to_boolean",
    "to_smallint",
    "to_integer",
    "to_bigint",
    "to_numeric",
    "to_real",
    "to_double",
    "to_date_value",
    "to_timestamp_value",
    "to_timestamptz_value",
    "to_time_value",
    "to_interval_value",
    "to_uuid",
    "to_json_value",
    "to_jsonb_value",
    "asin",
    "acos",
    "date_part",
    "extract",
    "date_trunc",
];

/// The same conjunction, in which what can fail is computed only where the rest holds.
pub(crate) fn guarded(predicate: Expr) -> Expr {
    let parts = split_conjunction_owned(predicate);
    let (fallible, simple): (Vec<Expr>, Vec<Expr>) = parts.iter().cloned().partition(can_fail);
    let guard = conjunction(simple.into_iter().filter(is_cheap));
    let (Some(guard), false) = (guard, fallible.is_empty()) else {
        return conjunction(parts).unwrap_or_else(|| Expr::Literal(true.into(), None));
    };
    let parts = parts.into_iter().map(|part| {
        if can_fail(&part) {
            behind(part, &guard)
        } else {
            part
        }
    });
    conjunction(parts).unwrap_or_else(|| Expr::Literal(true.into(), None))
}

fn can_fail(expr: &Expr) -> bool {
    let fails_on_rows = |node: &Expr| is_fallible(node) && !node.column_refs().is_empty();
    expr.exists(|node| Ok(fails_on_rows(node))).unwrap_or(true)
}

fn is_fallible(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if is_fallible_call(function))
}

/// Of listed functions most can fail, and none says that it can't.
fn is_fallible_call(function: &ScalarFunction) -> bool {
    let is_fallible = FALLIBLE.contains(&function.func.name()) || function.func.inner().is::<Listed>();
    is_fallible && !is_safe(function)
}

/// Fields of moments and short ways from them, which are there for every moment of a column. They must stay as they are to be
/// pushed down.
fn is_safe(function: &ScalarFunction) -> bool {
    const MOST_DAYS: u32 = 1_000_000;
    let is_known = |expr: &Expr| matches!(expr, Expr::Literal(..));
    match (function.func.name(), function.args.as_slice()) {
        ("date_part" | "extract" | "date_trunc" | "timezone", [field, _]) => is_known(field),
        ("date_trunc", [unit, _, zone]) => is_known(unit) && is_known(zone),
        ("moment_add" | "moment_subtract" | "zoned_add" | "zoned_subtract", args) => {
            args.iter().any(|arg| match arg {
                Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => {
                    interval.months == 0 && interval.days.unsigned_abs() < MOST_DAYS
                }
                Expr::Literal(ScalarValue::Int32(Some(days)), _) => days.unsigned_abs() < MOST_DAYS,
                _ => false,
            })
        }
        _ => false,
    }
}

/// A guard is computed twice, so it must not read other rows.
fn is_cheap(expr: &Expr) -> bool {
    let reads_rows = |node: &Expr| {
        matches!(
            node,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)
        )
    };
    !expr.exists(|node| Ok(reads_rows(node))).unwrap_or(true) && !expr.is_volatile()
}

/// Puts the guard before one argument of each function that can fail.
fn behind(expr: Expr, guard: &Expr) -> Expr {
    let original = expr.clone();
    let guarded = expr.transform_up(|node| match node {
        Expr::ScalarFunction(function) if is_fallible_call(&function) => {
            let ScalarFunction { func, mut args } = function;
            let is_open = |arg: &Expr| !arg.column_refs().is_empty() && !matches!(arg, Expr::Case(_));
            if let Some(arg) = args.iter_mut().find(|arg| is_open(arg)) {
                let value = std::mem::replace(arg, Expr::Literal(true.into(), None));
                *arg = Expr::Case(Case::new(
                    None,
                    vec![(Box::new(guard.clone()), Box::new(value))],
                    None,
                ));
            }
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction {
                func,
                args,
            })))
        }
        other => Ok(Transformed::no(other)),
    });
    guarded.map_or(original, |guarded| guarded.data)
}
