//! The readings of unsettled documentation and the faults that a practice instance can be switched to while it runs.
//!
//! Owns: [`Semantics`], [`Faults`] and the shared handle [`Switches`]. Does not own: what each one does; see its users.
//! Invariant: `Semantics::default()` is the most likely reading and `Faults::default()` is a healthy instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// What happens to a query that names an unknown column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvalidQuery {
    /// The predicate is dropped, the result widens.
    #[default]
    Ignore,
    /// No row is returned (`glide.invalid_query.returns_no_rows`).
    NoRows,
}

/// What an account that is not an administrator sees of a metadata table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// All rows.
    #[default]
    Full,
    /// Status 200 and no rows.
    EmptyForNonAdmin,
    /// Status 403.
    Forbidden,
}

/// What an account that is not an administrator sees of `sys_choice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChoiceAccess {
    /// All columns.
    #[default]
    Full,
    /// Only `label`; a filter on another column is answered with 403.
    LabelOnly,
}

/// A rate limit rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRule {
    /// Requests per user and hour.
    pub requests_per_hour: u32,
}

/// Which reading of the documentation holds, and how the instance is configured.
#[derive(Debug, Clone)]
pub struct Semantics {
    /// Regime for predicates on unknown or stripped columns.
    pub invalid_query: InvalidQuery,
    /// Text matching ignores accents as well as case.
    pub accents_fold: bool,
    /// `'a' = 'a '`, as PAD SPACE collations have it.
    pub trailing_blanks_ignored: bool,
    /// `!=`, `NOT IN` and `NOT LIKE` return rows where the column is NULL.
    pub not_equal_returns_nulls: bool,
    /// Some rows hold `''` as a value of its own, which `!=` returns; otherwise `''` is stored as NULL.
    pub empty_string_stored_distinct: bool,
    /// `f=NULL` means `fISEMPTY`.
    pub null_word_is_empty: bool,
    /// `%` and `_` inside a LIKE, STARTSWITH or ENDSWITH value are wildcards.
    pub like_wildcards: bool,
    /// Offset of the session's time zone, in which date-time literals are read.
    pub literal_zone_offset_minutes: i32,
    /// Offset of the user's time zone, in which date-times are displayed.
    pub display_zone_offset_minutes: i32,
    /// NULL sorts before every value in ascending order.
    pub nulls_first: bool,
    /// Without ORDERBY on a unique column, pages overlap and miss rows.
    pub pages_overlap: bool,
    /// Access to `sys_dictionary` (and `sys_db_object`).
    pub dictionary_access: Access,
    /// `/api/now/ui/meta` exists.
    pub ui_meta_available: bool,
    /// Access to `sys_choice`.
    pub choice_access: ChoiceAccess,
    /// `(table, column)` pairs whose key is missing from every row.
    pub hidden_fields: BTreeSet<(String, String)>,
    /// Table → n: every n-th row is removed after the limit was applied.
    pub row_acl: BTreeMap<String, u64>,
    /// `(table, column)` pairs whose predicates and sorts are dropped silently (query ACLs).
    pub stripped_columns: BTreeSet<(String, String)>,
    /// `(table, column)` pairs whose use in a query is answered with 403.
    pub forbidden_query_columns: BTreeSet<(String, String)>,
    /// User name → index into [`crate::world::DOMAINS`]: sees that domain, its descendants and `global`.
    pub user_domains: BTreeMap<String, usize>,
    /// A rate limit rule, if one matches.
    pub rate_rule: Option<RateRule>,
    /// At most so many requests of a batch are serviced.
    pub batch_serviced_limit: Option<usize>,
    /// Life of an access token.
    pub token_seconds: u64,
    /// Status of a URL over the limit: 414 or 400.
    pub long_url_status: u16,
}

impl Default for Semantics {
    fn default() -> Self {
        Self {
            invalid_query: InvalidQuery::Ignore,
            accents_fold: true,
            trailing_blanks_ignored: true,
            not_equal_returns_nulls: false,
            empty_string_stored_distinct: true,
            null_word_is_empty: true,
            like_wildcards: false,
            literal_zone_offset_minutes: 0,
            display_zone_offset_minutes: -420,
            nulls_first: true,
            pages_overlap: false,
            dictionary_access: Access::Full,
            ui_meta_available: true,
            choice_access: ChoiceAccess::Full,
            hidden_fields: BTreeSet::new(),
            row_acl: BTreeMap::new(),
            stripped_columns: BTreeSet::new(),
            forbidden_query_columns: BTreeSet::new(),
            user_domains: BTreeMap::from([("ana.lopez".to_owned(), 2), ("bruno.khan".to_owned(), 7)]),
            rate_rule: None,
            batch_serviced_limit: None,
            token_seconds: 1800,
            long_url_status: 414,
        }
    }
}

