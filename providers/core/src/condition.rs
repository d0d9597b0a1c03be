//! Conditions as a remote system is sent them.
//!
//! Owns: the condition, its atoms, its fidelity. Does not own: what an atom means, or how it is written: each source has one place for
//! either. Invariant: all of it is plain data that can be serialised and compared; what a condition relies on is read from its atoms,
//! never from a text. Start at [`Atom`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{ColumnType, Op, OperatorClass, TableName};

/// How a remote condition relates to the SQL predicate that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fidelity {
    /// Keeps the wanted rows and perhaps more; the engine filters again.
    Superset,
    /// Keeps exactly the wanted rows.
    Exact,
}

/// An operator of a remote language. What it says there is for the source to know: text may be compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RemoteOp {
    /// Equals the value.
    Eq,
    /// Differs from the value.
    NotEq,
    /// Is less than the value.
    Lt,
    /// Is at most the value.
    LtEq,
    /// Is greater than the value.
    Gt,
    /// Is at least the value.
    GtEq,
    /// Is among the values.
    In,
    /// Is not among the values.
    NotIn,
    /// Matches the pattern, whose wildcards are `%` and `_` and whose escape character is the backslash.
    Like,
    /// Does not match the pattern.
    NotLike,
    /// Begins with the value.
    StartsWith,
    /// Ends with the value.
    EndsWith,
    /// Holds the value somewhere.
    Contains,
    /// Holds the value nowhere.
    NotContains,
    /// Has no value.
    IsNull,
    /// Has a value.
    IsNotNull,
    /// An operator that only this source has, by the source's own word.
    Other(Cow<'static, str>),
}

impl RemoteOp {
    /// The operator that says remotely what `op` says in SQL, if the source takes both alike; `None` where no such word is usual.
    #[must_use]
    pub fn of_sql(op: Op) -> Option<Self> {
        Some(match op {
            Op::Eq => Self::Eq,
            Op::NotEq => Self::NotEq,
            Op::Lt => Self::Lt,
            Op::LtEq => Self::LtEq,
            Op::Gt => Self::Gt,
            Op::GtEq => Self::GtEq,
            Op::In => Self::In,
            Op::NotIn => Self::NotIn,
            Op::Like => Self::Like,
            Op::NotLike => Self::NotLike,
            Op::IsNull => Self::IsNull,
            Op::IsNotNull => Self::IsNotNull,
            Op::ILike | Op::NotILike => return None,
        })
    }

    /// What a column must allow for it.
    #[must_use]
    pub fn class(&self) -> OperatorClass {
        match self {
            Self::Eq | Self::NotEq | Self::In | Self::NotIn | Self::IsNull | Self::IsNotNull => {
                OperatorClass::Equality
            }
            Self::Lt | Self::LtEq | Self::Gt | Self::GtEq => OperatorClass::Range,
            Self::Like | Self::NotLike | Self::StartsWith | Self::EndsWith => OperatorClass::Range,
            Self::Contains | Self::NotContains => OperatorClass::Range,
            Self::Other(_) => OperatorClass::Range,
        }
    }
}

/// A constant in the form that the remote system reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Constant {
    /// A text as people wrote it. Whoever writes the condition quotes, escapes or refuses it.
    Text(String),
    /// A number, a moment or a keyword, as the remote language writes it. It never holds what a person wrote.
    Plain(String),
}

impl Constant {
    /// A text as people wrote it.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number, a moment or a keyword.
    pub fn plain(constant: impl ToString) -> Self {
        Self::Plain(constant.to_string())
    }
}

/// What a field is compared with, and with that what the atom depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operand {
    /// Nothing: the operator says it all.
    None,
    /// One constant.
    Value(Constant),
    /// Constants.
    List(Vec<Constant>),
    /// The stored values that are displayed as one of these texts. They have yet to be looked up where the source lists its choices, so
    /// the atom can't be sent as it is. An empty text stands for no display value.
    Displayed {
        /// The display values.
        texts: Vec<String>,
        /// Type of the stored values.
        stored: ColumnType,
    },
    /// The values that records of another table hold.
    Selection(Selection),
}

/// The values of one field of another table's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The other table.
    pub table: TableName,
    /// Its field, by API name.
    pub field: String,
    /// What its records must meet, each condition.
    pub conditions: Vec<Condition>,
}

/// One condition on one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Atom {
    /// The remote field, by its API name or path.
    pub field: String,
    /// How it is compared.
    pub operator: RemoteOp,
    /// What it is compared with.
    pub operand: Operand,
}

impl Atom {
    /// Makes an atom.
    pub fn new(field: impl Into<String>, operator: RemoteOp, operand: Operand) -> Self {
        Self {
            field: field.into(),
            operator,
            operand,
        }
    }

    /// Makes a test that needs no constant.
    pub fn test(field: impl Into<String>, operator: RemoteOp) -> Self {
        Self::new(field, operator, Operand::None)
    }

    /// Makes a comparison with one constant.
    pub fn with(field: impl Into<String>, operator: RemoteOp, constant: Constant) -> Self {
        Self::new(field, operator, Operand::Value(constant))
    }

    /// Makes a comparison with a list of constants.
    pub fn list(field: impl Into<String>, operator: RemoteOp, constants: Vec<Constant>) -> Self {
        Self::new(field, operator, Operand::List(constants))
    }

    /// Whether it can be sent as it is, without looking up stored values.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        !matches!(self.operand, Operand::Displayed { .. })
    }
}

/// A remote condition: a tree of atoms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// One condition on one field.
    Atom(Atom),
    /// All must hold.
    All(Vec<Condition>),
    /// One must hold.
    Any(Vec<Condition>),
    /// Holds for no row: nothing needs to be asked.
    Never,
}

impl From<Atom> for Condition {
    fn from(atom: Atom) -> Self {
        Self::Atom(atom)
    }
}

impl Condition {
    /// Its atoms, from left to right. Atoms of another table, inside a [`Selection`], are not among them.
    #[must_use]
    pub fn atoms(&self) -> Vec<&Atom> {
        match self {
            Self::Atom(atom) => vec![atom],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::atoms).collect(),
            Self::Never => Vec::new(),
        }
    }
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
