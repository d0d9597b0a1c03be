//! Which of a function's ways to be called is meant, by the types of the arguments (PostgreSQL, "Function Type Resolution").
//!
//! Owns: the choice. Does not own: the candidates; see `overload` and `typing::signatures`. Invariant: what PostgreSQL finds ambiguous is
//! ambiguous here. Start at [`meant`].

use super::overload::Overload;
use crate::types::{Category, Kind};

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
    pub(crate) fn at(&self, place: usize) -> Option<Kind> {
        self.takes.get(place).copied().or(self.rest)
    }

    /// Whether it is that way of calling the function.
    pub(crate) fn is_of(&self, listed: &Overload) -> bool {
        self.takes == listed.takes && self.rest == listed.rest
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

/// The candidates that a call with arguments of these types means: one, none, or several that fit equally well.
pub(crate) fn meant<'a>(candidates: &[Candidate<'a>], given: &[Kind]) -> Vec<Candidate<'a>> {
    let mut left: Vec<Candidate> = candidates.to_vec();
    left.retain(|candidate| candidate.fits(given));
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
        by_categories(&mut left, given);
    }
    if left.len() > 1 {
        by_known_type(&mut left, given);
    }
    left
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
