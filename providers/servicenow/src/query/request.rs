//! One scan as requests: which fields of which rows, from where on.
//!
//! Owns: the target of a page. Does not own: the position within a scan, see `position`; sending, see `api::client`.
//! Invariant: names were validated and values percent-encoded before they reach a target. Start at [`ScanRequest`].

use std::collections::BTreeSet;

use causeway_core::{Condition, Dialect, Error, Fidelity, Kind, Origin, QueryText, RemoteQuery, Verdict};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::column_use::ColumnUse;
use super::encoded_query::{BY_KEY, EncodedQuery, conjuncts, is_column_name, is_table_name, malformed};
use super::position::Position;

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
    /// What rows are sorted by before their key, as it is written: `ORDERBYDESCopened_at`. Such a scan has one page.
    pub(crate) order: Option<String>,
    /// The conditions but the keys of a join; `None` when there are no keys.
    pub(crate) keyless: Option<EncodedQuery>,
    /// Whether values come with their display values.
    pub(crate) display: bool,
    /// Whether the conditions name records, which the reader of the ledger may not be allowed to see.
    pub(crate) names_records: bool,
}

impl ScanRequest {
    /// The plan of an engine's query. The record key is always among the fields, because pages are found by it.
    pub(crate) fn of_query(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<Self, Error> {
        Self::without(dialect, query, &BTreeSet::new())
    }

    /// The plan without the conditions that rely on these uses; the engine checks them.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the engine was told that it need not, so that it plans again.
    pub(crate) fn without(
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
        let keys = key_condition(dialect, query);
        let mut kept = Vec::new();
        let mut own = Vec::new();
        for filter in &query.filters {
            for part in conjuncts(&filter.condition) {
                match EncodedQuery::of([part]).uses().intersection(doubted).next() {
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
        let is_verified = |keys: &&Condition| EncodedQuery::of([*keys]).uses().is_disjoint(doubted);
        let keys = keys.as_ref().filter(is_verified);
        let has_keys = keys.is_some() || own.len() < kept.len();
        let keyless = has_keys.then(|| EncodedQuery::of(own));
        let filter = EncodedQuery::of(kept.into_iter().chain(keys));
        if let Some(atom) = filter
            .atoms()
            .find(|atom| atom.contains('^') || atom.contains(char::is_control))
        {
            let shown: String = atom.chars().take(40).collect();
            return Err(malformed(
                query,
                format!("condition '{shown}' can't be written safely"),
            ));
        }
        Ok(Self {
            table: table.clone(),
            fields,
            filter,
            order: order(query)?,
            keyless,
            display: wants_display(query),
            names_records: false,
        })
    }

    /// The plan of a read of our own.
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
        self.text(&self.filter, position.after.as_deref())
    }

    /// The conditions, then the order.
    fn text(&self, filter: &EncodedQuery, after: Option<&str>) -> String {
        let text = filter.text(after);
        match (&self.order, text.strip_suffix(BY_KEY)) {
            (Some(order), Some(conditions)) => format!("{conditions}{order}^{BY_KEY}"),
            _ => text,
        }
    }

    /// Everything that the conditions and the order rely on.
    pub(crate) fn uses(&self) -> BTreeSet<ColumnUse> {
        let mut uses = self.filter.uses();
        uses.extend(self.order.as_deref().map(ColumnUse::of_order));
        uses
    }

    /// The encoded query as the ledger shows it: without the place where a later page begins, which is the key of a record that
    /// the reader of the ledger may not be allowed to see.
    pub(crate) fn shown_text(&self, position: &Position) -> QueryText {
        if self.names_records {
            return "(about single records)".into();
        }
        let is_later = position.after.is_some() || position.offset > 0;
        let text = |filter: &EncodedQuery| match is_later {
            true => format!("{} (a later page)", self.text(filter, None)),
            false => self.text(filter, None),
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
            self.text(&self.filter, None)
        )
    }
}

/// The order that is asked for before the key's. The engine asks for one column at most, which was offered to it.
fn order(query: &RemoteQuery) -> Result<Option<String>, Error> {
    let Some(order) = query.order.first() else {
        return Ok(None);
    };
    let column = query.table.columns.get(order.column);
    let field = column.and_then(|column| column.remote_field());
    match field.filter(|field| is_column_name(field)) {
        Some(field) if order.descending => Ok(Some(format!("ORDERBYDESC{field}"))),
        Some(field) => Ok(Some(format!("ORDERBY{field}"))),
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
fn key_condition(dialect: &dyn Dialect, query: &RemoteQuery) -> Option<Condition> {
    match query.keys.as_ref()?.verdict(dialect, &query.table) {
        Verdict::Exact(condition) | Verdict::Superset(condition, _) => Some(condition),
        Verdict::Never(_) => None,
    }
}

#[cfg(test)]
mod tests {
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
        let plan = ScanRequest::of_fields("incident", &["number"], EncodedQuery::atom("number=a&b+c#d é"));
        let target = plan.target(&at(Some("k"), 5, 10));
        assert_eq!(
            target,
            "/api/now/v2/table/incident?sysparm_query=number%3Da%26b%2Bc%23d%20%C3%A9%5Esys_id%3Ek%5EORDERBYsys_id\
             &sysparm_fields=sys_id%2Cnumber&sysparm_limit=10&sysparm_offset=5&sysparm_display_value=false\
             &sysparm_exclude_reference_link=true&sysparm_suppress_pagination_header=true&sysparm_no_count=true"
        );
        assert!(plan.longest_target() >= plan.target(&at(Some(&"f".repeat(32)), 100_000, 10_000)).len());
    }
}
