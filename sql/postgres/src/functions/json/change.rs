//! Changed JSON values: `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`, `jsonb_strip_nulls`, `jsonb_pretty`.
//!
//! Owns: what each changes. Does not own: values (`crate::json`). Invariant: what is not changed is printed as it was.
//! Start at [`concatenate`].

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::common::Result;
use recursive::recursive;

use super::Lists;
use crate::functions::overload::Call;
use crate::json::parts::{self, Shape, integer, place, wrong_shape};
use crate::json::{Json, quoted};
use crate::types::fault;

/// The values of the first argument, changed.
fn changed(call: &Call, change: impl Fn(usize, Json) -> Result<Json>) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    call.texts_of(|row, out| {
        change(row, Json::read(values.value(row))?)?.write(out);
        Ok(true)
    })
}

pub(super) fn concatenate(call: &Call) -> Result<ArrayRef> {
    let others = call.texts(1)?;
    changed(call, |row, left| {
        Ok(match (left, Json::read(others.value(row))?) {
            (Json::Object(mut left), Json::Object(right)) => {
                left.extend(right);
                Json::object(left)
            }
            (Json::Array(mut left), Json::Array(right)) => {
                left.extend(right);
                Json::Array(left)
            }
            (Json::Array(mut left), right) => {
                left.push(right);
                Json::Array(left)
            }
            (left, Json::Array(mut right)) => {
                right.insert(0, left);
                Json::Array(right)
            }
            (left, right) if left.is_scalar() && right.is_scalar() => Json::Array(vec![left, right]),
            (left, right) => Json::Array(vec![left, right]),
        })
    })
}

pub(super) fn without_key(call: &Call) -> Result<ArrayRef> {
    let keys = call.texts(1)?;
    changed(call, |row, value| without(value, &[keys.value(row)]))
}

pub(super) fn without_keys(call: &Call) -> Result<ArrayRef> {
    let lists = Lists::of(call, 1)?;
    changed(call, |row, value| {
        let keys: Vec<&str> = lists.row(row).flatten().collect();
        without(value, &keys)
    })
}

/// Without members of these keys, or texts that are one of them.
fn without(value: Json, keys: &[&str]) -> Result<Json> {
    Ok(match value {
        Json::Object(mut members) => {
            members.retain(|(key, _)| !keys.contains(&key.as_str()));
            Json::Object(members)
        }
        Json::Array(mut items) => {
            items.retain(|item| !matches!(item, Json::Text(text) if keys.contains(&text.as_str())));
            Json::Array(items)
        }
        _ => return Err(wrong_shape("cannot delete from scalar")),
    })
}

pub(super) fn without_element(call: &Call) -> Result<ArrayRef> {
    let places = call.values::<Int32Type>(1)?;
    changed(call, |row, value| match value {
        Json::Array(mut items) => {
            if let Some(at) = place(i64::from(places.value(row)), items.len()) {
                items.remove(at);
            }
            Ok(Json::Array(items))
        }
        Json::Object(_) => Err(wrong_shape("cannot delete from object using integer index")),
        _ => Err(wrong_shape("cannot delete from scalar")),
    })
}

/// What happens at the end of a path.
#[derive(Clone, Copy)]
struct Change<'a> {
    path: &'a [&'a str],
    /// The new value; `None` takes the old one away.
    value: Option<&'a Json>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Replaces what is there, and adds what is not, if so told.
    Set {
        creates: bool,
    },
    Insert {
        after: bool,
    },
    Delete,
}

/// The path of a row.
fn path(lists: &Lists, row: usize) -> Result<Vec<&str>> {
    let mut steps = Vec::new();
    for (at, step) in lists.row(row).enumerate() {
        steps.push(
            step.ok_or_else(|| fault("22004", format!("path element at position {} is null", at + 1)))?,
        );
    }
    Ok(steps)
}

pub(super) fn without_path(call: &Call) -> Result<ArrayRef> {
    let lists = Lists::of(call, 1)?;
    changed(call, |row, value| {
        if value.is_scalar() {
            return Err(wrong_shape("cannot delete path in scalar"));
        }
        let path = path(&lists, row)?;
        apply(
            value,
            Change {
                path: &path,
                value: None,
                kind: Kind::Delete,
            },
            1,
        )
    })
}

