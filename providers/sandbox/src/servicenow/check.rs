//! What a bound condition does to a value.
//!
//! Owns: the semantics of every operator by column type. Source: "Operators available for filters and queries", Australia.
//! Invariant: a literal that does not read for its column's type matches nothing.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::cell::{Cell, SysId};
use super::comparison::{Literal, Matching, Reading, number};
use super::data::{Data, Path};
use super::pattern::{Place, found};
use super::query::Operator;
use super::render::{self, Viewer};
use super::schema::{Column, Row};
use super::types::Family;

/// A bound condition without its column.
#[derive(Debug)]
pub(super) enum Check {
    Nothing,
    Everything,
    Empty,
    NotEmpty,
    EmptyString,
    Members {
        literals: HashSet<Literal>,
        ids: HashSet<SysId>,
        negated: bool,
    },
    /// A comma list has this member.
    Member {
        key: String,
        negated: bool,
    },
    Boolean {
        wanted: Vec<bool>,
        negated: bool,
        null: bool,
    },
    Range {
        low: Option<(Literal, bool)>,
        high: Option<(Literal, bool)>,
        negated: bool,
    },
    Pattern {
        place: Place,
        key: String,
        negated: bool,
        display: bool,
    },
    /// The displayed text equals the key.
    Display(String),
    Field {
        other: Path,
        wanted: &'static [Ordering],
        negated: bool,
        prefix: Option<usize>,
    },
    Class(Vec<&'static str>),
}

impl Check {
    /// A comparison with a literal.
    pub(super) fn literal(operator: Operator, column: &Column, value: &str, reading: Reading<'_>) -> Self {
        let semantics = reading.semantics;
        let family = column.family;
        let reference = family == Family::Reference;
        let absent = value.is_empty() || (semantics.null_word_is_empty && value == "NULL");
        let negated = matches!(
            operator,
            Operator::NotEqual | Operator::NotIn | Operator::NotLike | Operator::NotOn
        );
        let foreign = !semantics.translated_text_matches && column.internal_type.starts_with("translated_");
        if foreign && !absent && operator.takes_literal() {
            return if negated { Self::NotEmpty } else { Self::Nothing };
        }
        match operator {
            Operator::Anything => Self::Everything,
            Operator::IsEmpty => Self::Empty,
            Operator::IsNotEmpty => Self::NotEmpty,
            Operator::EmptyString => Self::EmptyString,
            Operator::Equal if value.is_empty() && !semantics.empty_value_is_empty => Self::EmptyString,
            Operator::Equal if absent => Self::Empty,
            Operator::NotEqual if absent => Self::NotEmpty,
            Operator::Equal | Operator::NotEqual
                if semantics.list_equals_is_membership && column.internal_type == "glide_list" =>
            {
                Self::Member {
                    key: reading.collation.key(value),
                    negated,
                }
            }
            Operator::Equal | Operator::NotEqual
                if semantics.date_only_equals_day && family == Family::DateTime && value.len() == 10 =>
            {
                whole_day(value, negated, reading)
            }
            Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn => {
                members(operator, family, value, reading)
            }
            Operator::Like => pattern(Place::Anywhere, value, false, reference, reading),
            Operator::NotLike => pattern(Place::Anywhere, value, true, reference, reading),
            Operator::StartsWith => pattern(Place::Start, value, false, reference, reading),
            Operator::EndsWith => pattern(Place::End, value, false, reference, reading),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Between
            | Operator::On
            | Operator::NotOn => ordered(operator, family, value, reading),
            Operator::SameAs
            | Operator::NotSameAs
            | Operator::GreaterThanField
            | Operator::LessThanField
            | Operator::GreaterOrEqualField
            | Operator::LessOrEqualField
            | Operator::InstanceOf => Self::Nothing,
        }
    }

    /// A comparison with another column, by `day`, `month` … when a part is named.
    pub(super) fn field(operator: Operator, other: Path, part: &str) -> Self {
        let (wanted, negated): (&'static [Ordering], bool) = match operator {
            Operator::NotSameAs => (&[Ordering::Equal], true),
            Operator::GreaterThanField => (&[Ordering::Greater], false),
            Operator::LessThanField => (&[Ordering::Less], false),
            Operator::GreaterOrEqualField => (&[Ordering::Greater, Ordering::Equal], false),
            Operator::LessOrEqualField => (&[Ordering::Less, Ordering::Equal], false),
            _ => (&[Ordering::Equal], false),
        };
        let prefix = match part {
            "year" => Some(4),
            "month" => Some(7),
            "day" => Some(10),
            "hour" => Some(13),
            "minute" => Some(16),
            _ => None,
        };
        Self::Field {
            other,
            wanted,
            negated,
            prefix,
        }
    }

