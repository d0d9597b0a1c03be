//! The rows of a whole scan, decoded into plain values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use futures::TryStreamExt as _;

use crate::{Decimal, Error, Kind, Literal, QueryContext, RemoteQuery, Source, Table, scan};

/// Every row of a table, column by column.
#[derive(Debug, Default)]
pub(super) struct Rows {
    columns: Vec<Cells>,
    /// Row number by record key.
    numbers: HashMap<String, usize>,
    keys: Vec<String>,
}

/// The values of a column, each once.
#[derive(Debug, Clone, Default)]
struct Cells {
    distinct: Vec<Option<Literal>>,
    /// Place of a value among them, by its text: 0 equals -0 and NaN does not equal itself.
    places: HashMap<String, usize>,
    by_row: Vec<usize>,
}

impl Cells {
    fn push(&mut self, value: Option<Literal>) {
        let next = self.distinct.len();
        let place = *self.places.entry(format!("{value:?}")).or_insert(next);
        if place == next {
            self.distinct.push(value);
        }
        self.by_row.push(place);
    }

    fn value(&self, row: usize) -> Option<&Literal> {
        self.distinct.get(*self.by_row.get(row)?)?.as_ref()
    }
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
        let mut columns = vec![Cells::default(); table.columns.len()];
        for batch in &batches {
            for (cells, array) in columns.iter_mut().zip(batch.columns()) {
                for row in 0..batch.num_rows() {
                    cells.push(value(array.as_ref(), row).map_err(|message| fault(source, message))?);
                }
            }
        }
        let key_cells: Vec<&Cells> = table.key.iter().filter_map(|&at| columns.get(at)).collect();
        let rows_read = key_cells.first().map_or(0, |cells| cells.by_row.len());
        let keys: Vec<String> = (0..rows_read)
            .filter_map(|row| key_text(key_cells.iter().map(|cells| cells.value(row))))
            .collect();
        let numbers: HashMap<String, usize> = keys
            .iter()
            .enumerate()
            .map(|(row, key)| (key.clone(), row))
            .collect();
        if numbers.is_empty() || numbers.len() != rows_read {
            return Err(fault(source, "the table has no rows or no unique key".to_owned()));
        }
        Ok(Self {
            columns,
            numbers,
            keys,
        })
    }

    /// Rows of one column, under made-up keys.
    #[cfg(test)]
    pub(super) fn of_column(values: Vec<Option<Literal>>) -> Self {
        let keys: Vec<String> = (0..values.len()).map(|row| row.to_string()).collect();
        let mut cells = Cells::default();
        values.into_iter().for_each(|value| cells.push(value));
        Self {
            columns: vec![cells],
            keys,
            ..Self::default()
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// What `judge` says of the column's value in each row; it is asked once for each value.
    pub(super) fn each_row<T: Clone>(&self, column: usize, judge: impl Fn(Option<&Literal>) -> T) -> Vec<T> {
        let Some(cells) = self.columns.get(column) else {
            return vec![judge(None); self.len()];
        };
        let judged: Vec<T> = cells.distinct.iter().map(|value| judge(value.as_ref())).collect();
        cells
            .by_row
            .iter()
            .filter_map(|place| judged.get(*place).cloned())
            .collect()
    }

    /// The distinct values of a column.
    pub(super) fn distinct(&self, column: usize) -> &[Option<Literal>] {
        self.columns
            .get(column)
            .map_or(&[], |cells| cells.distinct.as_slice())
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
        for row in 0..batch.num_rows() {
            let parts = batch.columns().iter().map(|column| value(column.as_ref(), row));
            let parts: Vec<Option<Literal>> = parts
                .collect::<Result<_, _>>()
                .map_err(|message| fault(source, message))?;
            let key = key_text(parts.iter().map(Option::as_ref));
            keys.push(key.ok_or_else(|| fault(source, "a part of a key is NULL".to_owned()))?);
        }
    }
    Ok(keys)
}

/// One text for all parts of a key; `None` when a part is missing.
fn key_text<'a>(parts: impl Iterator<Item = Option<&'a Literal>>) -> Option<String> {
    let parts: Vec<&Literal> = parts.collect::<Option<_>>()?;
    match parts.as_slice() {
        [Literal::Text(key)] => Some(key.clone()),
        parts => Some(format!("{parts:?}")),
    }
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
        DataType::Decimal128(_, scale) => {
            let number = Decimal::new(array.as_primitive::<Decimal128Type>().value(row), *scale);
            Literal::Decimal(number.ok_or("a number has more than 38 digits")?)
        }
        DataType::Date32 => Literal::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => {
            Literal::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Time64(_) => Literal::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Utf8 => Literal::Text(array.as_string::<i32>().value(row).to_owned()),
        other => return Err(format!("a column of type {other} is not expected")),
    }))
}