/// The flag of an argument, where there is one.
fn flag<'a>(call: &'a Call, at: usize) -> Result<Option<&'a BooleanArray>> {
    if call.len() > at {
        call.booleans(at).map(Some)
    } else {
        Ok(None)
    }
}

pub(super) fn set(call: &Call) -> Result<ArrayRef> {
    let (lists, values, creates) = (Lists::of(call, 1)?, call.texts(2)?, flag(call, 3)?);
    changed(call, |row, value| {
        let new = Json::read(values.value(row))?;
        let creates = creates.is_none_or(|creates| creates.value(row));
        set_at(value, &path(&lists, row)?, &new, creates)
    })
}

fn set_at(value: Json, path: &[&str], new: &Json, creates: bool) -> Result<Json> {
    if value.is_scalar() {
        return Err(wrong_shape("cannot set path in scalar"));
    }
    let kind = Kind::Set { creates };
    apply(
        value,
        Change {
            path,
            value: Some(new),
            kind,
        },
        1,
    )
}

/// As `jsonb_set`, with a choice of what a NULL value does.
pub(super) fn set_lax(call: &Call) -> Result<ArrayRef> {
    let (targets, lists, values) = (call.texts(0)?, Lists::of(call, 1)?, call.texts(2)?);
    let creates = flag(call, 3)?;
    let treatments = if call.len() > 4 {
        Some(call.texts(4)?)
    } else {
        None
    };
    let paths = call.array(1)?;
    call.texts_of(|row, out| {
        let creates_is_null = creates.is_some_and(|creates| creates.is_null(row));
        if targets.is_null(row) || paths.is_null(row) || creates_is_null {
            return Ok(false);
        }
        let treatment = match &treatments {
            Some(given) if given.is_null(row) => {
                let message = "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"";
                return Err(wrong_shape(message));
            }
            Some(given) => given.value(row),
            None => "use_json_null",
        };
        let target = Json::read(targets.value(row))?;
        let creates = creates.is_none_or(|creates| creates.value(row));
        let path = path(&lists, row)?;
        let changed = match (values.is_null(row), treatment) {
            (false, _) => set_at(target, &path, &Json::read(values.value(row))?, creates)?,
            (true, "use_json_null") => set_at(target, &path, &Json::Null, creates)?,
            (true, "return_target") => target,
            (true, "delete_key") => apply(
                target,
                Change {
                    path: &path,
                    value: None,
                    kind: Kind::Delete,
                },
                1,
            )?,
            (true, "raise_exception") => {
                let mut error = crate::error::Error::new("22004", "JSON value must not be null");
                error.detail = Some("Exception was raised because null_value_treatment is \"raise_exception\".".to_owned());
                return Err(error.into());
            }
            _ => {
                let message = "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"";
                return Err(wrong_shape(message));
            }
        };
        changed.write(out);
        Ok(true)
    })
}

pub(super) fn insert(call: &Call) -> Result<ArrayRef> {
    let (lists, values, after) = (Lists::of(call, 1)?, call.texts(2)?, flag(call, 3)?);
    changed(call, |row, value| {
        if value.is_scalar() {
            return Err(wrong_shape("cannot set path in scalar"));
        }
        let new = Json::read(values.value(row))?;
        let after = after.is_some_and(|after| after.value(row));
        let path = path(&lists, row)?;
        apply(
            value,
            Change {
                path: &path,
                value: Some(&new),
                kind: Kind::Insert { after },
            },
            1,
        )
    })
}

/// The value with the change made at its path; unchanged where the path leads nowhere. `depth` counts steps from 1, for errors.
#[recursive]
fn apply(value: Json, change: Change, depth: usize) -> Result<Json> {
    let Some((step, rest)) = change.path.split_first() else {
        return Ok(value);
    };
    let inner = Change { path: rest, ..change };
    match value {
        Json::Object(mut members) => {
            let at = members.iter().position(|(key, _)| key == step);
            match (at, rest.is_empty()) {
                (Some(at), false) => {
                    if let Some((_, member)) = members.get_mut(at) {
                        *member = apply(std::mem::replace(member, Json::Null), inner, depth + 1)?;
                    }
                    Ok(Json::Object(members))
                }
                (None, false) => Ok(Json::Object(members)),
                (at, true) => member(members, at, step, change),
            }
        }
        Json::Array(mut items) => {
            let Some(at) = integer(step) else {
                let message = format!("path element at position {depth} is not an integer: \"{step}\"");
                return Err(fault("22P02", message));
            };
            let found = place(at, items.len());
            if !rest.is_empty() {
                if let Some(item) = found.and_then(|at| items.get_mut(at)) {
                    *item = apply(std::mem::replace(item, Json::Null), inner, depth + 1)?;
                }
                return Ok(Json::Array(items));
            }
            Ok(item(items, at, found, change))
        }
        scalar => Ok(scalar),
    }
}

