//! What `jsonb` values contain: `@>`, `?` and their kin.
//!
//! Owns: containment and existence (PostgreSQL, "jsonb Containment and Existence"). Does not own: equality, which is that of the keys in
//! `json::order`. Invariant: nothing is an error. Start at [`contains`].

use std::collections::HashSet;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use recursive::recursive;

use super::Lists;
use crate::functions::overload::Call;
use crate::json::parts::{self, Shape};
use crate::json::{Json, order};

pub(super) fn contains(call: &Call) -> Result<ArrayRef> {
    contained(call, 0, 1)
}

pub(super) fn is_contained(call: &Call) -> Result<ArrayRef> {
    contained(call, 1, 0)
}

fn contained(call: &Call, whole: usize, part: usize) -> Result<ArrayRef> {
    let (wholes, parts) = (call.texts(whole)?, call.texts(part)?);
    call.booleans_of(|row| {
        let (whole, part) = (Json::read(wholes.value(row))?, Json::read(parts.value(row))?);
        // An array contains a value that is one of its elements, but only as a whole.
        if let (Json::Array(items), true) = (&whole, part.is_scalar()) {
            return Ok(Some(items.iter().any(|item| is_same(item, &part))));
        }
        Ok(Some(holds(&whole, &part)))
    })
}

#[recursive]
fn holds(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(members), Json::Object(wanted)) => wanted.iter().all(|(key, value)| {
            let found = members.iter().find(|(known, _)| known == key);
            found.is_some_and(|(_, found)| holds(found, value))
        }),
        (Json::Array(items), Json::Array(wanted)) => wanted
            .iter()
            .all(|value| items.iter().any(|item| holds(item, value))),
        (whole, part) => whole.is_scalar() && part.is_scalar() && is_same(whole, part),
    }
}

fn is_same(left: &Json, right: &Json) -> bool {
    left == right || order::key(left) == order::key(right)
}

/// The keys of an object, the texts of an array, or the one text that a value is.
fn keys(value: &str) -> Result<HashSet<String>> {
    let value = value.trim();
    Ok(match parts::shape(value) {
        Shape::Object => parts::members(value)?.into_iter().map(|(key, _)| key).collect(),
        Shape::Array => {
            let texts = parts::elements(value)?
                .into_iter()
                .filter(|part| parts::shape(part) == Shape::Text);
            texts.map(parts::string).collect::<Result<_>>()?
        }
        Shape::Text => HashSet::from([parts::string(value)?]),
        _ => HashSet::new(),
    })
}

pub(super) fn has_key(call: &Call) -> Result<ArrayRef> {
    let (values, wanted) = (call.texts(0)?, call.texts(1)?);
    call.booleans_of(|row| Ok(Some(keys(values.value(row))?.contains(wanted.value(row)))))
}

pub(super) fn has_any(call: &Call) -> Result<ArrayRef> {
    let (values, wanted) = (call.texts(0)?, Lists::of(call, 1)?);
    call.booleans_of(|row| {
        let keys = keys(values.value(row))?;
        Ok(Some(wanted.row(row).flatten().any(|key| keys.contains(key))))
    })
}

pub(super) fn has_all(call: &Call) -> Result<ArrayRef> {
    let (values, wanted) = (call.texts(0)?, Lists::of(call, 1)?);
    call.booleans_of(|row| {
        let keys = keys(values.value(row))?;
        Ok(Some(wanted.row(row).flatten().all(|key| keys.contains(key))))
    })
}
