//! Elements, subscripts and places of arrays.
//!
//! Owns: arrays of any number of dimensions as one list. Does not own: other functions of arrays.
//! Invariant: elements come in the order of their last subscripts, as PostgreSQL stores them. Start at [`elements`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray as _, Int32Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{DataFusionError, Result};

use super::{Lengths, list_of};
use crate::functions::overload::Call;

/// What the innermost lists have.
fn element(ty: &DataType) -> DataType {
    match ty {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            element(item.data_type())
        }
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

/// The list of all elements.
pub(super) fn flat(types: &[DataType]) -> DataType {
    list_of(types.first().map_or(DataType::Utf8, element))
}

/// All elements of an array, whatever its dimensions.
pub(super) fn elements(call: &Call) -> Result<ArrayRef> {
    let mut lengths = Lengths::new(call.rows(), "unnest");
    let mut parts: Vec<ArrayRef> = Vec::new();
    let arrays = call.array(0)?;
    let DataType::List(item) = call.result() else {
        return Err(DataFusionError::Internal("elements are a list".to_owned()));
    };
    for row in 0..call.rows() {
        if call.is_null(row) {
            lengths.end(false);
            continue;
        }
        let before = parts.len();
        if let Some(lists) = arrays.as_list_opt::<i32>() {
            flatten(&lists.value(row), &mut parts);
        }
        let new: usize = parts.iter().skip(before).map(Array::len).sum();
        lengths.count_many(new)?;
        lengths.end(true);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() {
        datafusion::arrow::array::new_empty_array(item.data_type())
    } else {
        let joined = datafusion::arrow::compute::concat(&parts)?;
        if joined.data_type() == item.data_type() {
            joined
        } else {
            cast(&joined, item.data_type())?
        }
    };
    lengths.lists(call, values)
}

fn flatten(values: &ArrayRef, parts: &mut Vec<ArrayRef>) {
    match values.as_list_opt::<i32>() {
        Some(lists) => lists.iter().flatten().for_each(|inner| flatten(&inner, parts)),
        None => parts.push(Arc::clone(values)),
    }
}

/// `generate_subscripts`: the subscripts of one dimension.
pub(super) fn subscripts(call: &Call) -> Result<ArrayRef> {
    let dimensions = call.values::<Int32Type>(1)?;
    let reversed = if call.len() > 2 {
        Some(call.booleans(2)?)
    } else {
        None
    };
    let mut lengths = Lengths::new(call.rows(), "generate_subscripts");
    let mut values: Vec<i32> = Vec::new();
    let arrays = call.array(0)?;
    for row in 0..call.rows() {
        if call.is_null(row) {
            lengths.end(false);
            continue;
        }
        let list = arrays.as_list_opt::<i32>().map(|lists| lists.value(row));
        let length = list.and_then(|list| extent(&list, dimensions.value(row)));
        let last = i32::try_from(length.unwrap_or_default()).unwrap_or(i32::MAX);
        lengths.count_many(length.unwrap_or_default())?;
        if reversed.is_some_and(|reversed| reversed.value(row)) {
            values.extend((1..=last).rev());
        } else {
            values.extend(1..=last);
        }
        lengths.end(true);
    }
    lengths.lists(call, Arc::new(Int32Array::from(values)))
}

/// How many subscripts a dimension has.
fn extent(list: &ArrayRef, dimension: i32) -> Option<usize> {
    match dimension {
        ..=0 => None,
        1 => Some(list.len()),
        _ => {
            let inner = list.as_list_opt::<i32>()?;
            extent(&inner.iter().flatten().next()?, dimension - 1)
        }
    }
}

/// The places 1, 2, 3 … of the longest of some lists; one place where there is no list.
pub(super) fn ordinals(call: &Call) -> Result<ArrayRef> {
    let mut lengths = Lengths::new(call.rows(), "WITH ORDINALITY");
    let mut values: Vec<i64> = Vec::new();
    for row in 0..call.rows() {
        let mut longest = usize::from(call.len() == 0);
        for at in 0..call.len() {
            let lists = call.array(at)?;
            if let Some(lists) = lists.as_list_opt::<i32>().filter(|lists| lists.is_valid(row)) {
                longest = longest.max(lists.value(row).len());
            }
        }
        lengths.count_many(longest)?;
        values.extend(1..=i64::try_from(longest).unwrap_or_default());
        lengths.end(true);
    }
    lengths.lists(call, Arc::new(Int64Array::from(values)))
}
