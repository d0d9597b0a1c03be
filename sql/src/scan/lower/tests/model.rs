//! SQL's meaning of a predicate over one row, written down apart from the code under test.

use std::cmp::Ordering;

use causeway_core::{Comparison, Literal, Op, Predicate};

/// Whether the predicate holds for a row. What is opaque holds always: nobody asks for it, so no row is lost.
pub(super) fn holds(predicate: &Predicate, row: &[Option<Literal>]) -> bool {
    match predicate {
        Predicate::All(parts) => parts.iter().all(|part| holds(part, row)),
        Predicate::Any(parts) => parts.iter().any(|part| holds(part, row)),
        Predicate::Is(comparison) => comparison_holds(comparison, row),
        Predicate::Implies(inner) => holds(inner, row),
        Predicate::Never => false,
        Predicate::Opaque(_) => true,
    }
}

/// Whether the predicate claims to be no wider than SQL.
pub(super) fn is_exact(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().all(is_exact),
        Predicate::Is(_) | Predicate::Never => true,
        Predicate::Implies(_) | Predicate::Opaque(_) => false,
    }
}

fn comparison_holds(comparison: &Comparison, row: &[Option<Literal>]) -> bool {
    let Comparison { column, op, values } = comparison;
    let Some(value) = &row[*column] else {
        return *op == Op::IsNull;
    };
    let order = || compare(value, &values[0]);
    match op {
        Op::Eq => order().is_eq(),
        Op::NotEq => order().is_ne(),
        Op::Lt => order().is_lt(),
        Op::LtEq => order().is_le(),
        Op::Gt => order().is_gt(),
        Op::GtEq => order().is_ge(),
        Op::In => values.iter().any(|wanted| compare(value, wanted).is_eq()),
        Op::NotIn => values.iter().all(|wanted| compare(value, wanted).is_ne()),
        Op::Like => matches(value, &values[0], false),
        Op::NotLike => !matches(value, &values[0], false),
        Op::ILike => matches(value, &values[0], true),
        Op::NotILike => !matches(value, &values[0], true),
        Op::IsNull => false,
        Op::IsNotNull => true,
    }
}

fn compare(left: &Literal, right: &Literal) -> Ordering {
    match (left, right) {
        (Literal::Float(left), Literal::Float(right)) => left.total_cmp(right),
        (left, right) => {
            assert_eq!(std::mem::discriminant(left), std::mem::discriminant(right));
            left.partial_cmp(right)
                .expect("literals of one type have an order")
        }
    }
}

fn matches(value: &Literal, pattern: &Literal, ignores_case: bool) -> bool {
    let (Literal::Text(value), Literal::Text(pattern)) = (value, pattern) else {
        panic!("patterns are for text");
    };
    let parts = pattern_parts(pattern);
    if ignores_case {
        return ignoring_case(&parts).is_match(value);
    }
    matches_parts(&value.chars().collect::<Vec<_>>(), &parts)
}

fn matches_parts(value: &[char], parts: &[Result<char, char>]) -> bool {
    match (parts.split_first(), value.split_first()) {
        (None, None) => true,
        (Some((Err('%'), rest)), None) => matches_parts(value, rest),
        (Some((Err('%'), rest)), Some((_, tail))) => matches_parts(value, rest) || matches_parts(tail, parts),
        (Some((part, rest)), Some((letter, tail))) => {
            (part.is_err() || *part == Ok(*letter)) && matches_parts(tail, rest)
        }
        _ => false,
    }
}

/// Simple case folding, as the engine's ILIKE does it.
pub(in super::super) fn ignoring_case(parts: &[Result<char, char>]) -> regex::Regex {
    let mut regex = String::from("(?is)^");
    for part in parts {
        match part {
            Ok(literal) => regex.push_str(&regex::escape(&literal.to_string())),
            Err('_') => regex.push('.'),
            Err(_) => regex.push_str(".*"),
        }
    }
    regex.push('$');
    regex::Regex::new(&regex).expect("a valid pattern")
}

/// The characters of a LIKE pattern, wildcards as errors.
pub(in super::super) fn pattern_parts(pattern: &str) -> Vec<Result<char, char>> {
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            '\\' => Ok(characters.next().unwrap_or('\\')),
            '%' | '_' => Err(character),
            plain => Ok(plain),
        });
    }
    parts
}
