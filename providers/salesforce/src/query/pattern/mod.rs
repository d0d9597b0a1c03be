//! LIKE and ILIKE in terms of SOQL.
//!
//! Owns: what a pattern becomes. Does not own: quoting; see [`literal`](super::literal).
//! Invariant: whatever the pattern matches in SQL is matched there too. That holds under every reading of what is not documented: how
//! many characters a letter outside the basic plane is, whether blanks at the ends count, which letters the user's locale folds.

use super::literal::LITERAL_CHARS;

/// Variants of a text beyond which a list of them is not worth its length.
const MOST_VARIANTS: usize = 16;

/// A LIKE pattern of SQL, in terms of SOQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Matches the empty text only, which no field holds.
    Empty,
    /// Matches everything; not exactly so when it also says something that SOQL isn't asked.
    Everything {
        /// Whether SQL matches everything too.
        exact: bool,
    },
    /// Has no wildcard: what it matches equals one of these texts, letter case aside.
    Texts(Vec<String>),
    /// A pattern of SOQL, before it is quoted: the backslash escapes `%` and `_`, and stands for nothing else.
    Like(String),
    /// Can't be said; the text says why.
    Unsayable(&'static str),
}

/// An element of an SQL pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Is(char),
    One,
    Any,
}

/// Translates a pattern whose escape character is the backslash; `folds_case` is for ILIKE.
pub(crate) fn pattern(sql: &str, folds_case: bool) -> Pattern {
    if sql.chars().count() > LITERAL_CHARS {
        return Pattern::Unsayable("the pattern is longer than a soql literal may be");
    }
    let Some(elements) = elements(sql) else {
        return Pattern::Unsayable("the pattern ends with its escape character");
    };
    if elements.is_empty() {
        return Pattern::Empty;
    }
    let texts = whole_text(&elements).map(|text| match folds_case {
        true => variants(&text),
        false => Some(vec![text]).filter(|texts| texts.iter().all(|text| is_plain(text))),
    });
    if let Some(Some(texts)) = texts {
        return Pattern::Texts(texts);
    }
    if elements.iter().all(|element| *element == Element::Any) {
        return Pattern::Everything { exact: true };
    }
    like(&elements, folds_case)
}

/// The pattern that matches `text` alone, and perhaps more, for a text that no `=` can hold.
pub(crate) fn around(text: &str) -> Pattern {
    if text.chars().count() > LITERAL_CHARS {
        return Pattern::Unsayable("the text is longer than a soql literal may be");
    }
    let elements: Vec<Element> = text.chars().map(Element::Is).collect();
    like(&elements, false)
}

/// Whether `=` says the text: how line breaks and other control characters are stored is not documented.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn elements(sql: &str) -> Option<Vec<Element>> {
    let mut found = Vec::new();
    let mut characters = sql.chars();
    while let Some(character) = characters.next() {
        found.push(match character {
            '\\' => Element::Is(characters.next()?),
            '%' => Element::Any,
            '_' => Element::One,
            plain => Element::Is(plain),
        });
    }
    Some(found)
}

/// The text that a pattern without wildcards is.
fn whole_text(elements: &[Element]) -> Option<String> {
    let letters = elements.iter().map(|element| match element {
        Element::Is(letter) => Some(*letter),
        Element::One | Element::Any => None,
    });
    letters.collect()
}

/// The letters that some system folds to this one and another does not: a Turkish locale pairs `i` with `İ` and `ı` with `I`, and the
/// long s and the Kelvin sign are an s and a k only to some. `None` for letters outside ASCII, which no two systems fold alike.
fn disputed(letter: char) -> Option<&'static [char]> {
    match letter {
        'i' | 'I' => Some(&['i', 'I', '\u{130}', '\u{131}']),
        's' | 'S' => Some(&['s', '\u{17f}']),
        'k' | 'K' => Some(&['k', '\u{212a}']),
        other if other.is_ascii() => Some(&[]),
        _ => None,
    }
}

/// The texts of which one equals whatever ILIKE matches with `text`; `None` when they are too many, or not known.
fn variants(text: &str) -> Option<Vec<String>> {
    if !is_plain(text) {
        return None;
    }
    let mut found = vec![String::new()];
    for letter in text.chars() {
        let own = [letter];
        let choices = match disputed(letter)? {
            [] => own.as_slice(),
            several => several,
        };
        if found.len() * choices.len() > MOST_VARIANTS {
            return None;
        }
        found = found
            .iter()
            .flat_map(|start| choices.iter().map(move |choice| format!("{start}{choice}")))
            .collect();
    }
    Some(found)
}

/// A pattern of SOQL. What can't be said for certain becomes a wildcard:
/// `_`, since it is not documented how many characters a letter outside the basic plane is; control characters and the backslash, whose
/// escapes in a pattern are not documented; disputed letters; and blanks at the ends, which may be disregarded there.
fn like(elements: &[Element], folds_case: bool) -> Pattern {
    let is_blank = |element: &&Element| !matches!(element, Element::Is(letter) if *letter != ' ');
    let length = elements.len();
    let leading = elements.iter().take_while(is_blank).count();
    let trailing = elements.iter().rev().take_while(is_blank).count();
    let (mut like, mut has_text) = (String::new(), false);
    for (at, element) in elements.iter().enumerate() {
        let is_end = at < leading || at + trailing >= length;
        let letter = match element {
            Element::Is(letter) if !is_end => *letter,
            _ => {
                push_wildcard(&mut like);
                continue;
            }
        };
        match letter {
            '\\' => push_wildcard(&mut like),
            control if control.is_control() => push_wildcard(&mut like),
            's' | 'S' | 'k' | 'K' if folds_case => like.push('_'),
            'i' | 'I' if folds_case => push_wildcard(&mut like),
            other if folds_case && !other.is_ascii() => push_wildcard(&mut like),
            plain => {
                has_text = true;
                if matches!(plain, '%' | '_') {
                    like.push('\\');
                }
                like.push(plain);
            }
        }
    }
    if has_text {
        Pattern::Like(like)
    } else {
        Pattern::Everything { exact: false }
    }
}

/// Adds `%` unless it is there.
fn push_wildcard(like: &mut String) {
    if !like.ends_with('%') || like.ends_with("\\%") {
        like.push('%');
    }
}

#[cfg(test)]
mod tests;