/// Faults to come: each number says how many of the next data calls fail in that way.
///
/// One call suffers at most one fault; they are used up in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Data calls that pass unharmed before the first fault.
    pub after_calls: u32,
    /// 200 with some of the rows and an `error`.
    pub partial_with_error: u32,
    /// 200 whose JSON breaks off.
    pub cut_json: u32,
    /// 200 with the HTML page of a hibernating instance.
    pub html_page: u32,
    /// 200 with an element `""` among the rows.
    pub stray_element: u32,
    /// 200 with an element `{"__meta": …}` among the rows, which is harmless.
    pub meta_element: u32,
    /// 202 with an empty body.
    pub accepted_empty: u32,
    /// 429 with `Retry-After: 1`.
    pub throttled_retry_after: u32,
    /// 429 without `Retry-After`.
    pub throttled: u32,
    /// 503 with an HTML body.
    pub unavailable: u32,
    /// All access tokens expire before the call.
    pub expire_tokens: u32,
    /// The call takes `slow_ms` longer.
    pub slow: u32,
    /// Added delay of a slow call.
    pub slow_ms: u64,
    /// An integer of the first row reads `abc`.
    pub wrong_typed_value: u32,
    /// Key range and order are ignored, so that the first page comes again.
    pub repeated_page: u32,
}

/// The one fault that a call suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    PartialWithError,
    CutJson,
    HtmlPage,
    StrayElement,
    MetaElement,
    AcceptedEmpty,
    ThrottledRetryAfter,
    Throttled,
    Unavailable,
    ExpireTokens,
    Slow(u64),
    WrongTypedValue,
    RepeatedPage,
}

impl Faults {
    fn take(&mut self) -> Option<Fault> {
        if self.after_calls > 0 {
            self.after_calls -= 1;
            return None;
        }
        let slow_ms = self.slow_ms;
        let counters = [
            (&mut self.partial_with_error, Fault::PartialWithError),
            (&mut self.cut_json, Fault::CutJson),
            (&mut self.html_page, Fault::HtmlPage),
            (&mut self.stray_element, Fault::StrayElement),
            (&mut self.meta_element, Fault::MetaElement),
            (&mut self.accepted_empty, Fault::AcceptedEmpty),
            (&mut self.throttled_retry_after, Fault::ThrottledRetryAfter),
            (&mut self.throttled, Fault::Throttled),
            (&mut self.unavailable, Fault::Unavailable),
            (&mut self.expire_tokens, Fault::ExpireTokens),
            (&mut self.slow, Fault::Slow(slow_ms)),
            (&mut self.wrong_typed_value, Fault::WrongTypedValue),
            (&mut self.repeated_page, Fault::RepeatedPage),
        ];
        for (counter, fault) in counters {
            if *counter > 0 {
                *counter -= 1;
                return Some(fault);
            }
        }
        None
    }
}

/// A handle to semantics and faults of a running instance. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Switches(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    semantics: Arc<Semantics>,
    faults: Faults,
}

impl Switches {
    pub(super) fn new(semantics: Semantics) -> Self {
        Self(Arc::new(RwLock::new(State {
            semantics: Arc::new(semantics),
            faults: Faults::default(),
        })))
    }

    /// The semantics in force.
    #[must_use]
    pub fn current(&self) -> Arc<Semantics> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).semantics)
    }

    /// Changes the semantics; calls that already run keep the old ones.
    pub fn change(&self, change: impl FnOnce(&mut Semantics)) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut semantics = Semantics::clone(&state.semantics);
        change(&mut semantics);
        state.semantics = Arc::new(semantics);
    }

    /// Replaces the faults to come.
    pub fn inject(&self, faults: Faults) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).faults = faults;
    }

    /// The faults that are still to come.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .faults
            .clone()
    }

    pub(super) fn take_fault(&self) -> Option<Fault> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .faults
            .take()
    }
}
