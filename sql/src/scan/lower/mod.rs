//! Lowers a DataFusion expression to a negation-free predicate over the columns of one table.
//!
//! Owns: moving NOT to the leaves, typing of literals, solving what is computed of a column for the column itself.
//! Does not own: what may be pushed; see [`causeway_core::translate`].
//! Invariant: a leaf is TRUE for exactly the rows for which the SQL expression is TRUE, unless it is wrapped in `Implies`. A negation is
//! moved into the operator before anything is solved, so `Implies` is never negated.
//! Start at [`lower_signed`] for booleans and [`solve`] for comparisons; casts and dates are in [`range`], text in [`text`].

mod calendar;
mod fold;
mod leakproof;
mod literal;
mod nulls;
mod range;
mod shape;
mod text;

use std::cell::Cell;
use std::ops::Deref;

use causeway_core::{ColumnType, Literal, Op, Origin, Predicate, Table};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Between, Case, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

pub(crate) use leakproof::is_leakproof;
use literal::literal_of;
pub(crate) use literal::{literal, scalar};
use nulls::{distinct, is_not, nullness, truth_test};
pub(crate) use shape::comparison;
use shape::{all, any, constant, holds, is, mirrored, opaque, opposite};
pub(crate) use text::escaped;

/// Lowers `expr`. What can't be lowered becomes `Opaque` with the reason.
#[must_use]
pub(crate) fn lower(table: &Table, expr: &Expr) -> Predicate {
    match borrowed_name(expr) {
        Some(reason) => opaque(&reason),
        None => lower_signed(&Scope::new(table, expr), expr, false),
    }
}

/// The rows of which `expr` has that value.
pub(crate) fn equal(table: &Table, expr: &Expr, value: &ScalarValue) -> Predicate {
    match borrowed_name(expr) {
        Some(reason) => opaque(&reason),
        None => solve(&Scope::new(table, expr), expr, Op::Eq, value),
    }
}

/// Functions that are solved for the column that they are of.
const SOLVED: &[&str] = &[
    "btrim",
    "character_length",
    "contains",
    "date_part",
    "date_trunc",
    "ends_with",
    "extract",
    "left",
    "lower",
    "ltrim",
    "moment_add",
    "moment_subtract",
    "nullif",
    "right",
    "rtrim",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "timezone",
    "upper",
];

/// Why nothing of the expression can be sent, when it calls an application's own function by a name that means another here.
fn borrowed_name(expr: &Expr) -> Option<String> {
    let mut borrowed = None;
    // The visit itself never fails.
    let _ = expr.apply(|part| {
        Ok(match part {
            Expr::ScalarFunction(call)
                if SOLVED.contains(&call.name()) && !causeway_postgres::is_known(&call.func) =>
            {
                borrowed = Some(format!("{} is the application's own function", call.name()));
                TreeNodeRecursion::Stop
            }
            _ => TreeNodeRecursion::Continue,
        })
    });
    borrowed
}

const TOO_NESTED: &str = "the condition is nested too deeply to be taken apart";

/// The table, and how many more parts may be looked at. Tests for null and CASE look at their parts several times over, so that a nest
/// of them would take time exponential in its depth.
struct Scope<'a> {
    table: &'a Table,
    left: Cell<usize>,
}

impl<'a> Scope<'a> {
    fn new(table: &'a Table, expr: &Expr) -> Self {
        const VISITS_PER_PART: usize = 16;
        let mut parts = 0;
        // The visit itself never fails.
        let _ = expr.apply(|_| {
            parts += 1;
            Ok(TreeNodeRecursion::Continue)
        });
        Self {
            table,
            left: Cell::new(parts * VISITS_PER_PART),
        }
    }

