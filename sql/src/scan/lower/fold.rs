//! `lower(x)` and `upper(x)` as patterns that ignore case.
//!
//! Invariant: whatever text becomes a match of the pattern by folding is itself an ILIKE match of the folded pattern. Letters outside
//! ASCII fold into one, two or three characters, some of them ASCII (`ﬁ` to `FI`, `İ` to `i` and a dot), so every letter that may have
//! come from such a one becomes a wildcard.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Lower,
    Upper,
}

impl Fold {
    /// Whether no text folds to this one: it holds an ASCII letter of the other case.
    pub(super) fn never_makes(self, text: &str) -> bool {
        text.chars().any(|letter| match self {
            Self::Lower => letter.is_ascii_uppercase(),
            Self::Upper => letter.is_ascii_lowercase(),
        })
    }

    /// Whether `letter` between these neighbours may come from a letter outside ASCII that no ILIKE matches with it.
    /// A neighbour is known when it is a literal ASCII character, or the end of the text.
    fn may_be_foreign(self, before: Neighbour, letter: char, after: Neighbour) -> bool {
        let letter = letter.to_ascii_lowercase();
        match self {
            // `İ` becomes `i` and a combining dot.
            Self::Lower => letter == 'i' && after == Neighbour::Unknown,
            Self::Upper => match letter {
                // `ı`, `ſ`, `ß`, `ﬀ`, `ﬁ`, `ﬂ`, `ﬃ`, `ﬄ`, `ﬅ`, `ﬆ`
                'i' | 's' | 'f' => true,
                't' => {
                    before == Neighbour::Known('s')
                        || before == Neighbour::Unknown
                        || after == Neighbour::Unknown
                }
                'l' => before == Neighbour::Known('f') || before == Neighbour::Unknown,
                // `ŉ` becomes an apostrophe outside ASCII and `N`.
                'n' => before == Neighbour::Unknown,
                // `ẚ`, `ẖ`, `ǰ`, `ẗ`, `ẘ`, `ẙ` become a letter and a mark.
                'a' | 'h' | 'j' | 'w' | 'y' => after == Neighbour::Unknown,
                _ => false,
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Neighbour {
    Edge,
    Known(char),
    Unknown,
}

/// A pattern for `x ILIKE` that matches every `x` whose folded form matches `pattern` under LIKE or ILIKE.
pub(super) fn folded_pattern(pattern: &str, fold: Fold) -> String {
    let letters = letters(pattern);
    let neighbour = |at: Option<usize>| match at.and_then(|at| letters.get(at)) {
        None => Neighbour::Edge,
        Some(Some(letter)) => Neighbour::Known(letter.to_ascii_lowercase()),
        Some(None) => Neighbour::Unknown,
    };
    let mut folded = String::with_capacity(pattern.len());
    for (at, letter) in letters.iter().enumerate() {
        let (before, after) = (neighbour(at.checked_sub(1)), neighbour(Some(at + 1)));
        match letter {
            Some(letter) if !fold.may_be_foreign(before, *letter, after) => {
                if matches!(letter, '\\' | '%' | '_') {
                    folded.push('\\');
                }
                folded.push(*letter);
            }
            _ if folded.ends_with('%') && !folded.ends_with("\\%") => {}
            _ => folded.push('%'),
        }
    }
    folded
}

/// The literal ASCII characters of a pattern; `None` for wildcards and for all other characters.
fn letters(pattern: &str) -> Vec<Option<char>> {
    let mut found = Vec::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '\\' => characters.next(),
            '%' | '_' => None,
            plain => Some(plain),
        };
        found.push(literal.filter(char::is_ascii));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, pattern: &str) -> bool {
        use crate::scan::lower::tests::{ignoring_case, pattern_parts};
        ignoring_case(&pattern_parts(pattern)).is_match(text)
    }

    /// Every character that exists, alone and between others, as the text itself and cut by wildcards at every place.
    #[test]
    fn no_character_folds_into_a_pattern_that_would_miss_it() {
        for fold in [Fold::Lower, Fold::Upper] {
            for character in char::MIN..=char::MAX {
                if character.is_ascii() && !character.is_ascii_alphabetic() {
                    continue;
                }
                let text = character.to_string();
                let result = match fold {
                    Fold::Lower => text.to_lowercase(),
                    Fold::Upper => text.to_uppercase(),
                };
                if !result.chars().any(|letter| letter.is_ascii()) {
                    continue;
                }
                let letters: Vec<char> = result.chars().collect();
                let mut cases = vec![(format!("x{text}x"), format!("x{result}x"))];
                let mut patterns = vec![result.clone(), format!("%{result}"), format!("{result}%")];
                for (at, letter) in letters.iter().enumerate() {
                    let (before, after) = (&letters[..at], &letters[at + 1..]);
                    let text = |letters: &[char]| letters.iter().collect::<String>();
                    patterns.push(format!("{}_{}", text(before), text(after)));
                    patterns.push(format!("{}{letter}%", text(before)));
                    patterns.push(format!("%{letter}{}", text(after)));
                    patterns.push(format!("%{letter}%"));
                }
                cases.extend(patterns.into_iter().map(|pattern| (text.clone(), pattern)));
                for (subject, pattern) in cases {
                    let folded = folded_pattern(&pattern, fold);
                    assert!(
                        matches(&subject, &folded),
                        "{fold:?} {subject:?} {pattern:?} {folded:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn most_letters_stay_in_the_pattern() {
        for (fold, pattern, wanted) in [
            (Fold::Lower, "boxeo", "boxeo"),
            (Fold::Lower, "hi", "hi"),
            (Fold::Lower, "hi%", "h%"),
            (Fold::Lower, "caf\u{e9}_x", "caf%x"),
            (Fold::Lower, "50\\%", "50\\%"),
            (Fold::Lower, "50\\%%", "50\\%%"),
            (Fold::Upper, "BOXEO", "BOXEO"),
            (Fold::Upper, "ASSET", "A%ET"),
            (Fold::Upper, "TALE", "TALE"),
            (Fold::Upper, "FLOTTE", "%OTTE"),
        ] {
            assert_eq!(folded_pattern(pattern, fold), wanted, "{fold:?} {pattern}");
        }
    }
}
