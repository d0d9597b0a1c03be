//! The error that a client sees, with its SQLSTATE.
//!
//! Owns: the map from DataFusion's errors to SQLSTATE, and the walk from its wrappers to the root. Does not own: failures of
//! sources; whoever has them gives them to DataFusion as an [`Error`].
//! Invariant: an error of ours comes back from DataFusion unchanged. Start at `describe`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::error::ArrowError;
use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;

use crate::functions::unknown::is_postgresqls;
use crate::syntax::duplicate_names::{unmarked, unmarked_text};

/// An SQL error: everything that PostgreSQL's ErrorResponse carries.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Five-character SQLSTATE.
    pub sqlstate: &'static str,
    /// One phrase, with source and table where they are known.
    pub message: String,
    /// More of the facts.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Character of the statement where it is wrong, from 1.
    pub position: Option<usize>,
    /// Underlying cause, for the log.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// SQLSTATEs that are raised in more than one place.
pub mod sqlstate {
    /// `syntax_error`
    pub const SYNTAX: &str = "42601";
    /// `undefined_column`
    pub const UNDEFINED_COLUMN: &str = "42703";
    /// `undefined_table`
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// `undefined_function`
    pub const UNDEFINED_FUNCTION: &str = "42883";
    /// `ambiguous_column`
    pub const AMBIGUOUS_COLUMN: &str = "42702";
    /// `insufficient_privilege`
    pub const NOT_ALLOWED: &str = "42501";
    /// `feature_not_supported`
    pub const NOT_SUPPORTED: &str = "0A000";
    /// `query_canceled`
    pub const CANCELLED: &str = "57014";
    /// `invalid_authorization_specification`
    pub const BAD_IDENTITY: &str = "28000";
    /// `invalid_parameter_value`
    pub const BAD_SETTING: &str = "22023";
    /// `undefined_object`, which PostgreSQL uses for unknown settings
    pub const UNKNOWN_SETTING: &str = "42704";
    /// `configuration_limit_exceeded`
    pub const OVER_BUDGET: &str = "53400";
    /// `internal_error`
    pub const INTERNAL: &str = "XX000";
}

impl Error {
    /// Makes an error.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self {
            sqlstate,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            cause: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes the error of a cancelled statement.
    #[must_use]
    pub fn cancelled(reason: &str) -> Self {
        Self::new(
            sqlstate::CANCELLED,
            format!("canceling statement due to {reason}"),
        )
    }

    /// Reports a bug of ours: the cause goes to the log under an id that the client sees.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = format!(
            "{:x}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        tracing::error!(correlation_id = id, %cause, "internal error");
        Self::new(
            sqlstate::INTERNAL,
            format!("internal error (correlation id {id})"),
        )
        .with_hint("please report it with the server's log lines of this id")
    }
}

impl From<Error> for DataFusionError {
    /// Wraps the error so that it survives DataFusion.
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        let mapped = describe(&error);
        Self {
            cause: Some(Box::new(error)),
            ..mapped
        }
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Self::from(DataFusionError::from(error))
    }
}

/// Walks DataFusion's wrappers to the error that matters.
fn describe(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => describe(inner),
        DataFusionError::Shared(inner) => describe(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => describe(first),
            None => Error::internal("an empty collection of errors"),
        },
        DataFusionError::External(inner) => external(inner.as_ref()),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => external(inner.as_ref()),
            ArrowError::DivideByZero => Error::new("22012", "division by zero"),
            other => from_arrow(other),
        },
        DataFusionError::SQL(parser, _) => syntax_error(parser),
        DataFusionError::SchemaError(schema, _) => from_schema(schema),
        DataFusionError::NotImplemented(message) => Error::new(sqlstate::NOT_SUPPORTED, message.clone()),
        DataFusionError::Plan(message) => from_plan(message),
        DataFusionError::Execution(message)
            if message.contains("Scalar subquery returned more than one row") =>
        {
            Error::new(
                "21000",
                "more than one row returned by a subquery used as an expression",
            )
        }
        DataFusionError::Execution(message) => Error::new("22000", message.clone()),
        DataFusionError::ResourcesExhausted(message) => Error::new("53200", message.clone())
            .with_hint("narrow the query; sorts, joins and groupings run in the server's memory"),
        DataFusionError::Configuration(message) => Error::new(sqlstate::BAD_SETTING, message.clone()),
        other => Error::internal(other),
    }
}

fn external(inner: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    if let Some(error) = inner.downcast_ref::<DataFusionError>() {
        return describe(error);
    }
    if let Some(error) = inner.downcast_ref::<Arc<DataFusionError>>() {
        return describe(error);
    }
    if let Some(error) = inner.downcast_ref::<Error>() {
        return Error {
            sqlstate: error.sqlstate,
            message: error.message.clone(),
            detail: error.detail.clone(),
            hint: error.hint.clone(),
            position: error.position,
            cause: None,
        };
    }
    Error::internal(inner)
}

fn from_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::CastError(message) => Error::new("22P02", message.clone()),
        ArrowError::ParseError(message) => Error::new("22P02", message.clone()),
        ArrowError::ArithmeticOverflow(message) => Error::new("22003", message.clone()),
        ArrowError::ComputeError(message) | ArrowError::InvalidArgumentError(message) => {
            Error::new("22000", message.clone())
        }
        ArrowError::NotYetImplemented(message) => Error::new(sqlstate::NOT_SUPPORTED, message.clone()),
        other => Error::internal(other),
    }
}

/// Maps a parser's complaint to 42601; its text ends in the place where the parser knows it.
#[must_use]
pub fn syntax_error(error: &ParserError) -> Error {
    let message = match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message.clone(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    };
    Error::new(sqlstate::SYNTAX, in_postgresqls_words(&message))
}

