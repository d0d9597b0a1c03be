//! The parts of a JSON text: each is a piece of the text as it was written.
//!
//! Owns: checking texts, and cutting them. Does not own: what `jsonb` makes of them; see the parent module.
//! Invariant: a part has no blanks around it. Start at [`checked`].

use std::fmt;

use datafusion::common::{DataFusionError, Result};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::types::fault;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

impl Shape {
    /// The word that `jsonb_typeof` gives.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// The shape of a part, which its first character tells.
pub(crate) fn shape(part: &str) -> Shape {
    match part.bytes().next() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        Some(b'"') => Shape::Text,
        Some(b't' | b'f') => Shape::Boolean,
        Some(b'n') | None => Shape::Null,
        Some(_) => Shape::Number,
    }
}

/// The text without blanks around it, if it is JSON.
///
/// # Errors
/// 22P02 when it is not.
pub(crate) fn checked(text: &str) -> Result<&str> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(value) => Ok(value.get()),
        Err(_) => Err(invalid(text)),
    }
}

fn invalid(text: &str) -> DataFusionError {
    let mut error = Error::new("22P02", "invalid input syntax for type json");
    if text.trim().is_empty() {
        error.detail = Some("The input string ended unexpectedly.".to_owned());
    }
    error.into()
}

/// The parts of an array; none of anything else.
pub(crate) fn elements(part: &str) -> Result<Vec<&str>> {
    if shape(part) != Shape::Array {
        return Ok(Vec::new());
    }
    let parts: Vec<&RawValue> = serde_json::from_str(part).map_err(|_| invalid(part))?;
    Ok(parts.into_iter().map(RawValue::get).collect())
}

/// The keys and the parts of an object, in their order; none of anything else.
///
/// # Errors
/// 22P05 for a key with the character zero.
pub(crate) fn members(part: &str) -> Result<Vec<(String, &str)>> {
    if shape(part) != Shape::Object {
        return Ok(Vec::new());
    }
    let mut deserializer = serde_json::Deserializer::from_str(part);
    let members = deserializer.deserialize_map(Members).map_err(|_| invalid(part))?;
    match members.iter().any(|(key, _)| key.contains('\0')) {
        true => Err(character_zero()),
        false => Ok(members),
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de str)>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((key, value.get()));
        }
        Ok(members)
    }
}

/// The text that a part in quotes stands for.
///
/// # Errors
/// 22P05 for the character zero, 22P02 for halves of characters.
pub(crate) fn string(part: &str) -> Result<String> {
    let text: String = serde_json::from_str(part).map_err(|_| invalid(part))?;
    match text.contains('\0') {
        true => Err(character_zero()),
        false => Ok(text),
    }
}

fn character_zero() -> DataFusionError {
    let mut error = Error::new("22P05", "unsupported Unicode escape sequence");
    error.detail = Some("\\u0000 cannot be converted to text.".to_owned());
    error.into()
}

/// A part as text: that of a string without quotes; `None` for null.
pub(crate) fn as_text(part: &str) -> Result<Option<String>> {
    Ok(match shape(part) {
        Shape::Null => None,
        Shape::Text => Some(string(part)?),
        _ => Some(part.to_owned()),
    })
}

/// The member of an object, the last one of that key.
pub(crate) fn field<'a>(part: &'a str, key: &str) -> Result<Option<&'a str>> {
    let members = members(part)?;
    Ok(members
        .into_iter()
        .rev()
        .find(|(known, _)| known == key)
        .map(|(_, part)| part))
}

/// The element of an array, counted from its start or, with a negative number, from its end.
pub(crate) fn element(part: &str, at: i64) -> Result<Option<&str>> {
    let elements = elements(part)?;
    Ok(place(at, elements.len()).and_then(|at| elements.get(at).copied()))
}

/// The place of an element in an array of that length.
pub(crate) fn place(at: i64, length: usize) -> Option<usize> {
    match usize::try_from(at) {
        Ok(at) => (at < length).then_some(at),
        Err(_) => length.checked_sub(usize::try_from(at.unsigned_abs()).ok()?),
    }
}

/// The part at the end of a path of keys and places.
pub(crate) fn at_path<'a>(part: &'a str, path: &[&str]) -> Result<Option<&'a str>> {
    let mut found = part;
    for step in path {
        let next = match shape(found) {
            Shape::Object => field(found, step)?,
            Shape::Array => match integer(step) {
                Some(at) => element(found, at)?,
                None => None,
            },
            _ => None,
        };
        match next {
            Some(next) => found = next,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// A place in a path.
pub(crate) fn integer(step: &str) -> Option<i64> {
    step.trim_start().parse::<i32>().ok().map(i64::from)
}

/// 22023 for a function that takes objects or arrays only.
pub(crate) fn wrong_shape(message: impl Into<String>) -> DataFusionError {
    fault("22023", message)
}
