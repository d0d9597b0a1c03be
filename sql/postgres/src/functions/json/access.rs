//! Parts of JSON values: `->`, `->>`, `#>`, `#>>` and their functions.
//!
//! Owns: finding parts. Does not own: cutting texts; see `json::parts`. Invariant: a part of a `jsonb` value is in its printed form, because
//! the whole is. Start at [`field`].

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Int32Type;
use datafusion::common::Result;

use super::Lists;
use crate::functions::overload::Call;
use crate::json::parts::{self, Shape};

/// Writes a part, if there is one.
fn whole(part: Option<&str>, out: &mut String) -> bool {
    out.push_str(part.unwrap_or_default());
    part.is_some()
}

/// Writes the text of a part, unless it is null.
fn text(part: Option<&str>, out: &mut String) -> Result<bool> {
    let text = part.map(parts::as_text).transpose()?.flatten();
    out.push_str(text.as_deref().unwrap_or_default());
    Ok(text.is_some())
}

pub(super) fn field(call: &Call) -> Result<ArrayRef> {
    let (values, keys) = (call.texts(0)?, call.texts(1)?);
    call.texts_of(|row, out| {
        Ok(whole(
            parts::field(values.value(row).trim(), keys.value(row))?,
            out,
        ))
    })
}

pub(super) fn field_text(call: &Call) -> Result<ArrayRef> {
    let (values, keys) = (call.texts(0)?, call.texts(1)?);
    call.texts_of(|row, out| text(parts::field(values.value(row).trim(), keys.value(row))?, out))
}

pub(super) fn element(call: &Call) -> Result<ArrayRef> {
    let (values, places) = (call.texts(0)?, call.values::<Int32Type>(1)?);
    call.texts_of(|row, out| {
        let part = parts::element(values.value(row).trim(), i64::from(places.value(row)))?;
        Ok(whole(part, out))
    })
}

pub(super) fn element_text(call: &Call) -> Result<ArrayRef> {
    let (values, places) = (call.texts(0)?, call.values::<Int32Type>(1)?);
    call.texts_of(|row, out| {
        let part = parts::element(values.value(row).trim(), i64::from(places.value(row)))?;
        text(part, out)
    })
}

/// The part at the end of a path of texts; `None` if one of them is NULL.
fn at_path<'a>(value: &'a str, path: impl Iterator<Item = Option<&'a str>>) -> Result<Option<&'a str>> {
    match path.collect::<Option<Vec<&str>>>() {
        Some(path) => parts::at_path(value.trim(), &path),
        None => Ok(None),
    }
}

pub(super) fn path(call: &Call) -> Result<ArrayRef> {
    let (values, paths) = (call.texts(0)?, Lists::of(call, 1)?);
    call.texts_of(|row, out| Ok(whole(at_path(values.value(row), paths.row(row))?, out)))
}

pub(super) fn path_text(call: &Call) -> Result<ArrayRef> {
    let (values, paths) = (call.texts(0)?, Lists::of(call, 1)?);
    call.texts_of(|row, out| text(at_path(values.value(row), paths.row(row))?, out))
}

/// `json_extract_path`, whose path are its further arguments.
pub(super) fn steps(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    let steps = (1..call.len())
        .map(|at| call.texts(at))
        .collect::<Result<Vec<_>>>()?;
    call.texts_of(|row, out| {
        let path = steps.iter().map(|step| Some(step.value(row)));
        Ok(whole(at_path(values.value(row), path)?, out))
    })
}

pub(super) fn steps_text(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    let steps = (1..call.len())
        .map(|at| call.texts(at))
        .collect::<Result<Vec<_>>>()?;
    call.texts_of(|row, out| {
        let path = steps.iter().map(|step| Some(step.value(row)));
        text(at_path(values.value(row), path)?, out)
    })
}

pub(super) fn length(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    call.primitives_of::<Int32Type>(|row| {
        let value = values.value(row).trim();
        match parts::shape(value) {
            Shape::Array => {}
            Shape::Object => return Err(parts::wrong_shape("cannot get array length of a non-array")),
            _ => return Err(parts::wrong_shape("cannot get array length of a scalar")),
        }
        Ok(i32::try_from(parts::elements(value)?.len()).ok())
    })
}

pub(super) fn type_name(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    call.texts_of(|row, out| {
        out.push_str(parts::shape(values.value(row).trim()).name());
        Ok(true)
    })
}
