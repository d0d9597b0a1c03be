//! Where our rules stand among DataFusion's, by name.
//!
//! Owns: insertion and removal by name. Does not own: the lists; see [`super`]. Invariant: a name that DataFusion's list lacks, or has
//! twice, is an error: a rule in the wrong place gives wrong answers, and gives them silently.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::optimizer::{AnalyzerRule, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;

/// Where a rule is put.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Before(&'static str),
    After(&'static str),
}

/// A rule of any phase.
pub(super) trait Named {
    fn rule_name(&self) -> &str;
}

impl Named for Arc<dyn AnalyzerRule + Send + Sync> {
    fn rule_name(&self) -> &str {
        self.name()
    }
}

impl Named for Arc<dyn OptimizerRule + Send + Sync> {
    fn rule_name(&self) -> &str {
        self.name()
    }
}

impl Named for Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    fn rule_name(&self) -> &str {
        self.name()
    }
}

/// The rules without those that are left out, and with ours, each with the reason for its place.
pub(super) fn ordered<R: Named>(
    mut rules: Vec<R>,
    left_out: &[(&'static str, &'static str)],
    ours: Vec<(R, Place, &'static str)>,
) -> Result<Vec<R>> {
    for (name, why) in left_out {
        let at = position(&rules, name)
            .map_err(|fault| misplaced(&format!("'{name}' is left out"), why, &fault))?;
        rules.remove(at);
    }
    for (rule, place, why) in ours {
        let found = match place {
            Place::Before(name) => position(&rules, name),
            Place::After(name) => position(&rules, name).map(|at| at + 1),
        };
        let at = found
            .map_err(|fault| misplaced(&format!("'{}' has its place", rule.rule_name()), why, &fault))?;
        rules.insert(at, rule);
    }
    Ok(rules)
}

/// Fails unless the rule of that name is the last.
pub(super) fn last<R: Named>(rules: Vec<R>, name: &str, why: &str) -> Result<Vec<R>> {
    match rules.last() {
        Some(last) if last.rule_name() == name => Ok(rules),
        last => {
            let fault = format!("the last is '{}'", last.map_or("", Named::rule_name));
            Err(misplaced(&format!("'{name}' is the last"), why, &fault))
        }
    }
}

fn position<R: Named>(rules: &[R], name: &str) -> Result<usize, String> {
    let mut places = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.rule_name() == name);
    match (places.next(), places.next()) {
        (Some((at, _)), None) => Ok(at),
        (None, _) => Err(format!("there is no rule '{name}'")),
        (Some(_), Some(_)) => Err(format!("there is more than one rule '{name}'")),
    }
}

fn misplaced(wanted: &str, why: &str, fault: &str) -> DataFusionError {
    DataFusionError::Internal(format!(
        "{wanted} among the optimiser's rules ({why}), but {fault}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rule(&'static str);

    impl Named for Rule {
        fn rule_name(&self) -> &str {
            self.0
        }
    }

    fn names(rules: Result<Vec<Rule>>) -> Result<Vec<&'static str>, String> {
        let rules = rules.map_err(|error| error.strip_backtrace())?;
        Ok(rules.into_iter().map(|rule| rule.0).collect())
    }

    fn list() -> Vec<Rule> {
        vec![Rule("a"), Rule("b"), Rule("twice"), Rule("twice"), Rule("z")]
    }

    #[test]
    fn rules_stand_where_they_are_put_and_one_may_follow_another_of_ours() {
        let ours = vec![
            (Rule("one"), Place::After("b"), "it needs b"),
            (Rule("two"), Place::After("one"), "it needs one"),
            (Rule("three"), Place::Before("z"), "z looks at all"),
        ];
        let ordered = names(ordered(list(), &[("a", "it is wrong")], ours));
        assert_eq!(
            ordered.expect("an order"),
            ["b", "one", "two", "twice", "twice", "three", "z"]
        );
    }

    #[test]
    fn a_place_that_is_not_there_is_an_error_that_says_why_it_matters() {
        let ours = |place| vec![(Rule("ours"), place, "joins have no filters yet")];
        let error = names(ordered(list(), &[], ours(Place::Before("gone")))).expect_err("no such rule");
        assert_eq!(
            error.lines().next(),
            Some(
                "Internal error: 'ours' has its place among the optimiser's rules (joins have no filters yet), but there is no rule 'gone'."
            )
        );
        let error = names(ordered(list(), &[], ours(Place::After("twice")))).expect_err("two of them");
        assert!(error.contains("there is more than one rule 'twice'"), "{error}");
    }

    #[test]
    fn a_rule_that_is_to_be_left_out_must_be_there() {
        let error = names(ordered(list(), &[("gone", "it is wrong")], Vec::new())).expect_err("no such rule");
        assert!(
            error.contains(
                "'gone' is left out among the optimiser's rules (it is wrong), but there is no rule 'gone'"
            ),
            "{error}"
        );
    }

    #[test]
    fn the_last_rule_is_named() {
        assert!(last(list(), "z", "it judges").is_ok());
        let error = names(last(list(), "a", "it judges")).expect_err("not the last");
        assert!(
            error.contains("'a' is the last among the optimiser's rules (it judges), but the last is 'z'"),
            "{error}"
        );
    }
}
