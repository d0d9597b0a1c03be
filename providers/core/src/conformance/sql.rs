//! What SQL says of a predicate for one row.
//!
//! Owns: three-valued logic, the order of values, patterns. Source: PostgreSQL 17, "Comparison Functions and Operators",
//! "Pattern Matching", "Floating-Point Types" (NaN equals itself and is greater than every number, -0 equals 0).
//! Invariant: text compares as bytes. Where PostgreSQL's answer depends on the locale (ILIKE), a row counts as kept when it is kept in
//! some locale, because a source must not lose it in any.

use std::cmp::Ordering;

use super::rows::Rows;
use crate::{Comparison, Literal, Op, Predicate};

/// Truth of the predicate for each row; `None` is SQL's NULL.
///
/// What the engine alone evaluates (`Opaque`, and the rest of `Implies`) is given a truth that depends on the row only: a source
/// must be right whatever it is.
pub(super) fn truths(predicate: &Predicate, rows: &Rows) -> Vec<Option<bool>> {
    match predicate {
        Predicate::All(parts) => combined(parts, rows, true),
        Predicate::Any(parts) => combined(parts, rows, false),
        Predicate::Is(comparison) => rows.each_row(comparison.column, |value| holds(comparison, value)),
        Predicate::Implies(inner) => {
            let inner = truths(inner, rows).into_iter().enumerate();
            inner
                .map(|(row, truth)| truth.map(|holds| holds && engine_says(row)))
                .collect()
        }
        Predicate::Never => vec![Some(false); rows.len()],
        Predicate::Opaque(_) => (0..rows.len()).map(|row| Some(engine_says(row))).collect(),
    }
}

/// AND, whose neutral truth is true, or OR, whose neutral truth is false.
fn combined(parts: &[Predicate], rows: &Rows, neutral: bool) -> Vec<Option<bool>> {
    let mut all = vec![Some(neutral); rows.len()];
    for part in parts {
        for (truth, other) in all.iter_mut().zip(truths(part, rows)) {
            *truth = match (*truth, other) {
                (Some(truth), other) if truth == neutral => other,
                (Some(decided), _) => Some(decided),
                (None, Some(other)) if other != neutral => Some(other),
                (None, _) => None,
            };
        }
    }
    all
}

/// What SQL says of a comparison with one value; `None` is NULL, on either side.
#[must_use]
pub fn keeps(value: Option<&Literal>, op: Op, values: &[Literal]) -> Option<bool> {
    let comparison = Comparison {
        column: 0,
        op,
        values: values.to_vec(),
    };
    holds(&comparison, value)
}

fn engine_says(row: usize) -> bool {
    !row.is_multiple_of(3)
}

fn holds(comparison: &Comparison, value: Option<&Literal>) -> Option<bool> {
    let Comparison { op, values, .. } = comparison;
    match op {
        Op::IsNull => return Some(value.is_none()),
        Op::IsNotNull => return Some(value.is_some()),
        _ => {}
    }
    let value = value?;
    let first = values.first()?;
    match op {
        Op::In => Some(values.iter().any(|member| equal(value, member))),
        Op::NotIn => Some(!values.iter().any(|member| equal(value, member))),
        Op::Like => like(value, first, same_character),
        Op::NotLike => like(value, first, same_character).map(|matches| !matches),
        Op::ILike => like(value, first, same_letter),
        Op::NotILike => like(value, first, same_letter).map(|matches| !matches),
        _ => {
            let order = order(value, first)?;
            Some(match op {
                Op::Eq => order.is_eq(),
                Op::NotEq => order.is_ne(),
                Op::Lt => order.is_lt(),
                Op::LtEq => order.is_le(),
                Op::Gt => order.is_gt(),
                _ => order.is_ge(),
            })
        }
    }
}

fn equal(left: &Literal, right: &Literal) -> bool {
    order(left, right) == Some(Ordering::Equal)
}

