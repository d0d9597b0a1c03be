//! What a test can change while the org runs: the meaning of doubtful queries, and faults.
//!
//! Owns: [`Semantics`], [`Faults`] and the shared handle [`Switches`].
//! Invariant: the defaults are the most likely reading of the documentation and no fault at all.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A field that a user may not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenField {
    /// User name, or `*` for everybody.
    pub user: String,
    /// Object name.
    pub object: String,
    /// Field name.
    pub field: String,
}

/// Rows that a user may not see: those whose number leaves `remainder` when divided by `modulus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenRows {
    /// User name, or `*` for everybody.
    pub user: String,
    /// Object name.
    pub object: String,
    /// Divisor of the row number; 1 hides all rows.
    pub modulus: usize,
    /// Remainder of the hidden rows.
    pub remainder: usize,
}

/// How the org reads what the documentation leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semantics {
    /// Null rows satisfy `!=`, `NOT IN` and `NOT LIKE`; otherwise null is neither equal nor unequal.
    pub nulls_kept: bool,
    /// `GROUP BY` and `COUNT_DISTINCT` put text values together that differ only in case.
    pub group_by_folds_case: bool,
    /// Text comparison ignores accents.
    pub accents_fold: bool,
    /// Text comparison ignores trailing blanks.
    pub trailing_blanks_ignored: bool,
    /// The running user's locale is Turkish: `i` pairs with `İ`, `ı` with `I`.
    pub turkish_locale: bool,
    /// Objects with a currency field also have `CurrencyIsoCode`.
    pub multi_currency: bool,
    /// `ORDER BY` without `NULLS` puts nulls first in both directions; otherwise `DESC` puts them last.
    pub nulls_first_default: bool,
    /// Parent paths show fields of parents that the user may not see.
    pub hidden_parents_readable: bool,
    /// Field-level security.
    pub hidden_fields: Vec<HiddenField>,
    /// Sharing.
    pub hidden_rows: Vec<HiddenRows>,
    /// Calls that may be made before `REQUEST_LIMIT_EXCEEDED`.
    pub daily_api_requests: usize,
}

impl Default for Semantics {
    fn default() -> Self {
        Self {
            nulls_kept: true,
            group_by_folds_case: true,
            accents_fold: false,
            trailing_blanks_ignored: false,
            turkish_locale: false,
            multi_currency: false,
            nulls_first_default: true,
            hidden_parents_readable: false,
            hidden_fields: Vec::new(),
            hidden_rows: Vec::new(),
            daily_api_requests: 100_000,
        }
    }
}

impl Semantics {
    /// Tells whether the user may see the field.
    pub(super) fn shows_field(&self, user: &str, object: &str, field: &str) -> bool {
        !self.hidden_fields.iter().any(|hidden| {
            (hidden.user == "*" || hidden.user == user)
                && hidden.object.eq_ignore_ascii_case(object)
                && hidden.field.eq_ignore_ascii_case(field)
        })
    }

    /// Collects the rules that hide rows of the object from the user.
    pub(super) fn sharing(&self, user: &str, object: &str) -> Sharing {
        Sharing(
            self.hidden_rows
                .iter()
                .filter(|hidden| {
                    (hidden.user == "*" || hidden.user == user) && hidden.object.eq_ignore_ascii_case(object)
                })
                .map(|hidden| (hidden.modulus.max(1), hidden.remainder))
                .collect(),
        )
    }
}

/// The rows of one object that one user may see.
#[derive(Debug, Clone, Default)]
pub(super) struct Sharing(Vec<(usize, usize)>);

impl Sharing {
    /// Tells whether the user may see the row.
    pub(super) fn shows(&self, row: usize) -> bool {
        !self
            .0
            .iter()
            .any(|(modulus, remainder)| row % modulus == *remainder)
    }

    /// Tells whether nothing is hidden.
    pub(super) fn shows_all(&self) -> bool {
        self.0.is_empty()
    }
}

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

#[derive(Debug, Default)]
struct Settings {
    semantics: Semantics,
    faults: Faults,
    changes: i64,
}

/// A shared handle to the settings of a running org. Clones change the same org.
#[derive(Debug, Clone, Default)]
pub struct Switches(Arc<RwLock<Settings>>);

impl Switches {
    /// Makes a handle with these semantics and no fault.
    #[must_use]
    pub fn new(semantics: Semantics) -> Self {
        Self(Arc::new(RwLock::new(Settings {
            semantics,
            ..Settings::default()
        })))
    }

    /// Copies the semantics.
    #[must_use]
    pub fn semantics(&self) -> Semantics {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .semantics
            .clone()
    }

    /// Copies the faults that are left.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .faults
            .clone()
    }

    /// Changes the semantics; describe answers count as modified from now on.
    pub fn change_semantics(&self, change: impl FnOnce(&mut Semantics)) {
        let mut settings = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut settings.semantics);
        settings.changes += 1;
    }

    /// Changes the faults and returns what `change` returns.
    pub fn change_faults<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner).faults)
    }

    /// Returns how often the semantics were changed.
    pub(super) fn changes(&self) -> i64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).changes
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

    #[test]
    fn hidden_rows_bind_only_their_user() {
        let semantics = Semantics {
            hidden_rows: vec![HiddenRows {
                user: "ana".to_owned(),
                object: "account".to_owned(),
                modulus: 2,
                remainder: 1,
            }],
            ..Semantics::default()
        };
        assert!(!semantics.sharing("ana", "Account").shows(3));
        assert!(semantics.sharing("ana", "Account").shows(2));
        assert!(semantics.sharing("bruno", "Account").shows_all());
    }
}
