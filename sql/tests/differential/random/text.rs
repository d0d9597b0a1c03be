//! SQL text with constants in it, each of which is written into the text or passed as a parameter.
//!
//! Owns: how literals are written for both sides, numbering of parameters, and the tree of a condition, which can be shrunk.

use causeway_sql::ScalarValue;
use tokio_postgres::types::Type;

/// A constant.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    /// As SQL writes it, valid in any context of its type.
    pub(crate) sql: String,
    /// Its value and type, where it may be a parameter.
    pub(crate) parameter: Option<(ScalarValue, Type)>,
}

/// A stretch of SQL.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Constant(Constant),
    /// A constant that is passed as a parameter.
    Parameter(Constant),
}

/// SQL in pieces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql(pub(crate) Vec<Piece>);

impl Sql {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    pub(crate) fn and_text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    pub(crate) fn and(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }
}

/// A condition, as a tree that can be cut.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Atom(Sql),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// The condition as SQL, in parentheses where it needs them.
    pub(crate) fn sql(&self) -> Sql {
        let joined = |parts: &[Self], word: &str| {
            let mut sql = Sql::text("(");
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    sql = sql.and_text(word);
                }
                sql = sql.and(part.sql());
            }
            sql.and_text(")")
        };
        match self {
            Self::Atom(sql) => sql.clone(),
            Self::And(parts) => joined(parts, " AND "),
            Self::Or(parts) => joined(parts, " OR "),
            Self::Not(inner) => Sql::text("NOT (").and(inner.sql()).and_text(")"),
        }
    }

    /// Smaller conditions: its parts, itself without a part, and itself with a smaller part.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let lists = |parts: &[Self], make: fn(Vec<Self>) -> Self| {
            let mut found = parts.to_vec();
            if parts.len() > 2 {
                found.extend((0..parts.len()).map(|without| {
                    let mut rest = parts.to_vec();
                    rest.remove(without);
                    make(rest)
                }));
            }
            for (at, part) in parts.iter().enumerate() {
                found.extend(part.smaller().into_iter().map(|smaller| {
                    let mut changed = parts.to_vec();
                    changed[at] = smaller;
                    make(changed)
                }));
            }
            found
        };
        match self {
            Self::Atom(_) => Vec::new(),
            Self::And(parts) => lists(parts, Self::And),
            Self::Or(parts) => lists(parts, Self::Or),
            Self::Not(inner) => {
                let mut found = vec![inner.as_ref().clone()];
                found.extend(
                    inner
                        .smaller()
                        .into_iter()
                        .map(|smaller| Self::Not(Box::new(smaller))),
                );
                found
            }
        }
    }
}

/// A statement as both sides take it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rendered {
    pub(crate) sql: String,
    pub(crate) values: Vec<ScalarValue>,
    /// Types and values as SQL writes them.
    pub(crate) postgres: Vec<(Type, String)>,
}

/// Puts the pieces together and numbers the parameters.
pub(crate) fn render(sql: &Sql) -> Rendered {
    let mut rendered = Rendered::default();
    for piece in &sql.0 {
        match piece {
            Piece::Text(text) => rendered.sql.push_str(text),
            Piece::Constant(constant) => rendered.sql.push_str(&constant.sql),
            Piece::Parameter(constant) => match &constant.parameter {
                Some((value, ty)) => {
                    rendered.values.push(value.clone());
                    rendered.postgres.push((ty.clone(), constant.sql.clone()));
                    rendered.sql.push_str(&format!("${}", rendered.values.len()));
                }
                None => rendered.sql.push_str(&constant.sql),
            },
        }
    }
    rendered
}
