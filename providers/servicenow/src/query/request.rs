//! One scan as requests: which fields of which rows, from where on.
//!
//! Owns: the target of a page. Does not own: the position within a scan, see `position`; sending, see `api::client`.
//! Invariant: names were validated and values percent-encoded before they reach a target. Start at [`ScanRequest`].

use std::collections::BTreeSet;

use causeway_core::{
    Atom, Condition, Dialect, Error, Fidelity, Kind, Origin, QueryText, RemoteQuery, Verdict,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::column_use::ColumnUse;
use super::encoded_query::{EncodedQuery, conjuncts};
use super::position::Position;
use super::wire::{Sort, is_column_name, is_table_name};

/// Everything but the unreserved characters. An unencoded `&` would end a query, `+` be a blank, `#` cut it.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What all requests of a scan have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanRequest {
    pub(crate) table: String,
    pub(crate) fields: Vec<String>,
    pub(crate) filter: EncodedQuery,
    /// What rows are sorted by before their key. Such a scan has one page.
    pub(crate) order: Option<Sort>,
    /// The conditions but the keys of a join; `None` when there are no keys.
    pub(crate) keyless: Option<EncodedQuery>,
    /// Whether values come with their display values.
    pub(crate) display: bool,
    /// Whether the conditions name records, which the reader of the ledger may not be allowed to see.
    pub(crate) names_records: bool,
}

