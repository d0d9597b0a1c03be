//! LIKE patterns as what an encoded query can say of them.

use causeway_core::{Condition, Literal, Verdict};

use crate::encoded::check_value;
use crate::meaning::{LOOSE_BLANKS, LOOSE_TEXT, atom, equal_texts, loosened, never, present, superset};

/// A pattern as what its literal stretches say: how the text begins, how it ends, or what it contains.
pub(crate) fn like(field: &str, values: &[Literal]) -> Verdict {
    let [Literal::Text(pattern)] = values else {
        return never("the pattern is no text");
    };
    let Some(stretches) = stretches(pattern) else {
        return never("the pattern ends with its escape character");
    };
    let [first, .., last] = stretches.as_slice() else {
        let only = [Literal::Text(stretches.concat())];
        return equal_texts(field, &only, LOOSE_TEXT);
    };
    if stretches.iter().all(String::is_empty) {
        // Any text, perhaps of a minimal length: NULL is no text.
        return loosened(present(field), LOOSE_BLANKS);
    }
    // Blanks at the outer ends would be lost, so such a stretch is only looked for anywhere.
    let begins = sendable(first).filter(|text| first.starts_with(*text));
    let ends = sendable(last).filter(|text| last.ends_with(*text));
    let mut parts = Vec::new();
    parts.extend(begins.map(|text| atom(format!("{field}STARTSWITH{text}"))));
    parts.extend(ends.map(|text| atom(format!("{field}ENDSWITH{text}"))));
    if parts.is_empty() {
        let longest = stretches
            .iter()
            .filter_map(|text| sendable(text))
            .max_by_key(|text| text.len());
        parts.extend(longest.map(|text| atom(format!("{field}LIKE{text}"))));
    }
    match (parts.pop(), parts.pop()) {
        (None, _) => never("the pattern has no part that can be sent"),
        (Some(only), None) => superset(only, LOOSE_TEXT),
        (Some(last), Some(first)) => superset(Condition::All(vec![first, last]), LOOSE_TEXT),
    }
}

/// The stretch without its outer blanks, when it means itself there.
fn sendable(stretch: &str) -> Option<&str> {
    let text = stretch.trim();
    check_value(text).is_ok().then_some(text)
}

/// The literal stretches between the wildcards of a LIKE pattern: one more than there are wildcards.
/// `None` when the pattern ends in the middle of an escape.
fn stretches(pattern: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' | '_' => found.push(std::mem::take(&mut current)),
            '\\' => current.push(letters.next()?),
            other => current.push(other),
        }
    }
    found.push(current);
    Some(found)
}