/// `None` for values of types that do not compare.
fn order(left: &Literal, right: &Literal) -> Option<Ordering> {
    match (left, right) {
        (Literal::Boolean(left), Literal::Boolean(right)) => Some(left.cmp(right)),
        (Literal::Int(left), Literal::Int(right)) => Some(left.cmp(right)),
        (Literal::Decimal(left), Literal::Decimal(right)) => Some(left.cmp(right)),
        (Literal::Text(left), Literal::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Literal::Date(left), Literal::Date(right)) => Some(left.cmp(right)),
        (Literal::Timestamp(left), Literal::Timestamp(right))
        | (Literal::Time(left), Literal::Time(right)) => Some(left.cmp(right)),
        _ => Some(order_of_doubles(double(left)?, double(right)?)),
    }
}

fn double(value: &Literal) -> Option<f64> {
    match value {
        Literal::Float(number) => Some(*number),
        #[expect(
            clippy::cast_precision_loss,
            reason = "as SQL casts a bigint to double precision"
        )]
        Literal::Int(number) => Some(*number as f64),
        _ => None,
    }
}

fn order_of_doubles(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wild {
    Is(char),
    One,
    Any,
}

fn elements(pattern: &str) -> Option<Vec<Wild>> {
    let mut found = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        found.push(match character {
            '%' => Wild::Any,
            '_' => Wild::One,
            '\\' => Wild::Is(characters.next()?),
            plain => Wild::Is(plain),
        });
    }
    Some(found)
}

