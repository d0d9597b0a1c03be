//! Conditions and verdicts in the form that every operator's meaning is given in.
//!
//! Owns: how a verdict is made and weakened. Does not own: when; see `semantics`.
//! Invariant: weakening never makes a condition exact.

use std::borrow::Cow;

use causeway_core::{Condition, Verdict};

pub(crate) const LOOSE_TEXT: &str = "text ignores case and accents there";
pub(crate) const LOOSE_BLANKS: &str = "a text of blanks may count as empty there";

pub(crate) fn never(reason: &'static str) -> Verdict {
    Verdict::Never(Cow::Borrowed(reason))
}

pub(crate) fn superset(condition: Condition, reason: &'static str) -> Verdict {
    Verdict::Superset(condition, Cow::Borrowed(reason))
}

pub(crate) fn atom(text: impl Into<String>) -> Condition {
    Condition::Atom(text.into())
}

/// A condition of several parts; a single part stands alone, none at all hold for no row.
pub(crate) fn one_of(mut parts: Vec<Condition>) -> Condition {
    match (parts.pop(), parts.is_empty()) {
        (None, _) => Condition::Never,
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            Condition::Any(parts)
        }
    }
}

pub(crate) fn present(field: &str) -> Verdict {
    Verdict::Exact(atom(format!("{field}ISNOTEMPTY")))
}

/// The same condition where it is known to return more.
pub(crate) fn loosened(verdict: Verdict, reason: &'static str) -> Verdict {
    match verdict {
        Verdict::Exact(condition) => superset(condition, reason),
        other => other,
    }
}
