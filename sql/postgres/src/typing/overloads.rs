//! Which of a function's ways to be called a call means (PostgreSQL, "Function Type Resolution").
//!
//! Owns: the choice among candidates by the types of the arguments. Does not own: the candidates; see `signatures` and
//! `functions::overload`. Invariant: what PostgreSQL finds ambiguous is ambiguous here. Start at [`chosen`].

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::Expr;

use crate::error::{Error, sqlstate};
use crate::functions::overload::Overload;
use crate::syntax::quantified::literal_texts;
use crate::types::{Category, Kind, Typed, fault};

/// The types that a candidate takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    takes: &'a [Kind],
    rest: Option<Kind>,
}

impl From<&&'static Overload> for Candidate<'static> {
    fn from(listed: &&'static Overload) -> Self {
        Self {
            takes: listed.takes,
            rest: listed.rest,
        }
    }
}

impl<'a> From<&&'a [Kind]> for Candidate<'a> {
    fn from(takes: &&'a [Kind]) -> Self {
        Self { takes, rest: None }
    }
}

impl Candidate<'_> {
    fn at(&self, place: usize) -> Option<Kind> {
        self.takes.get(place).copied().or(self.rest)
    }

    fn fits(&self, given: &[Kind]) -> bool {
        let castable = |(place, given): (usize, &Kind)| {
            self.at(place)
                .is_some_and(|wanted| given.casts_implicitly_to(wanted))
        };
        given.len() >= self.takes.len() && given.iter().enumerate().all(castable)
    }

    /// Whether it takes the type that the category of `given` prefers.
    fn prefers(&self, (place, given): (usize, &Kind)) -> bool {
        let wanted = self.at(place);
        wanted.is_some_and(|wanted| {
            wanted == *given || (wanted.is_preferred() && wanted.category() == given.category())
        })
    }
}

/// The arguments in the types of the candidate that the call means.
///
/// # Errors
/// 42883 when no candidate fits, 42725 when several fit equally well.
pub(crate) fn chosen(
    name: &str,
    candidates: &[Candidate],
    args: Vec<Typed>,
) -> Result<(Vec<Kind>, Vec<Expr>)> {
    let given: Vec<Kind> = args.iter().map(Typed::kind).collect();
    let mut left: Vec<Candidate> = candidates.to_vec();
    left.retain(|candidate| candidate.fits(&given));
    if left.is_empty() {
        return Err(undefined(name, &args));
    }
    let exact = |candidate: &Candidate| {
        let places = given.iter().enumerate();
        places
            .filter(|(place, given)| candidate.at(*place) == Some(**given))
            .count()
    };
    let preferred = |candidate: &Candidate| {
        let known = given
            .iter()
            .enumerate()
            .filter(|(_, given)| **given != Kind::Unknown);
        known.filter(|place| candidate.prefers(*place)).count()
    };
    keep_most(&mut left, exact);
    keep_most(&mut left, preferred);
    if left.len() > 1 {
        by_categories(&mut left, &given);
    }
    if left.len() > 1 {
        by_known_type(&mut left, &given);
    }
    let [candidate] = left.as_slice() else {
        let names = names(&args);
        return Err(fault("42725", format!("function {name}({names}) is not unique")));
    };
    let wanted: Vec<Kind> = (0..args.len()).filter_map(|place| candidate.at(place)).collect();
    let args = args.into_iter().zip(&wanted).map(|(arg, wanted)| match wanted {
        Kind::Any => Ok(arg.expr),
        Kind::Other if arg.kind() == Kind::Unknown => array_of_texts(arg.expr),
        Kind::Other => Ok(arg.expr),
        wanted if arg.kind() == *wanted && *wanted != Kind::Text => Ok(arg.expr),
        wanted => arg.to(&wanted.arrow()),
    });
    let args = args.collect::<Result<Vec<_>>>()?;
    Ok((wanted, args))
}

/// A quoted literal where an array is expected: its items are texts.
fn array_of_texts(literal: Expr) -> Result<Expr> {
    let text = literal
        .as_literal()
        .and_then(|value| value.try_as_str().flatten());
    let Some(text) = text else {
        let item = Field::new_list_field(DataType::Utf8, true);
        return Ok(Expr::Literal(
            ScalarValue::try_from(&DataType::List(Arc::new(item)))?,
            None,
        ));
    };
    let items = literal_texts(text)?.into_iter();
    let items: Vec<ScalarValue> = items.map(ScalarValue::Utf8).collect();
    let list = ScalarValue::new_list(&items, &DataType::Utf8, true);
    Ok(Expr::Literal(ScalarValue::List(list), None))
}

/// Keeps the candidates that have most of something.
fn keep_most(candidates: &mut Vec<Candidate>, count: impl Fn(&Candidate) -> usize) {
    let most = candidates.iter().map(&count).max().unwrap_or_default();
    candidates.retain(|candidate| count(candidate) == most);
}

/// Where a literal has no type yet, text wins, then the category that all candidates share, and in it the preferred type.
fn by_categories(candidates: &mut Vec<Candidate>, given: &[Kind]) {
    let unknown = given
        .iter()
        .enumerate()
        .filter(|(_, given)| **given == Kind::Unknown);
    let mut narrowed = candidates.clone();
    for (place, _) in unknown {
        let categories: Vec<Category> = candidates
            .iter()
            .filter_map(|candidate| candidate.at(place).map(Kind::category))
            .collect();
        let category = match categories.as_slice() {
            all if all.contains(&Category::Text) => Category::Text,
            [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
            _ => return,
        };
        narrowed.retain(|candidate| candidate.at(place).map(Kind::category) == Some(category));
        let is_preferred = |candidate: &Candidate| candidate.at(place).is_some_and(Kind::is_preferred);
        if narrowed.iter().any(is_preferred) {
            narrowed.retain(is_preferred);
        }
    }
    if !narrowed.is_empty() {
        *candidates = narrowed;
    }
}

/// Literals without a type are taken for what all other arguments are.
fn by_known_type(candidates: &mut Vec<Candidate>, given: &[Kind]) {
    let mut known = given.iter().filter(|given| **given != Kind::Unknown);
    let Some(first) = known.next() else {
        return;
    };
    if !given.contains(&Kind::Unknown) || known.any(|other| other != first) {
        return;
    }
    let as_known = vec![*first; given.len()];
    let fitting: Vec<Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.fits(&as_known))
        .copied()
        .collect();
    if fitting.len() == 1 {
        *candidates = fitting;
    }
}

fn names(args: &[Typed]) -> String {
    let names: Vec<String> = args.iter().map(Typed::type_name).collect();
    names.join(", ")
}

/// 42883 for a call that fits no candidate.
fn undefined(name: &str, args: &[Typed]) -> DataFusionError {
    let message = format!("function {name}({}) does not exist", names(args));
    DataFusionError::from(Error::new(sqlstate::UNDEFINED_FUNCTION, message).with_hint(
        "No function matches the given name and argument types. You might need to add explicit type casts.",
    ))
}
