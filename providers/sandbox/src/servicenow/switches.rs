//! The readings of unsettled documentation and the faults that a practice instance can be switched to while it runs.
//!
//! Owns: [`Semantics`] and the shared handle [`Switches`]. Does not own: what each one does; see its users.
//! Invariant: `Semantics::default()` is the most likely reading and `Faults::default()` is a healthy instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::faults::{Fault, Faults};

/// What happens to a query that names an unknown column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvalidQuery {
    /// The predicate is dropped, the result widens.
    #[default]
    Ignore,
    /// No row is returned (`glide.invalid_query.returns_no_rows`).
    NoRows,
    /// Accounts that are not administrators get 403; a stripped predicate is dropped as by [`InvalidQuery::Ignore`].
    Forbidden,
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
    /// Under [`InvalidQuery::NoRows`], a sort by an unknown or stripped column empties the result, too.
    pub invalid_sort_empties: bool,
    /// Text matching ignores case.
    pub case_folds: bool,
    /// Text matching ignores accents.
    pub accents_fold: bool,
    /// `(table, column)` pairs whose text is matched exactly (`i18n_locale_text_match`).
    pub exact_text_columns: BTreeSet<(String, String)>,
    /// `'a' = 'a '`, as PAD SPACE collations have it.
    pub trailing_blanks_ignored: bool,
    /// `!=`, `NOT IN` and `NOT LIKE` return rows where the column is NULL.
    pub not_equal_returns_nulls: bool,
    /// `NOT LIKE` returns rows where the column is NULL although `!=` may not.
    pub not_like_returns_nulls: bool,
    /// Some rows hold `''` as a value of its own, which `!=` returns; otherwise `''` is stored as NULL.
    pub empty_string_stored_distinct: bool,
    /// `f=` means `fISEMPTY`; otherwise it means `fEMPTYSTRING`.
    pub empty_value_is_empty: bool,
    /// `f=NULL` means `fISEMPTY`.
    pub null_word_is_empty: bool,
    /// `%` and `_` inside a LIKE, STARTSWITH or ENDSWITH value are wildcards.
    pub like_wildcards: bool,
    /// `NOTLIKE` is `NOT LIKE`; otherwise it belongs to the name of the column.
    pub notlike_accepted: bool,
    /// `^^` is a caret inside a value.
    pub double_caret_escapes: bool,
    /// `IN` and `NOT IN` take a list of one; otherwise such a list matches nothing.
    pub single_in_works: bool,
    /// Blanks around the members of a list don't count.
    pub in_trims_blanks: bool,
    /// Literals are rounded to the scale of a decimal column before they are compared.
    pub decimal_literals_rounded: bool,
    /// `=` between a date-time and a date holds all day; otherwise at midnight.
    pub date_only_equals_day: bool,
    /// `=false` returns rows where the boolean is NULL.
    pub false_matches_null: bool,
    /// Boolean literals may be `1` and `0`.
    pub boolean_digits_accepted: bool,
    /// `=` on a list column asks for a member; otherwise for the whole text.
    pub list_equals_is_membership: bool,
    /// Translated columns are compared in the language that they are read in; otherwise no literal matches them.
    pub translated_text_matches: bool,
    /// A condition on a dot-walk is false where the reference is empty, even `ISEMPTY`.
    pub dot_walk_inner_joins: bool,
    /// Negated conditions on a dot-walk hold where the reference is empty.
    pub dot_walk_not_equal_returns_nulls: bool,
    /// A dot-walk over an empty reference has no key in the answer; otherwise it is `""`.
    pub dot_walk_null_missing: bool,
    /// Columns with a choice list sort by label; otherwise by value.
    pub choices_sort_by_label: bool,
    /// Offset of the session's time zone, in which date-time literals are read.
    pub literal_zone_offset_minutes: i32,
    /// Offset of the user's time zone, in which date-times are displayed.
    pub display_zone_offset_minutes: i32,
    /// Labels of choices are displayed in German, as to a user of that language.
    pub labels_in_german: bool,
    /// NULL sorts before every value in ascending order.
    pub nulls_first: bool,
    /// Without ORDERBY on a unique column, pages overlap and miss rows.
    pub pages_overlap: bool,
    /// `X-Total-Count` is sent when it was not declined.
    pub total_count_sent: bool,
    /// The last page still has a `rel="next"` link.
    pub next_link_at_end: bool,
    /// The Aggregate API leaves out rows that row ACLs hide.
    pub stats_apply_row_acls: bool,
    /// The Aggregate API leaves out columns of `hidden_fields`.
    pub stats_apply_field_acls: bool,
    /// SUM, AVG, MIN and MAX of no value have no key; otherwise they are `""`.
    pub stats_empty_key_missing: bool,
    /// An ungrouped count of no row has no key; otherwise it is `"0"`.
    pub stats_empty_count_missing: bool,
    /// NULL and `''` are one group; otherwise two, which both read `""`.
    pub stats_merge_null_and_empty: bool,
    /// `sysparm_offset` and `sysparm_limit` select groups.
    pub stats_honour_limit: bool,
    /// Averages are written as `1.5E00`; otherwise with four decimals.
    pub stats_scientific_average: bool,
    /// Sums of durations are written as date-times; otherwise in seconds.
    pub stats_durations_as_dates: bool,
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
    /// The same for what the operation `query_match` governs: `=`, `!=`, lists, `SAMEAS` and tests for emptiness.
    pub stripped_match_columns: BTreeSet<(String, String)>,
    /// The same for what the operation `query_range` governs: all other operators, and `ORDERBY`.
    pub stripped_range_columns: BTreeSet<(String, String)>,
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
            invalid_sort_empties: false,
            case_folds: true,
            accents_fold: true,
            exact_text_columns: BTreeSet::new(),
            trailing_blanks_ignored: true,
            not_equal_returns_nulls: false,
            not_like_returns_nulls: false,
            empty_string_stored_distinct: true,
            empty_value_is_empty: true,
            null_word_is_empty: true,
            like_wildcards: false,
            notlike_accepted: false,
            double_caret_escapes: false,
            single_in_works: true,
            in_trims_blanks: false,
            decimal_literals_rounded: false,
            date_only_equals_day: false,
            false_matches_null: false,
            boolean_digits_accepted: true,
            list_equals_is_membership: false,
            translated_text_matches: true,
            dot_walk_inner_joins: false,
            dot_walk_not_equal_returns_nulls: false,
            dot_walk_null_missing: false,
            choices_sort_by_label: false,
            literal_zone_offset_minutes: 0,
            display_zone_offset_minutes: -420,
            labels_in_german: false,
            nulls_first: true,
            pages_overlap: false,
            total_count_sent: true,
            next_link_at_end: false,
            stats_apply_row_acls: false,
            stats_apply_field_acls: false,
            stats_empty_key_missing: false,
            stats_empty_count_missing: false,
            stats_merge_null_and_empty: true,
            stats_honour_limit: false,
            stats_scientific_average: false,
            stats_durations_as_dates: false,
            dictionary_access: Access::Full,
            ui_meta_available: true,
            choice_access: ChoiceAccess::Full,
            hidden_fields: BTreeSet::new(),
            row_acl: BTreeMap::new(),
            stripped_columns: BTreeSet::new(),
            stripped_match_columns: BTreeSet::new(),
            stripped_range_columns: BTreeSet::new(),
            forbidden_query_columns: BTreeSet::new(),
            user_domains: BTreeMap::from([("ana.lopez".to_owned(), 2), ("bruno.khan".to_owned(), 7)]),
            rate_rule: None,
            batch_serviced_limit: None,
            token_seconds: 1800,
            long_url_status: 414,
        }
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