    fn may_go_on(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

impl Deref for Scope<'_> {
    type Target = Table;

    fn deref(&self) -> &Table {
        self.table
    }
}

/// Lowers `expr` or its negation: the rows for which it is TRUE, or FALSE.
fn lower_signed(table: &Scope<'_>, expr: &Expr, negated: bool) -> Predicate {
    if !table.may_go_on() {
        return opaque(TOO_NESTED);
    }
    match expr {
        Expr::Alias(alias) => lower_signed(table, &alias.expr, negated),
        Expr::Not(inner) => lower_signed(table, inner, !negated),
        Expr::Literal(ScalarValue::Boolean(value), _) => constant(value.map(|value| value != negated)),
        Expr::Literal(value, _) if value.is_null() => Predicate::Never,
        Expr::Column(_) => match column_index(table, expr) {
            Some(column) => is(column, Op::Eq, vec![Literal::Boolean(!negated)]),
            None => opaque("it is no column of the table"),
        },
        Expr::BinaryExpr(binary) => lower_binary(table, binary, negated),
        Expr::IsNull(inner) | Expr::IsUnknown(inner) => nullness(table, inner, !negated),
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => nullness(table, inner, negated),
        Expr::IsTrue(inner) => truth_test(table, inner, true, negated),
        Expr::IsFalse(inner) => truth_test(table, inner, false, negated),
        Expr::IsNotTrue(inner) => truth_test(table, inner, true, !negated),
        Expr::IsNotFalse(inner) => truth_test(table, inner, false, !negated),
        Expr::InList(list) => lower_in_list(table, list, negated),
        Expr::Between(between) => lower_between(table, between, negated),
        Expr::Like(like) => text::lower_like(table, like, negated),
        Expr::Case(case) => lower_case(table, case, &|result| lower_signed(table, result, negated)),
        Expr::ScalarFunction(function) => {
            text::lower_function(table, function.name(), &function.args, negated)
        }
        _ => opaque("the engine evaluates this expression"),
    }
}

fn lower_binary(table: &Scope<'_>, binary: &BinaryExpr, negated: bool) -> Predicate {
    let BinaryExpr { left, op, right } = binary;
    match op {
        Operator::And | Operator::Or => {
            let mut operands = Vec::new();
            operands_of(*op, left, &mut operands);
            operands_of(*op, right, &mut operands);
            let parts = operands
                .into_iter()
                .map(|operand| lower_signed(table, operand, negated))
                .collect();
            if (*op == Operator::And) == negated {
                any(parts)
            } else {
                all(parts)
            }
        }
        Operator::IsDistinctFrom => distinct(table, left, right, !negated),
        Operator::IsNotDistinctFrom => distinct(table, left, right, negated),
        Operator::LikeMatch | Operator::ILikeMatch | Operator::NotLikeMatch | Operator::NotILikeMatch => {
            let like = Like {
                negated: matches!(op, Operator::NotLikeMatch | Operator::NotILikeMatch),
                expr: left.clone(),
                pattern: right.clone(),
                escape_char: None,
                case_insensitive: matches!(op, Operator::ILikeMatch | Operator::NotILikeMatch),
            };
            text::lower_like(table, &like, negated)
        }
        _ => {
            let Some(op) = comparison(*op) else {
                return opaque("the engine evaluates this operator");
            };
            let op = if negated { opposite(op) } else { op };
            match (literal_of(left), literal_of(right)) {
                (_, Some(value)) => solve(table, left, op, value),
                (Some(value), None) => solve(table, right, mirrored(op), value),
                (None, None) => opaque("only a comparison with a constant can be sent"),
            }
        }
    }
}

/// The operands of a chain of the same connective, which the parser nests to the left.
fn operands_of<'a>(op: Operator, expr: &'a Expr, operands: &mut Vec<&'a Expr>) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match expr {
            Expr::BinaryExpr(binary) if binary.op == op => {
                pending.push(&binary.right);
                pending.push(&binary.left);
            }
            other => operands.push(other),
        }
    }
}

/// The rows for which `expr op value` is TRUE.
fn solve(table: &Scope<'_>, expr: &Expr, op: Op, value: &ScalarValue) -> Predicate {
    if value.is_null() {
        return Predicate::Never;
    }
    if !table.may_go_on() {
        return opaque(TOO_NESTED);
    }
    if let Some(column) = text::text_column(table, expr).or_else(|| column_index(table, expr)) {
        return compare_column(table, column, op, value);
    }
    if let (ScalarValue::Boolean(Some(value)), Op::Eq | Op::NotEq) = (value, op) {
        return lower_signed(table, expr, *value != (op == Op::Eq));
    }
    match expr {
        Expr::Alias(alias) => solve(table, &alias.expr, op, value),
        Expr::Literal(known, _) => match known.partial_cmp(value) {
            Some(order) if !known.is_null() => constant(Some(holds(op, order))),
            _ if known.is_null() => Predicate::Never,
            _ => opaque("the constants are of different types"),
        },
        Expr::Case(case) => lower_case(table, case, &|result| solve(table, result, op, value)),
        Expr::ScalarFunction(function) => match (function.name(), function.args.as_slice()) {
            ("nullif", [inner, absent]) => match literal_of(absent) {
                Some(absent) if absent.is_null() => solve(table, inner, op, value),
                Some(absent) => all(vec![
                    solve(table, inner, op, value),
                    solve(table, inner, Op::NotEq, absent),
                ]),
                None => opaque("the engine evaluates nullif of two columns"),
            },
            _ => text::compare(table, expr, op, value)
                .unwrap_or_else(|| range::compare(table, expr, op, value)),
        },
        _ => range::compare(table, expr, op, value),
    }
}

