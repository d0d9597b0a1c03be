//! What Salesforce's statuses and error codes mean.
//!
//! Owns: the one place where a code becomes a [`Kind`], and how `Sforce-Limit-Info` is read. Does not own: retries.
//! Invariant: a message is one line, and repeats neither a URL nor the query's text.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_core::http::{Classify, Response, Usage};
use causeway_core::{Error, Kind, SourceState};
use serde::Deserialize;

/// One failure in the body of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fault {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
}

/// A 401 with one of these texts is not cured by signing in again.
///
/// Source: jsforce `http-api.ts`, `isSessionExpired`.
const INCURABLE: [&str; 2] = [
    "Connected app is not attached to Agent",
    "This session is not valid for use with the REST API",
];

/// The failure that an answer of this status and body reports.
pub(crate) fn failure(origin: &Arc<str>, status: u16, body: &[u8], retry_after: Option<Duration>) -> Error {
    let fault = fault(body);
    let kind = kind(status, &fault);
    let text = sentence(&fault.message);
    let advice = match kind {
        Kind::QuotaExhausted => "; the org's calls for today are used up",
        Kind::UnknownTable | Kind::UnknownColumn => "; it does not exist or is hidden from this user",
        _ => "",
    };
    let message = match (fault.error_code.as_str(), text.as_str()) {
        ("", "") => format!("salesforce answered with status {status}{advice}"),
        ("", text) => format!("salesforce answered with status {status}: {text}{advice}"),
        (code, "") => format!("{code} (status {status}){advice}"),
        (code, text) => format!("{code}: {text}{advice}"),
    };
    Error::new(origin, kind, message).with_retry_after(retry_after)
}

fn kind(status: u16, fault: &Fault) -> Kind {
    match fault.error_code.as_str() {
        "INVALID_SESSION_ID" => Kind::SignIn,
        "REQUEST_LIMIT_EXCEEDED" if fault.message.to_ascii_lowercase().contains("concurrent") => {
            Kind::Throttled
        }
        "REQUEST_LIMIT_EXCEEDED" => Kind::QuotaExhausted,
        "QUERY_TIMEOUT" => Kind::Timeout,
        "INVALID_QUERY_LOCATOR" => Kind::CursorLost,
        "UNABLE_TO_LOCK_ROW" | "SERVER_UNAVAILABLE" => Kind::Transient,
        "INVALID_TYPE" => Kind::UnknownTable,
        "INVALID_FIELD" if fault.message.contains("No such column") => Kind::UnknownColumn,
        "MALFORMED_QUERY"
        | "MALFORMED_ID"
        | "INVALID_FIELD"
        | "INVALID_QUERY_FILTER_OPERATOR"
        | "INVALID_OPERATION"
        | "NUMBER_OUTSIDE_VALID_RANGE"
        | "EXCEEDED_ID_LIMIT"
        | "QUERY_TOO_COMPLICATED"
        | "OPERATION_TOO_LARGE"
        | "STRING_TOO_LONG" => Kind::Refused,
        "API_DISABLED_FOR_ORG" | "TXN_SECURITY_METERING_ERROR" | "FUNCTIONALITY_NOT_ENABLED" => {
            Kind::Forbidden
        }
        code if code.starts_with("INSUFFICIENT_ACCESS") => Kind::Forbidden,
        _ => match status {
            401 => Kind::SignIn,
            403 => Kind::Forbidden,
            404 => Kind::UnknownTable,
            406 | 408 | 500 | 502 | 503 | 504 => Kind::Transient,
            414 | 431 => Kind::Malformed,
            420 | 429 => Kind::Throttled,
            _ => Kind::Remote,
        },
    }
}

/// The first failure of a body: an array of them, one alone, or none that can be read (HTML, nothing).
fn fault(body: &[u8]) -> Fault {
    serde_json::from_slice::<Vec<Fault>>(body)
        .ok()
        .and_then(|faults| faults.into_iter().next())
        .or_else(|| serde_json::from_slice(body).ok())
        .unwrap_or_default()
}

/// The message on one line. What stands before `ERROR at Row:…` repeats the query, whose literals are nobody else's business.
fn sentence(message: &str) -> String {
    const LONGEST: usize = 300;
    let said = match message.split_once("ERROR at Row:") {
        Some((_, rest)) => rest.split_once('\n').map_or("", |(_, said)| said),
        None => message,
    };
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(LONGEST).collect()
}

/// The condition of the org, as its answers tell.
#[derive(Debug, Default)]
pub(crate) struct Health {
    answers: AtomicU64,
    last: Mutex<Outcome>,
}

#[derive(Debug, Default)]
struct Outcome {
    failing: bool,
    error: Option<String>,
}

