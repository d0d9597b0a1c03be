//! Transport to a remote system: one request, made safely.
//!
//! Owns: sign-in, the order sharing ▸ auth ▸ limiter ▸ retry ▸ ledger, and everything of reqwest.
//! Does not own: what a status means; each source says that in its [`Classify`].
//! Invariant: credentials go to the configured host only, and never into a log or an error. Start at [`Transport`].

mod auth;
mod latency;
mod oauth;
mod queue;
mod quota;
mod single_flight;
mod transport;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Error, Exchange, Kind, QueryText};
pub use auth::{Authenticator, Token};
pub use oauth::{AuthConfig, JwtStyle, OAuthStyle};
pub use quota::{Reserve, Usage};
pub use transport::Transport;

/// HTTP method of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`, for reads whose query is too long for a URL. Such reads are idempotent too.
    Post,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A read: idempotent, so it may be sent again.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path and query from the root of the host, percent-encoded.
    pub target: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// JSON body.
    pub body: Option<String>,
    /// What is asked for, for the ledger: a table, `describe opportunity`.
    pub resource: String,
    /// Remote query text, for the ledger.
    pub remote_query: Option<QueryText>,
    /// Calls that the remote system counts for it: more than one for some batches.
    pub quota_calls: u64,
}

impl Request {
    /// Makes a GET of `target` for `resource`.
    pub fn get(target: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            target: target.into(),
            headers: Vec::new(),
            body: None,
            resource: resource.into(),
            remote_query: None,
            quota_calls: 1,
        }
    }

    /// Makes a POST of a JSON body that reads `resource`.
    pub fn post(target: impl Into<String>, resource: impl Into<String>, body: String) -> Self {
        Self {
            method: Method::Post,
            body: Some(body),
            ..Self::get(target, resource)
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says that the remote system counts it as so many calls.
    #[must_use]
    pub fn with_quota_calls(mut self, calls: usize) -> Self {
        self.quota_calls = calls as u64;
        self
    }

    /// Says which remote query this is.
    #[must_use]
    pub fn with_remote_query(mut self, query: impl Into<QueryText>) -> Self {
        self.remote_query = Some(query.into());
        self
    }
}

/// A whole answer. Clones share what was received.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body, decompressed.
    pub body: Bytes,
    /// The ledger's record of the call.
    pub exchange: Arc<Exchange>,
    headers: Arc<reqwest::header::HeaderMap>,
}

impl Response {
    /// Value of a header, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The wait that `Retry-After` asks for: whole seconds; the date form is not used by these systems.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(
            self.header("retry-after")?.trim().parse().ok()?,
        ))
    }

    /// The start of the body as text, for messages.
    #[must_use]
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(self.body.get(..self.body.len().min(300)).unwrap_or_default());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What the statuses and error bodies of a remote system mean.
pub trait Classify: Send + Sync + std::fmt::Debug {
    /// `Ok` for a usable answer; the one place where a status or vendor code becomes a [`Kind`].
    ///
    /// # Errors
    /// The failure that the answer reports.
    fn classify(&self, origin: &Arc<str>, response: &Response) -> Result<(), Error>;

    /// What the answer tells of the calls used and allowed.
    fn usage(&self, response: &Response) -> Option<Usage> {
        let _ = response;
        None
    }

    /// Whether a fresh sign-in may cure this answer.
    fn is_expired_session(&self, response: &Response) -> bool {
        response.status == 401
    }
}

/// How a source may be called.
#[derive(Debug, Clone, Copy)]
pub struct TransportLimits {
    /// Calls at the same time, over all queries.
    pub concurrent_calls: usize,
    /// Calls a second, over all queries; `None` is no limit.
    pub calls_per_second: Option<NonZeroU32>,
    /// Longest time for one call.
    pub timeout: Duration,
    /// Share of the remote system's quota that is not touched.
    pub reserve: Option<Reserve>,
}

/// Maps a failure of the network, without the URL that reqwest would print.
fn network_error(origin: &Arc<str>, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (kind, message) = if error.is_timeout() {
        (Kind::Timeout, "the call took longer than allowed")
    } else if error.is_connect() {
        (Kind::Unreachable, "cannot connect; check the url and the network")
    } else {
        (Kind::Transient, "the connection broke during the call")
    };
    Error::new(origin, kind, message).with_cause(error)
}

/// The origin of a URL: scheme, host and port. Plain http is for loopback only.
pub(crate) fn checked_origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("url '{text}' is not valid: {error}"))?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return Err(format!("url '{text}' has no host")),
    };
    match url.scheme() {
        "https" => Ok(url.origin().ascii_serialization()),
        "http" if loopback => Ok(url.origin().ascii_serialization()),
        "http" => Err(format!(
            "url '{text}' is plain http; use https (http is for loopback only)"
        )),
        scheme => Err(format!("url '{text}' has the scheme '{scheme}'; use https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        assert_eq!(
            checked_origin("https://acme.my.salesforce.com/x?y"),
            Ok("https://acme.my.salesforce.com".to_owned())
        );
        assert_eq!(
            checked_origin("http://127.0.0.1:8080"),
            Ok("http://127.0.0.1:8080".to_owned())
        );
        assert!(checked_origin("http://acme.example").is_err_and(|reason| reason.contains("plain http")));
        assert!(checked_origin("ftp://acme.example").is_err());
        assert!(checked_origin("acme").is_err());
    }
}
