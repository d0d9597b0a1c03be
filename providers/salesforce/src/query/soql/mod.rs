//! Whole queries as SOQL, and the line that carries them.
//!
//! Owns: the clauses and limits of a statement. Does not own: its conditions, see [`condition`](super::condition); what may be asked,
//! see [`dialect`](super::dialect). Invariant: every name in a query was checked. Start at [`write()`].

use causeway_core::{
    Aggregate, AggregateFunction, Column, Condition, Dialect, Error, Grouping, Kind, Op, Origin, RemoteQuery,
    Verdict,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::condition::where_clause;
use super::literal::is_path;

/// Bytes of path and query in one GET. Path and headers together may have 16,384; the rest is for the headers.
pub(crate) const LINE_BYTES: usize = 14_000;

/// Characters of one statement.
///
/// Source: SOQL and SOSL limits, "Maximum length of SOQL statements".
pub(crate) const STATEMENT_CHARS: usize = 100_000;

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
    let keys = key_condition(dialect, query).map_err(malformed)?;
    let conditions = query.filters.iter().map(|filter| &filter.condition).chain(&keys);
    let selected = match &query.grouping {
        None => selected(query).map(|fields| fields.join(", ")),
        Some(grouping) => grouped(query, grouping),
    };
    let mut soql = format!("SELECT {} FROM {object}", selected.map_err(malformed)?);
    soql.push_str(&where_clause(conditions).map_err(malformed)?);
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

/// The keys of a join as one more condition.
fn key_condition(dialect: &dyn Dialect, query: &RemoteQuery) -> Result<Option<Condition>, String> {
    let Some(keys) = &query.keys else {
        return Ok(None);
    };
    match keys.verdict(dialect, &query.table) {
        Verdict::Exact(condition) | Verdict::Superset(condition, _) => Ok(Some(condition)),
        Verdict::Never(reason) => {
            let column = column(query, keys.column)?;
            Err(format!(
                "keys of column '{}' can't be sent: {reason}",
                column.name
            ))
        }
    }
}

#[cfg(test)]
pub(in crate::query) mod fuzz;
#[cfg(test)]
mod tests;
