//! The law of pushdown: what part of a predicate a remote system may evaluate, and how faithfully.
//!
//! Owns: the negation-free predicate, and the algebra of AND and OR over fidelities.
//! Does not own: what an operator means remotely; see [`Dialect`](crate::Dialect).
//! Invariant: the remote condition keeps every row for which the predicate is true.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Column, Dialect, Table, Verdict};

/// How a remote condition relates to the SQL predicate that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fidelity {
    /// Keeps the wanted rows and perhaps more; the engine filters again.
    Superset,
    /// Keeps exactly the wanted rows.
    Exact,
}

/// A typed constant, never NULL.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Literal {
    /// `boolean`
    Boolean(bool),
    /// `bigint`
    Int(i64),
    /// `double precision`
    Float(f64),
    /// `text`; for LIKE the pattern, with backslash as its escape character
    Text(String),
    /// `date`, days since 1970-01-01
    Date(i32),
    /// `timestamptz`, microseconds since 1970 in UTC
    Timestamp(i64),
    /// `time`, microseconds since midnight
    Time(i64),
}

/// An operator between a column and constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `IN`, over at least one value
    In,
    /// `NOT IN`, over at least one value
    NotIn,
    /// `LIKE`
    Like,
    /// `NOT LIKE`
    NotLike,
    /// `ILIKE`
    ILike,
    /// `NOT ILIKE`
    NotILike,
    /// `IS NULL`
    IsNull,
    /// `IS NOT NULL`
    IsNotNull,
}

impl Op {
    /// The operator as SQL writes it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
            Self::In => "IN",
            Self::NotIn => "NOT IN",
            Self::Like => "LIKE",
            Self::NotLike => "NOT LIKE",
            Self::ILike => "ILIKE",
            Self::NotILike => "NOT ILIKE",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
        }
    }
}

/// A column compared with constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Position of the column in its table.
    pub column: usize,
    /// The operator.
    pub op: Op,
    /// Its constants: none for the null tests, one for most, one or more for IN.
    pub values: Vec<Literal>,
}

/// A predicate without negations: NOT has been moved to the leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Predicate {
    /// True when every part is.
    All(Vec<Predicate>),
    /// True when some part is.
    Any(Vec<Predicate>),
    /// A leaf that says exactly what SQL says.
    Is(Comparison),
    /// A leaf that is true whenever the SQL predicate is, and perhaps more often.
    Implies(Box<Predicate>),
    /// False or NULL for every row.
    Never,
    /// Something that no remote system is asked; the text says why.
    Opaque(String),
}

impl Predicate {
    /// Columns that have a value wherever the predicate is true.
    #[must_use]
    pub fn not_null(&self) -> BTreeSet<usize> {
        match self {
            Self::Is(comparison) if comparison.op == Op::IsNull => BTreeSet::new(),
            Self::Is(comparison) => BTreeSet::from([comparison.column]),
            Self::All(parts) => parts.iter().flat_map(Self::not_null).collect(),
            Self::Any(parts) => {
                let common = parts.iter().map(Self::not_null);
                common.reduce(|one, other| &one & &other).unwrap_or_default()
            }
            Self::Implies(inner) => inner.not_null(),
            Self::Never | Self::Opaque(_) => BTreeSet::new(),
        }
    }
}

/// A remote condition as a tree whose leaves are text of the remote language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// One condition in the remote language.
    Atom(String),
    /// All must hold.
    All(Vec<Condition>),
    /// One must hold.
    Any(Vec<Condition>),
    /// Holds for no row: nothing needs to be asked.
    Never,
}

/// A conjunct that goes to the remote system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// What is sent.
    pub condition: Condition,
    /// How faithful it is.
    pub fidelity: Fidelity,
    /// Why it is not exact; empty when it is.
    pub reason: String,
    /// Whether it holds values of other rows of the statement, as the keys of a join do.
    pub derived: bool,
}

impl Pushed {
    fn weaken(mut self, reason: &str) -> Self {
        if self.fidelity == Fidelity::Exact {
            self.fidelity = Fidelity::Superset;
            reason.clone_into(&mut self.reason);
        }
        self
    }
}