    pub(super) fn display(value: &str, reading: Reading<'_>) -> Self {
        Self::Display(reading.collation.key(value))
    }

    /// True for `!=` and its kin.
    pub(super) fn is_negated(&self) -> bool {
        matches!(
            self,
            Self::Members { negated: true, .. }
                | Self::Member { negated: true, .. }
                | Self::Boolean { negated: true, .. }
                | Self::Range { negated: true, .. }
                | Self::Pattern { negated: true, .. }
        )
    }

    /// The keys that `=` or IN names, if this is such a condition.
    pub(super) fn ids(&self) -> Option<Vec<SysId>> {
        match self {
            Self::Members {
                ids, negated: false, ..
            } => Some(ids.iter().copied().collect()),
            _ => None,
        }
    }

    /// The text below which no value matches.
    pub(super) fn lower_bound(&self) -> Option<String> {
        match self {
            Self::Range {
                low: Some((Literal::Text(text, _), _)),
                negated: false,
                ..
            } => Some(text.clone()),
            _ => None,
        }
    }

    /// True for `>` and `>=` on text.
    pub(super) fn is_lower_bound(&self) -> bool {
        self.lower_bound().is_some() && matches!(self, Self::Range { high: None, .. })
    }

    pub(super) fn matches(&self, data: &Data, matching: Matching, row: Row, path: &Path) -> bool {
        let cell = data.value(row, path);
        let null = matching.is_null(&cell);
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Empty => cell.is_empty(),
            Self::NotEmpty => !cell.is_empty(),
            Self::EmptyString => !null && cell.is_empty(),
            Self::Members { negated, .. } | Self::Member { negated, .. } | Self::Range { negated, .. }
                if null =>
            {
                *negated && matching.not_equal_returns_nulls
            }
            Self::Pattern { negated, .. } if null => {
                *negated && (matching.not_equal_returns_nulls || matching.not_like_returns_nulls)
            }
            Self::Member { key, negated } => has_member(&cell, key, &matching) != *negated,
            Self::Members {
                literals,
                ids,
                negated,
            } => contains(literals, ids, &matching, &cell) != *negated,
            Self::Boolean {
                wanted,
                negated,
                null,
            } => match cell {
                Cell::Bool(value) => wanted.contains(&value) != *negated,
                _ => *null,
            },
            Self::Range { low, high, negated } => within(low, high, &matching, &cell) != *negated,
            Self::Pattern {
                place,
                key,
                negated,
                display,
            } => {
                let shown = match display {
                    true => render::display(data, row, path, &cell, Viewer::default()),
                    false => cell.raw(),
                };
                let shown = matching.collation.pattern(&shown);
                found(*place, key, &shown, matching.like_wildcards) != *negated
            }
            Self::Display(key) => {
                let shown = || render::display(data, row, path, &cell, Viewer::default());
                !null && matching.collation.key(&shown()) == *key
            }
            Self::Field {
                other,
                wanted,
                negated,
                prefix,
            } => {
                let order = order_of(&cell, &data.value(row, other), *prefix, matching);
                order.is_some_and(|order| order.is_some_and(|order| wanted.contains(&order)) != *negated)
            }
            Self::Class(classes) => matches!(&cell, Cell::Text(class) if classes.contains(&class.as_ref())),
        }
    }
}

/// Whether a comma list has the member.
fn has_member(cell: &Cell<'_>, key: &str, matching: &Matching) -> bool {
    let text = cell.raw();
    let mut members = text.split(',');
    members.any(|member| matching.collation.key(member) == key)
}

/// How two values of a row compare, by so many of their first letters; `None` when one of them is null.
fn order_of(
    cell: &Cell<'_>,
    other: &Cell<'_>,
    prefix: Option<usize>,
    matching: Matching,
) -> Option<Option<Ordering>> {
    if matching.is_null(cell) || matching.is_null(other) {
        return None;
    }
    Some(match prefix {
        Some(length) => {
            let part = |cell: &Cell<'_>| cell.raw().chars().take(length).collect::<String>();
            Some(part(cell).cmp(&part(other)))
        }
        None => matching.compare(cell, other),
    })
}

fn range(low: Option<(Literal, bool)>, high: Option<(Literal, bool)>, negated: bool) -> Check {
    Check::Range { low, high, negated }
}

