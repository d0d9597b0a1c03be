//! LIKE, SIMILAR TO and regular expressions.
//!
//! Regular expressions run on Rust's engine. Patterns that it and PostgreSQL read alike are accepted, others are refused: what
//! differs is classes, back references, lookaround, and which alternative wins when a match is taken out or replaced.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

use crate::types::{Kind, fault, unsupported};
use crate::typing::operators::Typed;

/// The text of a constant pattern; the inner `None` is NULL.
fn constant(expr: &Expr) -> Option<Option<String>> {
    match expr {
        Expr::Literal(value, _) if value.is_null() => Some(None),
        Expr::Literal(value, _) => value.try_as_str().map(|text| text.map(str::to_owned)),
        _ => None,
    }
}

fn text_operand(operand: Typed, name: &str) -> Result<Expr> {
    match operand.kind() {
        Kind::Text => Ok(operand.expr),
        Kind::Unknown => operand.to(&DataType::Utf8),
        other => {
            let message = format!("operator does not exist: {} {name} unknown", other.name());
            Err(fault(crate::sqlstate::UNDEFINED_FUNCTION, message))
        }
    }
}

/// `expr [NOT] LIKE pattern [ESCAPE c]`, with the escape character brought back to the backslash.
pub(crate) fn like(
    negated: bool,
    case_insensitive: bool,
    expr: Typed,
    pattern: Typed,
    escape: Option<char>,
) -> Result<Expr> {
    let symbol = if case_insensitive { "~~*" } else { "~~" };
    let expr = text_operand(expr, symbol)?;
    let pattern = text_operand(pattern, symbol)?;
    let pattern = match constant(&pattern) {
        Some(None) => pattern,
        Some(Some(text)) => lit(escaped_by_backslash(&text, escape.unwrap_or('\\'))?),
        None if escape.is_some_and(|escape| escape != '\\') => {
            return Err(unsupported("ESCAPE is supported with constant patterns only"));
        }
        None => super::strings::checked_pattern(pattern),
    };
    Ok(Expr::Like(Like::new(
        negated,
        Box::new(expr),
        Box::new(pattern),
        None,
        case_insensitive,
    )))
}

/// The same pattern with backslashes as its escape characters.
fn escaped_by_backslash(pattern: &str, escape: char) -> Result<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c == escape {
            let escaped = characters.next().ok_or_else(ends_in_escape)?;
            if matches!(escaped, '%' | '_' | '\\') {
                out.push('\\');
            }
            out.push(escaped);
        } else {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
    }
    Ok(out)
}

pub(crate) fn ends_in_escape() -> datafusion::common::DataFusionError {
    fault("22025", "LIKE pattern must not end with escape character")
}

/// Whether a LIKE pattern ends inside an escape.
pub(crate) fn is_unfinished(pattern: &str) -> bool {
    pattern.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

/// `~`, `~*`, `!~` and `!~*`.
pub(crate) fn matches(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    let name = op.to_string();
    let text = text_operand(left, &name)?;
    let pattern = text_operand(right, &name)?;
    let pattern = match constant(&pattern) {
        Some(None) => return Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
        Some(Some(pattern)) => lit(regex(&pattern)?),
        None => return Err(unsupported("regular expressions are supported as constants only")),
    };
    Ok(Expr::BinaryExpr(BinaryExpr::new(
        Box::new(text),
        op,
        Box::new(pattern),
    )))
}

/// `expr SIMILAR TO pattern`, as a regular expression over the whole text.
pub(crate) fn similar(negated: bool, expr: Typed, pattern: Typed, escape: Option<char>) -> Result<Expr> {
    let text = text_operand(expr, "SIMILAR TO")?;
    let pattern = text_operand(pattern, "SIMILAR TO")?;
    let pattern = match constant(&pattern) {
        Some(None) => return Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
        Some(Some(pattern)) => lit(regex(&similar_to_regex(&pattern, escape.unwrap_or('\\'))?)?),
        None => return Err(unsupported("SIMILAR TO is supported with constant patterns only")),
    };
    let op = if negated {
        Operator::RegexNotMatch
    } else {
        Operator::RegexMatch
    };
    Ok(Expr::BinaryExpr(BinaryExpr::new(
        Box::new(text),
        op,
        Box::new(pattern),
    )))
}

fn similar_to_regex(pattern: &str, escape: char) -> Result<String> {
    let mut out = String::from("^(?:");
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            c if c == escape => {
                let escaped = characters
                    .next()
                    .ok_or_else(|| fault("22025", "invalid escape string"))?;
                if escaped == '"' {
                    return Err(unsupported("separators in SIMILAR TO are not supported"));
                }
                out.push_str(&regex::escape(&escaped.to_string()));
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '.' | '^' | '$' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '[' => return Err(unsupported("character classes in SIMILAR TO are not supported")),
            other => out.push(other),
        }
    }
    out.push_str(")$");
    Ok(out)
}

/// A pattern that both engines read alike, for Rust's engine.
///
/// # Errors
/// 2201B for a pattern that is wrong, 0A000 for one that may mean something else here.
pub(crate) fn regex(pattern: &str) -> Result<String> {
    let refuse = |what: &str| {
        Err(unsupported(format!(
            "regular expressions with {what} are not supported: \"{pattern}\""
        )))
    };
    if pattern.starts_with("***") || (pattern.starts_with("(?") && !pattern.starts_with("(?:")) {
        return refuse("embedded options");
    }
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(escaped)
                    if escaped.is_ascii_punctuation()
                        || matches!(escaped, 'd' | 's' | 'w' | 'n' | 't' | 'r') => {}
                Some(_) => return refuse("such escapes"),
                None => return Err(invalid(pattern, "invalid escape \\ sequence")),
            },
            '(' if characters.peek() == Some(&'?') => {
                characters.next();
                if characters.next() != Some(':') {
                    return refuse("lookaround");
                }
            }
            '[' => {
                let mut content = String::new();
                for c in characters.by_ref() {
                    if c == ']' && !content.is_empty() && content != "^" {
                        break;
                    }
                    content.push(c);
                }
                if content.contains(['[', '\\', '&', '~']) || content.contains("--") || content.contains(']')
                {
                    return refuse("such character classes");
                }
            }
            _ => {}
        }
    }
    // A dot matches line breaks in PostgreSQL.
    let translated = format!("(?s){pattern}");
    regex::Regex::new(&translated).map_err(|_| invalid(pattern, "it does not parse"))?;
    Ok(translated)
}

fn invalid(pattern: &str, reason: &str) -> datafusion::common::DataFusionError {
    fault(
        "2201B",
        format!("invalid regular expression \"{pattern}\": {reason}"),
    )
}

/// Whether the leftmost match of a pattern is the longest one in both engines: no alternatives and nothing lazy.
pub(crate) fn has_one_match(pattern: &str) -> bool {
    !pattern.contains('|') && !["*?", "+?", "??", "}?"].iter().any(|lazy| pattern.contains(lazy))
}
