//! Our optimiser rules, and where they stand among DataFusion's.
//!
//! Owns: one list per phase, with the reason for each place. Logical rules turn operators over a remote table into a scan that asks the
//! remote system for the result; physical rules prepare the scans for joins, sorts and limits. Does not own: costs; see `cost`.
//! Invariant: a rule changes a plan only when the remote system computes exactly the same. Start at [`install`].

pub(crate) mod logical;
mod order;
pub(crate) mod physical;
mod rule;

#[cfg(test)]
mod before_after;
#[cfg(test)]
mod fake_source;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::{AnalyzerRule, ApplyOrder, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;

use self::logical::drop_unused_join::drop_unused_join;
use self::logical::normalize_keys::normalize_keys;
use self::logical::push_aggregate::push_aggregate;
use self::logical::push_join::push_join;
use self::order::Place::{After, Before};
use self::order::{Named, last, ordered};
use self::physical::ensure_cooperative::ensure_cooperative;
use self::physical::push_dynamic_filters::push_dynamic_filters;
use self::physical::push_top_k::push_top_k;
use self::physical::share_scans::share_scans;
use self::physical::swap_outer_join::swap_outer_join;
use self::physical::try_first_rows::try_first_rows;

/// Adds our rules to those of the builder, which are DataFusion's unless it was given others. A builder that has them stays as it is.
///
/// Errors: when the lists lack a rule that one of ours stands beside.
pub(crate) fn install(mut builder: SessionStateBuilder) -> Result<SessionStateBuilder> {
    let given = builder.physical_optimizers().as_ref();
    if given.is_some_and(|given| has(&given.rules, "push_dynamic_filters")) {
        return Ok(builder);
    }
    let mut analyzer = builder.analyzer().take().unwrap_or_default();
    analyzer.rules = analyzer_rules(analyzer.rules)?;
    *builder.analyzer() = Some(analyzer);
    let mut optimizer = builder.optimizer().take().unwrap_or_default();
    optimizer.rules = logical_rules(optimizer.rules)?;
    *builder.optimizer() = Some(optimizer);
    let mut physical = builder.physical_optimizers().take().unwrap_or_default();
    physical.rules = physical_rules(physical.rules)?;
    *builder.physical_optimizers() = Some(physical);
    Ok(builder)
}

/// Whether a state has our rules of each phase.
pub(crate) fn is_installed(state: &SessionState) -> bool {
    has(&state.analyzer().rules, "normalize_keys")
        && has(state.optimizers(), "push_join")
        && has(state.physical_optimizers(), "push_dynamic_filters")
}

fn has<R: Named>(rules: &[R], name: &str) -> bool {
    rules.iter().any(|rule| rule.rule_name() == name)
}

type AnalyzerRules = Vec<Arc<dyn AnalyzerRule + Send + Sync>>;
type LogicalRules = Vec<Arc<dyn OptimizerRule + Send + Sync>>;
type PhysicalRules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

fn analyzer_rules(rules: AnalyzerRules) -> Result<AnalyzerRules> {
    let rule = |name, rewrite| Arc::new(rule::Analysis { name, rewrite }) as _;
    ordered(
        rules,
        &[],
        vec![(
            rule("normalize_keys", normalize_keys),
            After("type_coercion"),
            "constants have the type of the column that they are compared with",
        )],
    )
}

fn logical_rules(rules: LogicalRules) -> Result<LogicalRules> {
    let rule = |name, order, rewrite| Arc::new(rule::Logical { name, order, rewrite }) as _;
    ordered(
        rules,
        &[],
        vec![
            (
                rule("push_aggregate", ApplyOrder::BottomUp, push_aggregate),
                Before("single_distinct_aggregation_to_group_by"),
                "filters have reached the scans, and COUNT(DISTINCT) has not been taken apart into two groupings",
            ),
            (
                rule("drop_unused_join", ApplyOrder::TopDown, drop_unused_join),
                After("optimize_projections"),
                "only then is it known which columns of the other side are wanted",
            ),
            (
                rule("push_join", ApplyOrder::BottomUp, push_join),
                After("drop_unused_join"),
                "only then is it known which columns of a parent are wanted, and a join that nobody reads is not asked for",
            ),
        ],
    )
}

fn physical_rules(rules: PhysicalRules) -> Result<PhysicalRules> {
    let rule = |name, rewrite| Arc::new(rule::Physical { name, rewrite }) as _;
    let rules = ordered(
        rules,
        &[(
            "FilterPushdown",
            "filters reached the scans as a logical plan, and behind a join of sides with equal column names it moves a filter to the \
             wrong side (docs/upstream.md, filters-by-name); the later pass, FilterPushdown(Post), makes joins collect their keys and stays",
        )],
        vec![
            (
                rule("swap_outer_join", swap_outer_join),
                After("join_selection"),
                "it takes back what was decided there by size alone, and sorts and partitions are laid out for the sides of a join later",
            ),
            (
                rule("try_first_rows", try_first_rows),
                Before("EnsureCooperative"),
                "limits have reached the joins, and joins have no key filters yet: the attempt and the whole need filters of their own",
            ),
            (
                rule("push_top_k", push_top_k),
                After("FilterPushdown(Post)"),
                "no rule moves a sort, a limit or a projection any more",
            ),
            (
                rule("push_dynamic_filters", push_dynamic_filters),
                After("push_top_k"),
                "FilterPushdown(Post) has made the filters of the joins, and a join that is rebuilt later would lose its filter",
            ),
            (
                rule("share_scans", share_scans),
                After("push_dynamic_filters"),
                "whether a scan reads all rows is known once it has its top-k and its filters",
            ),
            (
                rule("ensure_cooperative", ensure_cooperative),
                After("share_scans"),
                "the rules before look for joins and scans, not for what stands above them",
            ),
        ],
    )?;
    last(
        rules,
        "SanityCheckPlan",
        "it judges the plan that will be run, our changes included",
    )
}

#[cfg(test)]
mod tests {
    use datafusion::optimizer::{Analyzer, Optimizer};
    use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