/// `None` also for a pattern that ends in the middle of an escape, which PostgreSQL refuses.
fn like(value: &Literal, pattern: &Literal, same: fn(char, char) -> bool) -> Option<bool> {
    let (Literal::Text(text), Literal::Text(pattern)) = (value, pattern) else {
        return None;
    };
    let pattern = elements(pattern)?;
    let (mut text, mut pattern) = (text.chars(), pattern.as_slice());
    // Where to go on when what follows the last `%` does not match here: it takes one character more.
    let mut retry: Option<(std::str::Chars<'_>, &[Wild])> = None;
    loop {
        let (wild, after) = match pattern.split_first() {
            Some((Wild::Any, after)) => {
                retry = Some((text.clone(), after));
                pattern = after;
                continue;
            }
            Some((wild, after)) => (Some(*wild), after),
            None => (None, pattern),
        };
        let mut rest = text.clone();
        let matches = match (wild, rest.next()) {
            (None, None) => return Some(true),
            (Some(Wild::Is(wanted)), Some(found)) => same(wanted, found),
            (Some(_), Some(_)) => true,
            (None, Some(_)) => false,
            // The text is too short for what is left of the pattern, and shorter still after a retry.
            (Some(_), None) => return Some(false),
        };
        if matches {
            (text, pattern) = (rest, after);
            continue;
        }
        let Some((mut from, after)) = retry else {
            return Some(false);
        };
        if from.next().is_none() {
            return Some(false);
        }
        text = from.clone();
        pattern = after;
        retry = Some((from, after));
    }
}

fn same_character(left: char, right: char) -> bool {
    left == right
}

/// Whether two letters are one in some locale's folding.
fn same_letter(left: char, right: char) -> bool {
    const DOTTED: [char; 3] = ['i', 'I', '\u{130}'];
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(&right);
    }
    left == right
        || left.to_lowercase().eq(right.to_lowercase())
        || left.to_uppercase().eq(right.to_uppercase())
        // The simple lower case of a capital dotted i is an i.
        || (DOTTED.contains(&left) && DOTTED.contains(&right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }

    fn says(value: Option<Literal>, op: Op, values: &[Literal]) -> Option<bool> {
        keeps(value.as_ref(), op, values)
    }

    #[test]
    fn null_is_neither_equal_nor_unequal() {
        for op in [
            Op::Eq,
            Op::NotEq,
            Op::In,
            Op::NotIn,
            Op::Like,
            Op::NotILike,
            Op::Lt,
        ] {
            assert_eq!(says(None, op, &[text("a")]), None, "{op:?}");
        }
        assert_eq!(says(None, Op::IsNull, &[]), Some(true));
        assert_eq!(says(None, Op::IsNotNull, &[]), Some(false));
    }

    #[test]
    fn text_compares_as_bytes() {
        assert_eq!(says(Some(text("a")), Op::Eq, &[text("A")]), Some(false));
        assert_eq!(says(Some(text("Z")), Op::Lt, &[text("a")]), Some(true));
        assert_eq!(says(Some(text("a ")), Op::Gt, &[text("a")]), Some(true));
        assert_eq!(says(Some(text("é")), Op::Gt, &[text("z")]), Some(true));
    }

    #[test]
    fn nan_is_the_greatest_number_and_zero_has_no_sign() {
        let float = |number| Some(Literal::Float(number));
        let nan = Literal::Float(f64::NAN);
        assert_eq!(
            says(float(f64::INFINITY), Op::Lt, std::slice::from_ref(&nan)),
            Some(true)
        );
        assert_eq!(says(float(f64::NAN), Op::Eq, &[nan]), Some(true));
        assert_eq!(says(float(0.0), Op::Eq, &[Literal::Float(-0.0)]), Some(true));
        assert_eq!(says(float(3.0), Op::In, &[Literal::Int(3)]), Some(true));
        assert_eq!(
            says(
                Some(Literal::Int(9_007_199_254_740_993)),
                Op::Eq,
                &[Literal::Int(9_007_199_254_740_992)]
            ),
            Some(false)
        );
    }

    #[test]
    fn patterns_match_whole_texts_with_a_backslash_to_escape() {
        for (value, pattern, wanted) in [
            ("abc", "a%", Some(true)),
            ("abc", "%b%", Some(true)),
            ("abc", "a_c", Some(true)),
            ("abc", "a_", Some(false)),
            ("100%", r"100\%", Some(true)),
            ("100x", r"100\%", Some(false)),
            (r"a\b", r"a\\b", Some(true)),
            ("two\nlines", "two_%", Some(true)),
            ("", "%", Some(true)),
            ("", "", Some(true)),
            ("a", r"a\", None),
            ("mississippi", "m%iss%pi", Some(true)),
        ] {
            assert_eq!(
                says(Some(text(value)), Op::Like, &[text(pattern)]),
                wanted,
                "{value} {pattern}"
            );
        }
    }

    #[test]
    fn null_spreads_through_and_and_or_as_in_sql() {
        use crate::conformance::rows::Rows;
        let rows = Rows::of_column(vec![Some(text("a")), None, Some(text("b"))]);
        let is = |op, value: &str| {
            Predicate::Is(Comparison {
                column: 0,
                op,
                values: vec![text(value)],
            })
        };
        let all = Predicate::All(vec![is(Op::Eq, "a"), is(Op::NotEq, "b")]);
        assert_eq!(truths(&all, &rows), [Some(true), None, Some(false)]);
        let any = Predicate::Any(vec![is(Op::Eq, "a"), is(Op::Eq, "b")]);
        assert_eq!(truths(&any, &rows), [Some(true), None, Some(true)]);
        let never = Predicate::All(vec![is(Op::Eq, "a"), Predicate::Never]);
        assert_eq!(truths(&never, &rows), [Some(false); 3]);
        let empty = Predicate::All(Vec::new());
        assert_eq!(truths(&empty, &rows), [Some(true); 3]);
    }

    #[test]
    fn ilike_folds_as_any_locale_does() {
        for (value, pattern, wanted) in [
            ("SERVICE", "service", true),
            ("SERV\u{130}CE", "service", true),
            ("\u{212a}elvin", "kelvin", true),
            ("\u{17f}", "S", true),
            ("RÉSUMÉ", "résumé", true),
            ("resume", "résumé", false),
        ] {
            assert_eq!(
                says(Some(text(value)), Op::ILike, &[text(pattern)]),
                Some(wanted),
                "{value} {pattern}"
            );
        }
    }
}
