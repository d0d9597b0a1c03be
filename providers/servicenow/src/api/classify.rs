//! What the statuses and error bodies of ServiceNow mean.
//!
//! Owns: the one place where they become a [`Kind`]. Does not own: retries. Invariant: a web page is never taken for data.
//! Source: REST API reference and measured behaviour, collected 2026-07.

use std::sync::Arc;
use std::time::Duration;

use causeway_core::http::{Classify, Response};
use causeway_core::{Error, Kind};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What an answer shows of itself, wherever it came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    pub(crate) retry_after: Option<Duration>,
    /// Whether the header `X-MFA_TOKEN: invalid` asks for a second factor.
    pub(crate) wants_second_factor: bool,
}

/// The statuses of one instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statuses {
    /// Whether calls carry a fixed credential, which no new sign-in can refresh.
    pub(crate) fixed_credential: bool,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureText,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FailureText {
    Structured {
        message: Option<String>,
        detail: Option<String>,
    },
    Plain(String),
}

impl Statuses {
    /// `Ok` for an answer that holds JSON; whether it is a whole page shows in decoding.
    pub(crate) fn judge(self, origin: &Arc<str>, answer: Answer<'_>) -> Result<(), Error> {
        let is_page = answer.body.trim_ascii_start().first() == Some(&b'<');
        // A good answer is a page of megabytes; only a refusal is searched for words.
        let said = if answer.status == 200 {
            String::new()
        } else {
            said(answer.body)
        };
        let fail = |kind, message: String| Err(Error::new(origin, kind, message));
        match answer.status {
            200 if is_page => fail(
                Kind::Unreachable,
                "the instance answers with a web page instead of data: it is asleep (wake a developer instance on its site), \
                 under maintenance, or asks for a login; open its url in a browser"
                    .to_owned(),
            ),
            200 if answer.body.is_empty() => fail(Kind::Transient, "the instance sent an empty answer".to_owned()),
            200 => Ok(()),
            201..=299 => fail(
                Kind::Transient,
                format!("the instance accepted the read but sent no data (status {})", answer.status),
            ),
            300..=399 => fail(
                Kind::SignIn,
                "the instance redirects the call, perhaps to a login page; check the url".to_owned(),
            ),
            400 if said.starts_with("Invalid table") => {
                fail(Kind::UnknownTable, format!("the table does not exist there ({said})"))
            }
            400 if said.contains("Requested URI") => fail(
                Kind::Config,
                format!("the url leads to no REST API of an instance ({said})"),
            ),
            413 | 414 | 431 => fail(Kind::Malformed, too_long(answer.status)),
            400 if is_page || said.contains("too large") => fail(Kind::Malformed, too_long(answer.status)),
            401 => fail(Kind::SignIn, self.refused(answer, &said)),
            403 => fail(Kind::Forbidden, format!("the account may not read this: {said}")),
            429 => Err(Error::new(
                origin,
                Kind::Throttled,
                match answer.retry_after {
                    Some(_) => "the instance's rate limit is reached",
                    None => "the instance's queue of api calls is full",
                },
            )
            .with_retry_after(answer.retry_after)),
            408 | 499 | 500.. => Err(Error::new(
                origin,
                Kind::Transient,
                format!("the instance can't answer now (status {}): {said}", answer.status),
            )
            .with_retry_after(answer.retry_after)),
            404 => fail(Kind::Remote, format!("the instance finds nothing there (status 404): {said}")),
            status => fail(
                Kind::Remote,
                format!("the instance refused the read (status {status}): {said}"),
            ),
        }
    }

    fn refused(self, answer: Answer<'_>, said: &str) -> String {
        if answer.wants_second_factor {
            "the account needs a second factor; use an integration user without one".to_owned()
        } else if self.fixed_credential {
            format!(
                "the credential was refused: {said}; if it worked before, the instance may have begun to restrict basic \
                 authentication (glide.authenticate.basic_auth.restriction) or an access policy excludes it"
            )
        } else {
            format!("the token was refused: {said}")
        }
    }
}

fn too_long(status: u16) -> String {
    format!(
        "the request is longer than the instance accepts (status {status}); select fewer columns or shorten the filter"
    )
}

