//! Conditions and verdicts as `semantics` and its neighbours make them.
//!
//! Owns: the shapes that they share. Does not own: which one is right; see `semantics`.

use std::borrow::Cow;

use causeway_core::{Atom, Condition, Constant, RemoteOp, Verdict};

pub(crate) const LOOSE_TEXT: &str = "text ignores case and accents there";
pub(crate) const LOOSE_BLANKS: &str = "a text of blanks may count as empty there";

pub(crate) fn never(reason: &'static str) -> Verdict {
    Verdict::Never(Cow::Borrowed(reason))
}

pub(crate) fn superset(condition: Condition, reason: &'static str) -> Verdict {
    Verdict::Superset(condition, Cow::Borrowed(reason))
}

/// The field compared with a number, a moment or a keyword.
pub(crate) fn compared(field: &str, operator: RemoteOp, constant: impl ToString) -> Condition {
    Atom::with(field, operator, Constant::plain(constant)).into()
}

/// The field compared with a text.
pub(crate) fn compared_text(field: &str, operator: RemoteOp, text: &str) -> Condition {
    Atom::with(field, operator, Constant::text(text)).into()
}

/// The field is among the constants; `None` when there are none.
pub(crate) fn among(field: &str, constants: impl IntoIterator<Item = Constant>) -> Option<Condition> {
    let mut constants: Vec<Constant> = constants.into_iter().collect();
    let last = constants.pop()?;
    if constants.is_empty() {
        return Some(Atom::with(field, RemoteOp::Eq, last).into());
    }
    constants.push(last);
    Some(Atom::list(field, RemoteOp::In, constants).into())
}

/// The field has no value.
pub(crate) fn empty(field: &str) -> Condition {
    Atom::test(field, RemoteOp::IsNull).into()
}

/// The field has a value.
pub(crate) fn present(field: &str) -> Condition {
    Atom::test(field, RemoteOp::IsNotNull).into()
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
