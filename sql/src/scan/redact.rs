//! What of a remote error may be shown where row policies hide records.
//!
//! Invariant: the whole error is logged, the person is told no value of a record.

use causeway_core::{Error, Kind};

/// A value that doesn't parse may belong to a record that the person must not see.
pub(crate) fn without_record(error: Error) -> Error {
    if error.kind != Kind::BadValue {
        return error;
    }
    tracing::warn!(source = %error.origin, message = error.message, "a remote value does not parse");
    let message = "a remote value does not parse; it is not shown because row policies restrict this table";
    Error {
        message: message.to_owned(),
        ..error
    }
}

/// What a remote system says of a request may repeat the keys that it was asked for.
pub(crate) fn without_keys(error: Error) -> Error {
    if matches!(error.kind, Kind::Budget | Kind::Unreachable | Kind::Internal) {
        return error;
    }
    tracing::warn!(source = %error.origin, message = error.message, "a request with keys of a join failed");
    let message =
        "a request with the keys of a join failed; why is not shown because row policies hide rows from you";
    Error {
        message: message.to_owned(),
        ..error
    }
}
