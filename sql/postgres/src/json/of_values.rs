//! Values of other types as JSON (`to_json`).
//!
//! Owns: the JSON text of every type. Does not own: functions over it. Invariant: what is written is JSON. Start at [`Writer::write`].

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};

use super::quoted;
use crate::functions::datetime::zone::Zone;
use crate::functions::row_wise;
use crate::types::Kind;
use crate::typing::casts::text_of;

/// Writes the values of one array as JSON.
pub(crate) enum Writer {
    /// Texts that are JSON already, numbers and booleans.
    Bare(ArrayRef),
    /// Texts that get quotes.
    Quoted(ArrayRef),
    /// Timestamps, with a `T` between day and time.
    Moments(ArrayRef),
    /// Numbers that may be no JSON: `NaN` and `Infinity`.
    Floats(ArrayRef),
    Lists(ArrayRef, Box<Writer>),
    Rows(ArrayRef, Vec<(String, Writer)>),
}

impl Writer {
    /// # Errors
    /// 0A000 for types that have no text.
    pub(crate) fn of(array: &ArrayRef, zone: &Zone) -> Result<Self> {
        let text = || text_of(array, zone);
        Ok(match (Kind::of(array.data_type()), array.data_type()) {
            (Kind::Json | Kind::Jsonb, _) => Self::Bare(std::sync::Arc::new(row_wise::texts(array)?)),
            (Kind::Boolean | Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Numeric, _) => Self::Bare(text()?),
            (Kind::Float4 | Kind::Float8, _) => Self::Floats(text()?),
            (Kind::Timestamp | Kind::TimestampTz, _) => Self::Moments(text()?),
            (Kind::Unknown, DataType::Null) => Self::Bare(ArrayRef::clone(array)),
            (_, DataType::List(_)) => {
                let items = Self::of(array.as_list::<i32>().values(), zone)?;
                Self::Lists(ArrayRef::clone(array), Box::new(items))
            }
            (_, DataType::Struct(fields)) => {
                let columns = array.as_struct().columns().iter();
                let columns = fields.iter().zip(columns);
                let columns =
                    columns.map(|(field, column)| Ok((field.name().clone(), Self::of(column, zone)?)));
                Self::Rows(ArrayRef::clone(array), columns.collect::<Result<_>>()?)
            }
            _ => Self::Quoted(text()?),
        })
    }

    fn array(&self) -> &ArrayRef {
        match self {
            Self::Bare(array)
            | Self::Quoted(array)
            | Self::Moments(array)
            | Self::Floats(array)
            | Self::Lists(array, _)
            | Self::Rows(array, _) => array,
        }
    }

    /// Appends the value of a row; NULL is `null`. The parts of rows and of lists of rows are on lines of their own if `is_pretty`.
    pub(crate) fn write(&self, row: usize, is_pretty: bool, out: &mut String) -> Result<()> {
        if self.array().is_null(row) || self.array().data_type().is_null() {
            out.push_str("null");
            return Ok(());
        }
        match self {
            Self::Bare(texts) => out.push_str(value(texts, row)?),
            Self::Quoted(texts) => quoted(out, value(texts, row)?),
            Self::Moments(texts) => quoted(out, &iso(value(texts, row)?)),
            Self::Floats(texts) => match value(texts, row)? {
                word @ ("NaN" | "Infinity" | "-Infinity") => quoted(out, word),
                number => out.push_str(number),
            },
            Self::Lists(lists, items) => {
                let offsets = lists.as_list::<i32>().value_offsets();
                let bound = |at: usize| {
                    offsets
                        .get(at)
                        .map_or(0, |offset| usize::try_from(*offset).unwrap_or_default())
                };
                let separator = if is_pretty { ",\n " } else { "," };
                out.push('[');
                for (at, item) in (bound(row)..bound(row + 1)).enumerate() {
                    out.push_str(if at == 0 { "" } else { separator });
                    items.write(item, false, out)?;
                }
                out.push(']');
            }
            Self::Rows(_, columns) => {
                let separator = if is_pretty { ",\n " } else { "," };
                out.push('{');
                for (at, (name, column)) in columns.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { separator });
                    quoted(out, name);
                    out.push(':');
                    column.write(row, false, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    /// The value of a row as the key of an object.
    pub(crate) fn key(&self, row: usize, out: &mut String) -> Result<()> {
        match self {
            Self::Bare(texts) | Self::Quoted(texts) | Self::Floats(texts) => out.push_str(value(texts, row)?),
            Self::Moments(texts) => out.push_str(&iso(value(texts, row)?)),
            Self::Lists(..) | Self::Rows(..) => {
                return Err(super::parts::wrong_shape(
                    "key value must be scalar, not array, composite, or json",
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array().is_null(row) || self.array().data_type().is_null()
    }
}

fn value(texts: &ArrayRef, row: usize) -> Result<&str> {
    let texts = texts.as_string_opt::<i32>();
    texts
        .map(|texts| texts.value(row))
        .ok_or_else(|| DataFusionError::Internal("a text was expected".to_owned()))
}

/// A timestamp as ISO 8601 writes it: `2024-01-02T03:04:05+00:00`.
fn iso(printed: &str) -> String {
    let text = printed.replacen(' ', "T", 1);
    let time = text.find('T').unwrap_or_default();
    let zone = text
        .get(time..)
        .and_then(|rest| rest.find(['+', '-']).map(|at| at + time));
    match zone {
        // PostgreSQL prints minutes of the offset only when there are some; here they always are.
        Some(at) if text.get(at..).is_some_and(|offset| offset.len() == 3) => format!("{text}:00"),
        _ => text,
    }
}
