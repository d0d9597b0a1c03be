//! Functions of arrays.
//!
//! Owns: what DataFusion's functions of lists lack. Does not own: `unnest`. Invariant: items keep their type.
//! Start at [`FUNCTIONS`].

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};

use super::overload::{Call, Overload};
use crate::syntax::array_subquery::ARRAY_OR_EMPTY;
use crate::types::Kind::{Any, Other};

/// PostgreSQL, "Array Functions and Operators".
pub(crate) const FUNCTIONS: &[Overload] = &[Overload::new(ARRAY_OR_EMPTY, &[Any], Other, array_or_empty)
    .giving(|types| types.first().cloned().unwrap_or(DataType::Null))
    .of_nulls()];

/// The array, and an empty one for NULL.
fn array_or_empty(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list_opt::<i32>();
    let lists = lists.ok_or_else(|| DataFusionError::Internal("no list".to_owned()))?;
    let DataType::List(item) = array.data_type() else {
        return Err(DataFusionError::Internal("no list".to_owned()));
    };
    // Offsets of what is NULL may span items.
    let lengths = (0..lists.len()).map(|row| match lists.is_null(row) {
        true => 0,
        false => usize::try_from(lists.value_length(row)).unwrap_or_default(),
    });
    let offsets = OffsetBuffer::from_lengths(lengths);
    let items: Vec<ArrayRef> = (0..lists.len())
        .filter(|row| !lists.is_null(*row))
        .map(|row| lists.value(row))
        .collect();
    let items: Vec<&dyn datafusion::arrow::array::Array> = items.iter().map(AsRef::as_ref).collect();
    let values = match items.as_slice() {
        [] => lists.values().slice(0, 0),
        items => datafusion::arrow::compute::concat(items)?,
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(item),
        offsets,
        values,
        None,
    )?))
}
