//! Functions of text that check more than DataFusion's do.
//!
//! Owns: substr, split_part, chr, regexp_replace, regexp_like, and patterns that come from columns. Does not own: what a pattern means; see
//! `patterns`. Invariant: no result is longer than `text_budget` allows. Start at [`FUNCTIONS`].

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Int32Type;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, lit};

use super::overload::{Call, Listed, Overload};
use super::patterns;
use super::quoting;
use super::text_budget::Budget;
use crate::types::Kind::{Boolean, Int4, Text};
use crate::types::{fault, unsupported};

/// PostgreSQL, "String Functions and Operators".
pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("chr", &[Int4], Text, |call| {
        let codes = call.values::<Int32Type>(0)?;
        call.texts_of(|row, out| {
            out.push(chr(codes.value(row))?);
            Ok(true)
        })
    }),
    Overload::new("md5", &[Text], Text, |call| {
        let texts = call.texts(0)?;
        call.texts_of(|row, out| {
            *out = format!("{:x}", md5::compute(texts.value(row)));
            Ok(true)
        })
    }),
    Overload::new("regexp_like", &[Text, Text], Boolean, regexp_like),
    Overload::new("regexp_like", &[Text, Text, Text], Boolean, regexp_like),
    Overload::new("regexp_replace", &[Text, Text, Text], Text, regexp_replaced),
    Overload::new("regexp_replace", &[Text, Text, Text, Text], Text, regexp_replaced),
    Overload::new("quote_ident", &[Text], Text, quoting::quote_ident),
    Overload::new("split_part", &[Text, Text, Int4], Text, |call| {
        let (texts, separators) = (call.texts(0)?, call.texts(1)?);
        let fields = call.values::<Int32Type>(2)?;
        call.texts_of(|row, out| {
            out.push_str(split_part(
                texts.value(row),
                separators.value(row),
                fields.value(row),
            )?);
            Ok(true)
        })
    }),
    Overload::new("substr", &[Text, Int4], Text, substrings),
    Overload::new("substr", &[Text, Int4, Int4], Text, substrings),
    Overload::new("substring", &[Text, Int4], Text, substrings),
    Overload::new("substring", &[Text, Int4, Int4], Text, substrings),
];

/// The pattern of a LIKE, checked to be one.
pub(crate) fn checked_pattern(pattern: Expr) -> Expr {
    static CHECKED: Overload = Overload::new("like_pattern", &[Text], Text, |call| {
        let patterns = call.texts(0)?;
        call.texts_of(|row, out| {
            let pattern = patterns.value(row);
            if patterns::is_unfinished(pattern) {
                return Err(patterns::ends_in_escape());
            }
            out.push_str(pattern);
            Ok(true)
        })
    });
    Listed::one(&CHECKED).call(vec![pattern])
}

/// Whether a text matches a regular expression, without regard to case when it folds.
pub(crate) fn matched_by(text: Expr, pattern: Expr, folds: bool) -> Expr {
    static MATCHES: Overload = Overload::new("regexp_like", &[Text, Text], Boolean, regexp_like);
    static FOLDS: Overload = Overload::new("regexp_like", &[Text, Text, Text], Boolean, regexp_like);
    if folds {
        return Listed::one(&FOLDS).call(vec![text, pattern, lit("i")]);
    }
    Listed::one(&MATCHES).call(vec![text, pattern])
}

fn substrings(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let starts = call.values::<Int32Type>(1)?;
    let lengths = if call.len() > 2 {
        Some(call.values::<Int32Type>(2)?)
    } else {
        None
    };
    call.texts_of(|row, out| {
        let length = lengths.map(|lengths| i64::from(lengths.value(row)));
        out.extend(substring(texts.value(row), i64::from(starts.value(row)), length)?);
        Ok(true)
    })
}

/// `text_substr`: positions before the text count against the length.
fn substring(text: &str, start: i64, length: Option<i64>) -> Result<impl Iterator<Item = char>> {
    let end = match length {
        Some(length) if length < 0 => return Err(fault("22011", "negative substring length not allowed")),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let skipped = usize::try_from(start - 1).unwrap_or_default();
    let taken = usize::try_from(end - start.max(1)).unwrap_or_default();
    Ok(text.chars().skip(skipped).take(taken))
}

fn split_part<'a>(text: &'a str, separator: &str, field: i32) -> Result<&'a str> {
    if field == 0 {
        return Err(fault("22023", "field position must not be zero"));
    }
    if text.is_empty() {
        return Ok("");
    }
    let at = usize::try_from(field.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let found = if separator.is_empty() {
        (at == 0).then_some(text)
    } else if field > 0 {
        text.split(separator).nth(at)
    } else {
        // Not `rsplit`: separators are found from the left.
        let parts: Vec<&str> = text.split(separator).collect();
        parts
            .len()
            .checked_sub(at + 1)
            .and_then(|at| parts.get(at).copied())
    };
    Ok(found.unwrap_or_default())
}

