//! From sockets to APIs and back: routing, sign-in, faults, limits, compression, the request log.
//!
//! Owns: everything that is the same for all APIs. Does not own: any API's own behaviour.
//! Invariant: every request gets exactly one log entry, written before the answer's delay begins.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};

use super::auth::Tokens;
use super::credentials::User;
use super::data::Data;
use super::exchange::{Answer, Call};
use super::faults::Fault;
use super::filter::Session;
use super::query::Grammar;
use super::schema::Row;
use super::switches::{Semantics, Switches};
use super::table_api::{self, Context, Version};
use super::{batch, extras, stats};
use crate::log::{Entry, RequestLog};
use crate::{Gate, Options};

/// Longest URL that the front end takes.
const URL_BYTES: usize = 8_192;
const BODY_BYTES: usize = 10 * 1024 * 1024;
const HIBERNATING: &str = "<!DOCTYPE html><html><head><title>Instance Hibernating page</title></head>\
    <body><h1>Your instance is hibernating</h1><p>Sign in to the developer site to wake it.</p></body></html>";

/// What all requests share.
pub(super) struct State {
    pub(super) data: Data,
    pub(super) switches: Switches,
    pub(super) log: RequestLog,
    pub(super) gate: Gate,
    pub(super) options: Options,
    tokens: Mutex<Tokens>,
    /// Calls of each user since the hour began.
    rates: Mutex<HashMap<&'static str, (Instant, u32)>>,
}

impl State {
    pub(super) fn new(data: Data, switches: Switches, options: Options) -> Self {
        Self {
            data,
            switches,
            log: RequestLog::default(),
            gate: Gate::default(),
            options,
            tokens: Mutex::default(),
            rates: Mutex::default(),
        }
    }

    /// Answers a call, and says who made it and how much longer the answer is to take.
    fn respond(&self, call: &Call, url_bytes: usize) -> (Answer, Option<&'static User>, Duration) {
        let semantics = self.switches.current();
        if url_bytes > URL_BYTES {
            return (too_long(&semantics), None, Duration::ZERO);
        }
        if call.path == "/oauth_token.do" {
            return (self.sign_in(call, &semantics), None, Duration::ZERO);
        }
        if !call.path.starts_with("/api/") {
            return (
                Answer::html(404, "<html><body>Page not found</body></html>"),
                None,
                Duration::ZERO,
            );
        }
        let fault = self.switches.take_fault();
        let delay = match fault {
            Some(Fault::Slow(ms)) => Duration::from_millis(ms),
            _ => Duration::ZERO,
        } + self.options.latency;
        if fault == Some(Fault::ExpireTokens) {
            self.tokens
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .expire();
        }
        let Some(user) = self
            .tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .authenticate(call)
        else {
            return (Answer::unauthenticated(), None, delay);
        };
        if let Some(answer) = fault.and_then(failure) {
            return (answer, Some(user), delay);
        }
        let mut answer = self.limited(call, user, &semantics, fault);
        if fault == Some(Fault::CutJson) {
            answer.body.truncate(answer.body.len() * 2 / 3);
        }
        if call.parameter("x-sn-apikey").is_some() {
            answer
                .violation
                .get_or_insert_with(|| "credential in the URL".to_owned());
        }
        (answer, Some(user), delay)
    }

    fn sign_in(&self, call: &Call, semantics: &Semantics) -> Answer {
        if call.method != "POST" {
            return Answer::html(405, "<html><body>Method not allowed</body></html>");
        }
        let audience = format!("{}/oauth_token.do", call.base);
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.answer(call, semantics, &audience, self.options.seed)
    }

