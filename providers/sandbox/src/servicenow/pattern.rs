//! LIKE, STARTSWITH and ENDSWITH on keys of a collation.

/// Where a pattern must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

/// Tells whether the text has the key at the place.
pub(super) fn found(place: Place, key: &str, text: &str, wildcards: bool) -> bool {
    if wildcards && key.contains(['%', '_']) {
        let pattern = match place {
            Place::Anywhere => format!("%{key}%"),
            Place::Start => format!("{key}%"),
            Place::End => format!("%{key}"),
        };
        return sql_like(
            &pattern.chars().collect::<Vec<_>>(),
            &text.chars().collect::<Vec<_>>(),
        );
    }
    match place {
        Place::Anywhere => text.contains(key),
        Place::Start => text.starts_with(key),
        Place::End => text.ends_with(key),
    }
}

/// SQL's LIKE without an escape character.
fn sql_like(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(('%', rest)), _) => {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| sql_like(rest, tail)))
        }
        (Some(('_', rest)), Some((_, tail))) => sql_like(rest, tail),
        (Some((wanted, rest)), Some((letter, tail))) => wanted == letter && sql_like(rest, tail),
        (Some(_), None) => false,
    }
}
