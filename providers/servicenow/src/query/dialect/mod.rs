//! What an encoded query can say about a column, and how faithfully.
//!
//! Owns: which columns are filtered there, and where that is believed. Does not own: what a comparison means; see `semantics`.
//! Invariant: ServiceNow drops a predicate without saying so when a query ACL denies its column. So a comparison is exact only on
//! columns where conditions were seen to be honoured for this identity, see `verification`; everything else is checked again. Columns
//! that no dictionary describes are never filtered there.
//! Source: "Query ACLs", Australia, read 2026-03-12.

use std::collections::BTreeSet;

use causeway_core::{
    AggregateFunction, Column, Condition, Dialect, Error, Literal, Op, Origin, RemoteQuery, Table, Verdict,
};

use super::aggregate::{AggregateRequest, aggregates_alike, groups_alike};
use super::choice_label;
use super::encoded_query::takes_one_group;
use super::request::ScanRequest;
use super::semantics::{self, MAY_BE_NULL};
use super::verdict::{never, present, superset};
use super::wire::is_column_name;
use crate::types::{Family, is_label};

const MAY_IGNORE: &str = "servicenow may ignore a predicate without saying so";
const IGNORED: &str = "the instance ignores or refuses such conditions on this column for this user";

const UNSORTED: &str = "the instance ignores or refuses to sort by this column for this user";

/// The semantics of encoded queries.
#[derive(Debug, Clone)]
pub struct ServiceNowDialect {
    text_pushdown: bool,
}

impl Default for ServiceNowDialect {
    fn default() -> Self {
        Self::new(true)
    }
}

impl ServiceNowDialect {
    /// Makes the dialect; without `text_pushdown` comparisons of text stay local.
    #[must_use]
    pub fn new(text_pushdown: bool) -> Self {
        Self { text_pushdown }
    }
}

/// The verdict in the light of what was seen of the column.
fn verified(column: &Column, field: &str, verdict: Verdict) -> Verdict {
    let (condition, reason) = match verdict {
        Verdict::Exact(condition) => (condition, None),
        Verdict::Superset(condition, reason) => (condition, Some(reason)),
        Verdict::Never(_) => return verdict,
    };
    let atoms = condition.atoms().into_iter();
    let seen: Vec<Option<bool>> = atoms
        .map(|atom| column.verification.of(atom.operator.class()))
        .collect();
    if seen.contains(&Some(false)) {
        return never(IGNORED);
    }
    let honours_tests = column.verification.equality == Some(true);
    match reason {
        None if seen.iter().all(|seen| *seen == Some(true)) => Verdict::Exact(condition),
        None => superset(condition, MAY_IGNORE),
        // Rows without a value are asked away once that is known to work.
        Some(reason) if reason == MAY_BE_NULL && honours_tests => {
            Verdict::Exact(Condition::All(vec![condition, present(field)]))
        }
        Some(reason) if reason == MAY_BE_NULL => superset(condition, MAY_IGNORE),
        Some(reason) => Verdict::Superset(condition, reason),
    }
}

impl Dialect for ServiceNowDialect {
    fn atom(&self, column: &Column, op: Op, values: &[Literal]) -> Verdict {
        if let Origin::Display(field) = &column.origin
            && is_label(&column.remote_type)
            && is_column_name(field)
        {
            return choice_label::label(field, &column.remote_type, op, values);
        }
        let Some(field) = column.remote_field() else {
            return never("display values are made by the instance after it has filtered");
        };
        if !column.filterable {
            return never("no dictionary says that the column can be filtered");
        }
        if !is_column_name(field) {
            return never("the column's name could be misread in an encoded query");
        }
        verified(
            column,
            field,
            semantics::comparison(column, field, op, values, self.text_pushdown),
        )
    }

    /// Display values of choices are said by what is stored.
    fn filters_origin(&self, column: &Column) -> bool {
        matches!(column.origin, Origin::Display(_))
    }

    /// Alternatives that need groups of their own may not fit beside others.
    fn sends_whole(&self, condition: &Condition) -> bool {
        takes_one_group(condition)
    }

    /// Numbers, days and moments only: text sorts by a collation. Where NULLs stand depends on the instance's database, and the sort may
    /// be dropped without a sign, so the engine checks what comes.
    fn sorts_values(&self, column: &Column) -> Result<(), &'static str> {
        let field = column
            .remote_field()
            .ok_or("display values are made by the instance after it has sorted")?;
        match Family::of(&column.remote_type) {
            _ if !column.filterable => Err("no dictionary says that the column can be sorted by"),
            _ if !is_column_name(field) => Err("the column's name could be misread in an encoded query"),
            _ if column.verification.range == Some(false) => Err(UNSORTED),
            Family::Integer | Family::Long | Family::Decimal | Family::Moment | Family::Day => Ok(()),
            Family::Text | Family::List | Family::Opaque => {
                Err("the instance sorts text by another collation")
            }
            Family::Key => Err("the instance may sort references by what they display"),
            Family::Money => Err("amounts are compared in another currency there"),
            Family::Boolean | Family::Duration => Err("too few or unclear values to sort by there"),
        }
    }

    fn groups_like_arrow(&self, column: &Column) -> bool {
        column.groupable && groups_alike(&column.remote_type)
    }

    fn aggregates_like_arrow(
        &self,
        table: &Table,
        function: AggregateFunction,
        column: Option<&Column>,
    ) -> bool {
        let Some(column) = column else {
            let key = table.single_key().and_then(|key| table.columns.get(key));
            return function == AggregateFunction::Count && key.is_some_and(|key| key.aggregatable);
        };
        let is_zoned = Family::of(&column.remote_type) == Family::Moment && !column.verification.utc;
        // Values are counted by asking for the rows that have one.
        let counts_values =
            function != AggregateFunction::Count || column.verification.equality == Some(true);
        column.aggregatable && counts_values && !is_zoned && aggregates_alike(function, &column.remote_type)
    }

    /// A sum of zero is asked about once more; see `page_reader`.
    fn sums_nothing_to_null(&self) -> bool {
        true
    }

    fn scan_name(&self) -> &'static str {
        "ServiceNowScan"
    }

    /// As a person can paste it: the part after `sysparm_query=` also goes into the filter of a list.
    fn render(&self, query: &RemoteQuery) -> Result<String, Error> {
        if query.is_empty() {
            return Ok(format!("{}: no row can match", query.table.name.remote));
        }
        match &query.grouping {
            Some(grouping) => {
                Ok(AggregateRequest::of_query(self, query, grouping, &BTreeSet::new())?.readable())
            }
            None => Ok(ScanRequest::described(self, query)?.readable()),
        }
    }

    fn request_bytes(&self, query: &RemoteQuery) -> Result<usize, Error> {
        match &query.grouping {
            Some(grouping) => Ok(
                AggregateRequest::of_query(self, query, grouping, &BTreeSet::new())?
                    .target(None)
                    .len(),
            ),
            None => Ok(ScanRequest::described(self, query)?.longest_target()),
        }
    }
}

#[cfg(test)]
mod tests;
