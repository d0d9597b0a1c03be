//! The answers of the Aggregate API as rows.
//!
//! Owns: how the answers to one grouping fit together. Does not own: the requests; see `query::aggregate`.
//! Invariant: an answer that does not show every key of every group once is refused, never guessed.
//! Source: "Aggregate API", Australia, read 2026-06-25.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use causeway_core::decode::{DecodeError, Layout, Output};
use causeway_core::{AggregateFunction, ColumnType, Dialect, Error, Grouping, Kind, RemoteQuery};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::classify::failure_of;
use crate::query::aggregate::AggregateRequest;
use crate::types::syntax;

/// The answer to one request: of all rows, or of those where a field has a value.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) present: Option<String>,
    pub(crate) body: Value,
}

/// The groups of a page, which is a list of [`Part`], as rows of the query's output.
///
/// # Errors
/// [`Kind::Refused`] when the answers are not what was asked for.
pub(crate) fn rows(
    dialect: &dyn Dialect,
    query: &RemoteQuery,
    grouping: &Grouping,
    page: &[u8],
) -> Result<RecordBatch, Error> {
    let parts: Vec<Part> = serde_json::from_slice(page).map_err(|error| {
        Error::new(
            &query.table.source,
            Kind::Internal,
            "a page of groups can't be read back",
        )
        .with_cause(error)
    })?;
    let stats = AggregateRequest::of_query(dialect, query, grouping, &BTreeSet::new())?;
    joined(&stats, query, grouping, &parts)
}

/// The values of a group's keys, as the instance writes them.
type GroupKey = Vec<String>;

/// Fields of which `main` shows a sum of zero, which may be no sum at all, and whose values are not counted anyway.
pub(crate) fn doubtful_sums<'a>(stats: &'a AggregateRequest, main: &Value) -> BTreeSet<&'a str> {
    let counted = stats.counted_fields();
    let sums = stats
        .aggregates
        .iter()
        .filter(|(function, _)| *function == AggregateFunction::Sum);
    let sums = sums
        .filter_map(|(_, field)| field.as_deref())
        .filter(|field| !counted.contains(field));
    let groups = groups(main).unwrap_or_default();
    let has_zero = |field: &&str| {
        let mut sums = groups.iter().map(|group| text(stat(group, "sum", field)));
        sums.any(|sum| is_zero(&sum))
    };
    sums.filter(has_zero).collect()
}

/// The answers fitted together: a row for each group of the main one.
fn joined(
    stats: &AggregateRequest,
    query: &RemoteQuery,
    grouping: &Grouping,
    parts: &[Part],
) -> Result<RecordBatch, Error> {
    let refused = |reason: &str| Error::new(&query.table.source, Kind::Refused, reason.to_owned());
    let mut main = Vec::new();
    let mut counts: BTreeMap<&str, BTreeMap<GroupKey, String>> = BTreeMap::new();
    for part in parts {
        let found = keyed(stats, &part.body).map_err(refused)?;
        match &part.present {
            None => main = found,
            Some(field) => {
                let counted = found
                    .into_iter()
                    .map(|(key, group)| (key, text(group.pointer("/stats/count"))));
                counts.insert(field, counted.collect());
            }
        }
    }
    let mut rows = Vec::with_capacity(main.len());
    for (key, group) in main {
        let counted = |field: &str| {
            let of_field = counts.get(field)?;
            Some(of_field.get(&key).map_or("0", |count| count.as_str()))
        };
        let mut row = Map::new();
        for (at, value) in key.iter().enumerate() {
            row.insert(format!("k{at}"), json!(value));
        }
        for (at, (function, field)) in stats.aggregates.iter().enumerate() {
            let value = value(*function, field.as_deref(), group, counted).map_err(refused)?;
            row.insert(format!("a{at}"), json!(value));
        }
        rows.push(row);
    }
    decode(query, grouping, &json!({ "result": rows }))
}

