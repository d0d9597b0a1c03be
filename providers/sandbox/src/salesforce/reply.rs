//! Calls and replies of the org, apart from the HTTP server that carries them.

use super::error::ApiError;

/// A call as the org's routes see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) method: String,
    /// Path, decoded.
    pub(super) path: String,
    /// Decoded query parameters.
    pub(super) parameters: Vec<(String, String)>,
    /// Header names are in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// Reads a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Reads a header; `name` is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Splits a target such as `/services/data/v62.0/query?q=…` into path and parameters.
    pub(super) fn set_target(&mut self, target: &str) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.path = percent_encoding::percent_decode_str(path)
            .decode_utf8_lossy()
            .into_owned();
        self.parameters = url::form_urlencoded::parse(query.as_bytes())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
    }
}

/// A reply of the org.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Records in the body.
    pub(super) rows: usize,
    /// The connection is closed in the middle of the body.
    pub(super) cut: bool,
}

impl Reply {
    /// A JSON reply.
    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: "application/json;charset=UTF-8",
            body,
            ..Self::default()
        }
    }

    /// A reply of a small JSON value.
    pub(super) fn value(status: u16, value: &serde_json::Value) -> Self {
        Self::json(status, value.to_string().into_bytes())
    }

    /// An HTML reply.
    pub(super) fn html(status: u16, title: &str) -> Self {
        let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
        Self {
            status,
            content_type: "text/html;charset=UTF-8",
            body: body.into_bytes(),
            ..Self::default()
        }
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        Self::json(error.status, error.body())
    }
}
