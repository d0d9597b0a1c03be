//! Verdicts and the reasons that several of them share.
//!
//! Owns: how a verdict is made and weakened. Does not own: when; see [`dialect`](super::dialect).
//! Invariant: weakening never makes a condition exact, and never sends what was not sent.

use std::borrow::Cow;

use causeway_core::{Condition, Verdict};

pub(crate) const CASE: &str = "text is case-insensitive there";
pub(crate) const COLLATION: &str = "collation";
pub(crate) const SETS: &str = "multi-select picklists compare as sets there";
pub(crate) const NO_ORDER: &str = "salesforce has no such operator for this type";

pub(crate) fn never(reason: &'static str) -> Verdict {
    Verdict::Never(Cow::Borrowed(reason))
}

/// Takes exactness away, except from what needs no question.
pub(crate) fn weaken(verdict: Verdict, reason: &'static str) -> Verdict {
    match verdict {
        Verdict::Exact(condition) if condition != Condition::Never => {
            Verdict::Superset(condition, Cow::Borrowed(reason))
        }
        other => other,
    }
}