fn chr(code: i32) -> Result<char> {
    if code == 0 {
        return Err(fault("54000", "null character not permitted"));
    }
    let beyond = || {
        fault(
            "54000",
            format!("requested character too large for encoding: {code}"),
        )
    };
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(beyond)
}

fn regexp_like(call: &Call) -> Result<ArrayRef> {
    let (texts, expressions) = (call.texts(0)?, call.texts(1)?);
    let flags = if call.len() > 2 {
        Some(call.texts(2)?)
    } else {
        None
    };
    let mut known = Known::default();
    call.booleans_of(|row| {
        let folds = match flags.as_ref().map_or("", |flags| flags.value(row)) {
            "" | "c" => false,
            "i" => true,
            other => {
                return Err(unsupported(format!(
                    "the flags \"{other}\" of regexp_like are not supported"
                )));
            }
        };
        let regex = known.regex(expressions.value(row), folds)?;
        Ok(Some(regex.is_match(texts.value(row))))
    })
}

fn regexp_replaced(call: &Call) -> Result<ArrayRef> {
    let (texts, expressions, replacements) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    let flags = if call.len() > 3 {
        Some(call.texts(3)?)
    } else {
        None
    };
    let mut known = Known::default();
    call.texts_of(|row, out| {
        let flags = flags.as_ref().map_or("", |flags| flags.value(row));
        let replacement = (replacements.value(row), flags);
        *out = regexp_replace(texts.value(row), expressions.value(row), replacement, &mut known)?;
        Ok(true)
    })
}

/// The last pattern, compiled: patterns are constants as a rule.
#[derive(Default)]
pub(crate) struct Known(Option<(String, bool, regex::Regex)>);

impl Known {
    pub(crate) fn regex(&mut self, pattern: &str, folds: bool) -> Result<&regex::Regex> {
        let is_known = |(known, with, _): &(String, bool, _)| known == pattern && *with == folds;
        if !self.0.as_ref().is_some_and(is_known) {
            let mut builder = regex::RegexBuilder::new(&patterns::regex(pattern)?);
            let compiled = builder.case_insensitive(folds).build();
            let compiled =
                compiled.map_err(|_| fault("2201B", format!("invalid regular expression \"{pattern}\"")))?;
            self.0 = Some((pattern.to_owned(), folds, compiled));
        }
        match &self.0 {
            Some((_, _, regex)) => Ok(regex),
            None => Err(DataFusionError::Internal("no pattern".to_owned())),
        }
    }
}

fn regexp_replace(
    text: &str,
    pattern: &str,
    (replacement, flags): (&str, &str),
    known: &mut Known,
) -> Result<String> {
    if !patterns::has_one_match(pattern) || !matches!(flags, "" | "g") {
        return Err(unsupported(format!(
            "regexp_replace with this pattern or flags is not supported: \"{pattern}\""
        )));
    }
    let regex = known.regex(pattern, false)?;
    // PostgreSQL's references in Rust's spelling.
    let mut template = String::with_capacity(replacement.len());
    let mut characters = replacement.chars();
    while let Some(c) = characters.next() {
        match c {
            '$' => template.push_str("$$"),
            '\\' => match characters.next() {
                Some(digit @ '1'..='9') => template.push_str(&format!("${{{digit}}}")),
                Some('&') => template.push_str("${0}"),
                Some('\\') => template.push('\\'),
                Some(other) => {
                    template.push('\\');
                    template.push(other);
                }
                None => template.push('\\'),
            },
            other => template.push(other),
        }
    }
    let limit = usize::from(flags != "g");
    let most = if limit == 0 { usize::MAX } else { limit };
    let found = regex.find_iter(text).take(most).count();
    // Each reference repeats some part of the text, and all parts together are not longer than the text.
    let references = template.matches("${").count().saturating_add(1);
    let repeated = text.len().saturating_mul(references);
    // Found out before the text is made.
    Budget::new(false).take(found.saturating_mul(template.len()).saturating_add(repeated))?;
    Ok(regex.replacen(text, limit, template.as_str()).into_owned())
}