/// A comparison by order: one bound, or two.
fn ordered(operator: Operator, family: Family, value: &str, reading: Reading<'_>) -> Check {
    // The first part of ON is a label such as `Today`; start and end follow it.
    let ends = value.split_once('@').map_or("", |(_, rest)| rest);
    let bound = || Literal::read(family, value, reading);
    match operator {
        Operator::Between => span(value, family, false, reading),
        Operator::On => span(ends, family, false, reading),
        Operator::NotOn => span(ends, family, true, reading),
        Operator::Less | Operator::LessOrEqual => bound().map_or(Check::Nothing, |high| {
            range(None, Some((high, operator == Operator::LessOrEqual)), false)
        }),
        _ => bound().map_or(Check::Nothing, |low| {
            range(Some((low, operator == Operator::GreaterOrEqual)), None, false)
        }),
    }
}

/// `a@b`, both ends included.
fn span(value: &str, family: Family, negated: bool, reading: Reading<'_>) -> Check {
    let ends = value.split_once('@').and_then(|(low, high)| {
        Some((
            Literal::read(family, low, reading)?,
            Literal::read(family, high, reading)?,
        ))
    });
    match ends {
        Some((low, high)) => range(Some((low, true)), Some((high, true)), negated),
        None => Check::Nothing,
    }
}

/// All seconds of a day.
fn whole_day(value: &str, negated: bool, reading: Reading<'_>) -> Check {
    match Literal::read(Family::DateTime, value, reading) {
        Some(Literal::Seconds(start)) => range(
            Some((Literal::Seconds(start), true)),
            Some((Literal::Seconds(start + 86_400), false)),
            negated,
        ),
        _ => Check::Nothing,
    }
}

fn pattern(place: Place, value: &str, negated: bool, display: bool, reading: Reading<'_>) -> Check {
    Check::Pattern {
        place,
        key: reading.collation.pattern(value),
        negated,
        display,
    }
}

fn members(operator: Operator, family: Family, value: &str, reading: Reading<'_>) -> Check {
    let semantics = reading.semantics;
    let negated = matches!(operator, Operator::NotEqual | Operator::NotIn);
    let texts: Vec<&str> = match operator {
        Operator::In | Operator::NotIn if semantics.in_trims_blanks => {
            value.split(',').map(|member| member.trim_matches(' ')).collect()
        }
        Operator::In | Operator::NotIn => value.split(',').collect(),
        _ => vec![value],
    };
    let in_list = matches!(operator, Operator::In | Operator::NotIn);
    if in_list && texts.len() == 1 && !semantics.single_in_works {
        return Check::Nothing;
    }
    if family == Family::Boolean {
        let wanted: Vec<bool> = texts
            .iter()
            .filter_map(|text| boolean(text, semantics.boolean_digits_accepted))
            .collect();
        let asks_false = operator == Operator::Equal && wanted == [false];
        let null = operator == Operator::NotEqual || (asks_false && semantics.false_matches_null);
        return if wanted.is_empty() {
            Check::Nothing
        } else {
            Check::Boolean {
                wanted,
                negated,
                null,
            }
        };
    }
    let literals: HashSet<Literal> = texts
        .iter()
        .filter_map(|text| Literal::read(family, text, reading))
        .collect();
    if literals.is_empty() {
        return Check::Nothing;
    }
    let ids = literals
        .iter()
        .filter_map(|literal| match literal {
            Literal::Text(_, id) => *id,
            _ => None,
        })
        .collect();
    Check::Members {
        literals,
        ids,
        negated,
    }
}

fn boolean(text: &str, digits: bool) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        "1" if digits => Some(true),
        "0" if digits => Some(false),
        _ => None,
    }
}

fn contains(literals: &HashSet<Literal>, ids: &HashSet<SysId>, matching: &Matching, cell: &Cell<'_>) -> bool {
    let literal = match cell {
        Cell::Id(id) => return ids.contains(id),
        Cell::Text(text) => Literal::Text(matching.collation.key(text), SysId::parse(text)),
        Cell::Seconds(seconds) => Literal::Seconds(*seconds),
        Cell::Days(days) => Literal::Seconds(i64::from(*days) * 86_400),
        cell => match number(cell) {
            Some(number) => Literal::Number(number),
            None => return false,
        },
    };
    literals.contains(&literal)
}

fn within(
    low: &Option<(Literal, bool)>,
    high: &Option<(Literal, bool)>,
    matching: &Matching,
    cell: &Cell<'_>,
) -> bool {
    let above = low
        .as_ref()
        .is_none_or(|(literal, inclusive)| match literal.order(matching, cell) {
            Some(order) => order == Ordering::Greater || (*inclusive && order == Ordering::Equal),
            None => false,
        });
    let below = high
        .as_ref()
        .is_none_or(|(literal, inclusive)| match literal.order(matching, cell) {
            Some(order) => order == Ordering::Less || (*inclusive && order == Ordering::Equal),
            None => false,
        });
    above && below
}
