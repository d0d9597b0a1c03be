//! Names and literals of SOQL.
//!
//! Owns: every escape, the text of numbers, the two forms of an id. Does not own: where they stand; see [`condition`](super::condition).
//! Invariant: a quoted text reads back as itself, and a name holds nothing but letters, digits, underscores and dots.

use std::fmt::Write as _;

/// Characters of one text literal.
pub(crate) const LITERAL_CHARS: usize = 4_000;

/// Whether `text` is an API name or a dotted path of them.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('.').all(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// A text literal: the backslash first, then the quote, then what no line may hold.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    text.chars()
        .for_each(|character| push_escaped(&mut quoted, character));
    quoted.push('\'');
    quoted
}

/// A LIKE pattern as a literal: `%` and `_` are wildcards unless a backslash stands before them.
///
/// # Errors
/// Returns why it can't be written: other escapes of a pattern are not documented.
pub(crate) fn quote_pattern(pattern: &str) -> Result<String, String> {
    let mut quoted = String::with_capacity(pattern.len() + 2);
    quoted.push('\'');
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match (character, characters.as_str().chars().next()) {
            ('\\', Some(wildcard @ ('%' | '_'))) => {
                quoted.extend(['\\', wildcard]);
                characters.next();
            }
            ('\\', _) => return Err("a pattern holds an escape that soql does not know".to_owned()),
            (plain, _) => push_escaped(&mut quoted, plain),
        }
    }
    quoted.push('\'');
    Ok(quoted)
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\'' => out.push_str("\\'"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        control if control.is_control() => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04X}", u32::from(control));
        }
        plain => out.push(plain),
    }
}

/// The 18-character form of a record id of 15 or 18 characters; `None` for what is no id.
///
/// The last three characters tell which of the first fifteen are upper case, so a wrong case is found out.
#[must_use]
pub fn long_id(id: &str) -> Option<String> {
    const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    if !matches!(id.len(), 15 | 18) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut long = id.get(..15)?.to_owned();
    for chunk in id.as_bytes().get(..15)?.chunks(5) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (at, byte)| {
            bits | (usize::from(byte.is_ascii_uppercase()) << at)
        });
        long.push(char::from(*CHECK.get(bits)?));
    }
    (id.len() == 15 || long == id).then_some(long)
}

/// A number without exponent, of at most 18 digits on either side of the point and in all; `None` when it takes more.
pub(crate) fn decimal(number: f64) -> Option<String> {
    if !number.is_finite() || (number == 0.0 && number.is_sign_negative()) {
        return None;
    }
    let text = number.to_string();
    let (_, decimals) = text.split_once('.').unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (digits.trim_start_matches('0').len() <= 18 && decimals.len() <= 18).then_some(text)
}

/// A decimal that is certainly less (or greater) than every decimal that reads as `number`.
pub(crate) fn outward(number: f64, upwards: bool) -> Option<String> {
    if !number.is_finite() || number.abs() >= 1e17 {
        return None;
    }
    let digits = number.abs().trunc().to_string().len();
    let margin = number.abs().mul_add(1e-12, 1e-15);
    let shifted = if upwards { number + margin } else { number - margin };
    // Seventeen digits in all: the rounding here is far smaller than the margin.
    let text = format!("{shifted:.*}", 17_usize.saturating_sub(digits));
    Some(match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::soql::fuzz::unescape;

    #[test]
    fn ids_are_known_by_their_check_characters() {
        assert_eq!(long_id("001D000000IqhSL").as_deref(), Some("001D000000IqhSLIAZ"));
        assert_eq!(
            long_id("001D000000IqhSLIAZ").as_deref(),
            Some("001D000000IqhSLIAZ")
        );
        for no_id in [
            "001d000000iqhsliaz",
            "001D000000IqhSLIAA",
            "001D000000IqhS",
            "001D000000IqhS'",
            "",
            "001D000000IqhSLé",
        ] {
            assert_eq!(long_id(no_id), None, "{no_id}");
        }
    }

    #[test]
    fn numbers_are_plain_decimals_of_at_most_eighteen_digits() {
        for (number, text) in [
            (0.1, Some("0.1")),
            (1e10, Some("10000000000")),
            (-2.5, Some("-2.5")),
            (1e-7, Some("0.0000001")),
            (0.0, Some("0")),
        ] {
            assert_eq!(decimal(number).as_deref(), text);
        }
        for number in [1e18, 1e300, 1e-19, f64::NAN, f64::INFINITY, -0.0] {
            assert_eq!(decimal(number), None, "{number}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_as_a_literal(text in any::<String>()) {
            let literal = quote(&text);
            let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            prop_assert_eq!(inner.and_then(unescape), Some(text));
        }

        #[test]
        fn a_printed_number_reads_back_as_itself(number in any::<f64>()) {
            if let Some(text) = decimal(number) {
                prop_assert_eq!(text.parse::<f64>().unwrap(), number);
            }
        }

        #[test]
        fn outward_bounds_enclose_the_number(number in -1e16..1e16_f64) {
            let (below, above) = (outward(number, false).unwrap(), outward(number, true).unwrap());
            prop_assert!(below.parse::<f64>().unwrap() < number && number < above.parse::<f64>().unwrap());
            prop_assert!(below.bytes().chain(above.bytes()).all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte)));
        }
    }
}
