//! Lists of the parts of JSON values, of which `syntax::set_returning` makes rows.
//!
//! Owns: elements and members as lists. Does not own: their rows. Invariant: all lists of an object's members have the same order.
//! Start at [`elements`].

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;

use crate::functions::overload::Call;
use crate::functions::series::Lengths;
use crate::json::parts::{self, Shape};
use crate::types::{Kind, carried};

/// Keys, values and texts of an object's members.
pub(crate) const KEYS: &str = "causeway_json_keys";
pub(crate) const VALUES: &str = "causeway_json_values";
pub(crate) const TEXTS: &str = "causeway_json_texts";

pub(super) fn list(kind: Kind) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(kind.arrow(), true)))
}

/// Lists of texts, or of the JSON values that they are.
fn lists<'a>(
    call: &Call,
    name: &'static str,
    values: &'a datafusion::arrow::array::StringArray,
    parts_of: impl Fn(&'a str) -> Result<Vec<Option<std::borrow::Cow<'a, str>>>>,
) -> Result<ArrayRef> {
    let mut lengths = Lengths::new(call.rows(), name);
    let mut texts = StringBuilder::new();
    for row in 0..call.rows() {
        if call.is_null(row) {
            lengths.end(false);
            continue;
        }
        for part in parts_of(values.value(row).trim())? {
            lengths.count()?;
            texts.append_option(part);
        }
        lengths.end(true);
    }
    let item = match call.result() {
        DataType::List(item) => item.data_type().clone(),
        _ => DataType::Utf8,
    };
    lengths.lists(call, carried(&item, Arc::new(texts.finish()))?)
}

fn array_only<'a>(value: &'a str, name: &str) -> Result<Vec<&'a str>> {
    match parts::shape(value) {
        Shape::Array => parts::elements(value),
        Shape::Object => Err(parts::wrong_shape(match name.starts_with("jsonb") {
            true => "cannot extract elements from an object".to_owned(),
            false => format!("cannot call {name} on a non-array"),
        })),
        _ => Err(parts::wrong_shape(match name.starts_with("jsonb") {
            true => "cannot extract elements from a scalar".to_owned(),
            false => format!("cannot call {name} on a scalar"),
        })),
    }
}

pub(super) fn elements(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    let name = call.name();
    lists(call, name, &values, |value| {
        let parts = array_only(value, name)?;
        Ok(parts.into_iter().map(|part| Some(part.into())).collect())
    })
}

pub(super) fn elements_text(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    let name = call.name();
    lists(call, name, &values, |value| {
        let parts = array_only(value, name)?;
        parts
            .into_iter()
            .map(|part| Ok(parts::as_text(part)?.map(Into::into)))
            .collect()
    })
}

pub(super) fn keys(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    let name = call.name();
    lists(call, name, &values, |value| {
        let what = match parts::shape(value) {
            Shape::Object => None,
            Shape::Array => Some("an array"),
            _ => Some("a scalar"),
        };
        if let Some(what) = what {
            return Err(parts::wrong_shape(format!("cannot call {name} on {what}")));
        }
        let members = parts::members(value)?;
        Ok(members.into_iter().map(|(key, _)| Some(key.into())).collect())
    })
}

fn object_only<'a>(call: &Call, value: &'a str) -> Result<Vec<(String, &'a str)>> {
    if parts::shape(value) == Shape::Object {
        return parts::members(value);
    }
    let is_b = call
        .array(0)
        .is_ok_and(|array| Kind::of(array.data_type()) == Kind::Jsonb);
    let what = match parts::shape(value) {
        Shape::Array => "a non-object",
        _ if is_b => "a non-object",
        _ => "a scalar",
    };
    Err(parts::wrong_shape(match (is_b, what) {
        (true, what) => format!("cannot call jsonb_each on {what}"),
        (false, "a scalar") => "cannot deconstruct a scalar".to_owned(),
        (false, _) => "cannot deconstruct an array as an object".to_owned(),
    }))
}

pub(super) fn member_keys(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    lists(call, "json_each", &values, |value| {
        let members = object_only(call, value)?;
        Ok(members.into_iter().map(|(key, _)| Some(key.into())).collect())
    })
}

pub(super) fn member_values(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    lists(call, "json_each", &values, |value| {
        let members = object_only(call, value)?;
        Ok(members.into_iter().map(|(_, part)| Some(part.into())).collect())
    })
}

pub(super) fn member_texts(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    lists(call, "json_each", &values, |value| {
        let members = object_only(call, value)?.into_iter();
        members
            .map(|(_, part)| Ok(parts::as_text(part)?.map(Into::into)))
            .collect()
    })
}
