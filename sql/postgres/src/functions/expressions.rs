//! Functions of POSIX regular expressions (PostgreSQL's manual, chapter 9.7.3): what matches, where and how often.
//!
//! Owns: matches from a start, their parts and their places. Does not own: what a pattern means, see `patterns`; `regexp_replace` without a
//! start, see `strings`. Invariant: places count characters from 1. Start at [`FUNCTIONS`].

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::Result;
use regex::{Captures, Regex};

use super::overload::{Call, Overload};
use super::patterns;
use super::strings::Known;
use crate::types::Kind::{Int4, Text};
use crate::types::{fault, unsupported};

#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new("regexp_match", &[Text, Text], Text, first).giving(|_| texts()),
    Overload::new("regexp_match", &[Text, Text, Text], Text, first).giving(|_| texts()),
    Overload::new("regexp_matches", &[Text, Text], Text, all).giving(|_| list_of(texts())).volatile(),
    Overload::new("regexp_matches", &[Text, Text, Text], Text, all).giving(|_| list_of(texts())).volatile(),
    Overload::new("regexp_count", &[Text, Text], Int4, count),
    Overload::new("regexp_count", &[Text, Text, Int4], Int4, count),
    Overload::new("regexp_count", &[Text, Text, Int4, Text], Int4, count),
    Overload::new("regexp_instr", &[Text, Text], Int4, place),
    Overload::new("regexp_instr", &[Text, Text, Int4], Int4, place),
    Overload::new("regexp_instr", &[Text, Text, Int4, Int4], Int4, place),
    Overload::new("regexp_instr", &[Text, Text, Int4, Int4, Int4], Int4, place),
    Overload::new("regexp_instr", &[Text, Text, Int4, Int4, Int4, Text], Int4, place),
    Overload::new("regexp_instr", &[Text, Text, Int4, Int4, Int4, Text, Int4], Int4, place),
    Overload::new("regexp_substr", &[Text, Text], Text, part),
    Overload::new("regexp_substr", &[Text, Text, Int4], Text, part),
    Overload::new("regexp_substr", &[Text, Text, Int4, Int4], Text, part),
    Overload::new("regexp_substr", &[Text, Text, Int4, Int4, Text], Text, part),
    Overload::new("regexp_substr", &[Text, Text, Int4, Int4, Text, Int4], Text, part),
    Overload::new("substring", &[Text, Text], Text, substring),
];

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn texts() -> DataType {
    list_of(DataType::Utf8)
}

/// What the letters of flags ask for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    is_global: bool,
    folds: bool,
}

/// # Errors
/// 22023 for a letter that is none, 0A000 for those that change what characters mean.
pub(super) fn options(flags: &str) -> Result<Options> {
    let mut options = Options::default();
    for letter in flags.chars() {
        match letter {
            'g' => options.is_global = true,
            'i' => options.folds = true,
            'c' => options.folds = false,
            's' | 't' | 'e' => {}
            'b' | 'm' | 'n' | 'p' | 'q' | 'w' | 'x' => {
                return Err(unsupported(format!(
                    "the option \"{letter}\" of regular expressions is not supported"
                )));
            }
            other => {
                let message = format!("invalid regular expression option: \"{other}\"");
                return Err(fault("22023", message));
            }
        }
    }
    Ok(options)
}

/// 22023 for the flag that a function does not take.
pub(super) fn refuse_global(options: Options, function: &str, hint: &str) -> Result<()> {
    if !options.is_global {
        return Ok(());
    }
    let message = format!("{function}() does not support the \"global\" option");
    let mut error = crate::error::Error::new("22023", message);
    if !hint.is_empty() {
        error.hint = Some(hint.to_owned());
    }
    Err(error.into())
}

/// A pattern of which parts of a text are taken out: the leftmost match must be the same in both engines.
pub(super) fn extracting<'a>(known: &'a mut Known, pattern: &str, options: Options) -> Result<&'a Regex> {
    if !patterns::has_one_match(pattern) {
        return Err(unsupported(format!(
            "taking out what such a pattern matches is not supported: \"{pattern}\""
        )));
    }
    known.regex(pattern, options.folds)
}