    /// Applies the rate limit rule, if one matches.
    fn limited(
        &self,
        call: &Call,
        user: &'static User,
        semantics: &Semantics,
        fault: Option<Fault>,
    ) -> Answer {
        let Some(rule) = semantics.rate_rule else {
            return self.serve(call, user, semantics, fault);
        };
        const HOUR: Duration = Duration::from_secs(3600);
        let (count, left) = {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            let (since, count) = rates.entry(user.user_name).or_insert((Instant::now(), 0));
            if since.elapsed() >= HOUR {
                (*since, *count) = (Instant::now(), 0);
            }
            *count += 1;
            (*count, HOUR.saturating_sub(since.elapsed()).as_secs())
        };
        let answer = if count > rule.requests_per_hour {
            Answer::error(
                429,
                "Rate limit exceeded",
                Some("The rate limit rule of this API was exceeded"),
            )
            .with("Retry-After", left.to_string())
        } else {
            self.serve(call, user, semantics, fault)
        };
        let reset = chrono::Utc::now().timestamp() + i64::try_from(left).unwrap_or_default();
        answer
            .with("X-RateLimit-Limit", rule.requests_per_hour.to_string())
            .with("X-RateLimit-Reset", reset.to_string())
            .with(
                "X-RateLimit-Rule",
                self.data.world.sys_id("sys_rate_limit_rules", 0),
            )
    }

    /// Answers a signed-in call, or one of a batch.
    fn serve(&self, call: &Call, user: &'static User, semantics: &Semantics, fault: Option<Fault>) -> Answer {
        let mut answer = self.route(call, user, semantics, fault);
        if answer.violation.is_none() {
            answer.violation = call.script(Grammar::new(semantics));
        }
        answer
    }

    /// Routes a signed-in call.
    fn route(&self, call: &Call, user: &'static User, semantics: &Semantics, fault: Option<Fault>) -> Answer {
        let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        let (version, rest) = match segments.as_slice() {
            ["api", "now", "v1", rest @ ..] => (Version::One, rest),
            ["api", "now", "v2", rest @ ..] | ["api", "now", rest @ ..] => (Version::Two, rest),
            _ => return Answer::no_such_path(),
        };
        if let ["batch"] = rest {
            if call.method != "POST" {
                return Answer::error(405, "Method not supported", None);
            }
            return batch::answer(call, semantics, fault, |inner, fault| {
                match inner.path.ends_with("/batch") {
                    true => Answer::no_such_path(),
                    false => self.serve(inner, user, semantics, fault),
                }
            });
        }
        if call.method != "GET" {
            return Answer::error(
                405,
                "Method not supported",
                Some("The practice instance is read-only"),
            );
        }
        if !accepts_json(call) {
            return Answer::error(
                406,
                "Requested representation is not supported",
                Some("Accept must allow application/json"),
            );
        }
        let session = self.session(user);
        let context = Context {
            data: &self.data,
            semantics,
            session: &session,
            call,
            fault,
        };
        match rest {
            ["table", table] => table_api::list(&context, table, version),
            ["table", table, key] => table_api::record(&context, table, key),
            ["stats", table] => stats::answer(&context, table),
            ["ui", "meta", table] => extras::meta(&context, table),
            ["doc", "table", "schema"] => extras::tables(&context),
            ["attachment"] => extras::attachments(&context),
            ["attachment", key] => extras::attachment(&context, key, false),
            ["attachment", key, "file"] => extras::attachment(&context, key, true),
            _ => Answer::no_such_path(),
        }
    }

    fn session(&self, user: &'static User) -> Session {
        let position = super::credentials::USERS
            .iter()
            .position(|known| known.user_name == user.user_name);
        let class = self.data.table("sys_user").unwrap_or_default();
        Session {
            user_name: user.user_name,
            sys_id: self.data.sys_id(Row::new(class, position.unwrap_or_default())),
            rights: user.rights,
        }
    }

