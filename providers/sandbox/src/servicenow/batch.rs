//! `POST /api/now/v1/batch`: several requests in one, serviced in order.
//!
//! Owns: the envelope. Source: "Batch API", Australia, read 2026-06-25.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::exchange::{Answer, Call};
use super::faults::Fault;
use super::switches::Semantics;

/// Bytes of answers after which the rest stays unserviced.
const MOST_BYTES: usize = 10 * 1024 * 1024;

#[derive(Debug, serde::Deserialize)]
struct Batch {
    #[serde(default)]
    batch_request_id: serde_json::Value,
    rest_requests: Vec<Inner>,
}

#[derive(Debug, serde::Deserialize)]
struct Inner {
    id: serde_json::Value,
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    exclude_response_headers: bool,
}

#[derive(Debug, serde::Deserialize)]
struct Header {
    name: String,
    value: String,
}

fn get() -> String {
    "GET".to_owned()
}

/// Ids come back as strings, whatever they were.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Answers the batch; `serve` answers one request of it.
pub(super) fn answer(
    call: &Call,
    semantics: &Semantics,
    fault: Option<Fault>,
    serve: impl Fn(&Call, Option<Fault>) -> Answer,
) -> Answer {
    let Ok(batch) = serde_json::from_slice::<Batch>(&call.body) else {
        return Answer::error(
            400,
            "Unable to parse batch request",
            Some("The request body is not a valid batch request"),
        );
    };
    let mut serviced = Vec::new();
    let mut unserviced = Vec::new();
    let mut sum = Answer::default();
    let mut queries = Vec::new();
    let mut bytes = 0;
    for (at, inner) in batch.rest_requests.iter().enumerate() {
        if semantics.batch_serviced_limit.is_some_and(|limit| at >= limit) || bytes > MOST_BYTES {
            unserviced.push(text(&inner.id));
            continue;
        }
        let started = std::time::Instant::now();
        let answer = serve_one(call, inner, fault.filter(|_| at == 0), &serve);
        bytes += answer.body.len();
        sum.rows += answer.rows;
        sum.violation = sum.violation.or(answer.violation.clone());
        queries.extend(answer.remote_query.clone());
        let mut entry = serde_json::json!({
            "id": text(&inner.id),
            "body": STANDARD.encode(&answer.body),
            "status_code": answer.status,
            "status_text": status_text(answer.status),
            "execution_time": u64::try_from(started.elapsed().as_millis()).unwrap_or_default(),
        });
        if let Some(fields) = entry.as_object_mut().filter(|_| !inner.exclude_response_headers) {
            fields.insert("headers".to_owned(), headers(&answer));
        }
        serviced.push(entry);
    }
    let body = serde_json::json!({
        "batch_request_id": text(&batch.batch_request_id),
        "serviced_requests": serviced,
        "unserviced_requests": unserviced,
    });
    let remote_query = (!queries.is_empty()).then(|| queries.join("\n"));
    Answer {
        rows: sum.rows,
        violation: sum.violation,
        remote_query,
        ..Answer::json(200, body.to_string().into_bytes())
    }
}

fn serve_one(
    call: &Call,
    inner: &Inner,
    fault: Option<Fault>,
    serve: &impl Fn(&Call, Option<Fault>) -> Answer,
) -> Answer {
    if !inner.url.starts_with("/api/") {
        return Answer::no_such_path();
    }
    let (path, pairs) = Call::target(&inner.url);
    let mut headers = call.headers.clone();
    headers.extend(
        inner
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.clone())),
    );
    let inner = Call {
        method: inner.method.clone(),
        path,
        pairs,
        headers,
        body: Vec::new(),
        base: call.base.clone(),
    };
    serve(&inner, fault)
}

fn headers(answer: &Answer) -> serde_json::Value {
    let own = [
        ("Content-Type", answer.content_type.clone()),
        ("Content-Length", answer.body.len().to_string()),
    ];
    own.into_iter()
        .chain(answer.headers.iter().map(|(name, value)| (*name, value.clone())))
        .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
        .collect()
}

fn status_text(status: u16) -> &'static str {
    axum::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}
