//! Arrays as text, and as arrays of another type.
//!
//! Owns: `array_out`, and casts item by item. Does not own: casts of the items; see `conversion`. Invariant: an item is quoted where it
//! would be read otherwise without. Start at [`text`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};

use super::conversion;
use crate::functions::datetime::zone::Zone;
use crate::functions::row_wise;

/// Every array as PostgreSQL prints it: `{1,NULL,"a b"}`.
pub(super) fn text(array: &ArrayRef, zone: &Zone) -> Result<ArrayRef> {
    let items = Items::of(array, zone)?;
    row_wise::write_texts(array, |row, out| items.write(row, out))
}

/// The items of arrays, as texts.
enum Items {
    Texts(Vec<i32>, StringArray),
    Nested(Vec<i32>, Box<Items>),
}

impl Items {
    fn of(array: &ArrayRef, zone: &Zone) -> Result<Self> {
        let lists = array
            .as_list_opt::<i32>()
            .ok_or_else(|| DataFusionError::Internal("an array was expected".to_owned()))?;
        let offsets = lists.value_offsets().to_vec();
        let values = lists.values();
        Ok(match values.data_type() {
            DataType::List(_) => Self::Nested(offsets, Box::new(Self::of(values, zone)?)),
            DataType::Boolean => {
                let letters = values.as_boolean().iter();
                let letters = letters.map(|value| value.map(|value| if value { "t" } else { "f" }));
                Self::Texts(offsets, letters.collect())
            }
            DataType::Null => Self::Texts(offsets, StringArray::new_null(values.len())),
            _ => Self::Texts(offsets, row_wise::texts(&conversion::text(values, zone)?)?),
        })
    }

    fn write(&self, row: usize, out: &mut String) -> Result<()> {
        let (Self::Texts(offsets, _) | Self::Nested(offsets, _)) = self;
        let bound = |at: usize| {
            offsets
                .get(at)
                .map_or(0, |offset| usize::try_from(*offset).unwrap_or_default())
        };
        out.push('{');
        for (at, item) in (bound(row)..bound(row + 1)).enumerate() {
            out.push_str(if at == 0 { "" } else { "," });
            match self {
                Self::Nested(_, items) => items.write(item, out)?,
                Self::Texts(_, texts) if texts.is_null(item) => out.push_str("NULL"),
                Self::Texts(_, texts) => quoted(texts.value(item), out),
            }
        }
        out.push('}');
        Ok(())
    }
}

/// An item, in quotes where it needs them.
fn quoted(text: &str, out: &mut String) {
    let is_plain = |c: char| !matches!(c, '"' | '\\' | '{' | '}' | ',') && !c.is_ascii_whitespace();
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && text.chars().all(is_plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// The items as values of another type.
pub(super) fn converted(array: &ArrayRef, to: &DataType, zone: &Zone) -> Result<ArrayRef> {
    let (Some(lists), DataType::List(field)) = (array.as_list_opt::<i32>(), to) else {
        return Err(DataFusionError::Internal("an array was expected".to_owned()));
    };
    let (from, item) = (lists.values().data_type(), field.data_type());
    let values = match (from, item) {
        (from, item) if from == item => Arc::clone(lists.values()),
        (DataType::List(_), DataType::List(_)) => converted(lists.values(), item, zone)?,
        (DataType::Null, item) => datafusion::arrow::array::new_null_array(item, lists.values().len()),
        (from, item) if super::is_lossless_for(from, item) => {
            datafusion::arrow::compute::cast(lists.values(), item)?
        }
        _ => conversion::converted(lists.values(), item, zone)?,
    };
    let lists = ListArray::try_new(
        Arc::clone(field),
        lists.offsets().clone(),
        values,
        lists.nulls().cloned(),
    )?;
    Ok(Arc::new(lists))
}