    fn record(&self, call: &Call, answer: &Answer, user: Option<&User>, took: Duration) {
        let secret = |name: &str| name == "sysparm_query" || name.eq_ignore_ascii_case("x-sn-apikey");
        let parameters: Vec<String> = call
            .pairs
            .iter()
            .filter(|(name, _)| !secret(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.log.push(Entry {
            method: call.method.clone(),
            path: call.path.clone(),
            remote_query: answer
                .remote_query
                .clone()
                .or_else(|| call.parameter("sysparm_query").map(str::to_owned)),
            parameters: parameters.join("&"),
            status: answer.status,
            rows: answer.rows,
            bytes: answer.body.len(),
            milliseconds: took.as_secs_f64() * 1_000.0,
            user: user.map(|user| user.user_name.to_owned()),
            violation: answer
                .violation
                .clone()
                .or_else(|| call.script(Grammar::new(&self.switches.current()))),
        });
    }
}

fn accepts_json(call: &Call) -> bool {
    call.header("accept").is_none_or(|accept| {
        accept.is_empty()
            || ["application/json", "*/*", "application/*"]
                .iter()
                .any(|kind| accept.contains(kind))
    })
}

fn too_long(semantics: &Semantics) -> Answer {
    match semantics.long_url_status {
        400 => Answer::html(
            400,
            "<html><body><h1>HTTP Status 400</h1><p>Request header is too large</p></body></html>",
        ),
        status => Answer::html(
            status,
            "<html><head><title>414 Request-URI Too Large</title></head><body><center><h1>414 Request-URI Too Large</h1></center></body></html>",
        ),
    }
}

/// The answer of a fault that leaves no data.
fn failure(fault: Fault) -> Option<Answer> {
    let throttled = || Answer::error(429, "Too many requests", None);
    match fault {
        Fault::HtmlPage => Some(Answer::html(200, HIBERNATING)),
        Fault::AcceptedEmpty => Some(Answer {
            status: 202,
            ..Answer::default()
        }),
        Fault::ThrottledRetryAfter => Some(throttled().with("Retry-After", "1".to_owned())),
        Fault::Throttled => Some(throttled()),
        Fault::Unavailable => Some(Answer::html(
            503,
            "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>",
        )),
        _ => None,
    }
}

/// Serves one request.
pub(super) async fn handle(Shared(state): Shared<Arc<State>>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let scheme = if state.options.tls { "https" } else { "http" };
    let (parts, body) = request.into_parts();
    let headers: HashMap<String, String> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let (path, pairs) = Call::target(&target);
    // HTTP/2 carries the host in the URI, HTTP/1.1 in a header.
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let host = authority.or_else(|| headers.get("host").map(String::as_str));
    let base = format!("{scheme}://{}", host.unwrap_or("127.0.0.1"));
    let url_bytes = base.len() + target.len();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES).await else {
        return Response::builder()
            .status(StatusCode::PAYLOAD_TOO_LARGE)
            .body(Body::empty())
            .unwrap_or_default();
    };
    let call = Call {
        method: parts.method.to_string(),
        path,
        pairs,
        headers,
        body: body.to_vec(),
        base,
    };
    let gate = call.path.starts_with("/api/").then(|| state.gate.clone());
    let work = tokio::task::spawn_blocking(move || {
        let (mut answer, user, delay) = state.respond(&call, url_bytes);
        let zipped = compress(&call, &mut answer);
        state.record(&call, &answer, user, started.elapsed() + delay);
        (answer, zipped, delay)
    });
    let Ok((answer, zipped, delay)) = work.await else {
        return Response::builder()
            .status(StatusCode::INTERNAL_SERVER_ERROR)
            .body(Body::empty())
            .unwrap_or_default();
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let Some(gate) = gate {
        gate.pass().await;
    }
    respond(answer, zipped)
}

/// Compresses the body when the client takes gzip.
fn compress(call: &Call, answer: &mut Answer) -> bool {
    if answer.body.len() < 256
        || !call
            .header("accept-encoding")
            .is_some_and(|accepted| accepted.contains("gzip"))
    {
        return false;
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zipped = encoder.write_all(&answer.body).and_then(|()| encoder.finish());
    match zipped {
        Ok(zipped) => {
            answer.body = zipped;
            true
        }
        Err(_) => false,
    }
}

fn respond(answer: Answer, zipped: bool) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = answer.headers;
    if !answer.content_type.is_empty() {
        headers.push(("Content-Type", answer.content_type));
    }
    if zipped {
        headers.push(("Content-Encoding", "gzip".to_owned()));
    }
    headers.push(("X-Is-Logged-In", (answer.status != 401).to_string()));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
