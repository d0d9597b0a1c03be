//! Literals that are checked against the type of their field, and how values compare with them.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::super::value::{Id, Value};
use super::text::Collation;

/// A literal that is checked against the type of its field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Null,
    Bool(bool),
    /// A number; `whole` is exact where a double is not.
    Number {
        float: f64,
        whole: Option<i64>,
    },
    /// Milliseconds since 1970.
    Moment(i64),
    /// Folded text.
    Text(String),
    Id(Id),
    /// The sorted values of a multi-select picklist.
    Set(Vec<String>),
    /// The values of a multi-select picklist in the order that they must be stored in.
    List(Vec<String>),
    /// A literal that no value equals.
    Nothing,
}

impl Operand {
    /// Compares a value that isn't null with the operand.
    pub(super) fn order(&self, value: &Value, collation: Collation) -> Option<Ordering> {
        match (self, value) {
            (Self::Bool(wanted), Value::Bool(value)) => Some(value.cmp(wanted)),
            (
                Self::Number {
                    whole: Some(wanted), ..
                },
                Value::Int(value) | Value::Date(value),
            ) => Some(value.cmp(wanted)),
            (Self::Number { float, .. }, value) => value.number()?.partial_cmp(float),
            (Self::Moment(wanted), Value::DateTime(value)) => Some((value * 1000).cmp(wanted)),
            (Self::Text(wanted), Value::Text(value)) => Some(collation.fold(value).as_str().cmp(wanted)),
            (Self::Id(wanted), Value::Id(value)) => Some(value.cmp(wanted)),
            (Self::Set(wanted), Value::Text(value)) => Some(sorted_set(value).cmp(wanted)),
            (Self::List(wanted), Value::Text(value)) => Some(listed_set(value).cmp(wanted)),
            _ => None,
        }
    }

    pub(super) fn equals(&self, value: &Value, collation: Collation) -> bool {
        match (self, value) {
            (Self::Text(wanted), Value::Text(value)) => collation.equals_folded(value, wanted),
            _ => self.order(value, collation) == Some(Ordering::Equal),
        }
    }
}

/// The values of a multi-select picklist in a fixed order.
pub(crate) fn sorted_set(text: &str) -> Vec<String> {
    let mut values = listed_set(text);
    values.sort();
    values
}

/// The values of a multi-select picklist as they stand.
pub(crate) fn listed_set(text: &str) -> Vec<String> {
    text.split(';').map(str::to_uppercase).collect()
}

/// The members of an IN list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    pub(crate) ids: HashSet<Id>,
    pub(crate) texts: HashSet<String>,
    pub(crate) others: Vec<Operand>,
    pub(crate) null: bool,
}

impl Members {
    /// Adds an operand.
    pub(crate) fn add(&mut self, operand: Operand) {
        match operand {
            Operand::Null => self.null = true,
            Operand::Nothing => {}
            Operand::Id(id) => {
                self.ids.insert(id);
            }
            Operand::Text(text) => {
                self.texts.insert(text);
            }
            other => self.others.push(other),
        }
    }

    pub(super) fn holds(&self, value: &Value, collation: Collation) -> bool {
        match value {
            Value::Null => self.null,
            Value::Id(id) => self.ids.contains(id),
            Value::Text(text) if !self.texts.is_empty() => self.texts.contains(&collation.fold(text)),
            value => self.others.iter().any(|operand| operand.equals(value, collation)),
        }
    }
}