/// The groups of an answer by their keys; without keys there is one.
fn keyed<'a>(stats: &AggregateRequest, body: &'a Value) -> Result<Vec<(GroupKey, &'a Value)>, &'static str> {
    /// Rows of a list when no limit is asked for. Whether it bounds groups too is not documented.
    const MOST_GROUPS: usize = 10_000;
    let mut keyed: Vec<(GroupKey, &Value)> = Vec::new();
    let mut seen = BTreeSet::new();
    let groups = groups(body).ok_or("the answer of the aggregate api has no groups")?;
    if groups.len() >= MOST_GROUPS {
        return Err("there may be more groups than the instance returns");
    }
    for group in groups {
        let fields = group.get("groupby_fields").and_then(Value::as_array);
        let fields = fields.map(Vec::as_slice).unwrap_or_default();
        let value = |key: &String| {
            let field = fields
                .iter()
                .find(|field| field.get("field").and_then(Value::as_str) == Some(key))?;
            field.get("value").and_then(Value::as_str).map(str::to_owned)
        };
        let key: Option<GroupKey> = stats.keys.iter().map(value).collect();
        let key = key.ok_or("the instance did not group by what it was asked to")?;
        // NULL and '' may be two groups there, and are one here.
        if !seen.insert(key.clone()) {
            return Err("the instance returned a group twice");
        }
        keyed.push((key, group));
    }
    if stats.keys.is_empty() && keyed.len() != 1 {
        return Err("the instance grouped what it was not asked to");
    }
    Ok(keyed)
}

/// The groups of an answer: an object when nothing was grouped, a list otherwise.
fn groups(body: &Value) -> Option<Vec<&Value>> {
    if body.as_object().and_then(failure_of).is_some() {
        return None;
    }
    match body.get("result")? {
        Value::Array(groups) => Some(groups.iter().collect()),
        group @ Value::Object(_) => Some(vec![group]),
        _ => None,
    }
}

fn stat<'a>(group: &'a Value, function: &str, field: &str) -> Option<&'a Value> {
    group.get("stats")?.get(function)?.get(field)
}

/// Numbers come as texts; a missing one is as empty as an empty one.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn is_zero(sum: &str) -> bool {
    sum.contains('0') && sum.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'))
}

/// The value of an aggregate over a group; `counted` says how many values a field has in it.
fn value<'a>(
    function: AggregateFunction,
    field: Option<&str>,
    group: &Value,
    counted: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, &'static str> {
    match (function, field) {
        (AggregateFunction::Count, None) => {
            let count = text(group.pointer("/stats/count"));
            if count.is_empty() {
                Err("the instance did not count")
            } else {
                Ok(count)
            }
        }
        (AggregateFunction::Count, Some(field)) => counted(field)
            .map(str::to_owned)
            .ok_or("the instance did not count the values of a field"),
        (AggregateFunction::Sum, Some(field)) => {
            let sum = text(stat(group, "sum", field));
            match counted(field) {
                Some("0") => Ok(String::new()),
                None if is_zero(&sum) => Err("a sum of zero may be no sum at all"),
                _ => Ok(sum),
            }
        }
        (AggregateFunction::Min, Some(field)) => Ok(text(stat(group, "min", field))),
        (AggregateFunction::Max, Some(field)) => Ok(text(stat(group, "max", field))),
        (_, _) => Err("the aggregate api can't compute that"),
    }
}

/// Reads the rows with the syntax of each column's type. What does not parse was computed in a form that is not known.
fn decode(query: &RemoteQuery, grouping: &Grouping, rows: &Value) -> Result<RecordBatch, Error> {
    let source = &query.table.source;
    let output = |name: String, ty: ColumnType, column: Option<usize>| {
        let column = column.and_then(|column| query.table.columns.get(column));
        Output {
            path: vec![name],
            syntax: syntax(ty, column.map_or("integer", |column| &column.remote_type)),
            // As in every column of a ServiceNow table.
            empty_is_null: true,
            template: None,
        }
    };
    let keys = grouping.keys.iter().enumerate().filter_map(|(at, &key)| {
        let ty = query.table.columns.get(key)?.ty;
        Some(output(format!("k{at}"), ty, Some(key)))
    });
    let aggregates = grouping.aggregates.iter().enumerate().map(|(at, aggregate)| {
        let ty = query.aggregate_type(*aggregate);
        let of_type = aggregate
            .column
            .filter(|_| aggregate.function != AggregateFunction::Count);
        output(format!("a{at}"), ty, of_type)
    });
    let layout = Layout::new(query.output_schema(), "result", keys.chain(aggregates).collect());
    let decoded = layout
        .decode(rows.to_string().as_bytes(), "k0")
        .map_err(|error| match error {
            DecodeError::Damaged(reason) => Error::new(source, Kind::Refused, reason),
            bad @ DecodeError::BadValue { .. } => Error::new(source, Kind::Refused, bad.to_string()),
        })?;
    Ok(decoded.batch)
}

#[cfg(test)]
mod tests;
