//! Cells of catalog tables, and batches of them.
//!
//! Owns: text and numbers to Arrow columns. Does not own: what the cells say. Invariant: a value that its column cannot hold is NULL,
//! never an error in the middle of a person's browsing.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, RecordBatchOptions, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Result;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    /// Text, or a value in PostgreSQL's text form.
    Text(Cow<'static, str>),
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&'static str> for Cell {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Cell {
    fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => Some(matches!(text.as_ref(), "t" | "true" | "YES")),
            _ => None,
        }
    }

    fn as_number<T: std::str::FromStr + TryFrom<i64>>(&self) -> Option<T> {
        match self {
            Self::Int(value) => T::try_from(*value).ok(),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "row counts and the like")]
            Self::Int(value) => Some(*value as f64),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn into_text(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(value) => Some(value.to_string().into()),
            Self::Bool(value) => Some(if value { "t" } else { "f" }.into()),
            Self::Null => None,
        }
    }
}

/// A column of cells.
pub(super) fn column(ty: &DataType, cells: impl Iterator<Item = Cell>) -> Result<ArrayRef> {
    Ok(match ty {
        DataType::Boolean => Arc::new(cells.map(|cell| cell.as_bool()).collect::<BooleanArray>()),
        DataType::Int16 => Arc::new(cells.map(|cell| cell.as_number()).collect::<Int16Array>()),
        DataType::Int32 => Arc::new(cells.map(|cell| cell.as_number()).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(cells.map(|cell| cell.as_number()).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(cells.map(|cell| cell.as_float()).collect::<Float64Array>()),
        #[expect(clippy::cast_possible_truncation, reason = "the column is a real")]
        DataType::Float32 => Arc::new(
            cells
                .map(|cell| Some(cell.as_float()? as f32))
                .collect::<Float32Array>(),
        ),
        DataType::List(_) => lists(ty, cells)?,
        _ => {
            let texts: StringArray = cells.map(Cell::into_text).collect();
            cast(&texts, ty)?
        }
    })
}

/// Arrays as `{a,b}`, vectors as `1 2`.
fn lists(ty: &DataType, cells: impl Iterator<Item = Cell>) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        let Some(text) = cell.into_text() else {
            lists.append_null();
            continue;
        };
        for item in items_of(&text) {
            lists.values().append_value(item);
        }
        lists.append(true);
    }
    Ok(cast(&lists.finish(), ty)?)
}

/// The items of `{a,"b c"}`, or of `1 2`.
fn items_of(text: &str) -> Vec<String> {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return text.split_whitespace().map(str::to_owned).collect();
    };
    if inner.is_empty() {
        return Vec::new();
    }
    let (mut items, mut item, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => item.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            letter => item.push(letter),
        }
    }
    items.push(item);
    items
}

/// A batch of one row for each item.
pub(super) fn batch<T>(
    schema: &SchemaRef,
    items: &[T],
    cell: impl Fn(&T, &str) -> Cell,
) -> Result<RecordBatch> {
    let fields = schema.fields().iter();
    let columns = fields
        .map(|field| {
            column(
                field.data_type(),
                items.iter().map(|item| cell(item, field.name())),
            )
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(items.len()));
    Ok(RecordBatch::try_new_with_options(
        SchemaRef::clone(schema),
        columns,
        &options,
    )?)
}

/// The records of a file.
pub(super) fn records(text: &'static str) -> impl Iterator<Item = csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false);
    reader.from_reader(text.as_bytes()).into_records().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_with_their_quotes_and_vectors_without() {
        assert_eq!(
            items_of(r#"{serializable,"repeatable read","a\"b"}"#),
            ["serializable", "repeatable read", "a\"b"]
        );
        assert_eq!(items_of("{}"), Vec::<String>::new());
        assert_eq!(items_of("23 25"), ["23", "25"]);
    }
}
