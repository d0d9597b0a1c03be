//! A page of an engine's query as a record batch.
//!
//! Owns: where each column is in a record, the order of keys, damaged pages, hidden columns. Does not own: fetching; see `client`.
//! Invariant: rows of a page that is damaged or out of order are never emitted. Start at [`decode`].

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use causeway_core::decode::{DecodeError, Layout, Output, Syntax};
use causeway_core::{Error, Kind, Origin, RemoteQuery, Table};

use super::classify::failure_of;
use crate::query::position::Position;
use crate::query::wire::is_hex_key;
use crate::types::syntax;

/// The rows of a page and the columns that no record carried.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) batch: RecordBatch,
    pub(crate) hidden: Vec<String>,
}

/// Decodes a page that begins at `position`. `is_only` says that there is no other page, so its order does not matter.
pub(crate) fn decode(
    query: &RemoteQuery,
    display: bool,
    position: &Position,
    is_only: bool,
    body: &[u8],
) -> Result<Rows, Error> {
    let table = &query.table;
    let origin = &table.source;
    let damaged = |message: String| Error::new(origin, Kind::Transient, message);
    // The key is decoded even when it is not wanted, to check that pages advance.
    let mut columns = query.columns.clone();
    columns.extend(table.single_key());
    let outputs = columns.iter().filter_map(|&at| output(table, at, display));
    let layout = Layout::new(lenient_schema(table, &columns), "result", outputs.collect());
    let decoded = layout.decode(body, "sys_id").map_err(|error| match error {
        DecodeError::Damaged(reason) => damaged(reason),
        bad @ DecodeError::BadValue { .. } => Error::new(origin, Kind::BadValue, bad.to_string()),
    })?;
    if let Some(reason) = failure_of(&decoded.extras) {
        return Err(damaged(reason));
    }
    let wanted = query.columns.len();
    if decoded.missing.contains(&wanted) {
        let message = "the records carry no sys_id, so their pages can't be told apart; let the account read that field";
        return Err(Error::new(origin, Kind::Forbidden, message));
    }
    check_order(&decoded.batch, wanted, position, is_only).map_err(damaged)?;
    let hidden = decoded
        .missing
        .iter()
        .filter_map(|&at| Some(table.columns.get(*columns.get(at)?)?.name.clone()))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(decoded.batch.num_rows()));
    let arrays = decoded
        .batch
        .columns()
        .iter()
        .take(wanted)
        .map(Arc::clone)
        .collect();
    let batch = RecordBatch::try_new_with_options(table.schema_of(&query.columns), arrays, &options)
        .map_err(|error| {
            Error::new(origin, Kind::Internal, "a page has not the query's columns").with_cause(error)
        })?;
    Ok(Rows { batch, hidden })
}

/// The schema of the output columns and, behind them, the key under a name that no column has. A missing key is found later, so
/// nothing is required here.
fn lenient_schema(table: &Table, columns: &[usize]) -> SchemaRef {
    let schema = table.schema_of(columns);
    let mut fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    if let Some(key) = fields.pop() {
        fields.push(key.with_name(" key"));
    }
    Arc::new(Schema::new(fields))
}

fn output(table: &Table, at: usize, display: bool) -> Option<Output> {
    let column = table.columns.get(at)?;
    let path = |field: &str, part: &str| {
        let mut path = vec![field.to_owned()];
        if display {
            path.push(part.to_owned());
        }
        path
    };
    Some(match &column.origin {
        Origin::Field(field) => Output {
            path: path(field, "value"),
            syntax: syntax(column.ty, &column.remote_type),
            empty_is_null: column.empty_is_null,
            template: None,
        },
        Origin::Display(field) => Output {
            path: path(field, "display_value"),
            syntax: Syntax::Text,
            empty_is_null: column.empty_is_null,
            template: None,
        },
        Origin::RecordUrl => Output {
            path: path("sys_id", "value"),
            syntax: Syntax::Text,
            empty_is_null: column.empty_is_null,
            template: Some(table.url_template.clone()),
        },
    })
}

/// Checks that keys advance, so that no row is read twice and none is skipped.
///
/// Only hexadecimal keys are compared: how other keys (`global`) sort depends on the collation of the database.
fn check_order(batch: &RecordBatch, key: usize, position: &Position, is_only: bool) -> Result<(), String> {
    let Some(keys) = batch.columns().get(key) else {
        return Ok(());
    };
    let keys = keys.as_string::<i32>();
    if keys.null_count() > 0 {
        return Err("a record has no sys_id".to_owned());
    }
    let mut before = position.after.as_deref();
    if is_only {
        let mut sorted: Vec<&str> = keys.iter().flatten().collect();
        sorted.sort_unstable();
        let twice = sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        return if twice {
            Err("a record came twice".to_owned())
        } else {
            Ok(())
        };
    }
    for here in keys.iter().flatten() {
        let advances = match before {
            Some(last) if is_hex_key(last) && is_hex_key(here) => last < here,
            Some(last) => last != here,
            None => true,
        };
        if !advances {
            return Err(
                "the page is not sorted by sys_id as asked; the account may lack query_range access to sys_id on this table"
                    .to_owned(),
            );
        }
        if is_hex_key(here) || before.is_none() {
            before = Some(here);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
