//! `format`, and texts as literals and names of SQL (PostgreSQL's manual, chapter 9.4).
//!
//! Does not own: names in the catalog. Invariant: what is quoted means the same text to PostgreSQL. Start at [`FUNCTIONS`].

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::common::Result;

use super::datetime::zone::Zone;
use super::overload::{Call, Overload};
use crate::types::Kind::{Any, Text};
use crate::types::fault;
use crate::typing::casts::text_of;

#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new("format", &[Text], Text, format).and_more(Any).of_nulls().stable(),
    Overload::new("quote_literal", &[Any], Text, quote_literal).stable(),
    Overload::new("quote_nullable", &[Any], Text, quote_nullable).of_nulls().stable(),
];

fn shown(call: &Call, at: usize) -> Result<StringArray> {
    let array = call.array(at)?;
    let zone = Zone::of_session(call.config)?;
    if let Some(booleans) = array
        .as_any()
        .downcast_ref::<datafusion::arrow::array::BooleanArray>()
    {
        let letters = booleans
            .iter()
            .map(|value| value.map(|value| if value { "t" } else { "f" }));
        return Ok(letters.collect());
    }
    if array.data_type().is_null() {
        return Ok(StringArray::new_null(array.len()));
    }
    super::row_wise::texts(&text_of(array, &zone)?)
}

/// A text as a name.
pub(super) fn quote_ident(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.texts_of(|row, out| {
        name(texts.value(row), out);
        Ok(true)
    })
}

fn quote_literal(call: &Call) -> Result<ArrayRef> {
    let texts = shown(call, 0)?;
    call.texts_of(|row, out| {
        literal(texts.value(row), out);
        Ok(true)
    })
}

fn quote_nullable(call: &Call) -> Result<ArrayRef> {
    let texts = shown(call, 0)?;
    call.texts_of(|row, out| {
        nullable(&texts, row, out);
        Ok(true)
    })
}

fn nullable(texts: &StringArray, row: usize, out: &mut String) {
    match texts.is_null(row) {
        true => out.push_str("NULL"),
        false => literal(texts.value(row), out),
    }
}

fn literal(text: &str, out: &mut String) {
    out.push_str(if text.contains('\\') { "E'" } else { "'" });
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

/// Words that are no names without quotes.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "both", "case", "cast", "check", "collate",
    "column", "constraint", "create", "cross", "default", "desc", "distinct", "do", "else", "end", "except", "false",
    "fetch", "for", "foreign", "from", "full", "grant", "group", "having", "in", "inner", "intersect", "into", "is",
    "join", "leading", "left", "like", "limit", "natural", "not", "null", "offset", "on", "only", "or", "order",
    "primary", "references", "right", "select", "table", "then", "to", "true", "union", "unique", "user", "using",
    "values", "when", "where", "window", "with",
];

/// A name, in quotes where it would be read otherwise without.
fn name(text: &str, out: &mut String) {
    let is_plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&text);
    if is_plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

/// One place of a format: `%2$-10s`.
struct Place {
    argument: Option<usize>,
    is_left: bool,
    width: Width,
    kind: char,
}

enum Width {
    None,
    Fixed(usize),
    /// That of an argument: the next one, or the one of that number.
    Argument(Option<usize>),
}

fn format(call: &Call) -> Result<ArrayRef> {
    let templates = call.texts(0)?;
    let arguments = (1..call.len())
        .map(|at| shown(call, at))
        .collect::<Result<Vec<_>>>()?;
    call.texts_of(|row, out| {
        if templates.is_null(row) {
            return Ok(false);
        }
        let mut rest = templates.value(row);
        let mut next = 0;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            let (place, after) = place(after)?;
            rest = after;
            fill(&place, &arguments, &mut next, row, out)?;
        }
        out.push_str(rest);
        Ok(true)
    })
}

fn digits(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.parse().ok(), rest)
}

