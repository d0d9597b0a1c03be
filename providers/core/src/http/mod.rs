//! Transport to a remote system: one request, made safely.
//!
//! Owns: sign-in, the order auth ▸ limiter ▸ retry ▸ ledger, and everything of reqwest. Does not own: what a status means, which
//! each source says in its [`Classify`]. Invariant: credentials go only to the configured host, and never into a log or error.

mod auth;
mod oauth;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::BackoffBuilder as _;
use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::Semaphore;

use crate::{Error, Exchange, ExchangeRecord, Kind, Ledger, QueryContext, QueryText};
pub use auth::{Authenticator, Token};
pub use oauth::{AuthConfig, JwtStyle, OAuthStyle};

/// HTTP method of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// Says which remote query this is.
    #[must_use]
    pub fn with_remote_query(mut self, query: impl Into<QueryText>) -> Self {
        self.remote_query = Some(query.into());
        self
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body, decompressed.
    pub body: Bytes,
    /// The ledger's record of the call.
    pub exchange: Arc<Exchange>,
    headers: reqwest::header::HeaderMap,
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
}

/// Sends reads to one remote system.
#[derive(Debug)]
pub struct Transport {
    origin: Arc<str>,
    http: reqwest::Client,
    base: String,
    authenticator: Authenticator,
    classify: Box<dyn Classify>,
    permits: Semaphore,
    rate: Option<DefaultDirectRateLimiter>,
    timeout: Duration,
    ledger: Ledger,
}

impl Transport {
    /// Times that one read is sent again after a passing fault.
    const RETRIES: usize = 3;

    /// Makes the transport to `base`, an origin such as `https://acme.my.salesforce.com`.
    ///
    /// # Errors
    /// [`Kind::Config`] when the address is unusable: plain http anywhere but on loopback is refused.
    pub fn try_new(
        origin: &Arc<str>,
        base: &str,
        authentication: (AuthConfig, OAuthStyle),
        classify: Box<dyn Classify>,
        limits: TransportLimits,
        ledger: Ledger,
    ) -> Result<Self, Error> {
        let base = checked_origin(base).map_err(|message| Error::new(origin, Kind::Config, message))?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(origin, Kind::Config, "cannot set up tls").with_cause(error))?;
        let (auth, style) = authentication;
        let authenticator = Authenticator::try_new(origin, http.clone(), &base, auth, style, ledger.clone())?;
        Ok(Self {
            origin: Arc::clone(origin),
            http,
            base,
            authenticator,
            classify,
            permits: Semaphore::new(limits.concurrent_calls.max(1)),
            rate: limits
                .calls_per_second
                .map(|calls| DefaultDirectRateLimiter::direct(Quota::per_second(calls))),
            timeout: limits.timeout,
            ledger,
        })
    }

    /// Origin that calls go to.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Signs in, or checks that it is signed in.
    ///
    /// # Errors
    /// [`Kind::SignIn`] or [`Kind::Unreachable`].
    pub async fn sign_in(&self, context: &QueryContext) -> Result<(), Error> {
        self.authenticator.token(context).await.map(|_| ())
    }

    /// Sends a read and returns a usable answer.
    ///
    /// Retries passing faults with growing, jittered waits, honours `Retry-After`, and signs in again once on an expired session.
    /// Cancel: dropping the future ends the call.
    ///
    /// # Errors
    /// What the source's [`Classify`] makes of the answer, [`Kind::Unreachable`], [`Kind::Timeout`] or [`Kind::Budget`].
    pub async fn send(&self, context: &QueryContext, request: &Request) -> Result<Response, Error> {
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(Self::RETRIES)
            .with_jitter()
            .build();
        let mut refreshed = false;
        let mut attempt = 0;
        loop {
            let token = self.authenticator.token(context).await?;
            let outcome = self.exchange(context, request, &token, attempt).await;
            let error = match outcome {
                Ok(response) if self.classify.is_expired_session(&response) && !refreshed => {
                    refreshed = true;
                    self.authenticator.invalidate(context, &token).await;
                    continue;
                }
                Ok(response) => match self.classify.classify(&self.origin, &response) {
                    Ok(()) => return Ok(response),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let may_retry = error.kind.is_transient() || error.kind == Kind::Unreachable;
            match waits.next() {
                Some(wait) if may_retry && context.spend_retry() => {
                    attempt += 1;
                    let wait = error.retry_after.unwrap_or(wait);
                    if wait > Self::LONGEST_WAIT {
                        return Err(error);
                    }
                    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(source = %self.origin, attempt, wait_ms, %error, "sending a read again");
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// Longest `Retry-After` that a query waits for.
    const LONGEST_WAIT: Duration = Duration::from_secs(30);

    async fn exchange(
        &self,
        context: &QueryContext,
        request: &Request,
        token: &Token,
        attempt: u32,
    ) -> Result<Response, Error> {
        let internal =
            |error| Error::new(&self.origin, Kind::Internal, "the call limiter is closed").with_cause(error);
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| internal(Box::new(error)))?;
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        context.spend_call(&self.origin)?;
        let exchange = self.ledger.begin(ExchangeRecord {
            query_id: context.query_id,
            user: context.principal.user.clone(),
            source: Arc::clone(&self.origin),
            method: request.method.name(),
            resource: request.resource.clone(),
            remote_query: request.remote_query.clone(),
            started: chrono::Utc::now(),
        });
        exchange.set_retries(attempt);
        let started = Instant::now();
        let base = token.instance_url.as_deref().unwrap_or(&self.base);
        let url = format!("{base}{}", request.target);
        let mut builder = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
        };
        builder = token
            .apply(builder.timeout(self.timeout))
            .header("accept", "application/json");
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header("content-type", "application/json")
                .body(body.clone());
        }
        let answer = builder
            .send()
            .await
            .map_err(|error| network_error(&self.origin, error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| {
            exchange.finish(status, 0, started.elapsed());
            network_error(&self.origin, error)
        })?;
        exchange.finish(status, body.len() as u64, started.elapsed());
        Ok(Response {
            status,
            body,
            exchange,
            headers,
        })
    }
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
