//! The texts of patterns: LIKE, SIMILAR TO and regular expressions.
//!
//! Owns: translating them for the engines that run here, and refusing what these would read otherwise. Does not own: which operator takes
//! a pattern; see `typing::matching`.
//! Invariant: Rust's engine runs only what it and PostgreSQL read alike. What differs is classes, back references, lookaround, and which
//! alternative wins when a match is taken out or replaced. Start at [`regex()`].

use datafusion::common::Result;

use crate::types::{fault, unsupported};

/// The same pattern with backslashes as its escape characters.
pub(crate) fn escaped_by_backslash(pattern: &str, escape: char) -> Result<String> {
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

/// A pattern of SIMILAR TO as a regular expression over the whole text.
pub(crate) fn similar_to_regex(pattern: &str, escape: char) -> Result<String> {
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
