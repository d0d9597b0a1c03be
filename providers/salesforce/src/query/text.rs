//! Comparisons of text, and of sets of picklist values.
//!
//! Owns: what each operator becomes. Does not own: patterns; see [`pattern`].
//! Invariant: text is compared there in the user's locale and without regard to case, so equality may keep more, never less.

use std::borrow::Cow;

use causeway_core::{Atom, Condition, Constant, Literal, Op, RemoteOp, Verdict};

use super::condition::INCLUDES;
use super::literal::LITERAL_CHARS;
use super::pattern::{self, Pattern};
use super::verdict::{CASE, COLLATION, NO_ORDER, SETS, among, compared, never, present, weaken};

/// The constants of a comparison of text.
fn texts(values: &[Literal]) -> Option<Vec<&str>> {
    fn text(literal: &Literal) -> Option<&str> {
        match literal {
            Literal::Text(text) => Some(text),
            _ => None,
        }
    }
    values.iter().map(text).collect()
}

/// Text is compared in the user's locale and without regard to case: equality keeps more than SQL, everything else may keep less.
pub(crate) fn text(field: &str, takes_like: bool, op: Op, values: &[Literal]) -> Verdict {
    let Some(texts) = texts(values) else {
        return never("compared as another type");
    };
    match op {
        Op::Eq | Op::In => text_in(field, takes_like, &texts),
        // Empty text is stored as null, so whatever is not null differs from it.
        Op::NotEq | Op::NotIn if texts.iter().all(|text| text.is_empty()) => Verdict::Exact(present(field)),
        Op::NotEq | Op::NotIn | Op::NotLike | Op::NotILike => never(CASE),
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => never(COLLATION),
        Op::Like | Op::ILike => text_like(field, takes_like, op, texts.first().copied().unwrap_or_default()),
        Op::IsNull | Op::IsNotNull => never(NO_ORDER),
    }
}

fn text_in(field: &str, takes_like: bool, texts: &[&str]) -> Verdict {
    let mut listed: Vec<Constant> = Vec::with_capacity(texts.len());
    let mut parts: Vec<Condition> = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        if text.chars().count() <= LITERAL_CHARS && pattern::is_plain(text) {
            listed.push(Constant::text(*text));
            continue;
        }
        match pattern::around(text) {
            Pattern::Like(pattern) if takes_like => {
                parts.push(compared(field, RemoteOp::Like, Constant::Text(pattern)));
            }
            Pattern::Unsayable(reason) => return never(reason),
            _ => return never("the text holds a control character"),
        }
    }
    if let Some(listed) = among(field, listed) {
        parts.insert(0, listed);
    }
    match (parts.pop(), parts.is_empty()) {
        (None, _) => Verdict::Exact(Condition::Never),
        (Some(only), true) => Verdict::Superset(only, Cow::Borrowed(CASE)),
        (Some(last), false) => {
            parts.push(last);
            Verdict::Superset(Condition::Any(parts), Cow::Borrowed(CASE))
        }
    }
}

fn text_like(field: &str, takes_like: bool, op: Op, sql: &str) -> Verdict {
    match pattern::pattern(sql, op == Op::ILike) {
        Pattern::Empty => Verdict::Exact(Condition::Never),
        Pattern::Everything { exact: true } => Verdict::Exact(present(field)),
        Pattern::Everything { exact: false } => {
            weaken(Verdict::Exact(present(field)), "the pattern is checked here")
        }
        Pattern::Texts(texts) => {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            text_in(field, takes_like, &texts)
        }
        Pattern::Like(pattern) if takes_like => Verdict::Superset(
            compared(field, RemoteOp::Like, Constant::Text(pattern)),
            Cow::Borrowed(CASE),
        ),
        Pattern::Like(_) => never("salesforce takes LIKE on string fields only"),
        Pattern::Unsayable(reason) => never(reason),
    }
}

/// A multi-select picklist equals a text only if it holds every value in it. Whether the order of values matters in `=` is not documented,
/// so that is not asked; INCLUDES disregards it.
pub(crate) fn set(field: &str, op: Op, values: &[Literal]) -> Verdict {
    let Some(texts) = texts(values) else {
        return never("compared as another type");
    };
    match op {
        Op::Eq | Op::In => {}
        Op::NotEq | Op::NotIn if texts.iter().all(|text| text.is_empty()) => {
            return Verdict::Exact(present(field));
        }
        _ => return never(SETS),
    }
    let mut sets: Vec<Constant> = Vec::with_capacity(texts.len());
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let members: Vec<&str> = text
            .split(';')
            .filter(|member| !member.trim().is_empty())
            .collect();
        if members.is_empty() || text.chars().count() > LITERAL_CHARS || !pattern::is_plain(text) {
            return never("the text is no set of picklist values");
        }
        sets.push(Constant::Text(members.join(";")));
    }
    if sets.is_empty() {
        return Verdict::Exact(Condition::Never);
    }
    Verdict::Superset(
        Atom::list(field, RemoteOp::Other(INCLUDES.into()), sets).into(),
        Cow::Borrowed(SETS),
    )
}
