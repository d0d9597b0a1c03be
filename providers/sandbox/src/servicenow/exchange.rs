//! A request and an answer, as the APIs see them.
//!
//! Owns: parameters, error bodies, the common headers. Does not own: sockets; see `server`.

use std::collections::HashMap;

use super::query::{self, Grammar};
use super::render;

/// A request whose body has arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    /// Decoded query parameters in order.
    pub(super) pairs: Vec<(String, String)>,
    /// Headers by lower-case name.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
    /// Scheme and host as the client sees them.
    pub(super) base: String,
}

impl Call {
    /// Splits and decodes a request target.
    pub(super) fn target(target: &str) -> (String, Vec<(String, String)>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_encoding::percent_decode_str(path)
            .decode_utf8_lossy()
            .into_owned();
        let pairs = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        (path, pairs)
    }

    /// The first value of a parameter; an empty one counts as absent.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        // Clients written in Python send `True`.
        self.parameter(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The `name=value` pairs that filter: all but the API's own parameters.
    pub(super) fn filters(&self) -> Vec<(String, String)> {
        let own = |name: &str| name.starts_with("sysparm_") || name.eq_ignore_ascii_case("x-sn-apikey");
        self.pairs
            .iter()
            .filter(|(name, value)| !own(name) && !value.is_empty())
            .cloned()
            .collect()
    }

    /// Names the first value of the call that the instance might run as a script.
    pub(super) fn script(&self, grammar: Grammar) -> Option<String> {
        let queried = query::script(self.parameter("sysparm_query").unwrap_or_default(), grammar);
        let others = self.pairs.iter().filter(|(name, _)| name != "sysparm_query");
        let found = queried.or_else(|| {
            let values = others
                .map(|(_, value)| value)
                .flat_map(|value| value.split(['^', ',']));
            values
                .into_iter()
                .find(|value| query::is_script(value))
                .map(str::to_owned)
        });
        found.map(|value| format!("script in a query value: {value}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is sent back, and what the log is told about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
    pub(super) rows: usize,
    pub(super) remote_query: Option<String>,
    pub(super) violation: Option<String>,
}

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html;charset=UTF-8";

impl Answer {
    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: JSON.to_owned(),
            body,
            ..Self::default()
        }
    }

    pub(super) fn html(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: HTML.to_owned(),
            body: body.as_bytes().to_vec(),
            ..Self::default()
        }
    }

    /// The common error body.
    pub(super) fn error(status: u16, message: &str, detail: Option<&str>) -> Self {
        let mut body = b"{\"error\":{\"message\":".to_vec();
        render::string(&mut body, message);
        body.extend_from_slice(b",\"detail\":");
        match detail {
            Some(detail) => render::string(&mut body, detail),
            None => body.extend_from_slice(b"null"),
        }
        body.extend_from_slice(b"},\"status\":\"failure\"}");
        Self::json(status, body)
    }

    pub(super) fn unauthenticated() -> Self {
        Self::error(
            401,
            "User Not Authenticated",
            Some("Required to provide Auth information"),
        )
        .with("WWW-Authenticate", "BASIC realm=\"Service-now\"".to_owned())
    }

    pub(super) fn no_such_path() -> Self {
        Self::error(400, "Requested URI does not represent any resource", None)
    }

    pub(super) fn no_record() -> Self {
        Self::error(
            404,
            "No Record found",
            Some("Record doesn't exist or ACL restricts the record retrieval"),
        )
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
