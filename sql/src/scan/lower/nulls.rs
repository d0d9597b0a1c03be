//! For which rows an expression is NULL, and for which a boolean one is not TRUE.

use causeway_core::Predicate;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::literal::literal_of;
use super::shape::{all, any, comparison, constant, null_test, opaque};
use super::{Scope, TOO_NESTED, column_index, lower_signed};

/// Functions that are NULL exactly where their first argument is, given that the others are constants that are not NULL.
const STRICT: &[&str] = &[
    "lower",
    "upper",
    "btrim",
    "ltrim",
    "rtrim",
    "left",
    "right",
    "substr",
    "substring",
    "strpos",
    "character_length",
    "starts_with",
    "ends_with",
    "contains",
];

/// The rows for which `expr` is NULL (or is not).
pub(super) fn nullness(table: &Scope<'_>, expr: &Expr, is_null: bool) -> Predicate {
    if !table.may_go_on() {
        return opaque(TOO_NESTED);
    }
    let combine = if is_null { any } else { all };
    match expr {
        Expr::Alias(alias) => nullness(table, &alias.expr, is_null),
        Expr::Literal(value, _) => constant(Some(value.is_null() == is_null)),
        Expr::Column(_) => match column_index(table, expr) {
            Some(column) => null_test(column, is_null),
            None => opaque("it is no column of the table"),
        },
        // A cast fails rather than answer NULL.
        Expr::Cast(cast) => nullness(table, &cast.expr, is_null),
        Expr::Not(inner) => nullness(table, inner, is_null),
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::And | Operator::Or => connective(table, binary, is_null),
            Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => constant(Some(!is_null)),
            op if comparison(op).is_some() => combine(vec![
                nullness(table, &binary.left, is_null),
                nullness(table, &binary.right, is_null),
            ]),
            _ => opaque("the engine evaluates this operator"),
        },
        Expr::Like(like) if literal_of(&like.pattern).is_some_and(|value| !value.is_null()) => {
            nullness(table, &like.expr, is_null)
        }
        Expr::Between(between) if has_value(&between.low) && has_value(&between.high) => {
            nullness(table, &between.expr, is_null)
        }
        Expr::InList(list) if list.list.iter().all(has_value) => nullness(table, &list.expr, is_null),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_) => constant(Some(!is_null)),
        Expr::ScalarFunction(function) => match (function.name(), function.args.as_slice()) {
            ("nullif", [value, absent]) => nullif(table, value, absent, is_null),
            ("date_trunc" | "date_part" | "extract", [part, value]) if has_value(part) => {
                nullness(table, value, is_null)
            }
            (name, [value, others @ ..]) if STRICT.contains(&name) && others.iter().all(has_value) => {
                nullness(table, value, is_null)
            }
            _ => opaque("the engine tests results of functions for null"),
        },
        _ => opaque("only a column can be tested for null remotely"),
    }
}

fn has_value(expr: &Expr) -> bool {
    literal_of(expr).is_some_and(|value| !value.is_null())
}

/// AND and OR are NULL where they are neither TRUE nor FALSE.
fn connective(table: &Scope<'_>, binary: &BinaryExpr, is_null: bool) -> Predicate {
    let BinaryExpr { left, op, right } = binary;
    // The value that alone decides an AND is FALSE, that of an OR is TRUE.
    let undecided = |expr: &Expr| {
        any(vec![
            nullness(table, expr, true),
            lower_signed(table, expr, *op == Operator::Or),
        ])
    };
    if is_null {
        return any(vec![
            all(vec![nullness(table, left, true), undecided(right)]),
            all(vec![nullness(table, right, true), undecided(left)]),
        ]);
    }
    let whole = Expr::BinaryExpr(binary.clone());
    any(vec![
        lower_signed(table, &whole, false),
        lower_signed(table, &whole, true),
    ])
}

fn nullif(table: &Scope<'_>, value: &Expr, absent: &Expr, is_null: bool) -> Predicate {
    let Some(constant) = literal_of(absent) else {
        return opaque("the engine evaluates nullif of two columns");
    };
    let same = |op| super::solve(table, value, op, constant);
    if constant.is_null() {
        return nullness(table, value, is_null);
    }
    if is_null {
        any(vec![nullness(table, value, true), same(causeway_core::Op::Eq)])
    } else {
        same(causeway_core::Op::NotEq)
    }
}

/// The rows for which `expr` is FALSE or NULL when `value` is true, TRUE or NULL otherwise.
pub(super) fn is_not(table: &Scope<'_>, expr: &Expr, value: bool) -> Predicate {
    any(vec![
        lower_signed(table, expr, value),
        nullness(table, expr, true),
    ])
}

/// `expr IS value`, or its negation.
pub(super) fn truth_test(table: &Scope<'_>, expr: &Expr, value: bool, negated: bool) -> Predicate {
    if negated {
        is_not(table, expr, value)
    } else {
        lower_signed(table, expr, !value)
    }
}

/// `left IS DISTINCT FROM right`, or its negation; one of the sides is a constant.
pub(super) fn distinct(table: &Scope<'_>, left: &Expr, right: &Expr, distinct: bool) -> Predicate {
    let (expr, value) = match (literal_of(left), literal_of(right)) {
        (_, Some(value)) => (left, value),
        (Some(value), None) => (right, value),
        (None, None) => return opaque("only a comparison with a constant can be sent"),
    };
    match (value, distinct) {
        (value, _) if value.is_null() => nullness(table, expr, !distinct),
        (ScalarValue::Boolean(Some(value)), _) => truth_test(table, expr, *value, distinct),
        (value, false) => super::solve(table, expr, causeway_core::Op::Eq, value),
        (value, true) => any(vec![
            super::solve(table, expr, causeway_core::Op::NotEq, value),
            nullness(table, expr, true),
        ]),
    }
}