/// Matches from a character on, none of which overlaps another.
fn matches<'t>(regex: &Regex, text: &'t str, start: usize) -> Vec<Captures<'t>> {
    let mut found = Vec::new();
    let Some(mut at) = byte_at(text, start) else {
        return found;
    };
    while let Some(captures) = regex.captures_at(text, at) {
        let (from, to) = captures
            .get(0)
            .map_or((at, at), |whole| (whole.start(), whole.end()));
        // After a match without characters the search goes on behind the next character.
        let step = text
            .get(to..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8);
        at = if from == to { to + step } else { to };
        found.push(captures);
        if at > text.len() {
            break;
        }
    }
    found
}

/// The byte at which a character begins, counted from 0; the end of the text counts too.
fn byte_at(text: &str, character: usize) -> Option<usize> {
    let mut places = text
        .char_indices()
        .map(|(at, _)| at)
        .chain(std::iter::once(text.len()));
    places.nth(character)
}

/// The groups of a match, or the whole where the pattern has none.
fn groups(captures: &Captures) -> Vec<Option<String>> {
    let text = |at: usize| captures.get(at).map(|group| group.as_str().to_owned());
    match captures.len() {
        0 | 1 => vec![text(0)],
        count => (1..count).map(text).collect(),
    }
}

/// The flags of a row.
fn flags(call: &Call, at: usize) -> Result<Option<StringArray>> {
    if call.len() > at {
        call.texts(at).map(Some)
    } else {
        Ok(None)
    }
}

