//! Predicates that were declined although they would have been exact.
//!
//! Does not own: the verdicts. What is listed here is lost speed, never a wrong answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What became of one declined predicate in the runs so far.
#[derive(Debug, Clone, Copy)]
struct Tried {
    /// Whether the system kept precisely SQL's rows under every reading.
    exact: bool,
    /// Whether SQL keeps some rows but not all.
    telling: bool,
}

/// Declined predicates, tried in their plainest form under one reading of the remote system after the other.
#[derive(Debug, Default)]
pub struct Lost {
    groups: BTreeMap<String, BTreeMap<String, Tried>>,
}

impl Lost {
    /// Telling predicates that a group needs before it is more than luck.
    const ENOUGH: usize = 3;

    /// Whether the predicate may still turn out to be exact under every reading.
    pub(super) fn is_open(&self, group: &str, predicate: &str) -> bool {
        self.groups
            .get(group)
            .and_then(|group| group.get(predicate))
            .is_none_or(|tried| tried.exact)
    }

    pub(super) fn note(&mut self, group: &str, predicate: &str, exact: bool, telling: bool) {
        let group = self.groups.entry(group.to_owned()).or_default();
        let tried = group
            .entry(predicate.to_owned())
            .or_insert(Tried { exact, telling });
        tried.exact &= exact;
        tried.telling |= telling;
    }

    /// Operators and reasons for which every declined predicate would have been exact, and enough of them tell rows apart.
    #[must_use]
    pub fn opportunities(&self) -> BTreeSet<String> {
        let lost = |group: &BTreeMap<String, Tried>| {
            group.values().all(|tried| tried.exact)
                && group.values().filter(|tried| tried.telling).count() >= Self::ENOUGH
        };
        self.groups
            .iter()
            .filter(|(_, predicates)| lost(predicates))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// One line per operator and reason.
impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, predicates) in &self.groups {
            let exact = predicates.values().filter(|tried| tried.exact).count();
            let example = predicates
                .iter()
                .find(|(_, tried)| tried.exact && tried.telling)
                .map_or(String::new(), |(predicate, _)| format!(", such as {predicate}"));
            writeln!(
                formatter,
                "{name}: {exact} of {} declined predicates would have been exact{example}",
                predicates.len()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_lost_only_if_no_reading_disproves_it() {
        let mut lost = Lost::default();
        for letter in ["a", "b", "c"] {
            lost.note("id LIKE", &format!("id LIKE '{letter}'"), true, true);
            lost.note("text <", &format!("text < '{letter}'"), letter != "b", true);
            lost.note("int LIKE", &format!("int LIKE '{letter}'"), true, false);
        }
        lost.note("date =", "date = today", true, true);
        assert_eq!(lost.opportunities(), BTreeSet::from(["id LIKE".to_owned()]));
        assert!(lost.is_open("id LIKE", "id LIKE 'a'") && !lost.is_open("text <", "text < 'b'"));
        lost.note("id LIKE", "id LIKE 'a'", false, true);
        assert!(lost.opportunities().is_empty());
    }
}
