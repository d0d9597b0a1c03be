//! Building predicates: constants are folded, nests flattened, and equalities over one column gathered into one IN.

use std::collections::HashSet;

use causeway_core::{Comparison, Literal, Op, Predicate};
use datafusion::logical_expr::Operator;

pub(super) fn opaque(reason: &str) -> Predicate {
    Predicate::Opaque(reason.to_owned())
}

pub(super) fn always() -> Predicate {
    Predicate::All(Vec::new())
}

pub(super) fn constant(value: Option<bool>) -> Predicate {
    match value {
        Some(true) => always(),
        Some(false) | None => Predicate::Never,
    }
}

pub(super) fn is(column: usize, op: Op, values: Vec<Literal>) -> Predicate {
    Predicate::Is(Comparison { column, op, values })
}

pub(super) fn null_test(column: usize, is_null: bool) -> Predicate {
    is(
        column,
        if is_null { Op::IsNull } else { Op::IsNotNull },
        Vec::new(),
    )
}

/// Marks a predicate as true whenever the SQL is, and perhaps more often.
pub(super) fn implied(predicate: Predicate) -> Predicate {
    match predicate {
        Predicate::Never | Predicate::Opaque(_) | Predicate::Implies(_) => predicate,
        other if other == always() => other,
        other => Predicate::Implies(Box::new(other)),
    }
}

/// The conjunction of `parts`.
pub(super) fn all(parts: Vec<Predicate>) -> Predicate {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Predicate::All(inner) => flat.extend(inner),
            Predicate::Never => return Predicate::Never,
            other => flat.push(other),
        }
    }
    let mut kept = gather(flat, Op::NotEq, Op::NotIn);
    for at in (0..kept.len()).rev() {
        let redundant = kept.get(at).and_then(null_guard).is_some_and(|column| {
            let mut others = kept.iter().enumerate().filter(|(other, _)| *other != at);
            others.any(|(_, other)| rejects_null(other, column))
        });
        if redundant {
            kept.remove(at);
        }
    }
    single_or(kept, Predicate::All)
}

/// The disjunction of `parts`.
pub(super) fn any(parts: Vec<Predicate>) -> Predicate {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Predicate::Any(inner) => flat.extend(inner),
            Predicate::Never => {}
            Predicate::All(inner) if inner.is_empty() => return always(),
            other => flat.push(other),
        }
    }
    if flat.is_empty() {
        return Predicate::Never;
    }
    single_or(gather(flat, Op::Eq, Op::In), Predicate::Any)
}

fn single_or(mut parts: Vec<Predicate>, combine: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            combine(parts)
        }
        None => combine(parts),
    }
}

fn null_guard(predicate: &Predicate) -> Option<usize> {
    match predicate {
        Predicate::Is(comparison) if comparison.op == Op::IsNotNull => Some(comparison.column),
        _ => None,
    }
}

/// Whether the predicate is true for no row in which the column is NULL.
fn rejects_null(predicate: &Predicate, column: usize) -> bool {
    match predicate {
        Predicate::Is(comparison) => comparison.column == column && comparison.op != Op::IsNull,
        Predicate::All(parts) => parts.iter().any(|part| rejects_null(part, column)),
        Predicate::Any(parts) => !parts.is_empty() && parts.iter().all(|part| rejects_null(part, column)),
        Predicate::Never => true,
        // What is sent for it may be wider than it says.
        Predicate::Implies(_) | Predicate::Opaque(_) => false,
    }
}

/// Joins the comparisons of one column by `single` or `list` into one, in place of the first of them.
fn gather(parts: Vec<Predicate>, single: Op, list: Op) -> Vec<Predicate> {
    let mut kept: Vec<Predicate> = Vec::with_capacity(parts.len());
    let mut places: Vec<(usize, usize)> = Vec::new();
    for part in parts {
        let Predicate::Is(Comparison { column, op, values }) = part else {
            kept.push(part);
            continue;
        };
        let place = places.iter().find(|(known, _)| *known == column);
        match place.and_then(|(_, at)| kept.get_mut(*at)) {
            Some(Predicate::Is(first)) if op == single || op == list => first.values.extend(values),
            _ => {
                if op == single || op == list {
                    places.push((column, kept.len()));
                }
                kept.push(is(column, op, values));
            }
        }
    }
    for (_, at) in places {
        if let Some(Predicate::Is(comparison)) = kept.get_mut(at) {
            let mut seen = HashSet::new();
            comparison.values.retain(|value| seen.insert(identity(value)));
            comparison.op = if comparison.values.len() == 1 {
                single
            } else {
                list
            };
        }
    }
    kept
}

/// What tells two literals of one column apart.
fn identity(literal: &Literal) -> (u64, String) {
    match literal {
        Literal::Boolean(value) => (u64::from(*value), String::new()),
        Literal::Int(value) | Literal::Timestamp(value) | Literal::Time(value) => {
            (value.cast_unsigned(), String::new())
        }
        Literal::Float(value) => (value.to_bits(), String::new()),
        Literal::Decimal(number) => (0, number.to_string()),
        Literal::Date(days) => (i64::from(*days).cast_unsigned(), String::new()),
        Literal::Text(text) => (0, text.clone()),
    }
}

pub(crate) fn comparison(op: Operator) -> Option<Op> {
    Some(match op {
        Operator::Eq => Op::Eq,
        Operator::NotEq => Op::NotEq,
        Operator::Lt => Op::Lt,
        Operator::LtEq => Op::LtEq,
        Operator::Gt => Op::Gt,
        Operator::GtEq => Op::GtEq,
        _ => return None,
    })
}

/// The operator that is TRUE where `op` is FALSE; both are NULL for the same rows.
pub(super) fn opposite(op: Op) -> Op {
    match op {
        Op::Eq => Op::NotEq,
        Op::NotEq => Op::Eq,
        Op::Lt => Op::GtEq,
        Op::LtEq => Op::Gt,
        Op::Gt => Op::LtEq,
        Op::GtEq => Op::Lt,
        Op::In => Op::NotIn,
        Op::NotIn => Op::In,
        Op::Like => Op::NotLike,
        Op::NotLike => Op::Like,
        Op::ILike => Op::NotILike,
        Op::NotILike => Op::ILike,
        Op::IsNull => Op::IsNotNull,
        Op::IsNotNull => Op::IsNull,
    }
}

/// The operator with its sides exchanged.
pub(super) fn mirrored(op: Op) -> Op {
    match op {
        Op::Lt => Op::Gt,
        Op::LtEq => Op::GtEq,
        Op::Gt => Op::Lt,
        Op::GtEq => Op::LtEq,
        same => same,
    }
}

/// Whether `op` holds between two constants in this order.
pub(super) fn holds(op: Op, order: std::cmp::Ordering) -> bool {
    match op {
        Op::Eq => order.is_eq(),
        Op::NotEq => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::LtEq => order.is_le(),
        Op::Gt => order.is_gt(),
        Op::GtEq => order.is_ge(),
        _ => false,
    }
}
