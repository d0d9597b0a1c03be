//! Parts of texts: `string_to_table`, `regexp_split_to_table`.
//!
//! Owns: where a text is split. Does not own: regular expressions; see `patterns`. Invariant: the parts and what is between them are the
//! text. Start at [`string`].

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, StringBuilder};
use datafusion::common::Result;

use super::Lengths;
use crate::functions::expressions::{extracting, options, refuse_global};
use crate::functions::overload::Call;
use crate::functions::strings::Known;

/// `string_to_table(text, separator [, null])`: without a separator each character is a part.
pub(super) fn string(call: &Call) -> Result<ArrayRef> {
    let (texts, separators) = (call.texts(0)?, call.texts(1)?);
    let nulls = if call.len() > 2 {
        Some(call.texts(2)?)
    } else {
        None
    };
    let mut out = StringBuilder::new();
    let mut lengths = Lengths::new(call.rows(), "string_to_table");
    for row in 0..call.rows() {
        if texts.is_null(row) {
            lengths.end(false);
            continue;
        }
        let null = nulls
            .as_ref()
            .filter(|nulls| nulls.is_valid(row))
            .map(|nulls| nulls.value(row));
        let mut add = |part: &str| {
            lengths.count()?;
            out.append_option((Some(part) != null).then_some(part));
            Ok::<(), datafusion::common::DataFusionError>(())
        };
        let text = texts.value(row);
        if separators.is_null(row) {
            let mut letter = [0; 4];
            text.chars().try_for_each(|c| add(c.encode_utf8(&mut letter)))?;
        } else if !text.is_empty() {
            match separators.value(row) {
                "" => add(text)?,
                separator => text.split(separator).try_for_each(add)?,
            }
        }
        lengths.end(true);
    }
    lengths.lists(call, Arc::new(out.finish()))
}

/// `regexp_split_to_table`: a match without characters splits between characters only.
pub(super) fn pattern(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    let flags = if call.len() > 2 {
        Some(call.texts(2)?)
    } else {
        None
    };
    let mut known = Known::default();
    let mut out = StringBuilder::new();
    let mut lengths = Lengths::new(call.rows(), "regexp_split_to_table");
    for row in 0..call.rows() {
        if call.is_null(row) {
            lengths.end(false);
            continue;
        }
        let options = options(flags.as_ref().map_or("", |flags| flags.value(row)))?;
        refuse_global(options, call.name(), "")?;
        let text = texts.value(row);
        let regex = extracting(&mut known, patterns.value(row), options)?;
        let mut start = 0;
        for found in regex.find_iter(text) {
            // Neither before the first character nor after the last one.
            if found.is_empty()
                && (found.start() == 0 || found.start() == text.len() || found.start() == start)
            {
                continue;
            }
            lengths.count()?;
            out.append_value(text.get(start..found.start()).unwrap_or_default());
            start = found.end();
        }
        lengths.count()?;
        out.append_value(text.get(start..).unwrap_or_default());
        lengths.end(true);
    }
    lengths.lists(call, Arc::new(out.finish()))
}