/// Translates a predicate for a source.
///
/// # Errors
/// Returns the reason, for EXPLAIN, when no part of it may be pushed.
pub fn translate(dialect: &dyn Dialect, table: &Table, predicate: &Predicate) -> Result<Pushed, String> {
    match predicate {
        Predicate::All(parts) => all_of(parts.iter().map(|part| translate(dialect, table, part)).collect()),
        Predicate::Any(parts) => any_of(parts.iter().map(|part| translate(dialect, table, part)).collect())
            .map(|pushed| match dialect.sends_whole(&pushed.condition) {
                true => pushed,
                false => {
                    pushed.weaken("alternatives that need groups of their own are left out of a long query")
                }
            }),
        Predicate::Is(comparison) => leaf(dialect, table, comparison),
        Predicate::Implies(inner) => translate(dialect, table, inner)
            .map(|pushed| pushed.weaken("the engine checks the whole expression")),
        Predicate::Never => Ok(Pushed {
            derived: false,
            condition: Condition::Never,
            fidelity: Fidelity::Exact,
            reason: String::new(),
        }),
        Predicate::Opaque(reason) => Err(reason.clone()),
    }
}

fn leaf(dialect: &dyn Dialect, table: &Table, comparison: &Comparison) -> Result<Pushed, String> {
    let column: &Column = table.columns.get(comparison.column).ok_or("unknown column")?;
    if column.remote_field().is_none() && !dialect.filters_origin(column) {
        return Err(format!("{} is not a remote field", column.name));
    }
    match dialect.atom(column, comparison.op, &comparison.values) {
        Verdict::Exact(condition) => Ok(Pushed {
            derived: false,
            condition,
            fidelity: Fidelity::Exact,
            reason: String::new(),
        }),
        Verdict::Superset(condition, reason) => Ok(Pushed {
            derived: false,
            condition,
            fidelity: Fidelity::Superset,
            reason: reason.into_owned(),
        }),
        Verdict::Never(reason) => Err(reason.into_owned()),
    }
}

/// AND keeps the parts that can be pushed, and is exact only when every part is there and exact.
fn all_of(parts: Vec<Result<Pushed, String>>) -> Result<Pushed, String> {
    let mut kept = Vec::new();
    let mut refusal = None;
    for part in parts {
        match part {
            Ok(pushed) => kept.push(pushed),
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    if kept.iter().any(|part| part.condition == Condition::Never) {
        return Ok(Pushed {
            derived: false,
            condition: Condition::Never,
            fidelity: Fidelity::Exact,
            reason: String::new(),
        });
    }
    let Some(weakest) = kept.iter().map(|part| part.fidelity).min() else {
        return Err(refusal.unwrap_or_else(|| "it holds for every row".to_owned()));
    };
    let fidelity = if refusal.is_some() {
        Fidelity::Superset
    } else {
        weakest
    };
    let reason = refusal.map_or_else(|| reasons(&kept), |reason| format!("part stays local: {reason}"));
    let condition = one_or(Condition::All, kept);
    Ok(Pushed {
        derived: false,
        condition,
        fidelity,
        reason,
    })
}

/// OR needs every arm, and is as weak as its weakest.
fn any_of(parts: Vec<Result<Pushed, String>>) -> Result<Pushed, String> {
    let mut kept = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    kept.retain(|part| part.condition != Condition::Never);
    let fidelity = kept
        .iter()
        .map(|part| part.fidelity)
        .min()
        .unwrap_or(Fidelity::Exact);
    let reason = reasons(&kept);
    let condition = if kept.is_empty() {
        Condition::Never
    } else {
        one_or(Condition::Any, kept)
    };
    Ok(Pushed {
        derived: false,
        condition,
        fidelity,
        reason,
    })
}

fn one_or(combine: fn(Vec<Condition>) -> Condition, parts: Vec<Pushed>) -> Condition {
    let mut conditions: Vec<_> = parts.into_iter().map(|part| part.condition).collect();
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            combine(conditions)
        }
        None => combine(conditions),
    }
}

fn reasons(parts: &[Pushed]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for part in parts {
        if !part.reason.is_empty() && !seen.contains(&part.reason.as_str()) {
            seen.push(&part.reason);
        }
    }
    seen.join("; ")
}

#[cfg(test)]
#[path = "predicate_tests.rs"]
mod tests;
