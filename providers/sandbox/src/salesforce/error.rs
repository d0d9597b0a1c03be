//! The errors of the data API: an HTTP status and the array body `[{message, errorCode}]`.

use super::value::write_text;

/// An error that the org answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    /// HTTP status.
    pub(super) status: u16,
    /// The `errorCode`.
    pub(super) code: &'static str,
    /// The `message`.
    pub(super) message: String,
}

impl ApiError {
    /// Makes an error with this status.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
        }
    }

    /// Makes a 400 error.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// Makes a 400 error that points into the query text, as Salesforce does.
    pub(super) fn at(code: &'static str, query: &str, position: usize, message: &str) -> Self {
        let before: String = query.get(..position).unwrap_or(query).chars().collect();
        let column = before.chars().count();
        let line: String = query.chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
        let from = column.saturating_sub(40);
        let excerpt: String = line.chars().skip(from).take(80).collect();
        let caret = " ".repeat(column - from);
        Self::bad(
            code,
            format!(
                "\n{excerpt}\n{caret}^\nERROR at Row:1:Column:{}\n{message}",
                column + 1
            ),
        )
    }

    /// Returns the JSON body.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut out = b"[{\"message\":".to_vec();
        write_text(&self.message, &mut out);
        out.extend_from_slice(b",\"errorCode\":");
        write_text(self.code, &mut out);
        out.extend_from_slice(b"}]");
        out
    }
}
