use causeway_core::conformance::keeps;
use causeway_core::{Literal, Op};
use proptest::prelude::*;

use super::*;
use crate::query::literal::quote_pattern;

fn like(text: &str) -> Pattern {
    Pattern::Like(text.to_owned())
}

fn texts(texts: &[&str]) -> Pattern {
    Pattern::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn patterns_keep_their_literal_parts_and_widen_the_rest() {
    for (sql, wanted) in [
        ("Box%", like("Box%")),
        ("%o'x%", like("%o'x%")),
        (r"100\%%", like(r"100\%%")),
        (r"a\_b%", like(r"a\_b%")),
        ("a_c", like("a%c")),
        ("a%_%c", like("a%c")),
        ("plain", texts(&["plain"])),
        (r"100\%", texts(&["100%"])),
        (r"a\\b", texts(&[r"a\b"])),
        ("", Pattern::Empty),
        ("%%", Pattern::Everything { exact: true }),
        ("_%", Pattern::Everything { exact: false }),
        ("% %", Pattern::Everything { exact: false }),
        ("Straße%", like("Straße%")),
    ] {
        assert_eq!(pattern(sql, false), wanted, "{sql}");
    }
}

#[test]
fn what_has_no_certain_escape_is_a_wildcard() {
    assert_eq!(pattern(r"a\\b%", false), like("a%b%"));
    assert_eq!(pattern("a\nb", false), like("a%b"));
    assert_eq!(around("two\nlines"), like("two%lines"));
    assert_eq!(around("\n"), Pattern::Everything { exact: false });
    assert!(matches!(pattern(r"a\", false), Pattern::Unsayable(_)));
    assert!(matches!(
        pattern(&"x".repeat(4_001), false),
        Pattern::Unsayable(_)
    ));
}

#[test]
fn blanks_at_the_ends_of_a_pattern_are_not_insisted_on() {
    assert_eq!(pattern("%trail ", false), like("%trail%"));
    assert_eq!(pattern("trail %", false), like("trail%"));
    assert_eq!(pattern(" a b%", false), like("%a b%"));
    assert_eq!(pattern("trail ", false), texts(&["trail "]));
}

#[test]
fn letters_that_locales_fold_differently_are_not_insisted_on() {
    assert_eq!(pattern("Boxeo", true), texts(&["Boxeo"]));
    assert_eq!(pattern("ab%", true), like("ab%"));
    assert_eq!(pattern("won", true), texts(&["won"]));
    assert_eq!(pattern("closed", true), texts(&["closed", "clo\u{17f}ed"]));
    assert_eq!(
        pattern("is", true),
        texts(&[
            "is",
            "i\u{17f}",
            "Is",
            "I\u{17f}",
            "\u{130}s",
            "\u{130}\u{17f}",
            "\u{131}s",
            "\u{131}\u{17f}"
        ])
    );
    assert_eq!(pattern("service%", true), like("_erv%ce%"));
    assert_eq!(pattern("mississippi", true), like("m%__%__%pp%"));
    assert_eq!(pattern("Straße", true), like("_tra%e"));
    assert_eq!(pattern("i%", true), Pattern::Everything { exact: false });
}

/// How an org may compare text.
#[derive(Debug, Clone, Copy)]
struct Reading {
    turkish: bool,
    /// A capital dotted i in lower case is two characters.
    expands: bool,
    trims: bool,
    /// Letters outside the basic plane count twice.
    counts_units: bool,
}

impl Reading {
    fn folded(self, text: &str) -> Vec<u32> {
        let text = if self.trims { text.trim_matches(' ') } else { text };
        let mut folded = Vec::new();
        for letter in text.chars() {
            let lower: String = match letter {
                'I' if self.turkish => "\u{131}".to_owned(),
                '\u{130}' if self.turkish => "i".to_owned(),
                '\u{130}' if !self.expands => "\u{130}".to_owned(),
                other => other.to_lowercase().collect(),
            };
            if self.counts_units {
                folded.extend(lower.encode_utf16().map(u32::from));
            } else {
                folded.extend(lower.chars().map(u32::from));
            }
        }
        folded
    }

    /// Whether the org keeps `text` for a quoted pattern.
    fn keeps(self, text: &str, quoted: &str) -> bool {
        let inner = quoted
            .strip_prefix('\'')
            .and_then(|inner| inner.strip_suffix('\''))
            .expect("quotes");
        let mut elements: Vec<Option<Option<u32>>> = Vec::new();
        let mut letters = inner.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' => elements.push(None),
                '_' => elements.push(Some(None)),
                '\\' => {
                    let escaped = letters.next().expect("an escaped character");
                    assert!("%_'\"".contains(escaped), "no documented escape: {escaped}");
                    elements.push(Some(Some(u32::from(escaped))));
                }
                plain => {
                    let untrimmed = Self { trims: false, ..self };
                    elements.extend(
                        untrimmed
                            .folded(&plain.to_string())
                            .into_iter()
                            .map(|unit| Some(Some(unit))),
                    );
                }
            }
        }
        matches(&self.folded(text), &elements)
    }
}

fn matches(text: &[u32], pattern: &[Option<Option<u32>>]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((None, rest)) => (0..=text.len()).any(|at| matches(&text[at..], rest)),
        Some((Some(wanted), rest)) => text
            .split_first()
            .is_some_and(|(first, tail)| wanted.is_none_or(|wanted| wanted == *first) && matches(tail, rest)),
    }
}

/// A text and a pattern that probably matches it.
fn text_and_pattern() -> impl Strategy<Value = (String, String)> {
    let letter = proptest::sample::select(
        "aBiI\u{130}\u{131}sS\u{17f}kK\u{212a}ßéÉ '%_\\\n🚀"
            .chars()
            .collect::<Vec<_>>(),
    );
    let place = (letter, 0..8_u8);
    proptest::collection::vec(place, 1..8).prop_map(|places| {
        let (mut text, mut pattern) = (String::new(), String::new());
        for (letter, kind) in places {
            text.push(letter);
            match kind {
                0 => pattern.push('_'),
                1 => pattern.push('%'),
                2 if letter.is_alphabetic() => pattern.extend(letter.to_lowercase()),
                3 if letter.is_alphabetic() => pattern.extend(letter.to_uppercase()),
                _ if matches!(letter, '%' | '_' | '\\') => pattern.extend(['\\', letter]),
                _ => pattern.push(letter),
            }
        }
        (text, pattern)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_sql_matches_is_matched_there_under_every_reading(
        (text, sql) in text_and_pattern(),
        folds_case in any::<bool>(),
        [turkish, expands, trims, counts_units] in any::<[bool; 4]>(),
    ) {
        let op = if folds_case { Op::ILike } else { Op::Like };
        let constant = [Literal::Text(sql.clone())];
        if keeps(Some(&Literal::Text(text.clone())), op, &constant) != Some(true) {
            return Ok(());
        }
        let reading = Reading { turkish, expands, trims, counts_units };
        let kept = match pattern(&sql, folds_case) {
            Pattern::Empty => text.is_empty(),
            Pattern::Everything { .. } | Pattern::Unsayable(_) => true,
            Pattern::Texts(texts) => texts.iter().any(|wanted| reading.folded(wanted) == reading.folded(&text)),
            Pattern::Like(like) => reading.keeps(&text, &quote_pattern(&like).expect("a pattern that can be quoted")),
        };
        prop_assert!(kept, "{:?} of {:?} for {:?}", pattern(&sql, folds_case), sql, text);
    }
}
