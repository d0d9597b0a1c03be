//! The rows of a whole scan, decoded into plain values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use futures::TryStreamExt as _;

use crate::{Error, Kind, Literal, QueryContext, RemoteQuery, Source, Table, scan};

/// Every row of a table, column by column.
#[derive(Debug)]
pub(super) struct Rows {
    columns: Vec<Vec<Option<Literal>>>,
    /// Row number by record key.
    numbers: HashMap<String, usize>,
    keys: Vec<String>,
}

impl Rows {
    /// Reads the whole table.
    pub(super) async fn read(
        source: &Arc<dyn Source>,
        context: &Arc<QueryContext>,
        table: &Arc<Table>,
    ) -> Result<Self, Error> {
        let query = RemoteQuery::new(Arc::clone(table), (0..table.columns.len()).collect());
        let batches: Vec<RecordBatch> = scan(Arc::clone(source), Arc::clone(context), query)
            .try_collect()
            .await?;
        let mut columns = vec![Vec::new(); table.columns.len()];
        for batch in &batches {
            for (cells, array) in columns.iter_mut().zip(batch.columns()) {
                for row in 0..batch.num_rows() {
                    cells.push(value(array.as_ref(), row).map_err(|message| fault(source, message))?);
                }
            }
        }
        let keys: Vec<String> = columns
            .get(table.key)
            .into_iter()
            .flatten()
            .filter_map(|cell| match cell {
                Some(Literal::Text(key)) => Some(key.clone()),
                _ => None,
            })
            .collect();
        let numbers: HashMap<String, usize> = keys
            .iter()
            .enumerate()
            .map(|(row, key)| (key.clone(), row))
            .collect();
        if numbers.is_empty() || numbers.len() != columns.first().map_or(0, Vec::len) {
            return Err(fault(source, "the table has no rows or no unique key".to_owned()));
        }
        Ok(Self {
            columns,
            numbers,
            keys,
        })
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// A value; `None` is NULL.
    pub(super) fn cell(&self, column: usize, row: usize) -> Option<&Literal> {
        self.columns.get(column)?.get(row)?.as_ref()
    }

    /// The values of a column.
    pub(super) fn column(&self, column: usize) -> &[Option<Literal>] {
        self.columns.get(column).map_or(&[], Vec::as_slice)
    }

    /// The key of a row.
    pub(super) fn key(&self, row: usize) -> &str {
        self.keys.get(row).map_or("", String::as_str)
    }

    /// Which rows have these keys; an unknown or repeated key is an error.
    pub(super) fn kept(&self, keys: &[String]) -> Result<Vec<bool>, String> {
        let mut kept = vec![false; self.len()];
        for key in keys {
            let place = self.numbers.get(key).and_then(|row| kept.get_mut(*row));
            match place {
                Some(place) if !*place => *place = true,
                Some(_) => return Err(format!("record {key} came twice")),
                None => return Err(format!("record {key} is not in the whole scan")),
            }
        }
        Ok(kept)
    }
}

/// The keys that the source answers a query with.
pub(super) async fn keys_of(
    source: &Arc<dyn Source>,
    context: &Arc<QueryContext>,
    query: RemoteQuery,
) -> Result<Vec<String>, Error> {
    let batches: Vec<RecordBatch> = scan(Arc::clone(source), Arc::clone(context), query)
        .try_collect()
        .await?;
    let mut keys = Vec::new();
    for batch in &batches {
        let column = batch
            .columns()
            .first()
            .and_then(|column| column.as_string_opt::<i32>());
        let column = column.ok_or_else(|| fault(source, "the key is no text".to_owned()))?;
        keys.extend(column.iter().flatten().map(str::to_owned));
    }
    Ok(keys)
}

fn fault(source: &Arc<dyn Source>, message: String) -> Error {
    Error::new(source.name(), Kind::Internal, message)
}

fn value(array: &dyn Array, row: usize) -> Result<Option<Literal>, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Boolean => Literal::Boolean(array.as_boolean().value(row)),
        DataType::Int64 => Literal::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Literal::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Literal::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => {
            Literal::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Time64(_) => Literal::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Utf8 => Literal::Text(array.as_string::<i32>().value(row).to_owned()),
        other => return Err(format!("a column of type {other} is not expected")),
    }))
}
