//! Errors and notices as PostgreSQL's clients expect them.

use causeway_sql::Error;
use pgwire::error::ErrorInfo;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

/// SQLSTATEs that only the server raises.
pub(super) mod sqlstate {
    pub(crate) const PROTOCOL: &str = "08P01";
    pub(crate) const FAILED_TRANSACTION: &str = "25P02";
    pub(crate) const NO_TRANSACTION: &str = "25P01";
    pub(crate) const ACTIVE_TRANSACTION: &str = "25001";
    pub(crate) const NO_STATEMENT: &str = "26000";
    pub(crate) const DUPLICATE_STATEMENT: &str = "42P05";
    pub(crate) const NO_PORTAL: &str = "34000";
    pub(crate) const DUPLICATE_PORTAL: &str = "42P03";
    pub(crate) const NO_ENCRYPTION: &str = "28000";
    pub(crate) const WRONG_PASSWORD: &str = "28P01";
    pub(crate) const NO_DATABASE: &str = "3D000";
    pub(crate) const TOO_MANY_CONNECTIONS: &str = "53300";
    pub(crate) const SHUTDOWN: &str = "57P01";
    pub(crate) const BAD_TEXT: &str = "22P02";
    pub(crate) const BAD_BINARY: &str = "22P03";
    pub(crate) const BAD_DATETIME: &str = "22008";
    pub(crate) const OUT_OF_RANGE: &str = "22003";
}

fn info(severity: &str, error: &Error) -> ErrorInfo {
    let mut info = ErrorInfo::new(
        severity.to_owned(),
        error.sqlstate.to_owned(),
        // A NUL would end the field early.
        error.message.replace('\0', " "),
    );
    info.severity_nonlocalized = Some(severity.to_owned());
    info.detail = error.detail.as_ref().map(|text| text.replace('\0', " "));
    info.hint = error.hint.as_ref().map(|text| text.replace('\0', " "));
    info.position = error.position.map(|position| position.to_string());
    info
}

/// A statement failed; the connection goes on.
pub(super) fn error_response(error: &Error) -> PgWireBackendMessage {
    PgWireBackendMessage::ErrorResponse(ErrorResponse::from(info("ERROR", error)))
}

/// The connection ends.
pub(super) fn fatal_response(error: &Error) -> PgWireBackendMessage {
    PgWireBackendMessage::ErrorResponse(ErrorResponse::from(info("FATAL", error)))
}

/// The client should know, and nothing failed.
pub(super) fn warning(sqlstate: &'static str, message: impl Into<String>) -> PgWireBackendMessage {
    let error = Error::new(sqlstate, message);
    PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info("WARNING", &error)))
}

/// What idle clients get on shutdown.
pub(super) fn shutting_down() -> Error {
    Error::new(
        sqlstate::SHUTDOWN,
        "terminating connection because the server is shutting down",
    )
}
