//! Patterns, and functions over a text column that say how it begins, ends or what it contains.

use causeway_core::{ColumnType, Op, Predicate, Table};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Like;

use super::fold::{Fold, folded_pattern};
use super::literal::{integer_of, literal_of, text_of};
use super::shape::{always, holds, implied, is, null_test, opaque, opposite};
use super::{column_index, literal};

/// A text column, perhaps under a cast to another text type.
pub(super) fn text_column(table: &Table, expr: &Expr) -> Option<usize> {
    use datafusion::arrow::datatypes::DataType;
    match expr {
        Expr::Alias(alias) => text_column(table, &alias.expr),
        Expr::Cast(cast) => match cast.field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text_column(table, &cast.expr),
            _ => None,
        },
        _ => column_index(table, expr).filter(|&index| {
            table
                .columns
                .get(index)
                .is_some_and(|column| column.ty == ColumnType::Text)
        }),
    }
}

fn pattern_leaf(column: usize, op: Op, pattern: String) -> Predicate {
    is(column, op, vec![causeway_core::Literal::Text(pattern)])
}

/// The text as a pattern that only it matches.
pub(crate) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// `x LIKE pattern` in its four forms.
pub(super) fn lower_like(table: &Table, like: &Like, negated: bool) -> Predicate {
    let Some(pattern) = literal_of(&like.pattern) else {
        return opaque("only a constant pattern can be sent");
    };
    let Some(pattern) = text_of(pattern) else {
        return Predicate::Never;
    };
    let Some(pattern) = with_backslash(&pattern, like.escape_char.unwrap_or('\\')) else {
        return opaque("the pattern ends with its escape character");
    };
    let positive = like.negated == negated;
    if let Some(column) = text_column(table, &like.expr) {
        let op = if like.case_insensitive {
            Op::ILike
        } else {
            Op::Like
        };
        return pattern_leaf(column, if positive { op } else { opposite(op) }, pattern);
    }
    match folded(table, &like.expr) {
        Some((column, fold)) if positive => {
            implied(pattern_leaf(column, Op::ILike, folded_pattern(&pattern, fold)))
        }
        Some(_) => opaque("case differs there, so that would lose rows"),
        None => opaque("the engine matches patterns over anything but a text column"),
    }
}

/// The pattern with a backslash in place of its escape character; `None` when it ends within an escape.
fn with_backslash(pattern: &str, escape: char) -> Option<String> {
    if escape == '\\' {
        return Some(pattern.to_owned());
    }
    let mut written = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == escape {
            written.push('\\');
            written.push(characters.next()?);
        } else if character == '\\' {
            written.push_str("\\\\");
        } else {
            written.push(character);
        }
    }
    Some(written)
}

/// `lower(x)` or `upper(x)` of a text column.
fn folded(table: &Table, expr: &Expr) -> Option<(usize, Fold)> {
    let Expr::ScalarFunction(function) = expr else {
        return None;
    };
    let fold = match function.name() {
        "lower" => Fold::Lower,
        "upper" => Fold::Upper,
        _ => return None,
    };
    match function.args.as_slice() {
        [value] => text_column(table, value).map(|column| (column, fold)),
        _ => None,
    }
}

/// A function that answers a boolean: `starts_with`, `ends_with`, `contains`.
pub(super) fn lower_function(table: &Table, name: &str, args: &[Expr], negated: bool) -> Predicate {
    let (column, text) = match args {
        [value, part] => match (text_column(table, value), literal_of(part)) {
            (Some(column), Some(part)) => (column, text_of(part)),
            _ => return opaque("the engine evaluates this function"),
        },
        _ => return opaque("the engine evaluates this function"),
    };
    let Some(text) = text.map(|text| escaped(&text)) else {
        return Predicate::Never;
    };
    let pattern = match name {
        "starts_with" => format!("{text}%"),
        "ends_with" => format!("%{text}"),
        "contains" => format!("%{text}%"),
        _ => return opaque("the engine evaluates this function"),
    };
    pattern_leaf(column, if negated { Op::NotLike } else { Op::Like }, pattern)
}

/// A function of a text column compared with a constant; `None` for functions that are unknown here.
pub(super) fn compare(table: &Table, expr: &Expr, op: Op, value: &ScalarValue) -> Option<Predicate> {
    let Expr::ScalarFunction(function) = expr else {
        return None;
    };
    let (first, others) = function.args.split_first()?;
    let column = text_column(table, first)?;
    let others: Vec<&ScalarValue> = others.iter().map(literal_of).collect::<Option<_>>()?;
    if others.iter().any(|other| other.is_null()) {
        return Some(Predicate::Never);
    }
    Some(match (function.name(), others.as_slice()) {
        ("lower", []) => compare_folded(column, Fold::Lower, op, &text_of(value)?),
        ("upper", []) => compare_folded(column, Fold::Upper, op, &text_of(value)?),
        ("left", [length]) => edge(column, Edge::Start, integer_of(length)?, op, &text_of(value)?),
        ("right", [length]) => edge(column, Edge::End, integer_of(length)?, op, &text_of(value)?),
        ("substr" | "substring", [start, length]) if integer_of(start) == Some(1) => {
            edge(column, Edge::Start, integer_of(length)?, op, &text_of(value)?)
        }
        ("strpos", [part]) => position(column, &text_of(part)?, op, integer_of(value)?),
        ("character_length", []) => length(column, op, integer_of(value)?),
        ("btrim" | "ltrim" | "rtrim", []) if op == Op::Eq => match escaped(&text_of(value)?) {
            text if text.is_empty() => implied(null_test(column, false)),
            text => implied(pattern_leaf(column, Op::Like, format!("%{text}%"))),
        },
        _ => return None,
    })
}

