//! What a test can change while the org runs: the meaning of doubtful queries, and faults.
//!
//! Owns: [`Semantics`] and the shared handle [`Switches`]. Does not own: faults; see [`Faults`].
//! Invariant: the defaults are the most likely reading of the documentation and no fault at all.

use std::sync::{Arc, PoisonError, RwLock};

use super::faults::Faults;

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

/// A flag of a field in describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// `filterable`.
    Filterable,
    /// `sortable`.
    Sortable,
    /// `groupable`.
    Groupable,
    /// `aggregatable`.
    Aggregatable,
}

/// A flag that describe reports as true although a query that relies on it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LyingFlag {
    /// Object name.
    pub object: String,
    /// Field name.
    pub field: String,
    /// The flag.
    pub flag: Flag,
}

/// How the org reads what the documentation leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semantics {
    /// Null rows satisfy `!=`, `NOT IN` and `NOT LIKE`; otherwise null is neither equal nor unequal.
    pub nulls_kept: bool,
    /// `EXCLUDES` keeps null rows.
    pub excludes_keeps_nulls: bool,
    /// `f > null` and its kin are true for every row; otherwise for none.
    pub null_inequality_keeps_all: bool,
    /// A null inside an IN list stands for null rows; otherwise it is ignored.
    pub null_in_list_matches: bool,
    /// A null foreign key inside an anti-join leaves no row, as in SQL; otherwise it is ignored.
    pub anti_join_null_drops_all: bool,
    /// `f = ''` means `f = null`; otherwise nothing equals `''`.
    pub empty_text_is_null: bool,
    /// `GROUP BY` and `COUNT_DISTINCT` put text values together that differ only in case.
    pub group_by_folds_case: bool,
    /// The same for picklists.
    pub group_by_folds_picklists: bool,
    /// `acme__Pick__c` holds values that differ only in case, as rows written before a picklist was restricted may.
    pub picklist_case_variants: bool,
    /// Text comparison ignores accents.
    pub accents_fold: bool,
    /// Text comparison ignores trailing blanks.
    pub trailing_blanks_ignored: bool,
    /// Text comparison ignores leading blanks.
    pub leading_blanks_ignored: bool,
    /// The running user's locale is Turkish: `i` pairs with `İ`, `ı` with `I`.
    pub turkish_locale: bool,
    /// Objects with a currency field also have `CurrencyIsoCode`.
    pub multi_currency: bool,
    /// `ORDER BY` without `NULLS` puts nulls first in both directions; otherwise `DESC` puts them last.
    pub nulls_first_default: bool,
    /// `NULLS LAST` is ignored for references that may be null.
    pub reference_nulls_last_ignored: bool,
    /// `NULLS LAST` is ignored for fields of a parent, too.
    pub parent_nulls_last_ignored: bool,
    /// Number literals may have an exponent.
    pub exponents_accepted: bool,
    /// Datetime literals may have a fraction of a second.
    pub fractional_seconds_accepted: bool,
    /// `LIMIT 0` is allowed.
    pub limit_zero_accepted: bool,
    /// `=` on a multi-select picklist needs the values in the stored order.
    pub multipicklist_order_matters: bool,
    /// Id literals of 15 characters match; otherwise they match nothing.
    pub short_ids_match: bool,
    /// A malformed id literal is an error; otherwise it matches nothing.
    pub malformed_ids_refused: bool,
    /// SUM and AVG are rounded to the scale of the field.
    pub aggregates_round_to_scale: bool,
    /// SUM of no value is 0; otherwise null.
    pub empty_sum_is_zero: bool,
    /// Most groups of a result; more are `EXCEEDED_ID_LIMIT`.
    pub group_limit: usize,
    /// A result of more groups than `batchSize` asks for is `EXCEEDED_ID_LIMIT` as well.
    pub group_limit_follows_batch_size: bool,
    /// Flags that describe gives wrongly.
    pub lying_flags: Vec<LyingFlag>,
    /// Status of `INVALID_QUERY_LOCATOR`.
    pub invalid_locator_status: u16,
    /// Status of `QUERY_TIMEOUT`; see [`Faults::query_timeout`].
    pub query_timeout_status: u16,
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
            excludes_keeps_nulls: true,
            null_inequality_keeps_all: true,
            null_in_list_matches: true,
            anti_join_null_drops_all: false,
            empty_text_is_null: true,
            group_by_folds_case: true,
            group_by_folds_picklists: true,
            picklist_case_variants: false,
            accents_fold: false,
            trailing_blanks_ignored: false,
            leading_blanks_ignored: false,
            turkish_locale: false,
            multi_currency: false,
            nulls_first_default: true,
            reference_nulls_last_ignored: true,
            parent_nulls_last_ignored: false,
            exponents_accepted: false,
            fractional_seconds_accepted: true,
            limit_zero_accepted: true,
            multipicklist_order_matters: false,
            short_ids_match: true,
            malformed_ids_refused: true,
            aggregates_round_to_scale: false,
            empty_sum_is_zero: false,
            group_limit: 2000,
            group_limit_follows_batch_size: false,
            lying_flags: Vec::new(),
            invalid_locator_status: 400,
            query_timeout_status: 400,
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

    /// Finds the flags of a field that describe gives wrongly.
    pub(super) fn lies(&self, object: &str, field: &str) -> impl Iterator<Item = Flag> {
        self.lying_flags
            .iter()
            .filter(move |lie| {
                lie.object.eq_ignore_ascii_case(object) && lie.field.eq_ignore_ascii_case(field)
            })
            .map(|lie| lie.flag)
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
