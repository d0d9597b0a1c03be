//! The errors of sources, with their SQLSTATE.
//!
//! Owns: the one function from a source's [`Kind`] to SQLSTATE. Does not own: DataFusion's errors; see [`causeway_postgres::Error`].
//! Invariant: a source's failure enters DataFusion as an [`Error`] whose cause it is, so that its kind can still be found.

use causeway_core::Kind;
use datafusion::common::DataFusionError;

pub use causeway_postgres::{Error, sqlstate};
pub(crate) use causeway_postgres::{syntax_error, unplannable};

/// The one map from a source's failure to SQLSTATE.
fn sqlstate_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Unreachable | Kind::SignIn => "HV00N",
        Kind::Throttled
        | Kind::QuotaExhausted
        | Kind::Transient
        | Kind::CursorLost
        | Kind::Refused
        | Kind::Timeout
        | Kind::Config
        | Kind::Incomplete
        | Kind::Remote => "HV000",
        Kind::Forbidden => sqlstate::NOT_ALLOWED,
        Kind::UnknownTable => sqlstate::UNDEFINED_TABLE,
        Kind::UnknownColumn => sqlstate::UNDEFINED_COLUMN,
        Kind::BadValue => "22P02",
        Kind::Budget => sqlstate::OVER_BUDGET,
        Kind::Malformed => sqlstate::NOT_SUPPORTED,
        Kind::Internal => sqlstate::INTERNAL,
    }
}

/// A source's failure as the client sees it. It keeps the failure as its cause.
pub(crate) fn from_source(error: causeway_core::Error) -> Error {
    let mut mapped = described(&error);
    mapped.cause = Some(Box::new(error));
    mapped
}

fn described(error: &causeway_core::Error) -> Error {
    if let Some(cause) = &error.cause {
        tracing::debug!(source = %error.origin, message = error.message, %cause, "a source failed");
    }
    if error.kind == Kind::Internal {
        return Error::internal(error);
    }
    let place = match &error.table {
        Some(table) => format!("{}.{table}", error.origin),
        None => error.origin.to_string(),
    };
    let mut mapped = Error::new(sqlstate_of(error.kind), format!("{place}: {}", error.message));
    mapped.hint = match error.kind {
        Kind::Unreachable => Some("run 'causeway check' to test the sources"),
        Kind::SignIn => Some("check the source's auth section; 'causeway check' signs in to every source"),
        Kind::Throttled => Some("the remote system limits calls; try again later or narrow the query"),
        Kind::QuotaExhausted => Some("the remote system's daily quota of api calls is used up"),
        Kind::Timeout => Some("narrow the query, or raise timeout_seconds of the source"),
        _ => None,
    }
    .map(str::to_owned);
    mapped
}

/// Wraps our error so that it survives DataFusion.
pub(crate) fn into_datafusion(error: Error) -> DataFusionError {
    DataFusionError::from(error)
}

/// Wraps a source's error so that it survives DataFusion.
pub(crate) fn source_error(error: causeway_core::Error) -> DataFusionError {
    into_datafusion(from_source(error))
}

/// The kind of the source's failure behind an error that came back from DataFusion, where it is one.
pub(crate) fn source_kind(error: &Error) -> Option<Kind> {
    let cause = error.cause.as_deref()?;
    cause
        .downcast_ref::<causeway_core::Error>()
        .map(|error| error.kind)
}
