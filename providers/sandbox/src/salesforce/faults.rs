//! Faults that a test injects into a running org.
//!
//! Owns: [`Faults`] and the order in which they are used up. Invariant: one call suffers at most one spoilt answer.

use std::time::Duration;

/// Faults to inject into data calls. A number counts down by one with each call that it spoils.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Only calls whose path contains this text are spoilt; empty means every data call.
    pub path_contains: String,
    /// Answers 503 with an HTML body.
    pub unavailable: u32,
    /// Answers 429.
    pub throttled: u32,
    /// `Retry-After` of the 429 answers.
    pub retry_after_seconds: Option<u64>,
    /// Answers 403 `REQUEST_LIMIT_EXCEEDED`.
    pub request_limit_exceeded: u32,
    /// Answers `QUERY_TIMEOUT`.
    pub query_timeout: u32,
    /// Closes the connection in the middle of the body.
    pub cut_body: u32,
    /// Answers 200 with an HTML page.
    pub html_body: u32,
    /// Answers 200 with text that is not JSON.
    pub not_json: u32,
    /// Answers 400 `INVALID_QUERY_LOCATOR` to a request for a further page.
    pub invalid_locator: u32,
    /// Makes all current tokens invalid with the next data call.
    pub expire_tokens: bool,
    /// Makes all current tokens invalid after this many further pages.
    pub expire_tokens_after_pages: Option<u32>,
    /// Waits this long before each answer.
    pub slow: Duration,
    /// Cuts pages to irregular sizes, a single row among them.
    pub shrink_pages: bool,
    /// Drops one row from a page while `totalSize` stays.
    pub drop_row: u32,
    /// Replaces the value of this field in the first record of each page by text.
    pub wrong_value: Option<String>,
    /// Puts this origin in front of `nextRecordsUrl`.
    pub foreign_next_url: Option<String>,
}

/// A fault that spoils a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoilt {
    Unavailable,
    Throttled(Option<u64>),
    RequestLimit,
    QueryTimeout,
    CutBody,
    Html,
    NotJson,
}

impl Faults {
    /// Takes the next fault that spoils the whole answer to a call of `path`, counting it down.
    pub(super) fn take(&mut self, path: &str) -> Option<Spoilt> {
        if !path.contains(&self.path_contains) {
            return None;
        }
        let counters = [
            (&mut self.unavailable, Spoilt::Unavailable),
            (&mut self.throttled, Spoilt::Throttled(self.retry_after_seconds)),
            (&mut self.request_limit_exceeded, Spoilt::RequestLimit),
            (&mut self.query_timeout, Spoilt::QueryTimeout),
            (&mut self.cut_body, Spoilt::CutBody),
            (&mut self.html_body, Spoilt::Html),
            (&mut self.not_json, Spoilt::NotJson),
        ];
        let (counter, fault) = counters.into_iter().find(|(counter, _)| **counter > 0)?;
        *counter -= 1;
        Some(fault)
    }

    /// Counts `counter` down; tells whether it was above zero.
    pub(super) fn spend(counter: &mut u32) -> bool {
        let spent = *counter > 0;
        *counter = counter.saturating_sub(1);
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_counts_down_and_spares_other_paths() {
        let mut faults = Faults {
            path_contains: "query".to_owned(),
            unavailable: 1,
            ..Faults::default()
        };
        assert_eq!(faults.take("/services/data/v62.0/limits"), None);
        assert_eq!(
            faults.take("/services/data/v62.0/query"),
            Some(Spoilt::Unavailable)
        );
        assert_eq!(faults.take("/services/data/v62.0/query"), None);
    }
}
