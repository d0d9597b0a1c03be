//! How the instance's database compares text: usually without case, accents and trailing blanks.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::switches::Semantics;

/// Turns texts that the database holds for equal into the same text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Collation {
    case_folds: bool,
    accents_fold: bool,
    trailing_blanks_ignored: bool,
}

impl Collation {
    pub(super) fn new(semantics: &Semantics) -> Self {
        Self {
            case_folds: semantics.case_folds,
            accents_fold: semantics.accents_fold,
            trailing_blanks_ignored: semantics.trailing_blanks_ignored,
        }
    }

    /// The same, but case and accents count.
    pub(super) fn exact(self) -> Self {
        Self {
            case_folds: false,
            accents_fold: false,
            ..self
        }
    }

    /// The key of `=`, `<` and ORDERBY.
    pub(super) fn key(self, text: &str) -> String {
        self.pattern(if self.trailing_blanks_ignored {
            text.trim_end_matches(' ')
        } else {
            text
        })
    }

    /// The key of LIKE and its kin, for which every blank counts.
    pub(super) fn pattern(self, text: &str) -> String {
        if text.is_ascii() {
            return if self.case_folds {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            };
        }
        // Lower case comes first: that of 'İ' is an 'i' and a combining dot.
        let lower = if self.case_folds {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        if self.accents_fold {
            lower
                .nfd()
                .filter(|letter| !is_combining_mark(*letter))
                .collect::<String>()
                .replace('ß', "ss")
        } else {
            lower.nfc().collect()
        }
    }
}