fn first(call: &Call) -> Result<ArrayRef> {
    let (values, expressions, given) = (call.texts(0)?, call.texts(1)?, flags(call, 2)?);
    let mut known = Known::default();
    let mut out = ListBuilder::new(StringBuilder::new());
    for row in 0..call.rows() {
        let found = if call.is_null(row) {
            None
        } else {
            let options = options(given.as_ref().map_or("", |given| given.value(row)))?;
            refuse_global(options, call.name(), "Use the regexp_matches function instead.")?;
            let regex = extracting(&mut known, expressions.value(row), options)?;
            regex
                .captures(values.value(row))
                .map(|captures| groups(&captures))
        };
        match found {
            Some(groups) => {
                groups
                    .into_iter()
                    .for_each(|group| out.values().append_option(group));
                out.append(true);
            }
            None => out.append(false),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn all(call: &Call) -> Result<ArrayRef> {
    let (values, expressions, given) = (call.texts(0)?, call.texts(1)?, flags(call, 2)?);
    let mut known = Known::default();
    let mut out = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    for row in 0..call.rows() {
        if call.is_null(row) {
            out.append(false);
            continue;
        }
        let options = options(given.as_ref().map_or("", |given| given.value(row)))?;
        let regex = extracting(&mut known, expressions.value(row), options)?;
        let most = if options.is_global { usize::MAX } else { 1 };
        for captures in matches(regex, values.value(row), 0).iter().take(most) {
            let list = out.values();
            groups(captures)
                .into_iter()
                .for_each(|group| list.values().append_option(group));
            list.append(true);
        }
        out.append(true);
    }
    Ok(Arc::new(out.finish()))
}

/// An integer argument of a row, or what it is when it is not given.
fn number(call: &Call, at: usize, row: usize, otherwise: i32) -> Result<i32> {
    if call.len() > at {
        Ok(call.values::<Int32Type>(at)?.value(row))
    } else {
        Ok(otherwise)
    }
}

/// A parameter that must be at least so large.
fn at_least(least: i32, name: &str, value: i32) -> Result<usize> {
    match usize::try_from(value) {
        Ok(size) if value >= least => Ok(size),
        _ => Err(fault(
            "22023",
            format!("invalid value for parameter \"{name}\": {value}"),
        )),
    }
}

fn count(call: &Call) -> Result<ArrayRef> {
    let (values, expressions, given) = (call.texts(0)?, call.texts(1)?, flags(call, 3)?);
    let mut known = Known::default();
    call.primitives_of::<Int32Type>(|row| {
        let start = at_least(1, "start", number(call, 2, row, 1)?)?;
        let options = options(given.as_ref().map_or("", |given| given.value(row)))?;
        refuse_global(options, "regexp_count", "")?;
        let regex = extracting(&mut known, expressions.value(row), options)?;
        let found = matches(regex, values.value(row), start - 1).len();
        Ok(i32::try_from(found).ok())
    })
}

/// The match and the group in it that a call of `regexp_instr` or `regexp_substr` asks for, as bytes of the text.
fn asked(regex: &Regex, text: &str, start: usize, number: usize, group: usize) -> Option<(usize, usize)> {
    let found = matches(regex, text, start - 1);
    let captures = found.get(number - 1)?;
    // A pattern without groups has one: the whole.
    let group = if captures.len() == 1 && group > 0 {
        return None;
    } else {
        group
    };
    captures.get(group).map(|group| (group.start(), group.end()))
}

fn place(call: &Call) -> Result<ArrayRef> {
    let (values, expressions, given) = (call.texts(0)?, call.texts(1)?, flags(call, 5)?);
    let mut known = Known::default();
    call.primitives_of::<Int32Type>(|row| {
        let start = at_least(1, "start", number(call, 2, row, 1)?)?;
        let which = at_least(1, "n", number(call, 3, row, 1)?)?;
        let end = number(call, 4, row, 0)?;
        if !matches!(end, 0 | 1) {
            return Err(fault(
                "22023",
                format!("invalid value for parameter \"endoption\": {end}"),
            ));
        }
        let group = at_least(0, "subexpr", number(call, 6, row, 0)?)?;
        let options = options(given.as_ref().map_or("", |given| given.value(row)))?;
        refuse_global(options, "regexp_instr", "")?;
        let text = values.value(row);
        let regex = extracting(&mut known, expressions.value(row), options)?;
        let found = asked(regex, text, start, which, group);
        let byte = found.map(|(from, to)| if end == 0 { from } else { to });
        let characters = byte
            .and_then(|byte| text.get(..byte))
            .map(|before| before.chars().count() + 1);
        Ok(Some(
            characters.and_then(|at| i32::try_from(at).ok()).unwrap_or(0),
        ))
    })
}

fn part(call: &Call) -> Result<ArrayRef> {
    let (values, expressions, given) = (call.texts(0)?, call.texts(1)?, flags(call, 4)?);
    let mut known = Known::default();
    call.texts_of(|row, out| {
        let start = at_least(1, "start", number(call, 2, row, 1)?)?;
        let which = at_least(1, "n", number(call, 3, row, 1)?)?;
        let group = at_least(0, "subexpr", number(call, 5, row, 0)?)?;
        let options = options(given.as_ref().map_or("", |given| given.value(row)))?;
        refuse_global(options, "regexp_substr", "")?;
        let text = values.value(row);
        let regex = extracting(&mut known, expressions.value(row), options)?;
        let found = asked(regex, text, start, which, group);
        let found = found.and_then(|(from, to)| text.get(from..to));
        out.push_str(found.unwrap_or_default());
        Ok(found.is_some())
    })
}

/// `substring(text FROM pattern)`: the first group, or the whole match.
fn substring(call: &Call) -> Result<ArrayRef> {
    let (values, expressions) = (call.texts(0)?, call.texts(1)?);
    let mut known = Known::default();
    call.texts_of(|row, out| {
        let regex = extracting(&mut known, expressions.value(row), Options::default())?;
        let captures = regex.captures(values.value(row));
        let found = captures.and_then(|captures| groups(&captures).into_iter().next().flatten());
        out.push_str(found.as_deref().unwrap_or_default());
        Ok(found.is_some())
    })
}
