//! SOQL text: literals, ids and whole queries.
//!
//! Owns: every escape. Does not own: what may be asked; see [`dialect`](super::dialect).
//! Invariant: nothing reaches a query but checked API names, quoted literals and numbers that were printed here.

use std::fmt::Write as _;

use causeway_core::{
    Aggregate, AggregateFunction, Column, Condition, Dialect, Error, Grouping, Kind, Op, Origin, RemoteQuery,
    Verdict,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes of path and query in one GET. Path and headers together may have 16,384; the rest is for the headers.
pub(crate) const LINE_BYTES: usize = 14_000;

/// Characters of one statement.
///
/// Source: SOQL and SOSL limits, "Maximum length of SOQL statements".
pub(crate) const STATEMENT_CHARS: usize = 100_000;

/// Characters of one text literal.
pub(crate) const LITERAL_CHARS: usize = 4_000;

/// What a query component may carry as it is, besides letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'!')
    .remove(b' ');

/// Path and query of the request for `soql`.
pub(crate) fn query_target(base_path: &str, soql: &str) -> String {
    let encoded = utf8_percent_encode(soql, ENCODED).to_string().replace(' ', "+");
    format!("{base_path}/query?q={encoded}")
}

/// Whether `text` is an API name or a dotted path of them.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('.').all(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// A text literal: the backslash first, then the quote, then what no line may hold.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    text.chars()
        .for_each(|character| push_escaped(&mut quoted, character));
    quoted.push('\'');
    quoted
}

pub(crate) fn push_escaped(out: &mut String, character: char) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\'' => out.push_str("\\'"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        control if control.is_control() => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04X}", u32::from(control));
        }
        plain => out.push(plain),
    }
}

/// The 18-character form of a record id of 15 or 18 characters; `None` for what is no id.
///
/// The last three characters tell which of the first fifteen are upper case, so a wrong case is found out.
#[must_use]
pub fn long_id(id: &str) -> Option<String> {
    const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    if !matches!(id.len(), 15 | 18) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut long = id.get(..15)?.to_owned();
    for chunk in id.as_bytes().get(..15)?.chunks(5) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (at, byte)| {
            bits | (usize::from(byte.is_ascii_uppercase()) << at)
        });
        long.push(char::from(*CHECK.get(bits)?));
    }
    (id.len() == 15 || long == id).then_some(long)
}

/// A number without exponent, of at most 18 digits on either side of the point and in all; `None` when it takes more.
pub(crate) fn decimal(number: f64) -> Option<String> {
    if !number.is_finite() || (number == 0.0 && number.is_sign_negative()) {
        return None;
    }
    let text = number.to_string();
    let (_, decimals) = text.split_once('.').unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (digits.trim_start_matches('0').len() <= 18 && decimals.len() <= 18).then_some(text)
}

/// A decimal that is certainly less (or greater) than every decimal that reads as `number`.
pub(crate) fn outward(number: f64, upwards: bool) -> Option<String> {
    if !number.is_finite() || number.abs() >= 1e17 {
        return None;
    }
    let digits = number.abs().trunc().to_string().len();
    let margin = number.abs().mul_add(1e-12, 1e-15);
    let shifted = if upwards { number + margin } else { number - margin };
    // Seventeen digits in all: the rounding here is far smaller than the margin.
    let text = format!("{shifted:.*}", 17_usize.saturating_sub(digits));
    Some(match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    })
}

fn malformed(query: &RemoteQuery, message: String) -> Error {
    Error::new(&query.table.source, Kind::Malformed, message).with_table(&query.table.name.name)
}

