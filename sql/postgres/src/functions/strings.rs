//! Functions of text that check more than DataFusion's do.
//!
//! Owns: substr, split_part, chr, regexp_replace, regexp_like, and patterns that come from columns. Does not own: what a pattern means; see
//! `patterns`. Invariant: no result is longer than `text_budget` allows. Start at [`TextFunction`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::patterns;
use super::row_wise::{self, argument};
use super::text_budget::Budget;
use crate::types::{fault, unsupported};

/// The pattern of a LIKE, checked to be one.
pub(crate) fn checked_pattern(pattern: Expr) -> Expr {
    ScalarUDF::from(TextFunction::new("like_pattern")).call(vec![pattern])
}

/// Functions of text that check more than DataFusion's do.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TextFunction {
    name: &'static str,
    signature: Signature,
}

impl TextFunction {
    pub(crate) const ALL: &'static [&'static str] = &[
        "like_pattern",
        "substr",
        "split_part",
        "chr",
        "md5",
        "regexp_replace",
        "regexp_like",
    ];

    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.name == "regexp_like" {
            DataType::Boolean
        } else {
            DataType::Utf8
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut budget = Budget::of_call(&args.args);
        row_wise::over_arrays(&args, |arrays| {
            if self.name == "regexp_like" {
                return regexp_like(arrays);
            }
            let first = argument(arrays, 0)?;
            let texts = if first.data_type().is_integer() {
                None
            } else {
                Some(row_wise::texts(first)?)
            };
            let mut out = datafusion::arrow::array::StringBuilder::new();
            for row in 0..first.len() {
                if arrays.iter().any(|array| array.is_null(row)) {
                    out.append_null();
                    continue;
                }
                let text = texts.as_ref().map_or("", |texts| texts.value(row));
                out.append_value(self.compute(text, arrays, row, &mut budget)?);
            }
            Ok(Arc::new(out.finish()) as ArrayRef)
        })
    }
}

impl TextFunction {
    fn compute(&self, text: &str, arrays: &[ArrayRef], row: usize, budget: &mut Budget) -> Result<String> {
        let integer = |at: usize| -> Result<i64> {
            Ok(i64::from(
                row_wise::primitives::<Int32Type>(argument(arrays, at)?)?.value(row),
            ))
        };
        let other = |at: usize| -> Result<String> {
            Ok(row_wise::texts(argument(arrays, at)?)?.value(row).to_owned())
        };
        match self.name {
            "like_pattern" if patterns::is_unfinished(text) => Err(patterns::ends_in_escape()),
            "like_pattern" => Ok(text.to_owned()),
            "substr" => {
                let length = if arrays.len() > 2 { Some(integer(2)?) } else { None };
                substring(text, integer(1)?, length)
            }
            "split_part" => split_part(text, &other(1)?, integer(2)?),
            "chr" => chr(integer(0)?),
            "md5" => Ok(format!("{:x}", md5::compute(text))),
            _ => {
                let flags = if arrays.len() > 3 {
                    other(3)?
                } else {
                    String::new()
                };
                regexp_replace(text, &other(1)?, (&other(2)?, &flags), budget)
            }
        }
    }
}

/// `text_substr`: positions before the text count against the length.
fn substring(text: &str, start: i64, length: Option<i64>) -> Result<String> {
    let end = match length {
        Some(length) if length < 0 => return Err(fault("22011", "negative substring length not allowed")),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let skipped = usize::try_from(start - 1).unwrap_or_default();
    let taken = usize::try_from(end - start.max(1)).unwrap_or_default();
    Ok(text.chars().skip(skipped).take(taken).collect())
}

fn split_part(text: &str, separator: &str, field: i64) -> Result<String> {
    if field == 0 {
        return Err(fault("22023", "field position must not be zero"));
    }
    if text.is_empty() {
        return Ok(String::new());
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
    Ok(found.unwrap_or_default().to_owned())
}

fn chr(code: i64) -> Result<String> {
    if code == 0 {
        return Err(fault("54000", "null character not permitted"));
    }
    let beyond = || {
        fault(
            "54000",
            format!("requested character too large for encoding: {code}"),
        )
    };
    let c = u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(beyond)?;
    Ok(c.to_string())
}

fn regexp_like(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, expressions) = (
        row_wise::texts(argument(arrays, 0)?)?,
        row_wise::texts(argument(arrays, 1)?)?,
    );
    let mut known = Known::default();
    let pairs = texts.iter().zip(expressions.iter());
    let found = pairs.map(|(text, pattern)| {
        text.zip(pattern)
            .map(|(text, pattern)| known.regex(pattern).map(|regex| regex.is_match(text)))
            .transpose()
    });
    Ok(Arc::new(found.collect::<Result<BooleanArray>>()?))
}

/// The last pattern, compiled: patterns are constants as a rule.
#[derive(Default)]
struct Known(Option<(String, regex::Regex)>);

impl Known {
    fn regex(&mut self, pattern: &str) -> Result<&regex::Regex> {
        if self.0.as_ref().is_none_or(|(known, _)| known != pattern) {
            let compiled = regex::Regex::new(&patterns::regex(pattern)?);
            let compiled =
                compiled.map_err(|_| fault("2201B", format!("invalid regular expression \"{pattern}\"")))?;
            self.0 = Some((pattern.to_owned(), compiled));
        }
        match &self.0 {
            Some((_, regex)) => Ok(regex),
            None => Err(DataFusionError::Internal("no pattern".to_owned())),
        }
    }
}

fn regexp_replace(
    text: &str,
    pattern: &str,
    (replacement, flags): (&str, &str),
    budget: &mut Budget,
) -> Result<String> {
    if !patterns::has_one_match(pattern) || !matches!(flags, "" | "g") {
        return Err(unsupported(format!(
            "regexp_replace with this pattern or flags is not supported: \"{pattern}\""
        )));
    }
    let mut known = Known::default();
    let regex = known.regex(pattern)?;
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
    budget.take(found.saturating_mul(template.len()).saturating_add(repeated))?;
    Ok(regex.replacen(text, limit, template.as_str()).into_owned())
}
