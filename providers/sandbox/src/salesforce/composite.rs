//! `/composite` and `/composite/batch`: several GET calls in one POST.
//!
//! Owns: both envelopes and their limits. Invariant: the outer status is 200 whatever the sub-requests answer.

use serde::Deserialize;

use super::error::ApiError;
use super::reply::{Call, Reply};
use super::value::{write_int, write_text};

/// Most sub-requests of either kind.
const SUBREQUESTS: usize = 25;
/// Most query sub-requests of `/composite`.
const QUERIES: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    #[serde(default)]
    halt_on_error: bool,
    batch_requests: Vec<BatchRequest>,
}

#[derive(Debug, Deserialize)]
struct BatchRequest {
    method: String,
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    composite_request: Vec<CompositeRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompositeRequest {
    method: String,
    url: String,
    reference_id: String,
    #[serde(default)]
    http_headers: std::collections::BTreeMap<String, String>,
}

/// Answers a request inside, as it would be answered alone.
type Answered<'a> = &'a dyn Fn(&Call) -> Result<Reply, ApiError>;

/// Answers `POST /composite` and, with `kind`, `POST /composite/batch`.
pub(super) fn run(
    call: &Call,
    base: &str,
    kind: Option<&str>,
    answered: Answered<'_>,
) -> Result<Reply, ApiError> {
    if call.method != "POST" {
        return Err(ApiError::new(
            405,
            "METHOD_NOT_ALLOWED",
            format!("HTTP Method '{}' not allowed. Allowed are POST", call.method),
        ));
    }
    match kind {
        None => composite(call, answered),
        Some("batch") => batch(call, base, answered),
        Some(_) => Err(ApiError::new(
            404,
            "NOT_FOUND",
            "The requested resource does not exist",
        )),
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad("JSON_PARSER_ERROR", error.to_string()))
}

/// Returns how many calls a batch counts for: each of its sub-requests is one.
pub(super) fn batch_calls(call: &Call) -> usize {
    parse::<Batch>(&call.body).map_or(1, |batch| batch.batch_requests.len().max(1))
}

/// Returns the queries inside a composite or batch body, for the log.
pub(super) fn queries(body: &[u8]) -> Vec<String> {
    let urls: Vec<String> = match (parse::<Batch>(body), parse::<Composite>(body)) {
        (Ok(batch), _) => batch
            .batch_requests
            .into_iter()
            .map(|request| request.url)
            .collect(),
        (_, Ok(composite)) => composite
            .composite_request
            .into_iter()
            .map(|request| request.url)
            .collect(),
        _ => Vec::new(),
    };
    urls.iter()
        .filter_map(|url| {
            let mut call = Call::default();
            call.set_target(url);
            call.parameter("q").map(str::to_owned)
        })
        .collect()
}

fn sub_request(answered: Answered<'_>, method: &str, url: &str, headers: Vec<(String, String)>) -> Reply {
    if method != "GET" {
        let message = format!("HTTP Method '{method}' not allowed. Allowed are GET");
        return ApiError::new(405, "METHOD_NOT_ALLOWED", message).into();
    }
    let target = match url.trim_start_matches('/') {
        short if short.starts_with('v') => format!("/services/data/{short}"),
        full => format!("/{full}"),
    };
    let mut call = Call {
        method: method.to_owned(),
        headers,
        ..Call::default()
    };
    call.set_target(&target);
    if call.path.contains("/composite") {
        return ApiError::bad("INVALID_BATCH_REQUEST", "composite requests can't be nested").into();
    }
    answered(&call).unwrap_or_else(Reply::from)
}

fn batch(call: &Call, base: &str, answered: Answered<'_>) -> Result<Reply, ApiError> {
    let request: Batch = parse(&call.body)?;
    if request.batch_requests.is_empty() || request.batch_requests.len() > SUBREQUESTS {
        return Err(ApiError::bad(
            "LIMIT_EXCEEDED",
            "The batch request must hold 1 to 25 requests",
        ));
    }
    let (mut results, mut rows, mut errors) = (Vec::new(), 0, false);
    for (at, inner) in request.batch_requests.iter().enumerate() {
        let reply = if errors && request.halt_on_error {
            ApiError::new(
                412,
                "BATCH_PROCESSING_HALTED",
                "Batch processing halted per request",
            )
            .into()
        } else {
            let newer = inner
                .url
                .trim_start_matches("/services/data/")
                .trim_start_matches('/');
            let version = newer.split('/').next().unwrap_or_default();
            if version.is_empty() || !version.starts_with('v') {
                ApiError::bad(
                    "INVALID_BATCH_REQUEST",
                    format!("{} needs a version, as in {base}", inner.url),
                )
                .into()
            } else {
                sub_request(answered, &inner.method, &inner.url, Vec::new())
            }
        };
        errors |= reply.status >= 400;
        rows += reply.rows;
        if at > 0 {
            results.push(b',');
        }
        results.extend_from_slice(b"{\"statusCode\":");
        write_int(i64::from(reply.status), &mut results);
        results.extend_from_slice(b",\"result\":");
        results.extend_from_slice(if reply.body.is_empty() {
            b"null"
        } else {
            &reply.body
        });
        results.push(b'}');
    }
    let mut body = format!("{{\"hasErrors\":{errors},\"results\":[").into_bytes();
    body.append(&mut results);
    body.extend_from_slice(b"]}");
    Ok(Reply {
        rows,
        ..Reply::json(200, body)
    })
}

fn composite(call: &Call, answered: Answered<'_>) -> Result<Reply, ApiError> {
    let request: Composite = parse(&call.body)?;
    let inner = &request.composite_request;
    let queries = inner.iter().filter(|inner| inner.url.contains("/query")).count();
    if inner.is_empty() || inner.len() > SUBREQUESTS || queries > QUERIES {
        return Err(ApiError::bad(
            "LIMIT_EXCEEDED",
            "The composite request must hold 1 to 25 requests, at most 5 of them queries",
        ));
    }
    let (mut body, mut rows) = (b"{\"compositeResponse\":[".to_vec(), 0);
    for (at, inner) in inner.iter().enumerate() {
        let headers = inner
            .http_headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect();
        let reply = sub_request(answered, &inner.method, &inner.url, headers);
        rows += reply.rows;
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"body\":");
        body.extend_from_slice(if reply.body.is_empty() {
            b"null"
        } else {
            &reply.body
        });
        body.extend_from_slice(b",\"httpHeaders\":{");
        for (at, (name, value)) in reply.headers.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            write_text(name, &mut body);
            body.push(b':');
            write_text(value, &mut body);
        }
        body.extend_from_slice(b"},\"httpStatusCode\":");
        write_int(i64::from(reply.status), &mut body);
        body.extend_from_slice(b",\"referenceId\":");
        write_text(&inner.reference_id, &mut body);
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    Ok(Reply {
        rows,
        ..Reply::json(200, body)
    })
}
