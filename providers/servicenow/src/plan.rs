//! One scan as requests: which fields of which rows, from where on.
//!
//! Owns: the target of a page, the position within a scan and its text form. Does not own: sending; see `client`.
//! Invariant: names were validated and values percent-encoded before they reach a target.

use std::collections::BTreeSet;

use causeway_core::{
    Condition, Cursor, Dialect, Error, Fidelity, Kind, Origin, QueryText, RemoteQuery, Verdict,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::dialect::malformed;
use crate::encoded::{BY_KEY, Encoded, conjuncts, is_column_name, is_key, is_table_name};
use crate::usage::Use;

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
pub(crate) struct Plan {
    pub(crate) table: String,
    pub(crate) fields: Vec<String>,
    pub(crate) filter: Encoded,
    /// What rows are sorted by before their key, as it is written: `ORDERBYDESCopened_at`. Such a scan has one page.
    pub(crate) order: Option<String>,
    /// The conditions but the keys of a join; `None` when there are no keys.
    pub(crate) keyless: Option<Encoded>,
    /// Whether values come with their display values.
    pub(crate) display: bool,
    /// Whether the conditions name records, which the reader of the ledger may not be allowed to see.
    pub(crate) names_records: bool,
}

impl Plan {
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
        distrusted: &BTreeSet<Use>,
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
                match Encoded::of([part]).uses().intersection(distrusted).next() {
                    None => {
                        kept.push(part);
                        own.extend((!filter.derived).then_some(part));
                    }
                    Some(used) if filter.fidelity == Fidelity::Exact => return Err(lost_trust(query, used)),
                    Some(_) => {}
                }
            }
        }
        let is_trusted = |keys: &&Condition| Encoded::of([*keys]).uses().is_disjoint(distrusted);
        let keys = keys.as_ref().filter(is_trusted);
        let has_keys = keys.is_some() || own.len() < kept.len();
        let keyless = has_keys.then(|| Encoded::of(own));
        let filter = Encoded::of(kept.into_iter().chain(keys));
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
    pub(crate) fn of_fields(table: &str, fields: &[&str], filter: Encoded) -> Self {
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
    fn text(&self, filter: &Encoded, after: Option<&str>) -> String {
        let text = filter.text(after);
        match (&self.order, text.strip_suffix(BY_KEY)) {
            (Some(order), Some(conditions)) => format!("{conditions}{order}^{BY_KEY}"),
            _ => text,
        }
    }

    /// Everything that the conditions and the order rely on.
    pub(crate) fn uses(&self) -> BTreeSet<Use> {
        let mut uses = self.filter.uses();
        uses.extend(self.order.as_deref().map(Use::of_order));
        uses
    }

    /// The encoded query as the ledger shows it: without the place where a later page begins, which is the key of a record that
    /// the reader of the ledger may not be allowed to see.
    pub(crate) fn shown_text(&self, position: &Position) -> QueryText {
        if self.names_records {
            return "(about single records)".into();
        }
        let is_later = position.after.is_some() || position.offset > 0;
        let text = |filter: &Encoded| match is_later {
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
fn lost_trust(query: &RemoteQuery, used: &Use) -> Error {
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

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Last key of the page before; `None` at the start.
    pub(crate) after: Option<String>,
    /// Rows to skip behind that key, when all rows so far were hidden.
    pub(crate) offset: u64,
    /// Rows of the page, before access rules.
    pub(crate) limit: usize,
    /// Whether the request counts the rows behind the key. Only a counted page can be the last.
    pub(crate) counted: bool,
    /// At most so many rows are left, as far as earlier counts tell.
    pub(crate) left: u64,
}

/// What the answer to one request tells about the rest of the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen<'a> {
    /// Rows that arrived.
    pub(crate) rows: usize,
    /// Key of the last of them.
    pub(crate) last: Option<&'a str>,
    /// Rows behind the position's key, before access rules.
    pub(crate) total: Option<u64>,
}

impl Position {
    pub(crate) fn first(limit: usize) -> Self {
        Self {
            after: None,
            offset: 0,
            limit,
            counted: true,
            left: u64::MAX,
        }
    }

    /// The position behind a page, or `None` when its window covered all that was left.
    ///
    /// The limit is applied before access rules remove rows, so a short or empty page says nothing; the count does, since it is
    /// taken before those rules too. `most` bounds the growth of the limit.
    pub(crate) fn next(&self, seen: Seen<'_>, most: usize) -> Option<Self> {
        let window_end = self.offset + self.limit as u64;
        if seen.total.is_some_and(|total| total <= window_end) {
            return None;
        }
        let limit = self.limit.saturating_mul(4).min(most).max(self.limit);
        let before = seen
            .total
            .map_or(self.left, |total| total.saturating_sub(self.offset));
        match seen.last {
            Some(last) => {
                let left = before.saturating_sub(seen.rows as u64);
                Some(Self {
                    after: Some(last.to_owned()),
                    offset: 0,
                    limit,
                    // Counting costs the instance a query, so a page that is surely not the last goes without.
                    counted: left <= limit as u64 || seen.rows < self.limit,
                    left,
                })
            }
            // Nothing visible and nothing counted: ask again with a count.
            None if seen.total.is_none() => Some(Self {
                counted: true,
                ..self.clone()
            }),
            None => Some(Self {
                offset: window_end,
                limit,
                counted: true,
                left: before.saturating_sub(self.limit as u64),
                ..self.clone()
            }),
        }
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let after = self.after.as_deref().unwrap_or_default();
        let counted = u8::from(self.counted);
        Cursor(format!(
            "{} {} {counted} {} {after}",
            self.limit, self.offset, self.left
        ))
    }

    /// Reads a cursor of [`Position::cursor`]; `None` for any other text.
    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(5, ' ');
        let limit = parts.next()?.parse().ok()?;
        let offset = parts.next()?.parse().ok()?;
        let counted = parts.next()? == "1";
        let left = parts.next()?.parse().ok()?;
        let after = Some(parts.next()?).filter(|key| !key.is_empty());
        if after.is_some_and(|key| !is_key(key)) {
            return None;
        }
        let after = after.map(str::to_owned);
        Some(Self {
            after,
            offset,
            limit,
            counted,
            left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: usize, last: Option<&str>, total: Option<u64>) -> Seen<'_> {
        Seen { rows, last, total }
    }

    fn at(after: Option<&str>, offset: u64, limit: usize, counted: bool, left: u64) -> Position {
        Position {
            after: after.map(str::to_owned),
            offset,
            limit,
            counted,
            left,
        }
    }

    #[test]
    fn a_page_whose_window_covers_the_count_is_the_last() {
        let first = Position::first(100);
        assert_eq!(first.next(seen(100, Some("k"), Some(100)), 100), None);
        assert_eq!(first.next(seen(3, Some("k"), Some(100)), 100), None);
        assert_eq!(first.next(seen(0, None, Some(0)), 100), None);
    }

    #[test]
    fn a_short_page_is_not_the_end() {
        let next = Position::first(100).next(seen(3, Some("k"), Some(101)), 100);
        assert_eq!(next, Some(at(Some("k"), 0, 100, true, 98)));
    }

    #[test]
    fn an_empty_page_moves_on_inside_the_window() {
        let next = Position::first(100)
            .next(seen(0, None, Some(250)), 100)
            .expect("more");
        assert_eq!(next, at(None, 100, 100, true, 150));
        let next = next.next(seen(0, None, Some(250)), 100).expect("more");
        assert_eq!(next, at(None, 200, 100, true, 50));
        assert_eq!(next.next(seen(0, None, Some(250)), 100), None);
    }

    #[test]
    fn only_pages_that_are_surely_not_the_last_go_uncounted() {
        let next = Position::first(100)
            .next(seen(100, Some("k"), Some(1000)), 100)
            .expect("more");
        assert_eq!(next, at(Some("k"), 0, 100, false, 900));
        let short = next.next(seen(50, Some("m"), None), 100).expect("more");
        assert_eq!(short, at(Some("m"), 0, 100, true, 850));
        let empty = next.next(seen(0, None, None), 100).expect("more");
        assert_eq!(empty, at(Some("k"), 0, 100, true, 900));
        let near_the_end = at(Some("k"), 0, 100, false, 150)
            .next(seen(100, Some("n"), None), 100)
            .expect("more");
        assert!(near_the_end.counted);
    }

    #[test]
    fn a_small_first_page_grows_to_the_configured_size() {
        let next = Position::first(10)
            .next(seen(10, Some("k"), Some(5000)), 1000)
            .expect("more");
        assert_eq!(next.limit, 40);
        assert_eq!(
            at(None, 0, 400, true, 0)
                .next(seen(1, Some("k"), Some(5000)), 1000)
                .map(|next| next.limit),
            Some(1000)
        );
    }

    #[test]
    fn positions_survive_their_text_form_and_foreign_text_is_refused() {
        for position in [Position::first(7), at(Some("glide.maint"), 20, 100, false, 42)] {
            assert_eq!(Position::read(&position.cursor()), Some(position));
        }
        for text in ["", "x", "1 2 1 3", "1 2 1 3 a^b=c", "1 2 1 3 javascript:x"] {
            assert_eq!(Position::read(&Cursor(text.to_owned())), None, "{text}");
        }
    }

    #[test]
    fn targets_encode_everything_but_unreserved_characters() {
        let plan = Plan::of_fields("incident", &["number"], Encoded::atom("number=a&b+c#d é"));
        let target = plan.target(&at(Some("k"), 5, 10, false, 0));
        assert_eq!(
            target,
            "/api/now/v2/table/incident?sysparm_query=number%3Da%26b%2Bc%23d%20%C3%A9%5Esys_id%3Ek%5EORDERBYsys_id\
             &sysparm_fields=sys_id%2Cnumber&sysparm_limit=10&sysparm_offset=5&sysparm_display_value=false\
             &sysparm_exclude_reference_link=true&sysparm_suppress_pagination_header=true&sysparm_no_count=true"
        );
        assert!(
            plan.longest_target()
                >= plan
                    .target(&at(Some(&"f".repeat(32)), 100_000, 10_000, false, 0))
                    .len()
        );
    }
}
