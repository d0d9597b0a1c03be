//! Arrow batches to DataRow messages, written straight into what is sent.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use bytes::{Buf as _, BufMut as _, BytesMut};
use causeway_sql::{Error, Zone};
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::messages::data::{FieldDescription, RowDescription};

use super::column::{Column, Values, patch_length};
use super::errors::sqlstate;
use super::types;

/// The format of each column: text or binary.
#[derive(Debug, Clone)]
pub(super) struct Formats(Vec<bool>);

impl Formats {
    pub(super) fn text() -> Self {
        Self(Vec::new())
    }

    pub(super) fn binary() -> Self {
        Self(vec![true])
    }

    pub(super) fn try_new(codes: &[i16]) -> Result<Self, Error> {
        codes
            .iter()
            .map(|code| is_binary(*code))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// One code stands for all columns, none for text.
    fn is_binary(&self, column: usize) -> bool {
        match self.0.as_slice() {
            [] => false,
            [all] => *all,
            each => each.get(column).copied().unwrap_or(false),
        }
    }

    pub(super) fn check(&self, columns: usize) -> Result<(), Error> {
        if self.0.len() > 1 && self.0.len() != columns {
            let message = format!(
                "bind message has {} result formats but query has {columns} columns",
                self.0.len()
            );
            return Err(Error::new(sqlstate::PROTOCOL, message));
        }
        Ok(())
    }
}

/// Whether a format code means binary.
pub(super) fn is_binary(code: i16) -> Result<bool, Error> {
    match code {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::new(
            sqlstate::PROTOCOL,
            format!("unsupported format code: {code}"),
        )),
    }
}

/// Encodes the rows of one answer.
#[derive(Debug)]
pub(super) struct Encoder {
    columns: Vec<Column>,
    /// The zone in which moments are written.
    zone: Zone,
}

impl Encoder {
    pub(super) fn try_new(schema: &SchemaRef, formats: &Formats) -> Result<Self, Error> {
        formats.check(schema.fields().len())?;
        let column = |(at, field): (usize, &Arc<Field>)| {
            let is_binary = formats.is_binary(at);
            let format = if is_binary {
                FieldFormat::Binary
            } else {
                FieldFormat::Text
            };
            Column {
                field: Arc::clone(field),
                info: FieldInfo::new(field.name().clone(), None, None, types::pg_type_of(field), format),
                is_binary,
            }
        };
        Ok(Self {
            columns: schema.fields().iter().enumerate().map(column).collect(),
            zone: Zone::utc(),
        })
    }

    /// Writes moments in this zone instead of UTC.
    pub(super) fn in_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    pub(super) fn description(&self) -> RowDescription {
        let describe = |column: &Column| {
            let ty = column.info.datatype();
            let name = column.field.name().clone();
            FieldDescription::new(
                name,
                0,
                0,
                ty.oid(),
                types::size(ty),
                -1,
                i16::from(column.is_binary),
            )
        };
        RowDescription::new(self.columns.iter().map(describe).collect())
    }

    /// The columns of a batch, with their types resolved once.
    pub(super) fn columns<'a>(&'a self, batch: &'a RecordBatch) -> Result<Vec<Values<'a>>, Error> {
        if batch.num_columns() != self.columns.len() {
            return Err(Error::internal(
                "a batch does not have the columns that were described",
            ));
        }
        Ok(self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| Values::of(column, array, &self.zone))
            .collect())
    }

    /// Adds the DataRow message of one row, or nothing if a value can't be sent.
    pub(super) fn row(&self, values: &[Values<'_>], row: usize, out: &mut BytesMut) -> Result<(), Error> {
        let start = out.len();
        out.put_u8(b'D');
        out.put_i32(0);
        out.put_i16(
            i16::try_from(values.len())
                .map_err(|_| Error::new(sqlstate::OUT_OF_RANGE, "too many columns"))?,
        );
        for (column, values) in self.columns.iter().zip(values) {
            if let Err(mut error) = values.write(column, row, out) {
                out.truncate(start);
                error.detail = Some(format!("the value is in column \"{}\"", column.field.name()));
                return Err(error);
            }
        }
        patch_length(out, start + 1, start + 1);
        Ok(())
    }
}

/// The rows of a batch as psql would show them; `None` is NULL.
pub(crate) fn texts(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, Error> {
    let encoder = Encoder::try_new(&batch.schema(), &Formats::text())?;
    let columns = encoder.columns(batch)?;
    let mut out = BytesMut::new();
    let mut texts = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        out.clear();
        encoder.row(&columns, row, &mut out)?;
        // Past the type, the length and the number of columns.
        out.advance(7);
        let field = |_| {
            let length = usize::try_from(out.get_i32()).ok()?;
            Some(String::from_utf8_lossy(&out.split_to(length)).into_owned())
        };
        texts.push((0..batch.num_columns()).map(field).collect());
    }
    Ok(texts)
}

#[cfg(test)]
mod tests;
