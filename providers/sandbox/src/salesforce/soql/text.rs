//! Text comparison in the running user's locale.
//!
//! Owns: case folding, accents, trailing blanks, LIKE. Invariant: two texts are equal exactly when their folds are.

use super::super::switches::Semantics;

/// How two texts are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Collation {
    /// Upper and lower case differ.
    pub(crate) exact_case: bool,
    turkish: bool,
    accents: bool,
    trailing_blanks: bool,
    leading_blanks: bool,
}

impl Collation {
    /// The comparison of a field; only unique case-sensitive fields keep case.
    pub(crate) fn new(semantics: &Semantics, exact_case: bool) -> Self {
        Self {
            exact_case,
            turkish: semantics.turkish_locale,
            accents: semantics.accents_fold,
            trailing_blanks: semantics.trailing_blanks_ignored,
            leading_blanks: semantics.leading_blanks_ignored,
        }
    }

    /// Folds one character.
    pub(crate) fn fold_char(self, c: char) -> char {
        let c = if self.accents { base_letter(c) } else { c };
        if self.exact_case {
            return c;
        }
        if self.turkish {
            match c {
                'i' => return 'İ',
                'ı' => return 'I',
                _ => {}
            }
        }
        if c.is_ascii() {
            return c.to_ascii_uppercase();
        }
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            // English folding keeps the dotless i apart from I.
            (Some(single), None) if c != 'ı' => single,
            _ => c,
        }
    }

    /// Folds a text.
    pub(crate) fn fold(self, text: &str) -> String {
        self.trimmed(text).chars().map(|c| self.fold_char(c)).collect()
    }

    /// Takes off the blanks that don't count.
    fn trimmed(self, text: &str) -> &str {
        let text = if self.trailing_blanks {
            text.trim_end_matches(' ')
        } else {
            text
        };
        if self.leading_blanks {
            text.trim_start_matches(' ')
        } else {
            text
        }
    }

    /// Compares a text with one that is folded already, without building a string.
    pub(crate) fn equals_folded(self, text: &str, folded: &str) -> bool {
        self.trimmed(text)
            .chars()
            .map(|c| self.fold_char(c))
            .eq(folded.chars())
    }

    /// Folds a text and turns it into a LIKE subject.
    pub(crate) fn subject(self, text: &str) -> Vec<char> {
        self.fold(text).chars().collect()
    }
}

/// One element of a LIKE pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wild {
    /// This folded character.
    Is(char),
    /// `_`.
    One,
    /// `%`.
    Any,
}

/// Tells whether the subject matches the pattern as a whole.
pub(crate) fn like(subject: &[char], pattern: &[Wild]) -> bool {
    let (mut at, mut wanted) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < subject.len() {
        match pattern.get(wanted) {
            Some(Wild::Any) => {
                wanted += 1;
                retry = Some((at, wanted));
                continue;
            }
            Some(Wild::One) => {
                at += 1;
                wanted += 1;
                continue;
            }
            Some(Wild::Is(c)) if subject.get(at) == Some(c) => {
                at += 1;
                wanted += 1;
                continue;
            }
            _ => {}
        }
        // The last % takes one character more.
        let Some((from, after)) = retry else { return false };
        at = from + 1;
        wanted = after;
        retry = Some((at, after));
    }
    pattern.iter().skip(wanted).all(|wild| *wild == Wild::Any)
}

/// Takes the accent off a Latin letter.
fn base_letter(c: char) -> char {
    const ACCENTED: &str = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝąćęłńśźżĄĆĘŁŃŚŹŻ";
    const PLAIN: &str = "aaaaaaceeeeiiiinooooouuuuyyAAAAAACEEEEIIIINOOOOOUUUUYacelnszzACELNSZZ";
    if c.is_ascii() {
        return c;
    }
    ACCENTED
        .chars()
        .zip(PLAIN.chars())
        .find_map(|(accented, plain)| (accented == c).then_some(plain))
        .unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Semantics)) -> Collation {
        let mut semantics = Semantics::default();
        change(&mut semantics);
        Collation::new(&semantics, false)
    }

    #[test]
    fn turkish_service_matches_dotted_capital_only() {
        let turkish = with(|semantics| semantics.turkish_locale = true);
        assert!(turkish.equals_folded("SERVİCE", &turkish.fold("Service")));
        assert!(!turkish.equals_folded("SERVICE", &turkish.fold("Service")));
        let english = with(|_| ());
        assert!(english.equals_folded("SERVICE", &english.fold("Service")));
        assert!(!english.equals_folded("SERVİCE", &english.fold("Service")));
    }

    #[test]
    fn accents_and_blanks_fold_only_when_switched_on() {
        let plain = with(|_| ());
        assert_ne!(plain.fold("Résumé "), plain.fold("Resume"));
        let loose = with(|semantics| {
            semantics.accents_fold = true;
            semantics.trailing_blanks_ignored = true;
        });
        assert_eq!(loose.fold("Résumé "), loose.fold("Resume"));
    }

    #[test]
    fn like_backtracks() {
        let subject: Vec<char> = "MISSISSIPPI".chars().collect();
        let pattern = |text: &str| -> Vec<Wild> {
            text.chars()
                .map(|c| match c {
                    '%' => Wild::Any,
                    '_' => Wild::One,
                    c => Wild::Is(c),
                })
                .collect()
        };
        assert!(like(&subject, &pattern("M%ISS%PI")));
        assert!(like(&subject, &pattern("%S_P%")));
        assert!(!like(&subject, &pattern("M%ISS")));
        assert!(like(&[], &pattern("%")));
        assert!(!like(&[], &pattern("_")));
    }
}
