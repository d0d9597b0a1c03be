//! What users write under `[sources.<name>]` for a ServiceNow instance.
//!
//! Does not own: where it is read from. Invariant: an unknown key is an error.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use causeway_core::http::{AuthConfig, TransportLimits};
use causeway_core::matches_pattern;
use serde::{Deserialize, Deserializer};

/// Configuration of one ServiceNow instance.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the instance, for example `https://acme.service-now.com`.
    pub url: String,
    /// Patterns of table names, with `*` and `?`; what is not matched is not a table.
    #[serde(default = "every_table", alias = "objects")]
    pub tables: Vec<String>,
    /// How to sign in.
    pub auth: AuthConfig,
    /// Calls at the same time, over all queries; 4 when absent, since a node has about 4 threads for the API.
    pub concurrent_calls: Option<usize>,
    /// Calls a second, over all queries; no limit when absent.
    pub calls_per_second: Option<NonZeroU32>,
    /// Not for ServiceNow, which tells a limit an hour at most and never how much of it is left.
    #[serde(default, deserialize_with = "no_reserve")]
    pub reserve: Option<Infallible>,
    /// Longest time for one call, in seconds; 120 when absent, twice the instance's own quota.
    pub timeout_seconds: Option<u64>,
    /// Records in a page; 1,000 when absent, at most 10,000.
    pub page_rows: Option<usize>,
    /// Whether comparisons of text go to the instance; true when absent.
    pub text_pushdown: Option<bool>,
    /// Whether the account may read every row of the tables, so that counts and other aggregates of the instance are believed;
    /// false when absent.
    pub assume_full_read_access: Option<bool>,
}

/// Source: "Inbound REST API rate limiting", read 2026-11-20: the headers are limit, reset and rule.
fn no_reserve<'de, D: Deserializer<'de>>(_: D) -> Result<Option<Infallible>, D::Error> {
    Err(serde::de::Error::custom(
        "a servicenow instance does not tell how many calls are left, so none can be kept in reserve; limit them by 'calls_per_second'",
    ))
}

fn every_table() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Config {
    /// Pages of wide tables beyond some thousand records run into the quota of 60 seconds and arrive cut.
    const MOST_PAGE_ROWS: usize = 10_000;

    /// The configuration of the instance at `url` with everything else as it is by default.
    #[must_use]
    pub fn new(url: impl Into<String>, auth: AuthConfig) -> Self {
        Self {
            url: url.into(),
            tables: every_table(),
            auth,
            concurrent_calls: None,
            calls_per_second: None,
            reserve: None,
            timeout_seconds: None,
            page_rows: None,
            text_pushdown: None,
            assume_full_read_access: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let rows = self.page_rows();
        if rows == 0 || rows > Self::MOST_PAGE_ROWS {
            return Err(format!(
                "page_rows is {rows}; it must lie between 1 and {}",
                Self::MOST_PAGE_ROWS
            ));
        }
        if self.concurrent_calls == Some(0) {
            return Err("concurrent_calls is 0; at least one call must be possible".to_owned());
        }
        if self.timeout_seconds == Some(0) {
            return Err("timeout_seconds is 0; a call needs some time".to_owned());
        }
        match self.tables.iter().find(|pattern| !is_pattern(pattern)) {
            Some(pattern) => Err(format!(
                "table pattern '{pattern}' can match nothing; use lower-case letters, digits, '_', '*' and '?'"
            )),
            None => Ok(()),
        }
    }

    pub(crate) fn page_rows(&self) -> usize {
        self.page_rows.unwrap_or(1000)
    }

    pub(crate) fn transport_limits(&self) -> TransportLimits {
        TransportLimits {
            concurrent_calls: self.concurrent_calls.unwrap_or(4),
            calls_per_second: self.calls_per_second,
            timeout: Duration::from_secs(self.timeout_seconds.unwrap_or(120)),
            reserve: None,
        }
    }
}

fn is_pattern(pattern: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'*' | b'?');
    !pattern.is_empty() && pattern.bytes().all(allowed)
}

/// Which tables exist for SQL.
#[derive(Debug, Clone)]
pub(crate) struct Patterns(Vec<String>);

impl Patterns {
    pub(crate) fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    pub(crate) fn matches(&self, table: &str) -> bool {
        self.0.iter().any(|pattern| matches_pattern(pattern, table))
    }

    /// Patterns that name a single table.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .map(String::as_str)
            .filter(|pattern| !pattern.contains(['*', '?']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Result<Config, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"url":"https://acme.service-now.com","auth":{{"flow":"basic","username":"u","password":"secret-word"}}{more}}}"#
        ))
    }

    #[test]
    fn absent_keys_have_defaults_and_unknown_ones_are_errors() {
        let plain = config("").expect("a minimal configuration");
        assert_eq!(plain.tables, ["*"]);
        assert_eq!(
            (plain.page_rows(), plain.transport_limits().concurrent_calls),
            (1000, 4)
        );
        assert!(plain.check().is_ok());
        let message = config(r#","tabels":[]"#)
            .expect_err("a misspelled key")
            .to_string();
        assert!(message.contains("unknown field `tabels`"), "{message}");
    }

    #[test]
    fn a_reserve_is_refused_with_the_reason() {
        let message = config(r#","reserve":"20%""#).expect_err("a reserve").to_string();
        assert!(
            message.contains("does not tell how many calls are left"),
            "{message}"
        );
    }

    #[test]
    fn objects_is_another_name_for_tables() {
        let config = config(r#","objects":["incident"]"#).expect("the alias");
        assert_eq!(config.tables, ["incident"]);
    }

    #[test]
    fn impossible_figures_are_refused() {
        for (more, wanted) in [
            (r#","page_rows":0"#, "page_rows is 0"),
            (r#","page_rows":20000"#, "page_rows is 20000"),
            (r#","concurrent_calls":0"#, "concurrent_calls is 0"),
            (r#","timeout_seconds":0"#, "timeout_seconds is 0"),
            (r#","tables":["Incident"]"#, "table pattern 'Incident'"),
        ] {
            let reason = config(more).expect("well-typed").check().expect_err(more);
            assert!(reason.contains(wanted), "{reason}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?}", config("").expect("a minimal configuration"));
        assert!(!printed.contains("secret-word"), "{printed}");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let patterns = Patterns::new(vec!["incident".into(), "u_*".into(), "*_ci_*r".into()]);
        for name in ["incident", "u_", "u_x", "cmdb_ci_server"] {
            assert!(patterns.matches(name), "{name}");
        }
        for name in ["incident_x", "xu_", "cmdb_ci_disk", ""] {
            assert!(!patterns.matches(name), "{name}");
        }
        assert_eq!(patterns.names().collect::<Vec<_>>(), ["incident"]);
    }
}
