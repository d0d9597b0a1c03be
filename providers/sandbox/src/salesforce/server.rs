//! The HTTP server: reads calls, writes replies, keeps the log.
//!
//! Owns: sockets, TLS, size limits, compression, faults on the wire. Invariant: dropping [`Org`] ends every connection.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinSet;

use super::composite;
use super::query;
use super::reply::{Call, Reply};
use super::routes;
use super::state::State;
use super::switches::{Semantics, Switches};
use super::transcript::Transcript;
use crate::log::{Entry, RequestLog};
use crate::{Gate, Options, StartError};

/// Longest URI, and longest URI with headers, in bytes.
const URI_BYTES: usize = 16_384;
/// Longest request body, in bytes.
const BODY_BYTES: usize = 16 << 20;
/// Smallest body that is worth compressing, in bytes.
const GZIP_FROM_BYTES: usize = 500;

/// A running practice org. Dropping it stops the server.
#[derive(Debug)]
pub struct Org {
    state: Arc<State>,
    handle: Handle<SocketAddr>,
    certificate_pem: Option<String>,
    _server: JoinSet<()>,
}

impl Drop for Org {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

impl Org {
    /// Starts an org.
    ///
    /// Errors: an address that isn't loopback or can't be bound, a certificate that can't be made, or a transcript that can't be written.
    pub async fn start(options: Options, semantics: Semantics) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| {
            StartError(format!(
                "practice salesforce org can't listen on {}: {error}",
                options.listen
            ))
        };
        if !options.listen.ip().is_loopback() {
            return Err(StartError(format!(
                "practice orgs listen on loopback only, not on {}",
                options.listen
            )));
        }
        let listener = std::net::TcpListener::bind(options.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let scheme = if options.tls { "https" } else { "http" };
        let mut state = State::new(
            &options,
            Switches::new(semantics),
            format!("{scheme}://{address}"),
        );
        state.transcript = Transcript::from_environment()?;
        let state = Arc::new(state);
        let handle = Handle::new();
        let shared = Arc::clone(&state);
        let service = Router::new()
            .fallback(move |request: Request| {
                let state = Arc::clone(&shared);
                async move { handle_request(&state, request).await }
            })
            .into_make_service();
        let mut server = JoinSet::new();
        let mut certificate_pem = None;
        if options.tls {
            let (config, pem) = certificate()?;
            certificate_pem = Some(pem);
            let secure = axum_server::from_tcp_rustls(listener, config)
                .map_err(failed)?
                .handle(handle.clone());
            server.spawn(async move { report(secure.serve(service).await) });
        } else {
            let plain = axum_server::from_tcp(listener)
                .map_err(failed)?
                .handle(handle.clone());
            server.spawn(async move { report(plain.serve(service).await) });
        }
        Ok(Self {
            state,
            handle,
            certificate_pem,
            _server: server,
        })
    }

    /// Returns the address without a trailing slash, for example `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        self.state.url.clone()
    }

    /// Returns the request log; clones share it.
    #[must_use]
    pub fn log(&self) -> RequestLog {
        self.state.log.clone()
    }

    /// Returns the handle that changes semantics and faults while the org runs.
    #[must_use]
    pub fn semantics(&self) -> &Switches {
        &self.state.switches
    }

    /// Returns the gate that holds back answers to data calls; clones share it.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.state.gate.clone()
    }

    /// Returns the self-signed certificate when the org serves HTTPS.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<String> {
        self.certificate_pem.clone()
    }
}

fn report(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "practice salesforce org stopped");
    }
}

/// Makes a self-signed certificate for loopback.
fn certificate() -> Result<(RustlsConfig, String), StartError> {
    let failed = |error: &dyn std::fmt::Display| {
        StartError(format!(
            "practice salesforce org can't make a certificate: {error}"
        ))
    };
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| failed(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((RustlsConfig::from_config(Arc::new(config)), made.cert.pem()))
}

async fn handle_request(state: &State, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut call = Call {
        method: parts.method.to_string(),
        headers: parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect(),
        ..Call::default()
    };
    call.set_target(&target);
    let header_bytes: usize = call
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    let (mut reply, user) = if target.len() > URI_BYTES {
        (Reply::html(414, "Bad Message 414"), None)
    } else if target.len() + header_bytes > URI_BYTES {
        (Reply::html(431, "Bad Message 431"), None)
    } else {
        match to_bytes(body, BODY_BYTES).await {
            Ok(bytes) => {
                call.body = bytes.to_vec();
                routes::answer(state, &call)
            }
            Err(_) => (Reply::html(413, "Bad Message 413"), None),
        }
    };
    let data_call = call.path.starts_with("/services/data/");
    let wait = if data_call {
        state.latency + state.switches.faults().slow
    } else {
        Duration::ZERO
    };
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    compress(&call, &mut reply);
    state
        .log
        .push(entry(state, &call, &reply, user, started.elapsed()));
    if data_call {
        state.gate.pass().await;
    }
    respond(&call, reply)
}

fn compress(call: &Call, reply: &mut Reply) {
    let asked = call
        .header("accept-encoding")
        .is_some_and(|header| header.contains("gzip"));
    if !asked || reply.body.len() < GZIP_FROM_BYTES {
        return;
    }
    let mut encoder = flate2::write::GzEncoder::new(
        Vec::with_capacity(reply.body.len() / 8),
        flate2::Compression::fast(),
    );
    if encoder.write_all(&reply.body).is_ok()
        && let Ok(body) = encoder.finish()
    {
        reply.body = body;
        reply.headers.push(("Content-Encoding", "gzip".to_owned()));
    }
}

fn entry(state: &State, call: &Call, reply: &Reply, user: Option<&str>, elapsed: Duration) -> Entry {
    let own = call
        .parameter("q")
        .or_else(|| call.parameter("explain"))
        .map(str::to_owned);
    let inner = if call.path.contains("/composite") {
        composite::queries(&call.body)
    } else {
        Vec::new()
    };
    let violation = own
        .iter()
        .chain(&inner)
        .find_map(|text| query::violation(state, text, user.unwrap_or_default()));
    let remote_query = own.or_else(|| (!inner.is_empty()).then(|| inner.join(";\n")));
    let others: Vec<String> = call
        .parameters
        .iter()
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "q" | "access_token" | "client_secret" | "password" | "assertion" | "refresh_token"
            )
        })
        .filter(|(name, _)| name != "explain")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Entry {
        method: call.method.clone(),
        path: call.path.clone(),
        remote_query,
        parameters: others.join("&"),
        status: reply.status,
        rows: reply.rows,
        bytes: reply.body.len(),
        milliseconds: elapsed.as_secs_f64() * 1000.0,
        user: user.map(str::to_owned),
        violation,
    }
}

fn respond(call: &Call, reply: Reply) -> Response {
    let mut response = Response::builder().status(reply.status);
    if !reply.content_type.is_empty() {
        response = response.header("Content-Type", reply.content_type);
    }
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    let body = if reply.cut {
        response = response.header("Content-Length", reply.body.len());
        cut_body(reply.body)
    } else if call.method == "HEAD" {
        Body::empty()
    } else {
        Body::from(reply.body)
    };
    response.body(body).unwrap_or_default()
}

/// Sends half of the body, then breaks the connection.
fn cut_body(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let half: Result<Bytes, std::io::Error> = Ok(Bytes::from(body));
    let end = Err(std::io::Error::new(
        std::io::ErrorKind::ConnectionAborted,
        "cut on purpose",
    ));
    Body::from_stream(futures::stream::iter([half, end]))
}