/// The change of a member of an object.
fn member(mut members: Vec<(String, Json)>, at: Option<usize>, key: &str, change: Change) -> Result<Json> {
    match (at, change.value, change.kind) {
        (Some(at), None, _) => {
            members.remove(at);
        }
        (Some(_), Some(_), Kind::Insert { .. }) => {
            let mut error = crate::error::Error::new("22023", "cannot replace existing key");
            error.hint = Some("Try using the function jsonb_set to replace key value.".to_owned());
            return Err(error.into());
        }
        (Some(at), Some(value), _) => {
            if let Some((_, member)) = members.get_mut(at) {
                *member = value.clone();
            }
        }
        (None, Some(_), Kind::Set { creates: false }) | (None, None, _) => {}
        (None, Some(value), _) => members.push((key.to_owned(), value.clone())),
    }
    Ok(Json::object(members))
}

/// The change of an element of an array, whose place is `found` if there is one.
fn item(mut items: Vec<Json>, at: i64, found: Option<usize>, change: Change) -> Json {
    match (found, change.value, change.kind) {
        (Some(at), None, _) => {
            items.remove(at);
        }
        (Some(at), Some(value), Kind::Insert { after }) => {
            items.insert(at + usize::from(after), value.clone())
        }
        (Some(at), Some(value), _) => {
            if let Some(item) = items.get_mut(at) {
                *item = value.clone();
            }
        }
        (None, Some(_), Kind::Set { creates: false }) | (None, None, _) => {}
        // Beyond an end: the new element is the first or the last.
        (None, Some(value), _) if at < 0 => items.insert(0, value.clone()),
        (None, Some(value), _) => items.push(value.clone()),
    }
    Json::Array(items)
}

/// Without the members that are null, at any depth.
pub(super) fn strip_nulls(call: &Call) -> Result<ArrayRef> {
    let is_b = crate::types::Kind::of(call.result()) == crate::types::Kind::Jsonb;
    let values = call.texts(0)?;
    call.texts_of(|row, out| {
        if is_b {
            stripped(Json::read(values.value(row))?).write(out);
        } else {
            stripped_text(values.value(row).trim(), out)?;
        }
        Ok(true)
    })
}

#[recursive]
fn stripped(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| *value != Json::Null);
            Json::Object(kept.map(|(key, value)| (key, stripped(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(stripped).collect()),
        scalar => scalar,
    }
}

/// The same over the text of `json`, whose numbers and repeated keys stay.
#[recursive]
fn stripped_text(part: &str, out: &mut String) -> Result<()> {
    match parts::shape(part) {
        Shape::Object => {
            out.push('{');
            let members = parts::members(part)?.into_iter();
            let kept = members.filter(|(_, value)| parts::shape(value) != Shape::Null);
            for (at, (key, value)) in kept.enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                quoted(out, &key);
                out.push(':');
                stripped_text(value, out)?;
            }
            out.push('}');
        }
        Shape::Array => {
            out.push('[');
            for (at, item) in parts::elements(part)?.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                stripped_text(item, out)?;
            }
            out.push(']');
        }
        Shape::Text => quoted(out, &parts::string(part)?),
        _ => out.push_str(part),
    }
    Ok(())
}

/// Each member and element on a line of its own, four blanks for each level.
pub(super) fn pretty(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    call.texts_of(|row, out| {
        indented(&Json::read(values.value(row))?, 0, out);
        Ok(true)
    })
}

#[recursive]
fn indented(value: &Json, level: usize, out: &mut String) {
    let line = |level: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&"    ".repeat(level));
    };
    match value {
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(level + 1, out);
                indented(item, level + 1, out);
            }
            line(level, out);
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(level + 1, out);
                quoted(out, key);
                out.push_str(": ");
                indented(value, level + 1, out);
            }
            line(level, out);
            out.push('}');
        }
        scalar => scalar.write(out),
    }
}