    use super::*;

    fn names<R: Named>(rules: &[R]) -> Vec<&str> {
        rules.iter().map(Named::rule_name).collect()
    }

    #[test]
    fn analyzer_rules_stand_in_this_order() {
        let rules = analyzer_rules(Analyzer::new().rules).expect("a list");
        assert_eq!(
            names(&rules),
            ["resolve_grouping_function", "type_coercion", "normalize_keys"]
        );
    }

    #[test]
    fn logical_rules_stand_in_this_order() {
        let rules = logical_rules(Optimizer::new().rules).expect("a list");
        let names = names(&rules);
        let at = |name: &str| names.iter().position(|known| *known == name).expect(name);
        assert!(at("push_down_filter") < at("push_aggregate"));
        assert_eq!(
            at("push_aggregate") + 1,
            at("single_distinct_aggregation_to_group_by")
        );
        assert_eq!(
            names[at("optimize_projections")..],
            ["optimize_projections", "drop_unused_join", "push_join"]
        );
    }

    #[test]
    fn physical_rules_stand_in_this_order_and_the_plan_that_runs_is_checked() {
        let rules = physical_rules(PhysicalOptimizer::new().rules).expect("a list");
        let names = names(&rules);
        let at = |name: &str| names.iter().position(|known| *known == name).expect(name);
        assert_eq!(at("join_selection") + 1, at("swap_outer_join"));
        assert!(at("LimitPushdown") < at("try_first_rows"));
        assert_eq!(
            names[at("try_first_rows")..],
            [
                "try_first_rows",
                "EnsureCooperative",
                "FilterPushdown(Post)",
                "push_top_k",
                "push_dynamic_filters",
                "share_scans",
                "ensure_cooperative",
                "SanityCheckPlan",
            ]
        );
        assert!(!names.contains(&"FilterPushdown"));
    }
}
