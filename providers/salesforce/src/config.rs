//! The configuration of a Salesforce source.
//!
//! Does not own: where it is read from. Invariant: an unknown key is an error.

use std::num::NonZeroU32;

use causeway_core::http::{AuthConfig, Reserve};
use serde::Deserialize;

/// One Salesforce org, as written under `sources` in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// My Domain address, for example `https://acme.my.salesforce.com`.
    pub url: String,
    /// Version of the REST API, for example `62.0`.
    #[serde(default = "default_api_version")]
    pub api_version: String,
    /// Patterns with `*` and `?`, case-insensitive; an object that none matches is not a table.
    #[serde(default = "default_objects")]
    pub objects: Vec<String>,
    /// How to sign in.
    pub auth: AuthConfig,
    /// Calls at the same time, over all queries; 8 unless given.
    pub concurrent_calls: Option<usize>,
    /// Calls a second, over all queries; no limit unless given.
    pub calls_per_second: Option<NonZeroU32>,
    /// Share of the org's calls of a day that queries leave alone, such as `20%`; none unless given.
    pub reserve: Option<Reserve>,
    /// Longest time for one call; 120 unless given.
    pub timeout_seconds: Option<u64>,
    /// Rows of a page, 200 to 2000; 2000 unless given.
    pub page_rows: Option<usize>,
    /// Whether text comparisons may be pushed; `false` for a running user with a Turkish or Azeri locale.
    pub text_pushdown: Option<bool>,
    /// Whether the running user sees every record ("View All Data"), so that outer joins along a reference may be one query; `false`
    /// unless given.
    pub assume_full_read_access: Option<bool>,
}

fn default_api_version() -> String {
    "62.0".to_owned()
}

fn default_objects() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Config {
    /// The configuration of the org at `url` with everything else as it is by default.
    #[must_use]
    pub fn new(url: impl Into<String>, auth: AuthConfig) -> Self {
        Self {
            url: url.into(),
            api_version: default_api_version(),
            objects: default_objects(),
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
}

/// The first version whose paging and nesting this source relies on.
const OLDEST_API_VERSION: u32 = 58;

/// Says what is wrong with the version, if anything.
pub(crate) fn check_api_version(version: &str) -> Result<(), String> {
    let number = version
        .strip_suffix(".0")
        .and_then(|major| major.parse::<u32>().ok());
    match number {
        None => Err(format!(
            "api_version '{version}' is no version; write it as '62.0'"
        )),
        Some(major) if major < OLDEST_API_VERSION => Err(format!(
            "api_version '{version}' is too old; use '{OLDEST_API_VERSION}.0' or later"
        )),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_checked_before_any_call() {
        assert_eq!(check_api_version("62.0"), Ok(()));
        assert!(check_api_version("v62").is_err_and(|reason| reason.contains("write it as '62.0'")));
        assert!(check_api_version("40.0").is_err_and(|reason| reason.contains("too old")));
    }
}