/// The words of an error body: its message and detail, or the beginning of any other text.
fn said(body: &[u8]) -> String {
    let words = match serde_json::from_slice::<Failure>(body) {
        Ok(Failure {
            error: FailureText::Structured { message, detail },
        }) => {
            let parts = [message, detail];
            let parts: Vec<String> = parts
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
                .collect();
            parts.join(": ")
        }
        Ok(Failure {
            error: FailureText::Plain(text),
        }) => text,
        Err(_) if body.trim_ascii_start().first() == Some(&b'<') => "a web page".to_owned(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "no reason given".to_owned();
    }
    words.chars().take(300).collect()
}

impl Classify for Statuses {
    fn classify(&self, origin: &Arc<str>, response: &Response) -> Result<(), Error> {
        let answer = Answer {
            status: response.status,
            body: &response.body,
            retry_after: response.retry_after(),
            wants_second_factor: response
                .header("x-mfa_token")
                .is_some_and(|value| value.eq_ignore_ascii_case("invalid")),
        };
        self.judge(origin, answer)
    }

    fn is_expired_session(&self, response: &Response) -> bool {
        response.status == 401 && !self.fixed_credential
    }
}

/// The failure that an envelope reports beside its records, even with status 200.
pub(crate) fn failure_of(envelope: &Map<String, Value>) -> Option<String> {
    let failed = envelope.get("status").and_then(Value::as_str) == Some("failure");
    let error = envelope.get("error").filter(|error| !error.is_null());
    if error.is_none() && !failed {
        return None;
    }
    let said = error
        .and_then(|error| error.get("message").and_then(Value::as_str).or(error.as_str()))
        .unwrap_or("it reports a failure");
    let said: String = said.chars().take(200).collect();
    Some(format!("the instance gave up in the middle of a page: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<(), (Kind, String)> {
        let answer = Answer {
            status,
            body: body.as_bytes(),
            retry_after: None,
            wants_second_factor: false,
        };
        let statuses = Statuses {
            fixed_credential: true,
        };
        statuses
            .judge(&"desk".into(), answer)
            .map_err(|error| (error.kind, error.message))
    }

    #[test]
    fn each_status_has_one_meaning() {
        let failure = |message: &str| {
            format!(r#"{{"error":{{"message":"{message}","detail":null}},"status":"failure"}}"#)
        };
        for (status, body, wanted) in [
            (200, String::new(), Kind::Transient),
            (200, "\n<html>hibernating</html>".to_owned(), Kind::Unreachable),
            (202, String::new(), Kind::Transient),
            (302, String::new(), Kind::SignIn),
            (400, failure("Invalid table foo"), Kind::UnknownTable),
            (
                400,
                failure("Requested URI does not represent any resource"),
                Kind::Config,
            ),
            (
                400,
                "<html>Request header is too large</html>".to_owned(),
                Kind::Malformed,
            ),
            (
                400,
                failure("Invalid value given for sysparm_limit"),
                Kind::Remote,
            ),
            (401, failure("User Not Authenticated"), Kind::SignIn),
            (
                403,
                failure("Insufficient rights to query records"),
                Kind::Forbidden,
            ),
            (404, failure("No Record found"), Kind::Remote),
            (414, String::new(), Kind::Malformed),
            (429, String::new(), Kind::Throttled),
            (500, failure("script error"), Kind::Transient),
            (503, "<html>".to_owned(), Kind::Transient),
        ] {
            let (kind, message) = judged(status, &body).expect_err("a failure");
            assert_eq!(kind, wanted, "{status} {body}");
            assert!(!message.ends_with('.') && !message.contains('<'), "{message}");
        }
        assert_eq!(judged(200, r#"{"result":[]}"#), Ok(()));
    }

    #[test]
    fn messages_carry_the_words_of_the_instance_and_advice() {
        let body = r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#;
        let (_, message) = judged(401, body).expect_err("a refusal");
        assert!(
            message.contains("Required to provide Auth information"),
            "{message}"
        );
        assert!(message.contains("restrict basic authentication"), "{message}");
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        let answer = Answer {
            status: 429,
            body: b"",
            retry_after: Some(Duration::from_secs(7)),
            wants_second_factor: false,
        };
        let statuses = Statuses {
            fixed_credential: false,
        };
        let error = statuses.judge(&"desk".into(), answer).expect_err("throttled");
        assert_eq!(
            (error.kind, error.retry_after),
            (Kind::Throttled, Some(Duration::from_secs(7)))
        );
    }
}
