//! Functions of arrays.
//!
//! Owns: what DataFusion's functions of lists lack. Does not own: `unnest`. Invariant: items keep their type.
//! Start at [`FUNCTIONS`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray as _, ListArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{DataFusionError, Result};

use super::overload::{Call, Overload};
use crate::syntax::array_subquery::ARRAY_OR_EMPTY;
use crate::types::Kind::{Any, Int4, Other, Text};
use crate::types::fault;

/// PostgreSQL, "Array Functions and Operators".
#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new(ARRAY_OR_EMPTY, &[Any], Other, array_or_empty).giving(first_type).of_nulls(),
    Overload::new("array_length", &[Other, Int4], Int4, length),
    Overload::new("array_upper", &[Other, Int4], Int4, length),
    Overload::new("array_lower", &[Other, Int4], Int4, lower),
    Overload::new("array_ndims", &[Other], Int4, count),
    Overload::new("array_dims", &[Other], Text, bounds),
    Overload::new("cardinality", &[Other], Int4, cardinality),
    Overload::new(CONCATENATE, &[Other, Other], Other, concatenated).giving(first_type).of_nulls(),
    Overload::new(APPEND, &[Other, Any], Other, appended).giving(first_type).of_nulls(),
    Overload::new(PREPEND, &[Any, Other], Other, prepended).giving(second_type).of_nulls(),
];

/// The functions of `||`, whose arguments have been cast to the same type of items.
pub(crate) const CONCATENATE: &str = "causeway_array_cat";
pub(crate) const APPEND: &str = "causeway_array_append";
pub(crate) const PREPEND: &str = "causeway_array_prepend";

fn first_type(types: &[DataType]) -> DataType {
    types.first().cloned().unwrap_or(DataType::Null)
}

fn second_type(types: &[DataType]) -> DataType {
    types.get(1).cloned().unwrap_or(DataType::Null)
}

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

fn list<'a>(call: &'a Call, at: usize) -> Result<&'a ListArray> {
    let array = call.array(at)?;
    let missing = || {
        let ty = crate::types::type_name(array.data_type());
        fault("42883", format!("function {}({ty}) does not exist", call.name()))
    };
    array.as_list_opt::<i32>().ok_or_else(missing)
}

/// The lengths of a row's dimensions; none for an empty array.
fn dimensions(lists: &ListArray, row: usize) -> Vec<usize> {
    let items = lists.value(row);
    if items.is_empty() {
        return Vec::new();
    }
    let mut lengths = vec![items.len()];
    if let Some(inner) = items.as_list_opt::<i32>() {
        lengths.extend(dimensions(inner, 0));
    }
    lengths
}

/// A number found from the lengths of the dimensions.
fn measured(call: &Call, measure: impl Fn(&[usize], usize) -> Option<usize>) -> Result<ArrayRef> {
    let lists = list(call, 0)?;
    call.primitives_of::<Int32Type>(|row| {
        let found = measure(&dimensions(lists, row), row);
        Ok(found.and_then(|found| i32::try_from(found).ok()))
    })
}

/// The place of the dimension that the second argument names.
fn asked(call: &Call, row: usize) -> Option<usize> {
    let dimension = call.values::<Int32Type>(1).ok()?.value(row);
    usize::try_from(dimension).ok()?.checked_sub(1)
}

fn length(call: &Call) -> Result<ArrayRef> {
    measured(call, |lengths, row| lengths.get(asked(call, row)?).copied())
}

fn lower(call: &Call) -> Result<ArrayRef> {
    measured(call, |lengths, row| lengths.get(asked(call, row)?).map(|_| 1))
}

fn cardinality(call: &Call) -> Result<ArrayRef> {
    measured(call, |lengths, _| match lengths {
        [] => Some(0),
        lengths => Some(lengths.iter().product()),
    })
}

fn count(call: &Call) -> Result<ArrayRef> {
    measured(call, |lengths, _| (!lengths.is_empty()).then_some(lengths.len()))
}

fn bounds(call: &Call) -> Result<ArrayRef> {
    let lists = list(call, 0)?;
    call.texts_of(|row, out| {
        let lengths = dimensions(lists, row);
        for length in &lengths {
            out.push_str(&format!("[1:{length}]"));
        }
        Ok(!lengths.is_empty())
    })
}

/// The items of a row's array.
fn items(lists: &ListArray, row: usize) -> std::ops::Range<usize> {
    if lists.is_null(row) {
        return 0..0;
    }
    let bound = |at: usize| {
        let offset = lists.value_offsets().get(at).copied();
        offset
            .and_then(|offset| usize::try_from(offset).ok())
            .unwrap_or_default()
    };
    bound(row)..bound(row + 1)
}

/// Lists of picked values: of the arrays in `from`, by array and place.
fn picked(
    call: &Call,
    from: &[&ArrayRef],
    pick: impl Fn(usize) -> Option<Vec<(usize, usize)>>,
) -> Result<ArrayRef> {
    let DataType::List(item) = call.result() else {
        return Err(DataFusionError::Internal("an array was expected".to_owned()));
    };
    let rows: Vec<Option<Vec<(usize, usize)>>> = (0..call.rows()).map(pick).collect();
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let nulls = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let places: Vec<(usize, usize)> = rows.into_iter().flatten().flatten().collect();
    let values: Vec<&dyn Array> = from.iter().map(|array| array.as_ref()).collect();
    let values = datafusion::arrow::compute::interleave(&values, &places)?;
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(item),
        offsets,
        values,
        Some(nulls),
    )?))
}

/// One array behind another; NULL is no array.
fn concatenated(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (list(call, 0)?, list(call, 1)?);
    picked(call, &[left.values(), right.values()], |row| {
        if left.is_null(row) && right.is_null(row) {
            return None;
        }
        let of = |at: usize, lists: &ListArray| items(lists, row).map(move |place| (at, place));
        Some(of(0, left).chain(of(1, right)).collect())
    })
}

fn appended(call: &Call) -> Result<ArrayRef> {
    let (lists, items_of) = (list(call, 0)?, call.array(1)?);
    picked(call, &[lists.values(), items_of], |row| {
        let own = items(lists, row).map(|place| (0, place));
        Some(own.chain(std::iter::once((1, row))).collect())
    })
}

fn prepended(call: &Call) -> Result<ArrayRef> {
    let (lists, items_of) = (list(call, 1)?, call.array(0)?);
    picked(call, &[lists.values(), items_of], |row| {
        let own = items(lists, row).map(|place| (0, place));
        Some(std::iter::once((1, row)).chain(own).collect())
    })
}
