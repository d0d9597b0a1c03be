//! Sends reads to one remote system, and identical reads once.
//!
//! Owns: the way of a read from the query to the socket. Does not own: its parts; each has a file beside this one.
//! Invariant: a read is answered to the identity that its call was made as. What one query may spend never decides over another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::BackoffBuilder as _;
use governor::DefaultDirectRateLimiter;

use super::latency::Latencies;
use super::queue::Queue;
use super::quota::{Admission, Quota, Usage};
use super::single_flight::{Role, SingleFlight};
use super::{
    AuthConfig, Authenticator, Classify, Method, OAuthStyle, Request, Response, Token, TransportLimits,
    checked_origin, network_error,
};
use crate::{Answered, Error, ExchangeRecord, Kind, Ledger, Load, QueryContext};

/// Sends reads to one remote system.
#[derive(Debug)]
pub struct Transport {
    origin: Arc<str>,
    http: reqwest::Client,
    base: String,
    authenticator: Authenticator,
    classify: Box<dyn Classify>,
    single_flight: SingleFlight<ReadKey, Ended>,
    queue: Arc<Queue>,
    quota: Arc<Quota>,
    latencies: Latencies,
    rate: Option<DefaultDirectRateLimiter>,
    timeout: Duration,
    ledger: Ledger,
}

/// What makes two reads one: the person, the remote user and everything that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ReadKey {
    user: String,
    subject: Option<String>,
    method: Method,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

/// How a read ended.
#[derive(Debug, Clone)]
struct Ended {
    outcome: Result<Response, Error>,
    /// Status of the last attempt; 0 when nobody answered.
    status: u16,
    /// Whether only what this query may spend ended it, so that another query may get further.
    is_own_limit: bool,
}

impl Transport {
    /// Times that one read is sent again after a passing fault.
    const RETRIES: usize = 3;

    /// Longest `Retry-After` that a query waits for.
    const LONGEST_WAIT: Duration = Duration::from_secs(30);