impl Health {
    /// Notes how a call ended.
    pub(crate) fn note<T>(&self, outcome: &Result<T, Error>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(_) => last.failing = false,
            Err(error) => {
                last.failing = matches!(
                    error.kind,
                    Kind::Unreachable
                        | Kind::SignIn
                        | Kind::QuotaExhausted
                        | Kind::Throttled
                        | Kind::Transient
                        | Kind::Timeout
                );
                last.error = Some(error.message.clone());
            }
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> SourceState {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match (self.answers.load(Ordering::Relaxed), last.failing) {
            (0, _) => "unused",
            (_, true) => "failing",
            (_, false) => "ok",
        };
        SourceState {
            state: state.to_owned(),
            last_error: last.error.clone(),
            ..SourceState::default()
        }
    }
}

/// The calls used and allowed, from `api-usage=25/5000; per-app-api-usage=…`.
fn usage(header: &str) -> Option<Usage> {
    header.split([';', ',']).find_map(|part| {
        let (used, allowed) = part.trim().strip_prefix("api-usage=")?.split_once('/')?;
        Some(Usage {
            used: used.trim().parse().ok()?,
            allowed: allowed.trim().parse().ok()?,
        })
    })
}

/// Judges answers.
#[derive(Debug)]
pub(crate) struct SalesforceClassify;

impl Classify for SalesforceClassify {
    fn classify(&self, origin: &Arc<str>, response: &Response) -> Result<(), Error> {
        match response.status {
            200..=299 | 304 => Ok(()),
            status => Err(failure(origin, status, &response.body, response.retry_after())),
        }
    }

    fn usage(&self, response: &Response) -> Option<Usage> {
        usage(response.header("sforce-limit-info")?)
    }

    fn is_expired_session(&self, response: &Response) -> bool {
        response.status == 401 && is_curable(&response.body)
    }
}

fn is_curable(body: &[u8]) -> bool {
    let fault = fault(body);
    !INCURABLE.iter().any(|text| fault.message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16, body: &str) -> Error {
        failure(&Arc::from("sf"), status, body.as_bytes(), None)
    }

    /// Answers with an error code, and what may be done about them.
    const CODED: [(u16, &str, &str, Kind); 15] = [
        (
            401,
            "INVALID_SESSION_ID",
            "Session expired or invalid",
            Kind::SignIn,
        ),
        (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "TotalRequests Limit exceeded.",
            Kind::QuotaExhausted,
        ),
        (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentPerOrgLongTxn Limit exceeded.",
            Kind::Throttled,
        ),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", "no", Kind::Forbidden),
        (403, "API_DISABLED_FOR_ORG", "no", Kind::Forbidden),
        (
            400,
            "QUERY_TIMEOUT",
            "Your query request was running for too long.",
            Kind::Timeout,
        ),
        (
            500,
            "QUERY_TIMEOUT",
            "Your query request was running for too long.",
            Kind::Timeout,
        ),
        (
            400,
            "INVALID_QUERY_LOCATOR",
            "invalid query locator",
            Kind::CursorLost,
        ),
        (400, "MALFORMED_QUERY", "unexpected token", Kind::Refused),
        (
            400,
            "INVALID_FIELD",
            "field 'X' can not be filtered in a query call",
            Kind::Refused,
        ),
        (
            400,
            "INVALID_FIELD",
            "No such column 'X' on entity 'Y'",
            Kind::UnknownColumn,
        ),
        (
            400,
            "INVALID_TYPE",
            "sObject type 'X' is not supported.",
            Kind::UnknownTable,
        ),
        (500, "UNABLE_TO_LOCK_ROW", "x", Kind::Transient),
        (
            404,
            "NOT_FOUND",
            "The requested resource does not exist",
            Kind::UnknownTable,
        ),
        (400, "SOMETHING_NEW", "x", Kind::Remote),
    ];

    #[test]
    fn codes_and_statuses_say_what_may_be_done() {
        for (status, code, message, kind) in CODED {
            let body = format!(r#"[{{"message":"{message}","errorCode":"{code}"}}]"#);
            assert_eq!(failed(status, &body).kind, kind, "{status} {body}");
        }
        for (status, body, kind) in [
            (414, "<h1>Bad Message 414</h1>", Kind::Malformed),
            (431, "", Kind::Malformed),
            (429, "", Kind::Throttled),
            (420, "", Kind::Throttled),
            (503, "<html>maintenance</html>", Kind::Transient),
            (500, "", Kind::Transient),
            (300, r#"["/services/data/x"]"#, Kind::Remote),
        ] {
            assert_eq!(failed(status, body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn a_message_is_one_line_without_the_query() {
        let body = r#"[{"message":"\nselect Id from XYZZY where Name = 'secret'\n  ^\nERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported.\nSee WSDL.","errorCode":"INVALID_TYPE"}]"#;
        assert_eq!(
            failed(400, body).message,
            "INVALID_TYPE: sObject type 'XYZZY' is not supported. See WSDL; it does not exist or is hidden from this user"
        );
        assert_eq!(
            failed(503, "<html>x</html>").message,
            "salesforce answered with status 503"
        );
    }

    #[test]
    fn two_texts_are_not_cured_by_signing_in_again() {
        let body = |text: &str| format!(r#"[{{"message":"{text}","errorCode":"INVALID_SESSION_ID"}}]"#);
        assert!(is_curable(body("Session expired or invalid").as_bytes()));
        assert!(is_curable(b""));
        for text in INCURABLE {
            assert!(!is_curable(body(text).as_bytes()), "{text}");
        }
    }

    #[test]
    fn usage_is_read_in_both_forms_of_the_header() {
        for header in [
            "api-usage=25/5000",
            "api-usage=25/5000; per-app-api-usage=17/250(appName=x)",
        ] {
            let (used, allowed) = (25, 5000);
            assert_eq!(usage(header), Some(Usage { used, allowed }), "{header}");
        }
        assert_eq!(usage("per-app-api-usage=17/250(appName=x)"), None);
    }
}
