//! JSON made of other values: `to_json`, `json_build_object`, aggregates and their kin.
//!
//! Owns: the texts that are made, with PostgreSQL's blanks. Does not own: the text of one value; see `json::of_values`.
//! Invariant: what is of type `jsonb` is in its printed form. Start at [`to_json`].

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::common::{DataFusionError, Result};

use super::Lists;
use crate::functions::datetime::zone::Zone;
use crate::functions::overload::Call;
use crate::json::of_values::Writer;
use crate::json::parts::wrong_shape;
use crate::json::{Json, quoted};
use crate::types::{Kind, fault};

/// The texts that `write` makes, in the form of the result's type.
fn made(call: &Call, write: impl Fn(usize, &mut String) -> Result<bool>) -> Result<ArrayRef> {
    let is_b = Kind::of(call.result()) == Kind::Jsonb;
    let mut made = String::new();
    call.texts_of(|row, out| {
        if !is_b {
            return write(row, out);
        }
        made.clear();
        let is_there = write(row, &mut made)?;
        if is_there {
            Json::read(&made)?.write(out);
        }
        Ok(is_there)
    })
}

fn writer(call: &Call, at: usize) -> Result<Writer> {
    Writer::of(call.array(at)?, &Zone::of_session(call.config)?)
}

fn writers(call: &Call) -> Result<Vec<Writer>> {
    (0..call.len()).map(|at| writer(call, at)).collect()
}

pub(super) fn to_json(call: &Call) -> Result<ArrayRef> {
    let values = writer(call, 0)?;
    made(call, |row, out| values.write(row, false, out).map(|()| true))
}

/// With line feeds between the outermost parts, if the second argument says so.
pub(super) fn pretty(call: &Call) -> Result<ArrayRef> {
    let (values, is_pretty) = (writer(call, 0)?, call.booleans(1)?);
    made(call, |row, out| {
        values.write(row, is_pretty.value(row), out).map(|()| true)
    })
}

pub(super) fn array(call: &Call) -> Result<ArrayRef> {
    let values = writers(call)?;
    made(call, |row, out| {
        out.push('[');
        for (at, value) in values.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { ", " });
            value.write(row, false, out)?;
        }
        out.push(']');
        Ok(true)
    })
}

pub(super) fn object(call: &Call) -> Result<ArrayRef> {
    let values = writers(call)?;
    if !values.len().is_multiple_of(2) {
        let mut error = crate::error::Error::new("22023", "argument list must have even number of elements");
        error.hint = Some(format!(
            "The arguments of {}() must consist of alternating keys and values.",
            call.name()
        ));
        return Err(error.into());
    }
    made(call, |row, out| {
        out.push('{');
        for (at, pair) in values.chunks_exact(2).enumerate() {
            let [key, value] = pair else { continue };
            if key.is_null(row) {
                let message = format!("argument {}: key must not be null", 2 * at + 1);
                return Err(match Kind::of(call.result()) {
                    Kind::Jsonb => wrong_shape(message),
                    _ => fault("22023", "null value not allowed for object key"),
                });
            }
            out.push_str(if at == 0 { "" } else { ", " });
            let mut name = String::new();
            key.key(row, &mut name)?;
            quoted(out, &name);
            out.push_str(" : ");
            value.write(row, false, out)?;
        }
        out.push('}');
        Ok(true)
    })
}

/// `json_object('{a,1,b,2}')`, also with pairs as arrays.
pub(super) fn of_texts(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let is_of_pairs = array
        .as_list_opt::<i32>()
        .is_some_and(|lists| lists.values().as_list_opt::<i32>().is_some());
    if is_of_pairs {
        return Err(crate::types::unsupported(format!(
            "{} of an array of two dimensions is not supported",
            call.name()
        )));
    }
    let texts = Lists::of(call, 0)?;
    made(call, |row, out| {
        let items: Vec<Option<&str>> = texts.row(row).collect();
        if !items.len().is_multiple_of(2) {
            return Err(fault("2202E", "array must have even number of elements"));
        }
        let pairs = items.chunks_exact(2).filter_map(|pair| match pair {
            [key, value] => Some((*key, *value)),
            _ => None,
        });
        members(pairs, out)
    })
}

pub(super) fn of_keys_and_values(call: &Call) -> Result<ArrayRef> {
    let (keys, values) = (Lists::of(call, 0)?, Lists::of(call, 1)?);
    made(call, |row, out| {
        let (keys, values): (Vec<_>, Vec<_>) = (keys.row(row).collect(), values.row(row).collect());
        if keys.len() != values.len() {
            return Err(fault("2202E", "mismatched array dimensions"));
        }
        members(keys.into_iter().zip(values), out)
    })
}

/// An object whose values are texts.
fn members<'a>(
    pairs: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
    out: &mut String,
) -> Result<bool> {
    out.push('{');
    for (at, (key, value)) in pairs.enumerate() {
        let key = key.ok_or_else(|| fault("22004", "null value not allowed for object key"))?;
        out.push_str(if at == 0 { "" } else { ", " });
        quoted(out, key);
        out.push_str(" : ");
        match value {
            Some(value) => quoted(out, value),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(true)
}

/// The items of each row's list, and where they begin and end.
struct Items {
    lists: ArrayRef,
    items: Writer,
    are_rows: bool,
}

impl Items {
    fn of(call: &Call, at: usize) -> Result<Self> {
        let lists = ArrayRef::clone(call.array(at)?);
        let values = lists
            .as_list_opt::<i32>()
            .map(|lists| ArrayRef::clone(lists.values()));
        let values = values.ok_or_else(|| DataFusionError::Internal("an array was expected".to_owned()))?;
        let are_rows = Kind::of(values.data_type()) == Kind::Other && values.as_struct_opt().is_some();
        Ok(Self {
            lists,
            are_rows,
            items: Writer::of(&values, &Zone::of_session(call.config)?)?,
        })
    }

    fn row(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.lists.as_list::<i32>().value_offsets();
        let bound = |at: usize| {
            offsets
                .get(at)
                .map_or(0, |offset| usize::try_from(*offset).unwrap_or_default())
        };
        bound(row)..bound(row + 1)
    }
}

/// `json_agg`: rows stand on lines of their own.
pub(super) fn aggregate(call: &Call) -> Result<ArrayRef> {
    let items = Items::of(call, 0)?;
    let separator = if items.are_rows { ", \n " } else { ", " };
    made(call, |row, out| {
        out.push('[');
        for (at, item) in items.row(row).enumerate() {
            out.push_str(if at == 0 { "" } else { separator });
            items.items.write(item, false, out)?;
        }
        out.push(']');
        Ok(true)
    })
}

pub(super) fn object_aggregate(call: &Call) -> Result<ArrayRef> {
    let (keys, values) = (Items::of(call, 0)?, Items::of(call, 1)?);
    made(call, |row, out| {
        out.push_str("{ ");
        for (at, (key, value)) in keys.row(row).zip(values.row(row)).enumerate() {
            if keys.items.is_null(key) {
                return Err(wrong_shape("field name must not be null"));
            }
            out.push_str(if at == 0 { "" } else { ", " });
            let mut name = String::new();
            keys.items.key(key, &mut name)?;
            quoted(out, &name);
            out.push_str(" : ");
            values.items.write(value, false, out)?;
        }
        out.push_str(" }");
        Ok(true)
    })
}
