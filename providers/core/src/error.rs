//! The one error type of sources.
//!
//! Owns: what the engine may do about a failure ([`Kind`]) and what a person reads. Does not own: SQLSTATEs; the engine maps them.
//! Invariant: a message holds no secret and no query string.

use std::sync::Arc;
use std::time::Duration;

/// What the engine may do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The host can't be reached at all.
    Unreachable,
    /// The remote system refused the credential.
    SignIn,
    /// Too many calls for now; a later retry can help.
    Throttled,
    /// The remote system's quota is used up; retrying today does not help.
    QuotaExhausted,
    /// A passing fault (5xx, cut connection, damaged page); the same request may be tried again.
    Transient,
    /// A server-side cursor no longer exists; the scan may start over if nothing was emitted.
    CursorLost,
    /// The remote system refuses this query (a flag that lied, too many groups). The source remembers the cause, so that
    /// planning again asks for less.
    Refused,
    /// The remote account may not read this.
    Forbidden,
    /// The table does not exist, or is hidden from this identity.
    UnknownTable,
    /// The column does not exist, or is hidden from this identity.
    UnknownColumn,
    /// A remote value does not parse as its column's type.
    BadValue,
    /// A scan can't be shown to be complete.
    Incomplete,
    /// The query's budget of API calls is spent, or the rest of the source's quota is kept in reserve.
    Budget,
    /// A name or literal can't be written safely in the remote language.
    Malformed,
    /// The remote system took longer than allowed.
    Timeout,
    /// The configuration is wrong.
    Config,
    /// Any other failure that the remote system reported.
    Remote,
    /// Our bug.
    Internal,
}

impl Kind {
    /// Whether the same request may succeed when it is sent again soon.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled)
    }
}

/// A failure of a remote source. Clones share the cause: one failed call may end several queries.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct Error {
    /// Configured name of the source, for example `crm`.
    pub origin: Arc<str>,
    /// Table that was read, where one is known.
    pub table: Option<Arc<str>>,
    /// What the engine may do about it.
    pub kind: Kind,
    /// One lower-case phrase, no trailing stop, no secret.
    pub message: String,
    /// Earliest time a retry can help, from `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Underlying cause, logged and never sent to a client.
    #[source]
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error of `kind` for the source `origin`.
    pub fn new(origin: &Arc<str>, kind: Kind, message: impl Into<String>) -> Self {
        Self {
            origin: Arc::clone(origin),
            table: None,
            kind,
            message: message.into(),
            retry_after: None,
            cause: None,
        }
    }

    /// Names the table that was read.
    #[must_use]
    pub fn with_table(mut self, table: &str) -> Self {
        self.table = Some(table.into());
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Says when a retry can help.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}