    /// Makes the transport to `base`, an origin such as `https://acme.example.com`.
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
        let quota = Quota::new(limits.reserve);
        let mut authenticator =
            Authenticator::try_new(origin, http.clone(), &base, auth, style, ledger.clone())?;
        authenticator.count_in(&quota);
        Ok(Self {
            origin: Arc::clone(origin),
            http,
            base,
            authenticator,
            classify,
            single_flight: SingleFlight::default(),
            queue: Queue::new(limits.concurrent_calls),
            quota,
            latencies: Latencies::default(),
            rate: limits
                .calls_per_second
                .map(|calls| DefaultDirectRateLimiter::direct(governor::Quota::per_second(calls))),
            timeout: limits.timeout,
            ledger,
        })
    }

    /// Origin that calls go to.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What runs, what waits, and how long calls took.
    #[must_use]
    pub fn load(&self) -> Load {
        let (running, waiting) = self.queue.load();
        Load {
            running,
            waiting,
            sharing: self.single_flight.followers(),
            latency: self.latencies.percentiles(),
        }
    }

    /// The remote system's count of calls, by its last answer and our calls since then; `None` while it has told none.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.quota.usage()
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
    /// A read that an identical one of the same identity is making at the moment waits for that one's answer, and spends no call.
    /// Retries passing faults with growing, jittered waits, honours `Retry-After`, and signs in again once on an expired session.
    /// Cancel: dropping the future ends the call, or leaves it to one of those who wait for it.
    ///
    /// # Errors
    /// What the source's [`Classify`] makes of the answer, [`Kind::Unreachable`], [`Kind::Timeout`], or [`Kind::Budget`] when the query
    /// has spent its calls or the rest of the source's quota is kept in reserve.
    pub async fn send(&self, context: &QueryContext, request: &Request) -> Result<Response, Error> {
        let key = self.read_key(context, request)?;
        let record = self.record(context, request, Answered::Shared);
        let started = Instant::now();
        loop {
            match self.single_flight.join(&key) {
                Role::Leader(leader) => {
                    let ended = self.call(context, request).await;
                    if !ended.is_own_limit {
                        leader.finish(ended.clone());
                    }
                    return ended.outcome;
                }
                Role::Follower(follower) => {
                    if let Some(ended) = follower.outcome().await {
                        let exchange = self.ledger.begin(record);
                        exchange.finish(ended.status, 0, started.elapsed());
                        return ended.outcome.map(|response| Response { exchange, ..response });
                    }
                }
            }
        }
    }

    fn read_key(&self, context: &QueryContext, request: &Request) -> Result<ReadKey, Error> {
        Ok(ReadKey {
            user: context.principal.user.clone(),
            subject: self.authenticator.subject(context)?,
            method: request.method,
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        })
    }

    fn record(&self, context: &QueryContext, request: &Request, answered: Answered) -> ExchangeRecord {
        ExchangeRecord {
            query_id: context.query_id,
            user: context.principal.user.clone(),
            source: Arc::clone(&self.origin),
            method: request.method.name(),
            resource: request.resource.clone(),
            remote_query: request.remote_query.clone(),
            started: chrono::Utc::now(),
            answered,
        }
    }

    /// Makes the call, again and again while that may help.
    async fn call(&self, context: &QueryContext, request: &Request) -> Ended {
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(Self::RETRIES)
            .with_jitter()
            .build();
        let (mut refreshed, mut attempt) = (false, 0);
        loop {
            let status;
            let error = match self.attempt(context, request, attempt, &mut refreshed).await {
                Ok(response) => {
                    status = response.status;
                    match self.classify.classify(&self.origin, &response) {
                        Ok(()) => return Ended::new(Ok(response), status),
                        Err(error) => error,
                    }
                }
                Err(error) => {
                    status = 0;
                    error
                }
            };
            let may_help = error.kind.is_transient() || error.kind == Kind::Unreachable;
            let wait = waits.next().map(|wait| error.retry_after.unwrap_or(wait));
            let wait = wait.filter(|wait| may_help && *wait <= Self::LONGEST_WAIT);
            let Some(wait) = wait else {
                return Ended::new(Err(error), status);
            };
            if !context.spend_retry() {
                return Ended {
                    is_own_limit: true,
                    ..Ended::new(Err(error), status)
                };
            }
            attempt += 1;
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(source = %self.origin, attempt, wait_ms, %error, "sending a read again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes the call once; a session that has expired is renewed, once for all attempts.
    async fn attempt(
        &self,
        context: &QueryContext,
        request: &Request,
        attempt: u32,
        refreshed: &mut bool,
    ) -> Result<Response, Error> {
        loop {
            // Before signing in, which counts as a call too.
            let mut admission = self.quota.admit(&self.origin, request.quota_calls).await?;
            let token = self.authenticator.token(context).await?;
            let response = self
                .exchange(context, (request, attempt), &token, &mut admission)
                .await?;
            if let Some(usage) = self.classify.usage(&response) {
                admission.report(usage, Instant::now());
            }
            if *refreshed || !self.classify.is_expired_session(&response) {
                return Ok(response);
            }
            *refreshed = true;
            self.authenticator.invalidate(context, &token).await;
        }
    }

    async fn exchange(
        &self,
        context: &QueryContext,
        (request, attempt): (&Request, u32),
        token: &Token,
        admission: &mut Admission,
    ) -> Result<Response, Error> {
        let _permit = self.queue.acquire(context.query_id).await;
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        context.spend_call(&self.origin)?;
        admission.send();
        let exchange = self.ledger.begin(self.record(context, request, Answered::Remote));
        exchange.set_retries(attempt);
        let started = Instant::now();
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                self.latencies.note(started.elapsed());
            }
            network_error(&self.origin, error)
        };
        let answer = self.builder(request, token).send().await.map_err(failed)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| {
            exchange.finish(status, 0, started.elapsed());
            failed(error)
        })?;
        exchange.finish(status, body.len() as u64, started.elapsed());
        self.latencies.note(started.elapsed());
        Ok(Response {
            status,
            body,
            exchange,
            headers: Arc::new(headers),
        })
    }

    fn builder(&self, request: &Request, token: &Token) -> reqwest::RequestBuilder {
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
        match &request.body {
            Some(body) => builder
                .header("content-type", "application/json")
                .body(body.clone()),
            None => builder,
        }
    }
}

impl Ended {
    fn new(outcome: Result<Response, Error>, status: u16) -> Self {
        let is_own_limit = outcome.as_ref().is_err_and(|error| error.kind == Kind::Budget);
        Self {
            outcome,
            status,
            is_own_limit,
        }
    }
}
