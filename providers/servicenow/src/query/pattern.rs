//! LIKE patterns and equality of text, as far as an encoded query can say them.
//!
//! Owns: lists of values, and texts that can't be sent whole. Does not own: which values can be sent; see `encoded_query`.
//! Invariant: what is sent says nothing that a matching text lacks.

use causeway_core::{Condition, Constant, Literal, RemoteOp, Verdict};

use super::verdict::{LOOSE_BLANKS, LOOSE_TEXT, among, compared_text, never, one_of, present, superset};
use super::wire::{check_value, is_break};

/// Bytes of values beyond which a list is not worth its length.
const MOST_LIST_BYTES: usize = 100_000;

/// A pattern as what its literal stretches say: how the text begins, how it ends, or what it contains.
pub(crate) fn like(field: &str, values: &[Literal]) -> Verdict {
    let [Literal::Text(pattern)] = values else {
        return never("the pattern is no text");
    };
    let Some(stretches) = stretches(pattern) else {
        return never("the pattern ends with its escape character");
    };
    match stretches.as_slice() {
        [only] => equal_text(field, &[Literal::Text(only.clone())]),
        several => of_stretches(field, several),
    }
}

/// `=` over text. A value that can't be sent whole is asked for by what it begins and ends with.
pub(crate) fn equal_text(field: &str, values: &[Literal]) -> Verdict {
    let whole = equal_texts(field, values, LOOSE_TEXT);
    let (Verdict::Never(_), [Literal::Text(value)]) = (&whole, values) else {
        return whole;
    };
    let pieces: Vec<String> = value.split(breaks_stretch).map(str::to_owned).collect();
    match of_stretches(field, &pieces) {
        Verdict::Never(_) => whole,
        found => found,
    }
}

/// IN over text. Values that can't be sent whole stand beside the list, each asked for by one part of it: two would take a group of their own.
pub(crate) fn equal_any(field: &str, values: &[Literal]) -> Verdict {
    let whole = equal_texts(field, values, LOOSE_TEXT);
    let (Verdict::Never(_), true) = (&whole, values.len() > 1) else {
        return whole;
    };
    let (listed, others): (Vec<Literal>, Vec<Literal>) = values.iter().cloned().partition(|value| {
        let Literal::Text(text) = value else { return false };
        text.is_empty() || check_value(text).is_ok()
    });
    let mut arms = Vec::new();
    match equal_texts(field, &listed, LOOSE_TEXT) {
        Verdict::Exact(Condition::Never) => {}
        Verdict::Exact(condition) | Verdict::Superset(condition, _) => arms.push(condition),
        Verdict::Never(_) => return whole,
    }
    for value in &others {
        match equal_text(field, std::slice::from_ref(value)) {
            Verdict::Exact(Condition::All(parts)) | Verdict::Superset(Condition::All(parts), _) => {
                arms.extend(parts.into_iter().next());
            }
            // Any value at all is no more than what the whole table has.
            found if found == superset(present(field), LOOSE_BLANKS) => return whole,
            Verdict::Exact(condition) | Verdict::Superset(condition, _) => arms.push(condition),
            Verdict::Never(_) => return whole,
        }
    }
    let arms = arms.into_iter().flat_map(|arm| match arm {
        Condition::Any(parts) => parts,
        other => vec![other],
    });
    superset(one_of(arms.collect()), LOOSE_TEXT)
}

/// `=` and IN over text. Values with a comma can't be members of a list and stand beside it.
pub(crate) fn equal_texts(field: &str, values: &[Literal], reason: &'static str) -> Verdict {
    let (mut listed, mut alone) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for value in values {
        let Literal::Text(value) = value else {
            return never("the value is no text");
        };
        // NULL and '' are one, and nothing equals NULL.
        if value.is_empty() {
            continue;
        }
        if let Err(reason) = check_value(value) {
            return never(reason);
        }
        bytes += value.len();
        if value.contains(',') {
            alone.push(value.as_str());
        } else {
            listed.push(value.as_str());
        }
    }
    if bytes > MOST_LIST_BYTES {
        return never("the list is too long for a request");
    }
    let mut arms = Vec::new();
    arms.extend(among(field, listed.into_iter().map(Constant::text)));
    arms.extend(
        alone
            .into_iter()
            .map(|value| compared_text(field, RemoteOp::Eq, value)),
    );
    match one_of(arms) {
        Condition::Never => Verdict::Exact(Condition::Never),
        condition => superset(condition, reason),
    }
}

/// Texts that begin with the first stretch, end with the last and hold the others between them.
fn of_stretches(field: &str, stretches: &[String]) -> Verdict {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
        return never("there is no value");
    };
    if stretches.iter().all(String::is_empty) {
        // Any text, perhaps of a minimal length: NULL is no text.
        return superset(present(field), LOOSE_BLANKS);
    }
    // Blanks at the outer ends would be lost, so such a stretch is only looked for anywhere.
    let begins = sendable(first).filter(|text| first.starts_with(*text));
    let ends = sendable(last).filter(|text| last.ends_with(*text));
    let mut parts = Vec::new();
    parts.extend(begins.map(|text| compared_text(field, RemoteOp::StartsWith, text)));
    parts.extend(ends.map(|text| compared_text(field, RemoteOp::EndsWith, text)));
    if parts.is_empty() {
        let longest = stretches
            .iter()
            .filter_map(|text| sendable(text))
            .max_by_key(|text| text.len());
        parts.extend(longest.map(|text| compared_text(field, RemoteOp::Contains, text)));
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

/// What no value can hold there, or what a pattern might read as an escape: stretches are cut at it, as at a wildcard.
fn breaks_stretch(letter: char) -> bool {
    matches!(letter, '^' | '\\') || is_break(letter) || u32::from(letter) > 0xffff
}

/// The literal stretches between the wildcards of a LIKE pattern, and between letters that can't be sent.
/// `None` when the pattern ends in the middle of an escape.
fn stretches(pattern: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' | '_' => found.push(std::mem::take(&mut current)),
            '\\' => match letters.next()? {
                escaped if breaks_stretch(escaped) => found.push(std::mem::take(&mut current)),
                escaped => current.push(escaped),
            },
            other if breaks_stretch(other) => found.push(std::mem::take(&mut current)),
            other => current.push(other),
        }
    }
    found.push(current);
    Some(found)
}