/// Writes the query as it goes to the `query` resource, unless it is longer than a statement may be.
pub(crate) fn render(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<String, Error> {
    let soql = write(dialect, query)?;
    let characters = soql.chars().count();
    if characters > STATEMENT_CHARS {
        let message = format!(
            "the query takes {characters} characters and may have {STATEMENT_CHARS}; select fewer columns or compare with fewer values"
        );
        return Err(malformed(query, message));
    }
    Ok(soql)
}

/// Writes the query, however long: what is too long is split before it is sent.
pub(crate) fn write(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<String, Error> {
    let malformed = |message| malformed(query, message);
    let object = &query.table.name.remote;
    if !is_path(object) {
        return Err(malformed(format!("'{object}' is no name of an object")));
    }
    let conditions = conditions(dialect, query).map_err(malformed)?;
    let selected = match &query.grouping {
        None => selected(query).map(|fields| fields.join(", ")),
        Some(grouping) => grouped(query, grouping),
    };
    let mut soql = format!("SELECT {} FROM {object}", selected.map_err(malformed)?);
    if !conditions.is_empty() {
        let place = if conditions.len() == 1 {
            Place::Alone
        } else {
            Place::InAll
        };
        let texts: Vec<String> = conditions
            .iter()
            .map(|condition| written(condition, place))
            .collect();
        soql.push_str(" WHERE ");
        soql.push_str(&texts.join(" AND "));
    }
    if let Some(grouping) = query
        .grouping
        .as_ref()
        .filter(|grouping| !grouping.keys.is_empty())
    {
        let keys = grouping.keys.iter().map(|&key| field(query, key));
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
        soql.push_str(" GROUP BY ");
        soql.push_str(&keys.join(", "));
    }
    if let Some(grouping) = query
        .grouping
        .as_ref()
        .filter(|grouping| !grouping.having.is_empty())
    {
        let kept = grouping.having.iter().map(|having| {
            let aggregate = grouping
                .aggregates
                .get(having.aggregate)
                .ok_or("there is no such aggregate")?;
            let comparison = if having.op == Op::NotEq {
                "!="
            } else {
                having.op.sql()
            };
            Ok(format!(
                "{} {comparison} {}",
                called(query, *aggregate)?,
                having.value
            ))
        });
        let kept = kept.collect::<Result<Vec<_>, String>>().map_err(malformed)?;
        soql.push_str(" HAVING ");
        soql.push_str(&kept.join(" AND "));
    }
    for (at, order) in query.order.iter().enumerate() {
        let field = field(query, order.column).map_err(malformed)?;
        let direction = if order.descending { "DESC" } else { "ASC" };
        let nulls = if order.nulls_first { "FIRST" } else { "LAST" };
        soql.push_str(if at == 0 { " ORDER BY " } else { ", " });
        soql.push_str(&format!("{field} {direction} NULLS {nulls}"));
    }
    if let Some(limit) = query.limit {
        soql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok(soql)
}

/// The selected fields without repeats; a query of no columns counts records.
fn selected(query: &RemoteQuery) -> Result<Vec<&str>, String> {
    let mut fields: Vec<&str> = Vec::new();
    for &column in &query.columns {
        let field = field(query, column)?;
        if !fields.iter().any(|known| known.eq_ignore_ascii_case(field)) {
            fields.push(field);
        }
    }
    if fields.is_empty() {
        fields.push("Id");
    }
    Ok(fields)
}

/// The name that a grouped query gives its key number `at`.
pub(crate) fn key_alias(at: usize) -> String {
    format!("k{at}")
}

/// The name that a grouped query gives its aggregate number `at`.
pub(crate) fn aggregate_alias(at: usize) -> String {
    format!("a{at}")
}

/// The select list of a grouped query. Every item has an alias, since `expr0` counts only those that have none.
///
/// Source: SOQL and SOSL Reference, "Use Aliases with GROUP BY", read 2026-11.
fn grouped(query: &RemoteQuery, grouping: &Grouping) -> Result<String, String> {
    let mut items = Vec::with_capacity(grouping.keys.len() + grouping.aggregates.len());
    for (at, &key) in grouping.keys.iter().enumerate() {
        items.push(format!("{} {}", field(query, key)?, key_alias(at)));
    }
    for (at, aggregate) in grouping.aggregates.iter().enumerate() {
        items.push(format!("{} {}", called(query, *aggregate)?, aggregate_alias(at)));
    }
    Ok(items.join(", "))
}

/// The call of an aggregate.
fn called(query: &RemoteQuery, aggregate: Aggregate) -> Result<String, String> {
    let field = aggregate.column.map_or(Ok("Id"), |column| field(query, column))?;
    let function = match aggregate.function {
        AggregateFunction::CountDistinct => "COUNT_DISTINCT",
        function => function.sql(),
    };
    Ok(format!("{function}({field})"))
}

fn column(query: &RemoteQuery, position: usize) -> Result<&Column, String> {
    query
        .table
        .columns
        .get(position)
        .ok_or_else(|| format!("there is no column {position}"))
}

fn field(query: &RemoteQuery, position: usize) -> Result<&str, String> {
    let column = column(query, position)?;
    match &column.origin {
        Origin::RecordUrl => Ok("Id"),
        Origin::Field(field) if is_path(field) => Ok(field),
        Origin::Field(_) | Origin::Display(_) => {
            Err(format!("column '{}' is no salesforce field", column.name))
        }
    }
}

/// All conjuncts: the filters, and the keys of a join as one more.
fn conditions(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<Vec<Condition>, String> {
    let mut conditions: Vec<Condition> = query
        .filters
        .iter()
        .map(|filter| filter.condition.clone())
        .collect();
    if let Some(keys) = &query.keys {
        match keys.verdict(dialect, &query.table) {
            Verdict::Exact(condition) | Verdict::Superset(condition, _) => conditions.push(condition),
            Verdict::Never(reason) => {
                let column = column(query, keys.column)?;
                return Err(format!(
                    "keys of column '{}' can't be sent: {reason}",
                    column.name
                ));
            }
        }
    }
    // A conjunction inside the conjunction reads better without its parentheses, and nothing needs saying twice.
    let parts = conditions.into_iter().flat_map(|condition| match condition {
        Condition::All(parts) => parts,
        other => vec![other],
    });
    let mut distinct = Vec::new();
    for part in parts {
        if !distinct.contains(&part) {
            distinct.push(part);
        }
    }
    Ok(distinct)
}

/// What surrounds a condition; SOQL refuses AND and OR side by side without parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Alone,
    InAll,
    InAny,
}

fn written(condition: &Condition, place: Place) -> String {
    match condition {
        Condition::Atom(text) => text.clone(),
        // No record is without an id.
        Condition::Never => "Id = null".to_owned(),
        Condition::All(parts) | Condition::Any(parts) if parts.len() == 1 => {
            parts.first().map(|only| written(only, place)).unwrap_or_default()
        }
        Condition::All(parts) => joined(parts, " AND ", Place::InAll, place),
        Condition::Any(parts) if parts.is_empty() => written(&Condition::Never, place),
        Condition::Any(parts) => joined(parts, " OR ", Place::InAny, place),
    }
}

fn joined(parts: &[Condition], word: &str, inside: Place, place: Place) -> String {
    if parts.is_empty() {
        // An empty AND holds for every record, and so does this.
        return "Id != null".to_owned();
    }
    let texts: Vec<String> = parts.iter().map(|part| written(part, inside)).collect();
    let text = texts.join(word);
    if place == Place::Alone || place == inside {
        text
    } else {
        format!("({text})")
    }
}

#[cfg(test)]
mod tests;