fn compare_column(table: &Scope<'_>, index: usize, op: Op, value: &ScalarValue) -> Predicate {
    let Some(column) = table.columns.get(index) else {
        return opaque("it is no column of the table");
    };
    if column.origin == Origin::RecordUrl {
        return text::compare_link(table, op, value);
    }
    match literal(column.ty, value) {
        Some(Literal::Float(number)) if number.is_nan() => opaque("NaN is compared here"),
        Some(Literal::Float(number)) if number == 0.0 && number.is_sign_negative() => {
            opaque("negative zero is compared here")
        }
        Some(value) => is(index, op, vec![value]),
        // A value of another type was cast to the column's type, unless there is none that it equals.
        None if column.ty == ColumnType::Text => opaque("text is compared with another type here"),
        None => opaque("the constant is not of the column's type"),
    }
}

/// The results of a CASE, each under the condition that it is the one; `result` lowers what is asked of a result.
fn lower_case(table: &Scope<'_>, case: &Case, result: &dyn Fn(&Expr) -> Predicate) -> Predicate {
    const MOST_ARMS: usize = 8;
    if case.when_then_expr.len() > MOST_ARMS {
        return opaque("a CASE of many arms is evaluated here");
    }
    let mut arms = Vec::new();
    let mut earlier = Vec::new();
    for (when, then) in &case.when_then_expr {
        let (matches, fails) = match &case.expr {
            None => (lower_signed(table, when, false), is_not(table, when, true)),
            Some(subject) => {
                let Some(value) = literal_of(when) else {
                    return opaque("only a comparison with a constant can be sent");
                };
                let fails = if value.is_null() {
                    shape::always()
                } else {
                    any(vec![
                        solve(table, subject, Op::NotEq, value),
                        nullness(table, subject, true),
                    ])
                };
                (solve(table, subject, Op::Eq, value), fails)
            }
        };
        let mut arm = earlier.clone();
        arm.extend([matches, result(then)]);
        arms.push(all(arm));
        earlier.push(fails);
    }
    if let Some(otherwise) = &case.else_expr {
        earlier.push(result(otherwise));
        arms.push(all(earlier));
    }
    any(arms)
}

fn lower_in_list(table: &Scope<'_>, list: &InList, negated: bool) -> Predicate {
    let Some(values) = list.list.iter().map(literal_of).collect::<Option<Vec<_>>>() else {
        return opaque("only a comparison with constants can be sent");
    };
    let excluded = list.negated != negated;
    let op = if excluded { Op::NotEq } else { Op::Eq };
    // NOT IN over a NULL is never TRUE: the comparison with it is Never.
    let parts = values
        .into_iter()
        .map(|value| solve(table, &list.expr, op, value))
        .collect();
    if excluded { all(parts) } else { any(parts) }
}

fn lower_between(table: &Scope<'_>, between: &Between, negated: bool) -> Predicate {
    let (Some(low), Some(high)) = (literal_of(&between.low), literal_of(&between.high)) else {
        return opaque("only a comparison with constants can be sent");
    };
    if between.negated == negated {
        all(vec![
            solve(table, &between.expr, Op::GtEq, low),
            solve(table, &between.expr, Op::LtEq, high),
        ])
    } else {
        any(vec![
            solve(table, &between.expr, Op::Lt, low),
            solve(table, &between.expr, Op::Gt, high),
        ])
    }
}

fn column_index(table: &Table, expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Alias(alias) => column_index(table, &alias.expr),
        Expr::Column(column) => table.column(&column.name).map(|(index, _)| index),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