/// What PostgreSQL says of the same mistake. The place at the end stays.
fn in_postgresqls_words(message: &str) -> String {
    let (said, place) = match message.rfind(" at Line: ") {
        Some(at) => message.split_at(at),
        None => (message, ""),
    };
    let unterminated = [
        ("Unterminated string literal", "unterminated quoted string"),
        (
            "Unterminated encoded string literal",
            "unterminated quoted string",
        ),
        ("Unterminated dollar-quoted", "unterminated dollar-quoted string"),
        ("Expected close delimiter", "unterminated quoted identifier"),
        (
            "Unexpected EOF while in a multi-line comment",
            "unterminated /* comment",
        ),
    ];
    let words = if said.starts_with("trailing junk") {
        said.to_owned()
    } else if let Some((_, found)) = said.rsplit_once(", found: ") {
        match found {
            "EOF" => "syntax error at end of input".to_owned(),
            found => format!("syntax error at or near \"{found}\""),
        }
    } else if let Some((_, words)) = unterminated.iter().find(|(known, _)| said.starts_with(known)) {
        (*words).to_owned()
    } else {
        format!("syntax error: {said}")
    };
    words + place
}

fn from_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            if let Some(relation) = &field.relation {
                let mut known = valid_fields.iter().filter_map(|field| field.relation.as_ref());
                if !known.any(|known| known.table() == relation.table()) {
                    let message = format!("missing FROM-clause entry for table \"{}\"", relation.table());
                    return Error::new(sqlstate::UNDEFINED_TABLE, message);
                }
            }
            let wanted = field.name.as_str();
            let repeats = |known: &Column| known.name != wanted && unmarked(&known.name) == wanted;
            if valid_fields.iter().any(repeats) {
                return ambiguous(field);
            }
            let mut mapped = Error::new(
                sqlstate::UNDEFINED_COLUMN,
                format!("column \"{}\" does not exist", field.flat_name()),
            );
            let candidates = valid_fields.iter().map(|candidate| candidate.name.as_str());
            mapped.hint = nearest(wanted, candidates).map(|name| format!("did you mean \"{name}\"?"));
            mapped
        }
        SchemaError::AmbiguousReference { field } => ambiguous(field),
        SchemaError::DuplicateQualifiedField { qualifier, .. } => Error::new(
            "42712",
            format!("table name \"{}\" specified more than once", qualifier.table()),
        ),
        other => Error::new("42701", other.to_string()),
    }
}

fn ambiguous(field: &Column) -> Error {
    let name = unmarked(&field.name);
    Error::new(
        sqlstate::AMBIGUOUS_COLUMN,
        format!("column reference \"{name}\" is ambiguous"),
    )
}

fn from_plan(message: &str) -> Error {
    let said = |words: &str| message.contains(words);
    // DataFusion gives planning errors no code; these texts are pinned by tests.
    let code = if said("table '") && said("not found") {
        sqlstate::UNDEFINED_TABLE
    } else if let Some(name) = message.strip_prefix("Invalid function '") {
        let name = name.split('\'').next().unwrap_or_default();
        return match is_postgresqls(name) {
            true => Error::new(
                sqlstate::NOT_SUPPORTED,
                format!("the function {name} is not supported"),
            ),
            false => Error::new(
                sqlstate::UNDEFINED_FUNCTION,
                format!("function {name} does not exist"),
            ),
        };
    } else if said("No function matches") {
        sqlstate::UNDEFINED_FUNCTION
    } else if said("is read-only") {
        "25006"
    } else if said("must appear in the GROUP BY clause") || said("Aggregate functions are not allowed") {
        "42803"
    } else if said("different number of columns") || said("Inconsistent data length") {
        sqlstate::SYNTAX
    } else if said("Order by column out of bounds")
        || said("For SELECT DISTINCT")
        || said("SELECT DISTINCT ON expressions")
    {
        "42P10"
    } else if said("LIMIT must be >= 0") {
        "2201W"
    } else if said("OFFSET must be >=0") {
        "2201X"
    } else if said("Too many columns! The subquery")
        || said("Invalid escape character")
        || said("Unsupported Value")
    {
        sqlstate::NOT_SUPPORTED
    } else if said("require unique expression names") {
        return Error::new(
            sqlstate::NOT_SUPPORTED,
            "two columns of a subquery have the same name",
        )
        .with_hint("give them different names with AS");
    } else {
        "42804"
    };
    Error::new(code, unmarked_text(message.lines().next().unwrap_or_default()))
}

/// Maps what planning reports about a plan that was already typed: the plan cannot be run, the statement is not wrong.
#[must_use]
pub fn unplannable(error: DataFusionError) -> Error {
    let root = error.find_root();
    let words = root.to_string();
    let is_subquery = [
        "Correlated scalar subquery",
        "does not support logical expression",
    ]
    .iter()
    .any(|known| words.contains(known));
    if is_subquery {
        let message = "a subquery refers to the outer query in a way that is not supported";
        return Error::new(sqlstate::NOT_SUPPORTED, message).with_hint(
            "let it compare with the outer query by = in its WHERE, or write it as a join with a grouped subquery",
        );
    }
    let is_ours = matches!(root, DataFusionError::External(_));
    let mapped = Error::from(error);
    if is_ours
        || !matches!(
            mapped.sqlstate,
            sqlstate::UNDEFINED_COLUMN | sqlstate::UNDEFINED_TABLE | sqlstate::INTERNAL | "42701"
        )
    {
        return mapped;
    }
    Error {
        cause: mapped.cause,
        ..Error::new(sqlstate::NOT_SUPPORTED, "this query cannot be planned")
            .with_hint("rewrite correlated subqueries and LATERAL as joins")
    }
}

/// The candidate that `wanted` is probably a misspelling of.
fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(wanted, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