fn compare_folded(column: usize, fold: Fold, op: Op, text: &str) -> Predicate {
    match op {
        Op::Eq if fold.never_makes(text) => Predicate::Never,
        Op::Eq => implied(pattern_leaf(
            column,
            Op::ILike,
            folded_pattern(&escaped(text), fold),
        )),
        Op::NotEq => opaque("case differs there, so that would lose rows"),
        _ => opaque("the engine orders text"),
    }
}

#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

/// `left(x, length)` or `right(x, length)` compared with a text. A negative length counts from the other end.
fn edge(column: usize, edge: Edge, length: i64, op: Op, text: &str) -> Predicate {
    use std::cmp::Ordering;
    let is_text = |op| is(column, op, vec![causeway_core::Literal::Text(text.to_owned())]);
    if !matches!(op, Op::Eq | Op::NotEq) {
        return opaque("the engine orders text");
    }
    if length < 0 {
        return opaque("a length from the other end is no prefix");
    }
    let characters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    match (characters.cmp(&length), op) {
        // The result is never that long.
        (Ordering::Greater, Op::Eq) => Predicate::Never,
        (Ordering::Greater, _) => null_test(column, false),
        // The whole text is shorter than what was asked for.
        (Ordering::Less, op) => is_text(op),
        (Ordering::Equal, op) => {
            let pattern = match edge {
                Edge::Start => format!("{}%", escaped(text)),
                Edge::End => format!("%{}", escaped(text)),
            };
            let like = if op == Op::Eq { Op::Like } else { Op::NotLike };
            pattern_leaf(column, like, pattern)
        }
    }
}

/// `strpos(x, part)` compared with a number: 0 where the part is missing, 1 where the text starts with it.
fn position(column: usize, part: &str, op: Op, number: i64) -> Predicate {
    if part.is_empty() {
        return opaque("the engine looks for empty text");
    }
    let holds_at = |place: i64| holds(op, place.cmp(&number));
    let contains = format!("%{}%", escaped(part));
    let begins = format!("{}%", escaped(part));
    // From the second place on, a comparison with a number up to 1 has one answer.
    match (holds_at(0), holds_at(1), holds_at(2), number <= 1) {
        (false, true, true, true) => pattern_leaf(column, Op::Like, contains),
        (true, false, false, true) => pattern_leaf(column, Op::NotLike, contains),
        (false, true, false, true) => pattern_leaf(column, Op::Like, begins),
        (true, false, true, true) => pattern_leaf(column, Op::NotLike, begins),
        (true, true, true, true) => null_test(column, false),
        (false, false, false, true) => Predicate::Never,
        (false, ..) => implied(pattern_leaf(column, Op::Like, contains)),
        _ => opaque("only whether and where a text begins can be asked"),
    }
}

/// `character_length(x)` compared with a number: what is longer than nothing is not empty.
fn length(column: usize, op: Op, number: i64) -> Predicate {
    let empty = |op| is(column, op, vec![causeway_core::Literal::Text(String::new())]);
    let holds_at = |length: i64| holds(op, length.cmp(&number));
    match (
        holds_at(0),
        holds_at(1),
        number <= 0 || (number == 1 && op != Op::Eq),
    ) {
        (true, true, true) if holds_at(2) => null_test(column, false),
        (false, true, true) if holds_at(2) => empty(Op::NotEq),
        (true, false, true) if !holds_at(2) => empty(Op::Eq),
        (false, false, true) if !holds_at(2) => Predicate::Never,
        (false, ..) => implied(empty(Op::NotEq)),
        _ => opaque("lengths can't be asked for"),
    }
}

/// The record's link compared with a text: the table's template tells which key it holds. Never better than a superset, since a
/// source may take several spellings of one key.
pub(super) fn compare_link(table: &Table, op: Op, value: &ScalarValue) -> Predicate {
    let Some(text) = text_of(value) else {
        return opaque("the constant is not of the column's type");
    };
    let Some((before, after)) = table.url_template.split_once("{key}") else {
        return opaque("the link holds no key");
    };
    let key = text
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    let key = key.filter(|_| !after.contains("{key}"));
    match (op, key) {
        (Op::Eq, Some(key)) => {
            let key_value = ScalarValue::Utf8(Some(key.to_owned()));
            let column = table
                .single_key()
                .and_then(|at| Some((at, table.columns.get(at)?)));
            match column.and_then(|(at, column)| Some((at, literal(column.ty, &key_value)?))) {
                Some((at, key)) => implied(is(at, Op::Eq, vec![key])),
                None => opaque("the key is no text"),
            }
        }
        (Op::Eq, None) if !after.contains("{key}") => Predicate::Never,
        (Op::NotEq, None) if !after.contains("{key}") => always(),
        _ => opaque("links are made here, from the record's key"),
    }
}