impl ScanRequest {
    /// The request of an engine's query. The record key is always among the fields, because pages are found by it.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when something can't be written safely.
    pub(crate) fn of_query(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<Self, Error> {
        Self::without(dialect, query, &BTreeSet::new())
    }

    /// The request without the conditions that rely on these uses; the engine checks them.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the engine was told that it need not, so that it plans again. [`Kind::Malformed`] when something can't be
    /// written safely.
    pub(crate) fn without(
        dialect: &dyn Dialect,
        query: &RemoteQuery,
        doubted: &BTreeSet<ColumnUse>,
    ) -> Result<Self, Error> {
        let request = Self::build(dialect, query, doubted)?;
        match request.filter.is_resolved() {
            true => Ok(request),
            false => Err(malformed(query, "the stored values of a label are not known")),
        }
    }

    /// The request as people see it and as its length is estimated, for which no choice is looked up. It must not be sent.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when something can't be written safely.
    pub(crate) fn described(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<Self, Error> {
        Self::build(dialect, query, &BTreeSet::new())
    }

    fn build(
        dialect: &dyn Dialect,
        query: &RemoteQuery,
        doubted: &BTreeSet<ColumnUse>,
    ) -> Result<Self, Error> {
        let table = &query.table.name.remote;
        if !is_table_name(table) {
            return Err(malformed(
                query,
                format!("table name '{table}' can't be written safely"),
            ));
        }
        let unsafe_to_write = |reason| malformed(query, reason);
        let encoded =
            |conditions: &[&Condition]| EncodedQuery::of(conditions.iter().copied()).map_err(unsafe_to_write);
        let mut kept = Vec::new();
        let mut own = Vec::new();
        for filter in &query.filters {
            for part in conjuncts(&filter.condition) {
                match encoded(&[part])?.uses().intersection(doubted).next() {
                    None => {
                        kept.push(part);
                        own.extend((!filter.derived).then_some(part));
                    }
                    Some(used) if filter.fidelity == Fidelity::Exact => {
                        return Err(no_longer_honoured(query, used));
                    }
                    Some(_) => {}
                }
            }
        }
        let keys = key_condition(dialect, query)?;
        if let Some(keys) = &keys
            && encoded(&[keys])?.uses().is_disjoint(doubted)
        {
            kept.push(keys);
        }
        let has_keys = own.len() < kept.len();
        let keyless = has_keys.then(|| encoded(&own)).transpose()?;
        let filter = encoded(&kept)?;
        Ok(Self {
            table: table.clone(),
            fields: fields(query)?,
            filter,
            order: order(query)?,
            keyless,
            display: wants_display(query),
            names_records: false,
        })
    }

    /// The request of a read of our own.
    pub(crate) fn of_fields(table: &str, fields: &[&str], filter: EncodedQuery) -> Self {
        let mut all = vec!["sys_id".to_owned()];
        all.extend(fields.iter().map(|field| (*field).to_owned()));
        Self {
            table: table.to_owned(),
            fields: all,
            filter,
            order: None,
            keyless: None,
            display: false,
            names_records: false,
        }
    }

    pub(crate) fn query_text(&self, position: &Position) -> String {
        self.filter.text(self.order.as_ref(), position.after.as_deref())
    }

    /// Everything that the conditions and the order rely on.
    pub(crate) fn uses(&self) -> BTreeSet<ColumnUse> {
        let mut uses = self.filter.uses();
        uses.extend(self.order.as_ref().map(Sort::used));
        uses
    }

    /// The encoded query as the ledger shows it: without the place where a later page begins, which is the key of a record that
    /// the reader of the ledger may not be allowed to see.
    pub(crate) fn shown_text(&self, position: &Position) -> QueryText {
        if self.names_records {
            return "(about single records)".into();
        }
        let is_later = position.after.is_some() || position.offset > 0;
        let text = |filter: &EncodedQuery| {
            let text = filter.text(self.order.as_ref(), None);
            if is_later {
                format!("{text} (a later page)")
            } else {
                text
            }
        };
        match &self.keyless {
            Some(keyless) => QueryText::with_keys(text(&self.filter), text(keyless)),
            None => text(&self.filter).into(),
        }
    }

    /// Path and query of the page at `position`. Version 2 is pinned: version 1 answers 404 for an empty list.
    pub(crate) fn target(&self, position: &Position) -> String {
        let mut target = format!(
            "/api/now/v2/table/{}?sysparm_query={}&sysparm_fields={}&sysparm_limit={}",
            self.table,
            percent_encoded(&self.query_text(position)),
            percent_encoded(&self.fields.join(",")),
            position.limit,
        );
        if position.offset > 0 {
            target.push_str(&format!("&sysparm_offset={}", position.offset));
        }
        let display = if self.display { "all" } else { "false" };
        target.push_str(&format!(
            "&sysparm_display_value={display}&sysparm_exclude_reference_link=true&sysparm_suppress_pagination_header=true"
        ));
        if !position.counted {
            target.push_str("&sysparm_no_count=true");
        }
        target
    }

    /// Bytes of the longest request of the scan.
    pub(crate) fn longest_target(&self) -> usize {
        /// Offset, the largest limit and `sysparm_no_count`.
        const PARAMETERS: usize = 64;
        /// `^sys_id>` and a key, percent-encoded, in each group.
        const RANGE: usize = 50;
        self.target(&Position::first(1)).len() + PARAMETERS + RANGE * self.filter.group_count()
    }

    /// The request as a person reads it: the query stands last and unencoded, ready to be copied.
    pub(crate) fn readable(&self) -> String {
        let display = if self.display {
            "&sysparm_display_value=all"
        } else {
            ""
        };
        format!(
            "{}?sysparm_fields={}{display}&sysparm_query={}",
            self.table,
            self.fields.join(","),
            self.filter.text(self.order.as_ref(), None)
        )
    }
}

/// The fields that the columns of the query are read from, the key first.
fn fields(query: &RemoteQuery) -> Result<Vec<String>, Error> {
    let mut fields = vec!["sys_id".to_owned()];
    for column in query.columns.iter().filter_map(|&at| query.table.columns.get(at)) {
        let field = match &column.origin {
            Origin::Field(field) | Origin::Display(field) => field,
            Origin::RecordUrl => continue,
        };
        if !field.split('.').all(is_field_name) {
            return Err(malformed(
                query,
                format!("column name '{field}' can't be written safely"),
            ));
        }
        if !fields.contains(field) {
            fields.push(field.clone());
        }
    }
    Ok(fields)
}

/// The order that is asked for before the key's. The engine asks for one column at most, which was offered to it.
fn order(query: &RemoteQuery) -> Result<Option<Sort>, Error> {
    let Some(order) = query.order.first() else {
        return Ok(None);
    };
    let column = query.table.columns.get(order.column);
    let field = column.and_then(|column| column.remote_field());
    match field.filter(|field| is_column_name(field)) {
        Some(field) => Ok(Some(Sort {
            field: field.to_owned(),
            descending: order.descending,
        })),
        None => Err(malformed(query, "the order can't be written safely")),
    }
}

/// Conditions were honoured when the statement was planned and are not any more.
fn no_longer_honoured(query: &RemoteQuery, used: &ColumnUse) -> Error {
    let message = format!(
        "the instance has stopped honouring conditions on '{}' for this user; they must be checked here",
        used.column
    );
    Error::new(&query.table.source, Kind::Refused, message).with_table(&query.table.name.name)
}

/// Whether some column of the query is a display value, so that all values come in both forms.
pub(crate) fn wants_display(query: &RemoteQuery) -> bool {
    let mut columns = query.columns.iter().filter_map(|&at| query.table.columns.get(at));
    columns.any(|column| matches!(column.origin, Origin::Display(_)))
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Join keys as one more condition. When one of them can't be sent, none are: a list must not lose a key.
fn key_condition(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<Option<Condition>, Error> {
    let Some(keys) = &query.keys else {
        return Ok(None);
    };
    let condition = match keys.verdict(dialect, &query.table) {
        Verdict::Exact(condition) | Verdict::Superset(condition, _) => condition,
        Verdict::Never(_) => return Ok(None),
    };
    // Labels are looked up for filters only.
    match condition.atoms().into_iter().all(Atom::is_resolved) {
        true => Ok(Some(condition)),
        false => Err(malformed(query, "display values can't be the keys of a join")),
    }
}

/// A query that can't be written.
pub(crate) fn malformed(query: &RemoteQuery, message: impl Into<String>) -> Error {
    Error::new(&query.table.source, Kind::Malformed, message).with_table(&query.table.name.name)
}

#[cfg(test)]
mod tests {
    use causeway_core::{Constant, RemoteOp};

    use super::*;

    fn at(after: Option<&str>, offset: u64, limit: usize) -> Position {
        Position {
            after: after.map(str::to_owned),
            offset,
            counted: false,
            left: 0,
            ..Position::first(limit)
        }
    }

    #[test]
    fn targets_encode_everything_but_unreserved_characters() {
        let number = Atom::with("number", RemoteOp::Eq, Constant::text("a&b+c#d é"));
        let filter = EncodedQuery::all_of([number]).expect("safe");
        let request = ScanRequest::of_fields("incident", &["number"], filter);
        let target = request.target(&at(Some("k"), 5, 10));
        assert_eq!(
            target,
            "/api/now/v2/table/incident?sysparm_query=number%3Da%26b%2Bc%23d%20%C3%A9%5Esys_id%3Ek%5EORDERBYsys_id\
             &sysparm_fields=sys_id%2Cnumber&sysparm_limit=10&sysparm_offset=5&sysparm_display_value=false\
             &sysparm_exclude_reference_link=true&sysparm_suppress_pagination_header=true&sysparm_no_count=true"
        );
        assert!(
            request.longest_target() >= request.target(&at(Some(&"f".repeat(32)), 100_000, 10_000)).len()
        );
    }
}
