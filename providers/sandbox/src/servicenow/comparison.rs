//! Comparing stored values with literals and with each other.
//!
//! Owns: reading a literal by column type, the order of values, where NULL sorts. Does not own: operators; see `check`.

use std::cmp::Ordering;

use super::cell::{Cell, Number, SysId, parse_date, parse_date_time};
use super::collation::Collation;
use super::switches::Semantics;
use super::types::Family;

/// The switches that matter while rows are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matching {
    pub(super) collation: Collation,
    pub(super) not_equal_returns_nulls: bool,
    empty_string_stored_distinct: bool,
    pub(super) not_like_returns_nulls: bool,
    pub(super) like_wildcards: bool,
    pub(super) dot_walk_inner_joins: bool,
    pub(super) dot_walk_not_equal_returns_nulls: bool,
    merge_null_and_empty: bool,
    nulls_first: bool,
}

impl Matching {
    pub(super) fn new(semantics: &Semantics) -> Self {
        Self {
            collation: Collation::new(semantics),
            not_equal_returns_nulls: semantics.not_equal_returns_nulls,
            empty_string_stored_distinct: semantics.empty_string_stored_distinct,
            not_like_returns_nulls: semantics.not_like_returns_nulls,
            like_wildcards: semantics.like_wildcards,
            dot_walk_inner_joins: semantics.dot_walk_inner_joins,
            dot_walk_not_equal_returns_nulls: semantics.dot_walk_not_equal_returns_nulls,
            merge_null_and_empty: semantics.stats_merge_null_and_empty,
            nulls_first: semantics.nulls_first,
        }
    }

    /// The same, under the collation of a column.
    pub(super) fn under(self, collation: Collation) -> Self {
        Self { collation, ..self }
    }

    /// The group key of a value: equal for values that the database holds for equal.
    pub(super) fn group_key(&self, cell: &Cell<'_>) -> Option<String> {
        let apart = self.is_null(cell) && !self.merge_null_and_empty;
        (!apart).then(|| self.collation.key(&cell.raw()))
    }

    /// Order of two values under ORDERBY.
    pub(super) fn order(&self, left: &Cell<'_>, right: &Cell<'_>) -> Ordering {
        match (self.is_null(left), self.is_null(right)) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if self.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if self.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) => self.compare(left, right).unwrap_or(Ordering::Equal),
        }
    }

    pub(super) fn is_null(&self, cell: &Cell<'_>) -> bool {
        match cell {
            Cell::Null => true,
            Cell::Text(text) => text.is_empty() && !self.empty_string_stored_distinct,
            _ => false,
        }
    }

    pub(super) fn compare(&self, left: &Cell<'_>, right: &Cell<'_>) -> Option<Ordering> {
        match (left, right) {
            (Cell::Null, _) | (_, Cell::Null) => None,
            (Cell::Bool(left), Cell::Bool(right)) => Some(left.cmp(right)),
            (Cell::Id(left), Cell::Id(right)) => Some(left.cmp(right)),
            (Cell::Seconds(left), Cell::Seconds(right)) => Some(left.cmp(right)),
            (Cell::Days(left), Cell::Days(right)) => Some(left.cmp(right)),
            _ => match (number(left), number(right)) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => Some(
                    self.collation
                        .key(&left.raw())
                        .cmp(&self.collation.key(&right.raw())),
                ),
            },
        }
    }
}

pub(super) fn number(cell: &Cell<'_>) -> Option<Number> {
    match cell {
        Cell::Int(value) => Some(Number::scaled(*value, 0)),
        Cell::Scaled(value, scale) => Some(Number::scaled(*value, *scale)),
        _ => None,
    }
}

/// How the literals of one condition are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) semantics: &'a Semantics,
    /// Collation of the condition's column.
    pub(super) collation: Collation,
}

/// A literal, read for the type of its column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    Number(Number),
    Seconds(i64),
    /// The text under the collation, and its value where it is a key.
    Text(String, Option<SysId>),
}

impl Literal {
    pub(super) fn read(family: Family, text: &str, reading: Reading<'_>) -> Option<Self> {
        let semantics = reading.semantics;
        match family {
            Family::Decimal(scale) if semantics.decimal_literals_rounded => {
                Number::parse(text).map(|number| Self::Number(number.rounded(scale)))
            }
            Family::Integer | Family::Decimal(_) => Number::parse(text).map(Self::Number),
            Family::DateTime => {
                let offset = i64::from(semantics.literal_zone_offset_minutes) * 60;
                parse_date_time(text).map(|local| Self::Seconds(local - offset))
            }
            Family::LocalDateTime | Family::Time | Family::Duration => {
                parse_date_time(text).map(Self::Seconds)
            }
            Family::Date => {
                let days = parse_date(text.get(..10)?)?;
                parse_date_time(text)?;
                Some(Self::Seconds(i64::from(days) * 86_400))
            }
            Family::Boolean => None,
            Family::Text | Family::Reference | Family::Journal | Family::Secret => {
                Some(Self::Text(reading.collation.key(text), SysId::parse(text)))
            }
        }
    }

    /// How the cell compares with this literal.
    pub(super) fn order(&self, matching: &Matching, cell: &Cell<'_>) -> Option<Ordering> {
        match (cell, self) {
            (Cell::Id(id), Self::Text(_, Some(literal))) => Some(id.cmp(literal)),
            (Cell::Id(id), Self::Text(literal, None)) => Some(id.to_string().as_str().cmp(literal)),
            (Cell::Text(text), Self::Text(literal, _)) => {
                Some(matching.collation.key(text).as_str().cmp(literal))
            }
            (Cell::Seconds(seconds), Self::Seconds(literal)) => Some(seconds.cmp(literal)),
            (Cell::Days(days), Self::Seconds(literal)) => Some((i64::from(*days) * 86_400).cmp(literal)),
            (cell, Self::Number(literal)) => number(cell).map(|number| number.cmp(literal)),
            _ => None,
        }
    }
}