fn unterminated() -> datafusion::common::DataFusionError {
    let mut error = crate::error::Error::new("22023", "unterminated format() type specifier");
    error.hint = Some("For a single \"%\" use \"%%\".".to_owned());
    error.into()
}

/// 22023 for an argument that can't be.
fn zero() -> datafusion::common::DataFusionError {
    fault(
        "22023",
        "format specifies argument 0, but arguments are numbered from 1",
    )
}

/// A width, written or taken from an argument, if one is next.
fn width(text: &str) -> Result<Option<(Width, &str)>> {
    let Some(after) = text.strip_prefix('*') else {
        let (width, after) = digits(text);
        return Ok(width.map(|width| (Width::Fixed(width), after)));
    };
    let (number, behind) = digits(after);
    match (number, behind.strip_prefix('$')) {
        (Some(0), Some(_)) => Err(zero()),
        (Some(number), Some(behind)) => Ok(Some((Width::Argument(Some(number)), behind))),
        (Some(_), None) => Err(fault("22023", "width argument position must be ended by \"$\"")),
        (None, _) => Ok(Some((Width::Argument(None), after))),
    }
}

fn place(text: &str) -> Result<(Place, &str)> {
    let mut place = Place {
        argument: None,
        is_left: false,
        width: Width::None,
        kind: ' ',
    };
    let mut rest = text;
    if let (Some(number), after) = digits(rest) {
        if let Some(after) = after.strip_prefix('$') {
            if number == 0 {
                return Err(zero());
            }
            place.argument = Some(number);
            rest = after;
        } else {
            place.width = Width::Fixed(number);
            rest = after;
        }
    }
    while let Some(after) = rest.strip_prefix('-') {
        place.is_left = true;
        rest = after;
    }
    if let Some((width, after)) = width(rest)? {
        place.width = width;
        rest = after;
    }
    let mut letters = rest.chars();
    match letters.next() {
        Some(kind @ ('s' | 'I' | 'L')) => {
            place.kind = kind;
            Ok((place, letters.as_str()))
        }
        Some(other) => {
            let mut error = crate::error::Error::new(
                "22023",
                format!("unrecognized format() type specifier \"{other}\""),
            );
            error.hint = Some("For a single \"%\" use \"%%\".".to_owned());
            Err(error.into())
        }
        None => Err(unterminated()),
    }
}

/// The longest width that a format may ask for.
const MOST_WIDTH: usize = 1 << 20;

fn fill(
    place: &Place,
    arguments: &[StringArray],
    next: &mut usize,
    row: usize,
    out: &mut String,
) -> Result<()> {
    let missing = || fault("22023", "too few arguments for format()");
    let mut argument = |number: Option<usize>| {
        *next = number.unwrap_or(*next + 1);
        arguments.get(*next - 1).ok_or_else(missing)
    };
    let mut is_left = place.is_left;
    let width = match place.width {
        Width::None => 0,
        Width::Fixed(width) => width,
        Width::Argument(number) => {
            let widths = argument(number)?;
            let width: i64 = match widths.is_null(row) {
                true => 0,
                false => {
                    let text = widths.value(row);
                    let invalid = || {
                        fault(
                            "22P02",
                            format!("invalid input syntax for type integer: \"{text}\""),
                        )
                    };
                    text.trim().parse().map_err(|_| invalid())?
                }
            };
            is_left |= width < 0;
            usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX)
        }
    };
    if width > MOST_WIDTH {
        return Err(fault("54000", "requested length too large"));
    }
    let values = argument(place.argument)?;
    let mut text = String::new();
    match place.kind {
        'L' => nullable(values, row, &mut text),
        'I' if values.is_null(row) => {
            return Err(fault(
                "22004",
                "null values cannot be formatted as an SQL identifier",
            ));
        }
        'I' => name(values.value(row), &mut text),
        _ if values.is_null(row) => {}
        _ => text.push_str(values.value(row)),
    }
    let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
    match is_left {
        true => out.extend([text, blanks]),
        false => out.extend([blanks, text]),
    }
    Ok(())
}
