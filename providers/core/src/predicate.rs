//! Predicates as the engine says them.
//!
//! Owns: the negation-free predicate, its operators and constants. Does not own: what a remote system is sent for it; see
//! [`Condition`](crate::Condition). Invariant: NOT stands nowhere but in an operator.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Decimal;

/// A typed constant, never NULL.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Literal {
    /// `boolean`
    Boolean(bool),
    /// `bigint`
    Int(i64),
    /// `double precision`
    Float(f64),
    /// `numeric`
    Decimal(Decimal),
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
