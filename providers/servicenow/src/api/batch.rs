//! A read wrapped into the batch API, whose requests may be far longer than a URL.
//!
//! Owns: the envelope. Does not own: when it is used; see `client`. Invariant: the read inside is judged by its own status.
//! Source: "Batch API", Australia, read 2026-06-25.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use causeway_core::{Error, Kind};
use serde::Deserialize;
use serde_json::json;

use super::classify::{Answer, Statuses};

const ID: &str = "1";

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    serviced_requests: Vec<Serviced>,
}

#[derive(Deserialize)]
struct Serviced {
    id: String,
    #[serde(default)]
    body: String,
    status_code: u16,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    #[serde(default)]
    value: String,
}

/// The body of a batch with this one read.
pub(crate) fn envelope(target: &str) -> String {
    let read = json!({
        "id": ID,
        "method": "GET",
        "url": target,
        "headers": [{"name": "Accept", "value": "application/json"}],
    });
    json!({"batch_request_id": "1", "rest_requests": [read]}).to_string()
}

/// Body and `X-Total-Count` of the read inside an answer.
///
/// # Errors
/// [`Kind::Transient`] when the instance did not get to it, or whatever its own status means.
pub(crate) fn unpack(
    origin: &Arc<str>,
    statuses: Statuses,
    body: &[u8],
) -> Result<(Bytes, Option<u64>), Error> {
    let damaged = |message: &str| Error::new(origin, Kind::Transient, message);
    let batch: Batch = serde_json::from_slice(body)
        .map_err(|error| damaged("the answer is no whole batch").with_cause(error))?;
    let read = batch
        .serviced_requests
        .into_iter()
        .find(|read| read.id == ID)
        .ok_or_else(|| damaged("the instance ran out of time before it came to the read in the batch"))?;
    let body = base64::engine::general_purpose::STANDARD
        .decode(&read.body)
        .map_err(|error| damaged("the answer in the batch is cut").with_cause(error))?;
    let number = |name: &str| {
        let header = read
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        header.value.trim().parse::<u64>().ok()
    };
    statuses.judge(
        origin,
        Answer {
            status: read.status_code,
            body: &body,
            retry_after: number("retry-after").map(Duration::from_secs),
            wants_second_factor: false,
        },
    )?;
    let total = number("x-total-count");
    Ok((Bytes::from(body), total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(batch: &serde_json::Value) -> Result<(Bytes, Option<u64>), Kind> {
        let statuses = Statuses {
            fixed_credential: false,
        };
        unpack(&"desk".into(), statuses, batch.to_string().as_bytes()).map_err(|error| error.kind)
    }

    fn serviced(status: u16, body: &str) -> serde_json::Value {
        let body = base64::engine::general_purpose::STANDARD.encode(body);
        let headers = json!([{"name": "X-Total-Count", "value": "7"}]);
        json!({"serviced_requests": [{"id": "1", "status_code": status, "body": body, "headers": headers}]})
    }

    #[test]
    fn the_read_inside_has_its_own_body_count_and_status() {
        let page = r#"{"result":[]}"#;
        assert_eq!(unpacked(&serviced(200, page)), Ok((Bytes::from(page), Some(7))));
        assert_eq!(unpacked(&serviced(403, "{}")), Err(Kind::Forbidden));
    }

    #[test]
    fn a_read_that_was_not_serviced_or_is_cut_may_be_asked_again() {
        for batch in [
            json!({"serviced_requests": [], "unserviced_requests": ["1"]}),
            json!({"serviced_requests": [{"id": "1", "status_code": 200, "body": "e30", "headers": []}]}),
            json!([]),
        ] {
            assert_eq!(unpacked(&batch), Err(Kind::Transient), "{batch}");
        }
    }
}
