//! Conditions, verdicts, and the reasons that several of them share.
//!
//! Owns: how a verdict is made and weakened. Does not own: when; see [`dialect`](super::dialect).
//! Invariant: weakening never makes a condition exact, and never sends what was not sent.

use std::borrow::Cow;

use causeway_core::{Atom, Condition, Constant, RemoteOp, Verdict};

pub(crate) const CASE: &str = "text is case-insensitive there";
pub(crate) const COLLATION: &str = "collation";
pub(crate) const SETS: &str = "multi-select picklists compare as sets there";
pub(crate) const NO_ORDER: &str = "salesforce has no such operator for this type";

/// The field compared with one constant.
pub(crate) fn compared(field: &str, operator: RemoteOp, constant: Constant) -> Condition {
    Atom::with(field, operator, constant).into()
}

/// The field is among the constants; `None` when there are none.
pub(crate) fn among(field: &str, mut constants: Vec<Constant>) -> Option<Condition> {
    let last = constants.pop()?;
    if constants.is_empty() {
        return Some(compared(field, RemoteOp::Eq, last));
    }
    constants.push(last);
    Some(Atom::list(field, RemoteOp::In, constants).into())
}

/// The field has a value.
pub(crate) fn present(field: &str) -> Condition {
    Atom::test(field, RemoteOp::IsNotNull).into()
}

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
